"""Random changes of pictures, in training."""

import math

import tensorflow as tf

from data_pipelines.augmentation.seeds import fresh_seeds

PICTURES = {"flip": 1, "shift": 1.0, "zoom": 1.0, "rotate": 1.0, "brightness": 1.0, "contrast": 1.0}


def vary_pictures(pictures, seed, flip=False, shift=0.0, zoom=0.0, rotate=0.0, brightness=0.0, contrast=0.0, frames=1):
    """Flips, shifts, zooms and turns every picture of a batch in one resampling, then changes its colours.

    Keras has a layer for each of these; one after the other they resample, and blur, a picture four times.

    Args:
        pictures: float32 `(B, H, W, C)` in [0, 1].
        seed: int32 `(2,)`, which decides what is drawn.
        flip: bool. Left and right are swapped in half of the pictures.
        shift: float >= 0. Most, in shares of the sides.
        zoom: float >= 0. Most, larger or smaller, in shares.
        rotate: float >= 0. Most, in full turns.
        brightness: float >= 0. Most added to or taken from every value.
        contrast: float >= 0. Most that each colour's distance from grey is scaled by, in shares.
        frames: int > 0. Pictures, one after the other, that are changed alike: those of a clip. Defaults to `1`.
    Returns:
        float32 `(B, H, W, C)` in [0, 1]; what comes in from outside is the nearest border.
    """
    count = tf.shape(pictures)[0] // frames
    fresh = fresh_seeds(seed)

    def draw(most, *shape):
        return tf.random.stateless_uniform((count, *shape), fresh(), -1.0, 1.0) * most

    if flip or shift or zoom or rotate:
        height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(pictures)[1:3]))
        across, down = (width - 1.0) / 2.0, (height - 1.0) / 2.0
        mirror = tf.where(draw(1.0) < 0.0, -1.0, 1.0) if flip else tf.ones((count,))
        angle = draw(rotate) * 2.0 * math.pi
        wide, high = 1.0 + draw(zoom), 1.0 + draw(zoom)
        a0, a1 = mirror * wide * tf.cos(angle), -mirror * wide * tf.sin(angle)
        b0, b1 = high * tf.sin(angle), high * tf.cos(angle)
        a2 = across - a0 * across - a1 * down + draw(shift) * width
        b2 = down - b0 * across - b1 * down + draw(shift) * height
        zero = tf.zeros((count,))
        pictures = tf.raw_ops.ImageProjectiveTransformV3(
            images=pictures,
            transforms=tf.repeat(tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], 1), frames, 0),
            output_shape=tf.shape(pictures)[1:3],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )
    if brightness or contrast:
        grey = 0.5 + tf.repeat(draw(brightness, 1, 1, 1), frames, 0)
        pictures = (pictures - 0.5) * (1.0 + tf.repeat(draw(contrast, 1, 1, 3), frames, 0)) + grey
    return tf.clip_by_value(pictures, 0.0, 1.0)
