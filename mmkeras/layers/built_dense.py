"""A dense layer inside another layer, built."""

import keras


def built_dense(layer, name, width, units, activation=None):
    """A dense layer on `width` features, built, in the precision of the layer that it belongs to."""
    dense = keras.layers.Dense(units, activation=activation, name=name, dtype=layer.dtype_policy)
    dense.build((None, width))
    return dense
