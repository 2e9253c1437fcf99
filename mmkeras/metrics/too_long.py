"""How many texts no recogniser could have said in the frames it has."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.losses.ctc_loss import frames_needed, frames_there, symbols_of


@component
class TooLong(keras.metrics.Mean):
    """The share of texts that need more frames than are real: `CTCLoss` leaves them out.

    Above 0, give the recogniser more frames: a smaller stride, or `CTCDecoder(upsample=2)`.

    Call arguments:
        y_true: int tensor `(B, L)`.
        y_pred: float tensor `(B, T, K)`, see `CTCLoss`.
        sample_weight: float tensor `(B,)` or None.
    Example:
        >>> metric = TooLong()
        >>> metric.update_state(np.array([[2, 1], [2, 2]]), np.zeros((2, 2, 3), "float32"))
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name="too_long", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        needed = frames_needed(symbols_of(y_true, y_pred))
        super().update_state(ops.cast(needed > frames_there(y_pred), "float32"), sample_weight)
