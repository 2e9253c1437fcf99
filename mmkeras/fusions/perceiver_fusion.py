"""A few latents that read all tokens: the cost grows with their number, not with its square."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import among_all, noting, places, plainly
from mmkeras.fusions.tokens import (
    anything,
    attention_block,
    for_every_row,
    learned_tokens,
    modality_norms,
    ordered_tokens,
    shared_dim,
    with_length,
)
from mmkeras.layers.masking import hide


@component
class PerceiverFusion(keras.layers.Layer):
    """N learned latents attend to the tokens of all modalities, then to each other, layer by layer.

    Args:
        num_latents: int > 0. N. Defaults to `8`.
        num_layers: int > 0. Rounds of reading and of self-attention. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, N, D)`; zeros where every modality is absent, mask `(B, N)`. Absent tokens are not read.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> PerceiverFusion(num_latents=5)({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 5, 8])
    References:
        [Jaegle et al., 2021](https://arxiv.org/abs/2103.03206). Differs: it reads tokens of encoders, not raw bytes;
        positions are the encoders' matter; layers do not share weights.
    """

    def __init__(self, num_latents=8, num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_latents = num_latents
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        self.latents = learned_tokens(self, "latents", self.num_latents, dim)
        places = range(self.num_layers)
        self.readers = [attention_block(self, f"read_{number}", dim, crossed=True) for number in places]
        self.thinkers = [attention_block(self, f"think_{number}", dim) for number in places]
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = ops.concatenate([norm(values) for norm, values in zip(self.norms, tokens, strict=True)], axis=1)
        real = ops.concatenate(masks, axis=1)
        latents = for_every_row(self.latents, tokens)
        for read, think in zip(self.readers, self.thinkers, strict=True):
            latents = ask(read, latents, tokens, context_mask=real)
            latents = ask(think, latents)
        return hide(self.final(latents), ops.any(real, axis=1))

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names, self.num_latents)
        self._fuse(inputs, mask, noting(seen))
        latents = [spots[""]]
        layers = []
        for read, think in zip(self.readers, self.thinkers, strict=True):
            layers.append(among_all(seen[read.name], latents, [spots[name] for name in self.names], spots))
            layers.append(among_all(seen[think.name], latents, latents, spots))
        return {"layers": layers, "places": spots, "outputs": list(range(self.num_latents))}

    def compute_mask(self, inputs, mask=None):
        return ops.repeat(anything(inputs, mask, self.names), self.num_latents, axis=1)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, self.num_latents)

    def get_config(self):
        config = {"num_latents": self.num_latents, "num_layers": self.num_layers, "num_heads": self.num_heads}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(num_latents=3, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
