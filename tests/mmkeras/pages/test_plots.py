"""Figures of the pages: names of columns stand in them as they are, whatever their letters."""

import pytest

from mmkeras.pages import plots

NAMES = ("标题 甲", "price in $ or $", "_hidden", "<b>&", "plain")
WRITTEN = ("标题 甲", "price in $ or $", "_hidden", "&lt;b&gt;&amp;", "plain")


@pytest.mark.parametrize("written", WRITTEN)
def test_names_of_systems_and_curves(written):
    systems = plots.intervals(list(NAMES), [0.1, 0.2, 0.3, 0.4, 0.5], [0.1] * 5, [True] * 5)
    curves = plots.robustness([0.0, 1.0], {name: [1.0, 0.5] for name in NAMES})
    for svg in (systems, curves):
        assert svg.count(f">{written}<") == 1 and "<b>" not in svg
