"""Pictures: JPEG, PNG, GIF, BMP and WebP of any size, decoded and resized in the graph; masks of classes as targets."""

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.images import PICTURES, vary_pictures
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.media_cells import MAX_BYTES, check_size, in_file, read_cell
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.formats.image import as_png, read_picture, why_refused
from data_pipelines.formats.image_bounds import MAX_PIXELS, PictureBounds
from data_pipelines.formats.image_classes import read_classes
from data_pipelines.formats.probe import probe_image
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import modality

FITS = ("stretch", "pad", "crop")
MOST_CLASSES = 256  # what a grey PNG of 8 bits can hold
MUCH_LARGER = 16  # times the pixels needed, from which on shards keep the resized picture


@modality
class Image(Media):
    """A picture, as floats in [0, 1]; as a target, to be drawn; with `classes`, a mask to be found: a class a pixel.

    Args:
        size: int or (H, W), pixels > 0. What every picture is resized to. A JPEG whose sides are four times as long or
            more is shrunk to no less than twice this while it is decoded, two to three times as fast; means over
            blocks move its pixels by about 1 in 255. Defaults to `64`.
        fit: `"stretch"`, `"pad"` (keeps the aspect, black borders) or `"crop"` (keeps the aspect, centre).
            Defaults to `"stretch"`.
        background: float in [0, 1]. Grey that shows through transparent pixels. Defaults to `1.0`, white.
        augment: None or dict name → argument, in training only: `flip` (bool), `shift`, `zoom`, `rotate`,
            `brightness`, `contrast` (shares in [0, 1]). Defaults to `None`.
        max_pixels: int > 0. A picture that says it is larger is a bad cell, never decoded. Defaults to 100 million.
        max_bytes: int > 0. A picture that takes more memory to decode is a bad cell, and is not decoded: 3 bytes a
            pixel, 6 of a PNG of 16 bits, 10 of one with transparent parts, 14 of a WebP that is not lossy; of a JPEG
            that is shrunk, a pixel that is left, and 2 to 8 more for each of a progressive one; of a mask, 10. With
            them 12 times the longer of both sides of the picture times that of `size`. Defaults to 256 MiB.
        classes: int in 2 … 256 or None. As a target, pictures are masks for segmentation: PNG, grey or with a palette,
            whose pixels hold 0 … K − 1, as they are, not as colours; resized by nearest neighbour. Defaults to `None`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, H, W, 3)`, mask bool `(B,)`; zeros where absent. With `classes`: int32 `(B, H, W)`.
    Raises:
        ValueError: a size below 1 or too large for `max_bytes`, an unknown `fit`, a wrong `augment`, `classes` out of
            range.
    Example:
        >>> Image(size=(32, 48), augment={"flip": True, "shift": 0.1}).spec().shape
        (32, 48, 3)
    """

    as_target = True
    label_as_input = True
    ending = "png"

    def __init__(
        self,
        size=64,
        fit="stretch",
        background=1.0,
        augment=None,
        max_pixels=MAX_PIXELS,
        max_bytes=MAX_BYTES,
        classes=None,
        column=None,
    ):
        super().__init__(column)
        size = (size, size) if isinstance(size, int) else tuple(int(side) for side in size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"Image: size must be one or two sides > 0. Received: size={size}. Do: size=64.")
        if fit not in FITS:
            raise ValueError(f"Image: fit must be one of {FITS}. Received: fit={fit!r}. Do: fit='stretch'.")
        if classes is not None and not 2 <= classes <= MOST_CLASSES:
            raise ValueError(
                f"Image: classes must be in 2 … {MOST_CLASSES}. Received: classes={classes}. Do: leave it out."
            )
        check_size("Image", size, max_bytes)
        self.size = size
        self.classes = classes
        self.fit = fit
        self.background = float(background)
        self.augment_with = checked_augment("Image", augment, PICTURES, "'flip': True")
        if min(max_pixels, max_bytes) < 1:
            raise ValueError(
                "Image: max_pixels and max_bytes must be > 0. Received: "
                f"max_pixels={max_pixels}, max_bytes={max_bytes}. Do: leave them out."
            )
        self.max_pixels = int(max_pixels)
        self.max_bytes = int(max_bytes)

    @property
    def as_input(self):
        """Masks are found, not looked at."""
        return self.classes is None

    @property
    def empty(self):
        return tf.zeros((*self.size, 3)) if self.classes is None else tf.zeros(self.size, tf.int32)

    def collate(self, value, lengths, present):
        return value, present

    def decode(self, data):
        """Decodes one picture's bytes to float32 `(H, W, 3)`, or a mask's; raises in the graph on what is none."""
        if self.classes is not None:
            return self._decode_classes(data)
        picture = read_picture(data, self.max_pixels, self.background, self.size, self.max_bytes)
        return tf.ensure_shape(self._resize(picture) / 255.0, (*self.size, 3))

    def _decode_classes(self, data):
        numbers = read_classes(data, self.max_pixels, self.max_bytes)
        most = tf.reduce_max(numbers)
        told = [most, "is no class; numbers of pixels must be below classes =", self.classes]
        with tf.control_dependencies([tf.debugging.Assert(most < self.classes, told)]):
            return tf.ensure_shape(tf.cast(self._resize(numbers, "nearest"), tf.int32)[..., 0], self.size)

    def label(self, value, mask):
        return value, tf.cast(mask, tf.float32)

    def label_spec(self):
        dtype = "float32" if self.classes is None else "int32"
        return LabelSpec(self.spec().shape, dtype, as_input=self.label_as_input)

    def prepare(self, data):
        """Masks and pictures that TensorFlow decodes as they are, others as PNG; those far too large in final size."""
        if self.classes is not None:
            return super().prepare(data)
        if probe_image(data) is None:
            data = as_png(data, self.max_pixels)
        pixels, sides = self._decode_file(tf.constant(data)).numpy(), probe_image(data)
        if sides[0] * sides[1] <= MUCH_LARGER * self.size[0] * self.size[1]:
            return data, False
        return tf.io.encode_png(np.round(pixels * 255.0).astype("uint8")).numpy(), True

    def prepared_for(self):
        return {"size": list(self.size), "fit": self.fit, "background": self.background}

    def _resize(self, picture, method="bilinear"):
        """A picture in uint8 → floats of the same range; TensorFlow resizes integers several times faster."""
        same = tf.reduce_all(tf.equal(tf.shape(picture)[:2], self.size))
        options = {"method": method, "antialias": method != "nearest"}
        if self.fit == "pad":
            resized = lambda: tf.image.resize_with_pad(picture, *self.size, **options)  # noqa: E731
        elif self.fit == "crop":
            resized = lambda: tf.image.resize(_centre(picture, self.size), self.size, **options)  # noqa: E731
        else:
            resized = lambda: tf.image.resize(picture, self.size, **options)  # noqa: E731
        return tf.cond(same, lambda: tf.cast(picture, tf.float32), lambda: tf.cast(resized(), tf.float32))

    def augment(self, value, mask, seed):
        if not self.augment_with:
            return value
        varied = tf.ensure_shape(vary_pictures(value, seed, **self.augment_with), value.shape)
        return tf.where(mask[:, None, None, None], varied, 0.0)

    def write(self, name, prediction):
        """PNG bytes of each picture; of a mask, grey, with the likeliest class of each pixel as its value."""
        if self.classes is None:
            pixels = tf.cast(tf.round(255.0 * tf.clip_by_value(prediction, 0.0, 1.0)), tf.uint8)
        else:
            pixels = tf.cast(tf.argmax(prediction, -1), tf.uint8)[..., None]
        return {name: tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)}

    def reason(self, cells, context):
        why = super().reason(cells, context)
        if "Input is empty" not in why:
            return why
        bounds = PictureBounds(self.max_pixels, self.max_bytes)
        refused = why_refused(read_cell(tf.constant(cells[0]), context).numpy(), bounds, self.size)
        return in_file(refused, cells[0], context) if refused else why

    def spec(self):
        if self.classes is None:
            return FieldSpec("Image", (*self.size, 3))
        return FieldSpec("Image", self.size, "int32", details={"num_classes": self.classes})

    def get_config(self):
        return {
            **super().get_config(),
            "size": list(self.size),
            "fit": self.fit,
            "background": self.background,
            "augment": self.augment_with or None,
            "max_pixels": self.max_pixels,
            "max_bytes": self.max_bytes,
            "classes": self.classes,
        }


def _centre(picture, size):
    """The largest centred part with the aspect of `size`."""
    height, width = tf.unstack(tf.cast(tf.shape(picture)[:2], tf.float32))
    scale = tf.minimum(height / size[0], width / size[1])
    part = tf.maximum(tf.cast(tf.stack([size[0] * scale, size[1] * scale]), tf.int32), 1)
    top, left = tf.unstack((tf.shape(picture)[:2] - part) // 2)
    return tf.image.crop_to_bounding_box(picture, top, left, part[0], part[1])
