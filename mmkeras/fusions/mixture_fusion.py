"""One transformer for all modalities whose experts share the work out among themselves."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.attention_maps import noting, places, plainly, size
from mmkeras.fusions.tokens import joint_mask, modality_norms, ordered_tokens, shared_dim, total_length, with_length
from mmkeras.layers.attention_block import AttentionBlock
from mmkeras.layers.expert_mixture import ExpertMixture
from mmkeras.layers.masking import hide


@component
class MixtureFusion(keras.layers.Layer):
    """Lets the tokens of all modalities attend to each other, then sends each one to a few experts.

    In training it adds the balance loss of its experts to that of the model, over real tokens.

    Args:
        num_experts: int > 0. Defaults to `4`.
        top_k: int in [1, `num_experts`]. Experts a token. Defaults to `2`.
        num_layers: int > 0. Rounds of attention and experts. Defaults to `1`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        balance: float >= 0. Weight of the balance loss of each layer. Defaults to `0.01`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, T, D)`, T = Σ T_m in alphabetical order of names; zeros where absent, mask `(B, T)`. Absent
        tokens are neither attended to nor counted in the balance.
    Raises:
        ValueError: no dict of tokens, modalities that differ in D, or `top_k` out of [1, `num_experts`].
    Example:
        >>> MixtureFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 7, 8])
    References:
        [Mustafa et al., 2022](https://arxiv.org/abs/2206.02770), LIMoE: experts shared by the modalities, which they
        specialise in by themselves. Differs: one balance loss over all tokens in place of its entropy losses for each
        modality; experts without a limit of tokens, see `ExpertMixture`.
    """

    def __init__(self, num_experts=4, top_k=2, num_layers=1, num_heads=4, balance=0.01, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_experts = num_experts
        self.top_k = top_k
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.balance = balance
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        self.names = sorted(input_shape)
        self.norms = modality_norms(self, dim)
        options = {"dtype": self.dtype_policy}
        self.blocks, self.before, self.mixtures = [], [], []
        for number in range(self.num_layers):
            self.blocks.append(AttentionBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options))
            self.before.append(keras.layers.LayerNormalization(epsilon=1e-5, name=f"before_{number}", **options))
            self.mixtures.append(
                ExpertMixture(
                    self.num_experts,
                    self.top_k,
                    dropout=self.dropout,
                    balance=self.balance,
                    name=f"mixture_{number}",
                    **options,
                )
            )
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        for part in (*self.blocks, *self.before, *self.mixtures, self.final):
            part.build((None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, plainly(training), training)

    def _fuse(self, inputs, mask, ask, training=False):
        tokens, masks = ordered_tokens(inputs, mask, self.names)
        joined = ops.concatenate([norm(values) for norm, values in zip(self.norms, tokens, strict=True)], axis=1)
        real = ops.concatenate(masks, axis=1)
        for block, norm, mixture in zip(self.blocks, self.before, self.mixtures, strict=True):
            joined = ask(block, joined, mask=real)
            joined = joined + mixture(norm(joined), mask=real, training=training)
        return hide(self.final(joined), real)

    def attention_scores(self, inputs, mask=None):
        """What each token looks at, layer by layer, see `attention_maps`."""
        seen, spots = {}, places(inputs, self.names)
        self._fuse(inputs, mask, noting(seen))
        layers = [ops.cast(seen[block.name], "float32") for block in self.blocks]
        return {"layers": layers, "places": spots, "outputs": list(range(size(spots)))}

    def compute_mask(self, inputs, mask=None):
        return joint_mask(inputs, mask, self.names)

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, total_length(input_shape))

    def get_config(self):
        config = {"num_experts": self.num_experts, "top_k": self.top_k, "num_layers": self.num_layers}
        config |= {"num_heads": self.num_heads, "balance": self.balance, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        shapes = {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
        return cls(num_experts=3, num_heads=2, dropout=0.5), shapes
