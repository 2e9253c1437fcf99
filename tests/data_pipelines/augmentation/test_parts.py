"""Random parts of long recordings and clips: in training alone, by the row's seed, another one every pass."""

import io

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from clip_bytes import clip_bytes
from media_bytes import sound_bytes, tone, wav_bytes

from data_pipelines import Audio, Category, Pipeline, Text, Video, read_shards, read_table
from data_pipelines.formats.video import sample_clip

RATE = 8000
SAMPLES = np.arange(4000) / 4000 - 0.5  # each sample tells its place
SHORT = tone(440, 0.05)
COUNT = 9


def seed(*numbers):
    return tf.constant(numbers, tf.int32)


def audio(**options):
    return Audio(**{"seconds": 0.1, "sample_rate": RATE, "features": "waveform", "crop": "random", **options})


def opener(modality):
    """`open` as one graph: (bytes, seed) → array."""
    signature = [tf.TensorSpec([], tf.string), tf.TensorSpec([2], tf.int32)]
    drawn = tf.function(modality.open, input_signature=signature, autograph=False)
    whole = tf.function(modality.open, input_signature=signature[:1], autograph=False)
    return lambda data, *numbers: (drawn(data, seed(*numbers)) if numbers else whole(data)).numpy()


@pytest.fixture(scope="module")
def heard():
    return opener(audio())


@pytest.fixture(scope="module")
def uncropped():
    return opener(audio(crop=None))


def test_a_part_is_the_recording_from_some_sample_on(heard, uncropped):
    data = wav_bytes(SAMPLES, bits=32, real=True)
    starts = []
    for number in range(40):
        part = heard(data, number, 1)
        start = round((part[0] + 0.5) * 4000)
        np.testing.assert_allclose(part, SAMPLES[start : start + 800], atol=1e-6)
        starts.append(start)
    assert min(starts) < 400 and max(starts) > 2800 and len(set(starts)) > 30
    np.testing.assert_array_equal(heard(data), uncropped(data))
    np.testing.assert_array_equal(heard(data, 3, 1), heard(data, 3, 1))


def test_frames_at_another_rate_are_those_of_the_file_cut_there():
    samples = tone(440, 0.5, 11025)
    data = wav_bytes(samples, 11025, bits=32, real=True)
    start = int(audio()._start(tf.constant(len(samples)), tf.constant(11025), seed(5, 0)))
    assert 0 < start <= len(samples) - 1102
    cut = wav_bytes(samples[start:], 11025, bits=32, real=True)
    framed = opener(audio(features="log_mel"))
    np.testing.assert_allclose(framed(data, 5, 0), framed(cut), atol=1e-5)


@pytest.mark.parametrize("samples", [SHORT, SAMPLES[:800], SAMPLES[:1]])
def test_what_is_no_longer_than_the_part_is_taken_whole(samples, heard, uncropped):
    data = wav_bytes(samples)
    for number in range(5):
        np.testing.assert_array_equal(heard(data, number, 0), uncropped(data))


def frames(data, **options):
    options = {"frames": 4, "size": (8, 8), "seconds": None, "max_pixels": 10**6, **options}
    return np.round(np.load(io.BytesIO(sample_clip(data, **options))).mean((1, 2, 3)) / 20).astype(int).tolist()


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_frames_of_a_part_of_a_clip(kind):
    """12 frames in a second: a part of half a second has half of another half to begin in."""
    data = clip_bytes(12, kind=kind)
    assert frames(data, frames=3, seconds=0.5, place=0.999) == [6, 8, 10]
    assert frames(data, frames=3, seconds=0.5, place=0.55) == [4, 6, 8]
    assert frames(data, frames=3, offset=0.01) == [0, 4, 8] and frames(data, frames=3, offset=0.99) == [3, 7, 11]
    assert frames(data, frames=50, seconds=0.25, place=0.999) == [8, 9, 10, 11]


def test_frames_at_a_rate():
    data = clip_bytes(12)
    assert frames(data, frame_rate=6) == [1, 3, 5, 7]
    assert frames(data, frame_rate=6, place=0.999) == [4, 6, 8, 10]
    assert frames(data, frame_rate=2) == [3, 9], "the clip ends after two"
    assert frames(data, frames=3, frame_rate=24) == [0, 0, 1], "a frame stays until the next one comes"
    assert frames(data, frame_rate=0.1) == [11], "one at least"
    assert Video(frames=4, frame_rate=2).decode(Video(frames=4, frame_rate=2).as_served(data)).shape[0] == 2


