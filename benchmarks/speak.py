"""Text → speech on the bundled prompts, one voice: unseen prompts said by both decoders, and read back by a recogniser.

The recogniser is that of `speech.py`, trained on the same voice's real recordings; none of the prompts asked for is
among them. It hears real recordings, real log-mel frames turned back into samples ("copied"), and what each decoder
says; its error rate on real ones is as low as the others can get.

Command: python benchmarks/speak.py SOUNDS OUT
SOUNDS: where both packages that `speech.py` names are unpacked. OUT gets the trained models, which a second run takes
from there, a WAV of every unseen prompt, and `spectrograms.png`: five prompts, each real, copied, by `AudioMelDecoder`
and by `AudioFlowDecoder`.
Data: data_pipelines/datasets/prompts, Italian, 8 kHz; 333 prompts (8.4 minutes) for training, 88 tested; CC-BY-3.0.
Floors, of `AudioMelDecoder`: mel-cepstral distortion at most 0.85 of that of the mean frame over the mean length;
length error at most 0.25 s; character error rate at most 0.6.

Last seen, on 2 shared cores of an Intel Xeon, one seed, 88 unseen prompts; character error rate of real recordings
0.262, of copied ones 0.255 (0.65 dB): Griffin and Lim's rounds cost the recogniser nothing. `AudioMelDecoder`, 24
minutes at a fraction of their time: 0.479; 5.18 dB, 0.79 of the mean sound's 6.53; length error 0.12 s.
`AudioFlowDecoder` is not there yet: its 20 epochs, 2.5 minutes of one core on the tokens, durations and mean of the
other, leave half of the noise where it was: 0.665; 8.31 dB.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
import speech
from PIL import Image

import mmkeras as mm
from data_pipelines import Audio, Pipeline, Text, read_table
from data_pipelines.datasets import folder
from mmkeras.layers import GriffinLim
from mmkeras.metrics.error_rates import character_error_rate
from mmkeras.metrics.sound_scores import mel_cepstral_distortion

RATE, BATCH = 8000, 16
FLOOR, LENGTH_FLOOR, RATE_FLOOR = 0.85, 0.25, 0.6
DECODERS = {"mel": ("AudioMelDecoder", {}), "flow": ("AudioFlowDecoder", {"width": 96, "segment": 64})}
EPOCHS = {"mel": 60, "flow": 20}
DRAWN = {"mel": {}, "flow": {"steps": 16, "guidance": 1.0, "temperature": 1.0}}


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("sounds", type=Path, help="where both packages of speech.py are unpacked")
    parse.add_argument("folder", type=Path, help="what is trained, said and drawn")
    options = parse.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    parts = speech_rows(options.sounds)
    rows = prompts("it", heard=parts["train"].values("prompt"))
    hear = recogniser(parts, options.folder)
    texts = [speech.spell(text) for text in rows["test"].values("transcript")]
    recordings = [Path(folder("prompts"), name).read_bytes() for name in rows["test"].values("recording")]
    print(f"real: character error rate {character_error_rate(texts, hear(recordings)):.3f}", flush=True)
    pipe = pipeline(rows["train"])
    real = list(labels(pipe, rows["test"]))
    copies = copied(pipe, real)
    print(f"copied: {distortion(real, frames(pipe, copies)):.2f} dB, ", end="")
    print(f"character error rate {character_error_rate(texts, hear(copies)):.3f}", flush=True)
    usual = distortion(real, [mean_sound(pipe, rows["train"])] * len(real))
    shown, missed = [real, frames(pipe, copies)], False
    for name in DECODERS:
        model = speaker(name, rows, pipe, options.folder)
        said = mm.generate(model, pipe, rows["test"], "voice", **DRAWN[name])
        keep(said, options.folder / name)
        told = frames(pipe, said)
        shown.append(told)
        ratio, off = distortion(real, told) / usual, length_error(pipe, real, told)
        rate = character_error_rate(texts, hear(said))
        print(f"{name}: {distortion(real, told):.2f} dB, {ratio:.2f} of the mean sound's {usual:.2f}; ", end="")
        print(f"length error {off:.2f} s; character error rate {rate:.3f}", flush=True)
        missed |= name == "mel" and (ratio > FLOOR or off > LENGTH_FLOOR or rate > RATE_FLOOR)
    draw(shown, options.folder / "spectrograms.png")
    if missed:
        sys.exit("below the floor")


def speech_rows(sounds):
    """What the recogniser learns from, by split."""
    table = pd.DataFrame(speech.read_prompts(sounds))
    return {name: read_table(table[table["split"] == name]) for name in ("train", "val")}


def prompts(language, heard):
    """Rows of one voice by split; no test row was heard by the recogniser."""
    table = pd.read_csv(Path(folder("prompts"), "table.csv"), dtype=str, keep_default_na=False)
    table = table[(table["language"] == language) & ~((table["split"] == "test") & table["prompt"].isin(heard))]
    return {name: read_table(part, media_root=folder("prompts")) for name, part in table.groupby("split")}


def recogniser(parts, place):
    """Wavs, list of bytes → texts, by a model that learned from real speech."""
    path = place / "recogniser.keras"
    if path.exists():
        model, pipe = keras.saving.load_model(path), speech.pipeline(parts["train"])
    else:
        model, pipe = timed("recogniser", lambda: speech.train(parts))
        model.save(path)

    def hear(wavs):
        told = mm.predict(model, pipe, read_table(pd.DataFrame({"recording": wavs})), batch_size=8)
        return list(np.concatenate([answers["transcript"] for answers in told]))

    return hear


def timed(what, work):
    started = time.time()
    given = work()
    print(f"{what} trained in {(time.time() - started) / 60:.1f} minutes", flush=True)
    return given


def pipeline(train):
    """Letters in, log-mel frames out."""
    voice = Audio(5.0, RATE, frame_seconds=0.04, hop_seconds=0.0125, column="recording")
    return Pipeline({"text": Text("character", column="transcript")}, {"voice": voice}).adapt(train)


def speaker(name, rows, pipe, place):
    """A model that has learned to speak, from the folder or trained now."""
    path = place / f"{name}.keras"
    if path.exists():
        return keras.saving.load_model(path)
    model = built(name, pipe)
    if name == "flow":
        take_over(model, speaker("mel", rows, pipe, place))
    timed(name, lambda: train(model, rows, pipe, EPOCHS[name]))
    model.save(path)
    return model


def built(name, pipe):
    keras.utils.set_random_seed(0)
    cls, more = DECODERS[name]
    decoder = getattr(mm.decoders, cls).from_spec(pipe.spec["targets"]["voice"], 0.1, name="voice", **more)
    fusion = mm.fusions.TokenTransformer(num_layers=1, name="fusion")
    return mm.build(pipe.spec, fusion, {"text": "TextLSTMEncoder"}, {"voice": decoder}, dim=96)


def take_over(model, teacher):
    """Gives the decoder that draws the tokens, durations and mean of the one that doesn't, for good."""
    parts = {"spread": "spread", "mean_convs": "convs", "mean_norm": "norm", "mean_dense": "dense"}
    pairs = [(model.get_layer(name), teacher.get_layer(name)) for name in ("text_encoder", "fusion")]
    voices = model.get_layer("voice"), teacher.get_layer("voice")
    pairs += [(getattr(voices[0], own), getattr(voices[1], theirs)) for own, theirs in parts.items()]
    for own, theirs in pairs:
        own.set_weights(theirs.get_weights())
        own.trainable = False


