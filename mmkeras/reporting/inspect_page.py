"""The data report as one HTML page: warnings, charts, examples with their media, what is broken, what comes twice."""

import json
import os

import numpy as np

from data_pipelines.files.whole_file import whole_file
from mmkeras.pages.environment import environment, require_packages
from mmkeras.views import samples

EXAMPLES = 8
PAIRS = 24
FAULTS = 200


def inspect_page(rows, report, path, targets=()):
    """Writes a data report to a page: a single file without scripts that fetches nothing.

    Args:
        rows: `Rows` that the report is of.
        report: dict that `data_pipelines.audit.audit` gave.
        path: of the HTML file.
        targets: sequence of str. Columns to be predicted. Defaults to `()`.
    Returns:
        path of the file.
    Raises:
        ImportError: matplotlib, jinja2 or Pillow is not installed.
    Example:
        >>> inspect_page(rows, audit(rows, ["breed"]), "pets.html", ["breed"])
    """
    require_packages("inspect", extra="inspect")
    page = environment()
    page.filters.update(short=_short)
    text = page.get_template("inspect.html").render(
        source=rows.source.name,
        report=report,
        targets=list(targets),
        columns=[_column(name, facts) for name, facts in report["columns"].items()],
        classes=[_classes(target, counts) for target, counts in report["targets"].items()],
        media=_media(rows, report),
        faults={column: faults[:FAULTS] for column, faults in report["unreadable"].items()},
        json=json.dumps(report, ensure_ascii=False, indent=1),
    )
    path = os.fspath(path)
    with whole_file(path, errors="replace") as file:
        file.write(text)
    return path


def _column(name, facts):
    """A column as the page shows it: charts of its numbers, lists of its labels, plain figures."""
    charts, labels, plain = [], [], []
    for fact, found in facts["facts"].items():
        if isinstance(found, dict) and "bins" in found:
            charts.append({"name": fact, "svg": _bars(found["bins"]), **found})
        elif isinstance(found, dict) and fact != "outliers":
            most = max(found.values(), default=1)
            labels.append(
                (fact, [(label, rows, 100 * rows / most) for label, rows in list(found.items())[:8]], len(found))
            )
        elif isinstance(found, dict):
            plain.append((fact, ", ".join(f"row {row}: {_short(value)}" for row, value in list(found.items())[:3])))
        elif found is not None:
            plain.append((fact, f"{found:,}"))
    return {
        "name": name,
        **{k: v for k, v in facts.items() if k != "facts"},
        "charts": charts,
        "labels": labels,
        "plain": plain,
    }


def _short(value):
    """A number in a few digits; whole ones and large ones without decimals."""
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"


def _bars(bins):
    """A histogram as inline SVG in the page's colours; it holds no text of the user's."""
    from markupsafe import Markup

    counts, edges = np.array(bins["counts"], float), np.array(bins["edges"], float)
    width = edges[-1] - edges[0]
    if len(counts) == 1 or not np.isfinite(width) or width <= 0:
        return ""
    bars = []
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        height = 0 if not count else max(1.5, 40 * count / counts.max())
        x, wide = 160 * (left - edges[0]) / width, 160 * (right - left) / width
        bars.append(
            f'<rect x="{x:.2f}" y="{40 - height:.2f}" width="{max(0.6, wide - 0.6):.2f}" height="{height:.2f}"/>'
        )
    return Markup(f'<svg class="bars" viewBox="0 0 160 41" preserveAspectRatio="none" role="img">{"".join(bars)}</svg>')


def _classes(target, counts):
    most = max(counts.values(), default=1)
    bars = [(label, rows, 100 * rows / most) for label, rows in list(counts.items())[:20]]
    return {"name": target, "bars": bars, "hidden": len(counts) - len(bars)}


def _media(rows, report):
    """Media columns with some examples, drawn evenly over the table, and pairs side by side."""
    kinds = {c: facts["kind"] for c, facts in report["columns"].items() if facts["kind"] in samples.VIEWERS}
    pairs = {c: found["pairs"][:PAIRS] for c, found in report["duplicates"]["media"].items()}
    bad = {c: {fault["row"] for fault in faults} for c, faults in report["unreadable"].items()}
    wanted = {c: {row for pair in found for row in pair["rows"]} for c, found in pairs.items()}
    cells, shown = samples.pick(rows, kinds, wanted, bad, EXAMPLES)
    views = {c: {row: samples.view(kinds[c], cell) for row, cell in found.items()} for c, found in cells.items()}
    return [
        {
            "name": column,
            "kind": kind,
            "examples": [(row, views[column][row]) for row in shown[column]],
            "pairs": [_pair(pair, views[column]) for pair in pairs.get(column, [])],
            **{part: report["duplicates"]["media"].get(column, {}).get(part, 0) for part in ("count", "across")},
        }
        for column, kind in kinds.items()
    ]


def _pair(pair, views):
    places = zip(pair["rows"], pair["splits"] or ("", ""), strict=True)
    return {"distance": pair["distance"], "sides": [(row, split, views[row]) for row, split in places]}
