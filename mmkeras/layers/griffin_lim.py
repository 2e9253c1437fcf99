"""Log-mel frames → samples, inside the model."""

import math

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.layers.log_mel import FLOOR
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.overlap import cut_frames, hann_window, overlap_add, samples_mask, samples_shape

LOUDEST = 30.0  # of log-mel frames: far beyond what samples in [-1, 1] can have
PERIOD = 257  # frames after which the phases to start from come again
TINY = 1e-8


@component
class GriffinLim(keras.layers.Layer):
    """Turns log-mel frames, as `LogMel` and `Audio` give them, back into samples.

    The bank of mel bands is undone by Richardson and Lucy's updates, which keep powers positive and fit each band in
    its own proportion; phases are found by Griffin and Lim's, with momentum. Where they start depends on the frame's
    number and the seed alone, so that neither padding nor other rows change a sample.

    Args:
        sample_rate: int > 0, Hz. Defaults to `16000`.
        mel_bins: int > 0. Bands from 60 Hz to half the sample rate. Defaults to `40`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
        iterations: int ≥ 0. Rounds of finding phases. Defaults to `60`.
        momentum: float in [0, 1]. Defaults to `0.99`.
    Call arguments:
        inputs: float tensor `(B, T, mel_bins)`.
        mask: bool tensor `(B, T)` or None; True first, then False.
        seed: int or int tensor, of the phases to start from. Defaults to `0`.
        iterations: int ≥ 0 or None: the layer's.
    Returns:
        float tensor `(B, S)`, S = (T − 1) · hop + frame, zeros after the last real frame; the mask becomes `(B, S)`.
    Raises:
        ValueError: a size that is not positive.
    Example:
        >>> GriffinLim(frame=4, hop=2, mel_bins=3)(np.zeros((2, 4, 3), "float32")).shape
        TensorShape([2, 10])
    References:
        [Perraudin et al., 2013](https://doi.org/10.1109/WASPAA.2013.6701851), fast Griffin–Lim;
        [Richardson, 1972](https://doi.org/10.1364/JOSA.62.000055). Differs: phases start from a table, not from a
        draw; frames lie wholly inside the samples, where `keras.ops.istft` is only right if they are padded.
    """

    def __init__(self, sample_rate=16000, mel_bins=40, frame=400, hop=160, iterations=60, momentum=0.99, **kwargs):
        # Powers span ten decades: they keep their 32 bits under a policy of mixed precision.
        super().__init__(autocast=False, **kwargs)
        sizes = {"sample_rate": sample_rate, "mel_bins": mel_bins, "frame": frame, "hop": hop}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"GriffinLim: {name} must be > 0. Received: {name}={size}. Do: as in LogMel.")
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.frame = frame
        self.hop = hop
        self.iterations = iterations
        self.momentum = momentum
        self.supports_masking = True

    def build(self, input_shape):
        self.fft_length = 2 ** math.ceil(math.log2(self.frame))
        mel = keras.layers.MelSpectrogram(fft_length=self.fft_length, dtype="float32")
        bank = mel.linear_to_mel_weight_matrix(
            self.mel_bins, self.fft_length // 2 + 1, self.sample_rate, 60.0, self.sample_rate / 2.0
        )
        self.bank = np.asarray(ops.convert_to_numpy(bank), "float32")
        self.window = hann_window(self.frame)

    def call(self, inputs, *, mask=None, seed=0, iterations=None):
        iterations = self.iterations if iterations is None else iterations
        mask = mask_or_full(mask, inputs, 2)
        frames = ops.cast(hide(inputs, mask), "float32")
        wanted = hide(self._magnitudes(frames), mask)
        real, imaginary = (wanted * part for part in self._start(ops.shape(inputs)[1], seed))
        weight = ops.maximum(overlap_add(hide(ops.zeros_like(wanted[..., :1]) + self.window**2, mask), self.hop), TINY)

        def turn(real, imaginary):
            """The spectrum of the samples nearest to a spectrum."""
            frames = cut_frames(self._samples(real, imaginary, weight), self.frame, self.hop)
            return ops.rfft(frames * self.window, self.fft_length)

        def step(_, state):
            told = turn(*state[:2])
            ahead = [now + self.momentum * (now - last) for now, last in zip(told, state[2:], strict=True)]
            scale = wanted / ops.maximum(ops.sqrt(ahead[0] ** 2 + ahead[1] ** 2), TINY)
            moved = (ahead[0] * scale, ahead[1] * scale, *told)
            return tuple(ops.reshape(part, ops.shape(last)) for part, last in zip(moved, state, strict=True))

        if iterations:
            state = (real, imaginary, real, imaginary)
            real, imaginary = ops.fori_loop(0, iterations, step, state)[:2]
        samples = self._samples(real, imaginary, weight)
        return ops.cast(hide(samples, self.compute_mask(inputs, mask)), self.compute_dtype)

    def _magnitudes(self, frames):
        """Log-mel frames `(B, T, C)` → magnitudes of the Fourier transform `(B, T, K)`."""
        bank = ops.convert_to_tensor(self.bank)
        mel = ops.maximum(ops.exp(ops.minimum(frames, LOUDEST)) - FLOOR, 0.0)
        spread = ops.maximum(ops.sum(bank, axis=1), TINY)
        back = lambda bands: ops.matmul(bands, ops.transpose(bank)) / spread  # noqa: E731
        power = back(mel / ops.maximum(ops.sum(bank, axis=0), TINY))
        for _ in range(20):
            power = power * back(mel / ops.maximum(ops.matmul(power, bank), TINY))
        return ops.sqrt(power)

    def _start(self, length, seed):
        """Cosines and sines of the phases to start from, `(1, T, K)`."""
        angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (PERIOD, self.fft_length // 2 + 1))
        place = (ops.arange(length) + 97 * ops.cast(seed, "int32")) % PERIOD
        return [
            ops.take(ops.convert_to_tensor(f(angle).astype("float32")), place, axis=0)[None] for f in (np.cos, np.sin)
        ]

    def _samples(self, real, imaginary, weight):
        """The samples whose frames lie nearest to the spectrum: an overlapping sum over the windows' squares."""
        frames = ops.irfft((real, imaginary), self.fft_length)[..., : self.frame] * self.window
        return overlap_add(frames, self.hop) / weight

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else samples_mask(mask, self.frame, self.hop)

    def compute_output_shape(self, input_shape):
        return samples_shape(input_shape, self.frame, self.hop)

    def get_config(self):
        config = {"sample_rate": self.sample_rate, "mel_bins": self.mel_bins, "frame": self.frame, "hop": self.hop}
        return {**super().get_config(), **config, "iterations": self.iterations, "momentum": self.momentum}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(frame=8, hop=3, mel_bins=3, iterations=3), ((6, 3), "float32", (6,))
