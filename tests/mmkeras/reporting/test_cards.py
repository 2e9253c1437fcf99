"""Which rows the report shows."""

import types

import numpy as np

from data_pipelines import Number
from mmkeras.reporting.cards import Gallery


def test_mistakes_are_of_the_first_target_with_labels_whenever_they_come():
    pipe = types.SimpleNamespace(targets={"price": Number(), "weight": Number()})
    gallery = Gallery(pipe, rows=6, examples=2)
    for number, has_price in enumerate((False, False, True)):
        wrong = np.array([0.0, 3.0 - number])
        w = {"price": np.full(2, float(has_price)), "weight": np.ones(2)}
        y = {name: np.zeros(2) for name in w}
        gallery.add([{"_row": 2 * number}, {"_row": 2 * number + 1}], {}, y, w, dict.fromkeys(w, wrong))
        assert gallery.judged == ("price" if has_price else "weight")
    assert [row["cells"]["_row"] for row in gallery.chosen()[0]] == [5]
