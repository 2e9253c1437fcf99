"""One prediction a token, combined to one class: late fusion."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.decoders.category_decoder import CategoryDecoder
from mmkeras.layers.masking import hide, mask_or_full, masked_mean, masked_softmax

COMBINES = ("mean", "learned", "product", "evidential")


@component
class LateCategoryDecoder(CategoryDecoder):
    """Predicts the class from each token alone and combines the predictions; made for `LateFusion`'s tokens.

    With z_t = W x_t of token t, a bias b that all tokens share, and p_t = softmax(z_t + b):

    - `"mean"`: p = mean of p_t.
    - `"learned"`: p = Σ_t a_t p_t, a = softmax over real tokens of v · x_t: a mixture whose weights are learned.
    - `"product"`: p = softmax(b + Σ_t z_t), the product of the p_t over the prior counted once too often: right where
      tokens are independent given the class.
    - `"evidential"`: evidence e_t = softplus(z_t + b), a Dirichlet of e_t + 1; joined by Dempster's rule, which comes
      to e = K (∏_t (1 + e_t / K) − 1); p = (e + 1) / Σ (e + 1). A token without evidence changes nothing.

    Args:
        num_classes: int > 1.
        combine: one of the above. Defaults to `"product"`.
        dropout: float in [0, 1). Share of the features of a token dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, K)` that sums to 1; where every token is absent, what the bias says: the prior
        (`"evidential"`: all classes alike).
    Raises:
        ValueError: `num_classes` < 2, or an unknown `combine`.
    Example:
        >>> LateCategoryDecoder(num_classes=3)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 3])
    References:
        [Hinton, 2002](https://doi.org/10.1162/089976602760128018), product of experts;
        [Han et al., 2021](https://arxiv.org/abs/2102.02051), trusted multi-view classification. Differs: one loss, the
        cross-entropy of the joint p, where the paper adds each view's own and an annealed divergence.
    """

    preferred = False
    pools = False

    def __init__(self, num_classes, combine="product", dropout=0.1, **kwargs):
        super().__init__(num_classes, dropout=dropout, **kwargs)
        if combine not in COMBINES:
            raise ValueError(f"LateCategoryDecoder: combine must be one of {COMBINES}. Received: combine={combine!r}.")
        self.combine = combine

    def build(self, input_shape):
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(self.num_classes, use_bias=False, name="dense", dtype="float32")
        self.dense.build(input_shape)
        self.bias = self.add_weight(name="bias", shape=(self.num_classes,), initializer="zeros", dtype="float32")
        if self.combine == "learned":
            self.say = keras.layers.Dense(1, use_bias=False, name="say", dtype="float32")
            self.say.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        tokens = self.drop(hide(inputs, mask), training=training)
        logits, bias = self.dense(tokens), ops.cast(self.bias, "float32")
        if self.combine == "product":
            return ops.softmax(bias + ops.sum(hide(logits, mask), axis=1))
        if self.combine == "evidential":
            return _joint_evidence(hide(ops.softplus(logits + bias), mask), self.num_classes)
        chances = ops.softmax(logits + bias)
        if self.combine == "mean":
            joint = masked_mean(chances, mask)
        else:
            joint = ops.sum(chances * masked_softmax(self.say(tokens)[..., 0], mask)[..., None], axis=1)
        return ops.where(ops.any(mask, axis=1)[:, None], joint, ops.softmax(bias)[None])

    def get_config(self):
        config = super().get_config()
        del config["pooling"]
        return {**config, "combine": self.combine}

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(num_classes=3, combine="learned", dropout=0.5), (5, 8), 2


def _joint_evidence(evidence, count):
    """Mean of the Dirichlet that Dempster's rule gives, `(B, T, K)` → `(B, K)`, in logs so that it can't overflow."""
    grown = ops.sum(ops.log1p(evidence / count), axis=1)
    most = ops.max(grown, axis=-1, keepdims=True)
    raised, one = ops.exp(grown - most), ops.exp(-most)
    alpha = raised - one + one / count
    return alpha / ops.sum(alpha, axis=-1, keepdims=True)
