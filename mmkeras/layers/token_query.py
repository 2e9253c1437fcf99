"""A few learned tokens that ask the rest."""

import keras
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.layers.context_transformer import ContextTransformer
from mmkeras.layers.masking import hide_rows, mask_or_full


@component
class TokenQuery(keras.layers.Layer):
    """Sends learned tokens through a transformer that looks at the inputs: what a decoder of one answer reads.

    Args:
        transformer: `ContextTransformer`, which others may use as well.
        num_tokens: int > 0. N. Defaults to `1`.
        drop_condition: float in [0, 1). Chance that a row's inputs are hidden in training, so that what is told of a
            row without any is learned, too. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, N, D)`, real in every row; where every input is absent, what the tokens know by themselves.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> TokenQuery(ContextTransformer(num_heads=2))(np.ones((3, 5, 8), "float32")).shape
        TensorShape([3, 1, 8])
    """

    def __init__(self, transformer, num_tokens=1, drop_condition=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_tokens < 1 or not 0 <= drop_condition < 1:
            raise ValueError(
                "TokenQuery: num_tokens must be > 0, drop_condition in [0, 1). "
                f"Received: num_tokens={num_tokens}, drop_condition={drop_condition}. Do: leave them out."
            )
        self.transformer = transformer
        self.num_tokens = num_tokens
        self.drop_condition = drop_condition
        self.seed_generator = keras.random.SeedGenerator()
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
        if training and self.drop_condition:
            mask = hide_rows(mask, self.drop_condition, self.seed_generator)
        query = ops.repeat(ops.cast(self.starts, inputs.dtype), ops.shape(inputs)[0], axis=0)
        return self.transformer(query, inputs, context_mask=mask, training=training)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_tokens, input_shape[-1])

    def get_config(self):
        config = {"transformer": part_config(self.transformer), "num_tokens": self.num_tokens}
        return {**super().get_config(), **config, "drop_condition": self.drop_condition}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "transformer": keras.saving.deserialize_keras_object(config["transformer"])})

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(ContextTransformer(1, 2, 0.5), num_tokens=2), ((5, 8), "float32", (5,))
