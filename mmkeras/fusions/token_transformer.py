"""Joint self-attention over the tokens of all modalities: the default."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import noting, places, plainly, size
from mmkeras.fusions.tokens import joint_mask, ordered_tokens, shared_dim, total_length, with_length
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide


@component
class TokenTransformer(keras.layers.Layer):
    """Marks every token with its modality and lets all of them attend to each other.

    Args:
        num_layers: int >= 0. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T, D)`, T = Σ T_m in alphabetical order of names; zeros where absent, mask `(B, T)`.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> TokenTransformer()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 7, 8])
    References:
        As a strong baseline in [Fusion or Confusion?, 2025](https://arxiv.org/abs/2512.22991); merged attention as in
        [Li et al., 2019](https://arxiv.org/abs/1908.03557). Differs: all tokens, true masks, each modality normalised
        on its own first.
    """

    def __init__(self, num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        options = {"dtype": self.dtype_policy}
        self.names = sorted(input_shape)
        self.marks, self.norms = [], []
        for place in range(len(self.names)):
            norm = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            norm.build((None, None, dim))
            self.norms.append(norm)
            self.marks.append(self.add_weight(name=f"mark_{place}", shape=(dim,), initializer="random_normal"))
        self.blocks = [
            AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build((None, None, dim))
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        self.final.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        marked = [
            norm(values) + ops.cast(mark, self.compute_dtype)
            for values, norm, mark in zip(tokens, self.norms, self.marks, strict=True)
        ]
        joined, real = ops.concatenate(marked, axis=1), ops.concatenate(masks, axis=1)
        for block in self.blocks:
            joined = ask(block, joined, mask=real)
        return hide(self.final(joined), real)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names)
        self._fuse(inputs, mask, noting(seen))
        layers = [ops.cast(seen[block.name], "float32") for block in self.blocks]
        return {"layers": layers, "places": spots, "outputs": list(range(size(spots)))}

    def compute_mask(self, inputs, mask=None):
        return joint_mask(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, total_length(input_shape))

    def get_config(self):
        config = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(num_layers=1, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
