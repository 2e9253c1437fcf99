"""A few learned tokens that ask the rest."""

import keras
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.layers.context_transformer import ContextTransformer
from mmkeras.layers.masking import mask_or_full


@component
class TokenQuery(keras.layers.Layer):
    """Sends learned tokens through a transformer that looks at the inputs: what a decoder of one answer reads.

    Args:
        transformer: `ContextTransformer`, which others may use as well.
        num_tokens: int > 0. N. Defaults to `1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, N, D)`, real in every row; where every input is absent, what the tokens know by themselves.
    Raises:
        ValueError: `num_tokens` < 1.
    Example:
        >>> TokenQuery(ContextTransformer(num_heads=2))(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 1, 8])
    """

    def __init__(self, transformer, num_tokens=1, **kwargs):
        super().__init__(**kwargs)
        if num_tokens < 1:
            raise ValueError(f"TokenQuery: num_tokens must be > 0. Received: num_tokens={num_tokens}. Do: 1.")
        self.transformer = transformer
        self.num_tokens = num_tokens
        self.supports_masking = True

    def build(self, input_shape):
        dim = input_shape[-1]
        self.starts = self.add_weight(
            name="starts", shape=(1, self.num_tokens, dim), initializer=keras.initializers.RandomNormal(0.0, 0.5)
        )
        if not self.transformer.built:
            self.transformer.build((None, None, dim), (None, None, dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        query = ops.repeat(ops.cast(self.starts, inputs.dtype), ops.shape(inputs)[0], axis=0)
        return self.transformer(query, inputs, context_mask=mask, training=training)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_tokens, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "transformer": part_config(self.transformer), "num_tokens": self.num_tokens}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "transformer": keras.saving.deserialize_keras_object(config["transformer"])})

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(ContextTransformer(1, 2, 0.5), num_tokens=2), ((5, 8), "float32", (5,))
