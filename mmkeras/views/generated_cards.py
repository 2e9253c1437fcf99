"""What the report shows of answers that are generated: texts, pictures, sounds, forecasts."""

import numpy as np

from mmkeras.pages import plots
from mmkeras.views.variants import spectrum

MOST_CHANNELS = 3


def _text(modality, label, weight, prediction):
    truth, answer = (str(modality.units(ids[None])[0]) for ids in (label, prediction))
    return {"answer": answer, "right": truth == answer if weight > 0 else None}


def _picture(modality, label, weight, prediction):
    if modality.classes is None:
        return {"real": plots.picture(label), "told": plots.picture(prediction)}
    return {"real": _coloured(label, modality.classes), "told": _coloured(prediction.argmax(-1), modality.classes)}


def _coloured(classes, count):
    """A mask in colours that are far from each other."""
    from matplotlib import colormaps

    return plots.picture(colormaps["turbo"](classes / (count - 1))[..., :3])


def _sound(modality, label, weight, prediction):
    import tensorflow as tf

    real = label[label[:, -1] > 0, :-1]
    samples = np.trim_zeros(prediction, "b")
    wav = np.asarray(modality.write("sound", tf.constant(prediction[None]))["sound"])[0]
    enough = len(samples) > modality.frame
    return {
        "real": plots.spectrogram(real) if len(real) > 1 else None,
        "told": plots.spectrogram(spectrum(samples, modality.frame, modality.hop)) if enough else None,
        "sound": plots.data_uri("audio/wav", wav),
        "seconds": len(samples) / modality.sample_rate,
    }


def _series(modality, label, weight, prediction):
    truth = modality.units(label[None])[0]
    middle = modality.units(prediction[None])[0][..., prediction.shape[-1] // 2]
    pairs = [column for pair in zip(truth.T[:MOST_CHANNELS], middle.T[:MOST_CHANNELS], strict=True) for column in pair]
    return {"chart": plots.lines(np.stack(pairs, 1))}


GENERATED = {"Text": _text, "Image": _picture, "Audio": _sound, "TimeSeries": _series}
