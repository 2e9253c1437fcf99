"""What layers should give, in a few lines of numpy."""

import math

import keras
import numpy as np

erf = np.vectorize(math.erf)


def weights(layer):
    """A built layer's weights by path, without the layer's own name."""
    return {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in layer.weights}


def shake(layer, seed=0):
    """Moves every trainable weight away from its zeros and ones; gives the layer."""
    random = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(weight + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    return layer


def layer_norm(x, w, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * w[f"{name}/gamma"] + w[f"{name}/beta"]


def dense(x, w, name):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def softmax(x):
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")