def test_arrays_are_shifted_within_their_shares():
    pixels = np.arange(12, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 3), "uint8")
    file = io.BytesIO()
    np.save(file, pixels)
    clip = opener(Video(frames=4, size=4, crop="random"))
    seen = [tuple(np.round(clip(file.getvalue(), n, 0)[:, 0, 0, 0] * 255).astype(int).tolist()) for n in range(20)]
    assert {*seen} == {(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)}
    assert np.round(clip(file.getvalue())[:, 0, 0, 0] * 255).tolist() == [1, 4, 7, 10]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    for place in range(COUNT):
        samples = SAMPLES[: 4000 - 100 * place]
        data = sound_bytes(samples, RATE) if place == 4 else wav_bytes(samples)
        (folder / f"{place}.sound").write_bytes(data)
        (folder / f"{place}.mkv").write_bytes(clip_bytes(12, size=(16, 16), kind="matroska", times=range(0, 2400, 200)))
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    table = {
        "voice": [f"{place}.sound" for place in range(COUNT)] + [""],
        "clip": [f"{place}.mkv" for place in range(COUNT)] + [""],
        "kind": ["x", "y"] * 5,
    }
    return read_table(pd.DataFrame(table), folder)


@pytest.fixture(scope="module")
def pipe(rows):
    inputs = {"voice": audio(), "clip": Video(frames=2, size=4, seconds=1, crop="random")}
    return Pipeline(inputs, {"kind": Category()}).adapt(rows)


def passes(data, count=1):
    """Lists of batches as arrays."""
    return [list(data.as_numpy_iterator()) for _ in range(count)]


def starts(batches):
    """Where each recording's part begins; -1 where there is none."""
    x = [(value, there) for x, _, _ in batches for value, there in zip(x["voice"], x["voice_mask"].any(1), strict=True)]
    return [round(float((value[0] + 0.5) * 4000)) if there else -1 for value, there in x]


@pytest.fixture(scope="module")
def plain(pipe, rows):
    """Two passes of training."""
    return passes(pipe.batches(rows, 5, training=True, seed=1), 2)


def test_training_draws_other_parts_in_every_pass(plain):
    first, second = plain
    assert len({*starts(first)} - {-1}) > 6 and {*starts(first)} != {*starts(second)}
    assert starts(first).count(-1) == 1 and all(x["voice"].shape[1] == 800 for x, _, _ in first)
    lit = [np.round(x["clip"].mean((2, 3, 4)) * 255 / 20) for x, _, _ in first]
    assert len({float(row[0]) for part in lit for row in part}) > 3


def test_another_run_and_a_cache_and_another_policy_draw_the_same(pipe, rows, plain):
    for options in ({"on_bad": "mask"}, {"cache": True}):
        again = passes(pipe.batches(rows, 5, training=True, seed=1, **options), 2)
        tf.nest.map_structure(np.testing.assert_array_equal, plain, again)


def test_evaluation_takes_the_start_out_of_a_cache_too(pipe, rows):
    calm = passes(pipe.batches(rows, 5, cache=True))[0]
    assert set(starts(calm)) == {0, -1}
    lit = np.concatenate([x["clip"].mean((2, 3, 4)) * 255 / 20 for x, _, _ in calm])
    np.testing.assert_allclose(lit[:COUNT], np.tile([1, 3], (COUNT, 1)), atol=0.2)


def test_training_goes_on_with_the_parts_that_were_to_come(pipe, rows, plain):
    (resumed,) = passes(pipe.batches(rows, 5, training=True, seed=1, first_step=2))
    tf.nest.map_structure(np.testing.assert_array_equal, plain[1], resumed)
    options = {"training": True, "endless": True, "cache": True}
    endless = passes(pipe.batches(rows, 5, **options).take(5))[0]
    later = passes(pipe.batches(rows, 5, **options, first_step=3).take(2))[0]
    tf.nest.map_structure(np.testing.assert_array_equal, endless[3:], later)
    by_pass = passes(pipe.batches(rows, 5, **{**options, "endless": "by pass"}).take(5))[0]
    later = passes(pipe.batches(rows, 5, **{**options, "endless": "by pass"}, first_step=1).take(4))[0]
    tf.nest.map_structure(np.testing.assert_array_equal, by_pass[1:], later)


