"""Fused tokens → log-mel frames drawn out of noise, by flow matching → a sound."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.generation.flow_time import NUM_WAVES, choose_time, draw_time, waves
from mmkeras.generation.seeds import Seeds
from mmkeras.generation.sound_output import build_vocoder, samples_of, sizes_in, sizes_of, sound_scores, vocoder_of
from mmkeras.layers.dilated_convs import DilatedConvs
from mmkeras.layers.log_mel import CENTRE, SPREAD
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.token_upsampling import TokenUpsampling
from mmkeras.losses.mel_loss import MelLoss


@component
class AudioFlowDecoder(keras.layers.Layer):
    """Spreads tokens over frames, guesses their mean, and moves noise straight towards frames that real sounds have.

    Where a guess is blurred, since many sounds would do, a draw is one of them. Durations as in `AudioMelDecoder`.
    With x₀ ~ N(0, 1), x₁ the frames, (mel + 5) / 4, xₜ = (1 − t) x₀ + t x₁ and v = net(xₜ, t, spread tokens, mean):
    called with the label, it gives where the noise lands, x₀ + v, as log-mel frames, and beside it the mean.

    Args:
        most: int > 0. Frames T in a prediction.
        mel_bins: int > 0. C. Defaults to `40`.
        sample_rate: int > 0, Hz. Defaults to `16000`.
        frame: int > 0, samples. Defaults to `400`.
        hop: int > 0, samples from frame to frame. Defaults to `160`.
        width: int > 0. Channels of the convolutions that move the noise. Defaults to `128`.
        num_layers: int ≥ 0. Convolutions for the mean, and half of those that move the noise. Defaults to `6`.
        kernel_size: int > 0, odd, in frames. Defaults to `5`.
        drop_condition: float in [0, 1). Chance that a row's tokens and mean are hidden from what moves the noise in
            training, for `guidance`. Defaults to `0.1`.
        segment: int > 0 or None. Frames of each row, from a random place on, on which noise is moved in training, for
            less work; `None` = all. Defaults to `None`.
        dropout: float in [0, 1). Defaults to `0.1`.
        vocoder: a layer from frames to samples, such as `mmkeras.fit_vocoder` gives, which learns no further here, or
            None: `GriffinLim`. Defaults to `None`.
    Call arguments:
        inputs: float tensor `(B, N, D)`.
        target: float tensor `(B, T, C + 1)` or None: the label, whose last channel is 1 in a real frame.
        mask: bool tensor `(B, N)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor `(B, T)` or None: real frames, in place of the last channel.
    Returns:
        float32 tensor `(B, T, 2 C + 1)`: where the noise lands, the mean, both as log-mel frames, and the logit of each
        frame being real. In training, t and noise are drawn; else t follows from the label and the noise is one for all
        rows; outside a segment stand the label's frames, inside, errors are larger for it, so that their mean square is
        as of all frames. A row without tokens has length 0; with a label, it goes by a learned token.
    Raises:
        ValueError: an even kernel, `most` < 1, a chance outside [0, 1), `segment` < 1, or a vocoder of other sizes; in
            `generate`, steps < 1.
    Example:
        >>> decoder = AudioFlowDecoder(most=20, mel_bins=4, frame=16, hop=8)
        >>> decoder.generate(np.ones((2, 5, 8), "float32"), steps=2).shape
        TensorShape([2, 168])
    References:
        [Mehta et al., 2023](https://arxiv.org/abs/2309.03199), Matcha-TTS: flow matching, the mean as a condition, its
        own loss. Differs: durations are learned through the upsampling; convolutions in place of a U-Net; t =
        sigmoid(N(0, 1)) in training, as in [Esser et al., 2024](https://arxiv.org/abs/2403.03206), §3.1; guidance, as
        in [Ho and Salimans, 2022](https://arxiv.org/abs/2207.12598); segments as in
        [Popov et al., 2021](https://arxiv.org/abs/2105.06337).
    """

    modality = "Audio"
    preferred = False
    takes_target = True

    def __init__(
        self,
        most,
        mel_bins=40,
        sample_rate=16000,
        frame=400,
        hop=160,
        width=128,
        num_layers=6,
        kernel_size=5,
        drop_condition=0.1,
        segment=None,
        dropout=0.1,
        vocoder=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if most < 1 or kernel_size % 2 == 0 or not 0 <= drop_condition < 1:
            raise ValueError(
                "AudioFlowDecoder: most must be > 0, kernel_size odd and drop_condition in [0, 1). Received: "
                f"most={most}, kernel_size={kernel_size}, drop_condition={drop_condition}. Do: the defaults."
            )
        self.most = most
        self.mel_bins = mel_bins
        self.sample_rate = sample_rate
        self.frame = frame
        self.hop = hop
        self.width = width
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        if segment is not None and segment < 1:
            raise ValueError(f"AudioFlowDecoder: segment must be > 0. Received: segment={segment}. Do: segment=64.")
        self.drop_condition = drop_condition
        self.segment = segment
        self.dropout = dropout
        self.vocoder = vocoder_of(type(self).__name__, sizes_of(self), vocoder)
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, inputs_shape, target_shape=None):
        dim, told = inputs_shape[-1], inputs_shape[-1] + self.mel_bins
        self.noise = np.random.default_rng(0).normal(size=(1, self.most, self.mel_bins)).astype("float32")
        self.spread = TokenUpsampling(self.most, name="spread", dtype=self.dtype_policy)
        self.spread.build(inputs_shape)
        self._build_part("mean", self.num_layers, dim)
        usual = keras.initializers.RandomNormal(0.0, 0.5)
        self.null = self.add_weight(name="null", shape=(1, 1, told), initializer=usual)
        self.time = keras.layers.Dense(self.width, activation="silu", name="time", dtype=self.dtype_policy)
        self.time.build((None, NUM_WAVES))
        self.join = keras.layers.Dense(self.width, name="join", dtype=self.dtype_policy)
        self.join.build((None, None, self.mel_bins + told))
        self._build_part("flow", 2 * self.num_layers, self.width, (None, self.width))
        build_vocoder(self.vocoder, self.most, self.mel_bins)

    def _build_part(self, name, num_layers, dim, condition=None):
        """Convolutions, a norm and a layer that gives frames: `NAME_convs`, `NAME_norm`, `NAME_dense`."""
        options = {"dtype": self.dtype_policy}
        usual = keras.initializers.VarianceScaling(0.02)  # At first, frames are about the usual one.
        parts = {
            "convs": DilatedConvs(num_layers, self.kernel_size, self.dropout, name=f"{name}_convs", **options),
            "norm": keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm", **options),
            "dense": keras.layers.Dense(self.mel_bins, kernel_initializer=usual, name=f"{name}_dense", dtype="float32"),
        }
        for part, layer in parts.items():
            shapes = [(None, None, dim), *([condition] if condition and part == "convs" else [])]
            layer.build(*shapes)
            setattr(self, f"{name}_{part}", layer)

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        spread = self.spread.timed(inputs, target, mask=mask, target_mask=target_mask)
        told, mean, ends, shown = self._told(spread, mask, training)
        rows = ops.shape(inputs)[0]
        if target is None:
            end = ops.zeros((rows, self.most, self.mel_bins), "float32")
        else:
            end = hide((ops.cast(target[..., :-1], "float32") - CENTRE) / SPREAD, shown)
        if not training:
            noise, time = ops.convert_to_tensor(self.noise), choose_time(end, self.noise)
            landing = self._landing(noise, end, time, told, shown)
        elif self.segment is None or self.segment >= self.most:
            landing = self._drawn(end, self._dropped(told, rows), shown)
        else:
            landing = self._drawn_in_part(end, self._dropped(told, rows), shown)
        return ops.concatenate([_mel(landing), _mel(mean), ends[..., None]], axis=-1)

    def _drawn(self, end, told, shown):
        """Where noise lands in training."""
        noise = keras.random.normal(ops.shape(end), seed=self.seed_generator)
        time = draw_time(ops.shape(end)[0], self.seed_generator)
        return self._landing(noise, end, time, told, shown, training=True)

    def _drawn_in_part(self, end, told, shown):
        """The same on a segment of each row, the label elsewhere."""
        length = ops.sum(ops.cast(shown, "float32"), axis=1)
        chance = keras.random.uniform(ops.shape(length), seed=self.seed_generator)
        start = ops.floor(chance * (ops.maximum(length - self.segment, 0.0) + 1.0))
        start = ops.cast(ops.minimum(start, ops.maximum(length - self.segment, 0.0)), "int32")[:, None]
        cut = start + ops.arange(self.segment)
        part = [ops.take_along_axis(values, cut[..., None], axis=1) for values in (end, told)]
        landing = self._drawn(*part, ops.take_along_axis(shown, cut, axis=1))
        place = ops.arange(self.most) - start
        inside = ops.logical_and(place >= 0, place < self.segment)[..., None]
        pasted = ops.take_along_axis(landing, ops.clip(place, 0, self.segment - 1)[..., None], axis=1)
        larger = ops.sqrt(ops.maximum(length / self.segment, 1.0))[:, None, None]
        return end + ops.where(inside, larger * (pasted - end), 0.0)

    def _landing(self, noise, end, time, told, shown, training=False):
        part = time[:, None, None]
        return noise + self._velocity((1.0 - part) * noise + part * end, time, told, shown, training)

    def _dropped(self, told, rows):
        """What is told of most rows, and of the others the null token."""
        if not self.drop_condition:
            return told
        kept = keras.random.uniform((rows, 1, 1), seed=self.seed_generator) >= self.drop_condition
        return ops.where(kept, told, ops.cast(self.null, told.dtype))

    def _told(self, spread, mask, training=False):
        """What moves the noise is told: spread tokens and mean, the null token in rows without tokens, `(B, T, D + C)`;
        the mean, the logit of being real, and which frames are."""
        frames, ends, shown = spread
        frames = self.mean_norm(self.mean_convs(frames, mask=shown, training=training))
        mean = self.mean_dense(frames)
        told = ops.concatenate([frames, ops.cast(mean, frames.dtype)], axis=-1)
        told = ops.where(ops.any(mask, axis=1)[:, None, None], told, ops.cast(self.null, told.dtype))
        return told, mean, ends, shown

    def _velocity(self, moved, time, told, shown, training=False):
        """Where frames in between move to, `(B, T, C)`."""
        joined = self.join(ops.concatenate([ops.cast(moved, told.dtype), told], axis=-1))
        hidden = self.flow_convs(joined, self.time(waves(time)), inputs_mask=shown, training=training)
        return self.flow_dense(self.flow_norm(hidden))

    def generate(self, inputs, mask=None, seed=0, steps=16, guidance=1.0, temperature=1.0, iterations=60):
        """Tokens → samples.

        Args:
            inputs: float tensor `(B, N, D)`.
            mask: bool tensor `(B, N)` or None.
            seed: int or int scalar tensor. Another one, another sound. Defaults to `0`.
            steps: int > 0. Steps from noise to frames. Defaults to `16`.
            guidance: float ≥ 0. How far to go from what sounds are like in general towards, and beyond, what they are
                like given the tokens; 1 = as learned, at half the work. Defaults to `1.0`.
            temperature: float ≥ 0. Standard deviation of the noise to start from; less = more usual. Defaults to `1.0`.
            iterations: int ≥ 0. Rounds of Griffin and Lim's, where they make the samples. Defaults to `60`.
        Returns:
            float32 tensor `(B, S)`, S = (most − 1) · hop + frame, 0 after the end.
        """
        if steps < 1:
            raise ValueError(f"AudioFlowDecoder.generate: steps must be > 0. Received: steps={steps}. Do: steps=16.")
        inputs = ops.convert_to_tensor(inputs)
        if not self.built:
            self.build(inputs.shape)
        rows, mask = ops.shape(inputs)[0], mask_or_full(mask, inputs, 2)
        told, _, ends, shown = self._told(self.spread.timed(inputs, mask=mask), mask)
        null = ops.zeros_like(told) + ops.cast(self.null, told.dtype)

        def step(place, moved):
            time = ops.broadcast_to(ops.cast(place, "float32") / steps, (rows,))
            velocity = self._velocity(moved, time, told, shown)
            if guidance != 1.0:
                bare = self._velocity(moved, time, null, shown)
                velocity = bare + guidance * (velocity - bare)
            return moved + velocity / steps

        start = temperature * keras.random.normal((rows, self.most, self.mel_bins), seed=Seeds(seed))
        frames = _mel(ops.fori_loop(0, steps, step, start))
        return samples_of(self.vocoder, frames, ends > 0, seed=seed, iterations=iterations)

    def generated_spec(self, inputs):
        """The samples that `generate` gives, for symbolic inputs."""
        return keras.KerasTensor((inputs.shape[0], (self.most - 1) * self.hop + self.frame), "float32")

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, target_shape=None):
        return (inputs_shape[0], self.most, 2 * self.mel_bins + 1)

    def compute_output_spec(self, inputs, target=None, **options):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Squared error of both kinds of frames and cross-entropy of the end; `label_smoothing` has no meaning here."""
        return MelLoss(deviation=SPREAD)

    def default_metrics(self):
        """None: what call gives is no sound yet."""
        return []

    def score(self, labels, weights, predictions):
        """How near sounds are to the real ones, see `sound_scores`."""
        return sound_scores(labels, weights, predictions, sizes_of(self))

    def get_config(self):
        names = ("most", "width", "num_layers", "kernel_size", "drop_condition", "segment", "dropout")
        config = {**sizes_of(self), **{name: getattr(self, name) for name in names}}
        return {**super().get_config(), **config, "vocoder": part_config(self.vocoder)}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(spec.label.longest, **sizes_in(spec), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        sizes = {"most": 12, "mel_bins": 3, "sample_rate": 8000, "frame": 16, "hop": 8}
        label = [[-3.0, -2.0, -6.0, 1.0]] * 7 + [[0.0] * 4] * 5
        return cls(**sizes, width=16, num_layers=1, kernel_size=3, segment=5, dropout=0.5), (5, 8), label


def _mel(frames):
    return CENTRE + SPREAD * frames
