"""Models trained apart, answering as one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_table import model_for, pipeline, served, write_table

import mmkeras as mm
from data_pipelines import Pipeline, Text


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows, inputs=("photo", "story", "age"))


@pytest.fixture(scope="module")
def members(pipe):
    parts = ({}, {"fusion": "LateFusion"})
    return [model_for(pipe, seed, **options) for seed, options in enumerate(parts)]


@pytest.fixture(scope="module")
def model(members):
    return mm.ensemble(members)


@pytest.fixture(scope="module")
def batch(pipe, rows):
    return next(pipe.batches(rows, 12).as_numpy_iterator())[0]


def test_it_answers_with_the_mean(model, members, batch):
    answers, apart = model.predict_on_batch(batch), [member.predict_on_batch(batch) for member in members]
    assert set(answers) == {"kind", "price", "topics"}
    for target, answer in answers.items():
        np.testing.assert_allclose(answer, np.mean([each[target] for each in apart], axis=0), atol=1e-6)
    np.testing.assert_allclose(answers["kind"].sum(1), 1.0, atol=1e-6)


def test_what_is_masked_does_not_count(model, batch):
    junk = {}
    for name, value in batch.items():
        mask = batch.get(f"{name}_mask")
        if mask is not None:
            real = mask.reshape(mask.shape + (1,) * (value.ndim - mask.ndim))
            value = np.where(real, value, 7).astype(value.dtype)
        junk[name] = value
    due = model.predict_on_batch(batch)
    for target, answer in model.predict_on_batch(junk).items():
        np.testing.assert_allclose(answer, due[target], atol=1e-5)


def test_it_is_kept_in_a_file(model, batch, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for target, answer in loaded.predict_on_batch(batch).items():
        np.testing.assert_array_equal(answer, model.predict_on_batch(batch)[target])
    told = np.array([[0.2, 0.8, 0.0], [0.6, 0.3, 0.1]])
    assert loaded.get_layer("kind").score(np.array([1, 2]), np.ones(2), told)["accuracy"] == 0.5


def test_it_is_scored_and_trained_on(members, pipe, rows):
    keras.utils.set_random_seed(1)
    model = mm.ensemble([keras.models.clone_model(member) for member in members])
    mm.compile(model, pipe.spec, learning_rate=1e-3)  # ten times as fast, prices of a dozen rows overshoot
    batches = pipe.batches(rows, 6, training=True)
    losses = model.fit(batches, epochs=8, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < losses[0]
    assert mm.evaluate(model, pipe, rows)["targets"]["kind"]["accuracy"] >= 0.3


def test_it_is_exported(model, pipe, rows, tmp_path):
    mm.export(model, pipe, tmp_path / "served")
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    answers = serve(**{name: tf.constant(cells) for name, cells in served().items() if name in pipe.inputs})
    told = next(iter(mm.predict(model, pipe, rows, batch_size=12)))
    assert [each.decode() for each in answers["kind"].numpy()] == list(told["kind"])
    np.testing.assert_allclose(answers["price"].numpy(), told["price"], rtol=1e-4, atol=1e-4)


def test_models_must_agree(members, pipe, rows):
    with pytest.raises(ValueError, match="there must be a model"):
        mm.ensemble([])
    with pytest.raises(ValueError, match="must have the same outputs"):
        mm.ensemble([members[0], model_for(pipeline(rows, targets=("kind",), inputs=tuple(pipe.inputs)))])
    with pytest.raises(ValueError, match="must have the same inputs"):
        mm.ensemble([members[0], model_for(pipeline(rows, inputs=("story", "age")))])


def test_texts_have_no_mean(rows):
    pipe = Pipeline({"story": Text()}, {"kind": Text(max_tokens=4)}).adapt(rows)
    with pytest.raises(ValueError, match="has no mean"):
        mm.ensemble([mm.build(pipe.spec, dim=8), mm.build(pipe.spec, dim=8)])


def test_worth_of_inputs_is_explained_details_are_not(model, pipe, rows):
    found = mm.explain(model, pipe, rows, examples=0)
    assert set(found.summary()["inputs"]) == set(pipe.inputs)
    with pytest.raises(ValueError, match="examples=0"):
        mm.explain(model, pipe, rows)
