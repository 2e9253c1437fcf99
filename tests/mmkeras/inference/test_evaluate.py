import json

import numpy as np
import pytest
from tiny_table import COLUMNS, INPUTS, model_for, pipeline, write_table

import mmkeras as mm


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows)


@pytest.fixture(scope="module")
def model(pipe):
    return model_for(pipe)


@pytest.fixture(scope="module")
def result(model, pipe, rows):
    return mm.evaluate(model, pipe, rows, batch_size=5)


def test_its_shape(result):
    assert json.loads(json.dumps(result)) == result
    assert result["rows"] == 12
    assert set(result["targets"]) == {"kind", "price", "topics"}
    assert set(result["targets"]["kind"]) == {"accuracy", "balanced_accuracy", "f1_macro", "log_loss"}
    assert set(result["targets"]["price"]) == {"mae", "rmse", "r2"}
    assert set(result["without"]) == set(result["only"]) == set(INPUTS)
    assert result["counts"] == {"masked": {"photo": 1}, "dropped": 0}


def test_scores_are_those_of_the_predictions(result, model, pipe, rows):
    answers = next(iter(mm.predict(model, pipe, rows)))
    labels = rows.values("kind")
    known = labels != ""
    assert result["targets"]["kind"]["accuracy"] == pytest.approx((answers["kind"] == labels)[known].mean())
    prices = np.array([float(cell or "nan") for cell in rows.values("price")])
    known = np.isfinite(prices)
    wanted = np.abs(answers["price"] - prices)[known].mean()
    assert result["targets"]["price"]["mae"] == pytest.approx(wanted, rel=1e-4)


def test_without_and_only_hide_inputs(result, model, pipe, rows):
    x, y, w = next(iter(pipe.batches(rows, 12)))
    for part, hidden in (("without", {"story"}), ("only", set(INPUTS) - {"story"})):
        shown = {name: value.numpy() * (name.removesuffix("_mask") not in hidden) for name, value in x.items()}
        told = model.predict_on_batch(shown)
        wanted = model.get_layer("kind").score(y["kind"].numpy(), w["kind"].numpy(), told["kind"])
        for name, value in wanted.items():
            assert result[part]["story"]["kind"][name] == pytest.approx(value, abs=1e-5)
    assert result["without"]["story"] != result["targets"] != result["only"]["story"]


def test_without_subsets(model, pipe, rows, result):
    plain = mm.evaluate(model, pipe, rows, subsets=False)
    assert set(plain) == {"rows", "targets", "counts"}
    for target, scores in plain["targets"].items():
        assert scores == pytest.approx(result["targets"][target], rel=1e-4)


def test_one_input_has_no_subsets(rows):
    pipe = pipeline(rows, inputs=("story",), targets=("kind",))
    assert set(mm.evaluate(model_for(pipe), pipe, rows)) == {"rows", "targets", "counts"}


def test_dropped_rows_are_counted(model, pipe, rows):
    result = mm.evaluate(model, pipe, rows, subsets=False, on_bad="drop")
    assert (result["rows"], result["counts"]) == (11, {"masked": {}, "dropped": 1})


def test_a_target_without_labels(model, pipe, tmp_path):
    rows = write_table(tmp_path).take(12)
    lines = (tmp_path / "tiny.csv").read_text().splitlines()
    place = COLUMNS.index("price")
    table = [line.split(",") for line in lines]
    for line in table[1:]:
        line[place] = ""
    (tmp_path / "tiny.csv").write_text("\n".join(",".join(line) for line in table))
    result = mm.evaluate(model, pipe, rows)
    assert result["targets"]["price"] == result["only"]["story"]["price"] == {"labels": 0}
    assert "accuracy" in result["targets"]["kind"]
