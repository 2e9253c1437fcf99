"""A folder is there whole, or as it was before."""

import os
import re

import pytest

from data_pipelines.files import whole_folder as module
from data_pipelines.files.whole_folder import link_file, whole_folder


def write(folder, text, names=("a", "sub/b")):
    for name in names:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


def found(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fill(folder, text, **options):
    with whole_folder("test", folder, **options) as unfinished:
        write(unfinished, text)


def test_it_is_there_at_the_end(tmp_path):
    with whole_folder("test", tmp_path / "new" / "out") as unfinished:
        write(unfinished, "1")
        assert os.listdir(tmp_path / "new") == [os.path.basename(unfinished)]
    assert found(tmp_path) == {"new/out/a": "1", "new/out/sub/b": "1"}


def test_an_older_one_is_exchanged_at_once_with_its_permissions(tmp_path, monkeypatch):
    fill(tmp_path / "out", "1")
    os.chmod(tmp_path / "out", 0o750)
    monkeypatch.setattr(module, "_replace", None)  # nothing is moved by itself
    fill(tmp_path / "out", "2")
    assert found(tmp_path) == {"out/a": "2", "out/sub/b": "2"}
    assert os.stat(tmp_path / "out").st_mode & 0o777 == 0o750


@pytest.mark.parametrize("fails", [ValueError("bad"), KeyboardInterrupt()])
def test_what_was_there_stays_where_it_fails(tmp_path, fails):
    fill(tmp_path / "out", "1")
    with pytest.raises(type(fails)), whole_folder("test", tmp_path / "out") as unfinished:
        write(unfinished, "2")
        raise fails
    assert found(tmp_path) == {"out/a": "1", "out/sub/b": "1"}


def test_other_files_stay(tmp_path):
    write(tmp_path / "out", "mine", ["mine", "a"])
    fill(tmp_path / "out", "2")
    assert found(tmp_path / "out") == {"mine": "mine", "a": "2", "sub/b": "2"}


def test_the_folder_that_one_is_in_stays_the_same(tmp_path, monkeypatch):
    fill(tmp_path / "out", "1")
    monkeypatch.chdir(tmp_path / "out")
    fill(".", "2")
    assert found(tmp_path) == {"out/a": "2", "out/sub/b": "2"} and sorted(os.listdir()) == ["a", "sub"]


def test_moved_one_by_one_what_makes_it_whole_goes_first_and_comes_last(tmp_path, monkeypatch):
    fill(tmp_path / "out", "1")
    seen = []
    replace = module._replace
    monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    monkeypatch.setattr(module, "_replace", lambda *paths: (seen.append(found(tmp_path / "out")), replace(*paths)))
    fill(tmp_path / "out", "2", last="a")
    assert seen == [{"sub/b": "1"}, {"sub/b": "2"}] and found(tmp_path / "out") == {"a": "2", "sub/b": "2"}


def test_a_link_leads_to_the_same_folder_after(tmp_path):
    fill(tmp_path / "out", "1")
    os.symlink(tmp_path / "out", tmp_path / "link")
    fill(tmp_path / "link", "2")
    assert os.path.islink(tmp_path / "link") and found(tmp_path / "out") == {"a": "2", "sub/b": "2"}


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    rule = f"test: the output must be a folder, or not be there yet. Received: '{tmp_path / 'out'}', where"
    with pytest.raises(ValueError, match=re.escape(rule)):
        fill(tmp_path / "out", "1")
    assert os.listdir(tmp_path) == ["out"] and (tmp_path / "out").read_text() == "mine"


def test_a_link_of_a_file_where_there_are_none_is_a_copy(tmp_path, monkeypatch):
    def refuse(*paths):
        raise OSError("this file system has no links")

    write(tmp_path, "1", ["a"])
    monkeypatch.setattr(os, "link", refuse)
    link_file(tmp_path / "a", tmp_path / "b")
    link_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "1"
