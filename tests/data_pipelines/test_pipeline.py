"""From rows to batches: what a batch holds, in which order, how it is cached, saved and served."""

import ast
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import data_pipelines
from data_pipelines import Audio, Category, Graph, Image, Number, Pipeline, Text


def same(one, other):
    keras.tree.assert_same_structure(one, other)
    keras.tree.map_structure(np.testing.assert_array_equal, one, other)


def joined(batches, part, name):
    return np.concatenate([batch[part][name] for batch in batches])


def test_shapes_and_dtypes(batches):
    x, y, w = batches[0]
    frames, samples, words, tags = (x[name].shape[1] for name in ("voice", "sound", "story", "traits"))
    expected = {
        "photo": ((5, 16, 12, 3), "float32", (5,)),
        "voice": ((5, frames, 40), "float32", (5, frames)),
        "sound": ((5, samples), "float32", (5, samples)),
        "story": ((5, words), "int32", (5, words)),
        "age": ((5, 1), "float32", (5, 1)),
        "body": ((5, 2), "float32", (5, 2)),
        "colour": ((5,), "int32", (5,)),
        "traits": ((5, tags), "int32", (5, tags)),
    }
    assert set(x) == {*expected, *(f"{name}_mask" for name in expected)}
    for name, (shape, dtype, mask) in expected.items():
        assert (x[name].shape, x[name].dtype, x[f"{name}_mask"].shape) == (shape, dtype, mask)
        assert x[f"{name}_mask"].dtype == bool
    assert samples == 1440 and frames == 1 + (1440 - 200) // 80 and words == 3 and tags == 2
    assert {name: (value.shape, value.dtype.name) for name, value in y.items()} == {
        "breed": ((5,), "int32"),
        "price": ((5, 1), "float32"),
        "likes": ((5, 2), "float32"),
    }
    assert all(weight.shape == (5,) and weight.dtype == "float32" for weight in w.values()) and set(w) == set(y)
    assert [len(batch[2]["price"]) for batch in batches] == [5, 5, 2]


def test_the_spec_of_the_data_set_is_its_batches(data, batches):
    assert data.cardinality() == 3
    for batch in batches:
        flat = zip(tf.nest.flatten(data.element_spec), tf.nest.flatten(batch), strict=True)
        assert all(spec.shape.is_compatible_with(value.shape) and spec.dtype == value.dtype for spec, value in flat)


def test_missing_cells_are_masked_and_zero(batches, pipe):
    x = batches[0][0]
    for name in pipe.inputs:
        value, mask = x[name], x[f"{name}_mask"]
        assert not mask[1].any() and not value[1].any(), name
        assert mask[0].any() and np.isfinite(value).all(), name
        if name != "photo":
            assert not value[~mask].any(), name
    assert x["body_mask"].tolist() == [[True, True], [False, False], [True, True], [True, False], [True, True]]


def test_missing_labels_weigh_nothing_and_are_harmless(batches):
    _, y, w = batches[0]
    assert all(weight.tolist() == [1, 1, 0, 1, 1] for weight in w.values())
    assert all(np.isfinite(label).all() for label in y.values())
    assert y["breed"].tolist() == [1, 0, 0, 0, 0]
    assert y["likes"].tolist() == [[1, 0], [1, 1], [0, 0], [0, 1], [1, 0]]


def test_targets_come_back_through_write(pipe, batches, frame):
    answers = pipe.write(
        {
            "breed": tf.one_hot(joined(batches, 1, "breed"), 2),
            "price": tf.constant(joined(batches, 1, "price")),
            "likes": tf.constant(joined(batches, 1, "likes")),
        }
    )
    real = joined(batches, 2, "price") > 0
    assert [label.decode() for label in answers["breed"].numpy()[real]] == frame["breed"][real].tolist()
    np.testing.assert_allclose(answers["price"][real], frame["price"][real].astype(float), atol=1e-3)
    likes = [set(text.decode().split("|")) for text in answers["likes"].numpy()[real]]
    assert likes == [set(text.split("|")) for text in frame["likes"][real]]
    assert set(answers) == {"breed", "breed_probabilities", "price", "likes", "likes_probabilities"}


