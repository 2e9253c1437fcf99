"""Numbers, one column or several, with gaps."""

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.numbers import NUMBERS, vary_numbers
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.number_text import DECIMALS, LARGEST, bounded, parse_numbers, read_numbers
from data_pipelines.field_spec import FieldSpec
from data_pipelines.modalities.modality import Modality, modality

SCALINGS = ("standard", "quantile", "log")
KNEE = 0.1  # quantile of sizes below which a logarithm becomes a line, so that 0 and negative numbers have a place
STEEPEST = 60.0  # of what is raised to the power of e
SAMPLE = 200_000
LEAST_SPREAD = 1e-13  # of the mean: below it, deviations are roundings
MOST_ROUNDED = 1e-5  # of the deviation that float32 may take a number away from itself


@modality
class Number(Modality):
    """One number, or a group of numbers that come and go together, each of which may be missing.

    Args:
        columns: None or sequence of str. The table's columns of a group of N. Defaults to `None`: one column.
        scaling: `"quantile"`: the share of training values below it, in [-1, 1], blind to skew and outliers;
            `"standard"`: less the mean, over the standard deviation; `"log"`: the same of the logarithm, for prices and
            the like: arsinh(x / k), a line near zero, k = the lower decile of sizes. A target is `"standard"` where
            `"quantile"` is said. Defaults to `"quantile"`.
        knots: int > 1. Points of the quantile curve. Defaults to `65`.
        augment: None or dict, in training only: `jitter` (standard deviation of noise added to the scaled values of an
            input). Defaults to `None`.
        decimal: None, `"."` or `","`. What stands before the fraction of numbers written for people, with the signs of
            money, percent and thousands: `"€ 1.234,50"` with `","`, `"$1,234.50"` with `"."`. With `","` a lone
            `"1.234"` is a bad cell: it could be either. Defaults to `None`: digits, point and exponent alone.
        on_bad: None or `"mask"`. `"mask"`: a cell that is no number counts as absent, whatever the pipeline does with
            bad cells. Defaults to `None`: as the pipeline does.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, N)`, mask bool `(B, N)`. As a target: float32 `(B, 1)`, standardised over training rows. Where
        float32 would make training values alike, as seconds since 1970, numbers are float64 until they are scaled, in
        an exported model and in answers too.
    Raises:
        ValueError: an unknown scaling, a wrong `augment`, a group as a target, a column without a number in training.
    """

    as_target = True

    def __init__(
        self, columns=None, scaling="quantile", knots=65, augment=None, decimal=None, on_bad=None, column=None
    ):
        super().__init__(column)
        if decimal not in (None, *DECIMALS) or on_bad not in (None, "mask"):
            raise ValueError(
                "Number: decimal must be None, '.' or ',', and on_bad None or 'mask'. Received: "
                f"decimal={decimal!r}, on_bad={on_bad!r}. Do: leave them out."
            )
        if scaling not in SCALINGS:
            raise ValueError(f"Number: scaling must be one of {SCALINGS}. Received: scaling={scaling!r}.")
        if knots < 2:
            raise ValueError(f"Number: knots must be > 1. Received: knots={knots}. Do: knots=65.")
        self.group = None if columns is None else tuple(columns)
        self.scaling = scaling
        self.knots = int(knots)
        self.augment_with = checked_augment("Number", augment, NUMBERS, "'jitter': 0.05")
        self.decimal = decimal
        self.on_bad = on_bad
        self.means = self.deviations = self.curves = self.knees = None
        self.precision, self.alike, self.cells = "float32", [], None

    def columns(self, name):
        return self.group or super().columns(name)

    def served_dtype(self):
        return self.precision

    def adapt(self, chunks):
        samples, seen = None, 0
        random = np.random.default_rng(0)
        for cells in chunks:
            values = np.stack([read_numbers(column, self.decimal) for column in cells], 1)
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
        precision = _precision(samples)
        samples = samples.astype(precision).astype("float64")
        shares = np.linspace(0, 1, self.knots)
        curves = [np.quantile(column[np.isfinite(column)], shares) for column in samples.T]
        logs = self.scaling == "log"
        knees = [_knee(column[np.isfinite(column)]) for column in samples.T] if logs else None
        measured = np.arcsinh(samples / knees) if logs else samples
        means, deviations = np.nanmean(measured, 0), np.nanstd(measured, 0)
        deviations = np.where(deviations > LEAST_SPREAD * np.abs(means), deviations, 1.0)
        state = {"means": means.tolist(), "deviations": deviations.tolist(), "curves": np.stack(curves).tolist()}
        cells = int(np.isfinite(samples).sum(0).max())
        self.set_state({**state, "precision": precision, "knees": knees, "cells": cells})
        self.alike = self._told_apart(samples, self._scaled)
        self._alike_as_target = self._told_apart(samples, self._standardise)

    def check_target(self, name):
        """A target is always standardised."""
        self.alike = self._alike_as_target

    def _told_apart(self, samples, scale):
        """Of each column, how many different values there are, and how many of them are different once scaled."""
        real = np.isfinite(samples)
        scaled = scale(tf.constant(np.where(real, samples, 0.0))).numpy()
        columns = zip(samples.T, scaled.T, real.T, strict=True)
        return [[len(np.unique(values[known])) for values in both] for *both, known in columns]

    @property
    def remark(self):
        """Says which values are one and the same to a model."""
        names = self.group or ("",)
        return "; ".join(
            f"float32 tells {told} of {values} different numbers{f' of {name!r}' if name else ''} apart"
            for name, (values, told) in zip(names, self.alike, strict=False)
            if told < values
        )

    def state(self):
        state = {"means": self.means, "deviations": self.deviations, "curves": self.curves}
        own = {"knees": self.knees} if self.knees else {}
        return {**state, **own, "precision": self.precision, "alike": self.alike, "cells": self.cells}

    def set_state(self, state):
        self.means, self.deviations, self.curves = (state[key] for key in ("means", "deviations", "curves"))
        self.precision, self.alike = state.get("precision", "float32"), state.get("alike", [])
        self.knees, self.cells = state.get("knees"), state.get("cells")

    def parse(self, cells, context):
        served, bad = zip(*(parse_numbers(column, self.decimal) for column in cells), strict=True)
        return list(served), tf.reduce_any(tf.stack(bad), 0)

    def encode(self, served):
        values = bounded(tf.stack([tf.cast(column, tf.float64) for column in served], 1))
        mask = tf.math.is_finite(values)
        bad = tf.reduce_any(tf.math.is_inf(values), 1)
        scaled = self._scaled(tf.where(mask, values, 0.0))
        return tf.where(mask, scaled, 0.0), mask, bad

    def _scaled(self, values):
        return self._quantiles(values) if self.scaling == "quantile" else self._standardise(values)

    def _rounded(self, values):
        """Numbers as an exported model is given them, as float64."""
        return tf.cast(tf.cast(values, self.precision), tf.float64)

    def _standardise(self, values):
        means, deviations = tf.constant(self.means, tf.float64), tf.constant(self.deviations, tf.float64)
        values = self._rounded(values)
        values = tf.asinh(values / tf.constant(self.knees, tf.float64)) if self.knees else values
        scaled = (values - means) / deviations
        return tf.cast(tf.clip_by_value(scaled, -LARGEST, LARGEST), tf.float32)

    def _quantiles(self, values):
        """The middle of the interval of shares whose quantile is the value, between knots on a line, in [-1, 1]."""
        values = self._rounded(values)
        curves = self._rounded(tf.constant(self.curves, tf.float64))
        columns = tf.transpose(values)
        below = tf.searchsorted(curves, columns, side="left")
        above = tf.searchsorted(curves, columns, side="right")
        right = tf.clip_by_value(above, 1, self.knots - 1)
        low, high = tf.gather(curves, right - 1, batch_dims=1), tf.gather(curves, right, batch_dims=1)
        part = tf.clip_by_value(tf.math.divide_no_nan(columns - low, high - low), 0.0, 1.0)
        between = tf.cast(right - 1, tf.float64) + part
        tied = tf.cast(below + above - 1, tf.float64) / 2.0
        place = tf.clip_by_value(tf.where(above > below, tied, between), 0.0, self.knots - 1.0)
        return tf.cast(tf.transpose(place) * (2.0 / (self.knots - 1)) - 1.0, tf.float32)

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
        values = values if tf.is_tensor(values) else np.asarray(values, "float64")
        values = values * self.deviations[0] + self.means[0]
        if not self.knees:
            return values
        if tf.is_tensor(values):
            return tf.sinh(tf.clip_by_value(values, -STEEPEST, STEEPEST)) * self.knees[0]
        return np.sinh(np.clip(values, -STEEPEST, STEEPEST)) * self.knees[0]

    def write(self, name, prediction):
        return {name: self.units(tf.cast(prediction[:, 0], self.precision))}

    def reason(self, cells, context):
        wrong = [
            cell.decode("utf-8", "replace")
            for cell in cells
            if parse_numbers(tf.constant([cell]), self.decimal)[1].numpy().any()
        ]
        return f"{wrong[0]!r} is not a finite number" if wrong else "it is not a finite number"

    def spec(self):
        """`cells`: how many numbers training rows had, of the fullest column, up to 400,000."""
        shape = (len(self.group) if self.group else 1,)
        return FieldSpec("Number", shape, "float32", shape, details={} if self.cells is None else {"cells": self.cells})

    def get_config(self):
        columns = list(self.group) if self.group else None
        own = {"columns": columns, "scaling": self.scaling, "knots": self.knots, "augment": self.augment_with or None}
        optional = {"decimal": self.decimal, "on_bad": self.on_bad}
        return {**super().get_config(), **own, **{name: value for name, value in optional.items() if value}}


def _knee(values):
    """Where the logarithm of sizes begins to be one."""
    sizes = np.abs(values[values != 0])
    return float(np.quantile(sizes, KNEE)) if sizes.size else 1.0


def _precision(samples):
    """The dtype that keeps training values `(N, C)` apart, and near to what they are for how far they deviate."""
    rounded = samples.astype("float32").astype("float64")
    moved = np.nanmax(np.abs(rounded - samples), 0) > MOST_ROUNDED * np.nanstd(samples, 0)
    alike = [len(np.unique(a)) < len(np.unique(b)) for a, b in zip(rounded.T, samples.T, strict=True)]
    return "float64" if (moved & (np.nanstd(rounded, 0) > 0)).any() or any(alike) else "float32"
