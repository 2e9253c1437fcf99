"""Reads picture bytes of every common kind, in few TensorFlow ops, bounded in size before they are decoded."""

import tensorflow as tf

from data_pipelines.branches import rarely

NOT_A_PICTURE = "this is no JPEG, PNG, GIF, BMP or WebP picture"


def read_picture(data, max_pixels, background):
    """Decodes a JPEG, PNG, GIF (its first frame), BMP or WebP.

    Args:
        data: scalar string, a whole file.
        max_pixels: int. A picture whose header says more is not decoded.
        background: float in [0, 1]. Grey that shows through transparent parts.
    Returns:
        float32 `(H, W, 3)` in [0, 1].
    Raises:
        tf.errors.InvalidArgumentError: another format, a damaged file, too many pixels.
    """

    def bounded(sides, data=data):
        """The data, or nothing where the picture would be too large; decoding nothing fails."""
        pixels = tf.reduce_prod(tf.cast(sides, tf.float32))
        return tf.where((pixels > 0) & (pixels <= max_pixels), data, "")

    def png():
        head = tf.strings.join([tf.strings.substr(data, 0, 26), "\0" * 26])
        sides = tf.io.decode_raw(tf.strings.substr(head, 16, 8), tf.int32, little_endian=False)
        kind = tf.strings.substr(head, 25, 1)
        opaque = (kind == b"\0") | (kind == b"\2")
        safe = bounded(sides[:2])
        return tf.cond(opaque, lambda: _opaque(safe), rarely(lambda: _blended(safe, background)))

    def jpeg():
        return _opaque(bounded(tf.image.extract_jpeg_shape(data)[:2]))

    def rarer():
        sides, may_be_clear, has_palette, moves = _read_rarer_header(data)
        safe = bounded(sides, tf.cond(moves, lambda: _called_clear(data), lambda: data))
        ways = [(may_be_clear, lambda: _blended(safe, background)), (has_palette, lambda: _from_palette(safe))]
        return tf.case(ways, default=lambda: _opaque(safe))

    start = tf.strings.substr(data, 0, 2)
    return tf.cond(start == b"\x89P", png, lambda: tf.cond(start == b"\xff\xd8", jpeg, rarely(rarer)))


def _opaque(data):
    picture = tf.io.decode_image(data, channels=3, expand_animations=False)
    return tf.ensure_shape(tf.cast(picture, tf.float32) / 255.0, (None, None, 3))


def _blended(data, background):
    """A picture that may have transparent parts, over the background."""
    picture = tf.cast(tf.io.decode_image(data, channels=0, expand_animations=False), tf.float32) / 255.0
    channels = tf.shape(picture)[-1]

    def blend():
        colour = tf.cond(channels == 2, lambda: tf.repeat(picture[..., :1], 3, -1), lambda: picture[..., :3])
        alpha = picture[..., -1:]
        return colour * alpha + background * (1.0 - alpha)

    return tf.ensure_shape(tf.cond(channels == 3, lambda: picture, blend), (None, None, 3))


def _from_palette(data):
    """A BMP of 8 bits, whose numbers stand for colours; TensorFlow alone takes them for greys."""
    place, colours = tf.unstack(tf.io.decode_raw(tf.strings.substr(data, 10, 8), tf.int32), 2)
    palette = tf.io.decode_raw(tf.strings.substr(data, 14 + colours, place - 14 - colours), tf.uint8)
    numbers = tf.cast(tf.io.decode_image(data, channels=0, expand_animations=False)[..., 0], tf.int32)
    picture = tf.gather(tf.reshape(palette, [-1, 4])[:, 2::-1], numbers)
    return tf.ensure_shape(tf.cast(picture, tf.float32) / 255.0, (None, None, 3))


def _called_clear(data):
    """A moving WebP that says it has transparent parts.

    TensorFlow 2.21 decodes its frames to four channels even where it made room for three, and dies of that.
    """
    return tf.strings.join(
        [tf.strings.substr(data, 0, 20), b"\x12", tf.strings.substr(data, 21, tf.strings.length(data))]
    )


def _read_rarer_header(data):
    """(sides int64, may be clear, has a palette, moves) of a GIF, BMP or WebP; sides 0 where it is none of them."""
    byte = tf.cast(tf.io.decode_raw(tf.strings.substr(tf.strings.join([data, "\0" * 32]), 0, 32), tf.uint8), tf.int64)

    def begins(signature, at=0):
        return tf.reduce_all(byte[at : at + len(signature)] == list(signature))

    def little(at, size):
        return tf.reduce_sum(byte[at : at + size] * [256**power for power in range(size)])

    bits = little(21, 4)
    lossy = (little(26, 2) % 0x4000, little(28, 2) % 0x4000)
    lossless = (bits % 0x4000 + 1, bits // 0x4000 % 0x4000 + 1)
    extended = (little(24, 3) + 1, little(27, 3) + 1)
    is_webp, is_bmp = begins(b"RIFF") & begins(b"WEBP", 8), begins(b"BM")
    is_extended = is_webp & (byte[15] == ord("X"))
    height = little(22, 4)
    sides = [
        (begins(b"GIF8"), (little(6, 2), little(8, 2))),
        (is_bmp, (little(18, 4), tf.minimum(height, 2**32 - height))),
        (is_webp & (byte[15] == ord(" ")), lossy),
        (is_webp & (byte[15] == ord("L")), lossless),
        (is_extended, extended),
    ]
    found = tf.add_n([tf.where(met, tf.stack(size), 0) for met, size in sides])
    return found, is_webp, is_bmp & (little(28, 2) == 8), is_extended & (byte[20] // 2 % 2 == 1)
