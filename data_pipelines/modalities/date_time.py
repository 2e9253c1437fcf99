"""A date, or a moment, as where it stands in time and in the day, the week and the year."""

import math
import re

import numpy as np
import tensorflow as tf

from data_pipelines.cells.labels import strip
from data_pipelines.field_spec import FieldSpec
from data_pipelines.modalities.modality import Modality, modality

CLOCK = r"(?:T|\s+)(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?(?:\s*([AaPp])\.?[Mm]\.?)?"
TIME = rf"(?:{CLOCK})?\s*(Z|UTC|GMT|[+-]\d{{2}}(?::?\d{{2}})?)?"
YEAR_FIRST = r"(\d{4})(?:\s*[-/.年]\s*)(\d{1,2})(?:\s*[-/.月]\s*)(\d{1,2})日?" + TIME
YEAR_LAST = r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})" + TIME
EPOCH = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
MILLISECONDS = 1e11  # numbers above this are no seconds since 1970, but milliseconds
LATEST = 1e12  # seconds; the year 33658
DAY, WEEK, YEAR = 86400.0, 7 * 86400.0, 365.2425 * 86400.0
MONDAY = 3 * DAY  # 1 January 1970 was a Thursday
LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
PARTS = ("trend", "time of day", "time of day", "day of week", "day of week", "time of year", "time of year")
FARTHEST = 3.0  # of the trend, in half-widths of the training rows' time


@modality
class DateTime(Modality):
    """A date with or without a time of day.

    ISO 8601 (`2024-05-01`, `2024-05-01T08:30:00+02:00`), `2024/5/1`, `2024年5月1日`, `1.5.2024`, `5/1/2024 8:30 PM`,
    and seconds or milliseconds since 1970 as numbers.

    Args:
        day_first: bool or None. Whether `1/5/2024` is 1 May. Defaults to `None`: as training rows say, where a first
            number over 12 shows it; else True with points, False with slashes and dashes.
        on_bad: None or `"mask"`. `"mask"`: a cell that is no date counts as absent, whatever the pipeline does with bad
            cells. Defaults to `None`: as the pipeline does.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, 7)`, mask bool `(B, 7)`: the trend, −1 at the earliest and 1 at the latest moment of the training
        rows, up to ±3 outside; sine and cosine of the time of day, of the day of the week, of the time of the year. The
        trend counts from UTC, the others from the clock that the cell was written by.
    Raises:
        ValueError: another `on_bad`, or no training row has a date.
    Example:
        >>> date = DateTime()
        >>> date.adapt([(np.array(["2024-01-01", "2024-12-31"]),)])
        >>> date.encode([tf.constant(["2024-07-01"])])[0].numpy().round(2)[0, 0]
        np.float32(-0.0)
    """

    part_names = PARTS

    def __init__(self, day_first=None, on_bad=None, column=None):
        super().__init__(column)
        if on_bad not in (None, "mask"):
            raise ValueError(f"DateTime: on_bad must be None or 'mask'. Received: on_bad={on_bad!r}. Do: leave it out.")
        self.on_bad = on_bad
        self.day_first = day_first
        self.first = self.last = self.cells = None
        self.learned_day_first = None

    def adapt(self, chunks):
        texts, swapped = [], {True: 0, False: 0}
        for (cells,) in chunks:
            written = [str(cell).strip() for cell in cells]
            for cell in written:
                found = re.fullmatch(YEAR_LAST, cell)
                for is_first, number in ((True, found and found[1]), (False, found and found[2])):
                    swapped[is_first] += bool(number) and int(number) > 12
            texts.append(np.array(written, object))
        self.learned_day_first = None if swapped[True] == swapped[False] else swapped[True] > swapped[False]
        found = [self._moments(tf.constant(part))[0].numpy() for part in texts]
        known = np.concatenate([part[np.isfinite(part)] for part in found] or [np.zeros(0)])
        if not known.size:
            raise ValueError(
                f"DateTime: a column must hold a date in some training row. Received: {sum(map(len, found))} rows "
                "without one. Do: leave the column out, or make it a Text."
            )
        self.first, self.last, self.cells = float(known.min()), float(known.max()), int(known.size)

    def state(self):
        learned = {"first": self.first, "last": self.last, "cells": self.cells}
        return {**learned, "day_first": self.learned_day_first}

    def set_state(self, state):
        self.first, self.last, self.cells = state["first"], state["last"], state["cells"]
        self.learned_day_first = state["day_first"]

    def parse(self, cells, context):
        return [strip(cells[0])], tf.zeros_like(cells[0], tf.bool)

    def encode(self, served):
        cells = strip(served[0])
        moment, shift = self._moments(cells)
        present = tf.math.is_finite(moment)
        bad = (cells != "") & ~present
        moment = tf.where(present, moment, 0.0)
        middle, half = (self.first + self.last) / 2.0, max((self.last - self.first) / 2.0, 1.0)
        trend = tf.clip_by_value((moment - middle) / half, -FARTHEST, FARTHEST)
        local, parts = moment + shift, [trend]
        for start, length in ((0.0, DAY), (-MONDAY, WEEK), (0.0, YEAR)):
            angle = 2.0 * math.pi * tf.math.floormod((local - start) / length, 1.0)
            parts += [tf.sin(angle), tf.cos(angle)]
        value = tf.where(present[:, None], tf.cast(tf.stack(parts, 1), tf.float32), 0.0)
        return value, tf.repeat(present[:, None], len(PARTS), 1), bad

    def _moments(self, cells):
        """Seconds since 1970 in UTC, NaN where a cell is no date, and by how many its clock is ahead, `(B,)` each."""
        by_year, year_first = _fields(cells, YEAR_FIRST)
        by_day, year_last = _fields(cells, YEAR_LAST)
        given = self.learned_day_first if self.day_first is None else self.day_first
        pointed = tf.strings.regex_full_match(cells, r"\d{1,2}\..*")
        day_first = pointed if given is None else tf.fill(tf.shape(cells), bool(given))
        first, second, year = by_day[:3]
        year = tf.where(year < 100, tf.where(year < 70, year + 2000, year + 1900), year)
        other = [year, tf.where(day_first, second, first), tf.where(day_first, first, second), *by_day[3:]]
        fields = [tf.where(year_first, a, b) for a, b in zip(by_year, other, strict=True)]
        seconds, shift, is_valid = _calendar(*fields)
        is_number = tf.strings.regex_full_match(cells, EPOCH)
        number = tf.strings.to_number(tf.where(is_number, cells, "nan"), tf.float64)
        number = tf.where(tf.abs(number) > MILLISECONDS, number / 1000.0, number)
        nan = tf.constant(math.nan, tf.float64)
        number = tf.where(tf.abs(number) < LATEST, number, nan)
        written = tf.where((year_first | year_last) & is_valid, seconds - shift, nan)
        return tf.where(is_number, number, written), tf.where(is_number | ~is_valid, tf.zeros_like(shift), shift)

    def reason(self, cells, context):
        return f"{cells[0].decode('utf-8', 'replace')[:40]!r} is not a date"

    def spec(self):
        shape = (len(PARTS),)
        details = {} if self.cells is None else {"cells": self.cells}
        return FieldSpec("DateTime", shape, "float32", shape, like="Number", details=details)

    def get_config(self):
        return {**super().get_config(), "day_first": self.day_first, "on_bad": self.on_bad}

    def share(self, cells):
        """Which share of cells, list of str, are written dates; numbers could be anything."""
        numbers = np.array([re.fullmatch(EPOCH, cell.strip()) is not None for cell in cells])
        return float((np.isfinite(self._moments(strip(tf.constant(cells)))[0].numpy()) & ~numbers).mean())


