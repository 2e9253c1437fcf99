"""Explanations add up, leave out what is absent, and point at what decides."""

import json

import keras
import numpy as np
import pandas
import pytest
from keras import ops
from PIL import Image as Picture
from tiny_table import INPUTS, model_for, pipeline, write_table

import mmkeras as mm
from data_pipelines import Category, Image, Number, Pipeline, Text, read_table
from mmkeras.explaining.gradients import integrated_gradients
from mmkeras.explaining.inside import Inside, rollout
from mmkeras.models.generator import answering
from mmkeras.views.answers import answer, chosen

ROWS = 12


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    rows = write_table(tmp_path_factory.mktemp("tiny"))
    pipe = pipeline(rows)
    return {"rows": rows, "pipe": pipe, "model": model_for(pipe, fusion="TokenTransformer")}


@pytest.fixture(scope="module")
def kind(tiny):
    return mm.explain(tiny["model"], tiny["pipe"], tiny["rows"], examples=ROWS, steps=48)


def batch(tiny):
    return [{n: np.asarray(v) for n, v in p.items()} for p in next(iter(tiny["pipe"].batches(tiny["rows"], ROWS)))]


def test_shapley_values_add_up_on_every_scale(kind, tiny):
    predictions = tiny["model"].predict_on_batch(batch(tiny)[0])["kind"]
    for place, row in enumerate(kind.rows):
        best = np.sort(predictions[place])[::-1].astype("float64")
        for by_scale in row["shapley"].values():
            for found in by_scale.values():
                assert sum(found["values"].values()) == pytest.approx(found["all"] - found["none"], abs=1e-12)
        said = row["shapley"]["predicted"]
        assert said["probability"]["all"] == pytest.approx(best[0], abs=1e-6) == row["probability"]
        assert said["log_odds"]["all"] == pytest.approx(np.log(best[0] / best[1:].sum()), abs=1e-5)
    assert ["true" in row["shapley"] for row in kind.rows] == [row["truth"] is not None for row in kind.rows]
    assert sum("true" in row["shapley"] for row in kind.rows) == ROWS - 1


def test_an_absent_input_is_worth_exactly_nothing(kind, tiny):
    x = batch(tiny)[0]
    absent = 0
    for place, (row, example) in enumerate(zip(kind.rows, kind.examples, strict=True)):
        for name in INPUTS:
            there = x[f"{name}_mask"][place].any()
            values = {found["values"][name] for scale in row["shapley"].values() for found in scale.values()}
            if there:
                assert values != {0.0}
            else:
                absent += 1
                assert values == {0.0}
                assert example["inputs"][name]["kind"] == "absent" and example["inputs"][name]["sum"] == 0.0
    assert absent == 6 + 6 + 1


def test_gradients_add_up_to_what_their_input_changes(tiny):
    """The gap closes with the steps: to float precision where the way is smooth, by their number where it has kinks."""
    x = {name: value[:6] for name, value in batch(tiny)[0].items()}
    inside, kind = Inside(tiny["model"], INPUTS, "kind"), tiny["pipe"].targets["kind"]
    picked = chosen(kind, tiny["model"].predict_on_batch(x)["kind"])
    score = lambda predictions, count: answer(kind, predictions, np.tile(picked, count), "log_odds")  # noqa: E731
    for name in INPUTS:
        few, many = (
            np.abs(integrated_gradients(inside, tiny["pipe"].inputs[name], name, x, score, steps)[1]).max()
            for steps in (8, 512)
        )
        assert many < (3e-3 if name in ("photo", "age") else 5e-6), (name, many)
        assert few < 5e-6 or many < few / 2, (name, few, many)


@pytest.mark.parametrize("name", INPUTS)
def test_inputs_that_are_summed_up_have_gradients_too(tiny, name):
    """The default encoders: of their kinks the gap closes with the steps."""
    x = {key: value[:6] for key, value in batch(tiny)[0].items()}
    inside = Inside(model_for(tiny["pipe"]), INPUTS, "kind")
    score = lambda predictions, count: ops.log(predictions[:, 0])  # noqa: E731
    modality = tiny["pipe"].inputs[name]
    few, many = (integrated_gradients(inside, modality, name, x, score, steps) for steps in (8, 512))
    assert np.abs(many[1]).max() < max(3e-3, np.abs(few[1]).max() / 4)
    mask = x[f"{name}_mask"]
    np.testing.assert_array_equal(many[0][~mask], 0.0)
    real = many[0][mask]
    assert np.isfinite(real).all() and np.abs(real).max() > 1e-6


def test_sums_are_of_the_gradients(kind):
    for example in kind.examples:
        for found in example["inputs"].values():
            if found["kind"] != "absent":
                assert found["sum"] == pytest.approx(np.sum(found["gradient"]), abs=1e-6)
                assert found["sum"] != 0.0