def train(model, rows, pipe, epochs):
    steps = epochs * -(-len(rows["train"]) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=steps // 20)
    mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=1e-3, clipnorm=1.0, ema_momentum=0.99)
    batches = pipe.batches(rows["train"], BATCH, training=True, cache=True)
    fit = {"epochs": epochs, "shuffle": False, "verbose": 2, "validation_freq": 5}
    model.fit(batches, validation_data=pipe.batches(rows["val"], 32, cache=True), **fit)


def labels(pipe, rows):
    """Log-mel frames of each recording."""
    for _, y, _ in pipe.batches(rows, 64):
        for label in y["voice"].numpy():
            yield label[label[:, -1] > 0, :-1]


def frames(pipe, wavs):
    """Log-mel frames of each WAV."""
    return list(labels(pipe, read_table(pd.DataFrame({"recording": wavs, "transcript": [""] * len(wavs)}))))


def copied(pipe, real):
    """WAVs made of real log-mel frames: what is left to lose on the way from frames to samples."""
    voice = pipe.targets["voice"]
    mask = np.arange(voice.most) < np.array([len(one) for one in real])[:, None]
    mel = np.zeros((*mask.shape, voice.mel_bins), "float32")
    mel[mask] = np.concatenate(real)
    vocoder = GriffinLim(RATE, voice.mel_bins, voice.frame, voice.hop)
    return pipe.write({"voice": np.clip(vocoder(mel, mask=mask), -1, 1)})["voice"].numpy()


def mean_sound(pipe, rows):
    """The mean frame of the training part, for its mean length."""
    known = list(labels(pipe, rows))
    return np.tile(np.concatenate(known).mean(0), (round(np.mean([len(part) for part in known])), 1))


def distortion(real, told):
    return np.mean([mel_cepstral_distortion(one, other) for one, other in zip(real, told, strict=True)])


def length_error(pipe, real, told):
    """Seconds, on average."""
    away = [abs(len(one) - len(other)) for one, other in zip(real, told, strict=True)]
    return np.mean(away) * pipe.targets["voice"].hop / RATE


def keep(wavs, place):
    """A file of each WAV."""
    place.mkdir(exist_ok=True)
    for number, wav in enumerate(wavs):
        (place / f"{number:03}.wav").write_bytes(wav)


def draw(kinds, place):
    """Spectrograms of five prompts, one a line, every kind beside the others."""
    lines = []
    for number in np.linspace(0, len(kinds[0]) - 1, 5).astype(int):
        parts = [kind[number] for kind in kinds]
        wide = max(map(len, parts))
        grey = [np.clip((part.T[::-1] + 11.5) / 15, 0, 1) for part in parts]
        grey = [np.pad(part, ((2, 2), (2, wide - part.shape[1] + 2)), constant_values=1.0) for part in grey]
        lines.append(np.concatenate(grey, axis=1))
    widest = max(line.shape[1] for line in lines)
    lines = [np.pad(line, ((0, 0), (0, widest - line.shape[1])), constant_values=1.0) for line in lines]
    picture = (np.concatenate(lines) * 255).astype("uint8").repeat(2, axis=0).repeat(2, axis=1)
    Image.fromarray(picture).save(place)


if __name__ == "__main__":
    main()
