"""A stream a modality; in every layer each stream asks what the others have become."""

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
class CoAttentionFusion(keras.layers.Layer):
    """Lets all streams attend to the others' tokens at once, then each to itself, layer by layer.

    Args:
        num_layers: int > 0. Pairs of a block that asks and a block of self-attention. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T, D)`, T = Σ T_m in alphabetical order of names; zeros where absent, mask `(B, T)`. Absent
        tokens are not attended to; a stream without any other gets nothing from the attention.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> CoAttentionFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 7, 8])
    References:
        [Lu et al., 2019](https://arxiv.org/abs/1908.02265), ViLBERT's co-attention;
        [Yu et al., 2019](https://arxiv.org/abs/1906.10770), MCAN, where only one side asks. Differs: with more than
        two streams, each asks the tokens of all others together. `AttentionFusion` asks the first tokens of the
        others in every round; here they have moved on.
    """

    def __init__(self, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
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
        self.asking, self.own = [], []
        for number in range(self.num_layers):
            if len(self.names) > 1:
                self.asking.append(
                    [attention_block(self, f"ask_{number}_{place}", dim, crossed=True) for place in places]
                )
            self.own.append([attention_block(self, f"own_{number}_{place}", dim) for place in places])
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        for number, own in enumerate(self.own):
            if self.asking:
                tokens = self._asked(self.asking[number], tokens, masks, ask)
            tokens = [ask(block, values, mask=real) for block, values, real in zip(own, tokens, masks, strict=True)]
        return hide(self.final(ops.concatenate(tokens, axis=1)), ops.concatenate(masks, axis=1))

    def _asked(self, blocks, tokens, masks, ask):
        """Every stream after it has attended to all the others, as they were before."""
        asked = []
        for place, block in enumerate(blocks):
            others = [other for other in range(len(tokens)) if other != place]
            context = ops.concatenate([tokens[other] for other in others], axis=1)
            real = ops.concatenate([masks[other] for other in others], axis=1)
            asked.append(ask(block, tokens[place], context, mask=masks[place], context_mask=real))
        return asked

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names)
        self._fuse(inputs, mask, noting(seen))
        layers = []
        for number, own in enumerate(self.own):
            for blocks in [self.asking[number], own] if self.asking else [own]:
                layers.append(self._layer(seen, blocks, spots, crossed=blocks is not own))
        return {"layers": layers, "places": spots, "outputs": list(range(size(spots)))}

    def _layer(self, seen, blocks, spots, crossed):
        """The scores of the blocks of all streams, which look at the others, or at their own tokens."""
        total = 0.0
        for name, block in zip(self.names, blocks, strict=True):
            columns = [spots[other] for other in self.names if (other != name) == crossed]
            total = total + among_all(seen[block.name], [spots[name]], columns, spots)
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
        return cls(num_layers=1, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
