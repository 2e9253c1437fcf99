import json
import re

import keras
import numpy as np
import pytest
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm
from data_pipelines.field_spec import FieldSpec, spec_from_json, spec_json
from mmkeras import decoders, encoders, fusions


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows)


@pytest.fixture(scope="module")
def x(pipe, rows):
    return {name: value.numpy() for name, value in next(iter(pipe.batches(rows, 12, with_targets=False))).items()}


def fitting(parts, modality):
    found = [getattr(parts, name) for name in parts.__all__]
    return [
        cls.__name__ for cls in found if modality in ([cls.modality] if isinstance(cls.modality, str) else cls.modality)
    ]


def part_of(spec, *names):
    """A spec of some inputs and one target: the others would only take time."""
    return {"inputs": {name: spec["inputs"][name] for name in names}, "targets": {"kind": spec["targets"]["kind"]}}


def told(model, x):
    """The model's answers, as arrays, not compiled."""
    wanted = {name: x[name] for name in model.input}
    return {name: answer.numpy() for name, answer in model(wanted, training=False).items()}


def test_a_plain_functional_model(pipe, x):
    model = model_for(pipe)
    assert type(model).__module__.startswith("keras.")
    assert model.name == "mmkeras"
    assert set(model.input) == set(x)
    answers = told(model, x)
    assert {name: answer.shape for name, answer in answers.items()} == {
        "kind": (12, 3),
        "price": (12, 1),
        "topics": (12, 2),
    }
    assert all(np.isfinite(answer).all() for answer in answers.values())
    names = {layer.name for layer in model.layers}
    assert {"modality_dropout", "fusion", "photo_encoder", "kind", "price", "topics"} <= names


def test_a_spec_that_went_through_json(pipe, x):
    spec = spec_from_json(json.loads(json.dumps(spec_json(pipe.spec))))
    keras.utils.set_random_seed(0)
    given = told(mm.build(spec, dim=8), x)
    keras.utils.set_random_seed(0)
    same = told(mm.build(pipe.spec, dim=8), x)
    for name, answer in given.items():
        np.testing.assert_array_equal(answer, same[name])


def test_saved_and_loaded(pipe, x, tmp_path):
    model = model_for(pipe)
    model.save(tmp_path / "model.keras")
    loaded = told(keras.saving.load_model(tmp_path / "model.keras"), x)
    for name, answer in told(model, x).items():
        np.testing.assert_array_equal(loaded[name], answer)


def test_what_is_absent_is_gone(pipe, x):
    model = model_for(pipe)
    bare = told(model, x)
    spoiled = dict(x)
    for name in pipe.inputs:
        mask = x[f"{name}_mask"]
        mask = mask.reshape(mask.shape + (1,) * (x[name].ndim - mask.ndim))
        spoiled[name] = np.where(mask, x[name], np.array(np.nan if x[name].dtype == "float32" else 99, x[name].dtype))
    for name, answer in told(model, spoiled).items():
        np.testing.assert_array_equal(answer, bare[name])
    absent = {**x, **{name: np.zeros_like(mask) for name, mask in x.items() if name.endswith("_mask")}}
    for answer in told(model, absent).values():
        assert np.isfinite(answer).all()
        np.testing.assert_allclose(answer, answer[[4] * 12], atol=1e-6)


@pytest.mark.parametrize("fusion", fusions.__all__)
def test_every_fusion_by_name(pipe, x, fusion):
    model = mm.build(part_of(pipe.spec, "story", "age"), fusion=fusion, dim=8)
    assert type(model.get_layer("fusion")).__name__ == fusion
    assert np.isfinite(told(model, x)["kind"]).all()


@pytest.mark.parametrize("name", ["photo", "story", "voice", "age", "maker", "marks"])
def test_every_encoder_by_name(pipe, x, name):
    for part in fitting(encoders, pipe.spec["inputs"][name].modality):
        model = mm.build(part_of(pipe.spec, name), encoders={name: part}, dim=8)
        assert type(model.get_layer(f"{name}_encoder")).__name__ == part
        assert np.isfinite(told(model, x)["kind"]).all()


