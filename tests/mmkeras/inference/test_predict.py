import numpy as np
import pytest
from tiny_table import KINDS, model_for, pipeline, write_table

import mmkeras as mm


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"), rows=13)


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows)


@pytest.fixture(scope="module")
def model(pipe):
    return model_for(pipe)


@pytest.fixture(scope="module")
def answers(model, pipe, rows):
    return joined(mm.predict(model, pipe, rows, batch_size=5))


def joined(batches):
    batches = list(batches)
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def test_a_row_for_every_row(answers):
    assert set(answers) == {"kind", "kind_probability", "price", "topics"}
    assert {len(answer) for answer in answers.values()} == {13}


def test_bad_cells_count_as_absent_whatever_the_policy(answers, pipe):
    assert pipe.problems.counts() == {"masked": {"photo": 1}, "dropped": 0}


def test_in_order_in_words_and_units(answers, model, pipe, rows):
    raw = model.predict_on_batch(next(iter(pipe.batches(rows, 13, with_targets=False))))
    np.testing.assert_array_equal(answers["kind"], np.array(KINDS)[raw["kind"].argmax(1)])
    np.testing.assert_allclose(answers["kind_probability"], raw["kind"].max(1), atol=1e-5)
    np.testing.assert_allclose(answers["price"], pipe.targets["price"].units(raw["price"])[:, 0], rtol=1e-4)
    wanted = ["|".join(np.array(["big", "red"])[row >= 0.5]) for row in raw["topics"]]
    np.testing.assert_array_equal(answers["topics"], wanted)
    assert len(set(answers["price"].tolist())) > 10


def test_targets_are_not_read(answers, model, pipe, rows):
    given = joined(mm.predict(model, pipe, rows.without("kind", "price", "topics"), batch_size=5))
    for name, answer in answers.items():
        np.testing.assert_array_equal(given[name], answer)
