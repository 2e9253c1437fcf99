"""200 damaged files of every format: nothing crashes or hangs, and good rows beside them stay what they are."""

import functools
import io
import random
import threading
import time

import numpy as np
import pandas
import pytest
from clip_bytes import clip_bytes
from damage import damaged
from fuzzing import LONG, SECONDS, bounded_memory
from media_bytes import image_bytes, sound_bytes, tone, wav_bytes

from data_pipelines import Audio, Graph, Image, Number, Pipeline, TimeSeries, Video, read_table

DAMAGED, EVERY, LONGEST = 200, 5, 240
NOISE = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype="uint8")
STEPS = np.random.default_rng(1).normal(size=(20, 2)).round(3)
SOUND = tone(440, 0.2)
GRAPHS = [
    '{"nodes": ["C", "O", "H", "氮"], "edges": [[0, 1], [1, 2, "double"], [2, 3]]}',
    '{"nodes": ["H", "C"], "edges": [[0, 1, "single"]]}',
]


def array_bytes(write, values):
    file = io.BytesIO()
    write(file, values)
    return file.getvalue()


def csv_bytes(values):
    return ("x,y\n" + "\n".join(f"{one},{two}" for one, two in values)).encode()


# Modality → format → files of it that are good.
GOOD = {
    "Image": {form.lower(): [image_bytes(NOISE, form)] for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP")},
    "Audio": {
        "wav": [wav_bytes(SOUND), wav_bytes(SOUND, 44100, bits=24)],
        "flac": [sound_bytes(SOUND)],
        "mp3": [sound_bytes(SOUND, form="MP3", subtype="MPEG_LAYER_III")],
        "ogg": [sound_bytes(SOUND, form="OGG", subtype="VORBIS")],
    },
    "Video": {
        "mp4": [clip_bytes(6, (16, 16)), clip_bytes(6, (16, 16), codec="libx264")],
        "webm": [clip_bytes(6, (16, 16), kind="webm", codec="libvpx-vp9")],
        "npy": [array_bytes(np.save, np.tile(NOISE, (3, 1, 1, 1)))],
    },
    "TimeSeries": {
        "npy": [array_bytes(np.save, STEPS)],
        "npz": [array_bytes(np.savez, STEPS), array_bytes(np.savez_compressed, STEPS)],
        "csv": [csv_bytes(STEPS)],
    },
    "Graph": {"json": [graph.encode() for graph in GRAPHS]},
}
MODALITIES = {
    "Image": functools.partial(Image, 8),
    "Audio": functools.partial(Audio, seconds=0.2, sample_rate=8000),
    "Video": functools.partial(Video, 3, 8),
    "TimeSeries": TimeSeries,
    "Graph": functools.partial(Graph, max_nodes=8),
}


def files(modality, chance):
    """Yields (name, bytes): every fifth file is good, of the others some are whole files of another format."""
    others = [data for formats in GOOD.values() for whole in formats.values() for data in whole]
    for form, whole in GOOD[modality].items():
        for number in range(DAMAGED * EVERY // (EVERY - 1)):
            data = whole[number % len(whole)]
            if number % EVERY:
                data = chance.choice(others) if number % 23 == 1 else damaged(chance, data)
            yield f"{form}{number}.{form}", data


def table(modality, place, chosen=lambda number: True):
    """Good and damaged files as a table; graphs stand in cells."""
    cells = []
    for number, (name, data) in enumerate(files(modality, random.Random(0))):
        (place / name).write_bytes(data)
        if chosen(number):
            cells.append(data if modality == "Graph" else name)
    frame = pandas.DataFrame({"cell": pandas.Series(cells, dtype=object), "place": range(len(cells))})
    return read_table(frame, place)


def in_time(work):
    """What `work` returns; an error if it does not come to an end."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(LONGEST)
    assert not thread.is_alive(), f"still busy after {LONGEST} s"
    assert results, "failed, see the thread's own traceback"
    return results[0]


def drawn(pipe, rows, policy):
    """Value, mask and place of all rows, padded to the longest."""
    batches = in_time(lambda: list(pipe.batches(rows, 50, on_bad=policy).as_numpy_iterator()))
    longest = max(batch[0]["cell"].shape[1] for batch in batches)

    def joined(name):
        parts = [batch[0][name] for batch in batches]
        more = lambda part: [(0, 0), (0, longest - part.shape[1]), *[(0, 0)] * (part.ndim - 2)]  # noqa: E731
        return np.concatenate([np.pad(part, more(part)) if part.ndim > 1 else part for part in parts])

    place = np.concatenate([batch[0]["place"][:, 0] for batch in batches])
    return joined("cell"), joined("cell_mask"), place


@pytest.mark.parametrize("modality", GOOD)
def test_200_damaged_files_of_each_format(modality, tmp_path):
    rows = table(modality, tmp_path)
    alone = table(modality, tmp_path, lambda number: number % EVERY == 0)
    pipe = Pipeline({"cell": MODALITIES[modality](), "place": Number(scaling="standard")}).adapt(alone)
    pipe.inputs["place"].set_state({"means": [0.0], "deviations": [1.0], "curves": [[0.0, 1.0]]})
    value, mask, place = drawn(pipe, rows, "mask")
    real = mask.reshape(len(mask), -1).any(1)

    assert place.tolist() == list(range(len(rows))), "every row comes once, in order"
    assert pipe.problems.counts() == {"masked": {"cell": int((~real).sum())}, "dropped": 0}
    assert DAMAGED / 10 < (~real).sum() < len(rows), "some damage is seen"
    assert np.isfinite(value).all() and not value[~real].any()
    if modality in ("Image", "Video"):
        assert value.min() >= 0 and value.max() <= 1 + 1e-6
    expected, expected_mask, _ = drawn(pipe, alone, "raise")
    assert real[::EVERY].all()
    np.testing.assert_array_equal(
        mask[::EVERY][:, : expected.shape[1]] if mask.ndim > 1 else mask[::EVERY], expected_mask
    )
    np.testing.assert_array_equal(value[::EVERY][:, : expected.shape[1]], expected)


@pytest.mark.fuzz
@pytest.mark.skipif(not LONG, reason="limits of time are for machines that do nothing else")
@pytest.mark.parametrize("modality", GOOD)
def test_no_damaged_file_takes_long_or_much_memory(modality, tmp_path):
    rows = table(modality, tmp_path)
    alone = table(modality, tmp_path, lambda number: number % EVERY == 0)
    pipe = Pipeline({"cell": MODALITIES[modality]()}).adapt(alone)
    longest, start = 0.0, None
    with bounded_memory():
        for _ in pipe.batches(rows, 1, on_bad="mask"):
            now = time.process_time()
            longest = max(longest, now - start) if start else 0.0  # the first builds the graph
            start = now
    assert 0 < longest < SECONDS
