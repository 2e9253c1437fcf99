"""Reads video files through PyAV: a few frames at their times, and the sound track."""

import contextlib
import io

import numpy as np

from data_pipelines.formats.wav_file import wav_file

NO_PYAV = 'video is read through PyAV. Do: pip install "mmkeras[video]"'
LONGEST_SOUND = 2**26  # samples of a track that are read at the most


def sample_clip(data, frames, size, seconds, max_pixels, frame_rate=None, place=0.0, offset=0.5):
    """A few frames of a video, evenly spread over its time, as the bytes of an `.npy` file.

    Args:
        data: bytes of a whole file, in any container and codec that PyAV opens.
        frames: int > 0. How many. Frame i is the one on screen at (i + `offset`) / frames of the time; a video of fewer
            frames gives all of them.
        size: (H, W), pixels.
        seconds: float or None. Only a part of so many.
        max_pixels: int. A video whose pictures are larger is not decoded.
        frame_rate: float or None. Frames a second: frame i is the one at (i + `offset`) / frame_rate, and a video that
            ends before has fewer. Defaults to `None`: spread over all of the part.
        place: float in [0, 1]. How far along the free room the part begins. Defaults to `0.0`: at the start.
        offset: float in [0, 1). Where in its own share of the time each frame lies. Defaults to `0.5`: in the middle.
    Returns:
        bytes of a uint8 array `(F, H, W, 3)`.
    Raises:
        ValueError: no video, no pictures in it, too large ones, or damage where a wanted frame is.
    """
    with _opened(data) as container:
        if not container.streams.video:
            raise ValueError("the file has no pictures, only sound")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise ValueError("the pictures are in a format that PyAV does not know")
        sides = stream.codec_context.height, stream.codec_context.width
        if min(sides) < 1 or sides[0] * sides[1] > max_pixels:
            raise ValueError(f"{sides[0]} × {sides[1]} pixels a frame are more than max_pixels={max_pixels}")
        times = _times(container, stream)
        wanted = _spread(times, stream.time_base, frames, seconds, frame_rate, place, offset)
        found = {}
        # From the key frame before a part on; where a container has no index of them, from the start.
        for start in dict.fromkeys((wanted[0] if place else int(times[0]), int(times[0]))):
            if len(found) < len({*wanted}):
                container.seek(start, stream=stream)
                found = _decode(container, stream, wanted, size, max_pixels)
    lost = [time for time in wanted if time not in found]
    if lost:
        at = float((lost[0] - times[0]) * stream.time_base)
        raise ValueError(f"the frame at {at:.2f} s is damaged, and {len(lost) - 1} more of the {len(wanted)} wanted")
    out = io.BytesIO()
    np.save(out, np.stack([found[time] for time in wanted]))
    return out.getvalue()


def clip_facts(data):
    """What the headers and packets of a video say; nothing is decoded.

    Returns:
        dict: `frames`, `seconds`, `frame rate` (frames a second), `even` ("yes" or "no": whether all frames stay
        equally long), `width`, `height`, `codec`, `sound` (a codec or "none").
    Raises:
        ValueError: no video, or no pictures in it.
    """
    with _opened(data) as container:
        if not container.streams.video:
            raise ValueError("the file has no pictures, only sound")
        stream = container.streams.video[0]
        times = _times(container, stream)
        gaps = np.diff(times)
        stay = float(np.median(gaps)) if len(gaps) else 1.0
        seconds = float((times[-1] - times[0] + stay) * stream.time_base)
        is_even = len(gaps) == 0 or gaps.max() - gaps.min() <= max(1.0, 0.1 * stay)
        sound = container.streams.audio[0].codec_context if container.streams.audio else None
        pictures = stream.codec_context
        return {
            "frames": len(times),
            "seconds": seconds,
            "frame rate": len(times) / seconds if seconds > 0 else 0.0,
            "even": "yes" if is_even else "no",
            "width": pictures.width if pictures else 0,
            "height": pictures.height if pictures else 0,
            "codec": pictures.name if pictures else "unknown",
            "sound": sound.name if sound else "none",
        }


def sound_track(data):
    """The first sound track of a video, mono, as WAV bytes of 32-bit floats at its own rate.

    Raises:
        ValueError: no video, or none with sound.
    """
    with _opened(data) as container:
        import av

        if not container.streams.audio:
            raise ValueError("the video has no sound")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise ValueError("the sound is in a format that PyAV does not know")
        rate = stream.codec_context.sample_rate
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        parts, total = [], 0
        for frame in container.decode(stream):
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray().reshape(-1))
                total += parts[-1].size
            if total > LONGEST_SOUND:
                break
    if not total:
        raise ValueError("the video's sound track is empty")
    return wav_file(np.concatenate(parts).astype("float32"), rate)


def has_pyav():
    """Whether PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


@contextlib.contextmanager
def _opened(data):
    """A container over bytes; whatever PyAV says of them becomes a ValueError."""
    if not has_pyav():
        raise ValueError(NO_PYAV)
    import av

    try:
        with av.open(io.BytesIO(data), metadata_errors="ignore") as container:
            yield container
    except (av.FFmpegError, EOFError, OverflowError, MemoryError) as error:
        raise ValueError(f"PyAV cannot read these {len(data)} bytes: {error}") from error


def _times(container, stream):
    """The times of all frames in order, in the stream's units, from the packets alone: nothing is decoded."""
    times = sorted({packet.pts for packet in container.demux(stream) if packet.pts is not None and packet.size})
    if not times:
        raise ValueError("the video has no frames")
    return np.array(times, "int64")


def _spread(times, unit, frames, seconds, frame_rate, place, offset):
    """The times of the frames on screen at so many moments; `times` and what comes back are in `unit` seconds."""
    gaps = np.diff(times)
    last = int(np.median(gaps)) if len(gaps) else 1  # how long the last frame stays
    length = times[-1] - times[0] + last
    seconds = frames / frame_rate if frame_rate else seconds
    part = length if seconds is None else min(length, max(1, int(seconds / unit)))
    first = times[0] + int(place * (length - part))
    shown = times[np.searchsorted(times, first, side="right") - 1 :]
    shown = shown[shown < first + part]
    if frame_rate is None and len(shown) <= frames:
        return [int(time) for time in shown]
    step = 1 / (frame_rate * unit) if frame_rate else part / frames
    moments = (np.arange(frames) + offset) * step
    moments = first + np.append(moments[:1].clip(max=part - 1), moments[1:][moments[1:] < part])
    return [int(time) for time in shown[np.searchsorted(shown, moments, side="right") - 1]]


def _decode(container, stream, wanted, size, max_pixels):
    """Time → pixels uint8 `(H, W, 3)` of the wanted frames that could be decoded; no other frame is kept."""
    import av

    missing, found = set(wanted), {}
    for packet in container.demux(stream):
        try:
            pictures = packet.decode()
        except av.FFmpegError:
            continue  # A damaged packet; its frame is missed below, if it was wanted.
        for picture in pictures:
            if picture.pts in missing and not picture.is_corrupt and picture.width * picture.height <= max_pixels:
                missing.discard(picture.pts)
                small = picture.reformat(width=size[1], height=size[0], format="rgb24", interpolation="AREA")
                found[picture.pts] = small.to_ndarray()
        if not missing:
            break
    return found
