"""What the report needs of rows that pass by once."""

import itertools

import numpy as np

from mmkeras.inference.finite_answers import without_answer
from mmkeras.inference.raw_rows import raw_rows
from mmkeras.reporting.cards import Gallery
from mmkeras.views.tallies import AbsenceTally, target_tallies


class ReportRows:
    """Counts what rows tell and keeps a few of them, while somebody else asks the model about them.

    Args:
        pipe: adapted `Pipeline`.
        rows: `Rows`.
        examples: int >= 0. Rows to keep, see `report`. Defaults to `24`.
    Attributes:
        tallies: dict target → tally, where there is one for its modality.
        absence: `AbsenceTally`.
        gallery: `Gallery` of the first target that has labels.
    """

    def __init__(self, pipe, rows, examples=24):
        self.tallies = target_tallies(pipe.targets, len(rows))
        self.absence, self.gallery = AbsenceTally(pipe), Gallery(pipe, len(rows), examples)
        self._cells = raw_rows(rows, list(dict.fromkeys([*pipe.input_columns(), *pipe.target_columns()])))

    def add(self, x, y, w, predictions):
        """Looks at a batch, dicts of arrays; batches come in order and lack no row."""
        w, predictions = dict(w), dict(predictions)
        for name, prediction in predictions.items():
            none = without_answer(prediction)
            if none.any():
                self.absence.unanswered += int(none.sum())
                w[name], predictions[name] = np.where(none, 0.0, w[name]), np.nan_to_num(prediction)
        for name, tally in self.tallies.items():
            tally.add(y[name], w[name], predictions[name])
        self.absence.add(x, y, w)
        self.gallery.add(list(itertools.islice(self._cells, len(next(iter(x.values()))))), x, y, w, predictions)
