"""A batch of rows that a model is asked about, more than once."""

import keras
import numpy as np
from keras import ops

from data_pipelines.naming import without_inputs
from mmkeras.inference.retracing import retracing_unsaid


class SeenBatch:
    """A batch of which each input is encoded at most once.

    Args:
        asked: `SubsetModel`.
        x: dict of arrays; what the model does not take is left out.
    """

    def __init__(self, asked, x):
        self.asked = asked
        self.x = {key: np.asarray(value) for key, value in x.items() if key in asked.owners}
        self.rows = len(next(iter(self.x.values())))
        self._encoded = None
        asked.most = max(asked.most, self.rows)

    def whole(self):
        """The predictions, dict target → array, of the whole model at once."""
        return self._asked_whole(self.x)

    def hiding(self, subsets):
        """The predictions without some inputs.

        Args:
            subsets: list of collections of names of inputs to hide.
        Returns:
            list of dicts target → array, one for each subset.
        """
        if not self.asked.tensors or not self._fits():
            return [self._asked_whole(without_inputs(self.x, hidden, np.zeros_like)) for hidden in subsets]
        tokens = self._tokens()
        numbers = sum(int(np.prod(value.shape)) for value, *_ in tokens.values())
        size = self.asked.together(numbers, len(subsets))
        found = []
        for first in range(0, len(subsets), size):
            hidden = list(subsets[first : first + size])
            # As many each time, for each other number is compiled anew.
            hidden += [()] * (size - len(hidden))
            found += self._answers(tokens, hidden)
        return found[: len(subsets)]

    def replacing(self, x):
        """The same batch with other values and masks of some inputs: only these are encoded anew."""
        other = SeenBatch(self.asked, {**self.x, **x})
        if self._encoded is not None:
            changed = {self.asked.owners[key] for key in x if key in self.asked.owners}
            anew = other._encode([name for name in self.asked.tensors if name in changed])
            other._encoded = {**self._encoded, **anew}
        return other

    def _fits(self):
        """Whether values have the axes that the model names; whole models add or drop one."""
        return all(self.x[key].ndim == len(tensor.shape) for key, tensor in self.asked.model.input.items())

    def _asked_whole(self, x):
        taken = getattr(self.asked.model, "input", None)
        x = {key: value for key, value in x.items() if key in taken} if isinstance(taken, dict) else x
        return {t: np.asarray(value) for t, value in _ask(self.asked.model, x).items()}

    def _tokens(self):
        if self._encoded is None:
            self._encoded = self._encode(list(self.asked.tensors))
        return self._encoded

    def _encode(self, names):
        """What inputs come to, and behind the rows, what a row comes to that lacks them.

        A short batch is filled up with such rows, for another number of rows is compiled anew.
        """
        lacking = self.asked.most + 1 - self.rows
        given = {key: value for key, value in self.x.items() if self.asked.owners[key] in names}
        given = {key: np.pad(v, [(0, lacking), *[(0, 0)] * (v.ndim - 1)]) for key, v in given.items()}
        return keras.tree.map_structure(ops.convert_to_tensor, _ask(self.asked.front(names), given))

    def _answers(self, tokens, subsets):
        # What draws by chance draws as much as it would for the rows alone.
        count = self.asked.most if self.asked.is_small else self.rows
        rows = np.full((len(subsets), count, len(self.asked.names)), self.rows, "int32")
        for place, hidden in enumerate(subsets):
            is_shown = [name not in hidden for name in self.asked.names]
            rows[place, : self.rows, is_shown] = np.arange(self.rows)
        given = _ask(self.asked.rest, {"rows": rows.reshape(-1, rows.shape[-1]), "tokens": tokens})
        parts = {target: np.split(np.asarray(value), len(subsets)) for target, (value, *_) in given.items()}
        return [{target: part[place][: self.rows] for target, part in parts.items()} for place in range(len(subsets))]


def _ask(model, x):
    with retracing_unsaid():
        return model.predict_on_batch(x)
