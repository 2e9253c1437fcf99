"""The classic: one modality's tokens attend to another's."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import among_all, noting, places, plainly
from mmkeras.fusions.tokens import ordered_tokens, shared_dim
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.masking import hide, masked_mean


@component
class AttentionFusion(keras.layers.Layer):
    """Lets each modality's tokens attend to the tokens of all the others.

    Args:
        queries: sequence of str or None. The modalities whose tokens ask; the others only answer. `("text",)` is "text
            tokens attend to image tokens". Where a row lacks all of them, the mean of what it has stands in as one
            token. Defaults to `None`: all of them ask.
        num_layers: int > 0. Rounds of asking. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, at least two, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T + 1, D)`, T = tokens of the asking modalities in alphabetical order, then the stand-in;
        zeros where absent, mask `(B, T + 1)`.
    Raises:
        ValueError: fewer than two modalities, different D, or a query that is not among them.
    Example:
        >>> fuse = AttentionFusion(queries=("text",))
        >>> fuse({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 4, 8])
    References:
        [Tsai et al., 2019](https://arxiv.org/abs/1906.00295), crossmodal attention. Differs: keys are the tokens of
        all other modalities at once; an absent one weighs nothing.
    """

    def __init__(self, queries=None, num_layers=1, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.queries = None if queries is None else tuple(queries)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape, at_least=2)
        self.names = sorted(input_shape)
        unknown = sorted(set(self.queries or ()) - set(self.names))
        if unknown:
            raise ValueError(
                f'AttentionFusion "{self.name}": queries must be among the modalities. '
                f"Received: queries={self.queries}, modalities={self.names}. Do: queries=({self.names[0]!r},)."
            )
        self.asking = [place for place, name in enumerate(self.names) if name in (self.queries or self.names)]
        shape, options = (None, None, dim), {"dtype": self.dtype_policy}
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            for place in range(len(self.names))
        ]
        self.blocks = {
            f"{place}_{number}": AttentionBlock(
                self.num_heads, dropout=self.dropout, name=f"block_{place}_{number}", **options
            )
            for place in self.asking
            for number in range(self.num_layers)
        }
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        for norm in (*self.norms, self.final):
            norm.build(shape)
        for block in self.blocks.values():
            block.build(shape, shape)

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training))

    def _fuse(self, inputs, mask, ask):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        tokens = [norm(values) for norm, values in zip(self.norms, tokens, strict=True)]
        answers = []
        for place in self.asking:
            others = [other for other in range(len(tokens)) if other != place]
            context = ops.concatenate([tokens[other] for other in others], axis=1)
            real = ops.concatenate([masks[other] for other in others], axis=1)
            asked = tokens[place]
            for number in range(self.num_layers):
                block = self.blocks[f"{place}_{number}"]
                asked = ask(block, asked, context, mask=masks[place], context_mask=real)
            answers.append(asked)
        stand_in = masked_mean(ops.concatenate(tokens, axis=1), ops.concatenate(masks, axis=1))
        fused = ops.concatenate([*answers, stand_in[:, None]], axis=1)
        return hide(self.final(fused), self._mask(masks))

    def _mask(self, masks):
        """Masks of the asking tokens, and of the stand-in: a row that lacks all of them but not everything."""
        asking = ops.concatenate([masks[place] for place in self.asking], axis=1)
        anything = ops.any(ops.concatenate(masks, axis=1), axis=1, keepdims=True)
        return ops.concatenate([asking, anything & ~ops.any(asking, axis=1, keepdims=True)], axis=1)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names, learned=1)
        self._fuse(inputs, mask, noting(seen))
        layers = [self._layer(seen, number, spots) for number in range(self.num_layers)]
        layers[-1] = layers[-1] + self._stand_in(ordered_tokens(inputs, mask, self.names)[1], spots)
        asking = [node for place in self.asking for node in range(*spots[self.names[place]])]
        return {"layers": layers, "places": spots, "outputs": [*asking, 0]}

    def _layer(self, seen, number, spots):
        total = 0.0
        for place in self.asking:
            name = self.names[place]
            others = [spots[other] for other in self.names if other != name]
            total = total + among_all(seen[self.blocks[f"{place}_{number}"].name], [spots[name]], others, spots)
        return total

    def _stand_in(self, masks, spots):
        """The mean of all real tokens, where it stands in, as scores."""
        real = ops.cast(ops.concatenate(masks, axis=1), "float32")
        mean = real / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
        mean = hide(mean, self._mask(masks)[:, -1])
        scores = ops.repeat(mean[:, None, None], self.num_heads, axis=1)
        return among_all(scores, [spots[""]], [spots[name] for name in self.names], spots)

    def compute_mask(self, inputs, mask=None):
        return self._mask(ordered_tokens(inputs, mask, self.names)[1])

    def compute_output_shape(self, input_shape):
        asking = [shape for name, shape in input_shape.items() if name in (self.queries or input_shape)]
        length = None if any(shape[1] is None for shape in asking) else 1 + sum(shape[1] for shape in asking)
        return (asking[0][0], length, asking[0][-1])

    def get_config(self):
        config = {"queries": None if self.queries is None else list(self.queries), "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        shapes = {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
        return cls(queries=("audio", "text"), num_heads=2, dropout=0.5), shapes
