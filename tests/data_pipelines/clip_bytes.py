"""Real video files made on the spot."""

import io
from fractions import Fraction

import av
import numpy as np


def clip_bytes(count=12, size=(48, 64), kind="mp4", codec="mpeg4", times=None, sound=None, rate=12):
    """A clip whose frame k is grey of level 20 k, with a white square that stays; the bytes of the whole file.

    `times`: when each frame is shown, in 1/1000 s; else `rate` frames a second. `sound`: samples at 8000 Hz.
    """
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = size
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        stream.gop_size = 4
        if times is not None:
            stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if stream.codec_context.bit_rate is not None and codec == "mpeg4":
            stream.bit_rate = 4_000_000
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound is not None else None
        for place in range(count):
            pixels = np.full((*size, 3), 20 * place, "uint8")
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[place], Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
        if track is not None:
            _write_sound(container, track, sound)
    return file.getvalue()


def sound_only(samples):
    """A Matroska file with a sound track and no pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        _write_sound(container, track, samples)
    return file.getvalue()


def _write_sound(container, track, samples):
    samples = (np.asarray(samples) * 32767).astype("int16")[None]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = 8000
    for packet in [*track.encode(frame), *track.encode()]:
        container.mux(packet)
