"""A feed-forward of which each token uses a few parts only."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, masked_softmax


@component
class ExpertMixture(keras.layers.Layer):
    """Sends each token to `top_k` of E feed-forwards and adds up what they say, weighted by a router.

    y = Σ over the chosen experts e of p_e · (V_e gelu(W_e x + b_e) + c_e), p = softmax(R x), in float32. In training a
    loss keeps the experts in use alike: `balance` · E · Σ_e f_e · p̄_e, with f_e the share of choices that fell on e
    and p̄_e the mean of p_e, both over real tokens. It is 1 · `balance` where all are used alike.

    Args:
        num_experts: int > 0. E. Defaults to `4`.
        top_k: int in [1, E]. Experts a token. Defaults to `2`.
        hidden_dim: int > 0 or None. Width of each expert. Defaults to `None`: D.
        dropout: float in [0, 1). Share dropped in training, inside the experts. Defaults to `0.0`.
        balance: float >= 0. Weight of that loss. Defaults to `0.01`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T, D)`, zeros where masked.
    Raises:
        ValueError: `top_k` out of [1, E].
    Example:
        >>> ExpertMixture()(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 5, 8])
    References:
        [Fedus et al., 2021](https://arxiv.org/abs/2101.03961), the loss. Differs: no expert has a limit of tokens, so
        a row does not depend on its batch; every expert reads every token and those not chosen have weight 0, which
        saves no time but compiles everywhere; weights are not brought to a sum of 1, so that the router learns with
        one expert a token, too.
    """

    def __init__(self, num_experts=4, top_k=2, hidden_dim=None, dropout=0.0, balance=0.01, **kwargs):
        super().__init__(**kwargs)
        if not 1 <= top_k <= num_experts:
            raise ValueError(
                f'ExpertMixture "{self.name}": top_k must lie in [1, num_experts]. '
                f"Received: top_k={top_k}, num_experts={num_experts}. Do: top_k=1."
            )
        self.num_experts = num_experts
        self.top_k = top_k
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.balance = balance
        self.supports_masking = True

    def build(self, input_shape):
        dim, options = input_shape[-1], {"dtype": self.dtype_policy}
        hidden = self.hidden_dim or dim
        self.router = keras.layers.Dense(self.num_experts, use_bias=False, name="router", dtype="float32")
        self.router.build(input_shape)
        self.expand, self.reduce = [], []
        for number in range(self.num_experts):
            self.expand.append(keras.layers.Dense(hidden, activation="gelu", name=f"expand_{number}", **options))
            self.expand[-1].build(input_shape)
            self.reduce.append(keras.layers.Dense(dim, name=f"reduce_{number}", **options))
            self.reduce[-1].build((*input_shape[:-1], hidden))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        inputs = hide(inputs, mask)
        logits = self.router(inputs)
        chances = masked_softmax(logits, ops.broadcast_to(mask[..., None], ops.shape(logits)))
        chosen = ops.sum(ops.one_hot(ops.top_k(chances, self.top_k)[1], self.num_experts, dtype="float32"), axis=-2)
        if training and self.balance:
            self.add_loss(self.balance * self._imbalance(chances, chosen, mask))
        weights = ops.cast(chances * chosen, self.compute_dtype)
        total = 0.0
        for number, (expand, reduce) in enumerate(zip(self.expand, self.reduce, strict=True)):
            said = reduce(self.drop(expand(inputs), training=training))
            total = total + weights[..., number, None] * said
        return hide(total, mask)

    def _imbalance(self, chances, chosen, mask):
        """1 where all experts are used alike, up to E / `top_k` where always the same are; 0 without tokens."""
        count = ops.maximum(ops.sum(ops.cast(mask, "float32")), 1.0)
        share = ops.sum(hide(chosen, mask), axis=(0, 1)) / (count * self.top_k)
        mean = ops.sum(hide(chances, mask), axis=(0, 1)) / count
        return self.num_experts * ops.sum(ops.stop_gradient(share) * mean)

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"num_experts": self.num_experts, "top_k": self.top_k, "hidden_dim": self.hidden_dim}
        return {**super().get_config(), **config, "dropout": self.dropout, "balance": self.balance}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(num_experts=3, dropout=0.5), ((5, 8), "float32", (5,))
