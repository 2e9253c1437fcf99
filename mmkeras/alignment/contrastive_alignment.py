"""A contrastive loss between the embeddings of any number of modalities."""

import itertools
import math

import keras
from keras import ops

from mmkeras.alignment.pair_losses import infonce, sigmoid
from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full

STARTS = {"infonce": 0.07, "sigmoid": 0.1}
COLDEST = 0.01


@component
class ContrastiveAlignment(keras.layers.Layer):
    """Gives its embeddings back unchanged, and adds a loss that draws a row's modalities together.

    The loss of a pair of modalities is InfoNCE (each row finds its partner among the batch, both ways) or the sigmoid
    loss (each pair of rows is judged by itself). A row that lacks a modality takes no part in any pair with it. The sum
    over pairs of modalities is divided by the number of pairs that some row has. It is added in evaluation, too, so
    that `val_loss` tells it. A batch is what one replica sees.

    Args:
        loss: `"infonce"` or `"sigmoid"`. Defaults to `"infonce"`.
        anchor: str or None. The modality that every other one is compared with. Defaults to `None`: all pairs.
        weight: float > 0. Of the loss. Defaults to `1.0`.
        temperature: float >= 0.01 or None. What the learned temperature starts from. Defaults to `None`: 0.07 for
            InfoNCE, 0.1 for sigmoid.
        bias: float. What the learned bias of the sigmoid loss starts from. Defaults to `-10.0`.
    Call arguments:
        inputs: dict name → float tensor `(B, D)`, unit norm, one D for all.
        mask: dict name → bool tensor `(B,)` or None; True = the row has it.
    Returns:
        dict of the same embeddings, float32.
    Raises:
        ValueError: an unknown loss, a temperature below 0.01, fewer than two modalities, different D, or an anchor that
            is none of them.
    Example:
        >>> layer = ContrastiveAlignment()
        >>> same = layer({"picture": np.eye(4, dtype="float32"), "title": np.eye(4, dtype="float32")})
        >>> round(float(layer.losses[0]), 4)
        0.0
    References:
        [Radford et al., 2021](https://arxiv.org/abs/2103.00020), InfoNCE; [Zhai et al., 2023](https://arxiv.org/abs/2303.15343),
        sigmoid; [Girdhar et al., 2023](https://arxiv.org/abs/2305.05665), an anchor. Differs: rows may lack modalities;
        one temperature for all pairs, kept at 0.01 or above.
    """

    def __init__(self, loss="infonce", anchor=None, weight=1.0, temperature=None, bias=-10.0, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if loss not in STARTS:
            raise ValueError(
                f"ContrastiveAlignment: loss must be one of {tuple(STARTS)}. Received: loss={loss!r}. "
                "Do: loss='infonce'."
            )
        if temperature is not None and temperature < COLDEST:
            raise ValueError(
                f"ContrastiveAlignment: temperature must be >= {COLDEST}. Received: temperature={temperature}. "
                f"Do: temperature={STARTS[loss]}."
            )
        self.loss = loss
        self.anchor = anchor
        self.weight = weight
        self.temperature = temperature
        self.bias = bias
        self.supports_masking = True

    def build(self, input_shape):
        dims = {name: shape[-1] for name, shape in input_shape.items()}
        if len(dims) < 2 or len(set(dims.values())) > 1:
            raise ValueError(
                f'ContrastiveAlignment "{self.name}": there must be two modalities or more, of one D. '
                f"Received: D by name={dims}. Do: one UnitEmbedding(dim) each."
            )
        if self.anchor is not None and self.anchor not in dims:
            raise ValueError(
                f'ContrastiveAlignment "{self.name}": the anchor must be a modality. '
                f"Received: anchor={self.anchor!r}. Do: of {sorted(dims)}."
            )
        start = math.log(1.0 / (self.temperature or STARTS[self.loss]))
        constant = keras.initializers.Constant
        self.log_scale = self.add_weight(name="log_scale", shape=(), initializer=constant(start), constraint=_warm)
        self.shift = None
        if self.loss == "sigmoid":
            self.shift = self.add_weight(name="shift", shape=(), initializer=constant(self.bias))

    def call(self, inputs, *, mask=None):
        masks = {name: mask_or_full(mask and mask[name], inputs[name], 1) for name in inputs}
        clean = {name: hide(ops.cast(inputs[name], "float32"), masks[name]) for name in inputs}
        total, seen = 0.0, 0.0
        for first, second in self._pairs(inputs):
            paired = ops.logical_and(masks[first], masks[second])
            total = total + self._cost(clean[first], clean[second], paired)
            seen = seen + ops.cast(ops.any(paired), "float32")
        self.add_loss(self.weight * total / ops.maximum(seen, 1.0))
        return inputs

    def _pairs(self, names):
        if self.anchor is not None:
            return [(self.anchor, name) for name in sorted(names) if name != self.anchor]
        return list(itertools.combinations(sorted(names), 2))

    def _cost(self, first, second, paired):
        scale = ops.exp(ops.convert_to_tensor(self.log_scale))
        if self.loss == "infonce":
            return infonce(first, second, paired, scale)
        return sigmoid(first, second, paired, scale, ops.convert_to_tensor(self.shift))

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, mask=None):
        return {name: keras.KerasTensor(value.shape, self.compute_dtype) for name, value in inputs.items()}

    def get_config(self):
        config = {"loss": self.loss, "anchor": self.anchor, "weight": self.weight, "temperature": self.temperature}
        return {**super().get_config(), **config, "bias": self.bias}


def _warm(log_scale):
    """Keeps the temperature at 0.01 or above, as CLIP does."""
    return ops.minimum(log_scale, math.log(1.0 / COLDEST))
