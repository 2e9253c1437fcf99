"""The scenes that benchmarks draw: the same again under a seed, no combination both learned and asked."""

import csv
import hashlib
import importlib.util
import pathlib

import numpy as np
import pytest

FILE = pathlib.Path(__file__).parents[2] / "benchmarks" / "scene_table.py"


@pytest.fixture(scope="module")
def table():
    described = importlib.util.spec_from_file_location("scene_table", FILE)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


def written(table, folder, seed):
    path = table.write_scenes(folder, train=30, val=5, test=10, size=16, seed=seed)
    pictures = sorted(pathlib.Path(folder, "pictures").iterdir())
    bits = b"".join(file.read_bytes() for file in [pathlib.Path(path), *pictures])
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file)), hashlib.sha256(bits).hexdigest()


def test_a_seed_gives_the_same_files(table, tmp_path):
    (rows, first), (_, again), (_, other) = (
        written(table, str(tmp_path / str(place)), seed) for place, seed in enumerate((1, 1, 2))
    )
    assert first == again != other
    assert [row["split"] for row in rows] == ["train"] * 30 + ["val"] * 5 + ["test"] * 10


def test_kinds_that_meet_in_one_split_meet_in_no_other(table):
    known = table.scenes(3)
    pairs = {name: {frozenset((s.first.kind, s.second.kind)) for s in found} for name, found in known.items()}
    assert not (pairs["train"] & pairs["val"] or pairs["train"] & pairs["test"] or pairs["val"] & pairs["test"])
    singles = [{kind for pair in found for kind in pair} for found in pairs.values()]
    assert singles[0] >= singles[1] | singles[2]
    assert sum(map(len, known.values())) == 66 * 2 * 2 * 9


def test_a_caption_tells_the_facts(table):
    scene = table.Scene(table.Group(2, "red", "circle"), "left of", table.Group(1, "blue", "square"))
    assert scene.caption == "two red circles left of a blue square"
    assert scene.chinese == "两个红色圆形在一个蓝色方块的左边。"
    assert table.facts(scene)["second_colour"] == "blue"
    captions = [scene.caption for found in table.scenes().values() for scene in found]
    assert len(set(captions)) == len(captions)


def test_a_picture_shows_what_it_says(table):
    scene = table.Scene(table.Group(3, "red", "circle"), "left of", table.Group(1, "blue", "square"))
    pixels = table.draw(scene, np.random.default_rng(0)).astype(int)
    red, blue = ((pixels[..., hot] - pixels[..., cold]) > 80 for hot, cold in ((0, 2), (2, 0)))
    assert np.nonzero(red)[1].max() < np.nonzero(blue)[1].min()
    assert 2 < red.sum() / blue.sum() < 4