def test_a_row_without_a_label_has_no_gradients_of_its_true_class(tiny, tmp_path):
    found = mm.explain(tiny["model"], tiny["pipe"], tiny["rows"], of="true", examples=ROWS, steps=2)
    assert len(found.examples) == ROWS
    for row, example in zip(found.rows, found.examples, strict=True):
        for shown in example["inputs"].values():
            assert ("sum" in shown) == ("gap" in shown) == (row["truth"] is not None)
            if shown["kind"] != "absent":
                assert (shown["gradient"] is None) == (row["truth"] is None)
            assert "share" in shown
    unlabelled = [place for place, row in enumerate(found.rows) if row["truth"] is None]
    assert unlabelled == [8]
    alone = tiny["rows"].where(kind="")
    again = mm.explain(tiny["model"], tiny["pipe"], alone, of="true", examples=1, steps=2)
    assert all(shown["gradient"] is None for shown in again.examples[0]["inputs"].values())
    with open(again.save(tmp_path), encoding="utf-8") as file:
        assert file.read().count('class="card"') == 1
    assert found.figure(8).axes


def test_a_number_has_gradients_without_a_label(tiny):
    alone = tiny["rows"].where(price="")
    found = mm.explain(tiny["model"], tiny["pipe"], alone, target="price", of="true", examples=1, steps=2)
    assert len(found.examples) == 1 and found.rows[0]["truth"] is None
    assert all("sum" in shown for example in found.examples for shown in example["inputs"].values())


@pytest.mark.parametrize("name", ["story", "voice", "photo"])
def test_padding_gets_nothing(tiny, name):
    x = batch(tiny)[0]
    inside = Inside(tiny["model"], INPUTS, "price")
    score = lambda predictions, count: predictions[:, 0]  # noqa: E731
    found, gaps = integrated_gradients(inside, tiny["pipe"].inputs[name], name, x, score, 2)
    mask = x[f"{name}_mask"]
    np.testing.assert_array_equal(found[~mask], 0.0)
    assert np.isfinite(found).all() and np.isfinite(gaps).all()
    assert found.shape[: mask.ndim] == mask.shape


def test_attention_of_an_answer_is_shared_out(kind, tiny):
    for row, example in zip(kind.rows, kind.examples, strict=True):
        shares = [found["share"] for found in example["inputs"].values()]
        assert sum(shares) == pytest.approx(0.0 if row["row"] == kind.rows[4]["row"] else 1.0, abs=1e-5)
    words, patches = kind.examples[0]["attention"]["story", "photo"].shape
    assert words == batch(tiny)[0]["story"].shape[1] and patches > 1
    assert kind.examples[0]["inputs"]["photo"]["attention"].shape == (8, 8)


def test_rollout_is_the_product_of_halves():
    random = np.random.default_rng(0)
    layers = [random.uniform(size=(2, 3, 4, 4)) for _ in range(2)]
    layers = [weights / weights.sum(-1, keepdims=True) for weights in layers]
    layers[1][:, :, 2] = 0.0
    first, second = (weights[0].mean(0) / 2 + np.eye(4) / 2 for weights in layers)
    second[2] = np.eye(4)[2]
    np.testing.assert_allclose(rollout(layers)[0], second @ first, atol=1e-12)
    np.testing.assert_allclose(rollout(layers).sum(-1), 1.0, atol=1e-12)


@pytest.mark.parametrize("target", ["price", "topics"])
def test_other_targets(tiny, target):
    found = mm.explain(
        tiny["model"],
        tiny["pipe"],
        tiny["rows"].take(4),
        target=target,
        examples=1,
        steps=2,
        gradients=target == "topics",
    )
    for row in found.rows:
        for scale in row["shapley"]["predicted"].values():
            assert sum(scale["values"].values()) == pytest.approx(scale["all"] - scale["none"], abs=1e-10)
    if target == "price":
        x = {name: value[:4] for name, value in batch(tiny)[0].items()}
        told = tiny["pipe"].targets["price"].units(tiny["model"].predict_on_batch(x)["price"][:, 0])
        np.testing.assert_allclose([row["answer"] for row in found.rows], told, rtol=1e-5)


def test_a_model_that_also_says_texts(tiny):
    pipe = Pipeline(
        {"story": Text(), "age": Number()}, {"kind": Category(), "said": Text(column="story", max_tokens=6)}
    )
    model = mm.build(pipe.adapt(tiny["rows"]).spec, dim=8)
    found = mm.explain(model, pipe, tiny["rows"].take(4), target="kind", examples=1, steps=2)
    assert [row["probability"] > 0 for row in found.rows] == [True] * 4
    assert np.isfinite(found.examples[0]["inputs"]["story"]["gradient"]).all()


@pytest.mark.parametrize(
    "options",
    [{"decoder": "tokens"}, {"balance": "GradNorm", "fusion": "TokenTransformer"}],
    ids=["tokens to the decoder", "balance"],
)
def test_what_stands_between_fusion_and_decoder_is_gone_through(tiny, options):
    targets = {"kind": Category(), "price": Number()}
    pipe = Pipeline({"story": Text(), "age": Number()}, targets).adapt(tiny["rows"])
    model = mm.build(pipe.spec, dim=8, **options)
    found = mm.explain(model, pipe, tiny["rows"].take(4), target="kind", examples=1, steps=64)
    seen = found.examples[0]["inputs"]
    assert all(abs(part["sum"]) > 0 and part["gap"] < 0.05 for part in seen.values())
    assert "share" not in seen["story"]
    x = {name: np.asarray(value) for name, value in next(iter(pipe.batches(tiny["rows"], 4)))[0].items()}
    inside = Inside(answering(model, "kind"), list(pipe.inputs), "kind")
    np.testing.assert_allclose(inside.predict(*inside.tokens(x)), model.predict_on_batch(x)["kind"], atol=1e-5)


