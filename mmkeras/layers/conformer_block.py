"""Attention for what is far, convolution for what is near: the Conformer's block."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import at_least_two, hide, mask_or_full, sequence_conv


@component
class ConformerBlock(keras.layers.Layer):
    """Half a feed-forward, self-attention, a convolution over time, half a feed-forward, each added to what was there.

    x + ½ FF(x), then x + MHA(LN(x)), then x + Conv(x), then LN(x + ½ FF(x)); FF = W₂ swish(W₁ LN(x)) and
    Conv = W₂ swish(LN(depthwise(GLU(W₁ LN(x))))).

    Args:
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        hidden_dim: int > 0 or None. Width of the feed-forwards. Defaults to `None`: 4 · D.
        kernel_size: int > 0, odd, in tokens. Defaults to `15`.
        dropout: float in [0, 1). Share dropped in training, of attention weights and of every branch.
            Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: D is no multiple of `num_heads`, or an even kernel.
    Example:
        >>> ConformerBlock(num_heads=2, kernel_size=3)(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Gulati et al., 2020](https://arxiv.org/abs/2005.08100). Differs: layer norm in place of batch norm, which
        padding would move; places come with the tokens, not with the attention.
    """

    def __init__(self, num_heads=4, hidden_dim=None, kernel_size=15, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"ConformerBlock: kernel_size must be odd. Received: kernel_size={kernel_size}. "
                f"Do: kernel_size={kernel_size + 1}."
            )
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = input_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f'ConformerBlock "{self.name}": the width must be a multiple of num_heads. '
                f"Received: width={dim}, num_heads={self.num_heads}. Do: num_heads=1."
            )
        hidden = self.hidden_dim or 4 * dim
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.parts = {}
        for name in ("first", "second"):
            self._add_norm(f"{name}_norm", dim)
            self._add_dense(f"{name}_expand", dim, hidden, "silu")
            self._add_dense(f"{name}_reduce", hidden, dim)
        self._add_norm("attention_norm", dim)
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads,
            dim // self.num_heads,
            dropout=self.dropout,
            use_bias=False,
            name="attention",
            dtype=self.dtype_policy,
        )
        self.attention.build(input_shape, input_shape)
        self._add_norm("conv_norm", dim)
        self._add_dense("conv_expand", dim, 2 * dim)
        self.conv = keras.layers.DepthwiseConv1D(self.kernel_size, name="conv", dtype=self.dtype_policy)
        self.conv.build((None, None, dim))
        self._add_norm("inner_norm", dim)
        self._add_dense("conv_reduce", dim, dim)
        self._add_norm("last_norm", dim)

    def _add_norm(self, name, dim):
        self.parts[name] = keras.layers.LayerNormalization(epsilon=1e-5, name=name, dtype=self.dtype_policy)
        self.parts[name].build((None, None, dim))

    def _add_dense(self, name, before, after, activation=None):
        self.parts[name] = keras.layers.Dense(after, activation=activation, name=name, dtype=self.dtype_policy)
        self.parts[name].build((None, None, before))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        tokens = hide(inputs, mask)
        tokens = tokens + 0.5 * self.drop(self._feed_forward(tokens, "first", training), training=training)
        tokens = tokens + self.drop(self._attend(tokens, mask, training), training=training)
        tokens = tokens + self.drop(self._convolve(tokens, mask), training=training)
        tokens = tokens + 0.5 * self.drop(self._feed_forward(tokens, "second", training), training=training)
        return hide(self.parts["last_norm"](tokens), mask)

    def _feed_forward(self, tokens, name, training):
        hidden = self.parts[f"{name}_expand"](self.parts[f"{name}_norm"](tokens))
        return self.parts[f"{name}_reduce"](self.drop(hidden, training=training))

    def _attend(self, tokens, mask, training):
        query = self.parts["attention_norm"](tokens)
        keys, key_mask = at_least_two(query, mask)
        attended = self.attention(query, keys, attention_mask=key_mask[:, None, :], training=training)
        return hide(attended, mask)

    def _convolve(self, tokens, mask):
        values, gates = ops.split(self.parts["conv_expand"](self.parts["conv_norm"](tokens)), 2, axis=-1)
        near, _ = sequence_conv(self.conv, values * ops.sigmoid(gates), mask)
        return self.parts["conv_reduce"](ops.silu(self.parts["inner_norm"](near)))

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"num_heads": self.num_heads, "hidden_dim": self.hidden_dim, "kernel_size": self.kernel_size}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_heads=2, hidden_dim=12, kernel_size=3, dropout=0.5), ((5, 8), "float32", (5,))
