"""Looks at media without decoding them: sizes, rates, lengths."""

import io
import struct

import numpy as np


def probe_image(data):
    """(height, width) in pixels as a picture's header says, or None where it is no picture that we decode."""
    if data[:4] == b"\x89PNG" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
    elif data[:4] == b"GIF8" and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
    elif data[:2] == b"BM" and len(data) >= 26:
        width, height = struct.unpack("<ii", data[18:26])
    elif data[:3] == b"\xff\xd8\xff":
        return _probe_jpeg(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _probe_webp(data)
    else:
        return None
    return abs(height), abs(width)


def probe_video(data):
    """Whether bytes begin as a video file does: mp4, mov, webm, mkv, avi, flv, wmv or MPEG."""
    starts = (b"\x1aE\xdf\xa3", b"FLV", b"\x30\x26\xb2\x75", b"\x00\x00\x01\xba")
    boxed = data[4:8] in (b"ftyp", b"moov", b"mdat", b"wide")
    return boxed or data.startswith(starts) or (data[:4] == b"RIFF" and data[8:12] == b"AVI ")


def probe_array(data):
    """The shape of the array in the bytes of an `.npy` file, or None where it is none."""
    if not data.startswith(b"\x93NUMPY"):
        return None
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(file)[0]
    except ValueError:
        return None


def _probe_jpeg(data):
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker, size = data[place + 1], struct.unpack(">H", data[place + 2 : place + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack(">HH", data[place + 5 : place + 9])
        place += 2 + size
    return None


def _probe_webp(data):
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return height & 0x3FFF, width & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    return int.from_bytes(data[27:30], "little") + 1, int.from_bytes(data[24:27], "little") + 1


def probe_sound(data):
    """(sample rate in Hz, seconds) of a recording, or None where it cannot be opened."""
    try:
        import soundfile
    except (ImportError, OSError):
        return _probe_wav(data)
    try:
        facts = soundfile.info(io.BytesIO(data))
    except (soundfile.SoundFileError, RuntimeError):
        return None
    return (facts.samplerate, facts.frames / facts.samplerate) if facts.samplerate else None


def _probe_wav(data):
    import wave

    try:
        with wave.open(io.BytesIO(data)) as file:
            return file.getframerate(), file.getnframes() / file.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return None
