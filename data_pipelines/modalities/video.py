"""Clips: a few frames of a video, evenly spread over its time or at a rate."""

import functools

import tensorflow as tf

from data_pipelines.augmentation.images import PICTURES, vary_pictures
from data_pipelines.augmentation.parts import checked_crop, draw_place
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.media_cells import MAX_BYTES, check_size
from data_pipelines.field_spec import FieldSpec
from data_pipelines.formats.branches import in_python, rarely
from data_pipelines.formats.npy import is_npy, read_npy, shaped
from data_pipelines.formats.video import sample_clip
from data_pipelines.modalities.media import Media
from data_pipelines.modalities.modality import modality

ALL = 2**31  # more frames than any clip has


@modality
class Video(Media):
    """A clip as F frames, floats in [0, 1].

    Files are read through PyAV: mp4, webm, mkv, mov, avi, gif and whatever else it opens. An exported model, which has
    no PyAV, takes the frames as the bytes of an `.npy` file, uint8 `(F, H, W, 3)`; `Video.as_served` makes them, and
    `.npy` files are read as they are. Its sound is a column of its own: `Audio` reads the sound track of a video.

    Args:
        frames: int > 0. Frames evenly spread over the clip's time; a clip of fewer has fewer. Defaults to `8`.
        size: int or (H, W), pixels > 0. What every frame is resized to. Defaults to `64`.
        seconds: float > 0 or None. Only so much, from the start unless `crop` says otherwise. Defaults to `None`: the
            whole clip.
        frame_rate: float > 0 or None. Frames a second: the part is `frames / frame_rate` seconds, and of a shorter clip
            there are fewer. Defaults to `None`: spread over all of the part.
        crop: None or `"random"`. In training, `seconds`, or what `frames` take at a `frame_rate`, begin anywhere, and
            frames lie anywhere in their own share of the time, another place every time: not where a target tells what
            happens from start to end. Evaluation and exported models take the start, and the middle of each
            share. Defaults to `None`: so does training.
        augment: None or dict, in training only, the same for all frames of a clip: `flip`, `shift`, `zoom`, `rotate`,
            `brightness` and `contrast`, as `Image` has them; `flip` not where left and right matter.
            Defaults to `None`.
        max_pixels: int > 0. A clip whose frames are larger is refused before it is decoded. Defaults to 16 million.
        max_bytes: int > 0. An `.npy` clip that takes more memory to read is a bad cell: its own bytes, those of the
            frames taken, and 12 for each of their columns times the height of `size`. Defaults to 256 MiB.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, F, H, W, 3)`, mask bool `(B, F)`; zeros where absent. Frames of an `.npy` file have no times: they
        are taken as evenly spread over all of it, whatever `seconds` and `frame_rate` say.
    Raises:
        ValueError: a number that is not positive, a size too large for `max_bytes`, `seconds` beside
            `frame_rate`, a wrong `crop` or `augment`.
    Example:
        >>> Video(frames=4, size=32).spec().shape
        (None, 32, 32, 3)
    """

    def __init__(
        self,
        frames=8,
        size=64,
        seconds=None,
        frame_rate=None,
        crop=None,
        augment=None,
        max_pixels=16_000_000,
        max_bytes=MAX_BYTES,
        column=None,
    ):
        super().__init__(column)
        size = (size, size) if isinstance(size, int) else tuple(int(side) for side in size)
        times = [time for time in (seconds, frame_rate) if time is not None]
        if frames < 1 or len(size) != 2 or min(size) < 1 or not all(time > 0 for time in times):
            raise ValueError(
                "Video: frames, size and seconds must be > 0, and so must frame_rate. Received: "
                f"frames={frames}, size={size}, seconds={seconds}, frame_rate={frame_rate}. Do: frames=8, size=64."
            )
        if len(times) > 1:
            raise ValueError(
                "Video: a part is frames / frame_rate seconds long. "
                f"Received: seconds={seconds} and frame_rate={frame_rate}. Do: one of both."
            )
        check_size("Video", size, max_bytes, frames)
        self.frames = int(frames)
        self.size = size
        self.seconds = None if seconds is None else float(seconds)
        self.frame_rate = None if frame_rate is None else float(frame_rate)
        self.crop = checked_crop("Video", crop)
        self.augment_with = checked_augment("Video", augment, PICTURES, "'flip': True")
        if min(max_pixels, max_bytes) < 1:
            raise ValueError(
                "Video: max_pixels and max_bytes must be > 0. Received: "
                f"max_pixels={max_pixels}, max_bytes={max_bytes}. Do: leave them out."
            )
        self.max_pixels = int(max_pixels)
        self.max_bytes = int(max_bytes)

    @property
    def most(self):
        return self.frames

    @property
    def empty(self):
        return tf.zeros([0, *self.size, 3])

    def as_served(self, data):
        """`.npy` bytes as they are; of a video, its frames as such."""
        return self._sampled(data, self._sample)

    def open(self, data, seed=None):
        if not self.crop or seed is None:
            return super().open(data)
        place, offset = tf.unstack(draw_place(seed))
        sample = lambda data, place, offset: self._sample(data, place=float(place), offset=float(offset))  # noqa: E731
        return self.decode(self._sampled(data, sample, place, offset), offset)

    def open_whole(self, data):
        if not self.crop:
            return super().open_whole(data)
        with tf.control_dependencies([self._sampled(data, self._check_frames)]):
            return self.open(tf.identity(data))

    def kept(self, data):
        return data

    def _sampled(self, data, sample, *drawn):
        return tf.cond(is_npy(data), lambda: data, rarely(lambda: in_python(sample, data, *drawn)))

    @property
    def _sample(self):
        """A function from a video's bytes to those of its frames."""
        way = {"frames": self.frames, "size": self.size, "seconds": self.seconds, "frame_rate": self.frame_rate}
        return functools.partial(sample_clip, **way, max_pixels=self.max_pixels)

    def _check_frames(self, data):
        """Decodes all frames, as tiny ones, since any may be drawn; gives the bytes back."""
        sample_clip(data, ALL, (1, 1), None, self.max_pixels)
        return data

    def prepare(self, data):
        """The frames of a video as `.npy` bytes; such bytes, and a video from which frames are drawn, as they are."""
        fitted = not self.crop and not data.startswith(b"\x93NUMPY")
        return super().prepare(self._sample(data) if fitted else data)[0], fitted

    def prepared_for(self):
        fitted = {"frames": self.frames, "size": list(self.size), "seconds": self.seconds}
        more = {"frame_rate": self.frame_rate, "crop": self.crop}
        return {**fitted, **{name: value for name, value in more.items() if value is not None}}

    def decode(self, data, offset=0.5):
        """Decodes `.npy` bytes to `(F, H, W, 3)`, of `frames` at the most, evenly spread."""
        known = tf.debugging.Assert(is_npy(data), ["a served clip must be .npy bytes of uint8 (F, H, W, 3)"])
        with tf.control_dependencies([known]):
            kind, sides, body, in_fortran = read_npy(tf.identity(data))
        right = tf.debugging.Assert(
            (kind == b"|u1") & (tf.size(sides) == 4) & (sides[-1] == 3) & (tf.reduce_min(sides) > 0),
            ["a clip must be uint8 of shape (F, H, W, 3), not", kind, sides],
        )
        with tf.control_dependencies([right]):
            sides = tf.identity(sides)
        with tf.control_dependencies(self._bounded(sides, in_fortran)):
            pixels = tf.io.decode_raw(body, tf.uint8)
        size = tf.reduce_prod(tf.cast(sides, tf.int64))
        whole = tf.debugging.Assert(tf.size(pixels, tf.int64) == size, ["the clip is cut short"])
        with tf.control_dependencies([whole]):
            clip = shaped(pixels, sides, in_fortran)
        count = tf.minimum(sides[0], self.frames)
        middles = (tf.cast(tf.range(count), tf.float64) + offset) * tf.cast(sides[0], tf.float64)
        clip = tf.gather(clip, tf.cast(middles / tf.cast(count, tf.float64), tf.int32))
        clip = tf.ensure_shape(clip, (None, None, None, 3))
        same = tf.reduce_all(sides[1:3] == self.size)
        resized = tf.cond(
            same, lambda: tf.cast(clip, tf.float32), lambda: tf.image.resize(clip, self.size, antialias=True)
        )
        return tf.ensure_shape(resized / 255.0, (None, *self.size, 3))

    def _bounded(self, sides, in_fortran):
        """The checks that a clip of these sides, int32 `(4,)`, is within both bounds."""
        frames, height, width, _ = tf.unstack(tf.cast(sides, tf.float32), 4)
        taken = tf.minimum(frames, self.frames)
        turned = tf.where(in_fortran, frames, 0.0)
        size = 3.0 * (frames + turned + taken) * height * width + 12.0 * taken * self.size[0] * width
        small = [sides, "more pixels a frame than max_pixels =", self.max_pixels]
        light = ["a clip of shape", sides, "takes more memory to read than max_bytes =", self.max_bytes]
        return [
            tf.debugging.Assert(height * width <= self.max_pixels, small),
            tf.debugging.Assert(size <= self.max_bytes, light),
        ]

    def augment(self, value, mask, seed):
        if not self.augment_with:
            return value
        shape = tf.shape(value)
        pictures = tf.reshape(value, [-1, *self.size, 3])
        varied = vary_pictures(pictures, seed, **self.augment_with, frames=tf.maximum(shape[1], 1))
        return tf.where(mask[..., None, None, None], tf.ensure_shape(tf.reshape(varied, shape), value.shape), value)

    def spec(self):
        shape, details = (None, *self.size, 3), {"frames": self.frames}
        return FieldSpec("Video", shape, "float32", (None,), self.most, details=details)

    def get_config(self):
        part = {"seconds": self.seconds, "frame_rate": self.frame_rate, "crop": self.crop}
        more = {"augment": self.augment_with or None, "max_pixels": self.max_pixels, "max_bytes": self.max_bytes}
        return {**super().get_config(), "frames": self.frames, "size": list(self.size), **part, **more}
