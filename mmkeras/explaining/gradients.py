"""What decides within an input: integrated gradients of pixels, words, frames, numbers and steps."""

import keras
import numpy as np
from keras import ops

from data_pipelines.naming import MASK

# How much goes through the model at once.
MOST_ROWS, NUMBERS = 1024, 2**20
SILENCE = float(np.log(1e-5))


def integrated_gradients(inside, modality, name, x, score, steps=32):
    """Takes a score apart into what each value of one input adds, going from a baseline to what is there.

    (v − v₀) · ∫ ∂score(v₀ + α (v − v₀)) / ∂v dα over α from 0 to 1, by Gauss-Legendre points, closer near
    the baseline. The other inputs stay as
    they are. The baseline is a picture's or clip's own mean colour, silence, the middle of a number's training values,
    the mean of a series; for words and labels, the zero vector in place of their embedding.

    Args:
        inside: `Inside` of the model.
        modality: of the input.
        name: str. The input.
        x: dict of arrays, a batch.
        score: callable (predictions `(B·k, K)`, k) → tensor `(B·k,)`: the batch k times, one after the other.
        steps: int > 0. Points on the way. Defaults to `32`.
    Returns:
        tuple of a float array of the input's shape (one number a token for words and labels), exactly 0 under the
        mask, and a float array `(B,)` of gaps: what score(v) − score(v₀) has and their sum lacks. Gaps are large where
        a model jumps, as counts of colours do.
    Raises:
        NotImplementedError: a backend that is neither TensorFlow nor JAX.
    References:
        [Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365).
    """
    embedded = hasattr(inside.encoders[name], "embedding")
    read, start, end = _from_vectors(inside, name, x) if embedded else _from_values(inside, modality, name, x)
    tokens, masks = inside.tokens(x)

    def scored(values, count):
        seen, real = ({key: _repeated(part, count) for key, part in parts.items()} for parts in (tokens, masks))
        seen[name], real[name] = read(values, count)
        return score(inside.predict(seen, real), count)

    points, weights = np.polynomial.legendre.leggauss(steps)
    points, weights = (points + 1) / 2, weights / 2
    # α = t²: near a baseline of zeros, a layer norm turns within a hundredth of the way.
    points, weights = points**2, 2 * points * weights
    rows, total = len(end), 0.0
    together = max(1, min(MOST_ROWS, NUMBERS // end[0].size) // rows)
    for first in range(0, steps, together):
        near, share = points[first : first + together], weights[first : first + together]
        path = np.concatenate([start + point * (end - start) for point in near]).astype("float32")
        slopes = gradient(lambda values: scored(values, len(near)), path)
        total = total + np.tensordot(share, slopes.reshape(len(near), *end.shape), 1)
    found = (end - start) * total
    both = ops.convert_to_numpy(scored(np.concatenate([end, start]).astype("float32"), 2))
    gaps = both[:rows] - both[rows:] - found.reshape(rows, -1).sum(1)
    return (found.sum(-1) if embedded else found), gaps


def gradient(function, values):
    """The gradient of the sum of a function's values at an array, as an array."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        values = tf.convert_to_tensor(values)
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = ops.sum(function(values))
        return tape.gradient(total, values, unconnected_gradients="zero").numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda given: ops.sum(function(given)))(ops.convert_to_tensor(values)))
    raise NotImplementedError(
        f"explain: gradients must come from TensorFlow or JAX. Received: the {backend} backend. "
        "Do: KERAS_BACKEND=tensorflow, or explain(gradients=False)."
    )


def _from_values(inside, modality, name, x):
    """Tokens and mask as a function of the input's values; the values of the baseline and of the rows."""
    values, mask = np.asarray(x[name], "float64"), np.asarray(x[name + MASK])
    mask = mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
    start = np.where(mask, _baseline(modality, values, mask), values)

    def read(given, count):
        batch = {key: _repeated(value, count) for key, value in x.items()}
        return inside.tokens_of(name, {**batch, name: ops.convert_to_tensor(given)})

    return read, start, values


def _baseline(modality, values, mask):
    """What the way starts from: float array that broadcasts to the values."""
    kind = type(modality).__name__
    if kind in ("Image", "Video"):
        axes = tuple(range(1, values.ndim - 1))
        count = np.maximum(np.broadcast_to(mask, values.shape).sum(axes, keepdims=True), 1)
        return (values * mask).sum(axes, keepdims=True) / count
    if kind == "Audio" and modality.features == "log_mel":
        return SILENCE
    if kind in ("TimeSeries", "Graph"):
        kept = values.copy()
        kept[..., : _moved(modality, values)] = 0.0
        return kept
    return 0.0


def _moved(modality, values):
    """How many of a step's or node's values change on the way: not the flags of gaps, nor the edges."""
    if type(modality).__name__ == "TimeSeries":
        return modality.channels
    return values.shape[2] - values.shape[1] * modality.spec()["num_edge_channels"]


def _from_vectors(inside, name, x):
    """Tokens and mask as a function of the embedded ids; zero vectors, and those of the rows."""
    encoder, ids, mask = inside.encoders[name], ops.convert_to_tensor(x[name]), ops.convert_to_tensor(x[name + MASK])
    vectors = ops.convert_to_numpy(encoder.embedding(ids)).astype("float64")
    vectors = np.where(np.asarray(x[name + MASK])[..., None], vectors, 0.0)
    own = encoder.compute_mask(ids, mask)

    def read(given, count):
        tokens = encoder.read(ops.convert_to_tensor(given), _repeated(ids, count), _repeated(mask, count))
        return tokens, _repeated(own, count)

    return read, np.zeros_like(vectors), vectors


def _repeated(part, count):
    return ops.concatenate([ops.convert_to_tensor(part)] * count)
