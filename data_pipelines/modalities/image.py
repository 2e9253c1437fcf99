"""Pictures: JPEG, PNG, GIF, BMP and WebP of any size, decoded and resized in the graph."""

import tensorflow as tf

from data_pipelines.cells import decode_cells, read_cell, unreadable
from data_pipelines.modalities.modality import Modality, modality

FITS = ("stretch", "pad", "crop")


@modality
class Image(Modality):
    """A picture, as floats in [0, 1].

    Args:
        size: int or (H, W), pixels > 0. What every picture is resized to. Defaults to `64`.
        fit: `"stretch"`, `"pad"` (keeps the aspect, black borders) or `"crop"` (keeps the aspect, centre).
            Defaults to `"stretch"`.
        background: float in [0, 1]. Grey that shows through transparent pixels. Defaults to `1.0`, white.
        augment: None or dict name → argument, in training only: `flip` (bool), `shift`, `zoom`, `rotate`,
            `brightness`, `contrast` (shares in [0, 1]). Defaults to `None`.
        max_pixels: int > 0. A picture that says it is larger is refused before it is decoded. Defaults to 100 million.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, H, W, 3)`, mask bool `(B,)`; zeros where absent.
    Raises:
        ValueError: a size below 1, an unknown `fit` or augmentation.
    Example:
        >>> Image(size=(32, 48), augment={"flip": True, "shift": 0.1}).spec()["shape"]
        [32, 48, 3]
    """

    media = True

    def __init__(self, size=64, fit="stretch", background=1.0, augment=None, max_pixels=100_000_000, column=None):
        super().__init__(column)
        size = (size, size) if isinstance(size, int) else tuple(int(side) for side in size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"Image: size must be one or two sides > 0. Received: size={size}. Do: size=64.")
        if fit not in FITS:
            raise ValueError(f"Image: fit must be one of {FITS}. Received: fit={fit!r}. Do: fit='stretch'.")
        self.size = size
        self.fit = fit
        self.background = float(background)
        self.augment_with = dict(augment or {})
        self.max_pixels = int(max_pixels)
        self._layers = _augmentations(self.augment_with)

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def encode_row(self, cells, context, tolerant=True):
        decode = lambda cell: self.decode(read_cell(cell, context))  # noqa: E731
        return self._encode(cells[0], decode, tolerant)

    def encode(self, served):
        return self._encode(served[0], self.decode, tolerant=True)

    def _encode(self, cells, decode, tolerant):
        value, _, bad = decode_cells(cells, decode, tf.zeros((*self.size, 3)), tolerant)
        return value, (cells != "") & ~bad, bad

    def decode(self, data):
        """Decodes one picture's bytes to float32 `(H, W, 3)`; raises in the graph on what is no picture."""
        pixels = _declared_pixels(data)
        checks = [
            tf.debugging.Assert(pixels > 0, ["this is no JPEG, PNG, GIF, BMP or WebP picture"]),
            tf.debugging.Assert(pixels <= self.max_pixels, [f"the picture has more than {self.max_pixels} pixels"]),
        ]
        with tf.control_dependencies(checks):
            picture = tf.io.decode_image(tf.identity(data), channels=0, expand_animations=False)
        picture = _to_rgb(tf.cast(picture, tf.float32) / 255.0, self.background)
        return tf.ensure_shape(self._resize(picture), (*self.size, 3))

    def _resize(self, picture):
        same = tf.reduce_all(tf.equal(tf.shape(picture)[:2], self.size))
        if self.fit == "pad":
            resized = lambda: tf.image.resize_with_pad(picture, *self.size, antialias=True)  # noqa: E731
        elif self.fit == "crop":
            resized = lambda: tf.image.resize(_centre(picture, self.size), self.size, antialias=True)  # noqa: E731
        else:
            resized = lambda: tf.image.resize(picture, self.size, antialias=True)  # noqa: E731
        return tf.clip_by_value(tf.cond(same, lambda: picture, resized), 0.0, 1.0)

    def augment(self, value, mask):
        for layer in self._layers:
            value = layer(value, training=True)
        return tf.where(mask[:, None, None, None], tf.clip_by_value(value, 0.0, 1.0), 0.0)

    def reason(self, cells, context):
        return unreadable(cells[0], context, self.decode)

    def spec(self):
        return {"modality": "Image", "shape": [*self.size, 3]}

    def get_config(self):
        return {
            **super().get_config(),
            "size": list(self.size),
            "fit": self.fit,
            "background": self.background,
            "augment": self.augment_with or None,
            "max_pixels": self.max_pixels,
        }


