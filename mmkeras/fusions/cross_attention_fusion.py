"""A crossmodal transformer for every ordered pair of modalities."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import (
    attention_block,
    joint_mask,
    modality_norms,
    ordered_tokens,
    shared_dim,
    total_length,
    with_length,
)
from mmkeras.layers.masking import hide


@component
class CrossAttentionFusion(keras.layers.Layer):
    """Lets each modality ask every other one in turn, pair by pair, then attend to itself.

    For modality a: x_a + the mean, over the other modalities b that are present, of what blocks b → a add to x_a;
    then a block of self-attention. It has M · (M - 1) · `num_layers` + M blocks: for a few modalities.

    Args:
        num_layers: int > 0. Blocks a pair, each asking the first tokens of b anew. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T, D)`, T = Σ T_m in alphabetical order of names; zeros where absent, mask `(B, T)`. An
        absent modality adds nothing to the others, its feed-forward included.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> CrossAttentionFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 7, 8])
    References:
        [Tsai et al., 2019](https://arxiv.org/abs/1906.00295), multimodal transformer. Differs: what the pairs add is
        averaged over those present where the paper puts it side by side, and all tokens are given, not the last.
    """

    def __init__(self, num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        places = range(len(self.names))
        self.pairs = {
            f"{source}_{target}": [
                attention_block(self, f"block_{source}_{target}_{number}", dim, crossed=True)
                for number in range(self.num_layers)
            ]
            for source in places
            for target in places
            if source != target
        }
        self.own = [attention_block(self, f"own_{place}", dim) for place in places]
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        answers = []
        for place, block in enumerate(self.own):
            asked = tokens[place] + self._told(place, tokens, masks, training)
            answers.append(block(asked, mask=masks[place], training=training))
        return hide(self.final(ops.concatenate(answers, axis=1)), ops.concatenate(masks, axis=1))

    def _told(self, place, tokens, masks, training):
        """The mean of what the other modalities present add to the tokens of one."""
        total, count = ops.zeros_like(tokens[place]), 0.0
        for source, (context, real) in enumerate(zip(tokens, masks, strict=True)):
            if source == place:
                continue
            asked = tokens[place]
            for block in self.pairs[f"{source}_{place}"]:
                asked = block(asked, context, mask=masks[place], context_mask=real, training=training)
            present = ops.any(real, axis=1)
            total = total + hide(asked - tokens[place], present)
            count = count + ops.cast(present, self.compute_dtype)[:, None, None]
        return total / ops.maximum(count, 1.0)

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
        return cls(num_layers=2, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
