"""Reads picture bytes of every common kind, in few TensorFlow ops, bounded in size before they are decoded."""

import functools
import io
import math

import numpy as np
import tensorflow as tf

from data_pipelines.cells.media_cells import MAX_BYTES
from data_pipelines.formats.branches import rarely
from data_pipelines.formats.exif import turned_upright
from data_pipelines.formats.gif import first_frame
from data_pipelines.formats.image_bounds import (
    DEEP,
    LOSSLESS,
    PALETTE,
    PLAIN,
    REDUCTIONS,
    RESIZED,
    PictureBounds,
    PictureSize,
    has_many_texts,
    is_clear_png,
    jpeg_reduction,
    jpeg_size,
    png_size,
    resizing,
)
from data_pipelines.formats.probe import probe_image

# What GIF, BMP and the three kinds of WebP begin with, and (place, bytes) of the numbers in their headers: two sides of
# each, then the bits of a BMP's pixel and the flags of an extended WebP.
SIGNATURES = ("GIF8", "BM", r"RIFF\C{4}WEBPVP8 ", r"RIFF\C{4}WEBPVP8L", r"RIFF\C{4}WEBPVP8X")
NUMBERS = [(6, 2), (8, 2), (18, 4), (22, 4), (26, 2), (28, 2), (21, 4), (21, 4), (24, 3), (27, 3), (28, 2), (20, 1)]
FIELDS = np.array([[256.0 ** (i - at) if at <= i < at + size else 0 for i in range(32)] for at, size in NUMBERS])
BAND = 2**20  # pixels that are blended at a time
NOT_A_PICTURE = "this is no JPEG, PNG, GIF, BMP or WebP picture"


def read_picture(data, max_pixels, background, needed=None, max_bytes=MAX_BYTES):
    """Decodes a JPEG (turned upright, as its Exif block says), PNG, GIF (its first frame), BMP or WebP.

    A JPEG far larger than needed is decoded at a half, a quarter or an eighth of its sides: its blocks of 8 × 8 pixels
    hold those means, and most of the time is saved.

    Args:
        data: scalar string, a whole file.
        max_pixels: int. A picture whose header says more is not decoded.
        background: float in [0, 1]. Grey that shows through transparent parts.
        needed: (H, W) that it will be resized to, at least half of which is left to do; None: all pixels.
        max_bytes: int. A picture that takes more memory to decode is not decoded. Defaults to 256 MiB.
    Returns:
        uint8 `(H, W, 3)`.
    Raises:
        tf.errors.InvalidArgumentError: another format, a damaged file, too many pixels or bytes.
    """
    bounds = PictureBounds(max_pixels, max_bytes)

    def bounded(size, data=data):
        """The data, or nothing where the picture would be too large; decoding nothing fails."""
        return tf.where(bounds.fit(size), data, "")

    def jpeg():
        size = jpeg_size(data, bounds, needed)
        return turned_upright(_reduced_jpeg(bounded(size), jpeg_reduction(size.sides, needed)), data)

    def png():
        safe = bounded(png_size(data, needed))
        return tf.cond(is_clear_png(data), lambda: _blended(safe, background), lambda: _opaque(safe))

    def rarer():
        size, may_be_clear, has_palette, moves, frame = _read_rarer(data, needed)
        safe = bounded(size, tf.cond(moves, lambda: _called_clear(frame), lambda: frame))
        ways = [(may_be_clear, lambda: _blended(safe, background)), (has_palette, lambda: _from_palette(safe))]
        return tf.case(ways, default=lambda: _opaque(safe))

    start = tf.strings.substr(data, 0, 2)
    others = rarely(lambda: tf.cond(start == b"\x89P", png, rarer))
    return tf.cond(
        _is_plain_png(data, bounds, needed),
        lambda: _opaque(data),
        lambda: tf.cond(start == b"\xff\xd8", jpeg, others),
    )


def why_refused(data, bounds, needed=None):
    """Says why `read_picture` does not decode bytes, where it is their size or that they are no picture; else None.

    Args:
        data: bytes of a whole file.
        bounds: `PictureBounds`.
        needed: (H, W), as `read_picture` takes it.
    """
    sides = probe_image(data)
    if sides is None:
        return NOT_A_PICTURE
    if data[:2] == b"\xff\xd8":
        size = jpeg_size(data, bounds, needed)
    else:
        size = png_size(data, needed) if data[:2] == b"\x89P" else _read_rarer(tf.constant(data), needed)[0]
    return bounds.refusal(size, sides)


