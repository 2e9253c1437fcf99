"""Pictures by convolutions."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full


@component
class ImageCNNEncoder(keras.layers.Layer):
    """Turns a picture into a grid of tokens by convolutions that halve it again and again.

    Each stage: 3×3 convolution, group norm, SiLU, twice, then 2×2 max pooling. Group norm keeps rows apart, so an
    absent picture cannot leak into others as it does through batch statistics.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        filters: sequence of int > 0, multiples of 8. Channels of each stage. Defaults to `(32, 64, 128)`.
        dropout: float in [0, 1). Share of whole channels dropped after each stage in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, H, W, C)` in [0, 1]; H and W at least 2 to the number of stages.
        mask: bool tensor `(B,)` or None; True = there is a picture.
    Returns:
        float tensor `(B, T, D)`, T = H/2ⁿ · W/2ⁿ, zeros in an absent row; the mask becomes `(B, T)`.
    Raises:
        ValueError: pictures smaller than the stages need, or filters that are no multiples of 8.
    Example:
        >>> ImageCNNEncoder(dim=16, filters=(8, 16))(np.ones((2, 12, 12, 3), "float32")).shape
        TensorShape([2, 9, 16])
    References:
        [Wu and He, 2018](https://arxiv.org/abs/1803.08494) for the norm.
    """

    modality = "Image"
    preferred = True

    def __init__(self, dim=64, filters=(32, 64, 128), dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.filters = tuple(filters)
        self.dropout = dropout
        self.supports_masking = True
        if not self.filters or any(width % 8 for width in self.filters):
            raise ValueError(
                f"ImageCNNEncoder: filters must be multiples of 8. Received: filters={self.filters}. Do: (32, 64, 128)."
            )

    def build(self, input_shape):
        if min(input_shape[1:3]) < 2 ** len(self.filters):
            raise ValueError(
                f'ImageCNNEncoder "{self.name}": a picture must measure at least {2 ** len(self.filters)} pixels. '
                f"Received: shape={input_shape}, filters={self.filters}. Do: fewer filters or a larger Image(size)."
            )
        options = {"dtype": self.dtype_policy}
        self.stages, shape = [], tuple(input_shape)
        for place, width in enumerate(self.filters):
            stage = []
            for twin in "ab":
                stage += [
                    keras.layers.Conv2D(
                        width, 3, padding="same", use_bias=False, name=f"conv_{place}{twin}", **options
                    ),
                    keras.layers.GroupNormalization(8, epsilon=1e-5, name=f"norm_{place}{twin}", **options),
                    keras.layers.Activation("silu", **options),
                ]
            stage += [keras.layers.MaxPooling2D(2, **options), keras.layers.SpatialDropout2D(self.dropout, **options)]
            for layer in stage:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
            self.stages += stage
        self.project = keras.layers.Dense(self.dim, name="project", **options)
        self.project.build(shape)
        self.grid = shape[1] * shape[2]

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 1)
        x = hide(ops.cast(inputs, self.compute_dtype), mask) * 2.0 - 1.0
        for layer in self.stages:
            x = layer(x, training=training) if isinstance(layer, keras.layers.SpatialDropout2D) else layer(x)
        tokens = self.project(ops.reshape(x, (-1, self.grid, self.filters[-1])))
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        mask = mask_or_full(mask, inputs, 1)
        return ops.repeat(mask[:, None], self.grid, axis=1)

    def compute_output_shape(self, input_shape):
        scale = 2 ** len(self.filters)
        return (input_shape[0], (input_shape[1] // scale) * (input_shape[2] // scale), self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "filters": list(self.filters), "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the pictures."""
        stages = max(1, min(3, min(spec.shape[:2]).bit_length() - 3))
        return cls(dim=dim, filters=(32, 64, 128)[:stages], dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 16), dropout=0.5), ((8, 12, 3), "float32", ())
