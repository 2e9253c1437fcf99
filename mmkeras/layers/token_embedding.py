"""Vectors of ids, whose gradient TensorFlow and JAX see alike."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide


@component
class TokenEmbedding(keras.layers.Layer):
    """Looks up a vector for each id, with a gradient that is whole before the optimizer sees it.

    TensorFlow gives the gradient of a plain lookup, `keras.layers.Embedding`'s too, in pieces, one for each time that
    an id occurs in the batch, and Keras' Adam squares the pieces one by one: of an id that occurs n times, it steps up
    to √n times as far as it does on JAX. A product before the lookup has TensorFlow add the pieces up.

    Args:
        input_dim: int > 0. How many ids there are; they run from 0 to one less.
        output_dim: int > 0. D, the width of their vectors.
        embeddings_initializer: a `keras.initializers.Initializer`, its name or None, normal of a deviation of 0.25:
            Keras' 0.03 is little beside positions, and takes long to grow. Defaults to `None`.
    Call arguments:
        inputs: int tensor `(B, …)`.
        mask: bool tensor of that shape or None.
    Returns:
        float tensor of that shape and `(D,)`, zeros where masked; the mask stays.
    Raises:
        ValueError: a size below 1.
    Example:
        >>> TokenEmbedding(5, 8)(np.array([[1, 2, 2]])).shape
        TensorShape([1, 3, 8])
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer=None, **kwargs):
        super().__init__(**kwargs)
        if input_dim < 1 or output_dim < 1:
            raise ValueError(
                f"TokenEmbedding: sizes must be > 0. Received: input_dim={input_dim}, output_dim={output_dim}."
            )
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer or keras.initializers.RandomNormal(stddev=0.25)
        )
        self.supports_masking = True

    def build(self, input_shape=None):
        shape = (self.input_dim, self.output_dim)
        self.embeddings = self.add_weight(name="embeddings", shape=shape, initializer=self.embeddings_initializer)

    def call(self, inputs, *, mask=None):
        ids = ops.cast(inputs, "int32")
        if mask is not None:
            mask = ops.cast(mask, "bool")
            ids = hide(ids, mask)
        vectors = ops.cast(ops.take(self.embeddings * 1.0, ids, axis=0), self.compute_dtype)
        return vectors if mask is None else hide(vectors, mask)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def get_config(self):
        initializer = keras.initializers.serialize(self.embeddings_initializer)
        config = {"input_dim": self.input_dim, "output_dim": self.output_dim, "embeddings_initializer": initializer}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(11, 8), ((5,), "int32", (5,))
