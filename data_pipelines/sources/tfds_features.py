"""What becomes of each feature of a TensorFlow Datasets set: its column, and how a value becomes a cell."""

import functools

import numpy as np
import tensorflow as tf

from data_pipelines.formats.wav_file import wav_file
from data_pipelines.sources.frames import clip_of, npy_bytes


class Leaf:
    """One column.

    Attributes:
        path: tuple of str. The keys that lead to the value.
        name: str. The column: the path joined by `/`.
        write: callable, value → what `cells_of` takes; None where no cell can hold it.
        is_media: bool. Whether cells are bytes.
        is_encoded: bool. Whether the value is wanted as it lies in the file, undecoded.
        needs_rate: bool. Whether this is a recording whose sample rate nobody told.
        feature: the feature, for messages.
    """

    def __init__(self, path, feature, write, is_media=False, is_encoded=False, needs_rate=False):
        self.path = path
        self.name = "/".join(path) or "value"
        self.feature = feature
        self.write = write
        self.is_media = is_media
        self.is_encoded = is_encoded
        self.needs_rate = needs_rate

    def value(self, example):
        """The value in an example."""
        return functools.reduce(lambda part, key: part[key], self.path, example)


def leaves_of(feature, frames, sample_rate, path=(), depth=0):
    """Every column that a feature gives, in order.

    Args:
        feature: `tfds.features.FeatureConnector`.
        frames: int > 0. Most frames of a clip.
        sample_rate: int or None. Of recordings whose feature does not tell it, Hz.
        path: tuple of str. The keys that lead here.
        depth: int. How many sequences this is inside of.
    Returns:
        list of `Leaf`.
    """
    from tensorflow_datasets import features as kinds

    if isinstance(feature, kinds.FeaturesDict):
        inner = [leaves_of(part, frames, sample_rate, (*path, key), depth) for key, part in feature.items()]
        return [leaf for leaves in inner for leaf in leaves]
    is_clip = isinstance(feature, kinds.Video)
    if isinstance(feature, kinds.Sequence) and not isinstance(feature, kinds.Dataset) and not is_clip:
        return leaves_of(feature.feature, frames, sample_rate, path, depth + 1)
    if isinstance(feature, kinds.Image):
        is_clip, depth = depth == 1, depth - (depth == 1)
    if is_clip:
        write = None if depth else functools.partial(_clip, frames=frames)
        return [Leaf(path, feature, write, is_media=True, is_encoded=True)]
    if isinstance(feature, kinds.Image | kinds.Audio):
        return [_single(path, feature, sample_rate, depth)]
    return [_values(path, feature, depth)]


def _clip(pictures, frames):
    return clip_of(list(pictures), frames)


def _single(path, feature, sample_rate, depth):
    """A picture or a recording; a list of recordings fits no cell."""
    from tensorflow_datasets import features as kinds

    if depth:
        return Leaf(path, feature, None)
    is_picture = isinstance(feature, kinds.Image)
    # Pictures of floats, such as depths, lie in the file as if they had four colours.
    if is_picture and feature.np_dtype == np.float32:
        return Leaf(path, feature, lambda value: npy_bytes(value[..., 0]), is_media=True)
    if is_picture or feature.to_json_content().lazy_decode:
        return Leaf(path, feature, bytes, is_media=True, is_encoded=True)
    rate = feature.sample_rate or sample_rate
    if not rate:
        return Leaf(path, feature, None, needs_rate=True)
    return Leaf(path, feature, functools.partial(wav_file, rate=int(rate)), is_media=True)


def _values(path, feature, depth):
    """Labels by name, texts, numbers and lists of them; arrays of numbers as series; nothing for a set in a set."""
    from tensorflow_datasets import features as kinds

    if isinstance(feature, kinds.Dataset):
        return Leaf(path, feature, None)
    if isinstance(feature, kinds.ClassLabel):
        names = list(feature.names) if feature.num_classes else []
        return Leaf(path, feature, functools.partial(_listed, item=functools.partial(_named, names=names)))
    is_series = isinstance(feature, kinds.Tensor) and not isinstance(feature, kinds.BBoxFeature) and feature.shape
    if is_series and depth < 2 and np.dtype(feature.np_dtype).kind in "biuf":
        return Leaf(path, feature, npy_bytes, is_media=True)
    return Leaf(path, feature, functools.partial(_listed, item=_readable))


def _named(number, names):
    """A class by its name; nothing for −1, which stands for a label kept secret."""
    return None if number < 0 else names[number] if number < len(names) else number


def _readable(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _listed(value, item):
    """A value as Python lists, as deep as it is, of what `item` makes of the innermost."""
    if isinstance(value, tf.RaggedTensor | tf.compat.v1.ragged.RaggedTensorValue):
        value = value.to_list()
    elif isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return [_listed(inner, item) for inner in value] if isinstance(value, list) else item(value)
