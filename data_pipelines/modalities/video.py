"""Clips: a few frames of a video, evenly spread over its time."""

import functools

import tensorflow as tf

from data_pipelines.branches import in_python, rarely
from data_pipelines.clips import sample_clip
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import modality
from data_pipelines.npy import is_npy, read_npy


@modality
class Video(Media):
    """A clip as F frames, floats in [0, 1].

    Files are read through PyAV: mp4, webm, mkv, mov, avi, gif and whatever else it opens. An exported model, which has
    no PyAV, takes the frames as the bytes of an `.npy` file, uint8 `(F, H, W, 3)`; `Video.as_served` makes them, and
    `.npy` files are read as they are. Its sound is a column of its own: `Audio` reads the sound track of a video.

    Args:
        frames: int > 0. Frames evenly spread over the clip's time; a clip of fewer has fewer. Defaults to `8`.
        size: int or (H, W), pixels > 0. What every frame is resized to. Defaults to `64`.
        seconds: float > 0 or None. Only so much from the start. Defaults to `None`: the whole clip.
        max_pixels: int > 0. A clip whose frames are larger is refused before it is decoded. Defaults to 16 million.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, F, H, W, 3)`, mask bool `(B, F)`; zeros where absent.
    Raises:
        ValueError: a number that is not positive.
    Example:
        >>> Video(frames=4, size=32).spec()["shape"]
        [None, 32, 32, 3]
    """

    def __init__(self, frames=8, size=64, seconds=None, max_pixels=16_000_000, column=None):
        super().__init__(column)
        size = (size, size) if isinstance(size, int) else tuple(int(side) for side in size)
        if frames < 1 or len(size) != 2 or min(size) < 1 or (seconds is not None and not seconds > 0):
            raise ValueError(
                "Video: frames, size and seconds must be > 0. "
                f"Received: frames={frames}, size={size}, seconds={seconds}. Do: frames=8, size=64."
            )
        self.frames = int(frames)
        self.size = size
        self.seconds = None if seconds is None else float(seconds)
        self.max_pixels = int(max_pixels)

    @property
    def most(self):
        return self.frames

    @property
    def empty(self):
        return tf.zeros([0, *self.size, 3])

    def as_served(self, data):
        """`.npy` bytes as they are; of a video, its frames as such."""
        way = {"frames": self.frames, "size": self.size, "seconds": self.seconds, "max_pixels": self.max_pixels}
        sample = functools.partial(sample_clip, **way)
        return tf.cond(is_npy(data), lambda: data, rarely(lambda: in_python(sample, data)))

    def prepare(self, data):
        """The frames of a video as `.npy` bytes; such bytes as they are."""
        fitted = not data.startswith(b"\x93NUMPY")
        clip = sample_clip(data, self.frames, self.size, self.seconds, self.max_pixels) if fitted else data
        return super().prepare(clip)[0], fitted

    def prepared_for(self):
        return {"frames": self.frames, "size": list(self.size), "seconds": self.seconds}

    def decode(self, data):
        """Decodes `.npy` bytes to `(F, H, W, 3)`, of `frames` at the most, evenly spread."""
        known = tf.debugging.Assert(is_npy(data), ["a served clip must be .npy bytes of uint8 (F, H, W, 3)"])
        with tf.control_dependencies([known]):
            kind, sides, body = read_npy(tf.identity(data))
        right = tf.debugging.Assert(
            (kind == b"|u1") & (tf.size(sides) == 4) & (sides[-1] == 3) & (tf.reduce_min(sides) > 0),
            ["a clip must be uint8 of shape (F, H, W, 3), not", kind, sides],
        )
        with tf.control_dependencies([right]):
            pixels = tf.io.decode_raw(body, tf.uint8)
        size = tf.reduce_prod(tf.cast(sides, tf.int64))
        whole = tf.debugging.Assert(tf.size(pixels, tf.int64) == size, ["the clip is cut short"])
        with tf.control_dependencies([whole]):
            clip = tf.reshape(pixels, sides)
        count = tf.minimum(sides[0], self.frames)
        middles = (tf.cast(tf.range(count), tf.float64) + 0.5) * tf.cast(sides[0], tf.float64)
        clip = tf.gather(clip, tf.cast(middles / tf.cast(count, tf.float64), tf.int32))
        clip = tf.ensure_shape(clip, (None, None, None, 3))
        same = tf.reduce_all(sides[1:3] == self.size)
        resized = tf.cond(
            same, lambda: tf.cast(clip, tf.float32), lambda: tf.image.resize(clip, self.size, antialias=True)
        )
        return tf.ensure_shape(resized / 255.0, (None, *self.size, 3))

    def spec(self):
        return {"modality": "Video", "frames": self.frames, "shape": [None, *self.size, 3]}

    def get_config(self):
        own = {"frames": self.frames, "size": list(self.size), "seconds": self.seconds, "max_pixels": self.max_pixels}
        return {**super().get_config(), **own}
