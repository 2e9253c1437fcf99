"""Clips: which frames are taken, how they are damaged, their sound, and what an exported model says of them."""

import io
import re
import sys

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from clip_bytes import clip_bytes, sound_only

import mmkeras as mm
from data_pipelines import Audio, Category, CellContext, Pipeline, Video, read_table
from data_pipelines.formats.video import sample_clip, sound_track
from data_pipelines.formats.wav import read_wav
from data_pipelines.infer import infer

BYTES = CellContext(is_bytes=True)
TONE = 0.5 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)


def frames_of(data, frames=4, size=(8, 8), seconds=None, max_pixels=10**6):
    return np.load(io.BytesIO(sample_clip(data, frames, size, seconds, max_pixels)))


def levels(data, **options):
    """The number of each frame taken, from its grey."""
    return np.round(frames_of(data, **options).mean((1, 2, 3)) / 20).astype(int).tolist()


def batch(pipe, rows):
    x, _, _ = next(iter(pipe.batches(rows, 8)))
    return {name: value.numpy() for name, value in x.items()}


def npy(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("mp4", "mpeg4"), ("mp4", "libx264"), ("webm", "libvpx-vp9"), ("matroska", "mpeg4"), ("avi", "mjpeg")],
)
def test_frames_lie_evenly_in_every_container(kind, codec):
    data = clip_bytes(12, kind=kind, codec=codec)
    assert levels(data, frames=4) == [1, 4, 7, 10]
    assert levels(data, frames=8) == [0, 2, 3, 5, 6, 8, 9, 11]
    assert levels(data, frames=12) == list(range(12))
    assert levels(data, frames=50) == list(range(12))


def test_a_gif():
    assert frames_of(clip_bytes(12, kind="gif", codec="gif"), frames=4).shape == (4, 8, 8, 3)


def test_uneven_times_count_and_not_places():
    times = [0, 10, 20, 30, 40, 50, 60, 70, 80, 1000, 2000, 3000]
    assert levels(clip_bytes(12, kind="matroska", times=times), frames=4) == [8, 9, 9, 10]


