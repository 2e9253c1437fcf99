"""Random changes of recordings: stripes hidden in spectra, louder or softer, noise."""

import math

import tensorflow as tf

from data_pipelines.augmentation.seeds import fresh_seeds

LOG_MEL = {"time_mask": 1.0, "frequency_mask": 1.0, "gain": math.inf}
MFCC = {"time_mask": 1.0, "frequency_mask": 1.0}
WAVEFORM = {"gain": math.inf, "noise": math.inf}
STRIPES = 2


def hide_stripes(frames, mask, seed, time_mask=0.0, frequency_mask=0.0):
    """Hides two stripes of time and two of bands in every recording, as SpecAugment does.

    Args:
        frames: float32 `(B, T, bands)`.
        mask: bool `(B, T)`, True first; padding is neither hidden nor counted.
        seed: int32 `(2,)`.
        time_mask: float in [0, 1]. Widest stripe of time, in shares of the recording's own length.
        frequency_mask: float in [0, 1]. Widest stripe of bands, in shares of all bands.
    Returns:
        float32 `(B, T, bands)`, the recording's mean where it is hidden.
    References:
        [Park et al., 2019](https://arxiv.org/abs/1904.08779). Differs: no warping of time, which they find to matter
        least; widths are shares.
    """
    fresh = fresh_seeds(seed)
    real = mask[..., None]
    total = tf.reduce_sum(tf.where(real, frames, 0.0), (1, 2), keepdims=True)
    lengths = tf.reduce_sum(tf.cast(mask, tf.float32), 1)
    bands = frames.shape[-1]
    mean = tf.math.divide_no_nan(total, lengths[:, None, None] * bands)
    hidden = tf.zeros_like(real)
    if time_mask:
        hidden |= _stripes(fresh, tf.shape(frames)[1], lengths, time_mask)[:, :, None]
    if frequency_mask:
        hidden |= _stripes(fresh, bands, tf.fill(tf.shape(lengths), float(bands)), frequency_mask)[:, None]
    return tf.where(hidden & real, mean, frames)


def _stripes(fresh, places, lengths, share):
    """Bool `(B, places)`: whether a place lies in a stripe of up to a share of each row's length."""
    shape = (tf.shape(lengths)[0], STRIPES)
    width = tf.random.stateless_uniform(shape, fresh()) * share * lengths[:, None]
    start = tf.random.stateless_uniform(shape, fresh()) * (lengths[:, None] - width)
    middle = tf.cast(tf.range(places), tf.float32) + 0.5
    return tf.reduce_any((middle >= start[..., None]) & (middle < (start + width)[..., None]), 1)


def change_gain(frames, mask, seed, gain, floor):
    """Makes every recording louder or softer by up to `gain` dB, in log power `(B, T, bands)` over a floor."""
    power = tf.maximum(tf.exp(frames) - floor, 0.0)
    louder = tf.math.log(power * _factor(seed, tf.shape(frames)[0], gain)[:, None, None] ** 2 + floor)
    return tf.where(mask[..., None], louder, frames)


def vary_samples(samples, mask, seed, gain=0.0, noise=0.0):
    """Makes every recording louder or softer and adds white noise to it.

    Args:
        samples: float32 `(B, S)`.
        mask: bool `(B, S)`; padding stays as it is.
        seed: int32 `(2,)`.
        gain: float >= 0, dB. Most that the level goes up or down.
        noise: float >= 0. Most noise, in shares of the recording's own root mean square.
    """
    fresh = fresh_seeds(seed)
    varied = samples
    if noise:
        real = tf.cast(mask, tf.float32)
        square = tf.reduce_sum(tf.square(samples) * real, 1) / tf.maximum(tf.reduce_sum(real, 1), 1.0)
        level = tf.random.stateless_uniform(tf.shape(square), fresh()) * noise * tf.sqrt(square)
        varied += tf.random.stateless_normal(tf.shape(samples), fresh()) * level[:, None]
    if gain:
        varied *= _factor(fresh(), tf.shape(samples)[0], gain)[:, None]
    return tf.where(mask, varied, samples)


def _factor(seed, count, gain):
    """Float32 `(B,)`: what samples are multiplied by, `gain` dB up or down at the most."""
    return 10.0 ** (tf.random.stateless_uniform((count,), seed, -1.0, 1.0) * gain / 20.0)
