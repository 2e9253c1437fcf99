"""Recordings: WAV in the graph; FLAC, MP3, Ogg and Opus through soundfile where files are read."""

import io
import math

import tensorflow as tf

from data_pipelines.cells import decode_cells, local_path, read_cell, unreadable
from data_pipelines.modalities.modality import Modality, modality
from data_pipelines.wav import read_wav, resample

FEATURES = ("log_mel", "waveform")
FLOOR = 1e-5


@modality
class Audio(Modality):
    """A recording: mono, at one rate, as log-mel frames or as samples.

    Args:
        seconds: float > 0. Longest part that is used, from the start. Defaults to `10.0`.
        sample_rate: int > 0, Hz. What every recording is resampled to. Defaults to `16000`.
        features: `"log_mel"`, computed here, or `"waveform"`, for a model that begins with `mmkeras.layers.LogMel`.
        mel_bins: int > 0. Mel bands from 60 Hz up to half the sample rate. Defaults to `40`.
        frame_seconds: float > 0. Length of a frame. Defaults to `0.025`.
        hop_seconds: float > 0. From frame to frame. Defaults to `0.010`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        `"log_mel"`: float32 `(B, T, mel_bins)`, mask bool `(B, T)`; frames lie wholly inside the recording, so
        padding never touches a real one. `"waveform"`: float32 `(B, S)`, mask `(B, S)`. Zeros where absent; T and S
        are at least one frame.
    Raises:
        ValueError: a number that is not positive, or unknown features.
    Example:
        >>> Audio(seconds=1, sample_rate=8000).spec()["shape"]
        [None, 40]
    """

    media = True

    def __init__(
        self,
        seconds=10.0,
        sample_rate=16000,
        features="log_mel",
        mel_bins=40,
        frame_seconds=0.025,
        hop_seconds=0.010,
        column=None,
    ):
        super().__init__(column)
        if features not in FEATURES:
            raise ValueError(
                f"Audio: features must be one of {FEATURES}. Received: features={features!r}. Do: 'log_mel'."
            )
        numbers = {
            "seconds": seconds,
            "sample_rate": sample_rate,
            "mel_bins": mel_bins,
            "frame_seconds": frame_seconds,
            "hop_seconds": hop_seconds,
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

    @property
    def frame(self):
        """Samples in a frame."""
        return max(1, round(self.frame_seconds * self.sample_rate))

    @property
    def hop(self):
        """Samples from frame to frame."""
        return max(1, round(self.hop_seconds * self.sample_rate))

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def encode_row(self, cells, context, tolerant=True):
        decode = lambda cell: self.decode(_as_wav(read_cell(cell, context)))  # noqa: E731
        return self._encode(cells[0], decode, tolerant)

    def encode(self, served):
        return self._encode(served[0], self.decode, tolerant=True)

    def decode(self, data):
        """Decodes one WAV's bytes to float32 `(S,)` at our rate, `seconds` at the most."""
        samples, rate = read_wav(data)
        kept = tf.cast(tf.math.ceil(self.seconds * tf.cast(rate, tf.float32)), tf.int32) + 1
        samples = resample(samples[:kept], rate, self.sample_rate)
        return samples[: math.ceil(self.seconds * self.sample_rate)]

    def _encode(self, cells, decode, tolerant):
        samples, lengths, bad = decode_cells(cells, decode, tf.zeros([0]), tolerant)
        short = tf.maximum(0, self.frame - tf.shape(samples)[1])
        samples = tf.pad(samples, [[0, 0], [0, short]])
        present = (cells != "") & ~bad
        if self.features == "waveform":
            lengths = tf.where(present, tf.maximum(lengths, self.frame), 0)
            return samples, tf.sequence_mask(lengths, tf.shape(samples)[1]), bad
        frames = 1 + tf.maximum(0, lengths - self.frame) // self.hop
        mask = tf.sequence_mask(tf.where(present, frames, 0), 1 + (tf.shape(samples)[1] - self.frame) // self.hop)
        return tf.where(mask[..., None], self._log_mel(samples), 0.0), mask, bad

    def _log_mel(self, samples):
        size = 2 ** math.ceil(math.log2(self.frame))
        spectrum = tf.abs(tf.signal.stft(samples, self.frame, self.hop, size))
        bank = tf.signal.linear_to_mel_weight_matrix(
            self.mel_bins, size // 2 + 1, self.sample_rate, 60.0, self.sample_rate / 2.0
        )
        mel = tf.tensordot(tf.square(spectrum), bank, 1)
        return tf.ensure_shape(tf.math.log(mel + FLOOR), (None, None, self.mel_bins))

    def reason(self, cells, context):
        cell = cells[0]
        if not context.is_bytes and not _soundfile() and not local_path(cell, context).lower().endswith(".wav"):
            return 'only WAV is read without soundfile. Do: pip install "mmkeras[audio]"'
        return unreadable(cell, context, lambda data: self.decode(_as_wav(data)))

    def spec(self):
        spec = {"modality": "Audio", "features": self.features, "sample_rate": self.sample_rate}
        mel = {"mel_bins": self.mel_bins, "frame": self.frame, "hop": self.hop}
        shape = [None] if self.features == "waveform" else [None, self.mel_bins]
        return {**spec, **mel, "shape": shape}

    def get_config(self):
        return {
            **super().get_config(),
            "seconds": self.seconds,
            "sample_rate": self.sample_rate,
            "features": self.features,
            "mel_bins": self.mel_bins,
            "frame_seconds": self.frame_seconds,
            "hop_seconds": self.hop_seconds,
        }


def _soundfile():
    """The soundfile module, or None where it is not installed."""
    try:
        import soundfile
    except (ImportError, OSError):
        return None
    return soundfile


def _as_wav(data):
    """WAV bytes as they are; other containers decoded by soundfile and written as float WAV, at their own rate."""
    is_wav = tf.equal(tf.strings.substr(data, 0, 4), b"RIFF")

    def transcode():
        return tf.ensure_shape(tf.numpy_function(transcode_to_wav, [data], tf.string), [])

    return tf.cond(is_wav, lambda: data, transcode)


def transcode_to_wav(data):
    """Bytes of any container that soundfile reads → bytes of a mono float WAV at the same rate.

    Raises:
        ValueError: soundfile is not installed, or it cannot read them.
    """
    soundfile = _soundfile()
    if soundfile is None:
        raise ValueError('Audio: only WAV is read without soundfile. Do: pip install "mmkeras[audio]"')
    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise ValueError(f"soundfile cannot read these {len(data)} bytes: {error}") from error
    wav = io.BytesIO()
    soundfile.write(wav, samples.mean(axis=1), rate, format="WAV", subtype="FLOAT")
    return wav.getvalue()
