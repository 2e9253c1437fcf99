"""A crossmodal transformer for every ordered pair of modalities."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import among_all, noting, places, plainly, size
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
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        answers = []
        for place, block in enumerate(self.own):
            asked = tokens[place] + self._told(place, tokens, masks, ask)
            answers.append(ask(block, asked, mask=masks[place]))
        return hide(self.final(ops.concatenate(answers, axis=1)), ops.concatenate(masks, axis=1))

    def _told(self, place, tokens, masks, ask):
        """The mean of what the other modalities present add to the tokens of one."""
        total, count = ops.zeros_like(tokens[place]), 0.0
        for source, (context, real) in enumerate(zip(tokens, masks, strict=True)):
            if source == place:
                continue
            asked = tokens[place]
            for block in self.pairs[f"{source}_{place}"]:
                asked = ask(block, asked, context, mask=masks[place], context_mask=real)
            present = ops.any(real, axis=1)
            total = total + hide(asked - tokens[place], present)
            count = count + ops.cast(present, self.compute_dtype)[:, None, None]
        return total / ops.maximum(count, 1.0)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names)
        self._fuse(inputs, mask, noting(seen))
        masks = ordered_tokens(inputs, mask, self.names)[1]
        layers = [self._pairs(seen, number, masks, spots) for number in range(self.num_layers)] if self.pairs else []
        own = [
            among_all(seen[block.name], [spots[name]], [spots[name]], spots)
            for name, block in zip(self.names, self.own, strict=True)
        ]
        return {"layers": [*layers, sum(own)], "places": spots, "outputs": list(range(size(spots)))}

    def _pairs(self, seen, number, masks, spots):
        """The mean over the other modalities present of what a modality's tokens look at in them, in one layer."""
        total = 0.0
        for place, name in enumerate(self.names):
            others = [other for other in range(len(masks)) if other != place]
            present = [ops.cast(ops.any(masks[other], axis=1), "float32") for other in others]
            part = 1.0 / ops.maximum(sum(present), 1.0)[:, None, None, None]
            for other in others:
                scores = ops.cast(seen[self.pairs[f"{other}_{place}"][number].name], "float32")
                total = total + among_all(scores * part, [spots[name]], [spots[self.names[other]]], spots)
        return total

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
