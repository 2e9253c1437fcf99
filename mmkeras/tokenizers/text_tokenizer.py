"""A text's ids, all of one length, and back."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.generation.text_output import PADDING, UNKNOWN, TextOutput
from mmkeras.layers.masking import hide


@component
class TextTokenizer(keras.layers.Layer):
    """Pads ids to one length, so that how long a text is belongs to what is told; there is nothing to learn.

    Args:
        vocabulary_size: int > 3. Ids in all, K: padding 0, unknown 1, tokens, the end.
        max_tokens: int > 0. Tokens of the longest text, without the end; L is one more. Defaults to `128`.
    Call arguments:
        inputs: int tensor `(B, T)`, a text's ids with its end.
        mask: bool tensor `(B, T)` or None: what is not 0.
    Returns:
        int32 tensor `(B, L)`: the ids without the end; it and what follows are 0.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> TextTokenizer(vocabulary_size=9, max_tokens=3)(np.array([[4, 8]])).numpy()
        array([[4, 0, 0, 0]], dtype=int32)
    """

    modality = "Text"
    temperature = 0.0
    never = UNKNOWN

    def __init__(self, vocabulary_size, max_tokens=128, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 4 or max_tokens < 1:
            raise ValueError(
                "TextTokenizer: vocabulary_size must be > 3, max_tokens > 0. "
                f"Received: vocabulary_size={vocabulary_size}, max_tokens={max_tokens}."
            )
        self.vocabulary_size = vocabulary_size
        self.max_tokens = max_tokens
        self.supports_masking = True
        self.built = True

    @property
    def num_tokens(self):
        """Tokens a text, the end included."""
        return self.max_tokens + 1

    def call(self, inputs, *, mask=None):
        return self.decode(self.encode(inputs, mask)[0])

    def encode(self, label, mask=None):
        """A text's ids, padded.

        Args:
            label: int tensor `(B, T)`.
            mask: bool tensor `(B, T)` or None.
        Returns:
            tuple: ids int32 `(B, L)`, and bool `(B, L)`: which of them count; padding of a text does, since it tells
            the length, unknown tokens do not.
        """
        label = ops.cast(label, "int32")
        real = label != PADDING if mask is None else ops.cast(mask, "bool")
        ids = ops.pad(hide(label, real), [[0, 0], [0, self.num_tokens]])[:, : self.num_tokens]
        ids = ops.where((ids >= 0) & (ids < self.vocabulary_size), ids, UNKNOWN)
        return ids, ops.any(real, axis=1)[:, None] & (ids != UNKNOWN)

    def decode(self, ids, seed=0):
        """Ids `(B, L)` → the same, with 0 from the end on."""
        ids = ops.cast(ids, "int32")
        over = (ids == self.vocabulary_size - 1) | (ids == PADDING)
        return ops.where(ops.cumsum(ops.cast(over, "int32"), axis=1) == 0, ids, PADDING)

    def decoded_spec(self, rows):
        """What `decode` gives, as a symbolic tensor."""
        return keras.KerasTensor((rows, self.num_tokens), "int32")

    @staticmethod
    def score(labels, weights, predictions):
        """How like texts `(N,)` those generated `(N,)` are, see `mmkeras.metrics.text_scores`."""
        return TextOutput.score(labels, weights, predictions)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_tokens)

    def compute_output_spec(self, inputs, mask=None):
        return self.decoded_spec(inputs.shape[0])

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "max_tokens": self.max_tokens}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, **options):
        """The tokenizer that suits what the pipeline says of the target."""
        return cls(spec["vocabulary_size"], spec["max_tokens"], **options)

    @classmethod
    def example(cls):
        """A tiny instance and a label of its target, for the tests that all tokenizers share."""
        return cls(9, max_tokens=4), np.array([2, 7, 8], "int32"), (3,)
