"""A hidden input is as if absent, and each is encoded once."""

import itertools
import os

import keras
import numpy as np
import pytest
from tiny_table import model_for, pipeline, write_table

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, Text
from mmkeras.inference.graph_part import GraphPart
from mmkeras.inference.row_batches import row_batches
from mmkeras.inference.subset_model import SubsetModel
from mmkeras.models.generator import answering, generator

NAMES = ("photo", "story", "voice", "maker")
SUBSETS = [part for count in range(5) for part in itertools.combinations(NAMES, count)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows, inputs=NAMES, targets=("kind", "price"))


@pytest.fixture(scope="module")
def model(pipe):
    return model_for(pipe)


@pytest.fixture(scope="module")
def x(pipe, rows):
    return next(pipe.batches(rows, 12, with_targets=False).as_numpy_iterator())


def absent(x, hidden):
    return {key: np.zeros_like(v) if key.removesuffix("_mask") in hidden else v for key, v in x.items()}


def check(model, x, subsets=SUBSETS, is_cut=True):
    asked = SubsetModel(model, sorted({key.removesuffix("_mask") for key in x}))
    found = asked.see(x).hiding(subsets)
    assert bool(asked.tensors) == is_cut and len(found) == len(subsets)
    for hidden, predictions in zip(subsets, found, strict=True):
        given = {key: value for key, value in absent(x, hidden).items() if key in model.input}
        for target, values in model.predict_on_batch(given).items():
            np.testing.assert_allclose(predictions[target], values, atol=1e-5, err_msg=f"{hidden} {target}")
    return asked


def test_hidden_inputs_are_as_if_absent(model, x):
    check(model, x)


@pytest.mark.parametrize(
    "options",
    [
        {"fusion": "TokenTransformer", "before_fusion": mm.alignment.TokenAlignment(dim=4)},
        {"decoder": "tokens", "balance": "GradNorm"},
        {"fusion": "LateFusion", "modality_dropout": 0.0},
    ],
    ids=("TokenTransformer", "tokens", "LateFusion"),
)
def test_whatever_stands_between_inputs_and_answers(pipe, x, options):
    check(model_for(pipe, **options), x, SUBSETS[::5])


def test_a_model_from_a_file(model, x, tmp_path):
    model.save(tmp_path / "model.keras")
    check(keras.models.load_model(tmp_path / "model.keras"), x, SUBSETS[:3])


def test_what_cannot_be_cut_is_run_as_a_whole(model, pipe, x):
    check(mm.ensemble([model, model_for(pipe, 1)]), x, SUBSETS[:3], is_cut=False)
    inputs = {name: keras.Input(x[name].shape[1:], name=name) for name in ("photo", "maker")}
    flat = keras.layers.Flatten()(inputs["photo"]), keras.layers.Reshape((1,))(inputs["maker"])
    both = keras.layers.Concatenate()(flat)
    wired = keras.Model(inputs, {"kind": keras.layers.Dense(3, name="kind")(both)})
    check(wired, x, SUBSETS[:3])
    inputs["maker"] = keras.Input((1,), name="maker")  # the batch has no such axis, a whole model adds it
    both = keras.layers.Concatenate()([keras.layers.Flatten()(inputs["photo"]), inputs["maker"]])
    wider = keras.Model(inputs, {"kind": keras.layers.Dense(3, name="kind")(both)})
    check(wider, x, SUBSETS[:3])


def test_what_is_generated_is_the_same(rows):
    inputs = {"story": Text(), "maker": Category(), "age": Number()}
    pipe = Pipeline(inputs, {"kind": Category(), "said": Text(column="story", max_tokens=5)}).adapt(rows)
    model = generator(model_for(pipe), {"said": {"temperature": 1.0}})
    x = next(pipe.batches(rows, 12, with_targets=False).as_numpy_iterator())
    check(model, x, [(), ("maker",), ("story", "age")])


