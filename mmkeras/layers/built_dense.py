"""A dense layer inside another layer, built."""

import keras

from mmkeras.layers.masking import hide


def built_dense(layer, name, width, units, activation=None):
    """A dense layer on `width` features, built, in the precision of the layer that it belongs to."""
    dense = keras.layers.Dense(units, activation=activation, name=name, dtype=layer.dtype_policy)
    dense.build((None, width))
    return dense


def built_scale(layer, name, features):
    """Standardises features `(B, N)` over the rows that are there, so that none is too faint to learn from.

    What a CNN finds is faint at first, and weight decay would have it fade while another input teaches more.
    """
    scale = keras.layers.BatchNormalization(
        center=False, scale=False, momentum=0.9, name=name, dtype=layer.dtype_policy
    )
    scale.build((None, features))
    return scale


def scale_rows(scale, features, present, training):
    """Features `(B, N)` through what `built_scale` gave; zeros in rows that are absent, which do not count."""
    return hide(scale(features, training=training, mask=present), present)