def test_pictures_and_sound_of_one_clip_stay_together():
    sound = np.repeat(np.arange(12) / 12 - 0.5, 1600)
    data = clip_bytes(12, size=(16, 16), kind="matroska", times=range(0, 2400, 200), sound=sound)
    heard, seen = opener(audio(seconds=0.4)), opener(Video(frames=4, size=4, seconds=0.4, crop="random"))
    for number in range(6):
        begins = (heard(data, number, 0)[0] + 0.5) * 12
        shown = round(float(seen(data, number, 0)[0].mean() * 255 / 20))
        assert -0.01 <= shown - begins <= 1.01


def test_shards_keep_the_whole(pipe, rows, plain, folder, tmp_path):
    pipe.prepare(rows, tmp_path / "shards", file_format="array_record")
    found = read_shards(tmp_path / "shards")
    assert found.values("clip")[0] == (folder / "0.mkv").read_bytes()
    assert found.values("voice")[0] == (folder / "0.sound").read_bytes() and found.values("voice")[4][:4] == b"RIFF"
    again = passes(pipe.batches(found, 5, training=True, seed=1))
    tf.nest.map_structure(np.testing.assert_array_equal, plain[:1], again)
    cut = Pipeline({"voice": audio(crop=None)}, {"kind": Category()}).adapt(rows)
    cut.prepare(rows, tmp_path / "cut")
    with pytest.raises(ValueError, match=r"must be read as it was prepared, 'voice' as .*'crop': 'random'"):
        pipe.batches(read_shards(tmp_path / "cut"), 5)


def test_rows_of_like_length_and_of_one_shape(pipe, rows):
    batches = pipe.batches(rows, 5, training=True, bucket_by_length=True, static_shapes=True)
    assert batches.element_spec[0]["voice"].shape == (5, 800) and len({*starts(passes(batches)[0])}) > 4


def test_a_damaged_frame_that_only_training_may_draw_is_told(folder, tmp_path):
    whole = clip_bytes(12, kind="avi", codec="mjpeg")
    hurt = bytearray(whole)
    starts = [place for place in range(whole.index(b"movi"), len(whole)) if whole[place : place + 4] == b"00dc"][:12]
    end = whole.rindex(b"idx1")
    hurt[starts[11] + 8 : end] = bytes(end - starts[11] - 8)
    (tmp_path / "good.avi").write_bytes(whole)
    (tmp_path / "hurt.avi").write_bytes(hurt)
    table = read_table(pd.DataFrame({"clip": ["good.avi", "hurt.avi"], "kind": ["x", "y"]}), tmp_path)
    clip = Video(frames=2, size=4, crop="random")
    pipe = Pipeline({"clip": clip}, {"kind": Category()}).adapt(table)
    assert len(passes(pipe.batches(table, 2))[0]) == 1, "evaluation looks at other frames"
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"row 1: the frame at 0\.92 s is damaged"):
        passes(pipe.batches(table, 2, training=True), 40)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Video \"clip\": .*row 1: the frame at 0\.92 s is"):
        passes(pipe.batches(table, 2, training=True, cache=True))
    (x, _, _), *_ = passes(pipe.batches(table, 2, training=True, cache=True, on_bad="mask"))[0]
    assert sorted(x["clip_mask"].any(1)) == [False, True] and pipe.problems.masked == {"clip": 1}


def test_a_target_is_not_cropped(rows):
    pipe = Pipeline({"kind": Text()}, {"voice": audio(features="log_mel")}).adapt(rows)
    with pytest.raises(ValueError, match=r"Audio: a target must begin at its start\. Received: crop='random'"):
        pipe.batches(rows, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Audio(crop="center"), "Audio: crop must be None or 'random'. Received: crop='center'"),
        (lambda: Video(crop=True), "Video: crop must be None or 'random'. Received: crop=True"),
        (lambda: Video(frame_rate=0), "so must frame_rate.*frame_rate=0"),
        (lambda: Video(seconds=1, frame_rate=2), "Video: a part is .* Received: seconds=1 and frame_rate=2"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