def _augmentations(wanted):
    """Keras' own preprocessing layers for the augmentations asked for."""
    from keras import layers

    makers = {
        "flip": lambda on: layers.RandomFlip("horizontal"),
        "shift": lambda share: layers.RandomTranslation(share, share, fill_mode="nearest"),
        "zoom": lambda share: layers.RandomZoom(share, fill_mode="nearest"),
        "rotate": lambda share: layers.RandomRotation(share, fill_mode="nearest"),
        "brightness": lambda share: layers.RandomBrightness(share, value_range=(0.0, 1.0)),
        "contrast": lambda share: layers.RandomContrast(share, value_range=(0.0, 1.0)),
    }
    unknown = sorted(set(wanted) - set(makers))
    if unknown:
        raise ValueError(
            f"Image: augment knows {', '.join(makers)}. Received: {unknown}. Do: augment={{'flip': True}}."
        )
    return [makers[name](share) for name, share in wanted.items() if share]


def _to_rgb(picture, background):
    """Makes grey, grey + alpha, RGB and RGBA into RGB, transparent pixels showing the background."""
    channels = tf.shape(picture)[-1]
    colour = tf.cond(channels < 3, lambda: tf.repeat(picture[..., :1], 3, -1), lambda: picture[..., :3])
    has_alpha = (channels == 2) | (channels == 4)

    def blended():
        alpha = picture[..., -1:]
        return colour * alpha + background * (1.0 - alpha)

    return tf.ensure_shape(tf.cond(has_alpha, blended, lambda: colour), (None, None, 3))


def _centre(picture, size):
    """The largest centred part with the aspect of `size`."""
    height, width = tf.unstack(tf.cast(tf.shape(picture)[:2], tf.float32))
    scale = tf.minimum(height / size[0], width / size[1])
    part = tf.maximum(tf.cast(tf.stack([size[0] * scale, size[1] * scale]), tf.int32), 1)
    top, left = tf.unstack((tf.shape(picture)[:2] - part) // 2)
    return tf.image.crop_to_bounding_box(picture, top, left, part[0], part[1])


def _declared_pixels(data):
    """Height × width as the file's header says, int64; 0 where the format is not one that we decode."""

    def number(start, size, little=False):
        raw = tf.cast(tf.io.decode_raw(tf.strings.substr(data, start, size), tf.uint8), tf.int64)
        raw = tf.reverse(raw, [0]) if little else raw
        return tf.reduce_sum(raw * tf.constant([256**i for i in reversed(range(size))], tf.int64))

    def begins(signature, at=0):
        return tf.equal(tf.strings.substr(data, at, len(signature)), signature)

    def jpeg():
        height, width, _ = tf.unstack(tf.cast(tf.image.extract_jpeg_shape(data), tf.int64))
        return height * width

    def webp():
        lossy = lambda: (number(26, 2, True) % 0x4000) * (number(28, 2, True) % 0x4000)  # noqa: E731
        extended = lambda: (number(24, 3, True) + 1) * (number(27, 3, True) + 1)  # noqa: E731

        def lossless():
            bits = number(21, 4, True)
            return (bits % 0x4000 + 1) * (bits // 0x4000 % 0x4000 + 1)

        return tf.case([(begins(b"VP8 ", 12), lossy), (begins(b"VP8L", 12), lossless)], default=extended)

    long_enough = tf.strings.length(data) >= 30
    return tf.case(
        [
            (~long_enough, lambda: tf.constant(0, tf.int64)),
            (begins(b"\xff\xd8\xff"), jpeg),
            (begins(b"\x89PNG"), lambda: number(16, 4) * number(20, 4)),
            (begins(b"GIF8"), lambda: number(6, 2, True) * number(8, 2, True)),
            (begins(b"BM"), lambda: number(18, 4, True) * number(22, 4, True)),
            (begins(b"RIFF") & begins(b"WEBP", 8), webp),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )
