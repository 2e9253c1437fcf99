"""Pictures: JPEG, PNG, GIF, BMP and WebP of any size, decoded and resized in the graph."""

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.pictures import PICTURES, vary_pictures
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells import read_cell
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import modality
from data_pipelines.pictures import NOT_A_PICTURE, as_png, read_picture
from data_pipelines.probe import probe_image

FITS = ("stretch", "pad", "crop")
MUCH_LARGER = 16  # times the pixels needed, from which on shards keep the resized picture


@modality
class Image(Media):
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
        ValueError: a size below 1, an unknown `fit`, a wrong `augment`.
    Example:
        >>> Image(size=(32, 48), augment={"flip": True, "shift": 0.1}).spec()["shape"]
        [32, 48, 3]
    """

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
        self.augment_with = checked_augment("Image", augment, PICTURES, "'flip': True")
        self.max_pixels = int(max_pixels)

    @property
    def empty(self):
        return tf.zeros((*self.size, 3))

    def collate(self, value, lengths, present):
        return value, present

    def decode(self, data):
        """Decodes one picture's bytes to float32 `(H, W, 3)`; raises in the graph on what is no picture."""
        picture = read_picture(data, self.max_pixels, self.background)
        return tf.ensure_shape(self._resize(picture) / 255.0, (*self.size, 3))

    def prepare(self, data):
        """Pictures that TensorFlow decodes as they are, others as PNG; those far too large in their final size."""
        if probe_image(data) is None:
            data = as_png(data, self.max_pixels)
        pixels, sides = self._decode_file(tf.constant(data)).numpy(), probe_image(data)
        if sides[0] * sides[1] <= MUCH_LARGER * self.size[0] * self.size[1]:
            return data, False
        return tf.io.encode_png(np.round(pixels * 255.0).astype("uint8")).numpy(), True

    def prepared_for(self):
        return {"size": list(self.size), "fit": self.fit, "background": self.background}

    def _resize(self, picture):
        """A picture in uint8 → floats of the same range; TensorFlow resizes integers several times faster."""
        same = tf.reduce_all(tf.equal(tf.shape(picture)[:2], self.size))
        if self.fit == "pad":
            resized = lambda: tf.image.resize_with_pad(picture, *self.size, antialias=True)  # noqa: E731
        elif self.fit == "crop":
            resized = lambda: tf.image.resize(_centre(picture, self.size), self.size, antialias=True)  # noqa: E731
        else:
            resized = lambda: tf.image.resize(picture, self.size, antialias=True)  # noqa: E731
        return tf.cond(same, lambda: tf.cast(picture, tf.float32), resized)

    def augment(self, value, mask, seed):
        if not self.augment_with:
            return value
        varied = tf.ensure_shape(vary_pictures(value, seed, **self.augment_with), value.shape)
        return tf.where(mask[:, None, None, None], varied, 0.0)

    def reason(self, cells, context):
        why = super().reason(cells, context)
        if "Input is empty" not in why:
            return why
        size = probe_image(read_cell(tf.constant(cells[0]), context).numpy())
        return f"{size[0]} × {size[1]} pixels are more than max_pixels={self.max_pixels}" if size else NOT_A_PICTURE

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


def _centre(picture, size):
    """The largest centred part with the aspect of `size`."""
    height, width = tf.unstack(tf.cast(tf.shape(picture)[:2], tf.float32))
    scale = tf.minimum(height / size[0], width / size[1])
    part = tf.maximum(tf.cast(tf.stack([size[0] * scale, size[1] * scale]), tf.int32), 1)
    top, left = tf.unstack((tf.shape(picture)[:2] - part) // 2)
    return tf.image.crop_to_bounding_box(picture, top, left, part[0], part[1])
