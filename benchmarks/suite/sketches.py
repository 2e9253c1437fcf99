"""Things drawn in front of other things: outlines, fills, backgrounds, clutter."""

import numpy as np
import PIL.Image
import PIL.ImageDraw

FINER = 3
OUTLINES = {
    "disc": lambda turns: np.ones_like(turns),
    "square": lambda turns: 0.9 / np.maximum(np.abs(np.cos(turns)), np.abs(np.sin(turns))),
    "triangle": lambda turns: 0.6 / np.cos((turns + np.pi / 3) % (2 * np.pi / 3) - np.pi / 3),
    "star": lambda turns: 0.75 + 0.4 * np.cos(5 * turns),
    "flower": lambda turns: 0.85 + 0.2 * np.cos(6 * turns),
    "heart": lambda turns: (
        0.42 * (np.sin(turns) * np.sqrt(np.abs(np.cos(turns))) / (np.sin(turns) + 1.4) - 2 * np.sin(turns) + 2)
    ),
    "drop": lambda turns: 0.55 + 0.9 * np.exp(-2.2 * np.minimum(turns, 2 * np.pi - turns)),
    "cross": lambda turns: np.minimum(1.1, 0.38 / np.minimum(np.abs(np.cos(turns)), np.abs(np.sin(turns))).clip(0.2)),
}
FILLS = ("plain", "striped", "dotted", "checked")


def colour(random, low=20, high=236):
    """Any colour."""
    return random.integers(low, high, 3).astype(float)


def area(kind, size, middle, radius, turn, squeeze=1.0):
    """Where a thing is: float `(size, size)` in [0, 1], edges smooth."""
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    reach = radius * OUTLINES[kind](turns)
    points = np.stack([reach * np.cos(turns), reach * np.sin(turns) * squeeze], 1)
    points -= points.mean(0)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = (points @ spin + np.asarray(middle)) * FINER
    paper = PIL.Image.new("L", (size * FINER, size * FINER), 0)
    PIL.ImageDraw.Draw(paper).polygon([tuple(corner) for corner in corners], fill=255)
    return np.asarray(paper.resize((size, size), PIL.Image.Resampling.BOX)) / 255.0


def fill(kind, size, random, first=None, second=None):
    """A pattern of two colours, turned and scaled by chance: float `(size, size, 3)`."""
    first = colour(random) if first is None else first
    second = colour(random) if second is None else second
    turn, pitch = random.uniform(0, np.pi), random.uniform(4.5, 7.5)
    y, x = np.mgrid[:size, :size]
    along = (x * np.cos(turn) + y * np.sin(turn)) * 2 * np.pi / pitch + random.uniform(0, 6)
    across = (y * np.cos(turn) - x * np.sin(turn)) * 2 * np.pi / pitch + random.uniform(0, 6)
    waves = {
        "plain": np.ones((size, size)),
        "striped": np.sin(along),
        "dotted": np.cos(along) + np.cos(across) - 0.7,
        "checked": np.sin(along) * np.sin(across) * 2,
    }[kind]
    share = 1 / (1 + np.exp(-5 * waves))[..., None]
    return share * first + (1 - share) * second


def background(size, random):
    """A gradient with cloudy noise: float `(size, size, 3)`."""
    y, x = np.mgrid[:size, :size] / size
    slope = (x * random.uniform(-1, 1) + y * random.uniform(-1, 1))[..., None]
    coarse = PIL.Image.fromarray(random.integers(0, 256, (6, 6, 3)).astype("uint8"))
    cloud = np.asarray(coarse.resize((size, size), PIL.Image.Resampling.BICUBIC)) - 128.0
    return colour(random) + 60 * slope + random.uniform(0.1, 0.5) * cloud


def put(canvas, where, paint):
    """Lays paint over a canvas."""
    return canvas * (1 - where[..., None]) + paint * where[..., None]


def clutter(canvas, random, count):
    """Lines and small things that mean nothing."""
    size = len(canvas)
    for _ in range(count):
        kind = random.choice(list(OUTLINES))
        middle, radius = random.uniform(0, size, 2), random.uniform(0.04, 0.12) * size
        squeeze = random.choice([0.2, 0.5, 1.0])
        where = area(kind, size, middle, radius, random.uniform(0, 6), squeeze)
        canvas = put(canvas, where, colour(random))
    return canvas


def photograph(canvas, random, noise=10):
    """A canvas as a camera sees it."""
    lit = (canvas - 128) * random.uniform(0.6, 1.1) + 128 + random.uniform(-30, 30)
    return PIL.Image.fromarray((lit + random.normal(0, noise, canvas.shape)).clip(0, 255).astype("uint8"))
