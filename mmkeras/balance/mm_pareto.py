"""Settles what the fused objective and each modality's own one want of an encoder: MMPareto."""

from keras import ops

from mmkeras.balance.unimodal_losses import UnimodalLosses
from mmkeras.component import component


@component
class MMPareto(UnimodalLosses):
    """Gives tokens back unchanged, adds a loss for each modality alone, and settles conflicts of gradients.

    Where the gradient g of all that follows and the gradient u of the modality's own loss agree (g·u ≥ 0), an encoder
    gets g + u. Where they don't, it gets h = 2 (a g + (1 − a) u) with the a in [0, 1] that makes h shortest, which
    harms neither, made as long as g + u. Either is then made `gamma` times longer, for more noise. Only in training, in
    a `LabelledModel`; elsewhere it does nothing.

    Args:
        target: str. The category target whose labels count.
        num_classes: int > 1.
        gamma: float > 0. Defaults to `1.5`, as in the authors' code.
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
        [Wei and Hu, 2024](https://arxiv.org/abs/2405.17730), rescaled as in
        [their code](https://github.com/GeWu-Lab/MMPareto_ICML2024). Differs: gradients are compared and rescaled at the
        tokens, as [Sener and Koltun, 2018](https://arxiv.org/abs/1810.04650) do for speed, and not at the encoder's
        weights, one by one; so it needs one backward pass and works on every backend. h is never longer than g + u
        there, so that it needs no case for that.
    """

    def __init__(self, target, num_classes, gamma=1.5, **kwargs):
        super().__init__(target, num_classes, **kwargs)
        if gamma <= 0:
            raise ValueError(f"MMPareto: gamma must be > 0. Received: gamma={gamma}. Do: gamma=1.5.")
        self.gamma = gamma

    def balanced(self, inputs, mask, labels, count, training):
        given, own = {}, {}
        for name, tokens in inputs.items():
            given[name], own[name] = _split(self.gamma)(tokens)
        super().balanced(own, mask, labels, count, training)
        return given

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


def settle(fused, own, gamma):
    """One gradient out of two, see `MMPareto`, in float32."""
    g, u = ops.cast(fused, "float32"), ops.cast(own, "float32")
    together, apart = g + u, g - u
    share = ops.clip(-ops.sum(u * apart) / ops.maximum(ops.sum(apart**2), 1e-12), 0.0, 1.0)
    short = 2.0 * (share * g + (1.0 - share) * u)
    length = ops.sqrt(ops.sum(together**2) / ops.maximum(ops.sum(short**2), 1e-12))
    settled = ops.where(ops.sum(g * u) < 0, length * short, together)
    return ops.cast(gamma * settled, fused.dtype)


def _split(gamma):
    @ops.custom_gradient
    def split(tokens):
        def backward(*args, upstream=None):
            fused, own = upstream if upstream is not None else args if len(args) == 2 else args[0]
            return settle(fused, own, gamma)

        return (tokens * 1.0, tokens * 1.0), backward

    return split
