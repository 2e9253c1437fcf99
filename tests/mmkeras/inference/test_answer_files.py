"""Answers that are files come into their folders with their table, or not at all."""

import contextlib
import csv
import itertools
import os
import re
import shutil
import threading

import numpy as np
import pytest

from data_pipelines import Category, Image, Number, Pipeline
from data_pipelines.files.held_folder import held_folder
from data_pipelines.naming import plain_name
from mmkeras.inference.answer_table import answer_table

PIPE = Pipeline({"age": Number()}, {plain_name("图"): Image(8, column="图"), "kind": Category()})
BOTH = Pipeline({"age": Number()}, {plain_name(name): Image(8, column=name) for name in ("a/b", "a_b")})
CALLS = ("fsync", "replace", "rename", "link", "remove", "unlink", "rmdir", "mkdir")


class Killed(BaseException):
    """The end of a process."""


def batch(*pictures, kind="x"):
    return {"图": np.array(pictures, object), "kind": np.array([kind] * len(pictures))}


def write(table, *pictures, kind="x"):
    with answer_table(PIPE, table) as write:
        write(batch(*pictures[:2], kind=kind))
        write(batch(*pictures[2:], kind=kind))


def read(table):
    """What a reader of the table finds: the cells, and what is in the files that they name."""
    with open(table, newline="", encoding="utf-8") as file:
        return [((table.parent / line["图"]).read_bytes(), line["kind"]) for line in csv.DictReader(file)]


def found(folder):
    return {os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_stand_beside_the_table_numbered_by_row(tmp_path):
    with answer_table(PIPE, tmp_path / "a.csv") as write:
        write(batch(b"1", b"2"))
        write(batch(b"3"))
        assert not (tmp_path / "a_图").exists() and not (tmp_path / "a.csv").exists()
    lines = "".join(f"a_图/00000{row}.png,x\r\n" for row in range(3)).encode()
    files = {f"a_图/00000{n}.png": str(n + 1).encode() for n in range(3)}
    assert found(tmp_path) == {"a.csv": "图,kind\r\n".encode() + lines, **files}
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a_图"]


def test_older_answers_stay_where_it_fails_and_go_where_it_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a.csv", b"old", b"2", b"3")
    before = found(tmp_path)
    with pytest.raises(KeyError), answer_table(PIPE, "a.csv") as table:
        table(batch(b"new", b"more"))
        raise KeyError
    assert found(tmp_path) == before and sorted(os.listdir(tmp_path)) == ["a.csv", "a_图"]
    (tmp_path / "a_图" / "mine.png").write_bytes(b"mine")
    write("a.csv", b"new", b"more")
    files = {"a_图/000000.png": b"new", "a_图/000001.png": b"more", "a_图/mine.png": b"mine"}
    assert found(tmp_path) == {"a.csv": "图,kind\r\na_图/000000.png,x\r\na_图/000001.png,x\r\n".encode(), **files}


def dying(former, left):
    def call(*args, **options):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return former(*args, **options)

    return call


@pytest.mark.parametrize("name", ["a.csv", 'it is "so".csv'])
def test_files_that_the_table_names_stay_where_the_disk_fills(name, tmp_path, monkeypatch):
    table = tmp_path / name
    write(table, b"1", kind="old")

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("mmkeras.inference.answer_files.settle_folder", full)
        write(table, b"2", b"3", kind="new")
    assert read(table) == [(b"2", "new"), (b"3", "new")]
    left = os.listdir(tmp_path / f".{name}.answers")
    table.write_bytes("图,kind\nµ,old\n".encode("utf-16"))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("mmkeras.inference.answer_files.link_file", full)
        write(table, b"4")
    assert os.listdir(tmp_path / f".{name}.answers") == left  # of the first, and none of the second
    write(table, b"5")
    assert read(table) == [(b"5", "x")] and len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("extra", [None, "mine.png"])
@pytest.mark.parametrize("former", [(b"1", b"2", b"3"), (b"1",), ()], ids=len)
def test_killed_at_any_change_the_table_and_its_files_are_old_or_new(former, extra, tmp_path):
    seen = []
    for number in itertools.count():
        table = tmp_path / str(number) / "a.csv"
        table.parent.mkdir()
        if former:
            write(table, *former, kind="old")
        if former and extra:  # then the folders are not exchanged: their files are moved one after the other
            (table.parent / "a_图" / extra).write_bytes(b"mine")
        left = [number]
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            for name in CALLS:
                patch.setattr(os, name, dying(getattr(os, name), left))
            write(table, b"4", b"5", kind="new")
        seen.append(read(table) if table.exists() else None)
        write(table, b"6", b"7", b"8")  # as if nothing had been
        assert read(table) == [(b"6", "x"), (b"7", "x"), (b"8", "x")]
        assert sorted(os.listdir(table.parent)) == ["a.csv", "a_图"] or left[0] < 0
        shutil.rmtree(table.parent)
        if left[0] >= 0:
            break
    old = [(data, "old") for data in former] or None
    assert [key for key, _ in itertools.groupby(seen)] == [old, [(b"4", "new"), (b"5", "new")]] and len(seen) > 10


def test_what_a_killed_process_left_goes_with_the_next_answers(tmp_path):
    write(tmp_path / "a.csv", b"1")
    (tmp_path / ".a.csv.answers" / "12345678" / "a_图").mkdir(parents=True)
    write(tmp_path / "a.csv", b"2")
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a_图"] and read(tmp_path / "a.csv") == [(b"2", "x")]


def test_two_columns_that_spell_one_folder_have_two(tmp_path):
    with answer_table(BOTH, tmp_path / "t.csv") as table:
        table({"a/b": np.array([b"1"], object), "a_b": np.array([b"2"], object)})
    assert (tmp_path / "t_a_b" / "000000.png").read_bytes() == b"1"
    assert (tmp_path / "t_a_b_2" / "000000.png").read_bytes() == b"2"
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "t_a_b/000000.png,t_a_b_2/000000.png"


def test_one_process_at_a_time_writes_to_a_table(tmp_path):
    rule = r"^predict: one process at a time may write into a folder. Received: '.*\.a\.csv\.answers', into which"
    with held_folder("test", tmp_path / ".a.csv.answers"):
        caught = []

        def other():
            with pytest.raises(ValueError, match=rule) as error:
                write(tmp_path / "a.csv", b"1")
            caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert caught and not (tmp_path / "a.csv").exists()


def test_a_lacking_folder_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder must exist. Received: '.*none/a\.csv'"):
        write(tmp_path / "none" / "a.csv", b"1")
    assert not os.listdir(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_refused_before(tmp_path):
    (tmp_path / "a_图").write_text("mine")
    rule = f"files of answers need a folder beside the table. Received: '{tmp_path / 'a_图'}', which is a file. Do:"
    with pytest.raises(ValueError, match=re.escape(rule)):
        write(tmp_path / "a.csv", b"1")
