"""Samples cut into frames that overlap, and frames added up to samples."""

import numpy as np
from keras import ops


def hann_window(frame):
    """The weights of a frame's samples, float32 `(frame,)`, periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)).astype("float32")


def samples_shape(frames_shape, frame, hop):
    """The shape of samples that frames `(B, T, …)` add up to: `(B, (T − 1) · hop + frame)`, open where T is."""
    rows, length = frames_shape[:2]
    return (rows, None if length is None else (length - 1) * hop + frame)


def overlap_add(frames, hop):
    """Sums frames that begin `hop` samples apart, `(B, T, frame)` → `(B, (T − 1) · hop + frame)`."""
    length, frame = ops.shape(frames)[1], frames.shape[-1]
    count = -(-frame // hop)
    frames = ops.pad(frames, [[0, 0], [0, 0], [0, count * hop - frame]])
    total = 0.0
    for place in range(count):
        part = frames[..., place * hop : (place + 1) * hop]
        total = total + ops.pad(part, [[0, 0], [place, count - 1 - place], [0, 0]])
    samples = ops.reshape(total, (ops.shape(frames)[0], (length + count - 1) * hop))
    return samples[:, : (length - 1) * hop + frame]


def cut_frames(samples, frame, hop):
    """The frames of samples, `(B, S)` → `(B, T, frame)`, T = 1 + (S − frame) // hop."""
    count = -(-frame // hop)
    length = (ops.shape(samples)[1] - frame) // hop + 1
    samples = ops.pad(samples, [[0, 0], [0, count * hop - frame]])
    parts = ops.reshape(samples, (ops.shape(samples)[0], length + count - 1, hop))
    frames = [parts[:, place : place + length] for place in range(count)]
    return ops.concatenate(frames, axis=-1)[..., :frame]


def samples_mask(mask, frame, hop):
    """Which samples real frames reach over, bool `(B, T)` → `(B, (T − 1) · hop + frame)`."""
    mask = ops.cast(mask, "bool")
    longer = frame - hop
    samples = ops.repeat(mask, hop, axis=1)
    if longer < 0:
        return samples[:, -longer:]
    return ops.concatenate([ops.repeat(mask[:, :1], longer, axis=1), samples], axis=1)
