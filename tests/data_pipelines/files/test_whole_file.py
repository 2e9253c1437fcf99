"""A file is whole under its path, or what it was before."""

import os
import re
import stat
import threading

import pytest

from data_pipelines.files.whole_file import check_apart, whole_file, write_json


def fill(path, text, fails=None, **options):
    with whole_file(path, **options) as file:
        file.write(text)
        if fails is not None:
            raise fails


def test_it_is_there_at_the_end(tmp_path):
    with whole_file(tmp_path / "价格.csv") as file:
        file.write("价,格\n")
        assert not (tmp_path / "价格.csv").exists()
    assert (tmp_path / "价格.csv").read_bytes() == "价,格\n".encode()
    fill(tmp_path / "b", b"\xff", mode="wb")
    assert (tmp_path / "b").read_bytes() == b"\xff" and len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("fails", [ValueError("bad"), KeyboardInterrupt(), GeneratorExit()])
def test_what_was_there_stays_where_it_fails(tmp_path, fails):
    (tmp_path / "old").write_text("old")
    for name in ("old", "new"):
        with pytest.raises(type(fails)):
            fill(tmp_path / name, "half", fails)
    assert os.listdir(tmp_path) == ["old"] and (tmp_path / "old").read_text() == "old"


def test_text_that_is_no_utf8(tmp_path):
    fill(tmp_path / "page", "\udcff", errors="replace")
    assert (tmp_path / "page").read_text() == "?"
    with pytest.raises(UnicodeEncodeError):
        fill(tmp_path / "page", "\udcff")
    assert (tmp_path / "page").read_text() == "?"


def test_permissions(tmp_path):
    fill(tmp_path / "new", "x")
    (tmp_path / "like").write_text("x")
    mode = lambda name: stat.S_IMODE(os.stat(tmp_path / name).st_mode)  # noqa: E731
    assert mode("new") == mode("like")
    os.chmod(tmp_path / "new", 0o640)
    fill(tmp_path / "new", "y")
    assert mode("new") == 0o640


def test_a_link_leads_to_the_same_file_after(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "file")
    fill(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "far" / "file").read_text() == "new"


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    fill(tmp_path / "pipe", "through")
    reader.join(10)
    assert read == ["through"] and stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


def test_a_name_as_long_as_it_may_be(tmp_path):
    fill(tmp_path / ("价" * 85), "x")
    assert (tmp_path / ("价" * 85)).read_text() == "x"


@pytest.mark.parametrize("name", ["", "new/"])
def test_a_folder_is_refused(tmp_path, name):
    path = f"{tmp_path}/{name}"
    rule = f"whole_file: the path must be that of a file. Received: {path!r}, a folder. Do: name a file in it."
    with pytest.raises(ValueError, match=re.escape(rule)):
        fill(path, "x")


def test_a_lacking_folder_and_a_wrong_mode_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder must exist. Received: '.*/none/x'. Do: make"):
        fill(tmp_path / "none" / "x", "x")
    with pytest.raises(ValueError, match=r"mode must be one of \('w', 'wb'\). Received: mode='a'"):
        fill(tmp_path / "x", "x", mode="a")


def test_json(tmp_path):
    write_json(tmp_path / "x.json", {"价": [1]})
    assert (tmp_path / "x.json").read_text("utf-8") == '{\n "价": [\n  1\n ]\n}\n'
    with pytest.raises(TypeError):
        write_json(tmp_path / "x.json", {"价": object()})
    assert "价" in (tmp_path / "x.json").read_text("utf-8") and os.listdir(tmp_path) == ["x.json"]


def test_a_page_of_an_older_value_goes_before_the_value(tmp_path, monkeypatch):
    path, page = tmp_path / "x.json", tmp_path / "x.html"
    write_json(path, [1], page)
    page.write_text("shows 1")
    with pytest.raises(TypeError):
        write_json(path, object(), page)
    assert page.exists()

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        write_json(path, [2], page)
    assert path.read_text() == "[\n 1\n]\n" and os.listdir(tmp_path) == ["x.json"]
    page.write_text("shows 1")
    write_json(path, [2], page)
    assert path.read_text() == "[\n 2\n]\n" and os.listdir(tmp_path) == ["x.json"]


def test_what_is_read_is_not_written_to(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "shards").mkdir()
    (tmp_path / "soft").symlink_to(tmp_path / "t.csv")
    (tmp_path / "near").symlink_to(tmp_path / "shards")
    os.link(tmp_path / "t.csv", tmp_path / "hard")
    needed = [tmp_path / "t.csv", tmp_path / "shards", tmp_path / "lacking"]
    for name in ("t.csv", "soft", "hard", "shards", "shards/new", "near/new", "shards/../t.csv"):
        with pytest.raises(ValueError, match=rf"^x: the output must not take .* Received: output='.*{name}', which is"):
            check_apart("x", tmp_path / name, needed)
    for name in ("answers.csv", "lacking", "shards.csv"):
        check_apart("x", tmp_path / name, needed)