def _fields(cells, pattern):
    """Three numbers of the date, hour, minute, second, half of the day and zone in seconds; and which cells fit."""
    fits = tf.strings.regex_full_match(cells, pattern)
    fitting = tf.where(fits, cells, "")

    def group(place):
        return tf.strings.regex_replace(fitting, f"^{pattern}$", rf"\{place}")

    def number(text):
        return tf.strings.to_number(tf.where(text == "", "0", text), tf.float64)

    numbers = [number(group(place)) for place in range(1, 7)]
    half = tf.strings.lower(group(7))
    hour = tf.where(
        half == "", numbers[3], tf.math.floormod(numbers[3], 12.0) + 12.0 * tf.cast(half == "p", tf.float64)
    )
    hour += 24.0 * tf.cast((half != "") & (numbers[3] > 12.0), tf.float64)  # 15:00 PM is no time
    zone = tf.strings.regex_replace(group(8), "^(Z|UTC|GMT)$", "")
    sign = 1.0 - 2.0 * tf.cast(tf.strings.substr(zone, 0, 1) == "-", tf.float64)
    digits = tf.strings.join([tf.strings.regex_replace(zone, r"[^\d]", ""), "0000"])
    hours, minutes = (number(tf.strings.substr(digits, start, 2)) for start in (0, 2))
    return [*numbers[:3], hour, *numbers[4:], sign * (hours * 3600.0 + minutes * 60.0)], fits


def _calendar(year, month, day, hour, minute, second, shift):
    """Seconds since 1970 by the cell's own clock, its zone, and whether such a moment exists.

    References:
        Howard Hinnant's [days from civil](https://howardhinnant.github.io/date_algorithms.html).
    """
    leap = (tf.math.floormod(year, 4) == 0) & ((tf.math.floormod(year, 100) != 0) | (tf.math.floormod(year, 400) == 0))
    place = tf.clip_by_value(tf.cast(month, tf.int32) - 1, 0, 11)
    most = tf.gather(tf.constant(LENGTHS, tf.float64), place) - tf.cast((month == 2) & ~leap, tf.float64)
    is_valid = (month >= 1) & (month <= 12) & (day >= 1) & (day <= most)
    is_valid &= (hour < 24) & (minute < 60) & (second < 61) & (tf.abs(shift) <= 14 * 3600)
    year = year - tf.cast(month <= 2, tf.float64)
    era = tf.floor(year / 400)
    of_era = year - era * 400
    of_year = tf.floor((153 * tf.math.floormod(month + 9, 12) + 2) / 5) + day - 1
    days = era * 146097 + of_era * 365 + tf.floor(of_era / 4) - tf.floor(of_era / 100) + of_year - 719468
    return days * DAY + hour * 3600 + minute * 60 + second, shift, is_valid
