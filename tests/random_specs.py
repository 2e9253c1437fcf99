"""Random tables with a pipeline for each: any column names, one to six inputs and targets, cells missing anywhere."""

import functools

import hostile_cells
import numpy as np
import pandas
from hypothesis import strategies as st
from tiny_table import picture, recording

from data_pipelines import (
    Audio,
    Category,
    DateTime,
    Graph,
    Image,
    Number,
    Pipeline,
    Tags,
    Text,
    TimeSeries,
    Video,
    read_table,
)
from data_pipelines.naming import plain_name

SOUND = {"sample_rate": 2000, "frame_seconds": 0.016, "hop_seconds": 0.008, "mel_bins": 6}
WORDS = ("cat", "dog", "a fish", "猫", "3", "true")
NOT_NAMES = ("_row", "_weight", "_seed")
WHOLE = 2  # rows at the start that lack nothing, so that there is something to learn


def png(random):
    return hostile_cells.png(*random.integers(1, 12, 2).tolist(), colour=random.choice([0, 2, 4, 6]))


def clip(random):
    frames, height, width = random.integers(1, 6, 3).tolist()
    return hostile_cells.npy((frames, height, width, 3), random.bytes(frames * height * width * 3))


def steps(random, channels=2):
    values = random.normal(size=(random.integers(2, 6), channels)).round(3)
    return ";".join(",".join(map(str, step)) for step in values)


def molecule(random):
    count = int(random.integers(1, 5))
    return hostile_cells.graph(
        [f'"{name}"' for name in random.choice(["C", "O", "H"], count)],
        [f"[{place}, {place + 1}]" for place in range(count - 1)],
    ).decode()


def words(random):
    return " ".join(random.choice(WORDS, random.integers(1, 5)))


def tags(random):
    return "|".join(random.choice(WORDS, random.integers(1, 4)))


def mask(random):
    return hostile_cells.png(4, 4, colour=0)


# Kind → (modality, a cell of it out of a numpy generator).
INPUTS = {
    "picture": (functools.partial(Image, 8), png),
    "sound": (functools.partial(Audio, seconds=0.3, **SOUND), lambda random: recording(int(random.integers(9)))),
    "samples": (
        functools.partial(Audio, seconds=0.2, features="waveform", **SOUND),
        lambda random: recording(int(random.integers(9))),
    ),
    "clip": (functools.partial(Video, 2, 8), clip),
    "words": (Text, words),
    "letters": (functools.partial(Text, "ngram"), words),
    "bytes": (functools.partial(Text, "byte", max_tokens=16), words),
    "number": (Number, lambda random: repr(float(random.normal() * 10.0 ** random.integers(-3, 9)))),
    "label": (Category, lambda random: str(random.choice(WORDS))),
    "tags": (functools.partial(Tags, min_count=1), tags),
    "series": (functools.partial(TimeSeries, max_steps=4), steps),
    "graph": (functools.partial(Graph, max_nodes=4), molecule),
    "date": (DateTime, lambda random: f"20{random.integers(10, 30)}-0{random.integers(1, 10)}-1{random.integers(10)}"),
}
TARGETS = {
    "label": INPUTS["label"],
    "number": INPUTS["number"],
    "tags": INPUTS["tags"],
    "series": (functools.partial(TimeSeries, max_steps=3), steps),
    "mask": (functools.partial(Image, 4, classes=2), mask),
    "words": (functools.partial(Text, max_tokens=2), words),
    "picture": (functools.partial(Image, 4), lambda random: picture(int(random.integers(9)))),
    "sound": (functools.partial(Audio, seconds=0.1, **SOUND), INPUTS["sound"][1]),
}
# What most columns are: others take seconds to trace.
QUICK_INPUTS = ("words", "letters", "bytes", "number", "label", "tags", "series", "graph", "date")
QUICK_TARGETS = ("label", "number", "tags", "series", "mask")
DRAWN = ("picture", "sound")  # targets that another batch draws other noise for
COUNTS = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 5, 6])
OF_SEVERAL = ("AttentionFusion",)  # which refuse one modality


