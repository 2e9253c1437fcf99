"""One SavedModel: what it gives in a process that has neither Keras nor mmkeras is what the model gives here."""

import re
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tiny_table import INPUTS, KINDS, model_for, pipeline, served, without, write_table

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table

SERVE = """
import pickle, sys
for name in ("keras", "mmkeras", "data_pipelines", "tf_keras"):
    sys.modules[name] = None
import tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
with open(sys.argv[2], "rb") as file:
    cases = pickle.load(file)
answers = {
    name: {key: value.numpy() for key, value in serve(**{k: tf.constant(v) for k, v in cells.items()}).items()}
    for name, cells in cases.items()
}
with open(sys.argv[3], "wb") as file:
    pickle.dump(answers, file)
"""


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    return pipeline(write_table(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def model(pipe):
    return model_for(pipe)


@pytest.fixture(scope="module")
def exported(model, pipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "saved_model"
    assert mm.export(model, pipe, path) == path
    return path


@pytest.fixture(scope="module")
def cases():
    cells = served()
    one = {name: values[:1] for name, values in cells.items()}
    absent = {f"without {name}": without(cells, name) for name in INPUTS}
    return {"all": cells, "one": one, **absent, "nothing": without(cells, *INPUTS)}


@pytest.fixture(scope="module")
def answers(exported, cases, tmp_path_factory):
    """What another process gives, which cannot import Keras or mmkeras."""
    import pickle

    folder = tmp_path_factory.mktemp("served")
    (folder / "cases").write_bytes(pickle.dumps(cases))
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(exported), str(folder / "cases"), str(folder / "answers")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return pickle.loads((folder / "answers").read_bytes())


def in_process(model, pipe, cells):
    x = pipe.preprocess({name: tf.constant(values) for name, values in cells.items()})
    return {name: value.numpy() for name, value in pipe.write(model(x, training=False)).items()}


def same(given, wanted):
    for name, value in wanted.items():
        if value.dtype == object:
            np.testing.assert_array_equal(given[name], value)
        else:
            np.testing.assert_allclose(given[name], value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["all", "one", *(f"without {name}" for name in INPUTS), "nothing"])
def test_as_in_process(model, pipe, cases, answers, case):
    wanted = in_process(model, pipe, cases[case])
    assert set(wanted) == {"kind", "kind_probabilities", "price", "topics", "topics_probabilities"}
    assert all(np.isfinite(value).all() for value in answers[case].values() if value.dtype == "float32")
    same(answers[case], wanted)


def test_as_predict_on_the_table(model, pipe, answers, tmp_path):
    told = next(iter(mm.predict(model, pipe, write_table(tmp_path))))
    np.testing.assert_array_equal(answers["all"]["kind"].astype(str), told["kind"])
    np.testing.assert_allclose(answers["all"]["price"], told["price"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(answers["all"]["kind_probabilities"].max(1), told["kind_probability"], atol=1e-5)


def test_what_is_present(answers):
    missing = {1: "photo", 2: "story", 3: "voice", 5: "age", 6: "maker", 7: "marks", 11: "photo"}
    for name in INPUTS:
        wanted = [row != 4 and missing.get(row) != name for row in range(12)]
        np.testing.assert_array_equal(answers["all"][f"{name}_present"], wanted)
        assert not answers[f"without {name}"][f"{name}_present"].any()
    assert not any(answers["nothing"][f"{name}_present"].any() for name in INPUTS)


def test_broken_bytes_count_as_absent(answers):
    for name, value in answers["all"].items():
        if value.dtype == "float32":
            np.testing.assert_allclose(value[11], answers["without photo"][name][11], atol=1e-5)


def test_an_absent_row_is_the_same_in_any_company(answers):
    for name, value in answers["nothing"].items():
        if value.dtype == "float32":
            np.testing.assert_allclose(
                value, np.broadcast_to(answers["all"][name][4], value.shape), rtol=1e-5, atol=1e-5
            )


def test_labels_lie_beside_it(exported):
    assert (exported / "assets" / "kind_classes.txt").read_text().split() == list(KINDS)
    assert (exported / "assets" / "topics_classes.txt").read_text().split() == ["big", "red"]


def test_a_label_of_several_lines_is_a_line(tmp_path):
    labels = ["a", "b\nc", "d\\n", "e\r\nf", "g\u2028\x85h", 'i"j']
    rows = read_table(pd.DataFrame({"age": range(6), "kind": labels}))
    pipe = Pipeline({"age": Number()}, {"kind": Category()}).adapt(rows)
    mm.export(model_for(pipe), pipe, tmp_path / "saved")
    lines = (tmp_path / "saved" / "assets" / "kind_classes.txt").read_text("utf-8").splitlines()
    assert (
        lines == ["a", r"b\nc", r"d\\n", r"e\r\nf", r"g\u2028\u0085h", 'i"j'] and pipe.targets["kind"].classes == labels
    )


@keras.saving.register_keras_serializable("tests")
class InPython(keras.layers.Layer):
    """Calls Python from the graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        tokens = tf.numpy_function(lambda x: x[..., None] * np.ones((1, 1, 8), "float32"), [inputs], tf.float32)
        return tf.ensure_shape(tokens, (None, 1, 8))

    def compute_output_shape(self, input_shape):
        return (*input_shape, 8)


def test_python_in_the_graph_is_refused(pipe, tmp_path):
    model = model_for(pipe, encoders={"age": InPython(name="python")}, fusion="ConcatFusion")
    rule = "export: the graph must hold no Python function, since no other process could run it. Received: ['PyFunc"
    with pytest.raises(ValueError, match=re.escape(rule)):
        mm.export(model, pipe, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    rule = "export: a SavedModel is written by the TensorFlow backend. Received: backend='jax'. Do: save the model as"
    with pytest.raises(ValueError, match=re.escape(rule)):
        mm.export(None, None, "x")
