"""Small pictures and recordings, written byte by byte or by Pillow and soundfile."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import soundfile


def picture(height=16, width=12, channels=3):
    """A smooth uint8 picture that is different in every corner and every channel."""
    down, right = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    layers = [40 + 180 * down, 220 - 150 * right, 60 + 90 * down + 80 * right, 30 + 200 * right]
    return np.stack(layers[:channels], -1).round().astype("uint8")


def image_bytes(array, form="PNG", mode=None, **options):
    """A picture file written by Pillow."""
    image = array if isinstance(array, PIL.Image.Image) else PIL.Image.fromarray(array)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, form, **options)
    return file.getvalue()


def png_bytes(width, height, bits, colour, rows):
    """A PNG from its raw rows: `bits` a channel, PNG colour type, an iterable of the bytes of each row."""
    pack = zlib.compressobj(1)
    body = b"".join([*(pack.compress(b"\0" + row) for row in rows), pack.flush()])

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tone(frequency, seconds=0.5, rate=8000, height=0.5):
    """A sine, float64 `(S,)`."""
    return height * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def wav_bytes(samples, rate=8000, bits=16, real=False, extensible=False, before=b"", size=None):
    """A WAV file.

    Args:
        samples: array `(S,)` or `(S, C)` in [-1, 1).
        real: floats instead of integers.
        extensible: a WAVE_EXTENSIBLE header.
        before: chunks that stand before the samples.
        size: what the header says of the size of the samples. Defaults to `None`: the truth.
    """
    samples = np.asarray(samples, "float64")
    samples = samples[:, None] if samples.ndim == 1 else samples
    channels = samples.shape[1]
    if real:
        body = samples.astype(f"<f{bits // 8}").tobytes()
    else:
        whole = np.clip(np.round(samples * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype("<i8")
        whole = whole + 128 if bits == 8 else whole
        body = whole.reshape(-1, 1).view("uint8")[:, : bits // 8].tobytes()
    code = 3 if real else 1
    frame = channels * bits // 8
    layout = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * frame, frame, bits)
    if extensible:
        layout += struct.pack("<HHIH", 22, bits, 0, code) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    size = len(body) if size is None else size
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + before + b"data" + struct.pack("<I", size) + body
    return b"RIFF" + struct.pack("<I", (len(chunks) + 4) & 0xFFFFFFFF) + b"WAVE" + chunks


def sound_bytes(samples, rate=8000, form="FLAC", subtype=None):
    """A recording written by soundfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()
