import numpy as np

from mmkeras.losses.ctc_loss import NEVER
from mmkeras.metrics import TooLong

TEXTS = np.array([[2, 2, 4, 0], [2, 3, 4, 0], [2, 4, 0, 0], [4, 0, 0, 0]])


def frames(*real):
    sure = np.array([0.0, NEVER, NEVER, NEVER])
    return np.where(np.arange(3)[None, :, None] < np.array(real)[:, None, None], 0.25, sure).astype("float32")


def test_symbols_and_a_blank_between_equal_ones():
    metric = TooLong()
    for real, wanted in (((3, 2, 1, 0), 0.0), ((2, 2, 1, 0), 0.25), ((2, 1, 0, 0), 0.75)):
        metric.reset_state()
        metric.update_state(TEXTS, frames(*real))
        assert float(metric.result()) == wanted


def test_row_weights():
    metric = TooLong()
    metric.update_state(TEXTS, frames(2, 2, 0, 0), np.array([0.0, 1.0, 1.0, 2.0]))
    assert float(metric.result()) == 0.25


def test_a_sure_blank_is_a_frame():
    sure = np.log(np.array([[[1.0, 1e-30, 1e-30, 1e-30]] * 3], "float32"))
    metric = TooLong()
    metric.update_state(TEXTS[:1], sure)
    assert float(metric.result()) == 0.0
