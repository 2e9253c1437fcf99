"""ONNX and LiteRT files: they answer as the model does on real batches, or are refused."""

import json
import sys

import keras
import numpy as np
import pandas
import pytest
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table
from data_pipelines.naming import plain_name
from mmkeras.exporting import convert

FILES = {"onnx": "model.onnx", "litert": "model.tflite"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows)


@pytest.fixture(scope="module")
def model(pipe):
    return model_for(pipe)


@pytest.fixture(scope="module", params=FILES)
def exported(request, model, pipe, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param) / "device"
    assert mm.export(model, pipe, path, format=request.param) == path
    return request.param, path


def answers(format, path, x):
    """What another runtime says to one row, from the saved file."""
    file = str(path / FILES[format])
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, x), strict=True))
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(file).get_signature_runner()(**x)


def test_the_file_answers_as_the_model_from_the_saved_pipeline(exported, model, rows):
    format, path = exported
    batches = Pipeline.load(path / "pipeline.json").batches(rows, 1, with_targets=False)
    asked = 0
    for x in batches:
        x = {name: value.numpy() for name, value in x.items()}
        wanted = model(x, training=False)
        given = answers(format, path, x)
        assert set(given) == set(wanted)
        for name, value in wanted.items():
            np.testing.assert_allclose(given[name], value.numpy(), atol=1e-4)
        asked += 1
    assert asked == len(rows)


def test_the_classes_lie_beside_it(exported, pipe):
    facts = json.loads((exported[1] / "outputs.json").read_text("utf-8"))
    assert facts["kind"]["classes"] == pipe.spec["targets"]["kind"]["classes"]
    assert {target: known["output"] for target, known in facts.items()} == {target: target for target in pipe.targets}


NAMES = ("x", "_given", "class", "self", "..", "2024", "a-b", "unit price", "价格")


def named(names):
    table = {name: np.arange(12.0) % 5 for name in names} | {"y": np.arange(12.0), "kind": ["a", "b"] * 6}
    rows = read_table(pandas.DataFrame(table))
    numbers = {plain_name(name): Number(column=name) for name in names}
    pipe = Pipeline(numbers, {"kind": Category(), "y": Number()}).adapt(rows)
    return mm.build(pipe.spec, dim=4), pipe


def test_onnx_takes_inputs_of_any_name(tmp_path):
    import onnxruntime

    model, pipe = named(NAMES)
    mm.export(model, pipe, tmp_path, format="onnx")
    asked = {put.name for put in onnxruntime.InferenceSession(tmp_path / "model.onnx").get_inputs()}
    assert asked == {put.name for put in model.inputs} >= {"x", "x_mask", "class", "2024", "unit_20_price"}


def test_litert_says_which_columns_to_rename(tmp_path):
    rule = r"litert takes names .* Received: \['class', '2024', 'a-b'\]. Do: call the columns .*'column_a_b'\]"
    with pytest.raises(ValueError, match=rule):
        mm.export(*named(["x", "class", "2024", "a-b"]), tmp_path, format="litert")
    assert not list(tmp_path.iterdir())
    mm.export(*named(["x", "column_class", "column_2024", "column_a_b"]), tmp_path, format="litert")


def test_lstms_and_sound_too(rows, tmp_path):
    pipe = pipeline(rows, targets=("price",), inputs=("story", "voice"))
    model = model_for(pipe, encoders={"story": "TextLSTMEncoder", "voice": "AudioLSTMEncoder"})
    for format, name in FILES.items():
        mm.export(model, pipe, tmp_path, format=format)
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("format", FILES)
def test_what_the_format_cannot_hold_is_refused_and_leaves_no_file(format, model, pipe, tmp_path):
    inputs = model.input
    odd = keras.Model(inputs, {"price": keras.ops.erfinv(model(inputs)["price"] * 0.01)})
    with pytest.raises(ValueError, match=rf"export: {format} cannot hold this network .* Do: format='saved_model'"):
        mm.export(odd, pipe, tmp_path, format=format)
    assert not list(tmp_path.iterdir())


def test_a_file_that_answers_otherwise_is_refused(model, pipe, tmp_path, monkeypatch):
    wrong = convert._load_onnx

    def load(file):
        answer = wrong(file)
        return lambda x: {name: value + 0.01 for name, value in answer(x).items()}

    monkeypatch.setattr(convert, "_load_onnx", load)
    with pytest.raises(ValueError, match="must answer as the model does"):
        mm.export(model, pipe, tmp_path, format="onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_missing_converter_says_what_to_install(model, pipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r'pip install "mmkeras\[onnx\]"'):
        mm.export(model, pipe, tmp_path, format="onnx")


def test_an_unknown_format(model, pipe, tmp_path):
    with pytest.raises(ValueError, match="format must be one of"):
        mm.export(model, pipe, tmp_path, format="pickle")
