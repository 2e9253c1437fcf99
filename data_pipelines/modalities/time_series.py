"""Series of measurements: sensors, weather, prices; with gaps, at even or uneven times."""

import re

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.numbers import SERIES, vary_numbers
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.media_cells import MAX_BYTES, full_path, in_words
from data_pipelines.cells.moments import joined_moments
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.formats.branches import in_python, rarely
from data_pipelines.formats.series import read_series, unpack_npz
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import CellContext, modality

FILE = r"(?i)[^\n]*\.(npy|npz|csv|tsv|txt)\s*"
KEEPS = ("last", "first")
_PATHS = CellContext(is_bytes=False)


@modality
class TimeSeries(Media):
    """A series of C channels, as standardised values with a flag for every gap.

    A cell is the series itself, as text or a list (see `data_pipelines.formats.series`), or names an `.npy`, `.npz`
    (its first array), `.csv`, `.tsv` or `.txt` file. `long_table` makes such cells from a table with a line a step.

    Args:
        max_steps: int > 0. Longer series are cut to so many; as a target the horizon, which every label and prediction
            has. Defaults to `512`.
        keep: `"last"` or `"first"`. Which steps of a longer series stay; of a target, the first. Defaults to `"last"`.
        times: bool. Whether the first number of a step is its time, in any unit, never going back. Defaults to `False`:
            steps are evenly spaced.
        max_bytes: int > 0. A series that takes more memory to read is a bad cell: 128 bytes a byte of text, 24 a number
            of an array. Defaults to 256 MiB: 2 MiB of text, 11 million numbers.
        augment: None or dict, in training only: `jitter` (standard deviation of noise added to standardised values),
            `scale` (most that a channel grows or shrinks, in shares). Defaults to `None`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, T, 2 C)`: C values, standardised by training rows, 0 in a gap; C flags, 1 = measured, 0 = gap. With
        `times` one channel more, the time since the step before over its mean in training. mask bool `(B, T)`: steps
        that the series has. A series without any number is absent.
    Raises:
        ValueError: `max_steps` below 1, an unknown `keep`, a wrong `augment`; in `adapt`, a channel without numbers or
            another C.
    Example:
        >>> rows = read_table(pandas.DataFrame({"load": ["1 2 nan 4", "2 3 4"], "fault": ["no", "yes"]}))
        >>> pipe = Pipeline({"load": TimeSeries()}, {"fault": Category()}).adapt(rows)
        >>> next(iter(pipe.batches(rows, 2)))[0]["load"].shape
        TensorShape([2, 4, 2])
    """

    as_target = True
    answers_too = ("_quantiles",)
    label_as_input = True

    def __init__(self, max_steps=512, keep="last", times=False, max_bytes=MAX_BYTES, augment=None, column=None):
        super().__init__(column)
        if min(max_steps, max_bytes) < 1:
            raise ValueError(
                "TimeSeries: max_steps and max_bytes must be > 0. Received: "
                f"max_steps={max_steps}, max_bytes={max_bytes}. Do: the defaults."
            )
        if keep not in KEEPS:
            raise ValueError(f"TimeSeries: keep must be one of {KEEPS}. Received: keep={keep!r}. Do: keep='last'.")
        self.max_steps = int(max_steps)
        self.keep = keep
        self.times = bool(times)
        self.max_bytes = int(max_bytes)
        self.augment_with = checked_augment("TimeSeries", augment, SERIES, "'jitter': 0.1")
        self.means = self.deviations = self.interval = None

    @property
    def channels(self):
        """C, or None before `adapt`."""
        return None if self.means is None else len(self.means)

    @property
    def width(self):
        """Numbers a step in a batch."""
        return 2 * self.channels + self.times

    @property
    def most(self):
        return self.max_steps

    @property
    def empty(self):
        return tf.zeros([0, self.width])

    def locate(self, cell, media_root):
        if isinstance(cell, bytes) or not _names_file(cell):
            return cell
        return full_path(cell, media_root)

    def read(self, cell, context):
        if context.is_bytes:
            return cell
        return tf.cond(tf.strings.regex_full_match(cell, FILE), lambda: tf.io.read_file(cell), lambda: cell)

    def as_served(self, data):
        """Text and `.npy` bytes as they are; the first array of an `.npz` archive."""
        is_archive = tf.equal(tf.strings.substr(data, 0, 2), b"PK")
        return tf.cond(is_archive, rarely(lambda: in_python(unpack_npz, data)), lambda: data)

    def prepare(self, data):
        """The first array of an archive; all else as it is."""
        served = self.as_served(tf.constant(data))
        read_series(served, self.max_bytes)
        return served.numpy(), False

    def decode(self, data):
        """Decodes one series to `(T, 2 C)`, or `(T, 2 C + 1)` with times; T = 0 where it has no number."""
        some = tf.debugging.Assert(tf.strings.length(data) > 0, ["a series must have bytes, not 0"])
        with tf.control_dependencies([some]):
            values = self._cut(read_series(tf.identity(data), self.max_bytes))
        wanted = self.channels + self.times
        has_numbers = tf.reduce_any(tf.math.is_finite(values))
        values = tf.cond(has_numbers, lambda: values, lambda: tf.zeros([0, wanted], tf.float64))
        fits = tf.debugging.Assert(
            tf.shape(values)[1] == wanted, ["a step must have", wanted, "numbers, not", tf.shape(values)[1]]
        )
        with tf.control_dependencies([fits]):
            values = tf.ensure_shape(tf.identity(values), (None, wanted))
        values, elapsed = self._split_times(values)
        real = tf.math.is_finite(values)
        scaled = (values - tf.constant(self.means, tf.float64)) / tf.constant(self.deviations, tf.float64)
        parts = [tf.where(real, scaled, 0.0), tf.cast(real, tf.float64)]
        if self.times:
            parts.append(elapsed / self.interval)
        steps = tf.cast(tf.concat(parts, 1), tf.float32)
        return steps[: tf.where(tf.reduce_any(real), tf.shape(steps)[0], 0)]

    def _cut(self, values):
        return values[-self.max_steps :] if self.keep == "last" else values[: self.max_steps]

    def _split_times(self, values):
        """(measured values `(T, C)`, time since the step before `(T, 1)` or None)."""
        if not self.times:
            return values, None
        clock = values[:, :1]
        elapsed = tf.concat([tf.zeros_like(clock[:1]), clock[1:] - clock[:-1]], 0)
        forward = tf.debugging.Assert(
            tf.reduce_all(elapsed >= 0), ["every step must have a time, and none may go back"]
        )
        with tf.control_dependencies([forward]):
            return values[:, 1:], tf.identity(elapsed)

    def augment(self, value, mask, seed):
        if not self.augment_with:
            return value
        numbers, flags, rest = tf.split(value, [self.channels, self.channels, -1], -1)
        return tf.concat([vary_numbers(numbers, flags > 0, seed, **self.augment_with), flags, rest], -1)

    def label(self, value, mask):
        """Batches as `encode` gives them → (labels `(B, max_steps, 2 C)`, weights `(B,)`)."""
        if self.times:
            raise ValueError(
                "TimeSeries: a target must be at even times. Received: times=True. Do: leave times and its numbers out."
            )
        lacking = self.max_steps - tf.shape(value)[1]
        value = tf.pad(value[:, : self.max_steps], [[0, 0], [0, tf.maximum(0, lacking)], [0, 0]])
        value = tf.ensure_shape(value, [None, self.max_steps, self.width])
        return value, tf.cast(tf.reduce_any(mask, 1), tf.float32)

    def label_mask(self, label, weight):
        """Steps with some measured value."""
        return tf.reduce_any(label[..., self.channels :] > 0, -1)

    def label_spec(self):
        shape = (self.max_steps, self.width)
        return LabelSpec(shape, "float32", (self.max_steps,), self.max_steps, as_input=self.label_as_input)

    def units(self, values):
        """Labels `(N, T, 2 C)` → `(N, T, C)`, NaN in a gap; predictions `(N, T, C, Q)` stay so; both in own units."""
        means, deviations = np.array(self.means), np.array(self.deviations)
        values = values if tf.is_tensor(values) else np.asarray(values, "float64")
        if len(values.shape) == 4:
            return values * deviations[:, None] + means[:, None]
        numbers, flags = values[..., : self.channels], values[..., self.channels :]
        return np.where(flags > 0, numbers * deviations + means, np.nan)

    def write(self, name, prediction):
        quantiles = self.units(tf.cast(prediction, tf.float64 if self._digits() > 9 else tf.float32))
        words = tf.strings.as_string(quantiles[..., quantiles.shape[-1] // 2], precision=self._digits(), shortest=True)
        steps = tf.strings.reduce_join(words, -1, separator=", ")
        if self.channels > 1:
            steps = tf.strings.join(["[", steps, "]"])
        text = tf.strings.reduce_join(steps, -1, separator=", ")
        return {name: tf.strings.join(["[", text, "]"]), f"{name}_quantiles": quantiles}

    def _digits(self):
        """Significant digits of an answer: more where values are far from zero for what they vary."""
        far = np.abs(self.means) / np.array(self.deviations)
        return min(15, 6 + int(np.ceil(np.log10(max(1.0, *far.tolist())))))

    def adapt(self, chunks):
        """Learns each channel's mean and spread, and the mean time between steps, from series that can be read."""
        read = tf.function(
            lambda cell, is_bytes: self._cut(
                read_series(
                    self.as_served(tf.cond(is_bytes, lambda: cell, lambda: self.read(cell, _PATHS))), self.max_bytes
                )
            ),
            input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.bool)],
            autograph=False,
        )
        total, broken = _Moments(self.times), []
        for (cells,) in chunks:
            for cell in cells:
                if cell if isinstance(cell, bytes) else str(cell).strip():
                    try:
                        total.add(read(cell, isinstance(cell, bytes)).numpy())
                    except (tf.errors.OpError, UnicodeDecodeError) as error:
                        broken.append((cell, error))  # Batches say what is wrong, under the policy chosen for that.
        if broken and total.moments is None:
            _refuse_all(broken)
        self.set_state(total.state())

    def state(self):
        return {"means": self.means, "deviations": self.deviations, "interval": self.interval}

    def set_state(self, state):
        self.means, self.deviations, self.interval = (state[key] for key in ("means", "deviations", "interval"))

    def reason(self, cells, context):
        cell = cells[0]
        if context.is_bytes or _names_file(cell.decode("utf-8", "replace")):
            return super().reason(cells, context)
        return self.why_broken(cell)

    def spec(self):
        shape = (None, None if self.channels is None else self.width)
        return FieldSpec("TimeSeries", shape, "float32", (None,), self.most, details={"channels": self.channels})

    def get_config(self):
        own = {"max_steps": self.max_steps, "keep": self.keep, "times": self.times}
        own |= {"max_bytes": self.max_bytes, "augment": self.augment_with or None}
        return {**super().get_config(), **own}