def as_png(data, max_pixels):
    """A picture of a kind that Pillow opens and TensorFlow doesn't, such as TIFF and AVIF, as PNG bytes.

    Raises:
        ValueError: Pillow is not installed or cannot open it, or it has more pixels than `max_pixels`.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise ValueError(f'{NOT_A_PICTURE}; others need Pillow. Do: pip install "mmkeras[report]"') from error
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > max_pixels:
                raise ValueError(f"{picture.height} × {picture.width} pixels are more than max_pixels={max_pixels}")
            if picture.mode not in ("1", "L", "LA", "I;16", "RGB", "RGBA"):
                picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
            png = io.BytesIO()
            picture.save(png, "PNG", compress_level=1)
    except (OSError, SyntaxError, EOFError, MemoryError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(f"{NOT_A_PICTURE}, and Pillow cannot open it: {error}") from error
    return png.getvalue()


def _is_plain_png(data, bounds, needed):
    """Whether these are the bytes of an opaque PNG of a bounded size, in one or two looks: most are."""
    sides = math.sqrt(min(bounds.max_pixels, bounds.max_bytes / 2 / DEEP))
    sides = sides if needed is None else min(sides, bounds.max_bytes / 2 / RESIZED / max(needed))
    sides = 2 ** int(math.log2(max(sides, 1))) - 1
    side = "".join(r"\C" if byte == 255 else rf"[\x00-\x{byte:02x}]" for byte in sides.to_bytes(4, "big"))
    plain = rf"(?s)\CPNG\r\n\x1a\n\C{{8}}{side}{side}\C[\x00\x02\x03]\C*"
    return tf.strings.regex_full_match(data, plain) & ~is_clear_png(data) & ~has_many_texts(data)


def _opaque(data):
    return tf.ensure_shape(tf.io.decode_image(data, channels=3, expand_animations=False), (None, None, 3))


def _reduced_jpeg(data, way):
    ways = [functools.partial(_jpeg, data, reduction) for reduction in REDUCTIONS]
    return tf.cond(way == 0, ways[0], lambda: tf.switch_case(way, ways))


def _jpeg(data, reduction):
    return tf.ensure_shape(tf.io.decode_jpeg(data, channels=3, ratio=reduction), (None, None, 3))


def _blended(data, background):
    """A picture that may have transparent parts, over the background."""
    picture = tf.io.decode_image(data, channels=0, expand_animations=False)
    channels = tf.shape(picture)[-1]

    def blend(part):
        values = tf.cast(part, tf.float32)
        colour = tf.cond(channels == 2, lambda: tf.repeat(values[..., :1], 3, -1), lambda: values[..., :3])
        alpha = values[..., -1:] / 255.0
        return tf.cast(tf.round(colour * alpha + 255.0 * background * (1.0 - alpha)), tf.uint8)

    return tf.ensure_shape(tf.cond(channels == 3, lambda: picture, lambda: _by_bands(picture, blend)), (None, None, 3))


def _by_bands(picture, change):
    """`change` of a picture, a few rows at a time: its floats take several times the memory of its pixels."""
    rows = tf.maximum(BAND // tf.maximum(tf.shape(picture)[1], 1), 1)
    count = -(-tf.shape(picture)[0] // rows)

    def step(place, bands):
        return place + 1, bands.write(place, change(picture[place * rows : (place + 1) * rows]))

    def all_bands():
        bands = tf.TensorArray(tf.uint8, count, infer_shape=False, element_shape=(None, None, 3))
        more = lambda place, bands: place < count  # noqa: E731
        return tf.while_loop(more, step, (0, bands), parallel_iterations=1)[1].concat()

    return tf.cond(count <= 1, lambda: change(picture), all_bands)


def _from_palette(data):
    """A BMP of 8 bits, whose numbers stand for colours; TensorFlow alone takes them for greys."""
    place, colours = tf.unstack(tf.io.decode_raw(tf.strings.substr(data, 10, 8), tf.int32), 2)
    palette = tf.io.decode_raw(tf.strings.substr(data, 14 + colours, place - 14 - colours), tf.uint8)
    numbers = tf.cast(tf.io.decode_image(data, channels=0, expand_animations=False)[..., 0], tf.int32)
    return tf.ensure_shape(tf.gather(tf.reshape(palette, [-1, 4])[:, 2::-1], numbers), (None, None, 3))


def _called_clear(data):
    """A moving WebP that says it has transparent parts.

    TensorFlow 2.21 decodes its frames to four channels even where it made room for three, and dies of that.
    """
    return tf.strings.join(
        [tf.strings.substr(data, 0, 20), b"\x12", tf.strings.substr(data, 21, tf.strings.length(data))]
    )


def _read_rarer(data, needed):
    """(`PictureSize`, may be clear, has a palette, moves, the bytes of the first frame) of a GIF, BMP or WebP.

    Sides are 0 where it is none of them.
    """
    head = tf.strings.substr(tf.strings.join([data, "\0" * 32]), 0, 32)
    byte = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.float64)
    field = tf.cast(tf.linalg.matvec(FIELDS, byte), tf.int64)
    signature = tf.stack([tf.strings.regex_full_match(head, rf"(?s){start}\C*") for start in SIGNATURES])
    gif, bmp, lossy, lossless, extended = (field[2 * i : 2 * i + 2] for i in range(5))
    sides = [
        gif,
        tf.minimum(bmp, 2**32 - bmp),  # a negative height: rows from the top
        lossy % 0x4000,
        tf.stack([lossless[0] % 0x4000, lossless[0] // 0x4000 % 0x4000]) + 1,
        extended + 1,
    ]
    found = tf.reduce_sum(tf.where(signature[:, None], tf.stack(sides), 0), 0)
    has_palette, moves = signature[1] & (field[10] == 8), signature[4] & (field[11] // 2 % 2 == 1)
    frame, own = tf.cond(signature[0], lambda: first_frame(data), lambda: (data, tf.zeros_like(found)))
    each = tf.where(has_palette, PALETTE, tf.where(signature[3] | signature[4], LOSSLESS, PLAIN))
    pixels, framed = (tf.reduce_prod(tf.cast(sides, tf.float32)) for sides in (found, own))
    taken = each * pixels + framed + resizing(found, needed)
    size = PictureSize(tf.where(framed > pixels, own, found), taken, ~signature[0] | (framed > 0))
    return size, tf.reduce_any(signature[2:]), has_palette, moves, frame
