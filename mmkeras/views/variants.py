"""What augmentation makes of a row of the report, as a model in training would see it."""

import numpy as np

from mmkeras.pages import plots

PICTURES = 4


def variant(modality, value, mask, seed):
    """A row's input varied as in training.

    Args:
        modality: with an `augment` or a `crop`.
        value: array, one row's part of a batch.
        mask: bool array, its mask.
        seed: int, which decides what is drawn.
    Returns:
        dict with a `kind`: `"picture"` (several side by side, or a spectrogram) with `seen`, `"series"` with `chart`,
        or `"text"` with `words`.
    """
    kind = type(modality).__name__
    if kind == "Video":
        strip = np.concatenate(list(_varied(modality, value, mask, (seed, 0))[mask]), 1)
        return {"kind": "picture", "seen": plots.picture(strip)}
    if kind == "Image":
        strip = np.concatenate([_varied(modality, value, mask, (seed, k)) for k in range(PICTURES)], 1)
        return {"kind": "picture", "seen": plots.picture(strip)}
    if kind == "Graph":
        return {"kind": "text", "words": _left_of_graph(modality, value, mask, (seed, 0))}
    varied = _varied(modality, value, mask, (seed, 0))
    if kind == "Audio":
        heard = varied[mask]
        frames = spectrum(heard, modality.frame, modality.hop) if modality.features == "waveform" else heard
        return {"kind": "picture", "seen": plots.spectrogram(frames)}
    if kind == "TimeSeries":
        return {"kind": "series", "chart": plots.lines(measured(modality, varied[mask]))}
    if kind == "Text":
        words = " ".join(modality.tokens(varied[mask]))
    else:
        words = ", ".join(f"{number:.3g}" for number in varied.reshape(-1)[mask.reshape(-1)])
    return {"kind": "text", "words": words}


def drawn_part(modality, data, seed):
    """The part of a long recording or clip that training may draw: (value, mask), as a row of a batch has them."""
    import tensorflow as tf

    value = modality.open(tf.constant(data), tf.constant((seed, 0), tf.int32)).numpy()
    return value, np.ones(len(value), bool)


def _varied(modality, value, mask, seed):
    import tensorflow as tf

    return modality.augment(tf.constant(value)[None], tf.constant(mask)[None], tf.constant(seed, tf.int32))[0].numpy()


def _left_of_graph(modality, value, mask, seed):
    """What is left of a graph, in words."""
    import tensorflow as tf

    value, mask = tf.constant(value)[None], tf.constant(mask)[None]
    varied, left = modality.vary(value, mask, tf.constant(seed, tf.int32))
    field = modality.spec()
    features, channels = field["num_features"], field["num_edge_channels"]
    edges = [int(np.count_nonzero(part[0, :, features::channels])) for part in (varied, value)]
    ways = "" if modality.directed else ", counted both ways"
    nodes = [int(np.count_nonzero(part)) for part in (left, mask)]
    return f"{nodes[0]} of {nodes[1]} nodes and {edges[0]} of {edges[1]} edges{ways}"


def spectrum(samples, frame, hop):
    """Log power `(T, frame // 2 + 1)` of samples."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    return np.log(np.abs(np.fft.rfft(windows * np.hanning(frame))) ** 2 + 1e-5)


def measured(modality, steps):
    """Steps of a batch `(T, …)` as the channels `(T, C)` in their own units, NaN in gaps."""
    numbers, flags = np.split(steps[:, : 2 * modality.channels], 2, axis=1)
    return np.where(flags > 0, numbers * modality.deviations + modality.means, np.nan)
