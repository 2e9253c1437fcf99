"""Reads WAV bytes of every common kind, and changes their rate, in plain TensorFlow ops."""

import math

import tensorflow as tf

from data_pipelines.cells.media_cells import MAX_BYTES
from data_pipelines.formats.branches import rarely

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
STREAMED = 0xFFFFFFFF
USUAL = r"(?s)RIFF\C{4}WAVEfmt \x10\x00\x00\x00\C{16}data\C{4}"
ROLLOFF = 0.97
BLOCK = 2**20
LARGEST = 2**22  # numbers of the frames that are filtered at a time
MOST_CHUNKS = 1000  # that are walked through, before the samples


def read_wav(data, seconds=None, max_bytes=MAX_BYTES):
    """Decodes WAV bytes: 8, 16, 24 and 32-bit integers, 32 and 64-bit floats, any number of channels.

    Args:
        data: scalar string, a whole RIFF file.
        seconds: float or None. Only the first so many are decoded. Defaults to `None`: all of it.
        max_bytes: int. Samples that take more memory, 4 bytes each in every channel, are not decoded. Defaults to
            256 MiB.
    Returns:
        tuple (samples float32 `(S,)` in [-1, 1], the mean of the channels; rate int32, Hz).
    Raises:
        tf.errors.InvalidArgumentError: no RIFF header, an unknown encoding, a file cut short or without samples, too
            many chunks or samples.
    """
    head = tf.strings.substr(data, 0, 44)
    head = tf.where(tf.strings.regex_full_match(head, USUAL), head, b"\0" * 44)
    fields = tf.io.decode_raw(tf.strings.substr(head, 16, 28), tf.int32)
    kind, channels, rate, bits, size = fields[1] % 65536, fields[1] // 65536, fields[2], fields[4] // 65536, fields[6]
    sound = (kind == PCM) & (bits == 16) & (channels > 0) & (rate > 0)
    frames = _first(size // tf.maximum(2 * channels, 1), rate, seconds)
    light = _memory(frames, channels) <= max_bytes
    plain = sound & (size >= 2 * channels) & (size <= tf.strings.length(data) - 44) & light

    def shorts():
        """What nearly all writers write: 16-bit integers under a header of 44 bytes."""
        body = tf.strings.substr(data, 44, frames * 2 * channels)
        return _mono(tf.cast(tf.io.decode_raw(body, tf.int16), tf.float32) / 2.0**15, channels), rate

    return tf.cond(plain, shorts, rarely(lambda: _read_any(data, seconds, max_bytes)))


def _first(frames, rate, seconds):
    """How many of so many frames are decoded."""
    if seconds is None:
        return frames
    wanted = tf.math.ceil(seconds * tf.cast(rate, tf.float64))
    return tf.cast(tf.minimum(tf.cast(frames, tf.float64), wanted), tf.int32)


def _memory(frames, channels):
    """The bytes that decoded samples take, as an int64: no header's numbers are too large for it."""
    return 4 * tf.cast(frames, tf.int64) * tf.cast(channels, tf.int64)


def _mono(samples, channels):
    return tf.cond(channels == 1, lambda: samples, lambda: tf.reduce_mean(tf.reshape(samples, [-1, channels]), axis=1))


def _read_any(data, seconds, max_bytes):
    head = tf.strings.join([tf.strings.substr(data, 0, 12), "\0" * 12])
    header = tf.debugging.Assert(
        tf.equal(tf.strings.substr(head, 0, 4), b"RIFF") & tf.equal(tf.strings.substr(head, 8, 4), b"WAVE"),
        ["this is not a WAV file: it has no RIFF/WAVE header"],
    )
    with tf.control_dependencies([header]):
        layout, body = _find_chunks(tf.identity(data))
    encoding, channels, rate, bits = layout
    frame = channels * bits // 8
    frames = _first(tf.strings.length(body) // tf.maximum(frame, 1), rate, seconds)
    size = _memory(frames, channels)
    checks = [
        ((channels > 0) & (rate > 0) & (frame > 0), ["the WAV header is broken"]),
        (size <= max_bytes, [size, "bytes of samples are more than max_bytes =", max_bytes]),
    ]
    with tf.control_dependencies([tf.debugging.Assert(*check) for check in checks]):
        length = frames * frame
        samples = _to_float(tf.strings.substr(body, 0, length), encoding, bits)
    with tf.control_dependencies([tf.debugging.Assert(tf.size(samples) > 0, ["the WAV file has no samples"])]):
        return _mono(tf.identity(samples), tf.maximum(channels, 1)), rate


def _little_endian(data, start, size):
    raw = tf.cast(tf.io.decode_raw(tf.strings.substr(data, start, size), tf.uint8), tf.int64)
    return tf.reduce_sum(raw * tf.constant([256**i for i in range(size)], tf.int64))


def _find_chunks(data):
    """Walks the RIFF chunks to `fmt ` and `data`: ((encoding, channels, rate, bits) int32, bytes of the samples)."""
    total = tf.strings.length(data)

    def more(place, layout, body, found, short):
        return ~found & ~short & (place + 8 <= total)

    def step(place, layout, body, found, short):
        name = tf.strings.substr(data, place, 4)
        size = _little_endian(data, place + 4, 4)
        start = place + 8
        rest = tf.cast(total - start, tf.int64)
        is_data = tf.equal(name, b"data")
        size = tf.where(is_data & (size == STREAMED), rest, size)
        short = size > rest
        size = tf.cast(tf.minimum(size, rest), tf.int32)
        is_layout = tf.equal(name, b"fmt ") & (size >= 16)
        layout = tf.cond(is_layout, lambda: _layout(data, start, size), lambda: layout)
        body = tf.cond(is_data, lambda: tf.strings.substr(data, start, size), lambda: body)
        return start + size + size % 2, layout, body, is_data, short

    # Nothing is asserted inside the loop: an error there can come out as a cancelled loop instead of its message.
    start = (tf.constant(12), tf.zeros([4], tf.int32), tf.constant(b""), tf.constant(False), tf.constant(False))
    place, layout, body, found, short = tf.while_loop(more, step, start, maximum_iterations=MOST_CHUNKS)
    endless = more(place, layout, body, found, short)
    checks = [
        tf.debugging.Assert(~endless, ["the WAV file has more than", MOST_CHUNKS, "chunks before its samples"]),
        tf.debugging.Assert(~short, ["the WAV file is cut short: its header promises more bytes"]),
        tf.debugging.Assert(found | endless, ["the WAV file is cut short: it has no samples"]),
    ]
    with tf.control_dependencies(checks):
        return tf.unstack(tf.identity(layout)), tf.identity(body)


def _layout(data, start, size):
    encoding, channels = _little_endian(data, start, 2), _little_endian(data, start + 2, 2)
    rate, bits = _little_endian(data, start + 4, 4), _little_endian(data, start + 14, 2)
    extended = (encoding == EXTENSIBLE) & (size >= 26)
    encoding = tf.cond(extended, lambda: _little_endian(data, start + 24, 2), lambda: encoding)
    return tf.cast(tf.stack([encoding, channels, rate, bits]), tf.int32)


def _to_float(body, encoding, bits):
    def integer(dtype, scale):
        return lambda: tf.cast(tf.io.decode_raw(body, dtype), tf.float32) / scale

    def eight():
        return (tf.cast(tf.io.decode_raw(body, tf.uint8), tf.float32) - 128.0) / 128.0

    def twenty_four():
        parts = tf.cast(tf.reshape(tf.io.decode_raw(body, tf.uint8), [-1, 3]), tf.int32)
        value = parts[:, 0] * 2**8 + parts[:, 1] * 2**16 + parts[:, 2] * 2**24
        return tf.cast(value, tf.float32) / 2.0**31

    def unknown():
        refused = tf.debugging.Assert(False, ["WAV encoding", encoding, "with bits", bits, "is not supported"])
        with tf.control_dependencies([refused]):
            return tf.zeros([0])

    pcm, real = encoding == PCM, encoding == FLOAT
    samples = tf.case(
        [
            (pcm & (bits == 16), integer(tf.int16, 2.0**15)),
            (pcm & (bits == 8), eight),
            (pcm & (bits == 24), twenty_four),
            (pcm & (bits == 32), integer(tf.int32, 2.0**31)),
            (real & (bits == 32), lambda: tf.io.decode_raw(body, tf.float32)),
            (real & (bits == 64), lambda: tf.cast(tf.io.decode_raw(body, tf.float64), tf.float32)),
        ],
        default=unknown,
    )
    finite = tf.debugging.Assert(
        tf.reduce_all(tf.math.is_finite(samples)), ["the WAV file has NaN or infinite samples"]
    )
    with tf.control_dependencies([finite]):
        return tf.identity(samples)


def resample(samples, rate, target_rate, zero_crossings=16):
    """Changes the rate of a mono signal by a Hann-windowed sinc.

    Polyphase where the rates share a divisor, as 44100 and 16000 Hz do; block by block where the table of phases would
    not fit in memory, as between 16001 and 16000 Hz.

    Args:
        samples: float32 `(S,)`.
        rate: int32 scalar, Hz; may differ from call to call.
        target_rate: int, Hz.
        zero_crossings: int > 0. Half width of the filter, in samples of the slower rate. Defaults to `16`.
    Returns:
        float32 `(ceil(S · target_rate / rate),)`; the samples themselves where the rates agree.
    References:
        [Smith, Digital Audio Resampling](https://ccrma.stanford.edu/~jos/resample/).
    """
    return tf.cond(
        rate == target_rate, lambda: samples, rarely(lambda: _resample(samples, rate, target_rate, zero_crossings))
    )


def _resample(samples, rate, target_rate, zero_crossings):
    rate, target = tf.cast(rate, tf.int64), tf.constant(target_rate, tf.int64)
    divisor = _greatest_common_divisor(rate, target)
    step, phases = rate // divisor, target // divisor
    cutoff = tf.cast(tf.minimum(step, phases), tf.float32) / tf.cast(step, tf.float32) * ROLLOFF
    way = (samples, step, phases, cutoff, zero_crossings)
    return tf.cond(step * phases <= BLOCK, lambda: _by_phases(*way), lambda: _by_blocks(*way))


def _by_phases(samples, step, phases, cutoff, zero_crossings):
    """One filter a phase; every output is a place in a product of two matrices."""
    half = _half_width(cutoff, zero_crossings)
    taps = tf.range(-half, half + step)
    shift = tf.cast(tf.range(phases) * step, tf.float32) / tf.cast(phases, tf.float32)
    kernel = _windowed_sinc(tf.cast(taps, tf.float32)[:, None] - shift[None], cutoff, zero_crossings)
    padded = tf.pad(samples, [[half, half + step]])
    width, count = tf.size(taps, tf.int64), -(-tf.size(samples, tf.int64) // step)
    size = tf.maximum(LARGEST // width, 1)

    def filtered(padded, first, count):
        part = padded[first * step : (first + count - 1) * step + width]
        frames = tf.signal.frame(part, tf.cast(width, tf.int32), tf.cast(step, tf.int32))
        return tf.reshape(tf.matmul(frames, kernel), [-1])

    def in_blocks():
        longer = tf.pad(padded, [[0, size * step]])
        return _in_blocks(lambda first: filtered(longer, first, size), count, size)

    outputs = tf.cond(count <= size, lambda: filtered(padded, tf.constant(0, tf.int64), count), in_blocks)
    return outputs[: _wanted(samples, step, phases)]


def _by_blocks(samples, step, phases, cutoff, zero_crossings):
    """A filter for every output."""
    half = _half_width(cutoff, zero_crossings)
    taps = tf.range(-half, half + 1)
    size = tf.maximum(BLOCK // tf.size(taps, tf.int64), 1)
    padded = tf.pad(samples, [[half, half + 1]])

    def block(first):
        place = (first + tf.range(size)) * step
        shift = tf.cast(place % phases, tf.float32) / tf.cast(phases, tf.float32)
        kernel = _windowed_sinc(tf.cast(taps, tf.float32)[None] - shift[:, None], cutoff, zero_crossings)
        index = tf.minimum((place // phases)[:, None] + taps[None] + half, tf.size(padded, tf.int64) - 1)
        return tf.reduce_sum(tf.gather(padded, index) * kernel, axis=1)

    wanted = _wanted(samples, step, phases)
    return _in_blocks(block, wanted, size)[:wanted]


def _in_blocks(block, count, size):
    """What `block` gives for the first of every so many of `count`, one after the other, joined."""
    firsts, spec = tf.range(0, count, size), tf.TensorSpec([None], tf.float32)
    return tf.reshape(tf.map_fn(block, firsts, parallel_iterations=1, fn_output_signature=spec), [-1])


def _half_width(cutoff, zero_crossings):
    """Samples on either side of an output that the filter reaches; fewer at rates of a GHz, which no recording has."""
    return tf.minimum(tf.cast(tf.math.ceil(zero_crossings / cutoff), tf.int64), BLOCK // 2)


def _windowed_sinc(samples, cutoff, zero_crossings):
    """The low-pass filter's weight so many samples away from its centre."""
    time = samples * cutoff
    window = tf.where(tf.abs(time) < zero_crossings, tf.cos(time * math.pi / zero_crossings / 2) ** 2, 0.0)
    angle = time * math.pi
    return tf.where(time == 0.0, 1.0, tf.sin(angle) / tf.where(time == 0.0, 1.0, angle)) * window * cutoff


def _wanted(samples, step, phases):
    return (tf.size(samples, tf.int64) * phases + step - 1) // step


def _greatest_common_divisor(a, b):
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (a, b))[0]