def test_a_row_is_the_same_in_any_batch_and_out_of_a_cache(pipe, rows, batches, tmp_path):
    data = pipe.batches(rows, 12, cache=tmp_path / "cache")
    (first, *_), (whole, *_) = (list(data.as_numpy_iterator()) for _ in range(2))  # written to the end, then read
    same(first, whole)
    assert list(tmp_path.iterdir())
    for number, batch in enumerate(batches):
        for name, value in batch[0].items():
            part = whole[0][name][5 * number : 5 * number + 5]
            part, rest = (part[:, : value.shape[1]], part[:, value.shape[1] :]) if value.ndim > 1 else (part, part[:0])
            np.testing.assert_array_equal(value, part, err_msg=name)
            assert not rest.any(), name


def test_served_bytes_give_the_batches_of_files(pipe, batches, frame, folder):
    def read(name):
        return (folder / name).read_bytes() if name else b""

    served = {column: tf.constant(frame[column].tolist()) for column in ("story", "colour", "traits")}
    served |= {column: tf.constant([read(name) for name in frame[column]]) for column in ("photo", "voice")}
    numbers = frame[["age", "height", "weight"]].replace({"": "nan", "NA": "nan"}).astype("float32")
    served |= {column: tf.constant(numbers[column]) for column in numbers}
    signature = pipe.signature()
    assert {column: spec.dtype for column, spec in signature.items()} == {c: v.dtype for c, v in served.items()}
    preprocess = tf.function(pipe.preprocess, input_signature=[signature])
    for start, batch in zip((0, 5, 10), batches, strict=True):
        x = preprocess({column: value[start : start + 5] for column, value in served.items()})
        assert set(x) == set(batch[0])
        for name, value in batch[0].items():
            np.testing.assert_allclose(x[name], value, atol=1e-6, err_msg=name)
    broken = dict.fromkeys(signature, tf.constant(["junk"])) | dict.fromkeys(numbers, tf.constant([np.inf], "float32"))
    x = preprocess(broken)
    absent = ("photo", "voice", "sound", "age", "body", "traits")
    assert not any(x[f"{name}_mask"].numpy().any() or x[name].numpy().any() for name in absent)


def test_saved_and_loaded_pipelines_give_equal_batches(pipe, rows, batches, tmp_path):
    pipe.save(tmp_path / "pipe.json")
    again = Pipeline.load(tmp_path / "pipe.json")
    assert again.spec == pipe.spec and again.on_bad == "raise"
    for ours, theirs in zip(batches, again.batches(rows, 5).as_numpy_iterator(), strict=True):
        same(ours, theirs)
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "pipe.json").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"junk",
        b"\x80\x81",
        b"[]",
        b"3",
        b'{"inputs": {}}',
        b'{"inputs": [], "targets": {}, "on_bad": "raise"}',
        b'{"inputs": {"a": {"config": {"modality": "Text"}}}, "targets": {}, "on_bad": "raise"}',
    ],
)
def test_files_that_are_no_saved_pipelines(tmp_path, content):
    (tmp_path / "pipe.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"Pipeline.load: the file must be a saved pipeline. Received: .*pipe.json"):
        Pipeline.load(tmp_path / "pipe.json")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"modality": "Smell"}, "a modality must be one of Audio, .* Received: modality='Smell'"),
        ({"split": "word"}, "a modality must be one of .* Received: modality=None"),
        ({"modality": "Text", "colour": 1}, "Text does not take these arguments .* Received: {'colour': 1}"),
    ],
)
def test_saved_pipelines_with_a_wrong_modality(tmp_path, config, message):
    saved = {"inputs": {"a": {"config": config, "state": {}}}, "targets": {}, "on_bad": "raise"}
    (tmp_path / "pipe.json").write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=message):
        Pipeline.load(tmp_path / "pipe.json")


@pytest.fixture(scope="module")
def light(rows):
    """Without media: quick to trace."""
    pipe = Pipeline({"story": Text(), "age": Number()}, {"breed": Category(), "price": Number()})
    return pipe.adapt(rows)


