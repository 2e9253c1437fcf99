import itertools
import re
from collections import defaultdict

import keras
import numpy as np
import pytest
from keras import ops
from reference import dense, normal, shake, softmax, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import CTCDecoder
from mmkeras.decoders.ctc_search import beam_search, greedy_search
from mmkeras.losses.ctc_loss import NEVER

X = normal(3, 4, 8)
MASK = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]], bool)
PEAKS = [0, 2, 2, 0, 2, 3, 3, 0, 0, 1]


def frames_of(ids, classes=5):
    """Frames that are nearly sure of these classes."""
    return np.log(0.96 * np.eye(classes)[np.array(ids)] + 0.01).astype("float32")


def random_frames(rows, length, classes, seed=0):
    return np.log(softmax(2 * normal(rows, length, classes, seed=seed))).astype("float32")


def built(**options):
    layer = CTCDecoder(6, **options)
    layer.build(X.shape)
    return shake(layer)


def test_real_tokens_come_first():
    layer = built()
    given, w = to_numpy(layer(X, mask=MASK)), weights(layer)
    wanted = np.log(softmax(dense(X, w, "dense")))
    np.testing.assert_allclose(given[0], wanted[0], atol=1e-5)
    np.testing.assert_allclose(given[1, :2], wanted[1, [1, 3]], atol=1e-5)
    sure = [0.0, *[NEVER] * 4]
    np.testing.assert_array_equal(given[1, 2:], [sure] * 2)
    np.testing.assert_array_equal(given[2], [sure] * 4)
    np.testing.assert_array_equal(to_numpy(layer.compute_mask(X, MASK)), np.sort(MASK, 1)[:, ::-1])


def test_more_frames_a_token():
    layer = built(upsample=3)
    given, w = to_numpy(layer(X, mask=MASK)), weights(layer)
    logits = dense(X, w, "dense").reshape(3, 12, 5)
    np.testing.assert_allclose(given[0], np.log(softmax(logits[0])), atol=1e-5)
    np.testing.assert_allclose(given[1, :3], np.log(softmax(logits[1, 3:6])), atol=1e-5)
    np.testing.assert_array_equal(to_numpy(layer.compute_mask(X, MASK)).sum(1), [12, 6, 0])


def test_where_padding_stands_changes_neither_loss_nor_text():
    layer, texts = built(), np.array([[2, 5, 0], [3, 3, 5], [5, 0, 0]])
    longer, shown = np.full((3, 7, 8), np.nan, "float32"), np.zeros((3, 7), bool)
    longer[:, 1:5], shown[:, 1:5] = X, MASK
    loss = layer.default_loss()
    assert float(loss(texts, layer(longer, mask=shown))) == pytest.approx(
        float(loss(texts, layer(X, mask=MASK))), rel=1e-5
    )
    for beams in (1, 3):
        bare = to_numpy(layer.generate(X, mask=MASK, beams=beams))
        np.testing.assert_array_equal(to_numpy(layer.generate(longer, mask=shown, beams=beams))[:, :4], bare)
        np.testing.assert_array_equal(bare[2], 0)


def test_repetitions_are_joined_and_blanks_dropped():
    frames = np.stack([frames_of(PEAKS), frames_of([0] * 10), frames_of([3] * 10)])
    wanted = [[2, 2, 3, 1, 0, 0, 0, 0, 0, 0], [0] * 10, [3, *[0] * 9]]
    np.testing.assert_array_equal(to_numpy(greedy_search(frames)), wanted)
    np.testing.assert_array_equal(to_numpy(beam_search(frames, 4)), wanted)


def likeliest(frames):
    """The likeliest text, over every path one by one."""
    sums = defaultdict(list)
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        text = tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)
        sums[text].append(sum(frames[t, c] for t, c in enumerate(path)))
    return max(sums, key=lambda text: np.logaddexp.reduce(sums[text]))


def test_a_wide_beam_finds_the_likeliest_text_of_all():
    frames = 0.4 * random_frames(12, 5, 3)
    frames = np.log(softmax(frames)).astype("float32")
    found = [tuple(filter(None, row)) for row in to_numpy(beam_search(frames, 60)).tolist()]
    assert found == [likeliest(row) for row in frames]
    greedy = [tuple(filter(None, row)) for row in to_numpy(greedy_search(frames)).tolist()]
    assert sum(a != b for a, b in zip(found, greedy, strict=True)) > 3


@pytest.mark.parametrize("beams", [2, 5])
def test_a_narrow_beam_is_as_that_of_keras(beams):
    frames = random_frames(16, 12, 6, seed=beams)
    wanted = ops.ctc_decode(frames, np.full(16, 12), strategy="beam_search", beam_width=beams)[0][0]
    np.testing.assert_array_equal(to_numpy(beam_search(frames, beams)), np.maximum(to_numpy(wanted), 0))


