"""One system, trained once and judged in every way that `compare` asks for."""

import collections
import itertools
import os
import statistics
import time

import keras
import numpy as np

from data_pipelines.naming import MASK
from mmkeras.inference.seen_batches import seen_batches
from mmkeras.training.choices import Choices
from mmkeras.training.run import fit_batches
from mmkeras.training.training_stage import TrainingStage
from mmkeras.views.corruptions import LEVELS, corruptions
from mmkeras.views.tallies import CategoryTally

# The score of a row, the mean of which is the score of a system; higher is better.
SCORES = {"Category": "accuracy", "Number": "r2", "Tags": "f1"}
TRAINING = {
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "clipnorm": None,
    "ema_momentum": None,
    "patience": None,
    "warmup": 0.05,
}


def stage_of(training, rows):
    """The `TrainingStage` of a comparison's `training`.

    Args:
        training: dict of all options, see `mmkeras.compare`.
        rows: int > 0. Training rows.
    Raises:
        ValueError: an option out of range.
    """
    # Running means are what is left in the end, unless there is a score to be patient with.
    keep = "last" if training["ema_momentum"] and not training["patience"] else "best"
    options = {**training, "ema_momentum": training["ema_momentum"] or 0.0}
    return TrainingStage(Choices(rows, **options, schedule="cosine", keep=keep, monitor=None))


def train(model, pipe, batches, judged, stage, folder):
    """Compiles and fits a model on batches that are there already; gives what it cost."""
    stage.compile(model, pipe, label_smoothing=stage.chosen.label_smoothing)  # of tags and tokens as well
    clock = _Clock()
    # Validation rows choose an epoch, where one is chosen; they are scored after training anyway.
    watched = judged if stage.chosen.keep == "best" else None
    options = {"verbose": 0, "backup": False, "overwrite": True, **stage.fit_options([clock])}
    with _PeakMemory() as memory:
        fit_batches(model, pipe, batches, watched, folder, **options)
    return {
        "parameters": model.count_params(),
        "epochs": len(clock.seconds),
        "cpu_seconds_per_epoch": statistics.median(clock.seconds[1:] or clock.seconds),
        "peak_memory_mib": memory.peak,
    }


class _Clock(keras.callbacks.Callback):
    """CPU seconds of each epoch, with its validation, where there is one; the first one also traces graphs."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.process_time() - self.start)


class _PeakMemory:
    """The most memory the whole process held within the block, in MiB; None where Linux doesn't tell."""

    peak = None

    def __enter__(self):
        if os.access("/proc/self/clear_refs", os.W_OK):
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        return self

    def __exit__(self, *failure):
        if os.access("/proc/self/clear_refs", os.W_OK):
            with open("/proc/self/status", encoding="ascii", errors="replace") as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line)
            self.peak = int(lines["VmHWM"].split()[0]) / 1024


def subsets(names):
    """All ways to have at least one of the inputs, the largest first: tuples."""
    names = list(names)
    return [part for count in range(len(names), 0, -1) for part in itertools.combinations(names, count)]


def judge(asked, pipe, batches, target, robust=True):
    """Scores a model on batches: as they are, for every subset of its inputs, and under corruptions.

    Args:
        asked: `SubsetModel`.
        pipe: the adapted pipeline of the model's inputs.
        batches: `tf.data.Dataset` of `(x, y, w)`, drawn once.
        target: str.
        robust: bool. Also under corruptions. Defaults to `True`.
    Returns:
        dict, JSON-ready: `rows` (a score each), `metrics` of the decoder, `subsets` ("a+b" → score), `robustness`
        (input → corruption → score at each of `LEVELS`), `bins` for calibration (categories; else None).
    """
    names = list(pipe.inputs)
    labels, weights, told = _predictions(asked, pipe, batches, target, robust)
    modality, whole = pipe.targets[target], ("subset", tuple(names))
    rows = {view: row_scores(modality, labels, weights, predictions) for view, predictions in told.items()}
    units = (modality.units(labels), weights, modality.units(told[whole]))
    score = {view: float(values.mean()) for view, values in rows.items()}
    return {
        "rows": [round(float(value), 6) for value in rows[whole]],
        "metrics": asked.model.get_layer(target).score(*units),
        "subsets": {"+".join(map(pipe.title, v[1])): value for v, value in score.items() if v[0] == "subset"},
        "robustness": _curves(score, whole, pipe),
        "bins": _bins(modality, labels, weights, told[whole]),
    }


def row_scores(modality, labels, weights, predictions):
    """A score for each row with a label: right or wrong, its part in R², or the F1 of its tags at 0.5.

    Args:
        modality: the target's adapted modality.
        labels, weights, predictions: arrays with rows first.
    Returns:
        float array; its mean is the accuracy, R², or mean F1.
    """
    labels, predictions = labels[weights > 0], predictions[weights > 0]
    kind = type(modality).__name__
    if kind == "Category":
        return (predictions.argmax(1) == labels).astype("float64")
    if kind == "Tags":
        real, said = labels > 0.5, predictions >= 0.5
        total = real.sum(1) + said.sum(1)
        return np.where(total > 0, 2 * (real & said).sum(1) / np.maximum(total, 1), 1.0)
    labels, predictions = (values.reshape(-1).astype("float64") for values in (labels, predictions))
    spread = ((labels - labels.mean()) ** 2).mean()
    return 1 - (predictions - labels) ** 2 / spread if spread > 0 else np.zeros(len(labels))


def _predictions(asked, pipe, batches, target, robust):
    """Labels, weights, and predictions by subset of inputs, and by corruption."""
    labels, weights, told = [], [], collections.defaultdict(list)
    names, parts = list(pipe.inputs), subsets(pipe.inputs)
    facts = pipe.spec["inputs"] if robust else {}
    corrupted = [(name, kind, level) for name in facts for kind in corruptions(facts[name]) for level in LEVELS[1:]]
    for number, (batch, y, w) in enumerate(seen_batches(asked, batches)):
        labels.append(y[target])
        weights.append(w[target])
        for part, predictions in zip(parts, batch.hiding([set(names) - set(part) for part in parts]), strict=True):
            told["subset", part].append(predictions[target])
        for name, kind, level in corrupted:
            other = batch.replacing(_corrupted(batch.x, name, corruptions(facts[name])[kind], level, number))
            told["robust", name, kind, level].append(other.hiding([()])[0][target])
    return np.concatenate(labels), np.concatenate(weights), {view: np.concatenate(part) for view, part in told.items()}


def _corrupted(x, name, corruption, level, number):
    """Always the same corruption of the same batch, whatever the system, so that differences are of systems."""
    random = np.random.default_rng([number, round(100 * level)])
    values, mask = corruption(x[name], x[name + MASK], level, random)
    return {name: values, name + MASK: mask}


def _curves(score, whole, pipe):
    curves = {}
    for view, value in score.items():
        if view[0] == "robust":
            _, name, kind, _ = view
            curves.setdefault(pipe.title(name), {}).setdefault(kind, [score[whole]]).append(value)
    return curves


def _bins(modality, labels, weights, predictions):
    if type(modality).__name__ != "Category":
        return None
    tally = CategoryTally(modality, len(labels))
    tally.add(labels, weights, predictions)
    return tally.bins.tolist()
