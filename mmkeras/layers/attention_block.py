"""Pre-norm attention and feed-forward, true to masks."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import at_least_two, hide, mask_or_full


@component
class AttentionBlock(keras.layers.Layer):
    """Lets tokens attend to themselves or to a context, then applies a feed-forward, each added to what was there.

    x + MHA(LN(x), LN(c)), then x + W₂ gelu(W₁ LN(x)).

    Args:
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        hidden_dim: int > 0 or None. Width of the feed-forward. Defaults to `None`: 2 · D.
        dropout: float in [0, 1). Share dropped in training, of attention weights and of both branches.
            Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        context: float tensor `(B, C, D)`, or None for self-attention.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a context.
        context_mask: bool tensor `(B, C)` or None.
        return_attention_scores: bool. Also gives what each token looks at. Defaults to `False`.
    Returns:
        float tensor `(B, T, D)`, zeros where masked; a row whose context is all absent gets nothing from it. On
        request a tuple of it and the scores, float `(B, H, T, C)`: 0 where masked, else adding up to 1 over C.
    Raises:
        ValueError: D is no multiple of `num_heads`.
    Example:
        >>> AttentionBlock(num_heads=2)(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), pre-norm as in
        [Xiong et al., 2020](https://arxiv.org/abs/2002.04745). Differs: Keras averages the masked values where all of
        them are masked; here the row gets zero. No biases in the attention: the norm in front has one, and a bias of
        the keys cannot change a softmax.
    """

    def __init__(self, num_heads=4, hidden_dim=None, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.supports_masking = True

    def build(self, inputs_shape, context_shape=None):
        dim = inputs_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                f'AttentionBlock "{self.name}": the width must be a multiple of num_heads. '
                f"Received: width={dim}, num_heads={self.num_heads}. Do: num_heads={_largest_divisor(dim)}."
            )
        options = {"dtype": self.dtype_policy}
        self.query_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="query_norm", **options)
        self.context_norm = None
        if context_shape is not None:
            self.context_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="context_norm", **options)
            self.context_norm.build(context_shape)
        self.attention = keras.layers.MultiHeadAttention(
            self.num_heads,
            dim // self.num_heads,
            dropout=self.dropout,
            use_bias=False,
            name="attention",
            **options,
        )
        self.hidden_norm = keras.layers.LayerNormalization(epsilon=1e-5, name="hidden_norm", **options)
        self.expand = keras.layers.Dense(self.hidden_dim or 2 * dim, activation="gelu", name="expand", **options)
        self.reduce = keras.layers.Dense(dim, name="reduce", **options)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.query_norm.build(inputs_shape)
        self.attention.build(inputs_shape, context_shape or inputs_shape)
        self.hidden_norm.build(inputs_shape)
        self.expand.build(inputs_shape)
        self.reduce.build((*inputs_shape[:-1], self.hidden_dim or 2 * dim))

    def call(
        self,
        inputs,
        context=None,
        *,
        mask=None,
        inputs_mask=None,
        context_mask=None,
        training=False,
        return_attention_scores=False,
    ):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        inputs = hide(inputs, mask)
        query = self.query_norm(inputs)
        if context is None:
            keys, key_mask = query, mask
        else:
            key_mask = mask_or_full(context_mask, context, 2)
            keys = self.context_norm(hide(context, key_mask))
        count = keys.shape[1]
        keys, key_mask = at_least_two(keys, key_mask)
        options = {"attention_mask": key_mask[:, None, :], "training": training}
        scores = None
        if return_attention_scores:
            attended, scores = self.attention(query, keys, return_attention_scores=True, **options)
            scores = hide(scores, mask[:, None, :, None] & key_mask[:, None, None])[..., :count]
        else:
            attended = self.attention(query, keys, **options)
        attended = hide(attended, ops.any(key_mask, axis=1))
        tokens = inputs + self.drop(attended, training=training)
        hidden = self.reduce(self.expand(self.hidden_norm(tokens)))
        tokens = hide(tokens + self.drop(hidden, training=training), mask)
        return (tokens, scores) if return_attention_scores else tokens

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


def _largest_divisor(dim):
    return next(heads for heads in (4, 3, 2, 1) if dim % heads == 0)
