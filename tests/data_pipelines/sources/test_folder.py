"""Folders of folders: classes by name, files at any depth."""

import pytest

from data_pipelines import read_folder


def test_sub_folders_are_classes(tmp_path):
    for name in (
        "rose/2.jpg",
        "rose/deep/er/1.jpg",
        "猫/a.png",
        ".git/x",
        "rose/.hidden",
        "rose/.cache/y",
        "loose.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    rows = read_folder(tmp_path)
    assert rows.columns == ("file", "label") and len(rows) == 3
    assert rows.values("file").tolist() == ["rose/2.jpg", "rose/deep/er/1.jpg", "猫/a.png"]
    assert rows.values("label").tolist() == ["rose", "rose", "猫"]
    assert rows.source.media_root == str(tmp_path) and rows.source.name == tmp_path.name
    assert read_folder(f"{tmp_path}/").source.name == tmp_path.name


def test_folders_without_files_in_folders(tmp_path):
    (tmp_path / "rose").mkdir()
    (tmp_path / "loose.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"there must be files in folders named after classes. Received: none in"):
        read_folder(tmp_path)


def test_no_such_folder(tmp_path):
    with pytest.raises(ValueError, match=r"the folder must exist. Received: '.*none'"):
        read_folder(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match=r"the folder must exist. Received: '.*file'"):
        read_folder(tmp_path / "file")
