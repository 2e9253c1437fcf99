"""Slows down the modality that learns fastest: OGM-GE."""

import keras
from keras import ops

from mmkeras.balance.unimodal_heads import crossentropy, weighted_mean
from mmkeras.balance.unimodal_losses import UnimodalLosses
from mmkeras.component import component


@component
class OGMGE(UnimodalLosses):
    """Gives tokens back unchanged, and scales the gradients that go back through them, a modality at a time.

    s_m = mean probability that modality m alone gives the true class, ρ_m = s_m / mean of the other s,
    k_m = 1 − tanh(α ρ_m) where ρ_m > 1, else 1. Tokens of m get k_m times their gradient, and, where `noise` is on,
    Gaussian noise as large as that gradient. Only in training, in a `LabelledModel`; elsewhere it does nothing.

    Args:
        target: str. The category target whose labels count.
        num_classes: int > 1.
        alpha: float >= 0. How hard the fastest is slowed down. Defaults to `0.5`.
        noise: bool. Generalization enhancement. Defaults to `True`.
        seed: int or None. Of the noise. Defaults to `None`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None.
    Returns:
        dict of the same tokens.
    Raises:
        ValueError: `alpha` < 0.
    Example:
        >>> tokens = {"picture": np.ones((2, 4, 8), "float32"), "title": np.ones((2, 3, 8), "float32")}
        >>> OGMGE("kind", num_classes=3)(tokens)["title"].shape
        TensorShape([2, 3, 8])
    References:
        [Peng et al., 2022](https://arxiv.org/abs/2203.15332). Differs: s comes from linear heads on pooled tokens,
        trained beside the model without touching its encoders, so that any fusion will do; more than two modalities;
        rows that lack a modality don't count for it; the noise goes into the gradient at the tokens, not at the
        weights.
    """

    def __init__(self, target, num_classes, alpha=0.5, noise=True, seed=None, **kwargs):
        super().__init__(target, num_classes, **kwargs)
        if alpha < 0:
            raise ValueError(f"OGMGE: alpha must be >= 0. Received: alpha={alpha}. Do: alpha=0.5.")
        self.alpha = alpha
        self.noise = noise
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def balanced(self, inputs, mask, labels, count, training):
        stopped = {name: ops.stop_gradient(tokens) for name, tokens in inputs.items()}
        logits = self.heads(stopped, mask=mask)
        self.add_loss(sum(self.losses_of(logits, labels, count).values()))
        share = self.shares(logits, labels, count)
        return {name: self._scaled(tokens, ops.stop_gradient(share[name])) for name, tokens in inputs.items()}

    def shares(self, logits, labels, count):
        """Dict name → k, the share of its gradient that each modality keeps.

        Args:
            logits: dict name → `(B, K)`.
            labels: int tensor `(B,)`.
            count: dict name → float tensor `(B,)`, the weight of a row, 0 where it lacks the modality.
        """
        score, seen = {}, {}
        for name, each in logits.items():
            score[name] = weighted_mean(ops.exp(-crossentropy(each, labels)), count[name])
            seen[name] = ops.cast(ops.any(count[name] > 0), "float32")
        shares = {}
        for name in logits:
            others = [other for other in logits if other != name]
            total = sum(score[other] * seen[other] for other in others)
            mean = total / ops.maximum(sum(seen[other] for other in others), 1.0)
            ratio = ops.where(mean > 0, score[name] / ops.maximum(mean, 1e-9), 0.0)
            shares[name] = ops.where(ratio > 1, 1.0 - ops.tanh(self.alpha * ratio), 1.0)
        return shares

    def _scaled(self, tokens, share):
        draw = keras.random.normal(ops.shape(tokens), dtype=tokens.dtype, seed=self.seed_generator)
        size = ops.cast(share < 1, tokens.dtype) if self.noise else ops.cast(0.0, tokens.dtype)
        return scale_gradient(tokens, ops.cast(share, tokens.dtype), draw * size)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "noise": self.noise, "seed": self.seed}


@ops.custom_gradient
def scale_gradient(tokens, share, draw):
    """Tokens as they are; their gradient g becomes share · g + std(g) · draw."""

    def backward(*args, upstream=None):
        gradient = args[0] if upstream is None else upstream
        noisy = share * gradient + ops.std(gradient) * draw
        return noisy, ops.zeros_like(share), ops.zeros_like(draw)

    return tokens * 1.0, backward
