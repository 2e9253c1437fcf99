"""Builds this folder from Debian's Asterisk prompts: recorded speech and what it says, in Italian and Russian.

Unpack four packages first (`dpkg-deb -x PACKAGE.deb FOLDER`): asterisk-core-sounds-{it,ru}-wav hold the recordings,
asterisk-core-sounds-{it,ru} hold the transcripts, as /usr/share/doc/*/core-sounds-*.txt.gz.

    python build.py ITALIAN_WAV_DIR ITALIAN_TEXT RUSSIAN_WAV_DIR RUSSIAN_TEXT OUTPUT

Needs soundfile. The tables come out the same every time; an Ogg stream has a random serial number.
"""

import argparse
import csv
import gzip
import hashlib
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 8000
MAX_SECONDS = 5.0
COMPRESSION = 0.985  # libsndfile's scale from 0 to 1: about 10 kbit/s
SEED = 0

# Accents that the Italian list has lost. What is left with a question mark inside is dropped.
ACCENTS = {"sar?": "sarà", "pu?": "può", "cos?": "così", "pi?": "più", "?": "è"}
TYPOS = {
    "cassella": "casella",
    "октрября": "октября",
    "«взёздочка»": "«звёздочка»",
    "первoe": "первое",  # two Latin letters in a Russian word
}
NOT_SPEECH = {"beep", "beeperr", "confbridge-join", "confbridge-leave"}
# Speech takes about this long: START + letters × PACE seconds. A recording far from it says something else.
START = 0.3
PACE = {"it": 0.056, "ru": 0.074}
LETTERS_IN_A_DIGIT = 5
SHORTEST, LONGEST = 0.4, 1.75


