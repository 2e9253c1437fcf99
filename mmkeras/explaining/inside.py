"""A model from `build`, cut at its fusion: tokens, what they look at, and the way from tokens to answers."""

import keras
import numpy as np
from keras import ops

from data_pipelines.naming import MASK
from mmkeras.inference.graph_part import GraphPart


class Inside:
    """The parts of a model.

    Args:
        model: `keras.Model` from `build`.
        names: its inputs.
        target: the target whose way is followed.
    Attributes:
        decoder: the target's layer.
        fusion: the layer before it, or before what asks for the answer, that takes a dict of all inputs' tokens.
        encoders: dict name → the layer whose tokens it takes.
    Raises:
        ValueError: that layer takes something else.
    """

    def __init__(self, model, names, target):
        self.model, self.target = model, target
        self.decoder = model.get_layer(target)
        tokens, between = _taken(self.decoder), []
        while tokens is not None and not isinstance(tokens, (dict, list)):
            between.append((tokens._keras_history.operation, tokens._keras_history.tensor_index))
            tokens = _taken(between[-1][0])
        if not between or not isinstance(tokens, dict) or set(tokens) != set(names):
            raise ValueError(
                "explain: the decoder must take what one layer makes of a dict of the tokens of all inputs. "
                f"Received: {model.name!r}, inputs {list(names)}. Do: a model from mmkeras.build(pipe.spec), "
                "or examples=0, which looks at no details."
            )
        self.encoders = {name: tokens[name]._keras_history.operation for name in names}
        self.fusion = between.pop()[0]
        self._between = between[::-1]
        self._fronts = {name: _front(model, name, tokens[name]) for name in names}

    def tokens(self, x):
        """Dicts of tokens `(B, T, D)` and of masks `(B, T)`."""
        found = {name: self.tokens_of(name, x) for name in self.encoders}
        return {name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()}

    def tokens_of(self, name, x):
        """Tokens and mask of one input."""
        tokens, *mask = self._fronts[name](x, training=False)[name]
        return tokens, mask[0] if mask else ops.ones_like(tokens[..., 0], dtype="bool")

    def predict(self, tokens, masks):
        """The prediction of the target from tokens."""
        fused = self.fusion(tokens, mask=masks, training=False)
        mask = self.fusion.compute_mask(tokens, masks)
        for layer, place in self._between:
            both = layer(fused, mask=mask, training=False), layer.compute_mask(fused, mask)
            fused, mask = (keras.tree.flatten(part)[place] for part in both)
        return self.decoder(fused, mask=mask, training=False)

    def attention(self, x):
        """What the answer and the tokens look at, by attention rollout through the fusion.

        Returns:
            None where the fusion does not attend, or where the answer is not taken straight from its tokens; else a
            dict of `answer` (name → float `(B, T)`: how much of the answer's pooled vector goes back to each token; all
            of a row add up to 1 at most, learned tokens have the rest) and `tokens` ((asking, asked) → float
            `(B, T, T′)`).
        """
        if self._between or not hasattr(self.fusion, "attention_scores"):
            return None
        tokens, masks = self.tokens(x)
        scores = self.fusion.attention_scores(tokens, masks)
        flow = rollout([ops.convert_to_numpy(weights) for weights in scores["layers"]], scores["places"])
        pooled = self._pooled(tokens, masks)
        flow = np.broadcast_to(flow, (len(pooled), *flow.shape[1:]))
        whole = np.einsum("bt,btn->bn", pooled, flow[:, scores["outputs"]])
        spots = {name: slice(*spot) for name, spot in scores["places"].items() if name}
        return {
            "answer": {name: whole[:, spot] for name, spot in spots.items()},
            "tokens": {(a, b): flow[:, spots[a], spots[b]] for a in spots for b in spots if a != b},
        }

    def _pooled(self, tokens, masks):
        """How much each token that the fusion gives counts for the answer: float array `(B, T)`."""
        fused, mask = self.fusion(tokens, mask=masks), self.fusion.compute_mask(tokens, masks)
        pool = getattr(self.decoder, "pool", None)
        if hasattr(pool, "attention_scores"):
            return ops.convert_to_numpy(pool.attention_scores(fused, mask))
        real = ops.convert_to_numpy(mask).astype("float32")
        return real / np.maximum(real.sum(1, keepdims=True), 1.0)


def rollout(layers, places=None):
    """Attention through all layers, each half of what a node hears and half of itself.

    Args:
        layers: list of float arrays `(B, H, N, N)`, rows adding up to 1, or 0 where a node asks nothing.
        places: dict name → (first, last), for a fusion without layers. Defaults to `None`.
    Returns:
        float array `(B, N, N)`: how much of the last layer's node i (row) goes back to node j.
    References:
        [Abnar and Zuidema, 2020](https://arxiv.org/abs/2005.00928). Differs: a node that asks nothing in a layer stays
        itself.
    """
    if not layers:
        return np.eye(max(last for _, last in places.values()))[None]
    same = np.eye(layers[0].shape[-1])
    flow = same[None]
    for weights in layers:
        mean = weights.mean(1).astype("float64")
        asks = mean.sum(-1, keepdims=True)
        flow = ((1 - asks / 2) * same + mean / 2) @ flow
    return flow


def _front(model, name, tokens):
    """What gives the tokens of an input: of it alone, if nothing that mixes inputs stands before the fusion."""
    own = {key: tensor for key, tensor in model.input.items() if key in (name, name + MASK)}
    try:
        return GraphPart(own, {name: tokens})
    except ValueError:
        return GraphPart(model.input, {name: tokens})


def _taken(layer):
    """What a layer of a functional model was called on: a symbolic tensor, or a dict of them."""
    args = layer._inbound_nodes[0].arguments.args
    return args[0] if args else None
