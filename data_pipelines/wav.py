"""Reads WAV bytes of every common kind, and changes their rate, in plain TensorFlow ops."""

import math

import tensorflow as tf

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
STREAMED = 0xFFFFFFFF


def read_wav(data):
    """Decodes WAV bytes: 8, 16, 24 and 32-bit integers, 32 and 64-bit floats, any number of channels.

    Args:
        data: scalar string, a whole RIFF file.
    Returns:
        tuple (samples float32 `(S,)` in [-1, 1], the mean of the channels; rate int32, Hz).
    Raises:
        tf.errors.InvalidArgumentError: no RIFF header, an unknown encoding, a file cut short or without samples.
    """
    header = tf.debugging.Assert(
        tf.equal(tf.strings.substr(data, 0, 4), b"RIFF") & tf.equal(tf.strings.substr(data, 8, 4), b"WAVE"),
        ["this is not a WAV file: it has no RIFF/WAVE header"],
    )
    with tf.control_dependencies([header]):
        layout, body = _find_chunks(tf.identity(data))
    encoding, channels, rate, bits = layout
    frame = channels * bits // 8
    sound = tf.debugging.Assert((channels > 0) & (rate > 0) & (frame > 0), ["the WAV header is broken"])
    with tf.control_dependencies([sound]):
        length = tf.strings.length(body) // tf.maximum(frame, 1) * frame
        samples = _to_float(tf.strings.substr(body, 0, length), encoding, bits)
    with tf.control_dependencies([tf.debugging.Assert(tf.size(samples) > 0, ["the WAV file has no samples"])]):
        return tf.reduce_mean(tf.reshape(samples, [-1, tf.maximum(channels, 1)]), axis=1), rate


def _little_endian(data, start, size):
    raw = tf.cast(tf.io.decode_raw(tf.strings.substr(data, start, size), tf.uint8), tf.int64)
    return tf.reduce_sum(raw * tf.constant([256**i for i in range(size)], tf.int64))


def _find_chunks(data):
    """Walks the RIFF chunks to `fmt ` and `data`: ((encoding, channels, rate, bits) int32, bytes of the samples)."""
    total = tf.strings.length(data)

    def more(place, layout, body, found):
        return ~found & (place + 8 <= total)

    def step(place, layout, body, found):
        name = tf.strings.substr(data, place, 4)
        size = _little_endian(data, place + 4, 4)
        start = place + 8
        rest = tf.cast(total - start, tf.int64)
        is_data = tf.equal(name, b"data")
        size = tf.where(is_data & (size == STREAMED), rest, size)
        short = tf.debugging.Assert(size <= rest, ["the WAV file is cut short: its header promises more bytes"])
        with tf.control_dependencies([short]):
            size = tf.cast(size, tf.int32)
        layout = tf.cond(tf.equal(name, b"fmt "), lambda: _layout(data, start, size), lambda: layout)
        body = tf.cond(is_data, lambda: tf.strings.substr(data, start, size), lambda: body)
        return start + size + size % 2, layout, body, is_data

    start = (tf.constant(12), tf.zeros([4], tf.int32), tf.constant(b""), tf.constant(False))
    _, layout, body, found = tf.while_loop(more, step, start)
    with tf.control_dependencies([tf.debugging.Assert(found, ["the WAV file is cut short: it has no samples"])]):
        return tf.unstack(tf.identity(layout)), tf.identity(body)


def _layout(data, start, size):
    with tf.control_dependencies([tf.debugging.Assert(size >= 16, ["the WAV header is broken"])]):
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
    """Changes the rate of a mono signal by a Hann-windowed sinc, polyphase.

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
    target = tf.constant(target_rate, tf.int32)
    return tf.cond(rate == target, lambda: samples, lambda: _polyphase(samples, rate, target, zero_crossings))


def _polyphase(samples, rate, target, zero_crossings):
    divisor = _greatest_common_divisor(rate, target)
    step, phases = rate // divisor, target // divisor
    cutoff = tf.cast(tf.minimum(step, phases), tf.float32) * 0.97
    half = tf.cast(tf.math.ceil(zero_crossings * tf.cast(step, tf.float32) / cutoff), tf.int32)
    taps = tf.range(-half, half + step, dtype=tf.int32)
    offset = tf.cast(taps, tf.float32)[:, None] / tf.cast(step, tf.float32)
    time = (offset - tf.cast(tf.range(phases), tf.float32)[None] / tf.cast(phases, tf.float32)) * cutoff
    window = tf.where(tf.abs(time) < zero_crossings, tf.cos(time * math.pi / zero_crossings / 2) ** 2, 0.0)
    angle = time * math.pi
    sinc = tf.where(time == 0.0, 1.0, tf.sin(angle) / tf.where(time == 0.0, 1.0, angle))
    kernel = sinc * window * cutoff / tf.cast(step, tf.float32)

    length = tf.size(samples)
    wanted = tf.cast(
        (tf.cast(length, tf.int64) * tf.cast(phases, tf.int64) + tf.cast(step, tf.int64) - 1)
        // tf.cast(step, tf.int64),
        tf.int32,
    )
    padded = tf.pad(samples, [[half, half + step]])
    frames = tf.signal.frame(padded, tf.size(taps), step)
    return tf.reshape(tf.matmul(frames, kernel), [-1])[:wanted]


def _greatest_common_divisor(a, b):
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (a, b))[0]