@pytest.mark.parametrize("beams", [1, 3])
def test_a_generating_model_of_any_length(beams, tmp_path):
    class Speak(keras.layers.Layer):
        def __init__(self, layer, **kwargs):
            super().__init__(**kwargs)
            self.layer = layer

        def call(self, inputs, shown):
            return self.layer.generate(inputs, mask=shown, beams=beams)

        def compute_output_spec(self, inputs, shown):
            return self.layer.generated_spec(inputs)

    layer = built(upsample=2)
    inputs, shown = keras.Input((None, 8)), keras.Input((None,), dtype="bool")
    model = keras.Model([inputs, shown], Speak(layer)(inputs, shown))
    assert model.output.shape == (None, None)
    assert model.output.dtype == "int32"
    wanted = to_numpy(layer.generate(X, mask=MASK, beams=beams))
    np.testing.assert_array_equal(model.predict_on_batch([X, MASK]), wanted)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        model.export(tmp_path / "speaks", verbose=False)
        loaded = tf.saved_model.load(tmp_path / "speaks")
        np.testing.assert_array_equal(loaded.serve([X, MASK]), wanted)
        compiled = tf.function(lambda x, shown: model([x, shown]), jit_compile=True)
        np.testing.assert_array_equal(compiled(X, MASK), wanted)


def test_it_learns_to_spell_through_fit():
    random = np.random.default_rng(0)
    sounds = random.normal(size=(4, 8))
    texts = random.integers(2, 6, size=(256, 3))
    lengths = random.integers(2, 4, size=(256, 3))
    x, shown = np.zeros((256, 12, 8), "float32"), np.zeros((256, 12), bool)
    for row, (text, length) in enumerate(zip(texts, lengths, strict=True)):
        spoken = np.concatenate([[sounds[i - 2]] * n + [np.zeros(8)] for i, n in zip(text, length, strict=True)])
        x[row, : len(spoken)], shown[row, : len(spoken)] = spoken, True
    labels = np.pad(texts, [(0, 0), (0, 1)], constant_values=6)
    inputs, mask = keras.Input((None, 8), name="x"), keras.Input((None,), dtype="bool", name="mask")
    layer = CTCDecoder(7, dropout=0.0)
    model = keras.Model({"x": inputs, "mask": mask}, layer(inputs, mask=mask))
    model.compile(keras.optimizers.Adam(0.05), layer.default_loss(), weighted_metrics=layer.default_metrics())
    batches = {"x": x, "mask": shown}
    model.fit(batches, labels, epochs=25, batch_size=64, sample_weight=np.ones(256), verbose=0)
    result = model.evaluate(batches, labels, sample_weight=np.ones(256), return_dict=True, verbose=0)
    assert result["too_long"] == 0.0
    assert result["loss"] < 0.5
    told = to_numpy(layer.generate(x, mask=shown))[:, :3]
    assert (told == texts).all(1).mean() > 0.95


def test_score_by_hand():
    texts, told = np.array(["a b", "", "c  d", "x"], object), np.array(["a b", "e", "c d", "y"], object)
    score = CTCDecoder.score(texts, np.array([1.0, 1, 2, 0]), told)
    assert score["wer"] == pytest.approx(1 / 4)
    assert score["cer"] == pytest.approx((0 + 1 + 1) / 7)
    assert score["exact_match"] == pytest.approx(2 / 3)
    assert all(isinstance(value, float) for value in score.values())


def test_from_spec():
    layer = CTCDecoder.from_spec(FieldSpec("Text", (), details={"vocabulary_size": 30}), dropout=0.2, upsample=2)
    assert (layer.vocabulary_size, layer.upsample, layer.dropout) == (30, 2, 0.2)
    assert [metric.name for metric in layer.default_metrics()] == ["too_long"]


@pytest.mark.parametrize("wrong", [{"vocabulary_size": 2}, {"vocabulary_size": 6, "upsample": 0}])
def test_sizes(wrong):
    size, upsample = wrong["vocabulary_size"], wrong.get("upsample", 1)
    rule = (
        "CTCDecoder: vocabulary_size must be > 2 and upsample > 0. "
        f"Received: vocabulary_size={size}, upsample={upsample}. Do: upsample=1."
    )
    with pytest.raises(ValueError, match=re.escape(rule)):
        CTCDecoder(**wrong)


def test_beams():
    rule = "CTCDecoder: beams must be > 0. Received: beams=0. Do: beams=1."
    with pytest.raises(ValueError, match=re.escape(rule)):
        built().generate(X, beams=0)
