"""Learned queries that draw a fixed number of tokens out of each modality."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import among_all, noting, places, plainly
from mmkeras.fusions.tokens import (
    attention_block,
    for_every_row,
    learned_tokens,
    modality_norms,
    modality_vectors,
    ordered_tokens,
    shared_dim,
    with_length,
)
from mmkeras.layers.masking import hide


@component
class QFormerFusion(keras.layers.Layer):
    """N learned queries a modality read its tokens; the queries of all modalities attend to each other.

    Layer by layer: self-attention over all queries, then each modality's queries attend to its tokens. At the end
    once more self-attention over all queries, so that one layer is enough for the modalities to meet.

    Args:
        num_queries: int > 0. N, of each modality. Defaults to `4`.
        num_layers: int > 0. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, M · N, D)`, N tokens a modality in alphabetical order of names, however long the inputs;
        zeros where absent, mask `(B, M · N)`. The queries of an absent modality are absent to the others, too.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> QFormerFusion(num_queries=2)({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 4, 8])
    References:
        [Li et al., 2023](https://arxiv.org/abs/2301.12597), BLIP-2's Q-Former. Differs: queries for every modality,
        where the paper's read a picture and share their self-attention with a text; trained with the rest from
        scratch. `PerceiverFusion` has one set of latents for all tokens.
    """

    def __init__(self, num_queries=4, num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_queries = num_queries
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        places = range(len(self.names))
        self.queries = learned_tokens(self, "queries", len(self.names) * self.num_queries, dim)
        self.meeting = [attention_block(self, f"meet_{number}", dim) for number in range(self.num_layers + 1)]
        self.readers = [
            [attention_block(self, f"read_{number}_{place}", dim, crossed=True) for place in places]
            for number in range(self.num_layers)
        ]
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        there = self.compute_mask(inputs, mask)
        queries = for_every_row(self.queries, tokens[0])
        for meet, readers in zip(self.meeting, self.readers, strict=False):
            queries = ask(meet, queries, mask=there)
            parts = ops.split(queries, len(readers), axis=1)
            queries = ops.concatenate(
                [
                    ask(read, part, values, context_mask=real)
                    for read, part, values, real in zip(readers, parts, tokens, masks, strict=True)
                ],
                axis=1,
            )
        return hide(self.final(ask(self.meeting[-1], queries, mask=there)), there)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        spots = places(inputs, self.names, len(self.names) * self.num_queries)
        seen, queries = {}, [spots[""]]
        self._fuse(inputs, mask, noting(seen))
        own = [(place * self.num_queries, (place + 1) * self.num_queries) for place in range(len(self.names))]
        layers = []
        for number, meet in enumerate(self.meeting):
            layers.append(among_all(seen[meet.name], queries, queries, spots))
            if number < self.num_layers:
                read = [
                    among_all(seen[block.name], [mine], [spots[name]], spots)
                    for block, mine, name in zip(self.readers[number], own, self.names, strict=True)
                ]
                layers.append(sum(read))
        return {"layers": layers, "places": spots, "outputs": list(range(spots[""][1]))}

    def compute_mask(self, inputs, mask=None):
        return ops.repeat(modality_vectors(inputs, mask, self.names)[1], self.num_queries, axis=1)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, len(input_shape) * self.num_queries)

    def get_config(self):
        config = {"num_queries": self.num_queries, "num_layers": self.num_layers, "num_heads": self.num_heads}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(num_queries=2, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
