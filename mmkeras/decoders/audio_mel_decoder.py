"""Fused tokens → log-mel frames → a sound."""

import keras
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.generation.sound_output import build_vocoder, samples_of, sizes_in, sizes_of, sound_scores, vocoder_of
from mmkeras.layers.dilated_convs import DilatedConvs
from mmkeras.layers.log_mel import CENTRE, SPREAD
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.token_upsampling import TokenUpsampling
from mmkeras.losses.mel_loss import MelLoss


@component
class AudioMelDecoder(keras.layers.Layer):
    """Gives every token a duration, spreads the tokens over frames and smooths them by convolutions.

    Durations are learned from the sound alone: frames must fit what stands there, the sum must fit the length. In
    training the sum is stretched to the real length, so that frames and labels lie beside each other.

    Args:
        most: int > 0. Frames T in a prediction.
        mel_bins: int > 0. C. Defaults to `40`.
        sample_rate: int > 0, Hz. Defaults to `16000`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
        num_layers: int ≥ 0. Convolutions, with dilations 1, 2, 4, 1, … Defaults to `6`.
        kernel_size: int > 0, odd, in frames. Defaults to `5`.
        dropout: float in [0, 1). Defaults to `0.1`.
        vocoder: a layer from frames to samples, such as `mmkeras.fit_vocoder` gives, which learns no further here, or
            None: `GriffinLim`. Defaults to `None`.
    Call arguments:
        inputs: float tensor `(B, N, D)`.
        target: float tensor `(B, T, C + 1)` or None. The label; only its length is looked at, by its last channel.
        mask: bool tensor `(B, N)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor `(B, T)` or None: real frames, in place of the last channel.
    Returns:
        float32 tensor `(B, T, C + 1)`: log-mel frames, and the logit of each frame being real, which falls from frame
        to frame; a row without tokens has length 0.
    Raises:
        ValueError: an even kernel, `most` < 1, or a vocoder of other sizes.
    Example:
        >>> AudioMelDecoder(most=20, mel_bins=4)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 20, 5])
    References:
        [Shen et al., 2020](https://arxiv.org/abs/2010.04301), Gaussian upsampling, durations unsupervised. Differs: no
        autoregression and no variational part: durations are learned through the upsampling itself.
    """

    modality = "Audio"
    preferred = True
    takes_target = True

    def __init__(
        self,
        most,
        mel_bins=40,
        sample_rate=16000,
        frame=400,
        hop=160,
        num_layers=6,
        kernel_size=5,
        dropout=0.1,
        vocoder=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if most < 1 or kernel_size % 2 == 0:
            raise ValueError(
                "AudioMelDecoder: most must be > 0 and kernel_size odd. "
                f"Received: most={most}, kernel_size={kernel_size}. Do: the defaults."
            )
        self.most = most
        self.mel_bins = mel_bins
        self.sample_rate = sample_rate
        self.frame = frame
        self.hop = hop
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.vocoder = vocoder_of(type(self).__name__, sizes_of(self), vocoder)
        self.supports_masking = True

    def build(self, inputs_shape, target_shape=None):
        options, dim = {"dtype": self.dtype_policy}, inputs_shape[-1]
        shape = (None, self.most, dim)
        self.spread = TokenUpsampling(self.most, name="spread", **options)
        self.spread.build(inputs_shape)
        self.convs = DilatedConvs(self.num_layers, self.kernel_size, self.dropout, name="convs", **options)
        self.convs.build(shape)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.norm.build(shape)
        build_vocoder(self.vocoder, self.most, self.mel_bins)
        usual = keras.initializers.VarianceScaling(0.02)  # At first, frames are about the usual one.
        self.dense = keras.layers.Dense(self.mel_bins, kernel_initializer=usual, name="dense", dtype="float32")
        self.dense.build(shape)

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        frames, ends, shown = self.spread.timed(inputs, target, mask=mask, target_mask=target_mask)
        frames = self.convs(frames, mask=shown, training=training)
        mel = CENTRE + SPREAD * self.dense(self.norm(frames))
        return ops.concatenate([mel, ends[..., None]], axis=-1)

    def generate(self, inputs, mask=None, seed=0, iterations=60):
        """Tokens → samples.

        Args:
            inputs: float tensor `(B, N, D)`.
            mask: bool tensor `(B, N)` or None.
            seed: int. Of the phases that Griffin and Lim's rounds start from. Defaults to `0`.
            iterations: int ≥ 0. Of these rounds, where they make the samples. Defaults to `60`.
        Returns:
            float32 tensor `(B, S)`, S = (most − 1) · hop + frame, 0 after the end.
        """
        told = self(inputs, mask=mask)
        return samples_of(self.vocoder, told[..., :-1], told[..., -1] > 0, seed=seed, iterations=iterations)

    def generated_spec(self, inputs):
        """The samples that `generate` gives, for symbolic inputs."""
        return keras.KerasTensor((inputs.shape[0], (self.most - 1) * self.hop + self.frame), "float32")

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, target_shape=None):
        return (inputs_shape[0], self.most, self.mel_bins + 1)

    def compute_output_spec(
        self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False
    ):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Mean absolute error of frames and cross-entropy of the end; `label_smoothing` has no meaning here."""
        return MelLoss()

    def default_metrics(self):
        """None: the loss is in natural logarithms of power already."""
        return []

    def score(self, labels, weights, predictions):
        """How near sounds are to the real ones.

        Args:
            labels: array `(N, T, C + 1)`, frames and flags.
            weights: array `(N,)`.
            predictions: array `(N, S)`, samples, 0 after the end.
        Returns:
            dict: `mel_cepstral_distortion` in dB, after dynamic time warping, and `length_error` in seconds.
        """
        return sound_scores(labels, weights, predictions, sizes_of(self))

    def get_config(self):
        config = {"most": self.most, **sizes_of(self), "num_layers": self.num_layers, "kernel_size": self.kernel_size}
        return {**super().get_config(), **config, "dropout": self.dropout, "vocoder": part_config(self.vocoder)}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(spec.label.longest, **sizes_in(spec), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        sizes = {"most": 12, "mel_bins": 3, "sample_rate": 8000, "frame": 16, "hop": 8}
        label = [[-3.0, -2.0, -6.0, 1.0]] * 7 + [[0.0] * 4] * 5
        return cls(**sizes, num_layers=2, kernel_size=3, dropout=0.5), (5, 8), label