def test_only_the_first_seconds():
    assert levels(clip_bytes(12), frames=3, seconds=0.5) == [1, 3, 5]
    assert levels(clip_bytes(12), frames=3, seconds=0.01) == [0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "PyAV cannot read these 0 bytes"),
        (b"no video at all" * 20, "PyAV cannot read these 300 bytes"),
        (sound_only(TONE), "the file has no pictures, only sound"),
        (clip_bytes(3, size=(256, 256)), "256 × 256 pixels a frame are more than max_pixels=1000"),
    ],
)
def test_what_is_wrong(data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        sample_clip(data, 4, (8, 8), None, 1000)


def test_a_corrupt_frame_in_the_middle_is_told_with_its_time(tmp_path):
    """Every frame is a key frame here, so that damage to one is damage to no other."""
    whole = clip_bytes(12, kind="avi", codec="mjpeg")
    starts = [match.start() for match in re.finditer(rb"00dc", whole) if match.start() > whole.index(b"movi")]
    hurt = bytearray(whole)
    hurt[starts[4] + 8 : starts[5]] = bytes(starts[5] - starts[4] - 8)
    assert levels(bytes(hurt), frames=3) == [2, 6, 10], "a frame that is not wanted may be broken"
    with pytest.raises(ValueError, match=r"the frame at 0\.33 s is damaged, and 0 more of the 4 wanted"):
        frames_of(bytes(hurt), frames=4)
    (tmp_path / "good.avi").write_bytes(whole)
    (tmp_path / "hurt.avi").write_bytes(hurt)
    rows = read_table(pandas.DataFrame({"clip": ["good.avi", "hurt.avi", "good.avi"]}), tmp_path)
    pipe = Pipeline({"clip": Video(4, 8)}, on_bad="mask").adapt(rows)
    x = batch(pipe, rows)
    assert x["clip_mask"].any(1).tolist() == [True, False, True]
    np.testing.assert_array_equal(x["clip"][0], x["clip"][2])
    assert "row 1: the frame at 0.33 s is damaged" in pipe.problems.examples[0]


def test_60_damaged_clips_never_crash_and_never_answer_with_another_frame():
    random, whole = np.random.default_rng(0), clip_bytes(12)
    broken = 0
    for turn in range(60):
        data = bytearray(whole if turn % 2 else whole[: random.integers(1, len(whole))])
        for place in random.integers(0, len(data), 8):
            data[place] ^= 1 << random.integers(8)
        try:
            assert frames_of(bytes(data)).shape[1:] == (8, 8, 3)
        except ValueError:
            broken += 1
    assert broken > 10


def test_a_batch(tmp_path):
    (tmp_path / "a.mp4").write_bytes(clip_bytes(12))
    (tmp_path / "b.mp4").write_bytes(clip_bytes(2))
    np.save(tmp_path / "c.npy", np.full((3, 16, 16, 3), 255, "uint8"))
    rows = read_table(pandas.DataFrame({"clip": ["a.mp4", "b.mp4", "", "c.npy"], "kind": list("xyxy")}), tmp_path)
    x = batch(Pipeline({"clip": Video(4, 8)}, {"kind": Category()}).adapt(rows), rows)
    assert x["clip"].shape == (4, 4, 8, 8, 3)
    assert x["clip_mask"].sum(1).tolist() == [4, 2, 0, 3]
    greys = x["clip"].mean((2, 3, 4)) * 255 / 20
    np.testing.assert_allclose(greys[0], [1, 4, 7, 10], atol=0.15)
    np.testing.assert_allclose(x["clip"][3, :3], 1.0, atol=1e-6)
    assert not x["clip"][1, 2:].any() and not x["clip"][2].any()


def test_a_clip_in_fortran_order():
    values = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    turned = npy(np.asfortranarray(values))
    assert b"'fortran_order': True" in turned
    np.testing.assert_array_equal(Video(3, 8).decode(tf.constant(turned)), Video(3, 8).decode(tf.constant(npy(values))))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no file"),
        (b"", "has 0 bytes"),
        (b"no video at all", "PyAV cannot read these 15 bytes"),
        (npy(np.zeros((2, 8, 8))), "a clip must be uint8 of shape (F, H, W, 3), not <f8"),
        (npy(np.zeros((2, 8, 8, 3), "uint8"))[:-5], "the clip is cut short"),
    ],
)
def test_bad_clips_name_column_row_and_reason(tmp_path, content, reason):
    (tmp_path / "good.mp4").write_bytes(clip_bytes(3))
    if content is not None:
        (tmp_path / "bad.mp4").write_bytes(content)
    rows = read_table(pandas.DataFrame({"clip": ["good.mp4", "bad.mp4"], "kind": ["x", "y"]}), tmp_path)
    pipe = Pipeline({"clip": Video(2, 8)}, {"kind": Category()}).adapt(rows)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        list(pipe.batches(rows, 2))
    for part in ("column 'clip'", "row 1", reason):
        assert part in str(caught.value)
    x, _, _ = next(iter(pipe.batches(rows, 2, on_bad="mask")))
    assert x["clip_mask"].numpy().any(1).tolist() == [True, False]


def test_the_sound_of_a_video(tmp_path):
    (tmp_path / "a.mkv").write_bytes(clip_bytes(12, kind="matroska", sound=TONE))
    (tmp_path / "b.mkv").write_bytes(clip_bytes(12, kind="matroska"))
    frame = pandas.DataFrame({"clip": ["a.mkv", "b.mkv"], "kind": ["x", "y"]})
    rows = read_table(frame.assign(sound=frame["clip"]), tmp_path)
    inputs = {"clip": Video(2, 8), "sound": Audio(seconds=2, sample_rate=8000, features="waveform")}
    pipe = Pipeline(inputs, {"kind": Category()}, on_bad="mask").adapt(rows)
    x = batch(pipe, rows)
    np.testing.assert_allclose(x["sound"][0][x["sound_mask"][0]], TONE, atol=1e-3)
    assert x["sound_mask"].any(1).tolist() == [True, False] and x["clip_mask"].all()
    pipe.on_bad = "raise"
    with pytest.raises(tf.errors.InvalidArgumentError, match="the video has no sound"):
        list(pipe.batches(rows, 2))
    shared = {"clip": Video(2, 8), "sound": Audio(column="clip")}
    with pytest.raises(ValueError, match=r"holds one kind of bytes\. Received: 'clip' as Video and Audio"):
        Pipeline(shared, {"kind": Category()}).adapt(rows).signature()


