"""Cells of media columns as the data report shows them: pictures, sounds with a player, frames, lines."""

import numpy as np

from mmkeras.pages import plots

SIDE = 160
HEARD = 200_000  # bytes of a sound that go into the page
SECONDS = 30.0
FRAMES = 6
STEPS = 400
TEXT = 300
SIGNATURES = ((b"RIFF", "audio/wav"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"))


def pick(rows, kinds, wanted, bad, count):
    """Fetches the cells to be shown in one pass over the table.

    Args:
        rows: `Rows`.
        kinds: dict column → modality, of media columns.
        wanted: dict column → set of rows that must be there.
        bad: dict column → set of rows that cannot be read, which are no examples.
        count: int. Examples a column.
    Returns:
        tuple (dict column → row → cell with its path made whole, dict column → list of example rows).
    """
    from data_pipelines import from_config
    from data_pipelines.sources.source import ROW

    locate = {c: from_config({"modality": kind}).locate for c, kind in kinds.items() if kind != "Graph"}
    cells, shown = {c: {} for c in kinds}, {c: [] for c in kinds}
    # A stride that spreads the examples over the table, whatever order it is in.
    step = len(rows) / count
    number = 0
    for chunk in rows.chunks_with_paths(list(kinds), locate):
        for place, row in enumerate(chunk[ROW].tolist()):
            for column in kinds:
                cell = chunk[column][place]
                filled = cell if isinstance(cell, bytes) else str(cell).strip()
                due = number >= step * len(shown[column]) and len(shown[column]) < count
                example = filled and due and row not in bad.get(column, ())
                if example:
                    shown[column].append(row)
                if example or row in wanted.get(column, ()):
                    cells[column][row] = cell
            number += 1
    return cells, shown


def view(kind, cell):
    """What the page shows of a cell: dict with `kind`, `"none"` where it cannot be shown, and what that needs."""
    import tensorflow as tf

    try:
        return {**VIEWERS[kind](cell), "name": _name(cell)}
    except (tf.errors.OpError, ValueError, OSError):
        return {"kind": "none", "name": _name(cell)}


def _picture(cell):
    found = plots.thumbnail(_bytes(cell), side=SIDE)
    if found is None:
        return {"kind": "none"}
    return {"kind": "picture", "source": found[0], "caption": f"{found[1][0]} × {found[1][1]}"}


def _sound(cell):
    import tensorflow as tf

    from data_pipelines import Audio
    from data_pipelines.formats.wav import read_wav

    data = _bytes(cell)
    served = Audio(seconds=SECONDS, mel_bins=48)
    wav = served.as_served(tf.constant(data))
    samples, rate = read_wav(wav)
    frames = served.decode(wav).numpy()
    kind = next((kind for signature, kind in SIGNATURES if data.startswith(signature)), None)
    if kind is None or len(data) > HEARD:
        kind, data = "audio/wav", _cut(samples.numpy(), int(rate))
    caption = f"{len(samples) / int(rate):.2f} s at {int(rate)} Hz"
    return {
        "kind": "sound",
        "source": plots.spectrogram(frames),
        "sound": plots.data_uri(kind, data),
        "caption": caption,
    }


def _cut(samples, rate):
    """The beginning of a sound as WAV bytes that fit into the page."""
    import tensorflow as tf

    return tf.audio.encode_wav(np.clip(samples[: HEARD // 2, None], -1, 1), rate).numpy()


def _clip(cell):
    from PIL import Image

    from data_pipelines import Video

    clip = Video(frames=FRAMES, size=(72, 96))
    frames = clip.decode(clip.as_served(_bytes(cell))).numpy()
    strip = np.concatenate(list(frames), axis=1)
    source = plots._jpeg(Image.fromarray((255 * strip).round().astype("uint8")))
    return {"kind": "clip", "source": source, "caption": f"{len(frames)} frames"}


def _series(cell):
    import tensorflow as tf

    from data_pipelines import CellContext, TimeSeries
    from data_pipelines.formats.series import read_series

    series = TimeSeries()
    data = series.read(tf.constant(cell), CellContext(is_bytes=isinstance(cell, bytes)))
    values = read_series(series.as_served(data)).numpy()
    if not np.isfinite(values).any():
        return {"kind": "none"}
    thin = values[:: -(-len(values) // STEPS), :6]
    return {
        "kind": "series",
        "chart": plots.lines(thin),
        "caption": f"{len(values)} steps of {values.shape[1]} channels",
    }


def _graph(cell):
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    return {"kind": "text", "text": text if len(text) <= TEXT else text[:TEXT] + " …"}


VIEWERS = {"Image": _picture, "Audio": _sound, "Video": _clip, "TimeSeries": _series, "Graph": _graph}


def _bytes(cell):
    import tensorflow as tf

    return cell if isinstance(cell, bytes) else tf.io.read_file(cell).numpy()


def _name(cell):
    """The end of a path, or how many bytes."""
    if isinstance(cell, bytes):
        return f"{len(cell):,} bytes"
    text = str(cell).replace("\\", "/").rsplit("/", 1)[-1]
    return text if len(text) <= 60 else text[:60] + " …"
