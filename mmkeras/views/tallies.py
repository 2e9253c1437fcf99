"""What the report counts while batches pass by once: little memory, whatever the number of rows."""

import collections

import numpy as np

from data_pipelines.naming import MASK
from mmkeras.metrics.picture_scores import coarse_pixels, kernel_distance

BINS = 10
KEPT = 20_000
PICTURES = 2_000  # whose features are compared, each with each
SHEET = 24


class CategoryTally:
    """Which class was taken for which, and how sure the model was.

    Args:
        modality: the target's adapted `Category`.
        rows: int. How many rows will come.
    """

    def __init__(self, modality, rows):
        self.classes = modality.classes
        self.pairs = collections.Counter()
        self.bins = np.zeros((BINS, 3))

    def add(self, labels, weights, predictions):
        """Counts a batch; rows without a label do not count."""
        labels, predictions = labels[weights > 0].astype(int), predictions[weights > 0]
        if not len(labels):
            return
        told, sure = predictions.argmax(1), predictions.max(1)
        self.pairs.update(zip(labels.tolist(), told.tolist(), strict=True))
        place = np.minimum((sure * BINS).astype(int), BINS - 1)
        np.add.at(self.bins, place, np.stack([np.ones_like(sure), sure, told == labels], 1))

    @property
    def rows(self):
        """Rows with a label."""
        return self.pairs.total()

    @property
    def accuracy(self):
        """Share of rows that are right."""
        return sum(n for (label, told), n in self.pairs.items() if label == told) / max(1, self.rows)

    @property
    def commonest(self):
        """The most common class and its share of the rows."""
        label, count = self.real().most_common(1)[0]
        return self.classes[label], count / self.rows

    @property
    def confidence(self):
        """The mean probability of the answers."""
        return self.bins[:, 1].sum() / max(1, self.rows)

    @property
    def calibration_error(self):
        """The mean distance of confidence from accuracy over the bins, weighted by rows."""
        return np.abs(self.bins[:, 1] - self.bins[:, 2]).sum() / max(1, self.rows)

    def real(self):
        """Counter class index → rows of that class."""
        return _summed(self.pairs, 0)

    def told(self):
        """Counter class index → rows that were given that class."""
        return _summed(self.pairs, 1)

    def confusions(self):
        """Wrong pairs, the most frequent first: list of (label, told, rows, share of the label's rows)."""
        real = self.real()
        wrong = sorted((-n, label, told) for (label, told), n in self.pairs.items() if label != told)
        return [(self.classes[label], self.classes[told], -n, -n / real[label]) for n, label, told in wrong]

    def recalls(self):
        """List of (class, recall, rows), in the order of the classes that occur."""
        return [(self.classes[k], self.pairs[k, k] / n, n) for k, n in sorted(self.real().items())]


class NumberTally:
    """Truths and predictions of a number, thinned evenly where there are very many rows.

    Args:
        modality: the target's adapted `Number`.
        rows: int. How many rows will come.
    """

    def __init__(self, modality, rows):
        self.modality = modality
        self.share = min(1.0, KEPT / max(1, rows))
        self.random = np.random.default_rng(0)
        self.parts = []

    def add(self, labels, weights, predictions):
        """Keeps a batch's labelled rows, in units."""
        kept = (weights > 0) & (self.random.random(len(weights)) < self.share)
        pair = np.stack([labels[kept].reshape(-1), predictions[kept].reshape(-1)])
        self.parts.append(np.asarray(self.modality.units(pair.astype("float64"))))

    @property
    def pairs(self):
        """float array `(2, N)`: truths, predictions."""
        return np.concatenate(self.parts, 1) if self.parts else np.zeros((2, 0))


