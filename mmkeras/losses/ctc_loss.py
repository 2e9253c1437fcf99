"""Connectionist temporal classification: texts without saying when each letter was spoken."""

import keras
from keras import ops

from mmkeras.component import component

# The log of "never": what a frame that is padding gives to all but the blank.
NEVER = -1e9


@component
class CTCLoss(keras.losses.Loss):
    """−log p(text), summed over all ways to spread its symbols over the frames, blanks between them.

    Id 0 is padding in a text and the blank in a frame. A frame that is padding says "blank" for sure (log p = 0, all
    else −1e9) and stands behind the real ones, as `CTCDecoder` gives them: then it changes nothing. An id that has no
    class, like the one that closes a text, is no symbol. A text that needs more frames than are real (one a symbol,
    and one between two that are equal) has no way: its row's loss is 0, without a gradient. `metrics.TooLong` counts
    those.

    Call arguments:
        y_true: int tensor `(B, L)`, padding behind the symbols.
        y_pred: float tensor `(B, T, K)`, log-probabilities or logits.
    Example:
        >>> float(CTCLoss()(np.array([[2, 0]]), np.zeros((1, 2, 3), "float32")))
        1.0986...
    References:
        [Graves et al., 2006](https://www.cs.toronto.edu/~graves/icml_2006.pdf). Differs: a text without a way is left
        out.
    """

    def __init__(self, name="ctc", **kwargs):
        super().__init__(name=name, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Without a copy Keras lays the mask of the frames over the losses of the rows, and the shapes clash.
        return super().__call__(y_true, ops.copy(y_pred), sample_weight)

    def call(self, y_true, y_pred):
        symbols = symbols_of(y_true, y_pred)
        fits = frames_needed(symbols) <= frames_there(y_pred)
        chances = ops.log_softmax(ops.cast(y_pred, "float32"))
        return ops.where(fits, _surprise(ops.where(fits[:, None], symbols, 0), chances), 0.0)

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls(), [[2, 3], [1, 0]], [[[0.0, -1.0, 0.5, 1.0]] * 3] * 2


def symbols_of(y_true, y_pred):
    """Ids as int32 `(B, L)`, those without a class in `y_pred` as padding."""
    ids = ops.cast(y_true, "int32")
    return ops.where(ids < y_pred.shape[-1], ids, 0)


def frames_needed(symbols):
    """Fewest frames that can say the symbols: `(B,)`."""
    again = (symbols[:, 1:] == symbols[:, :-1]) & (symbols[:, 1:] > 0)
    return ops.sum(ops.cast(symbols > 0, "int32"), axis=1) + ops.sum(ops.cast(again, "int32"), axis=1)


def frames_there(y_pred):
    """How many frames are not padding: `(B,)`."""
    real = ops.any(y_pred[..., 1:] > NEVER / 2, axis=-1)
    return ops.sum(ops.cast(real, "int32"), axis=1)


def _surprise(symbols, chances):
    """−log p of texts `(B, L)` that fit, with its gradient: `(B,)`.

    The gradient is the chance that a frame is in a state, so nothing is led back through the steps. On TensorFlow
    `keras.ops.ctc_loss` takes 12 times as long (32 texts of 45 symbols in 125 frames, two cores), since it goes from
    every state to every state.
    """
    states, can_skip = _states(symbols)
    said = ops.take_along_axis(chances, ops.broadcast_to(states[:, None], _each(chances, states)), axis=2)
    steps = ops.stop_gradient(ops.transpose(said, (1, 0, 2)))
    place = ops.arange(ops.shape(states)[1])[None]
    last = 2 * ops.sum(ops.cast(symbols > 0, "int32"), axis=1, keepdims=True)
    start = ops.where(place + ops.zeros_like(last) == 0, 0.0, NEVER)
    end = ops.where((place == last) | (place == last - 1), 0.0, NEVER)

    def forward(before, step):
        ways = _log_sum(before, _shift(before, 1), ops.where(can_skip, _shift(before, 2), NEVER))
        return (after := ways + step), after

    def backward(after, step):
        here = after + step
        skipped = _shift(ops.where(can_skip, here, NEVER), -2)
        return _log_sum(here, _shift(here, -1), skipped), after

    to_here = ops.scan(forward, start, steps)[1]
    from_here = ops.scan(backward, end, steps, reverse=True)[1]
    both = to_here + from_here
    chance = ops.logsumexp(both[0], axis=-1)
    share = ops.transpose(ops.exp(both - chance[None, :, None]), (1, 0, 2))
    slope = ops.sum(ops.stop_gradient(share) * said, axis=(1, 2))
    return ops.stop_gradient(slope - chance) - slope


def _each(chances, states):
    return (*ops.shape(chances)[:2], ops.shape(states)[1])


def _states(symbols):
    """Blank, symbol, blank … as `(B, 2 L + 1)`, and which a path may enter from two before."""
    pairs = ops.stack([ops.zeros_like(symbols), symbols], axis=2)
    states = ops.pad(ops.reshape(pairs, (-1, 2 * ops.shape(symbols)[1])), [[0, 0], [0, 1]])
    return states, (states > 0) & (states != ops.pad(states, [[0, 0], [2, 0]])[:, :-2])


def _shift(values, by):
    """Moved to the right, or left, along the last axis; what comes in is impossible."""
    if by > 0:
        return ops.pad(values, [[0, 0], [by, 0]], constant_values=NEVER)[:, :-by]
    return ops.pad(values, [[0, 0], [0, -by]], constant_values=NEVER)[:, -by:]


def _log_sum(*values):
    return ops.logsumexp(ops.stack(values), axis=0)
