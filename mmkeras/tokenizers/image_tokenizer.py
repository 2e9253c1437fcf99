"""A picture as a grid of integers, and back."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.losses.likeness import mean_likeness
from mmkeras.losses.picture_loss import PictureLoss


@component
class ImageTokenizer(keras.layers.Layer):
    """Convolutions down to a few numbers a place, rounded to a code, and convolutions back up to the picture.

    A call goes there and back, so that plain `fit` trains it with the picture as its own label.

    Args:
        shape: (H, W, C) of the picture; H and W are multiples of 2 to the number of `filters`.
        levels: sequence of int > 1, see `FiniteScalarQuantizer`; their product is the number of ids K.
            Defaults to `(8, 6, 5)`.
        filters: sequence of int > 0. Channels at each halving of H and W. Defaults to `(32, 64)`: squares of 4 pixels.
    Call arguments:
        inputs: float tensor `(B, H, W, C)` in [0, 1].
        mask: bool tensor `(B,)` or None.
    Returns:
        float tensor `(B, H, W, C)`: the picture as its codes tell it; of an absent one, one of no meaning.
    Raises:
        ValueError: no `filters`, or a side that cannot be halved so often.
    Example:
        >>> tokenizer = ImageTokenizer((8, 8, 3), filters=(4,))
        >>> ids, there = tokenizer.encode(np.ones((2, 8, 8, 3), "float32"))
        >>> ids.shape, tokenizer.decode(ids).shape
        (TensorShape([2, 16]), TensorShape([2, 8, 8, 3]))
    References:
        [van den Oord et al., 2017](https://arxiv.org/abs/1711.00937), the autoencoder;
        [Mentzer et al., 2023](https://arxiv.org/abs/2309.15505), the codes. Differs: no adversary and no perceptual
        loss, so pictures are soft.
    """

    modality = "Image"
    temperature = 1.0
    never = 0

    def __init__(self, shape, levels=(8, 6, 5), filters=(32, 64), **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.levels = tuple(levels)
        self.filters = tuple(filters)
        self.supports_masking = True
        if not self.filters or any(side % 2 ** len(self.filters) for side in self.shape[:2]):
            raise ValueError(
                "ImageTokenizer: sides must be multiples of 2 to the number of filters. "
                f"Received: shape={self.shape}, filters={self.filters}. Do: Image(32), filters=(32, 64)."
            )
        self.quantize = FiniteScalarQuantizer(self.levels, name="quantize", dtype="float32")

    @property
    def grid(self):
        """Rows and columns of tokens."""
        return tuple(side // 2 ** len(self.filters) for side in self.shape[:2])

    @property
    def num_tokens(self):
        """Tokens a picture."""
        return self.grid[0] * self.grid[1]

    @property
    def vocabulary_size(self):
        """Ids in all."""
        return self.quantize.size

    def build(self, input_shape):
        options, widths = {"dtype": self.dtype_policy, "padding": "same"}, self.filters
        down, up = [], [keras.layers.Conv2D(widths[-1], 3, activation="gelu", **options)]
        for width in widths:
            down.append(keras.layers.Conv2D(width, 4, strides=2, activation="gelu", **options))
            down.append(keras.layers.Conv2D(width, 3, activation="gelu", **options))
        down.append(keras.layers.Conv2D(len(self.levels), 1, **options))
        for width in reversed(widths):
            up.append(keras.layers.Conv2DTranspose(width, 4, strides=2, activation="gelu", **options))
            up.append(keras.layers.Conv2D(width, 3, activation="gelu", **options))
        grey = keras.initializers.Constant(0.5)
        up.append(keras.layers.Conv2D(self.shape[-1], 1, bias_initializer=grey, dtype="float32"))
        self.down = keras.Sequential(down, name="down")
        self.up = keras.Sequential(up, name="up")
        self.down.build((None, *self.shape))
        self.up.build((None, *self.grid, len(self.levels)))
        self.quantize.build((None, *self.grid, len(self.levels)))

    def call(self, inputs, *, mask=None):
        return ops.cast(self.up(self._codes(inputs, mask)), self.compute_dtype)

    def _codes(self, pictures, mask=None):
        if not self.built:
            self.build(pictures.shape)
        mask = mask_or_full(mask, pictures, 1)
        values = self.down(hide(pictures, mask) * 2.0 - 1.0)
        return self.quantize(ops.cast(values, "float32"))

    def encode(self, label, mask=None):
        """A picture's ids.

        Args:
            label: float tensor `(B, H, W, C)`.
            mask: bool tensor `(B,)` or None.
        Returns:
            tuple: ids int32 `(B, T)`, and bool `(B, T)`: which of them count.
        """
        mask = mask_or_full(mask, label, 1)
        ids = ops.reshape(self.quantize.ids(self._codes(label, mask)), (-1, self.num_tokens))
        return ids, ops.repeat(mask[:, None], self.num_tokens, axis=1)

    def decode(self, ids, seed=0):
        """Ids `(B, T)` → float32 pictures `(B, H, W, C)` in [0, 1]."""
        codes = self.quantize.codes(ops.reshape(ids, (-1, *self.grid)))
        return ops.clip(ops.cast(self.up(codes), "float32"), 0.0, 1.0)

    def decoded_spec(self, rows):
        """What `decode` gives, as a symbolic tensor."""
        return keras.KerasTensor((rows, *self.shape), "float32")

    def default_loss(self):
        """Absolute and squared error: what it is trained by."""
        return PictureLoss(l1=1.0, l2=1.0)

    @staticmethod
    def score(labels, weights, predictions):
        """PSNR in dB and SSIM, means over pictures, of arrays `(N, H, W, C)`, `(N,)`, `(N, H, W, C)`."""
        return mean_likeness(labels, weights, predictions)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        config = {"shape": list(self.shape), "levels": list(self.levels), "filters": list(self.filters)}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, **options):
        """The tokenizer that suits what the pipeline says of the target."""
        return cls(shape=spec.shape, **options)

    @classmethod
    def example(cls):
        """A tiny instance and a label of its target, for the tests that all tokenizers share."""
        random = np.random.default_rng(0)
        return cls((8, 4, 3), (3, 2), (4,)), random.uniform(size=(8, 4, 3)).astype("float32"), ()
