"""Sounds by flow matching: its loss is that of the velocity, draws vary as real sounds do, guidance, absence."""

import keras
import numpy as np
import pytest
from keras import ops

from data_pipelines import Audio
from mmkeras.decoders import AudioFlowDecoder, AudioMelDecoder
from mmkeras.generation.flow_time import choose_time
from mmkeras.generation.seeds import Seeds
from mmkeras.layers.log_mel import CENTRE, SPREAD

RANDOM = np.random.default_rng(0)
TOKENS = RANDOM.normal(size=(4, 5, 8)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 0]], bool)
LABELS = np.zeros((4, 12, 4), "float32")
LABELS[..., :3] = RANDOM.normal(-5.0, 4.0, (4, 12, 3))
LABELS[..., 3] = np.arange(12) < np.array([7, 12, 3, 1])[:, None]
LABELS *= LABELS[..., 3:]


def array(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def decoder():
    keras.utils.set_random_seed(0)
    layer = AudioFlowDecoder.example()[0]
    layer.build(TOKENS.shape)
    for dense in (layer.mean_dense, layer.flow_dense):
        dense.kernel.assign(10.0 * dense.kernel)
    return layer


def told(layer, target=None, mask=MASK):
    mask = ops.convert_to_tensor(mask)
    return layer._told(layer.spread.timed(ops.convert_to_tensor(TOKENS), target, mask=mask), mask)


def test_squared_error_of_what_call_gives_is_that_of_the_velocity(decoder):
    condition, mean, ends, shown = told(decoder, ops.convert_to_tensor(LABELS))
    real = array(shown)
    np.testing.assert_array_equal(real, LABELS[..., -1] > 0)
    end = np.where(real[..., None], (LABELS[..., :-1] - CENTRE) / SPREAD, 0.0).astype("float32")
    time = choose_time(ops.convert_to_tensor(end), decoder.noise)
    part = array(time)[:, None, None]
    moved = ops.convert_to_tensor((1 - part) * decoder.noise + part * end)
    speed = array(decoder._velocity(moved, time, condition, shown))
    given = decoder(TOKENS, LABELS, inputs_mask=ops.convert_to_tensor(MASK))
    errors = [((speed - (end - decoder.noise)) ** 2).mean(-1), ((array(mean) - end) ** 2).mean(-1)]
    wanted = (sum(errors) / 2 * real).sum(1) / real.sum(1)
    ends = array(ends)
    wanted += (np.logaddexp(0, ends) - ends * real).mean(1)
    np.testing.assert_allclose(array(decoder.default_loss().call(LABELS, given)), wanted, rtol=1e-4)


def test_generate_follows_the_velocity(decoder):
    condition, _, ends, shown = told(decoder)
    null = ops.zeros_like(condition) + decoder.null
    frames = 0.5 * array(keras.random.normal((4, 12, 3), seed=Seeds(3)))
    for place in range(4):
        time = ops.convert_to_tensor(np.full(4, place / 4, "float32"))
        first, bare = (
            array(decoder._velocity(ops.convert_to_tensor(frames), time, c, shown)) for c in (condition, null)
        )
        frames = frames + (bare + 1.5 * (first - bare)) / 4
    samples = decoder.vocoder(ops.convert_to_tensor(CENTRE + SPREAD * frames), mask=ends > 0, seed=3)
    options = {"seed": 3, "steps": 4, "guidance": 1.5, "temperature": 0.5}
    given = array(decoder.generate(TOKENS, ops.convert_to_tensor(MASK), **options))
    np.testing.assert_allclose(given, np.clip(array(samples), -1, 1), atol=1e-3)
    assert given.shape == decoder.generated_spec(keras.KerasTensor((4, 5, 8))).shape
    np.testing.assert_array_equal(given[2], 0.0)


def test_a_seed_decides_and_padding_does_not(decoder):
    mask = ops.convert_to_tensor(MASK)
    spoiled = np.where(MASK[..., None], TOKENS, np.nan)
    first = array(decoder.generate(TOKENS, mask, seed=1, steps=2, iterations=2))
    np.testing.assert_array_equal(array(decoder.generate(spoiled, mask, seed=1, steps=2, iterations=2)), first)
    assert np.abs(array(decoder.generate(TOKENS, mask, seed=2, steps=2, iterations=2)) - first).max() > 1e-4


def test_dropping_every_condition_leaves_the_mean_and_hides_the_rest():
    keras.utils.set_random_seed(0)
    layer = AudioFlowDecoder(12, 3, 8000, 16, 8, width=16, num_layers=1, drop_condition=0.999999, dropout=0.0)
    layer.build(TOKENS.shape)
    given = []
    for tokens in (TOKENS, -TOKENS):
        layer.seed_generator.state.assign([1, 1])
        given.append(array(layer(tokens, LABELS, training=True)))
    np.testing.assert_allclose(given[0][..., :3], given[1][..., :3], atol=1e-4)
    assert np.abs(given[0][..., 3:6] - given[1][..., 3:6]).max() > 1e-3


def test_a_segment_lies_among_the_labels_frames_and_weighs_as_all():
    keras.utils.set_random_seed(0)
    sizes = {"most": 12, "mel_bins": 3, "sample_rate": 8000, "frame": 16, "hop": 8, "width": 16, "num_layers": 1}
    whole, part = (AudioFlowDecoder(**sizes, dropout=0.0, segment=segment) for segment in (None, 4))
    for layer in (whole, part):
        layer.build(TOKENS.shape)
    part.set_weights(whole.get_weights())
    losses, starts = {whole: [], part: []}, set()
    for _ in range(40):
        for layer, found in losses.items():
            given = layer(TOKENS, LABELS, training=True)
            found.append(array(layer.default_loss().call(LABELS, given)))
        away = np.abs(array(given)[..., :3] - LABELS[..., :3]).max(-1) > 1e-3
        moved = [np.flatnonzero(row & real) for row, real in zip(away, LABELS[..., 3] > 0, strict=True)]
        assert [len(row) for row in moved] == [4, 4, 3, 1]
        assert all(row[-1] - row[0] == len(row) - 1 for row in moved)
        starts.add(int(moved[1][0]))
    assert {0, 8} <= starts <= set(range(9))
    np.testing.assert_allclose(*(np.mean(found, 0) for found in losses.values()), rtol=0.15)


def noisy(count, seed):
    """Two classes; each sound of a class has the one or the other half of its bands loud, by chance."""
    random = np.random.default_rng(seed)
    kinds, sides = random.integers(0, 2, (2, count))
    labels = np.full((count, 8, 5), -9.0, "float32")
    labels[np.arange(count), :, 2 * kinds + sides] = -1.0
    labels[..., 4] = 1.0
    return np.eye(2, dtype="float32")[kinds][:, None], labels


def test_draws_differ_where_the_mean_is_blurred():
    tokens, labels = noisy(256, 0)
    sizes = {"most": 8, "mel_bins": 4, "sample_rate": 8000, "frame": 64, "hop": 32, "num_layers": 1, "dropout": 0.0}
    drawn = {}
    for cls, more in ((AudioMelDecoder, {}), (AudioFlowDecoder, {"width": 32, "drop_condition": 0.0})):
        keras.utils.set_random_seed(0)
        layer, dense = cls(**sizes, **more), keras.layers.Dense(16)
        inputs, target = keras.Input((1, 2)), keras.Input((8, 5))
        model = keras.Model([inputs, target], layer(dense(inputs), target))
        model.compile(keras.optimizers.Adam(5e-3), layer.default_loss(), jit_compile=False)
        model.fit([tokens, labels], labels, 32, epochs=25, verbose=0)
        drawn[cls] = array(_frames_of(layer, dense(tokens[:64])))
    kinds = tokens[:64, 0, 1].astype(int)
    own, other = ({cls: frames[np.arange(64), which] for cls, frames in drawn.items()} for which in (kinds, 1 - kinds))
    for cls in drawn:
        assert np.abs(other[cls] + 9.0).mean() < 1.0
    # Between loud and silent, the same for all of a kind.
    assert max(own[AudioMelDecoder][kinds == kind].std(0).max() for kind in (0, 1)) < 1e-3
    loud = own[AudioFlowDecoder] > -5.0
    assert (loud.sum(1) == 1).mean() > 0.8
    assert 0.25 < loud[:, 0].mean() < 0.75


def _frames_of(layer, tokens):
    """Mean log-mel frames, kind and side apart."""
    with_draws = {"steps": 8} if isinstance(layer, AudioFlowDecoder) else {}
    frames = []  # What the vocoder is handed: frames of four bands tell more than samples made of them.
    layer.vocoder = lambda mel, **options: frames.append(mel) or mel[..., 0]
    layer.generate(tokens, **with_draws)
    return ops.reshape(ops.mean(frames[0], axis=1), (64, 2, 2))


def test_the_spec_says_its_sizes():
    spec = Audio(seconds=0.164, sample_rate=8000, mel_bins=8, frame_seconds=0.008, hop_seconds=0.004).target_spec()
    config = AudioFlowDecoder.from_spec(spec, dropout=0.3, width=24).get_config()
    wanted = {"most": 40, "mel_bins": 8, "sample_rate": 8000, "frame": 64, "hop": 32, "dropout": 0.3, "width": 24}
    assert {key: config[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"most": 0}, r"Received: most=0, kernel_size=5, drop_condition=0.1"),
        ({"kernel_size": 4}, r"Received: most=9, kernel_size=4"),
        ({"segment": 0}, r"segment must be > 0\. Received: segment=0\. Do: segment=64"),
        ({"drop_condition": 1.0}, r"drop_condition in \[0, 1\)\. Received: .*drop_condition=1.0"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        AudioFlowDecoder(**{"most": 9, **options})


def test_steps_are_needed(decoder):
    with pytest.raises(ValueError, match=r"steps must be > 0\. Received: steps=0"):
        decoder.generate(TOKENS, steps=0)
