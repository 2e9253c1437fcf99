"""Many tokens → one vector of length 1."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_pooling import TokenPooling


@component
class UnitEmbedding(keras.layers.Layer):
    """Pools real tokens, projects the pool and scales it to length 1: where modalities can be compared.

    Under mixed precision give it `dtype="float32"`, or lengths are off by up to a hundredth.

    Args:
        dim: int > 0. Width of the embedding. Defaults to `64`.
        pooling: `"mean"` or `"attention"`, see `TokenPooling`. Defaults to `"mean"`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, dim)` of length 1; zeros in a row without tokens, and its mask becomes `(B,)`.
    Raises:
        ValueError: an unknown pooling, or `dim` < 1.
    Example:
        >>> UnitEmbedding(4)(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 4])
    References:
        [Radford et al., 2021](https://arxiv.org/abs/2103.00020), §2.3, the linear projection. Differs: it has a bias,
        so that a row whose tokens say nothing has a direction, too.
    """

    def __init__(self, dim=64, pooling="mean", **kwargs):
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"UnitEmbedding: dim must be > 0. Received: dim={dim}. Do: dim=64.")
        self.dim = dim
        self.pool = TokenPooling(pooling, name="pool", dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, input_shape):
        self.pool.build(input_shape)
        self.project = keras.layers.Dense(self.dim, name="project", dtype=self.dtype_policy)
        self.project.build((input_shape[0], input_shape[-1]))

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        vectors = ops.cast(self.project(self.pool(inputs, mask=mask)), "float32")
        length = ops.sum(vectors**2, axis=-1, keepdims=True)
        unit = vectors * ops.rsqrt(ops.maximum(length, 1e-8))
        return hide(ops.cast(unit, self.compute_dtype), ops.any(mask, axis=1))

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "pooling": self.pool.kind}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(6, pooling="attention"), ((5, 8), "float32", (5,))
