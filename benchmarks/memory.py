"""Peak memory of `mmkeras train` on a table of 4,000 rows and on one of 40,000, with the same media over and over.

Each size and place of the cache is a process of its own: the command line trains one epoch on small images, short
audio, a text, a number and a category, and evaluates. Rows that are kept in memory take what they take; whatever else
there is must not follow the length of the table.

Command: python benchmarks/memory.py [memory] [disk] [none]
Last seen, two busy cores, 4 minutes each: +0.6 % beyond the cached rows (1,385 MiB to 1,698, of which 34 and 339 are
cached), on disk +6.7 % (1,368 to 1,460), without a cache -4.1 %.
Floor: 40,000 rows take at most 10 % more than 4,000, beyond the rows that are cached in memory.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

SIZES = (4_000, 40_000)
FILES = 50
WORDS = ("red", "green", "blue", "small", "large", "old", "new", "round", "flat", "quick")


def write_media(folder):
    """Images of 24 × 24 pixels and audio of a fifth of a second."""
    from PIL import Image

    from data_pipelines.formats.wav_file import wav_file

    random = np.random.default_rng(0)
    for place in range(FILES):
        Image.fromarray(random.integers(0, 255, (24, 24, 3), "uint8")).save(os.path.join(folder, f"{place}.png"))
        with open(os.path.join(folder, f"{place}.wav"), "wb") as file:
            file.write(wav_file((random.normal(size=1600) * 3000).astype("int16"), 8000))


def write_table(path, rows):
    """Every row is another one, by its text and its number."""
    random = np.random.default_rng(1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["picture", "sound", "text", "size", "kind", "label"])
        for place in range(rows):
            text = " ".join(random.choice(WORDS, 6))
            number = round(float(random.normal()), 5)
            kind = place * 7 % 5
            out.writerow([f"{place % FILES}.png", f"{place * 3 % FILES}.wav", text, number, f"k{kind}", f"c{kind % 3}"])


def peak(path, output, cache):
    """(MiB at the peak of a process that trains, MiB of rows that it keeps in memory)."""
    command = ["-m", "mmkeras", "train", path, "--target", "label", "--output", output, "--epochs", "1"]
    child = subprocess.Popen([sys.executable, *command, "--cache", cache], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"mmkeras train ended with {child.returncode}")
    with open(os.path.join(output, "choices.json"), encoding="utf-8") as file:
        chosen = json.load(file)
    kept = chosen["cache_bytes"] / 2**20 if chosen["cache"] == "memory" else 0.0
    return used.ru_maxrss / 1024, kept


def main(caches):
    failed = False
    with tempfile.TemporaryDirectory() as place:
        write_media(place)
        for cache in caches:
            beyond = []
            for rows in SIZES:
                path = os.path.join(place, f"{rows}.csv")
                write_table(path, rows)
                most, kept = peak(path, os.path.join(place, f"{cache}-{rows}"), cache)
                beyond.append(most - kept)
                print(f"cache {cache}, {rows:,} rows: {most:.0f} MiB at the peak, {kept:.0f} cached", flush=True)
            print(f"cache {cache}: growth beyond what is cached {beyond[1] / beyond[0] - 1:+.1%}", flush=True)
            failed |= beyond[1] > 1.1 * beyond[0]
    if failed:
        sys.exit("above the floor of 10 %")


if __name__ == "__main__":
    main(sys.argv[1:] or ["memory", "disk", "none"])