def main():
    arguments = parse_arguments()
    sources = {
        "it": (arguments.italian_wav_dir, arguments.italian_text),
        "ru": (arguments.russian_wav_dir, arguments.russian_text),
    }
    rows = [row for language, (folder, text) in sources.items() for row in read_language(language, folder, text)]
    assign_splits(rows)
    for row in rows:
        write_recording(row, arguments.output)
    columns = ["recording", "transcript", "language", "prompt", "seconds", "split"]
    write_csv(arguments.output / "table.csv", columns, rows)
    columns = ["recording", "transcript", "language", "match", "prompt", "split"]
    write_csv(arguments.output / "pairs.csv", columns, make_pairs(rows))
    for (language, split), count in sorted(Counter((row["language"], row["split"]) for row in rows).items()):
        minutes = sum(r["seconds"] for r in rows if (r["language"], r["split"]) == (language, split)) / 60
        print(f"{language} {split}: {count} recordings, {minutes:.1f} minutes")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("italian_wav_dir", "italian_text", "russian_wav_dir", "russian_text", "output"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    return parser.parse_args()


def read_language(language, folder, text):
    """Rows of one language, by prompt: short, spoken, and as long as their transcript lets expect."""
    files = {path.relative_to(folder).with_suffix("").as_posix().lower(): path for path in folder.rglob("*.wav")}
    rows = []
    for prompt, transcript in sorted(read_transcripts(text).items()):
        if prompt in NOT_SPEECH or prompt not in files or sum(map(str.isalpha, transcript)) < 2:
            continue
        samples, sample_rate = soundfile.read(files[prompt], dtype="float32")
        if sample_rate != SAMPLE_RATE or samples.ndim != 1:
            raise ValueError(f"{files[prompt]}: must be mono at {SAMPLE_RATE} Hz. Received: {sample_rate} Hz.")
        seconds = len(samples) / SAMPLE_RATE
        if not 0.1 <= seconds <= MAX_SECONDS:
            continue
        pace = voiced_seconds(samples) / expected_seconds(transcript, language)
        if not SHORTEST <= pace <= LONGEST:
            print(f"{language} {prompt}: dropped, {pace:.2f} times as long as expected for {transcript!r}")
            continue
        rows.append(
            {
                "recording": f"recordings/{language}/{prompt.replace('/', '_')}.ogg",
                "transcript": transcript,
                "language": language,
                "prompt": prompt,
                "seconds": round(seconds, 2),
                "samples": samples,
            }
        )
    return rows


def read_transcripts(path):
    """Prompt name (lower case) → what is said."""
    opened = gzip.open if path.suffix == ".gz" else open
    transcripts = {}
    with opened(path, "rt", encoding="utf-8-sig") as lines:
        for line in lines:
            prompt, colon, transcript = line.partition(":")
            if colon and not line.startswith(";"):
                transcripts[prompt.strip().lower()] = clean(transcript)
    return transcripts


def clean(transcript):
    """The words spoken, as written in the list; "" where the list describes a sound or comments on the recording."""
    transcript = re.sub(r"\[\W*\]", "", transcript)  # the sign that a word stands for: "punto [.]"
    if re.search(r"[\[\]()<>]", transcript):
        return ""
    words = transcript.split()
    words = [ACCENTS.get(word, word) for word in words]
    words = [TYPOS.get(word, word) for word in words]
    transcript = " ".join(words)
    return "" if re.search(r"\?\S|\s\?", transcript) else transcript


def plain(transcript):
    """Lower-case letters and digits, words apart: equal for transcripts that sound the same."""
    return " ".join(re.findall(r"\w+", transcript.lower().replace("ё", "е")))


def expected_seconds(transcript, language):
    letters = sum(map(str.isalpha, transcript)) + LETTERS_IN_A_DIGIT * sum(map(str.isdigit, transcript))
    return START + letters * PACE[language]


def voiced_seconds(samples, frame=200):
    """Seconds from the first to the last frame within 35 dB of the loudest one."""
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    energy = np.mean(frames**2, axis=1)
    voiced = np.flatnonzero(energy > energy.max() * 10**-3.5)
    return float(voiced[-1] - voiced[0] + 1) * frame / SAMPLE_RATE if len(voiced) else 0.0


def assign_splits(rows):
    """Keeps rows together that share a prompt, or a transcript in one language; a hash of the name decides."""
    prompts_by_text = defaultdict(set)
    for row in rows:
        prompts_by_text[row["language"], plain(row["transcript"])].add(row["prompt"])
    leader = {row["prompt"]: row["prompt"] for row in rows}
    for prompts in prompts_by_text.values():
        leaders = {leader[prompt] for prompt in prompts}
        leader = {prompt: min(leaders) if first in leaders else first for prompt, first in leader.items()}
    for row in rows:
        share = int(hashlib.sha256(leader[row["prompt"]].encode()).hexdigest()[:8], 16) / 2**32
        row["split"] = "train" if share < 0.70 else "val" if share < 0.82 else "test"


def write_recording(row, output):
    path = output / row["recording"]
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"format": "OGG", "subtype": "OPUS", "compression_level": COMPRESSION}
    soundfile.write(path, row["samples"], SAMPLE_RATE, **options)
    decoded, _ = soundfile.read(path, dtype="float32")
    if len(decoded) != len(row["samples"]) or np.abs(decoded).max() < 0.02:
        raise ValueError(f"{path}: must decode to speech of the same length. Received: {len(decoded)} samples.")


def make_pairs(rows):
    """Each recording and each transcript twice: once with its partner, once with another of its language and split."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["language"], row["split"]].append(row)
    pairs = []
    for group in groups.values():
        others = swap(group, random.Random(SEED))
        for row in group:
            pairs.append({**row, "match": "yes"})
            pairs.append({**row, "transcript": others[row["recording"]], "match": "no"})
    return pairs


def swap(rows, generator):
    """Recording → the transcript of another row, with other words; every row's transcript is used once."""
    by_text = defaultdict(list)
    for row in rows:
        by_text[plain(row["transcript"])].append(row)
    texts = list(by_text.values())
    generator.shuffle(texts)
    in_line = [row for same in texts for row in same]
    step = max(map(len, texts))  # far enough to leave every run of equal transcripts
    return {row["recording"]: in_line[i - step]["transcript"] for i, row in enumerate(in_line)}


def write_csv(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
