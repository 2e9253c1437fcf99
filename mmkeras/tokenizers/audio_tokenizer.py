"""A sound as a row of integers, and back."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.generation.sound_output import build_vocoder, samples_of, sizes_in, sound_scores, vocoder_of
from mmkeras.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from mmkeras.layers.log_mel import CENTRE, SPREAD
from mmkeras.layers.masking import hide
from mmkeras.losses.mel_loss import MelLoss


@component
class AudioTokenizer(keras.layers.Layer):
    """Convolutions over log-mel frames down to a few numbers a step, rounded to a code, and convolutions back up.

    A call goes there and back, so that plain `fit` trains it with the label as its own label.

    Args:
        most: int > 0. Frames T of a label.
        mel_bins: int > 0. C. Defaults to `40`.
        sample_rate: int > 0, Hz. Defaults to `16000`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
        levels: sequence of int > 1, see `FiniteScalarQuantizer`; their product is the number of ids K.
            Defaults to `(8, 6, 5)`.
        filters: sequence of int > 0. Channels at each halving of T. Defaults to `(64, 64)`: 4 frames a token.
        vocoder: a layer from frames to samples, such as `mmkeras.fit_vocoder` gives, which learns no further here, or
            None: `GriffinLim`. Defaults to `None`.
    Call arguments:
        inputs: float tensor `(B, T, C + 1)`: log-mel frames, and 1 in a real frame, 0 after the last one.
        mask: bool tensor `(B, T)` or None: real frames, in place of the last channel.
    Returns:
        float tensor `(B, T, C + 1)`: frames as the codes tell them, and the logit of each being real.
    Raises:
        ValueError: no `filters`, `most` < 1, or a vocoder of other sizes.
    Example:
        >>> tokenizer = AudioTokenizer(most=10, mel_bins=3, frame=16, hop=8)
        >>> ids, there = tokenizer.encode(np.ones((2, 10, 4), "float32"))
        >>> ids.shape, tokenizer.decode(ids).shape
        (TensorShape([2, 3]), TensorShape([2, 88]))
    References:
        [van den Oord et al., 2017](https://arxiv.org/abs/1711.00937), the autoencoder;
        [Mentzer et al., 2023](https://arxiv.org/abs/2309.15505), the codes. Differs: of log-mel frames.
    """

    modality = "Audio"
    temperature = 0.0
    never = 0

    def __init__(
        self,
        most,
        mel_bins=40,
        sample_rate=16000,
        frame=400,
        hop=160,
        levels=(8, 6, 5),
        filters=(64, 64),
        vocoder=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.most = most
        self.sizes = {"mel_bins": mel_bins, "sample_rate": sample_rate, "frame": frame, "hop": hop}
        self.levels = tuple(levels)
        self.filters = tuple(filters)
        self.supports_masking = True
        if not self.filters or most < 1:
            raise ValueError(
                f"AudioTokenizer: there must be filters, and most > 0. Received: filters={self.filters}, most={most}. "
                "Do: filters=(64, 64)."
            )
        self.quantize = FiniteScalarQuantizer(self.levels, name="quantize", dtype="float32")
        self.vocoder = vocoder_of("AudioTokenizer", self.sizes, vocoder)

    @property
    def num_tokens(self):
        """Tokens a sound."""
        return -(-self.most // 2 ** len(self.filters))

    @property
    def vocabulary_size(self):
        """Ids in all."""
        return self.quantize.size

    def build(self, input_shape):
        options, width = {"dtype": self.dtype_policy, "padding": "same"}, self.sizes["mel_bins"] + 1
        down, up = [], [keras.layers.Conv1D(self.filters[-1], 3, activation="gelu", **options)]
        for filters in self.filters:
            down.append(keras.layers.Conv1D(filters, 4, strides=2, activation="gelu", **options))
            down.append(keras.layers.Conv1D(filters, 3, activation="gelu", **options))
        down.append(keras.layers.Conv1D(len(self.levels), 1, **options))
        for filters in reversed(self.filters):
            up.append(keras.layers.Conv1DTranspose(filters, 4, strides=2, activation="gelu", **options))
            up.append(keras.layers.Conv1D(filters, 3, activation="gelu", **options))
        up.append(keras.layers.Conv1D(width, 1, dtype="float32"))
        self.down, self.up = keras.Sequential(down, name="down"), keras.Sequential(up, name="up")
        self.down.build((None, self.num_tokens * 2 ** len(self.filters), width))
        self.up.build((None, self.num_tokens, len(self.levels)))
        self.quantize.build((None, self.num_tokens, len(self.levels)))
        build_vocoder(self.vocoder, self.most, self.sizes["mel_bins"])

    def call(self, inputs, *, mask=None):
        return ops.cast(self._frames(self._codes(inputs, mask)), self.compute_dtype)

    def _codes(self, label, mask=None):
        if not self.built:
            self.build(label.shape)
        real = _real(label, mask)
        frames = hide((ops.cast(label[..., :-1], "float32") - CENTRE) / SPREAD, real)
        whole = ops.concatenate([frames, ops.cast(real, "float32")[..., None]], axis=-1)
        short = self.num_tokens * 2 ** len(self.filters) - self.most
        return self.quantize(ops.cast(self.down(ops.pad(whole, [[0, 0], [0, short], [0, 0]])), "float32"))

    def _frames(self, codes):
        told = ops.cast(self.up(codes), "float32")[:, : self.most]
        return ops.concatenate([CENTRE + SPREAD * told[..., :-1], told[..., -1:]], axis=-1)

    def encode(self, label, mask=None):
        """A sound's ids.

        Args:
            label: float tensor `(B, T, C + 1)`.
            mask: bool tensor `(B, T)` or None.
        Returns:
            tuple: ids int32 `(B, N)`, and bool `(B, N)`: which of them count; the silence behind the end does, since
            it tells the end.
        """
        there = ops.any(_real(label, mask), axis=1)
        return self.quantize.ids(self._codes(label, mask)), ops.repeat(there[:, None], self.num_tokens, axis=1)

    def decode(self, ids, seed=0):
        """Ids `(B, N)` → float32 samples `(B, S)` in [−1, 1], 0 after the end; `seed` of `GriffinLim`."""
        frames = self._frames(self.quantize.codes(ids))
        # The end is the first frame that is not real: real ones stand in front.
        shown = ops.cumsum(ops.cast(frames[..., -1] <= 0, "int32"), axis=1) == 0
        return samples_of(self.vocoder, frames[..., :-1], shown, seed=seed)

    def decoded_spec(self, rows):
        """What `decode` gives, as a symbolic tensor."""
        samples = (self.most - 1) * self.sizes["hop"] + self.sizes["frame"]
        return keras.KerasTensor((rows, samples), "float32")

    def default_loss(self):
        """Absolute error of frames and cross-entropy of the end: what it is trained by."""
        return MelLoss()

    def score(self, labels, weights, predictions):
        """How near sounds are to the real ones, see `sound_scores`."""
        return sound_scores(labels, weights, predictions, self.sizes)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.most, self.sizes["mel_bins"] + 1)

    def get_config(self):
        config = {"most": self.most, **self.sizes, "levels": list(self.levels), "filters": list(self.filters)}
        return {**super().get_config(), **config, "vocoder": part_config(self.vocoder)}

    @classmethod
    def from_spec(cls, spec, **options):
        """The tokenizer that suits what the pipeline says of the target."""
        return cls(spec.label.longest, **sizes_in(spec), **options)

    @classmethod
    def example(cls):
        """A tiny instance and a label of its target, for the tests that all tokenizers share."""
        label = np.array([[-3.0, -2.0, -6.0, 1.0]] * 7 + [[0.0] * 4] * 3, "float32")
        sizes = {"mel_bins": 3, "sample_rate": 8000, "frame": 16, "hop": 8}
        return cls(10, **sizes, levels=(3, 2), filters=(4, 4)), label, (10,)


def _real(label, mask):
    return label[..., -1] > 0 if mask is None else ops.cast(mask, "bool")
