"""Log-mel frames → samples: a `NeuralVocoder` learned from the bundled prompts beside Griffin and Lim's rounds.

Real frames of unseen recordings become samples again, by both. How near these are is told by the spectra of three
resolutions (`MultiResolutionSTFTLoss`) and by mel-cepstral distortion; how fast, by the processor time of both within
one run, in turn.

Command: python benchmarks/vocoder.py [FOLDER]
FOLDER gets three recordings, real, by the vocoder and by Griffin and Lim, as WAVs.
Data: data_pipelines/datasets/prompts, both voices, 8 kHz; CC-BY-3.0.
Last seen, two cores of an Intel Xeon, one seed, 4.3 minutes of training: spectra 0.684 apart, 2.00 dB, 1.25 s of
processor for all test recordings; Griffin and Lim's 2.288 apart, 0.67 dB, 10.61 s. The vocoder is trained on the first
of these measures; in the bands of the log-mel frames Griffin and Lim's stay nearer.
Floors: nearer in spectra than Griffin and Lim's, at a fifth of its processor time at the most.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

import mmkeras as mm
from data_pipelines import Audio, Category, Pipeline, read_table
from data_pipelines.datasets import folder
from data_pipelines.formats.wav_file import wav_file
from mmkeras.generation.sound_output import sizes_of, sound_scores
from mmkeras.layers import GriffinLim
from mmkeras.losses import MultiResolutionSTFTLoss

RATE, SECONDS, EPOCHS, BATCH, TURNS = 8000, 3.0, 40, 16, 3


def main(place=None):
    keras.utils.set_random_seed(0)
    rows = read_table(os.path.join(folder("prompts"), "table.csv"))
    train, test = rows.where(split="train"), rows.where(split="test")
    voice = Audio(SECONDS, RATE, frame_seconds=0.032, hop_seconds=0.008, column="recording")
    pipe = Pipeline({"language": Category()}, {"voice": voice}).adapt(train)
    started, processor = time.time(), time.process_time()
    vocoder = mm.fit_vocoder(pipe, train, "voice", epochs=EPOCHS, batch_size=BATCH, verbose=2)
    minutes = [(time.time() - started) / 60, (time.process_time() - processor) / 60]
    print(f"trained in {minutes[0]:.1f} minutes, {minutes[1]:.1f} of processor, {vocoder.count_params()} weights")
    rounds = GriffinLim(**sizes_of(voice))
    rounds.build((None, voice.most, voice.mel_bins))
    ways = {"vocoder": vocoder, "Griffin and Lim": rounds}
    ways = {name: tf.function(lambda mel, mask, way=way: way(mel, mask=mask)) for name, way in ways.items()}
    labels, real = recordings(pipe, voice, test)
    told = {name: [np.asarray(way(*frames(label))) for label in labels] for name, way in ways.items()}
    near = {name: nearness(voice, labels, real, samples) for name, samples in told.items()}
    times = {name: min(seconds(way, labels) for _ in range(TURNS)) for name, way in ways.items()}
    for name in ways:
        print(f"{name}: spectra {near[name][0]:.3f} apart, {near[name][1]:.2f} dB; {times[name]:.2f} s of processor")
    if place:
        keep(Path(place), real[0], {name: samples[0] for name, samples in told.items()})
    ours, theirs = ways
    if near[ours][0] >= near[theirs][0] or times[ours] > times[theirs] / 5:
        sys.exit("below the floor")


def recordings(pipe, voice, rows):
    """Batches of labels, and the samples that they were made of."""
    wave = Audio(SECONDS, RATE, "waveform", frame_seconds=0.032, hop_seconds=0.008, column="recording")
    samples = Pipeline({"wave": wave}).adapt(rows).batches(rows, BATCH, with_targets=False)
    reach = (voice.most - 1) * voice.hop + voice.frame
    padded = [np.pad(x["wave"], ((0, 0), (0, max(0, reach - x["wave"].shape[1])))) for x in samples]
    return [y["voice"].numpy() for _, y, _ in pipe.batches(rows, BATCH)], [part[:, :reach] for part in padded]


def frames(label):
    """Log-mel frames and their mask."""
    return tf.constant(label[..., :-1]), tf.constant(label[..., -1] > 0)


def nearness(voice, labels, real, told):
    """How far spectra are apart, and mel-cepstral distortion in dB."""
    loss = MultiResolutionSTFTLoss((voice.fft_length // 2, voice.fft_length, 2 * voice.fft_length), reduction=None)
    apart = np.concatenate([np.asarray(loss(*both)) for both in zip(real, told, strict=True)])
    labels, told = np.concatenate(labels), np.concatenate(told)
    scores = sound_scores(labels, np.ones(len(labels)), told, sizes_of(voice))
    return apart.mean(), scores["mel_cepstral_distortion"]


def seconds(way, labels):
    started = time.process_time()
    for label in labels:
        way(*frames(label)).numpy()
    return time.process_time() - started


def keep(place, real, told):
    """WAVs of the first three recordings, each way."""
    place.mkdir(parents=True, exist_ok=True)
    for name, samples in {"real": real, **told}.items():
        for number in range(3):
            (place / f"{number}-{name.replace(' ', '_')}.wav").write_bytes(wav_file(samples[number], RATE))


if __name__ == "__main__":
    main(*sys.argv[1:])
