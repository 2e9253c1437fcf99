"""Log-mel frames → samples, learned from recordings."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.dilated_convs import DilatedConvs
from mmkeras.layers.log_mel import CENTRE, SPREAD
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.overlap import hann_window, overlap_add, samples_mask, samples_shape

TINY = 1e-8
# Of the natural logarithm of a magnitude: what it is about at first, and far beyond what samples in [-1, 1] can have.
USUAL, LOUDEST = -2.0, 8.0


@component
class NeuralVocoder(keras.layers.Layer):
    """Says of each log-mel frame the magnitudes and phases of its Fourier transform, and adds the frames up.

    Dilated convolutions, then three linear layers: the logarithm of the magnitude, and a cosine and a sine, scaled to
    length 1. `mmkeras.fit_vocoder` trains it.

    Args:
        sample_rate: int > 0, Hz. Defaults to `16000`.
        mel_bins: int > 0. Defaults to `40`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
        width: int > 0. Channels. Defaults to `128`.
        num_layers: int ≥ 0. Convolutions. Defaults to `6`.
        kernel_size: int > 0, odd, in frames. Defaults to `5`.
    Call arguments:
        inputs: float tensor `(B, T, mel_bins)`, as `LogMel` and `Audio` give them.
        mask: bool tensor `(B, T)` or None; True first, then False.
    Returns:
        float tensor `(B, S)`, S = (T − 1) · hop + frame, zeros after the last real frame; the mask becomes `(B, S)`.
    Raises:
        ValueError: a size that is not positive.
    Example:
        >>> NeuralVocoder(frame=4, hop=2, mel_bins=3)(np.zeros((2, 4, 3), "float32")).shape
        TensorShape([2, 10])
    References:
        [Siuzdak, 2023](https://arxiv.org/abs/2306.00814), Vocos. Differs: plain residual convolutions, cosine and sine
        in place of an angle, and no discriminator.
    """

    def __init__(
        self, sample_rate=16000, mel_bins=40, frame=400, hop=160, width=128, num_layers=6, kernel_size=5, **kwargs
    ):
        # Samples and log-mel frames keep their 32 bits under a policy of mixed precision.
        super().__init__(autocast=False, **kwargs)
        sizes = {"sample_rate": sample_rate, "mel_bins": mel_bins, "frame": frame, "hop": hop, "width": width}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"NeuralVocoder: {name} must be > 0. Received: {name}={size}. Do: as in LogMel.")
        self.sample_rate = sample_rate
        self.mel_bins = mel_bins
        self.frame = frame
        self.hop = hop
        self.width = width
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.supports_masking = True

    def build(self, input_shape):
        self.fft_length = 2 ** math.ceil(math.log2(self.frame))
        self.window = hann_window(self.frame)
        steps = (None, None, self.width)
        self.join = keras.layers.Dense(self.width, name="join", dtype="float32")
        self.convs = DilatedConvs(self.num_layers, self.kernel_size, name="convs", dtype="float32")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", dtype="float32")
        self.heads = {
            name: keras.layers.Dense(self.fft_length // 2 + 1, name=name, dtype="float32")
            for name in ("magnitude", "cosine", "sine")
        }
        self.join.build((None, None, self.mel_bins))
        self.convs.build(steps)
        self.norm.build(steps)
        for head in self.heads.values():
            head.build(steps)

    def call(self, inputs, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        frames = self.join((ops.cast(hide(inputs, mask), "float32") - CENTRE) / SPREAD)
        hidden = self.norm(self.convs(frames, mask=mask))
        told = {name: head(hidden) for name, head in self.heads.items()}
        length = ops.sqrt(told["cosine"] ** 2 + told["sine"] ** 2 + TINY)
        scale = hide(ops.exp(ops.minimum(told["magnitude"] + USUAL, LOUDEST)) / length, mask)
        frames = ops.irfft((scale * told["cosine"], scale * told["sine"]), self.fft_length)[..., : self.frame]
        squares = hide(ops.zeros_like(frames[..., :1]) + self.window**2, mask)
        samples = overlap_add(frames * self.window, self.hop) / ops.maximum(overlap_add(squares, self.hop), 1e-2)
        return ops.cast(hide(samples, samples_mask(mask, self.frame, self.hop)), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else samples_mask(mask, self.frame, self.hop)

    def compute_output_shape(self, input_shape):
        return samples_shape(input_shape, self.frame, self.hop)

    def get_config(self):
        names = ("sample_rate", "mel_bins", "frame", "hop", "width", "num_layers", "kernel_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(frame=8, hop=3, mel_bins=3, width=6, num_layers=1, kernel_size=3), ((6, 3), "float32", (6,))