@pytest.mark.parametrize("name", ["kind", "price", "topics"])
def test_every_decoder_by_name(pipe, name):
    for part in fitting(decoders, pipe.spec["targets"][name].modality):
        spec = {**part_of(pipe.spec, "age"), "targets": {name: pipe.spec["targets"][name]}}
        model = mm.build(spec, decoders={name: part}, dim=8)
        assert type(model.get_layer(name)).__name__ == part


def test_parts_as_layers(pipe, x):
    parts = {
        "encoders": {"story": mm.encoders.TextLSTMEncoder(50, dim=8, name="reader")},
        "decoders": {"kind": mm.decoders.CategoryDecoder(3, pooling="mean", name="kind")},
        "fusion": mm.fusions.AttentionFusion(("story",), num_heads=2, name="mine"),
    }
    model = mm.build(part_of(pipe.spec, "story", "photo"), dim=8, **parts)
    assert model.get_layer("reader") is parts["encoders"]["story"]
    assert model.get_layer("kind") is parts["decoders"]["kind"]
    assert model.get_layer("mine") is parts["fusion"]
    assert np.isfinite(told(model, x)["kind"]).all()


def test_nothing_is_dropped_before_a_sum_of_numbers(pipe):
    spec = part_of(pipe.spec, "story", "age")
    assert mm.build(spec).get_layer("fusion").dropout > 0.0
    numbers = {**spec, "targets": {"price": pipe.spec["targets"]["price"]}}
    assert mm.build(numbers).get_layer("fusion").dropout == 0.0
    both = {**spec, "targets": {**spec["targets"], **numbers["targets"]}}
    assert mm.build(both).get_layer("fusion").dropout > 0.0


def test_dropout_of_modalities(pipe):
    names = lambda model: [layer.name for layer in model.layers]  # noqa: E731
    spec = part_of(pipe.spec, "story", "age")
    assert "modality_dropout" not in names(mm.build(spec, modality_dropout=0.0))
    assert "modality_dropout" not in names(mm.build(part_of(pipe.spec, "story")))
    assert mm.build(spec, modality_dropout=0.4).get_layer("modality_dropout").rate == 0.4
    assert mm.build(spec).get_layer("modality_dropout").rate == 0.03
    assert mm.build(spec, fusion="AttentionFusion").get_layer("modality_dropout").rate == 0.1


def test_waveforms_become_frames_in_the_model(rows):
    frames, samples = (pipeline(rows, inputs=("voice",), features=kind) for kind in ("log_mel", "waveform"))
    models = [model_for(pipe) for pipe in (frames, samples)]
    models[1].set_weights(models[0].get_weights())
    batches = [next(iter(pipe.batches(rows, 12, with_targets=False))) for pipe in (frames, samples)]
    assert batches[1]["voice"].shape.rank == 2
    given = [told(model, batch) for model, batch in zip(models, batches, strict=True)]
    for name, answer in given[0].items():
        np.testing.assert_allclose(given[1][name], answer, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"encoders": {"sound": "AudioCNNEncoder"}},
            "parts must be for inputs of the spec. Received: ['sound']. Do: of ['photo', ",
        ),
        (
            {"decoders": {"cost": "NumberDecoder"}},
            "parts must be for targets of the spec. Received: ['cost']. Do: of ['kind', ",
        ),
        ({"encoders": {"age": "TextLSTMEncoder"}}, "a part for Number must be one of ['NumberEncoder'"),
        ({"encoders": {"age": "TextLSTMEncoder"}}, "Received: 'TextLSTMEncoder'."),
        ({"fusion": "Concat"}, "fusion must be one of ['AttentionFusion', "),
        ({"fusion": "Concat"}, "Received: fusion='Concat'."),
    ],
)
def test_wrong_parts(pipe, options, message):
    with pytest.raises(ValueError, match="build: .*" + re.escape(message)):
        mm.build(pipe.spec, **options)


def test_no_targets(pipe):
    with pytest.raises(
        ValueError, match=re.escape("build: there must be a target. Received: targets={}. Do: Pipeline(")
    ):
        mm.build({**pipe.spec, "targets": {}})


def test_a_modality_without_a_part(pipe):
    spec = {"inputs": {"net": FieldSpec("Hologram", (4,))}, "targets": pipe.spec["targets"]}
    with pytest.raises(ValueError, match=re.escape("build: there is no default part for Hologram. Received: 'net")):
        mm.build(spec)
