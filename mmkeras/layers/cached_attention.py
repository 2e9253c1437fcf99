"""Attention whose keys and values can be kept from step to step."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, masked_softmax


@component
class CachedAttention(keras.layers.Layer):
    """Multi-head attention in two halves: keys and values of a context, made once, and queries that ask them.

    Args:
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Share of attention weights dropped in training. Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`, who asks.
        context: float tensor `(B, C, D)` or None: the inputs themselves.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a context.
        context_mask: bool tensor `(B, C)` or None: what of the context is real; the inputs' own without one.
        causal: bool. Whether a token sees those up to itself only. Defaults to `False`.
    Returns:
        float tensor `(B, T, D)`; zeros where masked, and where nothing of the context is real.
    Raises:
        ValueError: D is no multiple of `num_heads`.
    Example:
        >>> CachedAttention(num_heads=2)(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762); kept keys and values as in
        [Shazeer, 2019](https://arxiv.org/abs/1911.02150), §2.4.1. Differs: no biases; zeros where all is masked.
    """

    def __init__(self, num_heads=4, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, inputs_shape, context_shape=None):
        dim = inputs_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f'CachedAttention "{self.name}": the width must be a multiple of num_heads. '
                f"Received: width={dim}, num_heads={self.num_heads}. Do: another num_heads."
            )
        self.query, self.key, self.value, self.out = (
            keras.layers.Dense(dim, use_bias=False, name=name, dtype=self.dtype_policy)
            for name in ("query", "key", "value", "out")
        )
        for dense in (self.query, self.out):
            dense.build((None, None, dim))
        for dense in (self.key, self.value):
            dense.build((None, None, (context_shape or inputs_shape)[-1]))
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def call(
        self, inputs, context=None, *, mask=None, inputs_mask=None, context_mask=None, causal=False, training=False
    ):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        inputs = hide(inputs, mask)
        real = mask if context is None else mask_or_full(context_mask, context, 2)
        context = inputs if context is None else hide(context, real)
        seen = real[:, None, None, :]
        if causal:
            place = ops.arange(ops.shape(context)[1])
            seen = seen & (place[None, :] <= place[:, None])[None, None]
        return hide(self.attend(inputs, self.keys_values(context), seen, training=training), mask)

    def keys_values(self, context):
        """Keys and values of a context `(B, C, D)`: a pair of `(B, H, C, D / H)`."""
        return self._heads(self.key(context)), self._heads(self.value(context))

    def attend(self, inputs, keys_values, seen, training=False):
        """Queries `(B, T, D)` ask keys and values; `seen`: bool, what of them, as `(B, H, T, C)` or broadcast to it."""
        keys, values = keys_values
        query = self._heads(self.query(inputs))
        scale = (query.shape[-1]) ** -0.5
        scores = ops.matmul(query * scale, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.cast(masked_softmax(scores, seen), self.compute_dtype)
        asked = ops.matmul(self.drop(weights, training=training), values)
        length, dim = ops.shape(inputs)[1], inputs.shape[-1]
        return self.out(ops.reshape(ops.transpose(asked, (0, 2, 1, 3)), (-1, length, dim)))

    def _heads(self, values):
        length, dim = ops.shape(values)[1], values.shape[-1]
        apart = ops.reshape(values, (-1, length, self.num_heads, dim // self.num_heads))
        return ops.transpose(apart, (0, 2, 1, 3))

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_heads=2, dropout=0.5), ((5, 8), "float32", (5,))