class RandomSpec:
    """A table, what its columns are, and how it is learned.

    Args:
        inputs, targets: dict column → kind, of `INPUTS` and `TARGETS`.
        fusion: str.
        rows: int > 0.
        batch_size: int > 0.
        missing: float in [0, 1]. Share of cells that are empty.
        seed: int. Of the cells.
    """

    def __init__(self, inputs, targets, fusion, rows, batch_size, missing, seed):
        self.facts = {name: value for name, value in locals().items() if name != "self"}
        self.inputs, self.targets, self.fusion, self.batch_size = inputs, targets, fusion, batch_size
        random = np.random.default_rng(seed)
        columns = {column: INPUTS[kind] for column, kind in inputs.items()}
        columns |= {column: TARGETS[kind] for column, kind in targets.items()}
        self.cells = {
            column: self._column(cell, rows, missing, random, column in targets)
            for column, (_, cell) in columns.items()
        }
        self.frame = pandas.DataFrame({name: pandas.Series(c, dtype=object) for name, c in self.cells.items()})

    def __repr__(self):
        return f"RandomSpec(**{self.facts})"

    def _column(self, cell, rows, missing, random, is_target):
        cells = [cell(random) for _ in range(rows)]
        if is_target and cell is INPUTS["label"][1]:
            cells[:WHOLE] = WORDS[:WHOLE]  # two classes at the least
        empty = b"" if isinstance(cells[0], bytes) else ""
        return [c if place < WHOLE or random.random() >= missing else empty for place, c in enumerate(cells)]

    def table(self):
        """The rows as a table."""
        return read_table(self.frame)

    def pipeline(self):
        """The pipeline that learned from them."""
        made = lambda kinds, known: {plain_name(c): known[k][0](column=c) for c, k in kinds.items()}  # noqa: E731
        return Pipeline(made(self.inputs, INPUTS), made(self.targets, TARGETS)).adapt(self.table())


def column_names():
    """Any text that a column may be called, and words that Python, Keras or the pipeline give a meaning."""
    meant = ["class", "self", "..", "fusion", "numbers", "transformer", "a_mask", "a_target", "_", " ", "1/2", "价格"]
    letters = st.characters(exclude_categories=["Cs"])
    return st.one_of(st.sampled_from(meant), st.text(letters, min_size=1, max_size=12)).filter(
        lambda name: name not in NOT_NAMES
    )


@st.composite
def specs(draw, fusions):
    """Any spec; few of its columns are media, and one at the most is said in a loop."""
    fusion = draw(fusions)
    count_in = max(draw(COUNTS), 2 if fusion in OF_SEVERAL else 1)
    count_out = draw(COUNTS)
    count = count_in + count_out
    columns = draw(st.lists(column_names(), min_size=count, max_size=count, unique_by=plain_name))
    inputs = _kinds(draw, count_in, sorted(INPUTS), QUICK_INPUTS, most=2)
    targets = _kinds(draw, count_out, sorted(TARGETS), QUICK_TARGETS, most=1)
    rows = draw(st.integers(WHOLE + 1, 8))
    return RandomSpec(
        dict(zip(columns, inputs, strict=False)),
        dict(zip(columns[count_in:], targets, strict=False)),
        fusion,
        rows,
        draw(st.integers(1, rows + 1)),
        draw(st.sampled_from([0.0, 0.3, 0.9, 1.0])),
        draw(st.integers(0, 2**32 - 1)),
    )


def _kinds(draw, count, any_kind, quick, most):
    """Kinds of so many columns, up to `most` of which are any, the others quick."""
    few = draw(st.lists(st.sampled_from(any_kind), max_size=min(count, most)))
    return few + [draw(st.sampled_from(quick)) for _ in range(count - len(few))]
