"""What is wrong with a file, a folder or the disk is said in a sentence, and exit code 1."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from training_rows import frame

import mmkeras as mm
from data_pipelines import Category, Image, Number, Pipeline, Video, read_table
from mmkeras.cli import main
from mmkeras.runs.run_marks import read_json
from mmkeras.training import run

DEEP = 100_000
TRAIN = ("train", "t.csv", "--target", "kind", "--input", "x", "--epochs", "1", "--dim", "4")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table, a run of a model that was never trained, and a file."""
    place = tmp_path_factory.mktemp("plainly")
    frame(60).to_csv(place / "t.csv", index=False)
    pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(read_table(place / "t.csv"))
    run.save(mm.build(pipe.spec, dim=4), pipe, place / "run")
    (place / "file").write_text("not a folder")
    return place


@pytest.fixture
def refused(place, monkeypatch, capsys):
    """Runs a command that must fail; gives what it says."""

    def refused(*words):
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "argv", ["mmkeras", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 1 and "Traceback" not in said, said
        return said

    return refused


@pytest.mark.parametrize("output", ["file", "file/under"])
@pytest.mark.parametrize(
    "words",
    [
        TRAIN,
        ("evaluate", "run", "t.csv"),
        ("export", "run"),
        ("explain", "run", "t.csv"),
        ("compare", "t.csv", "--target", "kind"),
        ("ensemble", "run", "run"),
        ("demo",),
    ],
    ids=lambda words: words[0],
)
def test_an_output_that_is_a_file(refused, place, words, output):
    assert f"the output must be a folder, or not be there yet. Received: '{output}'" in refused(
        *words, "--output", output
    )
    assert (place / "file").read_text() == "not a folder"


def test_shards_and_answers_have_no_room_in_a_file(refused):
    assert "must be a folder, or not be there yet" in refused("prepare", "t.csv", "file", "--target", "kind")
    assert "the folder must exist. Received: 'file/a.csv'" in refused(
        "predict", "run", "t.csv", "--output", "file/a.csv"
    )
    assert "must be that of a file. Received: '.'" in refused("predict", "run", "t.csv", "--output", ".")


def test_a_spec_that_is_none(refused, place):
    assert "a spec must be a JSON file. Received: 'run', a folder" in refused(*TRAIN, "--spec", "run", "--output", "o")
    (place / "deep.json").write_text('{"inputs":' * DEEP)
    assert "a spec must be JSON with inputs" in refused(*TRAIN, "--spec", "deep.json", "--output", "o")
    spec = {"inputs": {"x": {"modality": "Image", "size": 40000}}, "targets": {"kind": {"modality": "Category"}}}
    (place / "large.json").write_text(json.dumps(spec))
    said = refused(*TRAIN, "--spec", "large.json", "--output", "o")
    assert "Image: a cell of size must fit into max_bytes=268435456" in said and "size=(40000, 40000)" in said
    assert Image(40000, max_bytes=2**35).size == (40000, 40000)
    with pytest.raises(
        ValueError, match=r"Video: a cell of size must fit into max_bytes=.* Received: size=\(9000, 9000\)"
    ):
        Video(size=9000)


@pytest.mark.parametrize("depth", [900, DEEP])
def test_deep_json_in_a_table(refused, place, depth):
    (place / "deep.jsonl").write_text('{"x": 1, "kind": "a"}\n{"x": ' + "[" * depth + "]" * depth + ', "kind": "b"}\n')
    assert 'read_table "deep.jsonl": a value must not be nested so deeply' in refused("inspect", "deep.jsonl")


@pytest.mark.parametrize("index", ["[]", "7", '{"version": 1}', "[" * DEEP])
def test_an_index_of_shards_that_is_none(refused, place, index):
    (place / "shards").mkdir(exist_ok=True)
    (place / "shards" / "shards.json").write_text(index)
    assert "must" in refused("inspect", "shards")


def with_parts(path, **parts):
    """Writes the archive anew with other contents, and sums that are right."""
    with zipfile.ZipFile(path) as archive:
        held, mark = {name: archive.read(name) for name in archive.namelist()}, archive.comment
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = mark
        for name, data in held.items():
            archive.writestr(name, parts.get(name.split(".")[0], lambda data: data)(data))


def with_a_bit_turned(path):
    data = bytearray(path.read_bytes())
    data[data.find(b"model.weights.h5") + 3000] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        with_a_bit_turned,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-2000]),
        lambda path: with_parts(path, model=lambda data: data[:500]),
        lambda path: with_parts(path, config=lambda data: b"[" * DEEP),
    ],
    ids=["a bit", "empty", "cut", "cut within", "deep config"],
)
def test_a_damaged_model(refused, place, damage):
    shutil.rmtree(place / "bad", ignore_errors=True)
    shutil.copytree(place / "run", place / "bad")
    damage(place / "bad" / "model.keras")
    said = refused("predict", "bad", "t.csv", "--output", "a.csv")
    assert "a file must be there and whole. Received: 'bad/model.keras'" in said and not (place / "a.csv").exists()


def test_json_of_a_run_that_is_something_else(tmp_path):
    for text in ("[]", "[" * DEEP):
        (tmp_path / "pipeline.json").write_text(text)
        with pytest.raises(ValueError, match=r"a file must be there and whole. Received: .*pipeline.json"):
            read_json(tmp_path / "pipeline.json")


def test_a_folder_that_may_not_be_written_to(refused, place, monkeypatch):
    def refuse(path, *rest, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "makedirs", refuse)
    assert "Permission denied: 'locked'" in refused(*TRAIN, "--output", "locked")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_device(refused):
    assert "there is no room left on the disk" in refused("predict", "run", "t.csv", "--output", "/dev/full")


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 KiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_full_disk(refused, small_disk):
    (small_disk / "a.csv").write_text("kind\nfrom before\n")
    (small_disk / "rest").write_bytes(b"0" * 190_000)
    assert "there is no room left on the disk" in refused(*TRAIN, "--output", str(small_disk / "run"))
    assert "there is no room left on the disk" in refused("export", "run", "--output", str(small_disk / "saved"))
    assert (small_disk / "a.csv").read_text() == "kind\nfrom before\n"


def test_a_loss_that_is_not_finite(refused, place):
    said = refused(*TRAIN, "--learning-rate", "1e38", "--output", "nan")
    assert "the loss must be a finite number. Received: NaN or infinity in epoch 1, " in said and '"t.csv"' in said
    assert "the first layer whose output is not finite is" in said and "There is no model yet" in said
    assert "training that was cut off is not written over" in refused(*TRAIN, "--output", "nan")
