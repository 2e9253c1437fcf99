"""A Transformer decoder's block, whole sequences at once or step by step."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.cached_attention import CachedAttention
from mmkeras.layers.masking import hide, mask_or_full


@component
class DecoderBlock(keras.layers.Layer):
    """Lets tokens attend to those before them and to a context, then applies a feed-forward; each is added.

    x + A(LN(x)), causal; x + A(LN(x), LN(c)); x + W₂ gelu(W₁ LN(x)).

    Args:
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        hidden_dim: int > 0 or None. Width of the feed-forward. Defaults to `None`: 4 · D.
        dropout: float in [0, 1). Share dropped in training, of attention weights and of every branch.
            Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        context: float tensor `(B, C, D)`, or None: there is nothing to ask.
        mask: bool tensor `(B, T)` or None; padding stands behind.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a context.
        context_mask: bool tensor `(B, C)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked; a row whose context is all absent gets nothing from it.
    Example:
        >>> DecoderBlock(num_heads=2)(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), pre-norm as in
        [Xiong et al., 2020](https://arxiv.org/abs/2002.04745). Differs: see `CachedAttention`.
    """

    def __init__(self, num_heads=4, hidden_dim=None, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.supports_masking = True

    def build(self, inputs_shape, context_shape=None):
        dim, options = inputs_shape[-1], {"dtype": self.dtype_policy}
        hidden = self.hidden_dim or 4 * dim
        self.asks = ["self", *(["context"] if context_shape is not None else [])]
        for name in self.asks:
            attention = CachedAttention(self.num_heads, self.dropout, name=f"{name}_attention", **options)
            attention.build(inputs_shape, None if name == "self" else context_shape)
            setattr(self, f"{name}_attention", attention)
        self.norms = {}
        widths = {"self": dim, "cross": dim, "context": (context_shape or inputs_shape)[-1], "hidden": dim}
        for name in ("self", "hidden") if context_shape is None else widths:
            self.norms[name] = keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm", **options)
            self.norms[name].build((None, None, widths[name]))
        self.expand = keras.layers.Dense(hidden, activation="gelu", name="expand", **options)
        self.reduce = keras.layers.Dense(dim, name="reduce", **options)
        self.expand.build((None, None, dim))
        self.reduce.build((None, None, hidden))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, context=None, *, mask=None, inputs_mask=None, context_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        x = hide(inputs, mask)
        normed = self.norms["self"](x)
        x = x + self.drop(self.self_attention(normed, mask=mask, causal=True, training=training), training=training)
        if context is not None:
            asked = self.context_of(context, context_mask)
            x = x + self.drop(self._ask(x, *asked, training=training), training=training)
        return hide(x + self.drop(self._hidden(x), training=training), mask)

    def context_of(self, context, context_mask=None):
        """What steps ask of a context: its keys and values, and which are real."""
        real = mask_or_full(context_mask, context, 2)
        keys_values = self.context_attention.keys_values(self.norms["context"](hide(context, real)))
        return keys_values, real[:, None, None, :]

    def empty(self, like, length):
        """Keys and values of no step yet, with room for `length`, for as many rows as `like` `(B, …)` has."""
        dim = self.self_attention.query.units
        room = ops.zeros((1, self.num_heads, length, dim // self.num_heads), self.compute_dtype)
        row = ops.reshape(ops.zeros_like(like, dtype=self.compute_dtype), (ops.shape(like)[0], -1))[:, :1]
        kept = room + row[:, :, None, None]
        return kept, kept

    def step(self, inputs, kept, index, asked=None):
        """One step, `(B, 1, D)`, at `index`: its output and the keys and values with its own among them."""
        normed = self.norms["self"](inputs)
        place = ops.arange(kept[0].shape[2])[None, None, :, None]
        new = self.self_attention.keys_values(normed)
        kept = tuple(ops.where(place == index, part, old) for part, old in zip(new, kept, strict=True))
        x = inputs + self.self_attention.attend(normed, kept, place[..., 0][:, :, None] <= index)
        if asked is not None:
            x = x + self._ask(x, *asked)
        return x + self._hidden(x), kept

    def _ask(self, x, keys_values, real, training=False):
        return self.context_attention.attend(self.norms["cross"](x), keys_values, real, training=training)

    def _hidden(self, x):
        return self.reduce(self.expand(self.norms["hidden"](x)))

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, inputs_shape, context_shape=None):
        return inputs_shape

    def get_config(self):
        config = {"num_heads": self.num_heads, "hidden_dim": self.hidden_dim, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_heads=2, dropout=0.5), ((5, 8), "float32", (5,))