class TagsTally:
    """How often each tag was found, missed and made up, at a probability of 0.5.

    Args:
        modality: the target's adapted `Tags`.
        rows: int. How many rows will come.
    """

    def __init__(self, modality, rows):
        self.classes = modality.classes
        self.real, self.told, self.hits = np.zeros((3, len(self.classes)))

    def add(self, labels, weights, predictions):
        """Counts a batch; rows without labels do not count."""
        real, told = labels[weights > 0] > 0.5, predictions[weights > 0] >= 0.5
        self.real += real.sum(0)
        self.told += told.sum(0)
        self.hits += (real & told).sum(0)

    def frequent(self, count):
        """The most frequent tags: list of (tag, rows, precision or None, recall)."""
        order = [place for place in np.argsort(-self.real, kind="stable")[:count] if self.real[place]]
        return [
            (
                self.classes[k],
                int(self.real[k]),
                self.hits[k] / self.told[k] if self.told[k] else None,
                self.hits[k] / self.real[k],
            )
            for k in order
        ]


class PictureTally:
    """Pictures made beside the real ones of the same rows, and how alike both sets are.

    Args:
        modality: the target's adapted `Image`.
        rows: int. How many rows will come.
    """

    def __init__(self, modality, rows):
        self.share = min(1.0, PICTURES / max(1, rows))
        self.random = np.random.default_rng(0)
        self.parts = []
        self.real, self.told = [], []

    def add(self, labels, weights, predictions):
        """Keeps features of a batch's labelled rows, and the first pictures themselves."""
        labels, predictions = labels[weights > 0], predictions[weights > 0]
        self.real.extend(labels[: SHEET - len(self.real)])
        self.told.extend(predictions[: SHEET - len(self.told)])
        kept = self.random.random(len(labels)) < self.share
        self.parts.append(np.stack([coarse_pixels(part[kept]) for part in (labels, predictions)]))

    @property
    def distances(self):
        """Kernel distances of coarse pixels: made to real ones, one half of the real ones to the other; None of few."""
        real, told = np.concatenate(self.parts, 1) if self.parts else np.zeros((2, 0, 1))
        if len(real) < 4:
            return None
        return kernel_distance(told, real), kernel_distance(real[::2], real[1::2])


class AbsenceTally:
    """The share of absent cells of each input: overall, and by the classes of each category target.

    Args:
        pipe: adapted `Pipeline`.
    """

    def __init__(self, pipe):
        self.inputs = list(pipe.inputs)
        self.groups = {name for name, modality in pipe.inputs.items() if type(modality).__name__ == "Number"}
        self.rows = self.empty = self.unanswered = 0
        self.overall = np.zeros(len(self.inputs))
        self.unlabelled = dict.fromkeys(pipe.targets, 0)
        self.classes = {name: m.classes for name, m in pipe.targets.items() if type(m).__name__ == "Category"}
        self.absent = {name: np.zeros((len(known), len(self.inputs))) for name, known in self.classes.items()}
        self.seen = {name: np.zeros(len(known)) for name, known in self.classes.items()}

    def add(self, x, y, w):
        """Counts a batch of arrays."""
        shares = np.stack([_absent_share(x[name + MASK], name in self.groups) for name in self.inputs], 1)
        self.rows += len(shares)
        self.empty += int((shares == 1).all(1).sum())
        self.overall += shares.sum(0)
        for target in self.unlabelled:
            self.unlabelled[target] += int((w[target] <= 0).sum())
        for target in self.classes:
            known = w[target] > 0
            np.add.at(self.absent[target], y[target][known].astype(int), shares[known])
            np.add.at(self.seen[target], y[target][known].astype(int), 1)


TALLIES = {"Category": CategoryTally, "Number": NumberTally, "Tags": TagsTally, "Image": PictureTally}


def target_tallies(targets, rows):
    """A tally for each target of which there is one: dict name → tally.

    Args:
        targets: dict name → adapted modality.
        rows: int. How many rows will come.
    """
    kinds = {name: TALLIES.get(type(modality).__name__) for name, modality in targets.items()}
    return {name: kind(targets[name], rows) for name, kind in kinds.items() if kind and not _is_mask(targets[name])}


def _is_mask(modality):
    return type(modality).__name__ == "Image" and modality.classes is not None


def _absent_share(mask, is_group):
    """Float array `(B,)`: the share of absent cells of a row; a group of numbers has one cell a number."""
    mask = mask.reshape(len(mask), -1)
    return 1.0 - (mask.mean(1) if is_group else mask.any(1))


def _summed(pairs, axis):
    counts = collections.Counter()
    for pair, number in pairs.items():
        counts[pair[axis]] += number
    return counts
