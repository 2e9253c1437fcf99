"""Modalities that talk through a few shared latents only."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import among_all, noting, places, plainly, size
from mmkeras.fusions.tokens import (
    anything,
    attention_block,
    for_every_row,
    joint_mask,
    learned_tokens,
    modality_norms,
    ordered_tokens,
    shared_dim,
    with_length,
)
from mmkeras.layers.masking import hide


@component
class BottleneckFusion(keras.layers.Layer):
    """A stream of self-attention a modality; the streams share nothing but N latents.

    In each layer every stream attends to its own tokens and to the latents; the latents become the mean of what the
    streams present make of them. The cost grows with Σ T_m²; without `self_attention` with N · T, since then the
    latents read a stream, and its tokens hear the latents alone.

    Args:
        num_latents: int > 0. N, how much may pass between the modalities. Defaults to `4`.
        num_layers: int > 0. What one modality tells the latents reaches the tokens of another in the next layer, so
            that tokens of different modalities meet from `2` on. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
        self_attention: bool. Whether the tokens of a modality attend to each other. Defaults to `True`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, N + T, D)`, the latents, then T = Σ T_m tokens in alphabetical order of names; zeros where
        absent, the latents too where every modality is, mask `(B, N + T)`.
    Raises:
        ValueError: no dict of tokens, or modalities that differ in D.
    Example:
        >>> BottleneckFusion(num_latents=2)({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 9, 8])
    References:
        [Nagrani et al., 2021](https://arxiv.org/abs/2107.00135), attention bottlenecks. Differs: any number of
        streams, the mean over those present, and tokens and latents are given where the paper averages the logits of
        a class token a stream. [Lee et al., 2019](https://arxiv.org/abs/1810.00825), §3.1, induced set attention, for
        streams without self-attention.
    """

    def __init__(self, num_latents=4, num_layers=2, num_heads=4, dropout=0.1, self_attention=True, **kwargs):
        super().__init__(**kwargs)
        self.num_latents = num_latents
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.self_attention = self_attention
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        self.latents = learned_tokens(self, "latents", self.num_latents, dim)
        self.streams = [
            [self._stream(f"{number}_{place}", dim) for place in range(len(self.names))]
            for number in range(self.num_layers)
        ]
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", dtype=self.dtype_policy)
        self.final.build((None, None, dim))

    def _stream(self, number, dim):
        """The blocks of a layer and modality: one, or one that reads and one that hears."""
        if self.self_attention:
            return [attention_block(self, f"block_{number}", dim)]
        return [attention_block(self, f"{verb}_{number}", dim, crossed=True) for verb in ("read", "hear")]

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        present = [ops.any(real, axis=1) for real in masks]
        part = self._part_of_the_mean(masks)[:, 0]
        latents = for_every_row(self.latents, tokens[0])
        for blocks in self.streams:
            told = 0.0
            for place, stream in enumerate(blocks):
                own, tokens[place] = self._pass_on(stream, latents, tokens[place], masks[place], present[place], ask)
                told = told + own
            latents = told * part
        joined = ops.concatenate([latents, *tokens], axis=1)
        return hide(self.final(joined), self.compute_mask(inputs, mask))

    def _pass_on(self, stream, latents, tokens, mask, present, ask):
        """What a stream makes of the latents and of its tokens."""
        both, real = ops.concatenate([latents, tokens], axis=1), self._with_latents(mask, present)
        if self.self_attention:
            both = ask(*stream, both, mask=real)
            return both[:, : self.num_latents], both[:, self.num_latents :]
        read, hear = stream
        shown = real[:, : self.num_latents]
        latents = ask(read, latents, both, mask=shown, context_mask=real)
        return latents, ask(hear, tokens, latents, mask=mask, context_mask=shown)

    def _part_of_the_mean(self, masks):
        """One over how many modalities a row has, `(B, 1, 1, 1)`."""
        count = sum(ops.cast(ops.any(real, axis=1), self.compute_dtype) for real in masks)
        return 1.0 / ops.maximum(count, 1.0)[:, None, None, None]

    def _with_latents(self, mask, present):
        """The mask with the latents in front, which an absent modality does not see."""
        return ops.concatenate([ops.repeat(present[:, None], self.num_latents, axis=1), mask], axis=1)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names, self.num_latents)
        self._fuse(inputs, mask, noting(seen))
        part = self._part_of_the_mean(ordered_tokens(inputs, mask, self.names)[1])
        latents, layers = [spots[""]], []
        for blocks in self.streams:
            told, own = [], []
            for name, stream in zip(self.names, blocks, strict=True):
                both, tokens = [spots[""], spots[name]], [spots[name]]
                if self.self_attention:
                    reads, hears = ops.split(seen[stream[0].name], [self.num_latents], axis=2)
                else:
                    reads, hears = (seen[block.name] for block in stream)
                told.append(among_all(reads * part, latents, both, spots))
                own.append(among_all(hears, tokens, both if self.self_attention else latents, spots))
            layers += [sum(told) + sum(own)] if self.self_attention else [sum(told), sum(own)]
        return {"layers": layers, "places": spots, "outputs": list(range(size(spots)))}

    def compute_mask(self, inputs, mask=None):
        present = anything(inputs, mask, self.names)[:, 0]
        return self._with_latents(joint_mask(inputs, mask, self.names), present)

    def compute_output_shape(self, input_shape):
        lengths = [shape[1] for shape in input_shape.values()]
        return with_length(input_shape, None if None in lengths else self.num_latents + sum(lengths))

    def get_config(self):
        config = {"num_latents": self.num_latents, "num_layers": self.num_layers, "num_heads": self.num_heads}
        return {**super().get_config(), **config, "dropout": self.dropout, "self_attention": self.self_attention}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(num_latents=2, num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
