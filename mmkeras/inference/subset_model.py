"""A model that is asked with some of its inputs hidden: each is encoded once, what follows is run for each subset."""

import functools

import keras
from keras import ops

from data_pipelines.naming import MASK
from mmkeras.inference.graph_part import GraphPart
from mmkeras.inference.meeting import generates, meeting
from mmkeras.inference.seen_batch import SeenBatch

NUMBERS = 2**21  # of tokens, which go through what follows at once
VECTOR = 4096


class SubsetModel:
    """Asks a model what it says without some of its inputs: the same as if they were absent.

    A functional model is cut where its inputs first meet. What stands before is run once for a batch and once for a row
    that has nothing, whose tokens stand in for those of a hidden input. A model without such a place, such as an
    ensemble, is run as a whole each time.

    Args:
        model: `keras.Model`, dict in, dict out, that needs no labels, see `mmkeras.generator`.
        names: its inputs, list of str; each has a mask under its name + `"_mask"`.
    Example:
        >>> batch = SubsetModel(model, ["title", "picture"]).see(x)
        >>> both, title_alone = batch.hiding([(), ("picture",)])
    """

    def __init__(self, model, names):
        self.model, self.names = model, list(names)
        self.owners = {key: name for name in names for key in (name, name + MASK)}
        self.is_small = not generates(model) and all(map(_is_vector, getattr(model, "outputs", ())))
        self._fronts = {}
        self.most = 0  # rows of a batch so far

    @functools.cached_property
    def tensors(self):
        """Dict input → key → symbolic tensor where the model is cut; empty where it is run as a whole."""
        met = meeting(self.model, self.owners)
        return {name: {f"{name}/{place}": t for place, t in enumerate(found)} for name, found in met.items()}

    @functools.cached_property
    def rest(self):
        """What follows, as a model."""
        columns = {key: self.names.index(name) for name, tensors in self.tensors.items() for key in tensors}
        ends = {key: tensor for tensors in self.tensors.values() for key, tensor in tensors.items()}
        return self._run_alike(_Rest(GraphPart(ends, self.model.output), columns))

    def front(self, names):
        """The part that encodes some inputs, list of str."""
        names = tuple(names)
        if names not in self._fronts:
            starts = {key: tensor for key, tensor in self.model.input.items() if self.owners[key] in names}
            ends = {key: tensor for name in names for key, tensor in self.tensors[name].items()}
            self._fronts[names] = self._run_alike(GraphPart(starts, ends))
        return self._fronts[names]

    def _run_alike(self, part):
        """A part that is compiled as the model is."""
        part.run_eagerly = self.model.run_eagerly
        if not self.model.jit_compile:
            part.jit_compile = False
        return part

    def see(self, x):
        """A batch, dict of arrays, that can be asked about."""
        return SeenBatch(self, x)

    def together(self, numbers, subsets):
        """How many of some subsets are answered at once, where the tokens of a batch are so many numbers."""
        most = max(1, NUMBERS // max(1, numbers)) if self.is_small else 1
        return -(-subsets // -(-subsets // most))


class _Rest(keras.Model):
    """What follows the encoders, for rows put together of the tokens of others."""

    def __init__(self, part, columns):
        super().__init__(name="rest", dtype="float32", autocast=False)
        self.part = part
        self.columns = columns
        self.built = True

    def call(self, inputs, training=False):
        rows = inputs["rows"]
        picked = {
            name: [ops.take(value, rows[:, self.columns[name]], axis=0) for value in found]
            for name, found in inputs["tokens"].items()
        }
        return self.part(picked, training=training)


def _is_vector(tensor):
    return len(tensor.shape) < 3 and (tensor.shape[-1] or VECTOR) < VECTOR
