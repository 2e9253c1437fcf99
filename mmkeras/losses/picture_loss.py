"""How far pictures are from those wanted."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.losses.likeness import absolute_error, squared_error, ssim


@component
class PictureLoss(keras.losses.Loss):
    """Absolute error, squared error and 1 − SSIM of pictures, weighed and added; one number a picture.

    Args:
        l1: float ≥ 0. Weight of the mean absolute error. Defaults to `1.0`.
        l2: float ≥ 0. Weight of the mean squared error. Defaults to `0.0`.
        ssim: float ≥ 0. Weight of 1 − SSIM, the structural similarity. Defaults to `0.0`.
    Call arguments:
        y_true: float tensor `(B, H, W, C)` in [0, 1].
        y_pred: float tensor `(B, H, W, C)`.
    Raises:
        ValueError: a weight below 0, or all of them 0.
    Example:
        >>> float(PictureLoss()(np.zeros((2, 4, 4, 3)), np.full((2, 4, 4, 3), 0.25, "float32")))
        0.25
    References:
        [Zhao et al., 2017](https://arxiv.org/abs/1511.08861). Differs: SSIM of one scale.
    """

    def __init__(self, l1=1.0, l2=0.0, ssim=0.0, name="picture_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if min(l1, l2, ssim) < 0 or not l1 + l2 + ssim:
            raise ValueError(
                "PictureLoss: weights must be ≥ 0, and not all 0. "
                f"Received: l1={l1}, l2={l2}, ssim={ssim}. Do: PictureLoss(l1=1.0)."
            )
        self.l1 = l1
        self.l2 = l2
        self.ssim = ssim

    def call(self, y_true, y_pred):
        y_true = ops.cast(y_true, y_pred.dtype)
        loss = 0.0
        if self.l1:
            loss += self.l1 * absolute_error(y_true, y_pred)
        if self.l2:
            loss += self.l2 * squared_error(y_true, y_pred)
        if self.ssim:
            loss += self.ssim * (1.0 - ssim(y_true, y_pred))
        return loss

    def get_config(self):
        return {**super().get_config(), "l1": self.l1, "l2": self.l2, "ssim": self.ssim}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        picture = [[[[0.1, 0.2, 0.3]] * 4] * 5]
        return cls(l1=1.0, l2=1.0, ssim=0.5), picture, [[[[0.5, 0.2, 0.9]] * 4] * 5]
