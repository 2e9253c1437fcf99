"""Recordings and clips of which training draws another part every time: a cache keeps their files, not a part."""

import functools

import tensorflow as tf

from data_pipelines.augmentation.seeds import with_seeds
from data_pipelines.modalities.media import Media
from data_pipelines.naming import MASK


class KeptFile(Media):
    """Stands in for a modality until its cells are out of a cache: gives the bytes of a cell that can be decoded.

    Args:
        modality: `Media` with a `crop`.
    """

    def __init__(self, modality):
        super().__init__(modality.column)
        self.modality = modality

    @property
    def kind(self):
        return self.modality.kind

    @property
    def empty(self):
        return tf.constant([""])

    def locate(self, cell, media_root):
        return self.modality.locate(cell, media_root)

    def read(self, cell, context):
        return self.modality.read(cell, context)

    def open(self, data, seed=None):
        with tf.control_dependencies([self.modality.open_whole(data)]):
            return self.modality.kept(data)[None]

    def prepared_for(self):
        return self.modality.prepared_for()

    def collate(self, value, lengths, present):
        return value[:, 0], present

    def reason(self, cells, context):
        return self.modality.reason(cells, context)


def keep_files(inputs):
    """The inputs as a cache keeps them: files where parts are drawn from them, else what is decoded."""
    return {name: KeptFile(modality) if modality.crop else modality for name, modality in inputs.items()}


def open_kept(dataset, inputs, seed=None, passes=0, rows=0):
    """Rows `(x, y, w)` out of such a cache → rows as any other.

    Args:
        dataset: `tf.data.Dataset` of rows, in the order of a pass.
        inputs: dict name → modality.
        seed: int, which draws the parts, or None: the beginning. Defaults to `None`.
        passes, rows: see `with_seeds`.
    """
    cropped = {name: modality for name, modality in inputs.items() if modality.crop}
    if not cropped:
        return dataset

    def opened(row, seed=None):
        x, y, w = row
        x = dict(x)
        for name, modality in cropped.items():
            value = tf.cond(x[name + MASK], functools.partial(modality.open, x[name], seed), lambda m=modality: m.empty)
            value, mask = modality.collate(value[None], tf.shape(value)[:1], x[name + MASK][None])
            x[name] = tf.ensure_shape(value[0], [None, *modality.empty.shape[1:]])
            x[name + MASK] = tf.ensure_shape(mask[0], [None])
        return x, y, w

    if seed is None:
        return dataset.map(lambda *row: opened(row), tf.data.AUTOTUNE)
    return with_seeds(dataset, seed, passes, rows).map(opened, tf.data.AUTOTUNE)