def test_a_track_is_a_wav_of_its_own_rate():
    samples, rate = read_wav(tf.constant(sound_track(clip_bytes(3, kind="matroska", sound=TONE))))
    assert rate == 8000
    np.testing.assert_allclose(samples, TONE, atol=1e-3)
    with pytest.raises(ValueError, match="the video has no sound"):
        sound_track(clip_bytes(3))


def test_a_served_model_takes_the_frames(tmp_path):
    clips = [clip_bytes(count) for count in (12, 3)]
    for place, data in enumerate(clips):
        (tmp_path / f"{place}.mp4").write_bytes(data)
    rows = read_table(pandas.DataFrame({"clip": ["0.mp4", "1.mp4", ""], "kind": ["x", "y", "x"]}), tmp_path)
    pipe = Pipeline({"clip": Video(4, 16)}, {"kind": Category()}).adapt(rows)
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8)
    mm.export(model, pipe, tmp_path / "model")
    serve = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    served = [pipe.inputs["clip"].as_served(data).numpy() for data in clips]
    answers = serve(clip=tf.constant([*served, b""]))
    x = next(iter(pipe.batches(rows, 4, with_targets=False)))
    np.testing.assert_allclose(answers["kind_probabilities"], model(x, training=False)["kind"], atol=1e-5)
    assert answers["clip_present"].numpy().tolist() == [True, True, False]
    assert serve(clip=tf.constant([b"no clip"]))["clip_present"].numpy().tolist() == [False]


def test_a_model_tells_the_way_things_move(tmp_path):
    """No frame alone says left or right, only their order does."""
    random, lines = np.random.default_rng(0), []
    for place in range(48):
        start, step = random.integers(12, 21), (1 if place % 2 else -1) * random.integers(2, 4)
        pixels = np.zeros((5, 16, 40, 3), "uint8")
        for frame in range(5):
            at = start + frame * step
            pixels[frame, 4:12, at : at + 8] = 255
        np.save(tmp_path / f"{place}.npy", pixels)
        lines.append((f"{place}.npy", "right" if step > 0 else "left"))
    rows = read_table(pandas.DataFrame(lines, columns=["clip", "way"]), tmp_path)
    pipe = Pipeline({"clip": Video(5, (16, 40))}, {"way": Category()}).adapt(rows)
    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=16, dropout=0.0)
    mm.compile(model, pipe.spec, learning_rate=3e-3)
    model.fit(pipe.batches(rows, 16, training=True, cache=True), epochs=25, shuffle=False, verbose=0)
    assert mm.evaluate(model, pipe, rows)["targets"]["way"]["accuracy"] >= 0.9


def test_guessed(tmp_path):
    rows = read_table(pandas.DataFrame({"clip": ["a.mp4", "b.webm"] * 3, "kind": ["x", "y"] * 3}), tmp_path)
    assert isinstance(infer(rows, ["kind"])[0]["clip"], Video)
    data = [clip_bytes(2), clip_bytes(2, kind="webm", codec="libvpx-vp9")]
    rows = read_table(pandas.DataFrame({"clip": data, "kind": ["x", "y"]}))
    assert isinstance(infer(rows, ["kind"])[0]["clip"], Video)


def test_without_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r'pip install "mmkeras\[video\]"'):
        sample_clip(b"", 4, (8, 8), None, 1000)


@pytest.mark.parametrize("options", [{"frames": 0}, {"size": 0}, {"size": (1, 2, 3)}, {"seconds": 0}])
def test_wrong_arguments(options):
    with pytest.raises(ValueError, match="Video: frames, size and seconds must be > 0"):
        Video(**options)