def ages(data):
    return [x["age"][:, 0].tolist() for x, *_ in data.as_numpy_iterator()]


def test_order_follows_the_seed_and_changes_every_epoch(light, rows):
    one = light.batches(rows, 5, training=True, seed=3)
    first, second = ages(one), ages(one)
    again = light.batches(rows, 5, training=True, seed=3)
    assert [ages(again), ages(again)] == [first, second]
    assert first != second and first != ages(light.batches(rows, 5, training=True, seed=4))
    plain = ages(light.batches(rows, 5, seed=3))
    assert plain not in (first, second)
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == sorted(np.concatenate(plain))


def test_class_weights_are_folded_into_the_weights(light, rows, frame):
    def weights(wanted, training=True):
        found = {}
        for x, y, w in light.batches(rows, 12, training=training, class_weight=wanted).as_numpy_iterator():
            for story, breed, weight, price in zip(x["story"], y["breed"], w["breed"], w["price"], strict=True):
                found[tuple(story)] = (int(breed), float(weight), float(price))
        return [found[story] for story in sorted(found)]

    plain = weights(None)
    assert sorted(weight for _, weight, _ in plain) == [0.0] + [1.0] * 11
    labelled = [(breed, weight, price) for breed, weight, price in weights("balanced") if price]
    expected = {0: 11 / 2 / 10, 1: 11 / 2 / 1}
    assert all(abs(weight - expected[breed]) < 1e-6 for breed, weight, _ in labelled) and len(labelled) == 11
    assert weights({"breed": "balanced"}) == weights("balanced")
    given = [(breed, weight) for breed, weight, price in weights({"breed": {"pug": 7}}) if price]
    assert all(weight == (7 if breed else 1) for breed, weight in given)
    assert all(weight == 0 for _, weight, price in weights("balanced") if not price)
    assert weights("balanced", training=False) == plain


@pytest.mark.parametrize("wanted", ["even", ["breed"], {"price": "balanced"}, {"no": {}}])
def test_class_weights_of_what_is_no_category(light, rows, wanted):
    with pytest.raises(ValueError, match=r"class_weight must be .* Received: class_weight=.* choose from \['breed'\]"):
        light.batches(rows, training=True, class_weight=wanted)


def test_cached_batches_equal_uncached_ones(light, rows):
    plain, cached = light.batches(rows, 5), light.batches(rows, 5, cache=True)
    for _ in range(2):
        for ours, theirs in zip(plain.as_numpy_iterator(), cached.as_numpy_iterator(), strict=True):
            same(ours, theirs)


def test_a_cache_decodes_once(folder, tmp_path):
    (tmp_path / "a.png").write_bytes((folder / "0.png").read_bytes())
    (tmp_path / "t.csv").write_text("photo\na.png\n")
    table = data_pipelines.read_table(tmp_path / "t.csv")
    data = Pipeline({"photo": Image(8)}).adapt(table).batches(table, cache=True)
    first = next(data.as_numpy_iterator())
    (tmp_path / "a.png").unlink()
    same(first, next(data.as_numpy_iterator()))


def test_a_cached_batch_without_recordings_is_a_frame_wide(rows):
    none = rows.where(voice="")
    wave, mel = (
        Audio(seconds=0.3, sample_rate=8000, features=name, column="voice") for name in ("waveform", "log_mel")
    )
    pipe = Pipeline({"wave": wave, "mel": mel}).adapt(none)
    plain, cached = (next(pipe.batches(none, 5, cache=cache).as_numpy_iterator()) for cache in (False, True))
    assert plain[0]["wave"].shape == (1, 200) and plain[0]["mel"].shape == (1, 1, 40)
    same(plain, cached)


