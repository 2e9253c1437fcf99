"""Shards as they are written: what cells become, policies, restarts."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import shard_table
import tensorflow as tf
from media_bytes import image_bytes, picture, tone, wav_bytes

from data_pipelines import Audio, Image, Pipeline, TimeSeries, Video, read_shards, read_table
from data_pipelines.files.whole_file import write_json
from data_pipelines.formats.shard import INDEX, PLAN, VERSION, read_json
from data_pipelines.shards.prepare import ShardJob

HERE = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return shard_table.write_table(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def whole(rows, tmp_path_factory):
    """A folder of shards of one row each, prepared at one go."""
    folder = tmp_path_factory.mktemp("whole")
    shard_table.pipeline().prepare(rows, folder, rows_per_shard=1)
    return folder


def checksums(folder):
    return [note["sha256"] for note in read_json(os.path.join(folder, INDEX))["shards"]]


def shards(folder):
    return {path.name: path.read_bytes() for path in folder.glob("table-rows.*")}


def test_killed_and_begun_again_it_ends_with_the_same_bytes(rows, whole, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, str(HERE / "prepare_again.py"), os.path.join(rows.source.media_root, "clips.csv"), out]
    paths = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=paths, text=True) as process:
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (out / INDEX).exists() and (out / PLAN).exists()
    done = {note.name: note.stat().st_mtime_ns for note in out.glob("note-*.json")}
    assert 2 <= len(done) < shard_table.ROWS
    with pytest.raises(ValueError, match=r"must have an index\. Received: .*not finished\. Do: run prepare again"):
        read_table(out)
    kept = {path.name: path.stat().st_mtime_ns for path in sorted(out.glob("table-rows*-of-*"))[: len(done)]}
    shard_table.pipeline().prepare(rows, out, rows_per_shard=1)
    assert shards(out) == shards(whole) and checksums(out) == checksums(whole)
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
    assert not [name for name in os.listdir(out) if name.startswith("note-") or name.endswith(".part") or name == PLAN]


def test_a_damaged_or_lacking_shard_is_refused_and_redone(rows, whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "out")
    first, second, third, *_ = sorted(out.glob("table-rows.*"))
    first.write_bytes(first.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"every shard must be whole\. Received: 100 bytes of \d+ in .*00000-of-00010"):
        read_shards(out)
    first.unlink()
    with pytest.raises(ValueError, match=r"every shard must be whole\. Received: 0 bytes"):
        read_shards(out)
    shard_table.pipeline().prepare(rows, out, rows_per_shard=1)
    damaged = bytearray(second.read_bytes())
    damaged[-20] ^= 1
    second.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"must be as it was written\. Received: another checksum of .*00001-of-00010"):
        read_shards(out, verify=True)
    before = third.stat().st_mtime_ns
    shard_table.pipeline().prepare(rows, out, rows_per_shard=1)
    assert shards(out) == shards(whole) and third.stat().st_mtime_ns == before


def test_another_version_and_another_job_are_refused(rows, whole, tmp_path):
    out = shutil.copytree(whole, tmp_path / "out")
    with pytest.raises(ValueError, match=r"Received: .* with rows_per_shard=1, not 2\. Do: another folder"):
        shard_table.pipeline().prepare(rows, out, rows_per_shard=2)
    index = read_json(out / INDEX)
    write_json(os.path.join(out, INDEX), {**index, "version": 99})
    with pytest.raises(ValueError, match=rf"must be of version {VERSION}\. Received: version=99"):
        read_shards(out)
    with pytest.raises(ValueError, match=rf"with version=99, not {VERSION}\. Do: another folder"):
        shard_table.pipeline().prepare(rows, out, rows_per_shard=1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"must be empty.*with the file 'letter.txt'"):
        shard_table.pipeline().prepare(rows, tmp_path / "full")


def test_a_changed_file_and_a_changed_cell_redo_their_shards(tmp_path):
    rows = shard_table.write_table(tmp_path, 4)
    pipe, out = shard_table.pipeline(), tmp_path / "out"
    pipe.prepare(rows, out, rows_per_shard=1)
    before = shards(out)
    (tmp_path / "1.wav").write_bytes(wav_bytes(tone(500, 0.05)))
    table = tmp_path / "clips.csv"
    table.write_text(table.read_text("utf-8").replace("1.5,dog", "7,dog"), "utf-8")
    pipe.prepare(read_table(table), out, rows_per_shard=1)
    assert [a == b for a, b in zip(before.values(), shards(out).values(), strict=True)].count(False) == 2
    assert read_shards(out).values("size").tolist() == ["0.0", "0.5", "1.0", "7"]


def broken(tmp_path):
    rows = shard_table.write_table(tmp_path, 4)
    (tmp_path / "0.mp4").write_bytes(b"no clip")
    (tmp_path / "2.tiff").unlink()
    return rows


def test_bad_media_are_raised_with_their_place(tmp_path):
    with pytest.raises(
        ValueError, match=r"Video \"clip\": .*\"clips.csv\", column 'clip', row 2: PyAV cannot read thes"
    ):
        shard_table.pipeline().prepare(broken(tmp_path), tmp_path / "out")


def test_bad_media_are_masked_and_counted_after_a_restart_too(tmp_path):
    rows, out = broken(tmp_path), tmp_path / "out"
    for _ in range(2):
        pipe = shard_table.pipeline(on_bad="mask")
        pipe.prepare(rows, out, rows_per_shard=3)
        assert pipe.problems.counts() == {"masked": {"clip": 1, "photo": 1}, "dropped": 0}
        assert any("there is no file" in message and "row 4" in message for message in pipe.problems.examples)
    found = read_shards(out)
    assert found.values("clip")[0] == b"" and found.values("photo")[2] == b"" and len(found) == 4


def test_bad_rows_are_dropped_and_counted(tmp_path):
    pipe = shard_table.pipeline()
    index = pipe.prepare(broken(tmp_path), tmp_path / "out", rows_per_shard=1, on_bad="drop")
    assert pipe.problems.counts() == {"masked": {}, "dropped": 2}
    assert [note["rows"] for note in index["shards"]] == [0, 1, 0, 1]
    found = read_shards(tmp_path / "out")
    assert found.values("label").tolist() == ["dog", "dog"]
    assert len(list(found.dataset(["clip"]))) == len(found.values("clip")) == 2


def test_wrong_arguments_are_told(rows, tmp_path):
    pipe = shard_table.pipeline()
    with pytest.raises(
        ValueError, match=r"must be one of \('tfrecord', 'array_record'\)\. Received: file_format='zip'"
    ):
        pipe.prepare(rows, tmp_path, file_format="zip")
    with pytest.raises(ValueError, match=r"rows_per_shard must be > 0\. Received: rows_per_shard=0"):
        pipe.prepare(rows, tmp_path, rows_per_shard=0)
    with pytest.raises(ValueError, match=r"there must be rows\. Received: 0 rows of \"clips.csv\""):
        pipe.prepare(rows.where(label="cow"), tmp_path)
    with pytest.raises(ValueError, match=r"on_bad must be one of .* Received: on_bad='skip'"):
        pipe.prepare(rows, tmp_path, on_bad="skip")
    with pytest.raises(ValueError, match=r"a column must be in the table\. Received: column='clip'"):
        pipe.prepare(rows.without("clip"), tmp_path)
    (tmp_path / "odd.csv").write_text("clip@cell\na\n")
    with pytest.raises(ValueError, match=r"must not end in '@cell'\. Received: 'clip@cell'"):
        Pipeline({"clip@cell".replace("@", "-"): Image(column="clip@cell")}).prepare(
            read_table(tmp_path / "odd.csv"), tmp_path / "out"
        )


def test_an_index_needs_every_shard(rows, tmp_path):
    job = ShardJob(rows, shard_table.pipeline().inputs, tmp_path / "out", rows_per_shard=4)
    job.begin()
    job.run(range(2))
    with pytest.raises(ValueError, match=r"every shard must be finished.*without shard 2\. Do: run prepare again"):
        job.finish()


def test_tensorflow_datasets_is_asked_for(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=re.escape('Do: pip install "mmkeras[tfds]"')):
        shard_table.pipeline().prepare(rows, tmp_path)


@pytest.mark.parametrize("form", ["TIFF", "AVIF", "PPM"])
def test_pictures_of_other_kinds_become_png(form):
    array = picture(12, 10)
    data, fitted = Image((12, 10)).prepare(image_bytes(array, form, **({"quality": 100} if form == "AVIF" else {})))
    assert data.startswith(b"\x89PNG") and not fitted
    error = np.abs(Image((12, 10)).decode(tf.constant(data)).numpy() * 255 - array)
    assert error.mean() <= (4 if form == "AVIF" else 1e-3)


def test_large_pictures_are_kept_in_their_final_size_and_others_as_they_are():
    small, large = image_bytes(picture(20, 20), "JPEG"), image_bytes(picture(64, 80), "JPEG")
    image = Image(8, fit="crop")
    assert image.prepare(small) == (small, False)
    data, fitted = image.prepare(large)
    assert fitted and tf.io.decode_png(data).shape == (8, 8, 3)
    np.testing.assert_allclose(image.decode(data), image.decode(large), atol=0.5 / 255 + 1e-6)


def test_pictures_that_nobody_reads_or_that_are_too_many_pixels():
    with pytest.raises(ValueError, match=r"this is no JPEG.*, and Pillow cannot open it"):
        Image(8).prepare(b"no picture")
    with pytest.raises(ValueError, match=r"20 × 10 pixels are more than max_pixels=100"):
        Image(8, max_pixels=100).prepare(image_bytes(picture(20, 10), "TIFF"))


def test_sounds_are_cut_and_resampled_only_where_they_must():
    audio = Audio(seconds=0.1, sample_rate=8000, features="waveform")
    short, long = wav_bytes(tone(300, 0.05)), wav_bytes(tone(300, 0.3))
    assert audio.prepare(short) == (short, False)
    data, fitted = audio.prepare(long)
    assert fitted and len(data) == 44 + 4 * 800
    np.testing.assert_array_equal(audio.decode(data), audio.decode(long))
    other = wav_bytes(tone(300, 0.3, 11025), 11025)
    data, fitted = audio.prepare(other)
    assert fitted
    np.testing.assert_array_equal(audio.decode(data), audio.decode(other))


def test_series_are_kept_as_they_are(tmp_path):
    np.savez(tmp_path / "log.npz", np.arange(6.0).reshape(3, 2))
    data, fitted = TimeSeries().prepare((tmp_path / "log.npz").read_bytes())
    assert data.startswith(b"\x93NUMPY") and not fitted
    assert TimeSeries().prepare(b"1 2 3") == (b"1 2 3", False)


def test_a_column_that_two_modalities_read_is_kept_as_its_files_are(tmp_path):
    rows = shard_table.write_table(tmp_path, 2)
    pipe = Pipeline({"clip": Video(frames=2, size=8), "longer": Video(frames=4, size=8, column="clip")})
    pipe.prepare(rows, tmp_path / "out")
    assert read_shards(tmp_path / "out").values("clip")[0] == (tmp_path / "0.mp4").read_bytes()


def test_progress_and_index_are_json(rows, tmp_path):
    told = []
    index = shard_table.pipeline().prepare(
        rows, tmp_path / "out", rows_per_shard=4, progress=lambda *now: told.append(now)
    )
    assert told[-1] == (10, 10) and sorted(told) == told
    assert json.loads(json.dumps(index)) == index == read_json(tmp_path / "out" / INDEX)
