"""Random specs: what a model answers after a step, it answers read from its run, and exported, in words and numbers."""

import json
import tempfile

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from fuzzing import LONG, amount, is_sentence, tried
from hypothesis import strategies as st
from random_specs import DRAWN, specs

import mmkeras as mm
from mmkeras.training import run

TOLERANCE = 2e-4
EACH = 6  # specs for every fusion in `make fuzz`


def adapted(spec):
    """The pipeline of a spec, where its names may be; any that may not are refused with a sentence."""
    try:
        return spec.pipeline()
    except ValueError as error:
        assert is_sentence(error), error
        hypothesis.reject()


def trained(spec, pipe):
    model = mm.build(pipe.spec, fusion=spec.fusion, dim=8)
    mm.compile(model, pipe.spec)
    batches = pipe.batches(spec.table(), spec.batch_size, training=True)
    loss = model.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    return model


def joined(batches):
    """Answers of all batches: title → list, a row each."""
    answers = {}
    for batch in batches:
        for name, values in batch.items():
            answers.setdefault(name, []).extend(values)
    return answers


def served(spec, folder):
    """What the SavedModel gives, in the same batches."""
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    with open(f"{folder}/assets/columns.json", encoding="utf-8") as file:
        words = json.load(file)
    specs = serve.structured_input_signature[1]
    assert {*words} == {*specs} and {*words.values()} == {*spec.inputs}
    count = len(spec.frame)
    for start in range(0, count, spec.batch_size):
        cells = {word: spec.cells[column][start : start + spec.batch_size] for word, column in words.items()}
        given = {word: tf.constant(as_served(part, specs[word].dtype)) for word, part in cells.items()}
        yield {name: value.numpy() for name, value in serve(**given).items()}


def as_served(cells, dtype):
    if dtype == tf.string:
        return [cell if isinstance(cell, bytes) else cell.encode() for cell in cells]
    return np.array([float(cell or "nan") for cell in cells], dtype.as_numpy_dtype)


def pixels(data):
    return tf.io.decode_png(data).numpy().astype("float32")


def samples(data):
    return tf.io.decode_raw(data[44:], tf.int16).numpy() / 2**15


def steps(text):
    return np.array(json.loads(text), "float64")


def close(given, wanted, apart=TOLERANCE):
    return np.shape(given) == np.shape(wanted) and np.abs(given - wanted).max(initial=0) <= apart


def is_same(kind, modality, given, wanted, probabilities):
    """Whether an exported model's answer is that of the process: rounding may tip a label or move a number."""
    if kind == "label":
        best = np.sort(probabilities)[-2:]
        return given.decode() == wanted or best[1] - best[0] < TOLERANCE
    if kind == "tags":
        return given.decode() == wanted or np.abs(probabilities - 0.5).min() < TOLERANCE
    if kind == "number":
        return close(given, wanted, TOLERANCE * (modality.deviations[0] + abs(wanted)))
    if kind == "series":
        return close(
            steps(given), steps(wanted), TOLERANCE * (np.max(modality.deviations) + np.abs(modality.means).max())
        )
    if kind in ("picture", "mask"):
        return close(pixels(given), pixels(wanted), 1.0)
    return close(samples(given), samples(wanted), 0.01) if kind == "sound" else given.decode() == wanted


def check(spec):
    """A step, a run, an export: three ways to the same answers."""
    pipe = adapted(spec)
    model = trained(spec, pipe)
    options = {"batch_size": spec.batch_size}
    wanted = joined(mm.predict(model, pipe, spec.table(), **options))
    assert all(len(answers) == len(spec.frame) for answers in wanted.values())
    with tempfile.TemporaryDirectory() as folder:
        run.save(model, pipe, f"{folder}/run")
        again = joined(mm.predict(*run.load(f"{folder}/run"), spec.table(), **options))
        mm.export(model, pipe, f"{folder}/saved")
        answers = joined(served(spec, f"{folder}/saved"))
    assert {*again} == {*wanted} and {*spec.targets} <= {*wanted}
    for title, kind in spec.targets.items():
        np.testing.assert_array_equal(again[title], wanted[title], err_msg=title)
        modality = next(m for name, m in pipe.targets.items() if pipe.title(name) == title)
        probabilities = answers.get(f"{title}_probabilities", [None] * len(spec.frame))
        compared = spec.batch_size if kind in DRAWN else None
        pairs = list(zip(answers[title], wanted[title], probabilities, strict=True))
        for row, given in enumerate(pairs[:compared]):
            assert is_same(kind, modality, *given), (title, kind, row, given)
    for title in spec.inputs:
        assert answers[f"{title}_present"] == [len(cell) > 0 for cell in spec.cells[title]], title


@pytest.mark.fuzz
@pytest.mark.parametrize("fusion", mm.fusions.__all__ if LONG else ["any"])
def test_a_random_spec_answers_the_same_however_it_is_kept(fusion):
    fusions = st.just(fusion) if LONG else st.sampled_from(mm.fusions.__all__)
    tried(amount(2, EACH))(hypothesis.given(specs(fusions))(check))()