def _names_file(cell):
    return re.fullmatch(FILE, str(cell)) is not None


def _refuse_all(broken):
    cell, error = broken[0]
    first = f"{len(cell)} bytes" if isinstance(cell, bytes) else repr(str(cell)[:80])
    raise ValueError(
        "TimeSeries: some series of the training rows must be readable. Received: none of "
        f"{len(broken)}; the first, {first}: {in_words(getattr(error, 'message', None) or str(error))}. "
        "Do: mend them, or leave the column out."
    ) from error


class _Moments:
    """Moments over series, channel by channel, and the mean time between steps."""

    def __init__(self, times):
        self.times = times
        self.moments = None
        self.gone, self.intervals = 0.0, 0
        self.width = None

    def add(self, values):
        if not np.isfinite(values).any():
            return  # The series is absent, whatever its channels.
        if self.width not in (None, values.shape[1]):
            raise ValueError(
                "TimeSeries: all series must have equally many channels. "
                f"Received: {self.width} and {values.shape[1]} numbers a step. Do: a column for each kind."
            )
        self.width = values.shape[1]
        if self.times:
            clock, values = values[:, 0], values[:, 1:]
            self.gone += np.nan_to_num(clock[-1] - clock[0])
            self.intervals += len(clock) - 1
        self.moments = joined_moments(self.moments, values)

    def state(self):
        count, means, spread = (np.zeros(0),) * 3 if self.moments is None else self.moments
        if not count.size or not count.all():
            raise ValueError(
                "TimeSeries: every channel must hold a number in some training row. "
                f"Received: numbers a channel {count.tolist()}. Do: leave the column out."
            )
        deviations = np.sqrt(spread / count)
        floor = 1e-6 * np.maximum(1.0, np.abs(means))  # a channel that never moves
        return {
            "means": means.tolist(),
            "deviations": np.where(deviations > floor, deviations, 1.0).tolist(),
            "interval": float(self.gone / self.intervals) if self.gone > 0 else 1.0,
        }
