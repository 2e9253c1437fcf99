"""Numbers, one column or several, with gaps."""

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.numbers import NUMBERS, vary_numbers
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.modalities.modality import Modality, modality

DIGITS = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
WRITTEN = rf"\s*{DIGITS}\s*"
MISSING = r"\s*(?i:[+-]?nan|#?n/?a|<na>|null|none)?\s*"
SCALINGS = ("standard", "quantile")
SAMPLE = 200_000


@modality
class Number(Modality):
    """One number, or a group of numbers that come and go together, each of which may be missing.

    Args:
        columns: None or sequence of str. The table's columns of a group of N. Defaults to `None`: one column.
        scaling: `"quantile"`: the share of training values below it, in [-1, 1], blind to skew and outliers;
            `"standard"`: less the mean, over the standard deviation. A target is always `"standard"`.
            Defaults to `"quantile"`.
        knots: int > 1. Points of the quantile curve. Defaults to `65`.
        augment: None or dict, in training only: `jitter` (standard deviation of noise added to the scaled values of an
            input). Defaults to `None`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, N)`, mask bool `(B, N)`. As a target: float32 `(B, 1)`, standardised over training rows.
    Raises:
        ValueError: an unknown scaling, a wrong `augment`, a group as a target, a column without a number in training.
    """

    as_target = True

    def __init__(self, columns=None, scaling="quantile", knots=65, augment=None, column=None):
        super().__init__(column)
        if scaling not in SCALINGS:
            raise ValueError(f"Number: scaling must be one of {SCALINGS}. Received: scaling={scaling!r}.")
        if knots < 2:
            raise ValueError(f"Number: knots must be > 1. Received: knots={knots}. Do: knots=65.")
        self.group = None if columns is None else tuple(columns)
        self.scaling = scaling
        self.knots = int(knots)
        self.augment_with = checked_augment("Number", augment, NUMBERS, "'jitter': 0.05")
        self.means = self.deviations = self.curves = None

    def columns(self, name):
        return self.group or super().columns(name)

    def served_dtype(self):
        return "float32"

    def adapt(self, chunks):
        samples, seen = None, 0
        random = np.random.default_rng(0)
        for cells in chunks:
            values = np.stack([_to_floats(column) for column in cells], 1)
            seen += len(values)
            samples = values if samples is None else np.concatenate([samples, values])
            if len(samples) > 2 * SAMPLE:
                samples = samples[random.permutation(len(samples))[:SAMPLE]]
        for place in range(samples.shape[1]):
            if not np.isfinite(samples[:, place]).any():
                raise ValueError(
                    f"Number: a column must hold a number in some training row. Received: {seen} rows without one"
                    f"{f' in {self.group[place]!r}' if self.group else ''}. Do: leave the column out."
                )
        shares = np.linspace(0, 1, self.knots)
        curves = [np.quantile(column[np.isfinite(column)], shares) for column in samples.T]
        deviations = np.nanstd(samples, 0)
        self.set_state(
            {
                "means": np.nanmean(samples, 0).tolist(),
                "deviations": np.where(deviations > 0, deviations, 1.0).tolist(),
                "curves": np.stack(curves).tolist(),
            }
        )

    def state(self):
        return {"means": self.means, "deviations": self.deviations, "curves": self.curves}

    def set_state(self, state):
        self.means, self.deviations, self.curves = (state[key] for key in ("means", "deviations", "curves"))

    def parse(self, cells, context):
        served, bad = zip(*(_parse(column) for column in cells), strict=True)
        return list(served), tf.reduce_any(tf.stack(bad), 0)

    def encode(self, served):
        values = tf.stack([tf.cast(column, tf.float32) for column in served], 1)
        mask = tf.math.is_finite(values)
        bad = tf.reduce_any(tf.math.is_inf(values), 1)
        values = tf.where(mask, values, 0.0)
        scaled = self._quantiles(values) if self.scaling == "quantile" else self._standardise(values)
        return tf.where(mask, scaled, 0.0), mask, bad

    def _standardise(self, values):
        return (values - tf.constant(self.means, tf.float32)) / tf.constant(self.deviations, tf.float32)

    def _quantiles(self, values):
        """The middle of the interval of shares whose quantile is the value, between knots on a line, in [-1, 1]."""
        curves = tf.constant(self.curves, tf.float32)
        columns = tf.transpose(values)
        below = tf.searchsorted(curves, columns, side="left")
        above = tf.searchsorted(curves, columns, side="right")
        right = tf.clip_by_value(above, 1, self.knots - 1)
        low, high = tf.gather(curves, right - 1, batch_dims=1), tf.gather(curves, right, batch_dims=1)
        part = tf.clip_by_value(tf.math.divide_no_nan(columns - low, high - low), 0.0, 1.0)
        between = tf.cast(right - 1, tf.float32) + part
        tied = tf.cast(below + above - 1, tf.float32) / 2.0
        place = tf.clip_by_value(tf.where(above > below, tied, between), 0.0, self.knots - 1.0)
        return tf.transpose(place) * (2.0 / (self.knots - 1)) - 1.0

    def augment(self, value, mask, seed):
        return vary_numbers(value, mask, seed, **self.augment_with)

    def encode_target(self, cells, context):
        if len(cells) > 1:
            raise ValueError(
                f"Number: a target is one column. Received: columns={self.group}. Do: one target a column."
            )
        (value,), bad = self.parse(cells, context)
        bad |= tf.math.is_inf(value)
        present = tf.math.is_finite(value)
        scaled = self._standardise(tf.where(present, value, 0.0)[:, None])
        return tf.where(present[:, None], scaled, 0.0), tf.cast(present, tf.float32), bad

    def units(self, values):
        return values * self.deviations[0] + self.means[0]

    def write(self, name, prediction):
        return {name: self.units(prediction[:, 0])}

    def reason(self, cells, context):
        wrong = [cell.decode("utf-8", "replace") for cell in cells if _parse(tf.constant([cell]))[1].numpy().any()]
        return f"{wrong[0]!r} is not a finite number" if wrong else "it is not a finite number"

    def spec(self):
        return {"modality": "Number", "shape": [len(self.group) if self.group else 1]}

    def get_config(self):
        columns = list(self.group) if self.group else None
        own = {"columns": columns, "scaling": self.scaling, "knots": self.knots, "augment": self.augment_with or None}
        return {**super().get_config(), **own}


def _parse(column):
    """String tensor `(B,)` → (float32 `(B,)` with NaN for missing, bool: neither a number nor missing)."""
    missing = tf.strings.regex_full_match(column, MISSING)
    written = tf.strings.regex_full_match(column, WRITTEN)
    digits = tf.where(written, tf.strings.strip(column), "nan")
    value = tf.strings.to_number(digits, tf.float32)
    bad = ~(missing | written) | tf.math.is_inf(value)
    return tf.where(tf.math.is_finite(value), value, float("nan")), bad


def _to_floats(column):
    """Object array of written numbers → float64 array, NaN where a cell is missing or no finite number."""
    value, _ = _parse(tf.constant(column))
    return value.numpy().astype("float64")
