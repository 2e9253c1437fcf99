"""Samples → log-mel frames, inside the model."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full

FLOOR = 1e-5
# Log-mel frames of speech lie between about -11 (silence) and 5: these bring them near to zero mean and unit spread.
CENTRE, SPREAD = -5.0, 4.0


@component
class LogMel(keras.layers.Layer):
    """Turns samples into log-mel frames that lie wholly inside the real samples.

    Args:
        sample_rate: int > 0, Hz. Defaults to `16000`.
        mel_bins: int > 0. Bands from 60 Hz to half the sample rate. Defaults to `40`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
    Call arguments:
        inputs: float tensor `(B, S)`; S at least one frame.
        mask: bool tensor `(B, S)` or None; True first, then False.
    Returns:
        float tensor `(B, T, mel_bins)`, T = 1 + (S − frame) // hop, zeros where masked; the mask becomes `(B, T)`.
    Example:
        >>> LogMel(frame=4, hop=2, mel_bins=3)(np.ones((2, 10), "float32")).shape
        TensorShape([2, 4, 3])
    References:
        `keras.layers.MelSpectrogram`. Differs: no padding by reflection, no clipping by the loudest of the batch, so
        that neither padding nor other rows change a frame.
    """

    def __init__(self, sample_rate=16000, mel_bins=40, frame=400, hop=160, **kwargs):
        # Samples keep their 16 bits under a policy of mixed precision; the frames are cast.
        super().__init__(autocast=False, **kwargs)
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.frame = frame
        self.hop = hop
        self.supports_masking = True

    def build(self, input_shape):
        self.fft_length = 2 ** math.ceil(math.log2(self.frame))
        mel = keras.layers.MelSpectrogram(fft_length=self.fft_length, dtype="float32")
        self.bank = mel.linear_to_mel_weight_matrix(
            self.mel_bins, self.fft_length // 2 + 1, self.sample_rate, 60.0, self.sample_rate / 2.0
        )

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        samples = ops.cast(hide(inputs, mask), "float32")
        left = (self.fft_length - self.frame) // 2
        padded = ops.pad(samples, [[0, 0], [left, self.fft_length - self.frame - left]])
        real, imaginary = ops.stft(padded, self.frame, self.hop, self.fft_length, center=False)
        mel = ops.matmul(ops.square(real) + ops.square(imaginary), ops.convert_to_tensor(self.bank, "float32"))
        frames = ops.log(mel + FLOOR)
        return ops.cast(hide(frames, self.compute_mask(inputs, mask)), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        if mask is None:
            return None
        return mask[:, self.frame - 1 :: self.hop]

    def compute_output_shape(self, input_shape):
        samples = input_shape[1]
        frames = None if samples is None else 1 + (samples - self.frame) // self.hop
        return (input_shape[0], frames, self.mel_bins)

    def get_config(self):
        config = {"sample_rate": self.sample_rate, "mel_bins": self.mel_bins, "frame": self.frame, "hop": self.hop}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(frame=8, hop=4, mel_bins=3), ((21,), "float32", (21,))
