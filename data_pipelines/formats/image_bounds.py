"""What decoding a picture would take, from its header and the marks between its parts; nothing is decoded."""

import collections

import tensorflow as tf

MAX_PIXELS = 100_000_000
REDUCTIONS = (1, 2, 4, 8)  # by which a JPEG's sides can shrink while it is decoded
LEFT_TO_RESIZE = 2.0  # times the pixels needed, along each side, that decoding leaves; Pillow's thumbnails keep as many
# Bytes a pixel that decoding takes: of plain colours; of 16 bits; of a palette's places; with transparent parts, which
# are blended; of a WebP that may be without loss; most of a progressive JPEG, which is unpacked at all its sides.
PLAIN, DEEP, PALETTE, CLEAR, LOSSLESS, PROGRESSIVE = 3.0, 6.0, 8.0, 10.0, 14.0, 8.0
RESIZED = 12.0  # bytes a pixel of what is as high as needed and as wide as the picture: floats, on the way to a size
MOST_SCANS = 32  # of a JPEG of the most pixels; of a smaller one more in proportion
LEAST_SCAN = 11.0  # bytes
SCAN = r"\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)"  # the length of a scan's header, and its channels
MOST_TEXTS = 16  # compressed ones in a PNG, each of which is unpacked, to 8 MB at the most
FEW_BYTES = 2**18  # of a PNG, in which texts are not counted: they unpack to a thousand times as many at the most
MANY_PARTS = (
    f"it has more parts than a picture needs: more than {MOST_SCANS} scans of a JPEG, {MOST_TEXTS} compressed texts of "
    "a PNG, or blocks of a GIF that are hardly filled"
)

# sides: (2,) pixels; bytes: float32; few_parts: whether it has no more parts than a picture needs.
PictureSize = collections.namedtuple("PictureSize", ["sides", "bytes", "few_parts"])


class PictureBounds(collections.namedtuple("PictureBounds", ["max_pixels", "max_bytes"])):
    """Most pixels that a picture's header may say, and most bytes of memory that decoding it may take."""

    def fit(self, size):
        """Whether a `PictureSize` is within both, in the graph."""
        pixels = _pixels(size.sides)
        return size.few_parts & (pixels > 0) & (pixels <= self.max_pixels) & (size.bytes <= self.max_bytes)

    def refusal(self, size, sides):
        """Says which bound a picture breaks, of (height, width) pixels; None where none."""
        said = f"{sides[0]} × {sides[1]} pixels"
        if (pixels := float(_pixels(size.sides))) > sides[0] * sides[1]:
            said += f", with a frame of {int(size.sides[1])} × {int(size.sides[0])},"
        if pixels > self.max_pixels:
            return f"{said} are more than max_pixels={self.max_pixels}"
        if float(size.bytes) > self.max_bytes:
            return f"{said} take {float(size.bytes):.0f} bytes to decode, more than max_bytes={self.max_bytes}"
        return None if bool(size.few_parts) else MANY_PARTS


def jpeg_reduction(sides, needed):
    """Which of the `REDUCTIONS` leaves a JPEG large enough for the sides needed, in either order; None: all pixels."""
    if needed is None:
        return tf.constant(0)
    spare = tf.cast(tf.reduce_min(sides), tf.float32) / (LEFT_TO_RESIZE * max(needed))
    return tf.reduce_sum(tf.cast(spare >= REDUCTIONS[1:], tf.int32))


def jpeg_size(data, bounds, needed):
    """The `PictureSize` of a JPEG. Its marks are looked at only where they could make a difference."""
    sides = tf.image.extract_jpeg_shape(data)[:2]
    pixels = _pixels(sides)
    reduction = tf.gather(tf.constant(REDUCTIONS, tf.float32), jpeg_reduction(sides, needed))
    reduced = PLAIN * pixels / reduction**2 + resizing(sides, needed) / reduction
    most = float(MOST_SCANS) * bounds.max_pixels
    few = tf.cond(
        pixels * tf.cast(tf.strings.length(data), tf.float32) > LEAST_SCAN * most,
        lambda: pixels * tf.cast(_count(data, SCAN, 3), tf.float32) <= most,
        lambda: tf.constant(True),
    )
    is_large = reduced + PROGRESSIVE * pixels > bounds.max_bytes
    unpacked = tf.cond(is_large, lambda: pixels * _unpacked(data), lambda: 0.0)
    return PictureSize(sides, reduced + unpacked, few)


def resizing(sides, needed):
    """The bytes that resizing takes on its way: floats, as high as needed and as wide as the picture is."""
    return 0.0 if needed is None else RESIZED * max(needed) * tf.cast(tf.reduce_max(sides), tf.float32)


def png_size(data, needed):
    """The `PictureSize` of a PNG."""
    head = tf.io.decode_raw(tf.strings.substr(tf.strings.join([data, b"\0" * 26]), 16, 10), tf.uint8)
    sides = tf.reduce_sum(tf.cast(tf.reshape(head[:8], [2, 4]), tf.float32) * [2.0**24, 2.0**16, 2.0**8, 1.0], 1)
    each = tf.where(is_clear_png(data), CLEAR, tf.where(head[8] > 8, DEEP, PLAIN))
    return PictureSize(sides, each * _pixels(sides) + resizing(sides, needed), ~has_many_texts(data))


def is_clear_png(data):
    """Whether a PNG may have transparent parts: of the kinds 4 and 6, or with a palette (3) and a tRNS chunk."""
    return tf.strings.regex_full_match(data, r"(?s)\C{25}([\x04\x06]\C*|\x03\C*tRNS\C*)")


def has_many_texts(data):
    """Whether a PNG has so many compressed texts that unpacking them could take long."""
    is_long = tf.strings.length(data) > FEW_BYTES
    return tf.cond(is_long, lambda: _count(data, "TXt", 3) > MOST_TEXTS, lambda: tf.constant(False))


def _pixels(sides):
    return tf.reduce_prod(tf.cast(sides, tf.float32))


def _count(data, pattern, size):
    """How often a pattern of so many bytes is found; a search for one that begins with a plain byte is a quick one."""
    return (tf.strings.length(data) - tf.strings.length(tf.strings.regex_replace(data, pattern, ""))) // size


def _unpacked(data):
    """Bytes a pixel that a progressive JPEG is unpacked to, two for each sample that its frame says; 0 of others."""
    numbers = tf.concat([tf.io.decode_raw(data, tf.uint8), tf.zeros([32], tf.uint8)], 0)
    marks = tf.where((numbers[:-32] == 0xFF) & (numbers[1:-31] == 0xC2))
    high, _, bits = tf.unstack(tf.gather(numbers, tf.add(marks, [2, 3, 4])), 3, 1)
    marks = tf.boolean_mask(marks, (high == 0) & (bits == 8))
    count = tf.cast(tf.gather(numbers, marks + 9), tf.int32)
    rates = tf.cast(tf.gather(numbers, tf.add(marks, [11, 14, 17, 20])), tf.int32)
    rates = tf.where(tf.range(4) < count, rates, 0)
    across, down = tf.cast(rates // 16, tf.float32), tf.cast(rates % 16, tf.float32)
    most = tf.reduce_max(across, 1) * tf.reduce_max(down, 1)
    each = tf.math.divide_no_nan(2.0 * tf.reduce_sum(across * down, 1), most)
    return tf.reduce_max(tf.concat([[0.0], each], 0))
