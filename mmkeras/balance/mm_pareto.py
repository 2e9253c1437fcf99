"""Settles what the fused objective and each modality's own one want of an encoder: MMPareto."""

import keras
from keras import ops

from mmkeras.balance.unimodal_heads import UnimodalHeads, crossentropy, labels_and_weights, present_rows, weighted_mean
from mmkeras.component import component


@component
class MMPareto(keras.layers.Layer):
    """Gives tokens back unchanged, adds a loss for each modality alone, and settles conflicts of gradients.

    Where the gradient g of all that follows and the gradient u of the modality's own loss agree (g·u ≥ 0), an encoder
    gets g + u. Where they don't, it gets h = 2 (a g + (1 − a) u) with the a in [0, 1] that makes h shortest, which
    harms neither, made as long as g + u and then `gamma` times longer. Only in training, in a `LabelledModel`;
    elsewhere it does nothing.

    Args:
        target: str. The category target whose labels count.
        num_classes: int > 1.
        gamma: float > 0. Defaults to `1.5`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None.
    Returns:
        dict of the same tokens.
    Raises:
        ValueError: `gamma` <= 0.
    Example:
        >>> tokens = {"picture": np.ones((2, 4, 8), "float32"), "title": np.ones((2, 3, 8), "float32")}
        >>> MMPareto("kind", num_classes=3)(tokens)["title"].shape
        TensorShape([2, 3, 8])
    References:
        [Wei and Hu, 2024](https://arxiv.org/abs/2405.17730). Differs: gradients are compared at the tokens, as
        [Sener and Koltun, 2018](https://arxiv.org/abs/1810.04650) do for speed, not at the encoder's weights; so it
        needs one backward pass and works on every backend.
    """

    def __init__(self, target, num_classes, gamma=1.5, **kwargs):
        super().__init__(**kwargs)
        if gamma <= 0:
            raise ValueError(f"MMPareto: gamma must be > 0. Received: gamma={gamma}. Do: gamma=1.5.")
        self.target = target
        self.gamma = gamma
        self.heads = UnimodalHeads(num_classes, name="heads")
        self.supports_masking = True
        self.told = (None, None)

    def tell(self, labels, weights):
        """Labels of the batch to come, from `LabelledModel`."""
        self.told = (labels, weights)

    def build(self, input_shape):
        self.heads.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        if not training or self.told[0] is None:
            return inputs
        labels, weights = labels_and_weights(*self.told)
        given, own = {}, {}
        for name, tokens in inputs.items():
            given[name], own[name] = _split(self.gamma)(tokens)
        logits = self.heads(own, mask=mask)
        count = {name: rows * weights for name, rows in present_rows(inputs, mask).items()}
        self.add_loss(sum(weighted_mean(crossentropy(logits[name], labels), count[name]) for name in inputs))
        return given

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, mask=None, training=False):
        return {name: keras.KerasTensor(value.shape, self.compute_dtype) for name, value in inputs.items()}

    def get_config(self):
        config = {"target": self.target, "num_classes": self.heads.num_classes, "gamma": self.gamma}
        return {**super().get_config(), **config}


def settle(fused, own, gamma):
    """One gradient out of two, see `MMPareto`, in float32."""
    g, u = ops.cast(fused, "float32"), ops.cast(own, "float32")
    together, apart = g + u, g - u
    share = ops.clip(-ops.sum(u * apart) / ops.maximum(ops.sum(apart**2), 1e-12), 0.0, 1.0)
    short = 2.0 * (share * g + (1.0 - share) * u)
    length = ops.sqrt(ops.sum(together**2) / ops.maximum(ops.sum(short**2), 1e-12))
    settled = ops.where(ops.sum(g * u) < 0, gamma * length * short, together)
    return ops.cast(settled, fused.dtype)


def _split(gamma):
    @ops.custom_gradient
    def split(tokens):
        def backward(*args, upstream=None):
            fused, own = upstream if upstream is not None else args if len(args) == 2 else args[0]
            return settle(fused, own, gamma)

        return (tokens * 1.0, tokens * 1.0), backward

    return split
