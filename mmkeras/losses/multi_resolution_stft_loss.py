"""How far the spectra of samples are from those of real ones."""

import keras
from keras import ops

from mmkeras.component import component

FLOOR = 1e-5


@component
class MultiResolutionSTFTLoss(keras.losses.Loss):
    """Spectra of several resolutions compared: spectral convergence and the mean difference of log magnitudes.

    For each frame length, ‖|Y| − |X|‖ / ‖Y‖ over all of a row, plus the mean of |log|Y| − log|X||, averaged over the
    lengths; hops are a quarter of a frame.

    Args:
        frames: sequence of int, powers of 2. Frame lengths, samples. Defaults to `(128, 256, 512)`.
    Call arguments:
        y_true: float tensor `(B, S)`, samples, zeros after the end.
        y_pred: float tensor `(B, S′)`; what one of both has more is left out.
    Raises:
        ValueError: no frame lengths, or one that is no power of 2.
    Example:
        >>> float(MultiResolutionSTFTLoss()(np.ones((2, 600)), np.ones((2, 600), "float32")))
        0.0
    References:
        [Yamamoto et al., 2020](https://arxiv.org/abs/1910.11480), §2.3.
    """

    def __init__(self, frames=(128, 256, 512), name="multi_resolution_stft_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.frames = tuple(frames)
        if not self.frames or any(frame < 4 or frame & (frame - 1) for frame in self.frames):
            raise ValueError(
                f"MultiResolutionSTFTLoss: frames must be powers of 2, 4 at least. Received: frames={self.frames}. "
                "Do: (128, 256, 512)."
            )

    def call(self, y_true, y_pred):
        length = ops.minimum(ops.shape(y_true)[1], ops.shape(y_pred)[1])
        real, told = (ops.cast(samples, "float32")[:, :length] for samples in (y_true, y_pred))
        # Silence behind both: short sounds fill a frame, and ends are looked at.
        real, told = (ops.pad(samples, [[0, 0], [0, max(self.frames)]]) for samples in (real, told))
        return sum(self._far(real, told, frame) for frame in self.frames) / len(self.frames)

    def _far(self, real, told, frame):
        one, other = (_magnitudes(samples, frame) for samples in (real, told))
        norm = lambda values: ops.sqrt(ops.sum(values**2, axis=(1, 2)) + FLOOR)  # noqa: E731
        apart = ops.mean(ops.abs(ops.log(one) - ops.log(other)), axis=(1, 2))
        return (norm(one - other) - FLOOR**0.5) / norm(one) + apart

    def get_config(self):
        return {**super().get_config(), "frames": list(self.frames)}

    @classmethod
    def example(cls):
        """A tiny instance, labels and predictions, for the conformance sweep."""
        return cls((4, 8)), [[0.0, 0.5, -0.2, 0.0, 0.3, 0.1, 0.0, 0.0, 0.0]] * 2, [[0.1] * 9] * 2


def _magnitudes(samples, frame):
    real, imaginary = ops.stft(samples, frame, frame // 4, frame, center=False)
    return ops.sqrt(real**2 + imaginary**2 + FLOOR**2)
