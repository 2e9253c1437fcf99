"""Few tokens → many frames, by durations that are learned."""

import math

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, masked_softmax

USUAL = 4.0  # frames that a token lasts before anything is learned
SOFT = 4.0  # frames over which the logit of the end falls by 1


@component
class TokenUpsampling(keras.layers.Layer):
    """Lays tokens one after the other over frames, each for as long as it says itself.

    Token n lasts d_n = exp(w · LN(x_n) + b) frames, with its centre c_n = Σ_{m<n} d_m + d_n / 2. Frame t gets the mix
    of tokens by softmax over n of −(t − c_n)² / 2 σ_n² − log σ_n, σ_n = d_n / 2 + ½, and a mark of how far it lies from
    their centre.

    Args:
        frames: int > 0. T.
    Call arguments:
        inputs: float tensor `(B, N, D)`.
        length: float tensor `(B,)` or None. Frames to stretch a row's durations to; 0 leaves them as they are.
            Defaults to `None`.
        mask: bool tensor `(B, N)` or None.
    Returns:
        float tensor `(B, T, D)`; zeros where every token is absent.
    Raises:
        ValueError: `frames` < 1.
    Example:
        >>> TokenUpsampling(12)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 12, 8])
    References:
        [Shen et al., 2020](https://arxiv.org/abs/2010.04301), §3.2. Differs: the width follows the duration.
    """

    def __init__(self, frames, **kwargs):
        super().__init__(**kwargs)
        if frames < 1:
            raise ValueError(f"TokenUpsampling: frames must be > 0. Received: frames={frames}. Do: some.")
        self.frames = frames
        self.supports_masking = True

    def build(self, inputs_shape, length_shape=None):
        dim = inputs_shape[-1]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", dtype="float32")
        alike = keras.initializers.VarianceScaling(0.05)
        self.lasts = keras.layers.Dense(1, name="lasts", kernel_initializer=alike, dtype="float32")
        self.value = keras.layers.Dense(dim, name="value", dtype=self.dtype_policy)
        self.place = keras.layers.Dense(dim, use_bias=False, name="place", dtype=self.dtype_policy)
        self.norm.build(inputs_shape)
        self.lasts.build(inputs_shape)
        self.value.build(inputs_shape)
        self.place.build((None, self.frames, 3))

    def call(self, inputs, length=None, *, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        durations = self.durations(inputs, mask)
        if length is not None:
            wanted = ops.cast(length, "float32")[:, None]
            total = ops.sum(durations, axis=1, keepdims=True)
            durations = durations * ops.where(wanted > 0, wanted / ops.maximum(total, 1e-3), 1.0)
        time = ops.arange(self.frames, dtype="float32") + 0.5
        centres = ops.cumsum(durations, axis=1) - durations / 2.0
        width = durations / 2.0 + 0.5
        away = (time[None, :, None] - centres[:, None]) / width[:, None]
        shares = masked_softmax(-0.5 * away**2 - ops.log(width)[:, None], mask[:, None])
        offset = ops.clip(ops.sum(shares * ops.clip(away, -3.0, 3.0), axis=-1), -3.0, 3.0)
        value = self.value(hide(inputs, mask))
        frames = ops.matmul(ops.cast(shares, value.dtype), value)
        waves = ops.stack([offset, ops.sin(offset), ops.cos(offset) * ops.sum(shares, axis=-1)], axis=-1)
        return hide(frames + self.place(ops.cast(waves, value.dtype)), ops.any(mask, axis=1))

    def durations(self, inputs, mask=None):
        """Frames that each token lasts: float32 `(B, N)`, 0 where masked."""
        mask = mask_or_full(mask, inputs, 2)
        lasts = self.lasts(self.norm(ops.cast(hide(inputs, mask), "float32")))[..., 0] + math.log(USUAL)
        return hide(ops.exp(ops.clip(lasts, -7.0, math.log(2.0 * self.frames) + 1.0)), mask)

    def ends(self, inputs, mask=None):
        """The logit of each frame lying before the end of what tokens last: float32 `(B, T)`, < 0 without tokens."""
        mask = mask_or_full(mask, inputs, 2)
        total = ops.sum(self.durations(inputs, mask), axis=1, keepdims=True)
        time = ops.arange(self.frames, dtype="float32")[None] + 0.5
        return (ops.where(ops.any(mask, axis=1, keepdims=True), total, -1.0) - time) / SOFT

    def timed(self, inputs, target=None, *, mask=None, target_mask=None):
        """Frames that lie beside those of a label, where there is one.

        Args:
            inputs: float tensor `(B, N, D)`.
            target: float tensor `(B, T, C + 1)` or None. Only its length is looked at, by its last channel.
            mask: bool tensor `(B, N)` or None.
            target_mask: bool tensor `(B, T)` or None: real frames, in place of the last channel.
        Returns:
            tuple of frames `(B, T, D)`; `ends`; bool `(B, T)`, which are real: as many as the label has, and where it
            has none, as long as the tokens last.
        """
        length, ends = None, self.ends(inputs, mask)
        shown = ends > 0
        if target is not None:
            real = target[..., -1] > 0 if target_mask is None else target_mask
            length = ops.sum(ops.cast(real, "float32"), axis=1)
            inside = ops.arange(self.frames, dtype="float32")[None] < length[:, None]
            shown = ops.where(length[:, None] > 0, inside, shown)
        return self(inputs, length, mask=mask), ends, shown

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, length_shape=None):
        return (inputs_shape[0], self.frames, inputs_shape[-1])

    def get_config(self):
        return {**super().get_config(), "frames": self.frames}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(frames=12), ((5, 8), "float32", (5,))