def test_hidden_inputs_are_absent_and_the_rest_is_unchanged(light, rows):
    plain = list(light.batches(rows, 5).as_numpy_iterator())
    for ours, hidden in zip(plain, light.batches(rows, 5, absent=["story"]).as_numpy_iterator(), strict=True):
        assert not hidden[0]["story"].any() and not hidden[0]["story_mask"].any()
        ours[0]["story"], ours[0]["story_mask"] = hidden[0]["story"], hidden[0]["story_mask"]
        same(ours, hidden)
    with pytest.raises(ValueError, match=r"absent must name inputs. Received: \['breed'\]. Do: of \['story', 'age'\]"):
        light.batches(rows, absent=["age", "breed"])


def test_without_targets_no_target_column_is_read(light, rows):
    bare = rows.without("breed", "price")
    plain = list(light.batches(rows, 5).as_numpy_iterator())
    for ours, theirs in zip(plain, light.batches(bare, 5, with_targets=False).as_numpy_iterator(), strict=True):
        same(ours[0], theirs)
    with pytest.raises(ValueError, match=r"a column must be in the table. Received: column='breed'"):
        light.batches(bare)


def test_a_pipeline_without_targets_trains_nothing(rows):
    x, y, w = next(iter(Pipeline({"age": Number()}).adapt(rows).batches(rows)))
    assert set(x) == {"age", "age_mask"} and y == {} and w == {}


def test_fit_takes_the_batches(light, rows):
    age = keras.Input((1,), name="age")
    mask = keras.Input((1,), name="age_mask", dtype="bool")
    hidden = keras.layers.Dense(4)(age)
    outputs = {
        "breed": keras.layers.Dense(2, name="breed")(hidden),
        "price": keras.layers.Dense(1, name="price")(hidden),
    }
    model = keras.Model({"age": age, "age_mask": mask}, outputs)
    losses = {"breed": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "price": "mse"}
    model.compile("adam", losses)
    data = light.batches(rows, 5, training=True, class_weight="balanced")

    def without_story(x, y, w):
        return {"age": x["age"], "age_mask": x["age_mask"]}, y, w

    history = model.fit(data.map(without_story), shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_nothing_works_before_adapt(rows, tmp_path):
    pipe = Pipeline({"age": Number()})
    uses = {
        "batches": lambda: pipe.batches(rows),
        "spec": lambda: pipe.spec,
        "preprocess": lambda: pipe.preprocess({}),
        "save": lambda: pipe.save(tmp_path / "pipe.json"),
    }
    for name, use in uses.items():
        with pytest.raises(ValueError, match=rf"Pipeline.{name}: the pipeline must be adapted first. Do: pipe.adapt"):
            use()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pipeline({}), r"there must be an input. Received: inputs=\{\}"),
        (lambda: Pipeline({"a_mask": Text()}), "must not end in '_mask', .* Received: 'a_mask'"),
        (lambda: Pipeline({"a/b": Text()}), r"must be ASCII letters, .* Received: 'a/b'. Do: .*\(column='a/b'\)"),
        (lambda: Pipeline({"a": Text()}, {"b_mask": Number()}), "must not end in '_mask', .* Received: 'b_mask'"),
        (lambda: Pipeline({"a": Number()}, {"a": Number()}), "must be an input or a target.* Received: 'a'"),
        (lambda: Pipeline({"a": Text()}, {"b": Graph()}), r'Graph cannot be a target yet. Received: targets\["b"\]'),
        (
            lambda: Pipeline({"a": Image(classes=3)}),
            r'Image with these arguments is an answer, .* Received: inputs\["a"\]. Do: targets=\{"a"',
        ),
        (lambda: Pipeline({"a": Text()}, on_bad="skip"), "on_bad must be one of .* Received: on_bad='skip'"),
    ],
)
def test_wrong_declarations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_calls(light, rows):
    with pytest.raises(ValueError, match=r"batch_size must be > 0. Received: batch_size=0"):
        light.batches(rows, 0)
    with pytest.raises(ValueError, match=r"on_bad must be one of .* Received: on_bad='skip'"):
        light.batches(rows, on_bad="skip")
    with pytest.raises(ValueError, match=r'there must be rows. Received: 0 rows of "pets.csv"'):
        light.batches(rows.take(0))


def test_data_pipelines_never_imports_mmkeras():
    folder = pathlib.Path(data_pipelines.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "mmkeras" for name in names), path