def test_it_is_written_as_json_arrays_and_a_page(kind, tmp_path):
    path = kind.save(tmp_path)
    told = json.loads((tmp_path / "explanation.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(kind.summary()))
    assert set(told["inputs"]) == set(INPUTS) and len(told["rows"]) == ROWS
    sizes = [abs(row["shapley"]["predicted"]["log_odds"]["values"]["story"]) for row in told["rows"]]
    assert told["inputs"]["story"]["mean_size"]["log_odds"] == pytest.approx(np.mean(sizes))
    arrays = np.load(tmp_path / "arrays.npz")
    assert arrays["2/photo/gradient"].shape == (8, 8) and arrays["2/voice/gradient"].shape[1] == 6
    with open(path, encoding="utf-8") as file:
        page = file.read()
    assert page.count('class="card"') == ROWS
    assert "<script" not in page and "looks at" in page and ">number</i>" in page
    assert kind.figure(0).axes and kind.figure(4).axes


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A word decides the mood, a corner of the picture the side; the rest is noise."""
    folder, random = tmp_path_factory.mktemp("toy"), np.random.default_rng(0)
    lines = []
    for place in range(96):
        mood, side = place % 2, place // 2 % 2
        pixels = random.integers(60, 196, (8, 8, 3), "uint8")
        stripes = np.tile([[5], [250]], (2, 4))  # no clue in the mean colour, which is the gradients' baseline
        pixels[:4, 4:] = (stripes if side else stripes.T)[..., None]
        Picture.fromarray(pixels).save(folder / f"{place}.png")
        words = [*random.choice(["sun", "tree", "road", "house", "cloud"], 4), ("bad", "good")[mood]]
        lines.append((f"{place}.png", " ".join(random.permutation(words)), ("low", "high")[mood], "ab"[side]))
    rows = read_table(pandas.DataFrame(lines, columns=["photo", "story", "mood", "side"]), folder)
    keras.utils.set_random_seed(0)
    pipe = Pipeline({"photo": Image(8), "story": Text()}, {"mood": Category(), "side": Category()}).adapt(rows)
    encoders = {"photo": mm.encoders.ImageCNNEncoder(16, (16,), name="photo_encoder"), "story": "TextBagEncoder"}
    model = mm.build(pipe.spec, "ConcatFusion", encoders, dim=16)
    mm.compile(model, pipe.spec, learning_rate=1e-2)
    model.fit(pipe.batches(rows, 32, training=True, cache=True), epochs=25, shuffle=False, verbose=0)
    return model, pipe, rows


def test_it_points_at_the_word_that_decides(toy):
    model, pipe, rows = toy
    found = mm.explain(model, pipe, rows.take(24), target="mood", of="true", examples=24)
    assert [row["answer"] for row in found.rows] == [row["truth"] for row in found.rows]
    sizes = {name: by["mean_size"]["log_odds"] for name, by in found.summary()["inputs"].items()}
    assert sizes["story"] > 2 * sizes["photo"]
    for example in found.examples:
        story = example["inputs"]["story"]
        assert story["pieces"][int(np.argmax(story["gradient"]))] in ("good", "bad")


def test_it_points_at_the_corner_that_decides(toy):
    model, pipe, rows = toy
    found = mm.explain(model, pipe, rows.take(24), target="side", examples=24)
    assert [row["answer"] for row in found.rows] == [row["truth"] for row in found.rows]
    sizes = {name: by["mean_size"]["probability"] for name, by in found.summary()["inputs"].items()}
    assert sizes["photo"] > 2 * sizes["story"]
    inside = []
    for example in found.examples:
        heat = example["inputs"]["photo"]["gradient"]
        inside.append(heat[:4, 4:].sum() / heat.sum())
    assert np.median(inside) > 0.7


def test_wrong_arguments_are_refused(tiny):
    model, pipe, rows = tiny["model"], tiny["pipe"], tiny["rows"]
    with pytest.raises(ValueError, match=r"the target must be one of \['kind'.*Received: target='colour'"):
        mm.explain(model, pipe, rows, target="colour")
    with pytest.raises(ValueError, match=r"of must be one of .*Received: of='any'"):
        mm.explain(model, pipe, rows, of="any")
    with pytest.raises(ValueError, match=r'of="true" needs the targets\' columns\. Received: rows without'):
        mm.explain(model, pipe, rows.without("kind"), of="true")
    inputs = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in model.input.items()}
    other = keras.Model(inputs, {"kind": keras.layers.Dense(3, name="kind")(inputs["age"])}, name="other")
    with pytest.raises(ValueError, match=r"a dict of the tokens of all inputs\. Received: 'other'"):
        Inside(other, INPUTS, "kind")
