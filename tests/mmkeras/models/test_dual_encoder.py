import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_table import model_for, pipeline, served, write_table

import mmkeras as mm
from mmkeras.models.dual_encoder import embedded

SERVE = """
import pickle, sys
for name in ("keras", "mmkeras", "data_pipelines", "tf_keras"):
    sys.modules[name] = None
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures
with open(sys.argv[2], "rb") as file:
    cases = pickle.load(file)
answers = {}
for name, (signature, cells) in cases.items():
    given = served[signature](**{column: tf.constant(values) for column, values in cells.items()})
    answers[name] = {key: value.numpy() for key, value in given.items()}
with open(sys.argv[3], "wb") as file:
    pickle.dump(answers, file)
"""
BOTH = ("photo", "story")
ENCODERS = {"photo": "ImageHistogramEncoder", "story": "TextBagEncoder"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pipe(rows):
    return pipeline(rows, targets=("kind",), inputs=("photo", "story", "age"))


@pytest.fixture(scope="module")
def trained(pipe, rows):
    keras.utils.set_random_seed(0)
    model = mm.build_dual_encoder(pipe.spec, BOTH, ENCODERS, dim=6, token_dim=16)
    model.compile(keras.optimizers.Adam(3e-3))
    batches = pipe.batches(rows, 12, training=True, cache=True)
    judged = pipe.batches(rows, 12, cache=True)
    history = model.fit(batches, validation_data=judged, epochs=30, shuffle=False, verbose=0).history
    return model, history


def test_fit_brings_pairs_together(trained, pipe, rows):
    model, history = trained
    assert history["val_loss"][-1] < 0.9 * history["val_loss"][0]
    untrained = mm.build_dual_encoder(pipe.spec, BOTH, ENCODERS, dim=6, token_dim=16)
    for way in ("photo → story", "story → photo"):
        after = mm.retrieval_scores(model, pipe, rows)[way]
        assert after["mAP"] > mm.retrieval_scores(untrained, pipe, rows)[way]["mAP"]
        assert after["queries"] == 8
    assert embedded(model) == list(BOTH)


def test_embeddings_have_length_one_and_absent_ones_are_zero(trained, pipe, rows):
    vectors, present = mm.embed(trained[0], pipe, rows, batch_size=5)
    assert np.flatnonzero(~present["photo"]).tolist() == [1, 4, 11]
    assert np.flatnonzero(~present["story"]).tolist() == [2, 4]
    for name in BOTH:
        np.testing.assert_allclose(np.linalg.norm(vectors[name], axis=1), present[name], atol=1e-5)


def test_one_encoder_alone_and_the_file(trained, pipe, rows, tmp_path):
    model = trained[0]
    x = {name: np.asarray(value) for name, value in next(iter(pipe.batches(rows, 12)))[0].items()}
    together = model.predict_on_batch(x)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert embedded(loaded) == list(BOTH)
    for name in BOTH:
        alone = mm.single_encoder(model, name).predict_on_batch({key: x[key] for key in (name, f"{name}_mask")})
        np.testing.assert_allclose(alone, together[name], atol=1e-6)
        np.testing.assert_array_equal(loaded.predict_on_batch(x)[name], together[name])


def test_the_saved_model_has_a_signature_for_each(trained, pipe, rows, tmp_path):
    import pickle

    model = trained[0]
    mm.export(model, pipe, tmp_path / "saved")
    cells = {name: value for name, value in served().items() if name in pipe.inputs}
    cases = {"all": ("serving_default", cells), **{name: (f"embed_{name}", {name: cells[name]}) for name in BOTH}}
    (tmp_path / "cases").write_bytes(pickle.dumps(cases))
    paths = [str(tmp_path / part) for part in ("saved", "cases", "answers")]
    done = subprocess.run([sys.executable, "-c", SERVE, *paths], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    given = pickle.loads((tmp_path / "answers").read_bytes())
    vectors, present = mm.embed(model, pipe, rows)
    for name in BOTH:
        np.testing.assert_allclose(given[name]["embedding"], vectors[name], atol=1e-5)
        np.testing.assert_allclose(given["all"][f"{name}_embedding"], vectors[name], atol=1e-5)
        np.testing.assert_array_equal(given[name]["present"], present[name])
        np.testing.assert_array_equal(given["all"][f"{name}_present"], present[name])


def test_three_inputs_one_the_anchor_sigmoid_and_mixed_precision(pipe, rows):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = mm.build_dual_encoder(
            pipe.spec, encoders=ENCODERS, dim=6, token_dim=16, loss="sigmoid", anchor="story", temperature=0.2
        )
    finally:
        keras.config.set_dtype_policy("float32")
    assert {output.dtype for output in model.outputs} == {"float32"}
    model.compile("adam")
    x, y, w = next(iter(pipe.batches(rows, 12)))
    assert np.isfinite(model.train_on_batch(x, y, w))
    scores = mm.retrieval_scores(model, pipe, rows)
    assert len(scores) == 1 + 6
    vectors, present = mm.embed(model, pipe, rows)
    np.testing.assert_allclose(np.linalg.norm(vectors["age"], axis=1), present["age"], atol=1e-5)


def test_alignment_beside_classes(pipe, rows):
    align = mm.alignment.TokenAlignment(dim=4, name="align")
    model = mm.build(pipe.spec, dim=8, encoders=ENCODERS, before_fusion=align)
    mm.compile(model, pipe.spec)
    x, y, w = next(iter(pipe.batches(rows, 12)))
    logs = model.train_on_batch(x, y, w, return_dict=True)
    assert model.get_layer("align") is align
    assert logs["loss"] > 0
    assert set(mm.evaluate(model, pipe, rows)["targets"]["kind"]) >= {"accuracy"}


def test_zero_shot_with_class_names_and_prompts(trained, pipe, rows):
    scores = mm.zero_shot(trained[0], pipe, rows, "kind", text="story", media="photo")
    assert scores["rows"] == 8
    assert set(scores["recall"]) == {"cat", "dog", "fish"}
    prompts = {kind: [f"a {kind} number {number}" for number in range(3)] for kind in ("cat", "dog", "fish")}
    model = mm.build_dual_encoder(pipe.spec, ("story", "photo"), ENCODERS, dim=6, token_dim=16)
    told = mm.zero_shot(model, pipe, rows, "kind", text="story", media="photo", prompts=prompts)
    kinds = mm.single_encoder(model, "story")
    value, mask, _ = pipe.inputs["story"].encode([tf.constant([text for texts in prompts.values() for text in texts])])
    means = kinds.predict_on_batch({"story": value, "story_mask": mask}).reshape(3, 3, -1).mean(1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    vectors, present = mm.embed(model, pipe, rows)
    truth = np.array([("cat", "dog", "fish").index(cell) if cell else -1 for cell in rows.values("kind")])
    kept = present["photo"] & (truth >= 0)
    order = [pipe.spec["targets"]["kind"]["classes"].index(kind) for kind in ("cat", "dog", "fish")]
    assert order == [0, 1, 2]
    right = (vectors["photo"] @ means.T).argmax(1)[kept] == truth[kept]
    assert told["accuracy"] == pytest.approx(right.mean())
    assert told["chance"] == pytest.approx(np.bincount(truth[kept]).max() / kept.sum())


def refused(rule, call, *args, **options):
    with pytest.raises(ValueError, match=re.escape(rule)):
        call(*args, **options)


def test_what_is_refused(trained, pipe, rows):
    model = trained[0]
    rule = "build_dual_encoder: inputs must be two or more of the spec. Received: inputs="
    refused(rule + "('photo',), unknown=[]", mm.build_dual_encoder, pipe.spec, ["photo"])
    refused(rule + "('photo', 'tale'), unknown=['tale']", mm.build_dual_encoder, pipe.spec, ["photo", "tale"])
    rule = "single_encoder: the model must embed the input. Received: name='age'. Do: of ['photo', 'story']."
    refused(rule, mm.single_encoder, model, "age")
    plain = model_for(pipe)
    rule = "embed: the model must give embeddings. Received: outputs=['kind']. Do: build_dual_encoder."
    refused(rule, mm.embed, plain, pipe, rows)
    rule = "inputs must be two or more that the model embeds. Received: inputs=['photo', 'age']. Do: of ['photo',"
    refused(rule, mm.retrieval_scores, model, pipe, rows, inputs=["photo", "age"])
    ask = {"text": "story", "media": "photo"}
    rule = "zero_shot: the model must embed text and media. Received: ['age']. Do: of ['photo', 'story']."
    refused(rule, mm.zero_shot, model, pipe, rows, "kind", text="story", media="age")
    rule = "target must be a Category target of the pipeline, text a Text input. Received: target='sort', text='story'."
    refused(rule, mm.zero_shot, model, pipe, rows, "sort", **ask)
    rule = "zero_shot: every class must have a prompt. Received: none for ['dog', 'fish']."
    refused(rule, mm.zero_shot, model, pipe, rows, "kind", prompts={"cat": "cat"}, **ask)
    rule = "zero_shot: a row must have a label and the media. Received: 'kind' and 'photo' in none."
    refused(rule, mm.zero_shot, model, pipe, rows.where(photo=""), "kind", **ask)
