"""A small table of files of which no TensorFlow op reads one, and a pipeline for it."""

import csv
import functools

from clip_bytes import clip_bytes
from media_bytes import image_bytes, picture, tone, wav_bytes

from data_pipelines import Audio, Category, Image, Number, Pipeline, Video, read_table

ROWS = 10


def write_table(folder, rows=ROWS):
    """Clips, recordings at another rate and TIFF pictures; row 3 has no clip."""
    for place in range(rows):
        (folder / f"{place}.mp4").write_bytes(clip_bytes(6 + place % 3, size=(24, 32)))
        (folder / f"{place}.wav").write_bytes(wav_bytes(tone(300 + 50 * place, 0.1 + 0.01 * place, 11025), 11025))
        (folder / f"{place}.tiff").write_bytes(image_bytes(picture(12 + place, 10), "TIFF"))
    with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["clip", "voice", "photo", "size", "label"])
        for place in range(rows):
            clip = "" if place == 2 else f"{place}.mp4"
            out.writerow([clip, f"{place}.wav", f"{place}.tiff", place / 2, ("猫", "dog")[place % 2]])
    return read_table(folder / "clips.csv")


@functools.cache
def media():
    """One of each, so that their graphs are traced once."""
    return {
        "clip": Video(frames=4, size=16),
        "voice": Audio(seconds=0.15, sample_rate=8000, mel_bins=8),
        "photo": Image(16),
    }


def pipeline(**options):
    """Not adapted."""
    return Pipeline({**media(), "size": Number()}, {"label": Category()}, **options)
