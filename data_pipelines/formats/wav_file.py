"""Writes samples as the bytes of a WAV file."""

import struct

import numpy as np

PCM, FLOAT = 1, 3


def wav_file(samples, rate):
    """The bytes of a WAV file.

    Args:
        samples: array `(S,)` or `(S, C)`: floats in [-1, 1], kept as 32-bit floats, or integers, kept as they are in 8
            bits (uint8), 16 or 32, the least that hold them.
        rate: int, Hz.
    Returns:
        bytes.
    """
    samples = np.asarray(samples)
    channels = samples.shape[1] if samples.ndim > 1 else 1
    kind = "<f4" if samples.dtype.kind == "f" else _integer(samples)
    body = np.ascontiguousarray(samples, kind).tobytes()
    size = np.dtype(kind).itemsize
    code = FLOAT if kind == "<f4" else PCM
    layout = struct.pack("<HHIIHH", code, channels, rate, rate * channels * size, channels * size, 8 * size)
    head = struct.pack("<4sI4s4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", len(layout))
    return head + layout + struct.pack("<4sI", b"data", len(body)) + body


def _integer(samples):
    if samples.dtype == np.uint8:
        return "u1"
    low, high = (int(samples.min()), int(samples.max())) if samples.size else (0, 0)
    return "<i2" if low >= -(2**15) and high < 2**15 else "<i4"
