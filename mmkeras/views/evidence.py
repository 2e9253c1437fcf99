"""What an input shows of itself beside what decided in it: pixels, words, frames, numbers, steps."""

import re

import numpy as np

WORDS = ("Text", "Category", "Tags", "Graph")


def evidence(modality, columns, cells, value, mask, gradient=None, attention=None):
    """One cell of one row, with its gradient and attention in its own shape.

    Args:
        modality: of the input.
        columns: sequence of str. The table's columns that it reads.
        cells: list. Their raw cells.
        value, mask: arrays without a batch axis, as the model sees them.
        gradient: array of the value's shape (one number a token for words), or None.
        attention: array `(T,)`, a number each token of its encoder, or None.
    Returns:
        dict: `kind` and, by kind, `pixels` (H, W, 3), `frames` (T, bands), `values` (T, C), or `pieces`, a list of
        str; `gradient` of the same first axes or None; `attention`, its first axes or None.
    """
    kind = type(modality).__name__
    if not mask.any():
        return {"kind": "absent", "gradient": None, "attention": None}
    if kind in WORDS:
        return _words(modality, kind, cells, value, mask, gradient, attention)
    if kind == "Number" or modality.part_names:
        of_a_group = len(columns) > 1
        cells = [f"{column} {cell}" if of_a_group else str(cell) for column, cell in zip(columns, cells, strict=True)]
        pieces = modality.part_names or cells
        kept = np.flatnonzero(mask)
        looked = attention if attention is not None and len(attention) == len(mask) else None
        return {
            "kind": "numbers",
            "pieces": [pieces[place] for place in kept],
            "gradient": None if gradient is None else gradient[kept],
            "attention": None if looked is None else looked[kept],
        }
    if kind in ("Image", "Video"):
        return _picture(kind, value, mask, gradient, attention)
    return _steps(modality, kind, value, mask, gradient, attention)


def _picture(kind, value, mask, gradient, attention):
    strip = (lambda part: part) if kind == "Image" else (lambda part: np.concatenate(list(part[mask]), axis=1))
    looked = None
    if kind == "Image" and attention is not None:
        looked = _over_pixels(attention, value.shape[:2])
    elif kind == "Video" and attention is not None and len(attention) == len(mask):
        looked = strip(np.broadcast_to(attention[:, None, None], value.shape[:3]))
    return {
        "kind": "picture",
        "pixels": strip(value),
        "gradient": None if gradient is None else strip(gradient.sum(-1)),
        "attention": looked,
        "place": (lambda weights: _over_pixels(weights, value.shape[:2])) if kind == "Image" else None,
    }


def _steps(modality, kind, value, mask, gradient, attention):
    """Frames of a recording, samples of one as frames, or steps of a series."""
    looked = None
    if attention is not None and value.ndim == 2:
        looked = _over_frames(attention, mask)
    found = {"kind": "recording" if kind == "Audio" else "series", "attention": looked}
    found["place"] = (lambda weights: _over_frames(weights, mask)) if value.ndim == 2 else None
    if kind == "Audio" and modality.features == "waveform":
        from mmkeras.views.variants import spectrum

        frames = spectrum(value[mask], modality.frame, modality.hop)
        starts = np.arange(len(frames)) * modality.hop
        summed = None if gradient is None else np.add.reduceat(gradient[mask], starts)[:, None]
        return {**found, "frames": frames, "gradient": summed}
    if kind == "Audio":
        return {**found, "frames": value[mask], "gradient": None if gradient is None else gradient[mask]}
    channels = modality.channels
    numbers, flags = value[mask][:, :channels], value[mask][:, channels : 2 * channels]
    numbers = np.where(flags > 0, numbers * modality.deviations + modality.means, np.nan)
    return {**found, "values": numbers, "gradient": None if gradient is None else gradient[mask][:, :channels]}


def _words(modality, kind, cells, value, mask, gradient, attention):
    looked = attention if attention is not None and mask.ndim and len(attention) == len(mask) else None
    if kind == "Graph" and gradient is not None:
        gradient = gradient.sum(-1)
    parts = [None if part is None else np.atleast_1d(part)[np.atleast_1d(mask)] for part in (gradient, looked)]
    if kind == "Text":
        pieces, owners = text_pieces(modality, str(cells[0]))
    elif kind == "Graph":
        pieces = [f"node {place}" for place in np.flatnonzero(mask)]
        owners = list(range(len(pieces)))
    else:
        pieces = [modality.classes[k - 1] if k else "not known" for k in np.atleast_1d(value)[np.atleast_1d(mask)]]
        owners = list(range(len(pieces)))
    summed = [None if part is None else np.bincount(owners, part, len(pieces)) for part in parts]
    spaced = kind != "Text" or modality.split != "character"
    shown = {"pieces": pieces, "gradient": summed[0], "attention": summed[1], "spaced": spaced}
    return {"kind": "words", **shown, "one_to_one": looked is not None and len(set(owners)) == len(owners)}


def text_pieces(modality, text):
    """The pieces of a text that are shown, and for each of the model's tokens the piece that it lies in.

    Args:
        modality: `Text`.
        text: str.
    Returns:
        tuple of a list of str and a list of int, one a token. Groups of letters lie in words; else a token is a piece.
    """
    if modality.split != "ngram":
        pieces = _tokens(modality, text)
        return pieces, list(range(len(pieces)))
    whole = type(modality)("word", max_tokens=max(1, len(text)), lower=modality.lower)
    words = _tokens(whole, re.sub("[<>]", " ", text))
    owners = list(range(len(words)))
    for width in (3, 4, 5):
        owners += [place for place, word in enumerate(words) for _ in range(max(0, len(word) + 3 - width))]
    return words, owners[: modality.max_tokens]


def _tokens(modality, text):
    return [token.decode("utf-8", "replace") for token in modality.tokenize([text])[0].numpy().tolist()]


def _over_pixels(attention, shape):
    """A number a patch over the pixels it covers, None where one token stands for all."""
    if len(attention) < 2:
        return None
    rows, columns = _grid(len(attention), shape[0] / shape[1])
    return _enlarged(attention.reshape(rows, columns), shape)


def _over_frames(attention, mask):
    """A number a token over the frames it covers, None where one stands for all."""
    if len(attention) < 2:
        return None
    return np.repeat(attention, -(-len(mask) // len(attention)))[: len(mask)][mask]


def _grid(count, aspect):
    """Rows and columns of so many patches, nearest to the aspect H / W."""
    fitting = [(rows, count // rows) for rows in range(1, count + 1) if count % rows == 0]
    return min(fitting, key=lambda pair: abs(np.log(pair[0] / pair[1] / aspect)))


def _enlarged(patches, shape):
    """Each patch over the pixels that it covers."""
    rows, columns = (
        np.arange(side) * len(part) // side for side, part in zip(shape, (patches, patches.T), strict=True)
    )
    return patches[rows][:, columns]
