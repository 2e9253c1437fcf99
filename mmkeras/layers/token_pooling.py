"""Many tokens → one vector."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, masked_mean, masked_softmax

KINDS = ("mean", "attention")


@component
class TokenPooling(keras.layers.Layer):
    """Pools real tokens into one vector.

    Args:
        kind: `"mean"`, or `"attention"`: a mean weighted by a learned score of each token. Defaults to `"mean"`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, D)`; zeros where every token is absent.
    Raises:
        ValueError: an unknown kind.
    Example:
        >>> TokenPooling()(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 8])
    References:
        [Lin et al., 2017](https://arxiv.org/abs/1703.03130), one head. Differs: padding has no weight, and Keras'
        average pooling gives NaN where all is masked.
    """

    def __init__(self, kind="mean", **kwargs):
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"TokenPooling: kind must be one of {KINDS}. Received: kind={kind!r}. Do: kind='mean'.")
        self.kind = kind
        self.supports_masking = True

    def build(self, input_shape):
        if self.kind == "attention":
            self.score = keras.layers.Dense(1, use_bias=False, name="score", dtype=self.dtype_policy)
            self.score.build(input_shape)

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        if self.kind == "mean":
            return masked_mean(inputs, mask)
        tokens = hide(inputs, mask)
        weights = ops.cast(self.attention_scores(tokens, mask), tokens.dtype)
        return ops.sum(tokens * weights[..., None], axis=1)

    def attention_scores(self, inputs, mask=None):
        """How much each token counts: float32 `(B, T)`, 0 where masked, else adding up to 1."""
        mask = mask_or_full(mask, inputs, 2)
        tokens = hide(inputs, mask)
        scores = self.score(tokens)[..., 0] if self.kind == "attention" else ops.zeros_like(tokens[..., 0])
        return masked_softmax(scores, mask)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls("attention"), ((5, 8), "float32", (5,))
