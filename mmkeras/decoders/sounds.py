"""What decoders of sounds have in common."""

import math

import numpy as np
from keras import ops

from mmkeras.layers.log_mel import LogMel
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

CENTRE, SPREAD = -5.0, 4.0  # about the mean and the standard deviation of log-mel frames


def sizes_of(decoder):
    """What `LogMel` and `GriffinLim` want to know of a decoder's frames."""
    names = ("sample_rate", "mel_bins", "frame", "hop")
    return {name: getattr(decoder, name) for name in names}


def score_sounds(labels, weights, predictions, sample_rate, mel_bins, frame, hop):
    """How near sounds are to the real ones.

    Args:
        labels: array `(N, T, C + 1)`, frames and flags.
        weights: array `(N,)`.
        predictions: array `(N, S)`, samples, 0 after the end.
        sample_rate, mel_bins, frame, hop: see `LogMel`.
    Returns:
        dict: `mel_cepstral_distortion` in dB, after dynamic time warping, and `length_error` in seconds.
    """
    log_mel = LogMel(sample_rate, mel_bins, frame, hop, dtype="float32")
    labels, predictions = labels[weights > 0], predictions[weights > 0]
    distortions, errors = [], []
    for label, samples in zip(labels, predictions, strict=True):
        real, told = label[label[:, -1] > 0, :-1], _frames(samples, log_mel)
        distortions.append(mel_cepstral_distortion(real, told))
        errors.append(abs(len(real) - len(told)) * hop / sample_rate)
    return {"mel_cepstral_distortion": float(np.mean(distortions)), "length_error": float(np.mean(errors))}


def _frames(samples, log_mel):
    """Log-mel frames of samples up to the last that is not 0, one at least."""
    frame, hop = log_mel.frame, log_mel.hop
    end = np.flatnonzero(samples).max(initial=0) + 1
    length = frame + hop * math.ceil(max(0, end - frame) / hop)
    samples = np.pad(samples, (0, max(0, length - len(samples))))[None, :length]
    return ops.convert_to_numpy(log_mel(samples.astype("float32")))[0]
