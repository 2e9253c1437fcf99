"""Recordings: WAV in the graph; FLAC, MP3, Ogg and Opus through soundfile where files are read."""

import functools
import math

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.audio import LOG_MEL, MFCC, WAVEFORM, change_gain, hide_stripes, vary_samples
from data_pipelines.augmentation.parts import checked_crop, draw_place
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.media_cells import MAX_BYTES, full_path
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.formats.audio import NO_SOUNDFILE, soundfile_or_none, transcode_to_wav
from data_pipelines.formats.branches import in_python, rarely
from data_pipelines.formats.wav import read_wav, resample
from data_pipelines.formats.wav_file import wav_file
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import modality

FEATURES = {"log_mel": LOG_MEL, "mfcc": MFCC, "waveform": WAVEFORM}
FLOOR = 1e-5
AVI = r"(?s)RIFF\C{4}AVI \C*"
COEFFICIENTS = 13
SPARE = 1.0  # seconds that are decoded behind those wanted: resampling looks ahead


@modality
class Audio(Media):
    """A recording: mono, at one rate, as log-mel frames or as samples.

    Args:
        seconds: float > 0. Longest part that is used, from the start, unless `crop` says otherwise. Defaults to `10.0`.
        sample_rate: int > 0, Hz. What every recording is resampled to. Defaults to `16000`.
        features: `"log_mel"` or `"mfcc"` (the first 13 numbers of its orthonormal cosine transform), computed here, or
            `"waveform"`, for a model that begins with `mmkeras.layers.LogMel`.
        mel_bins: int > 0. Mel bands from 60 Hz up to half the sample rate. Defaults to `40`.
        frame_seconds: float > 0. Length of a frame. Defaults to `0.025`.
        hop_seconds: float > 0. From frame to frame. Defaults to `0.010`.
        augment: None or dict, in training only. Of frames: `time_mask`, `frequency_mask` (widest stripe that
            is hidden, in shares; two of each, as in SpecAugment) and `gain` (most that the level goes up or down, dB);
            of samples: `gain` and `noise` (most white noise, in shares of the recording's level). Defaults to `None`.
        crop: None or `"random"`. Which part of a longer recording training takes: the start, or another one every
            time, which suits a sound that is alike all along (a machine, music, a speaker) and not what is said or
            happens in it from start to end. Evaluation and exported models take the start. Defaults to `None`.
        max_bytes: int > 0. A recording whose part takes more memory to decode, 4 bytes a sample in every channel, is a
            bad cell. Defaults to 256 MiB.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        `"log_mel"`: float32 `(B, T, mel_bins)`, mask bool `(B, T)`; frames lie wholly inside the recording, so
        padding never touches a real one; of `"mfcc"`, 13 numbers a frame.
        `"waveform"`: float32 `(B, S)`, mask `(B, S)`. Zeros where absent; T and S
        are at least one frame. As a target, `"log_mel"` only: float32 `(B, most, mel_bins + 1)`, `most` frames fill
        `seconds`; the last channel is 1 in a real frame, and after the last one all are 0.
    Answer:
        WAV bytes, mono, 16 bits, of samples up to the last that is not 0.
    Raises:
        ValueError: a number that is not positive, unknown features, a wrong `augment` or `crop`, another target than
            log-mel from the start.
    Example:
        >>> Audio(seconds=1, sample_rate=8000).spec().shape
        (None, 40)
    """

    as_target = True
    label_as_input = True
    ending = "wav"

    def __init__(
        self,
        seconds=10.0,
        sample_rate=16000,
        features="log_mel",
        mel_bins=40,
        frame_seconds=0.025,
        hop_seconds=0.010,
        augment=None,
        crop=None,
        max_bytes=MAX_BYTES,
        column=None,
    ):
        super().__init__(column)
        if features not in FEATURES:
            raise ValueError(
                f"Audio: features must be one of {tuple(FEATURES)}. Received: features={features!r}. Do: 'log_mel'."
            )
        numbers = {
            "seconds": seconds,
            "sample_rate": sample_rate,
            "mel_bins": mel_bins,
            "frame_seconds": frame_seconds,
            "hop_seconds": hop_seconds,
            "max_bytes": max_bytes,
        }
        for name, value in numbers.items():
            if not value > 0:
                raise ValueError(f"Audio: {name} must be > 0. Received: {name}={value}. Do: leave it out.")
        self.seconds = float(seconds)
        self.sample_rate = int(sample_rate)
        self.features = features
        self.mel_bins = int(mel_bins)
        self.frame_seconds = float(frame_seconds)
        self.hop_seconds = float(hop_seconds)
        self.augment_with = checked_augment("Audio", augment, FEATURES[features], "'gain': 6")
        self.crop = checked_crop("Audio", crop)
        self.max_bytes = int(max_bytes)

    @property
    def frame(self):
        """Samples in a frame."""
        return max(1, round(self.frame_seconds * self.sample_rate))

    @property
    def hop(self):
        """Samples from frame to frame."""
        return max(1, round(self.hop_seconds * self.sample_rate))

    @property
    def fft_length(self):
        """Points of the Fourier transform: the next power of two."""
        return 2 ** math.ceil(math.log2(self.frame))

    @property
    def least(self):
        return self.frame if self.features == "waveform" else 1

    @property
    def most(self):
        samples = max(self.frame, math.ceil(self.seconds * self.sample_rate))
        return samples if self.features == "waveform" else 1 + (samples - self.frame) // self.hop

    @property
    def empty(self):
        return tf.zeros([0] if self.features == "waveform" else [0, self.width])

    def as_served(self, data):
        """WAV bytes as they are; other sounds, and those of videos, decoded and written as float WAV at their rate."""
        is_wav = tf.strings.regex_full_match(data, r"(?s)RIFF\C*") & ~tf.strings.regex_full_match(data, AVI)
        return tf.cond(is_wav, lambda: data, rarely(lambda: in_python(transcode_to_wav, data)))

    def open_whole(self, data):
        if not self.crop:
            return super().open_whole(data)
        data = self.as_served(data)
        with tf.control_dependencies([read_wav(data, None, self.max_bytes)[0]]):
            return self.decode(tf.identity(data))

    def prepare(self, data):
        """WAV as it is where it has the wanted rate and length; else the samples that `decode` begins with, as WAV.

        Where parts are drawn, the whole recording, at its own rate.
        """
        if self.crop:
            return super().prepare(self.as_served(tf.constant(data)).numpy())
        samples, rate, whole = (part.numpy() for part in self._cut_file(tf.constant(data)))
        if whole and rate == self.sample_rate and data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return data, False
        return wav_file(samples, self.sample_rate), True

    def prepared_for(self):
        crop = {"crop": self.crop} if self.crop else {}
        return {"seconds": self.seconds, "sample_rate": self.sample_rate, **crop}

    def open(self, data, seed=None):
        return self.decode(self.as_served(data), seed)

    def decode(self, data, seed=None):
        """Decodes one WAV's bytes to samples `(S,)` or log-mel frames `(T, mel_bins)`, of `seconds` at the most."""
        samples = self._cut(data, seed)[0]
        samples = tf.pad(samples, [[0, tf.maximum(0, self.frame - tf.size(samples))]])
        if self.features == "waveform":
            return samples
        frames = self._log_mel(samples)
        return frames if self.features == "log_mel" else tf.matmul(frames, self._cosines)

    def _cut(self, data, seed=None):
        """(samples `(S,)` at the wanted rate, of `seconds` at the most; the file's rate; whether it has no more)."""
        drawn = self.crop and seed is not None
        samples, rate = read_wav(data, None if drawn else self.seconds + SPARE, self.max_bytes)
        if drawn:
            samples = samples[self._start(tf.size(samples), rate, seed) :]
        # The resampling filter looks 20 samples of the slower rate ahead.
        kept = (self.seconds + 20 / self.sample_rate) * tf.cast(rate, tf.float64) + 20
        kept = tf.cast(tf.minimum(kept, tf.cast(tf.size(samples), tf.float64)), tf.int32)
        resampled = resample(samples[:kept], rate, self.sample_rate)
        most = math.ceil(self.seconds * self.sample_rate)
        return resampled[:most], rate, tf.size(resampled) <= most

    def _start(self, size, rate, seed):
        """The sample at which a drawn part begins; 0 where a recording is no longer than that."""
        free = tf.cast(size, tf.float64) - tf.math.ceil(self.seconds * tf.cast(rate, tf.float64))
        return tf.cast(draw_place(seed)[0] * tf.maximum(free + 1.0, 0.0), tf.int32)

    @functools.cached_property
    def _cut_file(self):
        """`_cut` of a file's bytes as one graph."""
        cut = lambda data: self._cut(self.as_served(data))  # noqa: E731
        return tf.function(cut, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)

    def _log_mel(self, samples):
        window, bank = self._filters
        spectrum = tf.signal.stft(samples, self.frame, self.hop, self.fft_length, lambda *_, **__: window)
        # The square of `tf.abs`, without its root, which takes a tenth of all the time.
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        mel = tf.tensordot(power, tf.constant(bank), 1)
        return tf.ensure_shape(tf.math.log(mel + FLOOR), (None, self.mel_bins))

    @property
    def width(self):
        """Numbers a frame."""
        return self.mel_bins if self.features == "log_mel" else min(COEFFICIENTS, self.mel_bins)

    @functools.cached_property
    def _cosines(self):
        """The orthonormal cosine transform (DCT-II), float32 `(mel_bins, width)`."""
        place = (np.arange(self.mel_bins) + 0.5)[:, None] * np.arange(self.width)
        cosines = np.cos(np.pi * place / self.mel_bins) * np.sqrt(2 / self.mel_bins)
        cosines[:, 0] /= np.sqrt(2)
        return cosines.astype("float32")

    @functools.cached_property
    def _filters(self):
        """Window and mel bank as arrays: left in the graph, they would be computed anew for every recording."""
        with tf.init_scope():
            bank = tf.signal.linear_to_mel_weight_matrix(
                self.mel_bins, self.fft_length // 2 + 1, self.sample_rate, 60.0, self.sample_rate / 2.0
            )
            return tf.signal.hann_window(self.frame).numpy(), bank.numpy()

    def label(self, value, mask):
        """Batches as `encode` gives them → (labels `(B, most, mel_bins + 1)`, weights `(B,)`)."""
        if self.features != "log_mel":
            raise ValueError(
                f"Audio: a target must be log-mel frames. Received: features={self.features!r}. Do: features='log_mel'."
            )
        if self.crop:
            raise ValueError("Audio: a target must begin at its start. Received: crop='random'. Do: leave crop out.")
        real = tf.cast(mask, tf.float32)[..., None]
        value = tf.concat([tf.where(mask[..., None], value, 0.0), real], -1)[:, : self.most]
        value = tf.pad(value, [[0, 0], [0, self.most - tf.shape(value)[1]], [0, 0]])
        value = tf.ensure_shape(value, [None, self.most, self.mel_bins + 1])
        return value, tf.cast(tf.reduce_any(mask, 1), tf.float32)

    def label_mask(self, label, weight):
        return label[..., -1] > 0

    def label_spec(self):
        return LabelSpec(
            (self.most, self.mel_bins + 1), "float32", (self.most,), self.most, as_input=self.label_as_input
        )

    def write(self, name, prediction):
        def wav(samples):
            last = tf.reduce_max(tf.where(samples != 0.0, tf.range(1, tf.size(samples) + 1), 1))
            return tf.audio.encode_wav(samples[:last, None], self.sample_rate)

        samples = tf.clip_by_value(tf.cast(prediction, tf.float32), -1.0, 1.0)
        return {name: tf.map_fn(wav, samples, fn_output_signature=tf.TensorSpec([], tf.string))}

    def augment(self, value, mask, seed):
        settings = dict(self.augment_with)
        if self.features == "waveform":
            return vary_samples(value, mask, seed, **settings)
        gain = settings.pop("gain", 0.0)
        value = change_gain(value, mask, tf.random.fold_in(seed, 1), gain, FLOOR) if gain else value
        return hide_stripes(value, mask, seed, **settings) if settings else value

    def reason(self, cells, context):
        if not context.is_bytes and not soundfile_or_none() and not full_path(cells[0], "").lower().endswith(".wav"):
            return NO_SOUNDFILE
        return super().reason(cells, context)

    def spec(self):
        details = {"features": self.features, "sample_rate": self.sample_rate}
        details |= {"mel_bins": self.mel_bins, "frame": self.frame, "hop": self.hop}
        shape = (None,) if self.features == "waveform" else (None, self.width)
        return FieldSpec("Audio", shape, "float32", (None,), self.most, details=details)

    def get_config(self):
        return {
            **super().get_config(),
            "seconds": self.seconds,
            "sample_rate": self.sample_rate,
            "features": self.features,
            "mel_bins": self.mel_bins,
            "frame_seconds": self.frame_seconds,
            "hop_seconds": self.hop_seconds,
            "augment": self.augment_with or None,
            "crop": self.crop,
            "max_bytes": self.max_bytes,
        }
