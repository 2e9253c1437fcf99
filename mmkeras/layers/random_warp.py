"""Images a little turned, stretched and moved while a model learns."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full


@component
class RandomWarp(keras.layers.Layer):
    """Turns, stretches and moves each image by chance in training; nothing at other times.

    What one network sees in one training it should know a few degrees and pixels away. No image is mirrored, since a
    mirror makes another letter or another arrow of it. All changes are one bilinear look-up an image; what comes in
    from beyond the edge is the edge's colour.

    Args:
        turn: float >= 0. Largest angle, in radians. Defaults to `0.17`, ten degrees.
        zoom: float in [0, 1). Largest change of width and of height, as the logarithm of their ratio. Defaults to
            `0.1`.
        shift: float in [0, 1). Largest move, as a share of the side. Defaults to `0.08`.
    Call arguments:
        inputs: float tensor `(B, H, W, C)`.
        mask: bool tensor `(B,)` or None; True = there is an image.
    Returns:
        The same shape and dtype; zeros for an absent row.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> RandomWarp()(np.ones((2, 28, 28, 3), "float32")).shape
        TensorShape([2, 28, 28, 3])
    References:
        [Simard et al., 2003](https://doi.org/10.1109/ICDAR.2003.1227801), affine distortions. Differs: no elastic ones.
    """

    def __init__(self, turn=0.17, zoom=0.1, shift=0.08, **kwargs):
        super().__init__(**kwargs)
        if turn < 0 or not 0 <= zoom < 1 or not 0 <= shift < 1:
            raise ValueError(
                "RandomWarp: turn must be >= 0, zoom and shift in [0, 1). Received: "
                f"turn={turn}, zoom={zoom}, shift={shift}. Do: the defaults."
            )
        self.turn = turn
        self.zoom = zoom
        self.shift = shift
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs, *, mask=None, training=False):
        inputs = hide(inputs, mask_or_full(mask, inputs, 1))
        if not training:
            return inputs
        images = ops.cast(inputs, "float32")
        height, width = (size - 1.0 for size in images.shape[1:3])
        drawn = keras.random.uniform((ops.shape(images)[0], 5), -1.0, 1.0, seed=self.seed_generator)
        angle, wider, higher, right, down = (drawn[:, place] for place in range(5))
        cosine, sine = ops.cos(angle * self.turn), ops.sin(angle * self.turn)
        wider, higher = ops.exp(wider * self.zoom), ops.exp(higher * self.zoom)
        across, along = [cosine * wider, -sine * higher], [sine * wider, cosine * higher]
        middle = (width / 2.0, height / 2.0)
        moves = (right * self.shift * width, down * self.shift * height)
        table = []
        for turned, centre, move in zip((across, along), middle, moves, strict=True):
            table += [*turned, centre + move - turned[0] * middle[0] - turned[1] * middle[1]]
        zero = ops.zeros_like(angle)
        warped = ops.image.affine_transform(
            images,
            ops.stack([*table, zero, zero], axis=1),
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )
        return ops.cast(warped, inputs.dtype)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "turn": self.turn, "zoom": self.zoom, "shift": self.shift}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(), ((8, 6, 3), "float32", ())
