"""A table of drawn scenes: a picture, what it shows in words (English and Chinese), and every fact of it.

"two red circles left of a blue square": a scene is a group of one to three equal shapes and another one, to its right
or below it, so that a picture has exactly one caption. Scenes of the validation and test rows are new combinations: two
kinds that stand together there ("red circle", "blue square") never stand together in a training picture, at whatever
counts and places, while each of them is in many. The same seed gives the same files.

Command: python benchmarks/scene_table.py FOLDER
Writes FOLDER/scenes.csv and FOLDER/pictures/*.png; without FOLDER it tells how many there would be.
"""

import csv
import itertools
import os
import sys
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {
    "red": (214, 40, 40),
    "green": (46, 150, 60),
    "blue": (40, 80, 210),
    "yellow": (240, 196, 25),
}
SHAPES = ("circle", "square", "triangle")
COUNTS = (1, 2, 3)
RELATIONS = ("left of", "above")
NUMBERS = {1: "a", 2: "two", 3: "three"}
CHINESE = {
    **{1: "一个", 2: "两个", 3: "三个", "left of": "左边", "above": "上面"},
    **{"red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色"},
    **{"circle": "圆形", "square": "方块", "triangle": "三角"},
}
SPLITS = {"train": 0.7, "val": 0.1, "test": 0.2}
FINER = 6  # drawn so many times larger, then shrunk: smooth edges


class Group(NamedTuple):
    """Equal shapes that stand together."""

    count: int
    colour: str
    shape: str

    @property
    def kind(self):
        return self.colour, self.shape


class Scene(NamedTuple):
    """Two groups, the first left of or above the second."""

    first: Group
    relation: str
    second: Group

    @property
    def caption(self):
        return f"{_words(self.first)} {self.relation} {_words(self.second)}"

    @property
    def chinese(self):
        first, second = ("".join((CHINESE[g.count], CHINESE[g.colour], CHINESE[g.shape])) for g in self[::2])
        return f"{first}在{second}的{CHINESE[self.relation]}。"


def _words(group):
    return f"{NUMBERS[group.count]} {group.colour} {group.shape}{'s' if group.count > 1 else ''}"


def scenes(seed=0):
    """All scenes by split; kinds that meet in one split never meet in another.

    Returns:
        dict `"train"`, `"val"`, `"test"` → list of `Scene`.
    """
    kinds = list(itertools.product(COLOURS, SHAPES))
    pairs = list(itertools.combinations(kinds, 2))
    order = np.random.default_rng(seed).permutation(len(pairs))
    edges = np.round(np.cumsum([0, *SPLITS.values()]) * len(pairs)).astype(int)
    return {
        split: [scene for place in order[start:stop] for scene in _of_pair(pairs[place])]
        for split, start, stop in zip(SPLITS, edges[:-1], edges[1:], strict=True)
    }


def _of_pair(pair):
    """Every scene of two kinds."""
    for kinds, relation in itertools.product((pair, pair[::-1]), RELATIONS):
        for first, second in itertools.product(COUNTS, COUNTS):
            yield Scene(Group(first, *kinds[0]), relation, Group(second, *kinds[1]))


def draw(scene, random, size=32):
    """Draws a scene, places and sizes left to chance.

    Args:
        scene: `Scene`.
        random: `numpy.random.Generator`.
        size: int. Pixels along an edge.
    Returns:
        uint8 array `(size, size, 3)`.
    """
    full = size * FINER
    paper = Image.new("RGB", (full, full), tuple(random.integers(225, 256, 3).tolist()))
    pen = ImageDraw.Draw(paper)
    for place, group in enumerate((scene.first, scene.second)):
        shade = np.clip(np.array(COLOURS[group.colour]) + random.integers(-14, 15, 3), 0, 255)
        radius = random.uniform(0.082, 0.1)
        for slot in range(group.count):
            along = (slot + 0.5 + random.uniform(-0.06, 0.06)) / group.count
            along = 0.13 + 0.74 * along if group.count > 1 else random.uniform(0.38, 0.62)
            across = 0.25 + 0.5 * place + random.uniform(-0.08, 0.08)
            middle = (across, along) if scene.relation == "left of" else (along, across)
            outline = _outline(group.shape, radius, random.uniform(-0.15, 0.15)) + np.array(middle)
            pen.polygon([tuple(point) for point in outline * full], fill=tuple(shade.tolist()))
    return np.asarray(paper.resize((size, size), Image.Resampling.BOX))


def _outline(shape, radius, turn):
    """Corners around the origin; all shapes cover about the same area."""
    corners, larger, start = {"circle": (40, 1.0, 0.0), "square": (4, 1.25, 0.25), "triangle": (3, 1.35, -0.25)}[shape]
    turns = 2 * np.pi * (np.arange(corners) / corners + (start / 2 if corners == 4 else start)) + turn
    return radius * larger * np.stack([np.cos(turns), np.sin(turns)], 1)


def write_scenes(folder, train=2000, val=300, test=300, size=32, seed=0):
    """Writes pictures and table.

    Args:
        folder: str. Made where it isn't there.
        train, val, test: int. Rows of each split; scenes repeat, drawn anew, where there are fewer of them.
        size: int. Pixels along an edge.
        seed: int.
    Returns:
        path of the table: columns `picture`, `caption`, `chinese`, `split`, `relation`, and `count`, `colour` and
        `shape` of `first_` and `second_`.
    """
    os.makedirs(os.path.join(folder, "pictures"), exist_ok=True)
    path = os.path.join(folder, "scenes.csv")
    rows = [
        row for split, count in {"train": train, "val": val, "test": test}.items() for row in _rows(split, count, seed)
    ]
    random = np.random.default_rng((seed, 1))
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["picture", *facts(rows[0][1]), "split"])
        table.writeheader()
        for place, (split, scene) in enumerate(rows):
            picture = f"pictures/{place:05d}.png"
            Image.fromarray(draw(scene, random, size)).save(os.path.join(folder, picture))
            table.writerow({"picture": picture, **facts(scene), "split": split})
    return path


def _rows(split, count, seed):
    """`count` scenes of a split, each as often as the others, mixed."""
    known = scenes(seed)[split]
    random = np.random.default_rng((seed, 2, list(SPLITS).index(split)))
    passes = [random.permutation(len(known)) for _ in range(-(-count // len(known)))]
    return [(split, known[place]) for place in np.concatenate([*passes, np.zeros(0, int)])[:count]]


def facts(scene):
    """What a scene shows, as a table's cells."""
    cells = {"caption": scene.caption, "chinese": scene.chinese, "relation": scene.relation}
    for name, group in (("first", scene.first), ("second", scene.second)):
        cells.update({f"{name}_{fact}": value for fact, value in group._asdict().items()})
    return cells


def main():
    known = scenes()
    print({split: len(found) for split, found in known.items()}, known["test"][0].caption, known["test"][0].chinese)
    if len(sys.argv) > 1:
        print(write_scenes(sys.argv[1]))


if __name__ == "__main__":
    main()
