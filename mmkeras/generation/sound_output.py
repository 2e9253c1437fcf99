"""What parts that make a sound share: what turns frames into samples, and how near these are to the real ones."""

import math

import keras
import numpy as np
from keras import ops

from mmkeras.layers.griffin_lim import GriffinLim
from mmkeras.layers.log_mel import LogMel
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

SIZES = ("sample_rate", "mel_bins", "frame", "hop")


def sizes_of(part):
    """What `LogMel` and `GriffinLim` want to know of a part's frames."""
    return {name: getattr(part, name) for name in SIZES}


def sizes_in(spec):
    """The same as a pipeline's spec says it of a column."""
    return {name: spec[name] for name in SIZES}


def vocoder_of(owner, sizes, vocoder=None):
    """What turns a part's frames into samples: what it was given, which learns no more, or `GriffinLim`.

    Args:
        owner: str. The part's class, for messages.
        sizes: dict of `LogMel`'s `sample_rate`, `mel_bins`, `frame`, `hop`.
        vocoder: a layer from frames to samples, the config of one, or None. Defaults to `None`.
    Raises:
        ValueError: a vocoder of other sizes.
    """
    if vocoder is None:
        vocoder = GriffinLim(**sizes, name="vocoder", dtype="float32")
    vocoder = keras.saving.deserialize_keras_object(vocoder) if isinstance(vocoder, dict) else vocoder
    given = {name: getattr(vocoder, name, None) for name in sizes}
    if given != sizes:
        raise ValueError(
            f"{owner}: the vocoder must be made for frames of this target. Received: vocoder={given}, target={sizes}. "
            "Do: mmkeras.fit_vocoder(pipe, rows, target), which makes one."
        )
    vocoder.trainable = False
    return vocoder


def build_vocoder(vocoder, most, mel_bins):
    """Builds a vocoder in its owner's build, since mel banks are arrays, which no graph gives."""
    if not vocoder.built:
        vocoder.build((None, most, mel_bins))
    # Parts that were built since don't know that they learn no more; Keras hands down changes alone.
    vocoder.trainable = True
    vocoder.trainable = False


def samples_of(vocoder, frames, mask, **rounds):
    """Samples in [−1, 1] of log-mel frames; `rounds` are for Griffin and Lim's alone."""
    rounds = rounds if isinstance(vocoder, GriffinLim) else {}
    return ops.clip(vocoder(frames, mask=mask, **rounds), -1.0, 1.0)


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
