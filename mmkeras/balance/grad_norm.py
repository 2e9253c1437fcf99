"""Brings the gradients of several targets to one length, faster learners shorter: GradNorm."""

import keras
from keras import ops

from mmkeras.component import component


@component
class GradNorm(keras.layers.Layer):
    """Hands fused tokens to each target's decoder, and learns how much the gradient of each counts before them.

    With L_t the loss of target t of T, g_t its gradient at the fused tokens, w = T · softmax(s), s trained and 0 at
    first, and G_t = w_t ‖g_t‖: the tokens get Σ_t w_t g_t, and s goes down Σ_t |G_t − mean(G) · r_t^α|, where
    r_t = (L_t / L_t(0)) / mean over targets says how far behind t is, and mean(G) and r count as constants. A target
    without a label in a batch is left out of it. It stands between a fusion and its decoders, in a `LabelledModel`;
    elsewhere it only hands out.

    Args:
        targets: sequence of at least two names.
        alpha: float >= 0. How hard targets that lag behind are helped; 0 makes all gradients of one length.
            Defaults to `1.5`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        dict target → the same tokens, and masks.
    Raises:
        ValueError: fewer than two targets, `alpha` < 0.
    Example:
        >>> fused = keras.Input((4, 8))
        >>> given = GradNorm(["kind", "price"])(fused)
        >>> answers = {"kind": CategoryDecoder(3)(given["kind"]), "price": NumberDecoder()(given["price"])}
        >>> LabelledModel(fused, answers).output["kind"].shape
        (None, 3)
    References:
        [Chen et al., 2018](https://arxiv.org/abs/1711.02257), eq. 1 and 2. Differs: gradients are measured at the fused
        tokens, not at the weights of the last shared layer, so that one backward pass is enough; w is a softmax, which
        needs no rescaling and stays above 0, and is trained by the model's own optimizer; decoders, which one loss
        alone reaches, get its gradient as it is; r is of the batch before.
    """

    def __init__(self, targets, alpha=1.5, **kwargs):
        super().__init__(**kwargs)
        if len(targets) < 2:
            raise ValueError(
                f"GradNorm: there must be two targets or more. Received: targets={list(targets)}. "
                "Do: there is nothing to balance."
            )
        if alpha < 0:
            raise ValueError(f"GradNorm: alpha must be >= 0. Received: alpha={alpha}. Do: alpha=1.5.")
        self.targets = sorted(targets)
        self.alpha = alpha
        self.supports_masking = True

    def build(self, input_shape):
        shape, options = (len(self.targets),), {"dtype": "float32", "autocast": False}
        self.scores = self.add_weight(name="scores", shape=shape, initializer="zeros", **options)
        # 0 where the target has not been seen yet.
        self.first = self.add_weight(name="first", shape=shape, initializer="zeros", trainable=False, **options)
        self.left = self.add_weight(name="left", shape=shape, initializer="ones", trainable=False, **options)

    def tell_losses(self, losses):
        """The loss of each target in this batch, from `LabelledModel`: notes what is left of the first ones."""
        now = ops.stack([ops.cast(losses[name], "float32") for name in self.targets])
        first, left = ops.convert_to_tensor(self.first), ops.convert_to_tensor(self.left)
        first = ops.where((first == 0) & (now > 0), now, first)
        self.first.assign(first)
        self.left.assign(ops.where(now > 0, now / ops.maximum(first, 1e-12), left))

    def call(self, inputs, *, mask=None, training=False):
        if not training:
            return dict.fromkeys(self.targets, inputs)
        given = _handed_out(len(self.targets), self.alpha)(
            inputs, self.loss_weights(), ops.stop_gradient(ops.convert_to_tensor(self.left))
        )
        return dict(zip(self.targets, given, strict=True))

    def loss_weights(self):
        """w, `(T,)`, in the order of `targets`."""
        return len(self.targets) * ops.softmax(ops.convert_to_tensor(self.scores))

    def compute_mask(self, inputs, mask=None):
        return dict.fromkeys(self.targets, mask)

    def compute_output_shape(self, input_shape):
        return dict.fromkeys(self.targets, input_shape)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return {name: keras.KerasTensor(inputs.shape, self.compute_dtype) for name in self.targets}

    def get_config(self):
        return {**super().get_config(), "targets": self.targets, "alpha": self.alpha}


def balanced_gradients(slopes, weights, left, alpha):
    """What the tokens and the weights get, see `GradNorm`.

    Args:
        slopes: list of T tensors, the gradients of the targets' losses at the same tokens.
        weights: float tensor `(T,)`.
        left: float tensor `(T,)`. What is left of each target's first loss.
        alpha: float.
    Returns:
        tuple of a float32 tensor like a slope, and a float32 tensor `(T,)`.
    """
    slopes = [ops.cast(slope, "float32") for slope in slopes]
    lengths = ops.stack([ops.sqrt(ops.sum(slope**2)) for slope in slopes])
    seen = ops.cast(lengths > 0, "float32")
    count = ops.maximum(ops.sum(seen), 1.0)
    behind = left / ops.maximum(ops.sum(left * seen) / count, 1e-12)
    wanted = ops.sum(weights * lengths) / count * ops.power(behind, alpha)
    pull = ops.sign(weights * lengths - wanted) * lengths
    return sum(weights[place] * slope for place, slope in enumerate(slopes)), pull


def _handed_out(count, alpha):
    """Copies of tokens, one a target; on the way back their gradients are weighed, and the weights get theirs."""

    @ops.custom_gradient
    def handed_out(tokens, weights, left):
        def backward(*args, upstream=None):
            slopes = args if upstream is None else upstream
            slopes = slopes[0] if len(slopes) == 1 else slopes
            total, pull = balanced_gradients(slopes, weights, left, alpha)
            return ops.cast(total, tokens.dtype), pull, ops.zeros_like(left)

        return tuple(tokens * 1.0 for _ in range(count)), backward

    return handed_out