def test_a_short_batch_and_other_values_of_one_input(model, x):
    asked = SubsetModel(answering(model, "kind"), NAMES)
    asked.see(x).hiding([()])
    few = {key: value[:5] for key, value in x.items()}
    batch = asked.see(few)
    whole, other = batch.hiding([(), ("story",)])
    np.testing.assert_allclose(whole["kind"], model.predict_on_batch(few)["kind"], atol=1e-5)
    np.testing.assert_allclose(other["kind"], model.predict_on_batch(absent(few, ("story",)))["kind"], atol=1e-5)
    noisy = {"photo": few["photo"] * 0.5, "photo_mask": few["photo_mask"]}
    for subset in ((), ("maker",)):
        wanted = model.predict_on_batch(absent({**few, **noisy}, subset))["kind"]
        np.testing.assert_allclose(batch.replacing(noisy).hiding([subset])[0]["kind"], wanted, atol=1e-5)
    if keras.backend.backend() == "tensorflow":
        assert asked.front(asked.tensors).predict_function.experimental_get_tracing_count() == 1


class Counting(keras.layers.Layer):
    """Counts how often it is run."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs


@pytest.fixture
def counted(pipe):
    """A model that is run eagerly, and what counts the runs of two encoders and of what follows."""
    layers = {name: Counting(name=name) for name in ("photo_encoder", "story_encoder", "answers")}
    inputs, tokens = {}, []
    for name in ("photo", "story"):
        facts = pipe.spec["inputs"][name]
        inputs[name] = keras.Input(facts.shape, name=name)
        axes = list(range(1, len(facts.shape) + 1))
        mean = keras.ops.expand_dims(keras.ops.mean(inputs[name], axis=axes), -1)
        tokens.append(layers[f"{name}_encoder"](mean))
    both = layers["answers"](keras.layers.Concatenate()(tokens))
    decoders = {"kind": mm.decoders.CategoryDecoder(3, name="kind"), "price": mm.decoders.NumberDecoder(name="price")}
    shape = keras.layers.Reshape((1, 2))(both)
    model = keras.Model(inputs, {name: decoder(shape) for name, decoder in decoders.items()})
    model.run_eagerly = True
    for layer in layers.values():
        layer.calls = 0
    return model, layers


def test_evaluate_encodes_each_input_once_a_batch(counted, pipe, rows):
    model, layers = counted
    result = mm.evaluate(model, pipe, rows, batch_size=5)
    assert set(result["only"]) == set(NAMES)
    calls = {name: layer.calls for name, layer in layers.items()}
    assert calls == {"photo_encoder": 3, "story_encoder": 3, "answers": 3}


def test_rows_are_decoded_once_for_scores_and_report(model, pipe, rows, tmp_path, monkeypatch):
    passes = []
    batches = Pipeline.batches
    monkeypatch.setattr(Pipeline, "batches", lambda *given, **options: passes.append(1) or batches(*given, **options))
    mm.report(model, pipe, rows, tmp_path, examples=2)
    assert len(passes) == 1
    from mmkeras.commands.evaluate import judge

    (tmp_path / "run").mkdir()
    metrics = judge(model, pipe, rows, tmp_path / "run")
    assert len(passes) == 2 and metrics["rows"] == 12
    assert {"metrics.json", "report.html"} <= set(os.listdir(tmp_path / "run"))


def test_batches_come_in_order_without_labels(rows):
    pipe = pipeline(rows, inputs=("maker",), targets=("price",))
    seen = list(row_batches(model_for(pipe), pipe, rows, batch_size=5))
    assert [batch.rows for batch, _, _ in seen] == [5, 5, 2] == [len(w["price"]) for _, _, w in seen]
    assert set(seen[0][0].x) == {"maker", "maker_mask"}


def test_a_part_must_follow_from_what_is_given(model):
    with pytest.raises(
        ValueError, match=r"GraphPart: the ends must follow from the starts alone\. Received: ends that need '\w+'"
    ):
        GraphPart({"story": model.input["story"]}, model.output)
