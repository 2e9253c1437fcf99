"""Example rows of the report: which ones, and what of them is shown."""

import heapq

import numpy as np

from data_pipelines.naming import MASK
from mmkeras.pages import plots
from mmkeras.views.generated_cards import GENERATED
from mmkeras.views.variants import drawn_part, measured, spectrum, variant

LONGEST = 700
LARGEST_SOUND = 200_000
SIGNATURES = ((b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"))


class Gallery:
    """Keeps the most confident mistakes and a random sample while rows pass by.

    Args:
        pipe: adapted `Pipeline`.
        rows: int. How many rows will come.
        examples: int. How many to keep.
    Attributes:
        judged: str. The target whose mistakes are looked for: the first that has a label in any row so far.
    """

    def __init__(self, pipe, rows, examples):
        self.pipe = pipe
        self.judged = next(iter(pipe.targets))
        self.labelled = set()
        self.examples = examples
        self.half = examples // 2
        self.drawn = set(np.random.default_rng(0).permutation(rows)[:examples].tolist())
        self.sample, self.mistakes = {}, []
        self.count = 0

    def add(self, cells, x, y, w, predictions):
        """Looks through a batch; `cells` are its rows as dicts of raw cells, the rest dicts of arrays."""
        self.labelled |= {name for name, known in w.items() if (known > 0).any()}
        judged = next((name for name in self.pipe.targets if name in self.labelled), self.judged)
        if judged != self.judged:
            self.judged, self.mistakes = judged, []
        modality = type(self.pipe.targets[self.judged]).__name__
        wrong = wrongness(modality, y[self.judged], w[self.judged], predictions[self.judged])
        for place, score in enumerate(wrong.tolist()):
            number = self.count + place
            better = score > 0 and self.half and (len(self.mistakes) < self.half or score > self.mistakes[0][0])
            if not better and number not in self.drawn:
                continue
            row = {"cells": cells[place]}
            for part, arrays in (("x", x), ("y", y), ("w", w), ("predictions", predictions)):
                row[part] = {name: np.array(values[place]) for name, values in arrays.items()}
            if number in self.drawn:
                self.sample[number] = row
            if better:
                keep = heapq.heappush if len(self.mistakes) < self.half else heapq.heapreplace
                keep(self.mistakes, (score, -number, row))
        self.count += len(wrong)

    def chosen(self):
        """Tuple (mistakes, the surest first; others, in order)."""
        mistakes = sorted(self.mistakes, key=lambda entry: entry[:2], reverse=True)
        shown = {-number for _, number, _ in mistakes}
        left = [number for number in self.sample if number not in shown][: self.examples - len(mistakes)]
        return [row for _, _, row in mistakes], [self.sample[number] for number in sorted(left)]


def wrongness(modality, labels, weights, predictions):
    """How surely wrong each row of a batch is: float array `(B,)`, 0 where it is right or has no label.

    A category counts with the probability of its wrong answer, a number with its error in standard deviations, tags
    with the surest wrong one.
    """
    if modality == "Category":
        score = np.where(predictions.argmax(1) == labels, 0.0, predictions.max(1))
    elif modality in ("Number", "Tags"):
        error = np.abs(predictions - labels).reshape(len(labels), -1)
        score = (error if modality == "Number" else error * (error >= 0.5)).max(1)
    else:
        score = np.zeros(len(weights))
    return np.where(weights > 0, score, 0.0)


def card(row, pipe, source):
    """What the page shows of a row: its number, `inputs` and `targets` as lists of dicts with a `kind`."""
    inputs = []
    for name, modality in pipe.inputs.items():
        field = {**_input(name, modality, row, source), "name": pipe.title(name)}
        inputs.append({**field, "varied": None if field["absent"] else _varied(name, modality, row, source)})
    targets = [{**_target(name, m, row), "name": pipe.title(name)} for name, m in pipe.targets.items()]
    judged = [target["right"] for target in targets if target["right"] is not None]
    return {"row": row["cells"]["_row"], "inputs": inputs, "targets": targets, "right": judged[0] if judged else None}


def _input(name, modality, row, source):
    kind, columns = type(modality).__name__, modality.columns(name)
    cells = [row["cells"][column] for column in columns]
    value, mask = row["x"][name], row["x"][name + MASK]
    field = {"kind": "text", "absent": not mask.any(), "cell": _written(cells[0])}
    if kind == "Number" and len(cells) > 1:
        numbers = [(c, _written(cell), bool(m)) for c, cell, m in zip(columns, cells, mask, strict=True)]
        return {**field, "kind": "numbers", "numbers": numbers}
    if field["absent"]:
        return field
    if kind == "Category":
        return {**field, "kind": "label", "unknown": int(value) == 0}
    if kind == "Video":
        return {**field, **_frames(value[mask])}
    if kind == "TimeSeries":
        return {**field, **_series(modality, value, mask)}
    viewers = {"Image": _picture, "Audio": _recording}
    if kind not in viewers:
        return field
    return {**field, **viewers[kind](modality, _bytes(cells[0], columns[0], source), value, mask)}


def _varied(name, modality, row, source):
    """What training may make of an input; None where it changes nothing."""
    value, mask, seed = row["x"][name], row["x"][name + MASK], row["cells"]["_row"]
    if modality.crop:
        (column,) = modality.columns(name)
        value, mask = drawn_part(modality, _bytes(row["cells"][column], column, source), seed)
    return variant(modality, value, mask, seed) if modality.crop or modality.augment_with else None


def _picture(modality, data, value, mask):
    found = plots.thumbnail(data, modality.background)
    field = {"kind": "picture", "seen": plots.picture(value), "seen_size": value.shape[1::-1], "original": None}
    return field if found is None else {**field, "original": found[0], "original_size": found[1]}


def _recording(modality, data, value, mask):
    kind = next((kind for signature, kind in SIGNATURES if data.startswith(signature)), None)
    heard = value[mask]
    frames = spectrum(heard, modality.frame, modality.hop) if modality.features == "waveform" else heard
    field = {"kind": "recording", "spectrogram": plots.spectrogram(frames), "cut": None}
    field["seconds"] = (len(frames) - 1) * modality.hop_seconds + modality.frame_seconds
    if kind is None or len(data) > LARGEST_SOUND:
        kind, (data, field["cut"]) = "audio/wav", _heard(modality, data)
    return {**field, "sound": plots.data_uri(kind, data)}


def _frames(clip):
    """The frames that the model sees, side by side."""
    strip = np.concatenate(list(clip), axis=1)
    return {"kind": "picture", "seen": plots.picture(strip), "seen_size": strip.shape[1::-1], "original": None}


def _series(modality, value, mask):
    """The steps that the model sees, in the series' own units, with its gaps."""
    numbers = measured(modality, value[mask])
    return {"kind": "series", "chart": plots.lines(numbers), "steps": len(numbers), "channels": modality.channels}


def _target(name, modality, row):
    label, weight, prediction = (row[part][name] for part in ("y", "w", "predictions"))
    kind = type(modality).__name__
    field = {"kind": kind, "right": None, "truth": _written(row["cells"][modality.columns(name)[0]])}
    field["labelled"] = bool(weight > 0)
    if kind == "Category":
        best = np.argsort(-prediction, kind="stable")[:3]
        field["best"] = [(modality.classes[k], float(prediction[k]), k == label and weight > 0) for k in best]
        field["right"] = bool(best[0] == label) if weight > 0 else None
    elif kind == "Tags":
        hits = {"hit": (label > 0.5) & (prediction >= 0.5), "extra": (label <= 0.5) & (prediction >= 0.5)}
        hits["missed"] = (label > 0.5) & (prediction < 0.5)
        field["tags"] = [
            (modality.classes[k], how if weight > 0 else "extra", float(prediction[k]))
            for how, places in hits.items()
            for k in np.flatnonzero(places)
        ]
        field["right"] = not (hits["extra"].any() or hits["missed"].any()) if weight > 0 else None
    elif kind == "Number":
        field["answer"] = float(modality.units(prediction.reshape(-1)[0]))
        field["error"] = field["answer"] - float(modality.units(label.reshape(-1)[0])) if weight > 0 else None
    elif kind in GENERATED:
        field.update(GENERATED[kind](modality, label, weight, prediction))
    return field


def _heard(modality, data):
    """What the model hears as WAV bytes, no more than fit, and their seconds if they were cut."""
    import tensorflow as tf

    from data_pipelines.formats.audio import transcode_to_wav
    from data_pipelines.formats.wav import read_wav, resample

    samples, rate = read_wav(tf.constant(data if data.startswith(b"RIFF") else transcode_to_wav(data)))
    samples = samples[: int(modality.seconds * int(rate))]
    longest = (LARGEST_SOUND - 44) // 2
    samples = resample(samples, rate, modality.sample_rate).numpy()
    wav = tf.audio.encode_wav(np.clip(samples[:longest, None], -1, 1), modality.sample_rate).numpy()
    return wav, longest / modality.sample_rate if len(samples) > longest else None


def _bytes(cell, column, source):
    """What a media cell holds, or the file that it names."""
    import tensorflow as tf

    from data_pipelines.cells.media_cells import full_path

    if column in source.bytes_columns:
        return cell if isinstance(cell, bytes) else cell.encode("utf-8")
    return tf.io.read_file(full_path(cell, source.media_root)).numpy()


def _written(cell):
    """A cell as a text of bounded length."""
    try:
        text = (cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)).strip()
    except UnicodeDecodeError:
        return f"{len(cell):,} bytes"
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
