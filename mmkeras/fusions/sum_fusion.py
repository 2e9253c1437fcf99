"""One vector a modality, added up: every modality has its own vote, and all together may have one more."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import anything, ordered_tokens, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_mean, masked_softmax

WEIGHTS = ("equal", "learned")


@component
class SumFusion(keras.layers.Layer):
    """Pools each modality to its mean, projects it and adds the results.

    h = Σ_m W_m mean(x_m) over the modalities present. With a linear decoder behind it, each modality adds its own
    logits: a product of experts. Alone it cannot learn what only two modalities together tell, and needs the fewest
    rows; `joint_dim` adds one more vote, W relu(V [LN(mean(x_1)); …; present]), which can.

    Args:
        joint_dim: int >= 0. Width of a hidden layer that sees all modalities side by side and adds its vote; of use
            with two modalities or more. Defaults to `0`: none.
        dropout: float in [0, 1). Share of each mean's features dropped in training. Defaults to `0.2`.
        weights: `"equal"`, or `"learned"`: h = Σ_m a_m W_m mean(x_m), with a = softmax over the modalities present of a
            learned number each, so that it is a weighted mean whatever is absent. Defaults to `"equal"`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, 1, D)`; zeros where every modality is absent, mask `(B, 1)`.
    Raises:
        ValueError: no dict of tokens, modalities that differ in D, or unknown weights.
    Example:
        >>> SumFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 1, 8])
    References:
        [Hinton, 2002](https://doi.org/10.1162/089976602760128018), product of experts. Differs: trained jointly, with
        `ModalityDropout` making each expert stand alone. The joint vote: [Madaan et al.,
        2024](https://arxiv.org/abs/2405.17613), who add the log-probabilities of models of one input and of all.
        Differs: one training, and a vector in place of logits.
    """

    summary = True  # it takes a mean of each modality: encoders that give one token suit it

    def __init__(self, dropout=0.2, weights="equal", joint_dim=0, **kwargs):
        super().__init__(**kwargs)
        if weights not in WEIGHTS:
            raise ValueError(f"SumFusion: weights must be one of {WEIGHTS}. Received: weights={weights!r}.")
        self.dropout = dropout
        self.weighting = weights
        self.joint_dim = joint_dim
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        options = {"dtype": self.dtype_policy}
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.votes = [keras.layers.Dense(dim, name=f"vote_{place}", **options) for place in range(len(self.names))]
        for vote in self.votes:
            vote.build((None, dim))
        if self.joint_dim:
            self._build_joint(dim, options)
        if self.weighting == "learned":
            self.weigh = self.add_weight(name="weigh", shape=(len(self.names),), initializer="zeros")

    def _build_joint(self, dim, options):
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            for place in range(len(self.names))
        ]
        for norm in self.norms:
            norm.build((None, dim))
        self.meet = keras.layers.Dense(self.joint_dim, activation="relu", name="meet", **options)
        self.meet.build((None, len(self.names) * (dim + 1)))
        self.agree = keras.layers.Dense(dim, use_bias=False, name="agree", **options)
        self.agree.build((None, self.joint_dim))

    def call(self, inputs, *, mask=None, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        present = ops.stack([ops.any(real, axis=1) for real in masks], axis=1)
        votes, means = [], []
        for place, (values, real) in enumerate(zip(tokens, masks, strict=True)):
            means.append(masked_mean(values, real))
            pooled = self.drop(means[-1], training=training)
            votes.append(hide(self.votes[place](pooled), present[:, place]))
        votes = ops.stack(votes, axis=1)
        if self.weighting == "learned":
            shares = masked_softmax(ops.zeros_like(votes[..., 0]) + ops.cast(self.weigh, votes.dtype), present)
            votes = votes * ops.cast(shares, votes.dtype)[..., None]
        total = ops.sum(votes, axis=1, keepdims=True)
        return total + self._joint_vote(means, present, training) if self.joint_dim else total

    def _joint_vote(self, means, present, training):
        """What all modalities say together, `(B, 1, D)`; nothing where all are absent."""
        seen = [
            hide(norm(mean), present[:, place])
            for place, (norm, mean) in enumerate(zip(self.norms, means, strict=True))
        ]
        seen = ops.concatenate([*seen, ops.cast(present, seen[0].dtype)], axis=1)
        hidden = self.meet(self.drop(seen, training=training))
        vote = self.agree(self.drop(hidden, training=training))
        return hide(vote, ops.any(present, axis=1))[:, None]

    def compute_mask(self, inputs, mask=None):
        return anything(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, 1)

    def get_config(self):
        return {**super().get_config(), "dropout": self.dropout, "weights": self.weighting, "joint_dim": self.joint_dim}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(dropout=0.5, weights="learned", joint_dim=8), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
