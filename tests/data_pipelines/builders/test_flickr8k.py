"""Our builder of Flickr8k, on a tiny folder of the bundled clipart."""

import csv
import os
import runpy
import shutil
import sys

import pytest

from data_pipelines import Category, Image, Pipeline, Text, read_tfds
from data_pipelines.datasets import folder as bundled

tfds = pytest.importorskip("tensorflow_datasets")
from data_pipelines.builders import flickr8k  # noqa: E402
from data_pipelines.builders.flickr8k import Flickr8k, read_captions  # noqa: E402


@pytest.fixture(scope="module")
def pictures():
    """Four pictures of the clipart: path → title."""
    with open(os.path.join(bundled("clipart"), "table.csv"), newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))[:4]
    return {os.path.join(bundled("clipart"), line["picture"]): line["title"] for line in lines}


def lay_out(folder, pictures, old=False, lists=True):
    """The folder as it is spread since 2018, or as it first was."""
    place = folder / ("Flicker8k_Dataset" if old else "Images")
    place.mkdir(parents=True)
    names = [f"{number}.jpg" for number in range(4)]
    for path, name in zip(pictures, names, strict=True):
        shutil.copy(path, place / name)
    said = [
        (name, n, f'a "{title}", number {n}')
        for name, title in zip(names, pictures.values(), strict=True)
        for n in (0, 1)
    ]
    if old:
        text = "".join(f"{name}#{n}\t{caption}\n" for name, n, caption in said)
        (folder / "Flickr8k.token.txt").write_text(text, encoding="utf-8")
    else:
        with open(folder / "captions.txt", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["image", "caption"], *((name, caption) for name, _, caption in said)])
    if lists:
        (folder / "Flickr_8k.trainImages.txt").write_text("0.jpg\n2.jpg\n3.jpg\n")
        (folder / "Flickr_8k.testImages.txt").write_text("1.jpg\n")
    return folder


def prepared(manual, data_dir):
    builder = Flickr8k(data_dir=data_dir)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual))
    return builder


@pytest.fixture(scope="module")
def builder(pictures, tmp_path_factory):
    place = tmp_path_factory.mktemp("flickr8k")
    return prepared(lay_out(place / "manual", pictures), place / "data")


def test_the_folder_becomes_rows(builder, pictures):
    rows = read_tfds(builder)
    assert rows.columns == ("image", "captions", "image/filename") and rows.source.bytes_columns == {"image"}
    assert sorted(rows.values("image/filename")) == ["0.jpg", "2.jpg", "3.jpg"]
    (test,) = read_tfds(builder, "test").values("image/filename")
    assert test == "1.jpg"
    path, title = list(pictures.items())[1]
    with open(path, "rb") as file:
        assert read_tfds(builder, "test").values("image")[0] == file.read()
    assert read_tfds(builder, "test").values("captions")[0] == f'a "{title}", number 0|a "{title}", number 1'


def test_rows_become_batches(builder):
    rows = read_tfds(builder)
    inputs = {"image": Image(16), "captions": Text()}
    pipe = Pipeline(inputs, {"file": Category(column="image/filename")}).adapt(rows)
    ((x, _, _),) = pipe.batches(rows, 3)
    assert (
        x["image"].shape == (3, 16, 16, 3) and x["image_mask"].numpy().all() and x["captions_mask"].numpy().any(1).all()
    )


def test_the_first_layout_without_lists(pictures, tmp_path):
    builder = prepared(lay_out(tmp_path / "manual", pictures, old=True, lists=False), tmp_path / "data")
    rows = read_tfds(builder)
    assert list(builder.info.splits) == ["train"] and len(rows) == 4
    assert read_captions(tmp_path / "manual") == {
        f"{place}.jpg": [f'a "{title}", number {n}' for n in (0, 1)] for place, title in enumerate(pictures.values())
    }


def test_folders_that_lack_something(pictures, tmp_path):
    with pytest.raises(ValueError, match=r"must hold one of \('captions.txt', 'Flickr8k.token.txt'\). Received: '"):
        read_captions(str(tmp_path))
    manual = lay_out(tmp_path / "manual", pictures)
    (manual / "Images/2.jpg").unlink()
    with pytest.raises(ValueError, match=r"must be there, with captions. Received: '2.jpg' without picture in"):
        prepared(manual, tmp_path / "data")
    (manual / "captions.txt").write_text("image,caption\n0.jpg\n")
    with pytest.raises(ValueError, match=r"must be a picture and a caption. Received: \['0.jpg'\]"):
        read_captions(str(manual))


def test_without_tensorflow_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'Flickr8k: it needs tensorflow-datasets. Do: pip install "mmkeras\[tfds\]"'):
        runpy.run_path(flickr8k.__file__)
