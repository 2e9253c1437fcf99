"""Opens sounds that TensorFlow does not: FLAC, MP3, Ogg, Opus, and the sound tracks of videos."""

import io

from data_pipelines.formats.probe import probe_video
from data_pipelines.formats.video import LONGEST_SOUND, has_pyav, sound_track

NO_SOUNDFILE = 'only WAV is read without soundfile. Do: pip install "mmkeras[audio]"'


def soundfile_or_none():
    """The soundfile module, or None where it is not installed."""
    try:
        import soundfile
    except (ImportError, OSError):
        return None
    return soundfile


def transcode_to_wav(data):
    """Bytes of any container that soundfile reads, or of a video that PyAV does → a mono float WAV at the same rate.

    Of one of more than `LONGEST_SOUND` samples, so many: a file of silence is unpacked to a thousand times its size.

    Raises:
        ValueError: soundfile is not installed, or it cannot read them.
    """
    if probe_video(data) and has_pyav():
        return sound_track(data)
    soundfile = soundfile_or_none()
    if soundfile is None:
        raise ValueError(f"Audio: {NO_SOUNDFILE}")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = file.samplerate
            samples = file.read(LONGEST_SOUND // file.channels, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, MemoryError) as error:
        said = getattr(error, "error_string", error)
        raise ValueError(f"soundfile cannot read these {len(data)} bytes: {said}") from error
    wav = io.BytesIO()
    soundfile.write(wav, samples.mean(axis=1), rate, format="WAV", subtype="FLOAT")
    return wav.getvalue()
