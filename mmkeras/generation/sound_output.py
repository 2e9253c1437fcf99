"""What parts that make a sound share: how near it is to the real one."""

import math

import numpy as np
from keras import ops

from mmkeras.layers.log_mel import LogMel
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

SIZES = ("sample_rate", "mel_bins", "frame", "hop")


def sizes_of(part):
    """What `LogMel` and `GriffinLim` want to know of a part's frames."""
    return {name: getattr(part, name) for name in SIZES}


def sizes_in(spec):
    """The same as a pipeline's spec says it of a column."""
    return {name: spec[name] for name in SIZES}


def sound_scores(labels, weights, predictions, sizes):
    """How near sounds are to the real ones.

    Args:
        labels: array `(N, T, C + 1)`, frames and flags.
        weights: array `(N,)`.
        predictions: array `(N, S)`, samples, 0 after the end.
        sizes: dict of `LogMel`'s `sample_rate`, `mel_bins`, `frame`, `hop`.
    Returns:
        dict: `mel_cepstral_distortion` in dB, after dynamic time warping, and `length_error` in seconds.
    """
    labels, predictions = labels[weights > 0], predictions[weights > 0]
    distortions, errors = [], []
    for label, samples in zip(labels, predictions, strict=True):
        real, told = label[label[:, -1] > 0, :-1], _frames(samples, sizes)
        distortions.append(mel_cepstral_distortion(real, told))
        errors.append(abs(len(real) - len(told)) * sizes["hop"] / sizes["sample_rate"])
    return {"mel_cepstral_distortion": float(np.mean(distortions)), "length_error": float(np.mean(errors))}


def _frames(samples, sizes):
    """Log-mel frames of samples up to the last that is not 0, one at least."""
    end = np.flatnonzero(samples).max(initial=0) + 1
    frame, hop = sizes["frame"], sizes["hop"]
    length = frame + hop * math.ceil(max(0, end - frame) / hop)
    samples = np.pad(samples, (0, max(0, length - len(samples))))[None, :length]
    return ops.convert_to_numpy(LogMel(**sizes, dtype="float32")(samples.astype("float32")))[0]
