"""One HTML page that shows how well a model does, where it fails and on which rows."""

import csv
import json
import os

import numpy as np

from data_pipelines.field_spec import LabelSpec, spec_json
from data_pipelines.files.whole_file import make_folder, whole_file
from mmkeras.inference.evaluate import watched
from mmkeras.inference.finite_answers import require_finite_weights, without_nulls
from mmkeras.inference.row_batches import row_batches
from mmkeras.models.generator import generator
from mmkeras.pages.environment import environment, require_packages
from mmkeras.pages.numbers import change
from mmkeras.reporting.verdict import LOWER_IS_BETTER, notes, verdict
from mmkeras.runs.run_folder import RunFolder

NO_CURVES = ("epoch", "learning_rate", "cpu_seconds")
MOST_CLASSES = 30
MOST_TAGS = 30
MOST_DOTS = 1000


def report(model, pipe, rows, folder, history=None, metrics=None, examples=24):
    """Writes `report.html`: a single file without scripts that fetches nothing.

    It shows a verdict, scores with and without each input, training curves, what is taken for what, how far
    probabilities can be trusted, example rows with their media, what decided in them, what is missing where, bad cells
    and the model's facts.
    Every row is decoded once.

    Args:
        model: `keras.Model` from `build`.
        pipe: adapted `Pipeline`.
        rows: `Rows` with the inputs' and the targets' columns.
        folder: path of the run, made if it is not there.
        history: path of a csv file, `keras.callbacks.History` or dict name → values. Defaults to `None`: the run's
            `history.csv`, or no curves.
        metrics: dict that `evaluate` gave for these rows. Defaults to `None`: the run's `metrics.json` if it is of as
            many rows, else they are evaluated.
        examples: int >= 0. Rows to show: the surest mistakes, and as many at random. Defaults to `24`.
    Returns:
        path of the file.
    Raises:
        ImportError: matplotlib or jinja2 is not installed.
        ValueError: `examples` < 0, rows without the columns, or a weight of the model that is NaN or infinite.
    Example:
        >>> report(model, pipe, test, "run/")
    """
    from mmkeras.reporting.report_rows import ReportRows

    require_packages("report")
    if examples < 0:
        raise ValueError(f"report: examples must be >= 0. Received: examples={examples}. Do: 24.")
    require_finite_weights("report", model)
    folder = os.fspath(folder)
    make_folder("report", folder)
    seen = ReportRows(pipe, rows, examples)
    metrics = metrics or _known_metrics(folder, len(rows))
    if metrics is None:
        metrics = watched(model, pipe, rows, seen.add)
    else:
        for batch, y, w in row_batches(generator(model), pipe, rows):
            seen.add(batch.x, y, w, batch.whole())
    return report_of(seen, model, pipe, rows, folder, metrics, history)


def report_of(seen, model, pipe, rows, folder, metrics, history=None):
    """Writes the report of rows that have passed by, see `ReportRows`: nothing is decoded or predicted again.

    Raises:
        ImportError: matplotlib or jinja2 is not installed.
    """
    require_packages("report")
    make_folder("report", folder)
    history = _history(os.path.join(folder, "history.csv") if history is None else history)
    page = _page(model, pipe, rows, history, {**metrics, "counts": pipe.problems.counts()}, seen)
    path = os.path.join(folder, "report.html")
    with whole_file(path, errors="replace") as file:
        file.write(page)
    return path


def _history(given):
    """Dict name → list of floats, NaN where nothing was noted; None where there is no history."""
    given = getattr(given, "history", given)
    if isinstance(given, dict):
        return {name: [float(value) for value in values] for name, values in given.items()} or None
    if not os.path.isfile(given):
        return None
    with open(given, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    names = [name for name in lines[0] if name != "run"] if lines else ()  # the run's mark is no score
    return {name: [_float(line[name]) for line in lines] for name in names} or None


def _float(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


def _known_metrics(folder, rows):
    """The run's metrics, or None where there are none of these rows, or of another run."""
    path = os.path.join(folder, "metrics.json")
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        metrics = json.load(file)
    is_same = metrics.get("rows") == rows and metrics.get("run") == RunFolder(folder).mark
    return without_nulls(metrics) if is_same else None


def _page(model, pipe, rows, history, metrics, seen):
    from mmkeras.explaining.decided import SHOWN, decided
    from mmkeras.reporting.cards import card

    absence, gallery = seen.absence, seen.gallery
    tallies = {pipe.title(name): tally for name, tally in seen.tallies.items()}
    chosen = gallery.chosen()
    mistakes, others = ([card(row, pipe, rows.source) for row in part] for part in chosen)
    explained = [row for part in chosen for row in part[: SHOWN // 2]]
    field = pipe.spec["targets"][gallery.judged]
    return (
        environment()
        .get_template("report.html")
        .render(
            source=rows.source.name,
            verdict=verdict(metrics, tallies),
            notes=notes(metrics, tallies, history, absence),
            metrics=metrics,
            scores={target: _scores(metrics, target) for target in metrics["targets"]},
            curves=_curves(history, pipe.titles("targets")),
            targets=[{"name": name, **_target(tally)} for name, tally in tallies.items()],
            mistakes=mistakes,
            others=others,
            judged=pipe.title(gallery.judged),
            worst="The largest errors" if field.label == LabelSpec((1,)) else "The surest mistakes",
            decided=decided(model, pipe, gallery.judged, explained),
            absence=_absence(absence, pipe),
            problems=pipe.problems.examples,
            facts=_facts(model, {**pipe.titles("inputs"), **pipe.titles("targets")}),
            modalities=_modalities(pipe),
            spec=json.dumps(spec_json(pipe.spec), ensure_ascii=False, indent=1),
        )
    )


def _scores(metrics, target):
    """Table of a target: its metrics, and a line for all inputs, without each and each alone."""
    scores = metrics["targets"][target]
    if "labels" in scores:
        return None
    lines = [("all inputs", "all", scores)]
    for part, words in (("without", "without {}"), ("only", "{} alone")):
        lines += [(words.format(name), part, by[target]) for name, by in metrics.get(part, {}).items()]
    table = []
    for label, part, values in lines:
        cells = []
        for metric, value in values.items():
            lower = metric in LOWER_IS_BETTER
            longest = max(line[2][metric] for line in lines)
            longest = longest if lower or longest > 1.0 else 1.0
            worse = (value - scores[metric]) * (1 if lower else -1)
            width = 100 * min(1.0, max(0.0, value / (longest or 1.0)))
            changed = change(value - scores[metric], scores[metric]) if part == "without" else ""
            cells.append({"value": value, "change": changed, "is_worse": worse > 0, "width": width})
        table.append({"label": label, "part": part, "cells": cells})
    return {"metrics": [(metric.replace("_", " "), metric in LOWER_IS_BETTER) for metric in scores], "lines": table}


def _curves(history, titles):
    """List of (name, SVG, has validation), the loss first."""
    from mmkeras.pages import plots

    history = history or {}
    names = [name for name in history if not name.startswith("val_") and name not in NO_CURVES]
    names.sort(key=lambda name: (name != "loss", name.endswith("_loss")))
    curves = []
    for name in names:
        values, judged_values = history[name], history.get(f"val_{name}")
        svg = plots.curve(range(1, len(values) + 1), values, judged_values)
        curves.append((_titled(name, titles, " "), _safe(svg), judged_values is not None))
    return curves


def _titled(name, titles, between="_"):
    """The name of a layer or a curve, with what people call the input or target that it begins with."""
    begun = [plain for plain in titles if name == plain or name.startswith(f"{plain}_")]
    if not begun:
        return name.replace("_", between)
    plain = max(begun, key=len)
    return titles[plain] + name.removeprefix(plain).replace("_", between)


def _target(tally):
    """What is shown of a target, by the kind of its tally."""
    from mmkeras.pages import plots

    if hasattr(tally, "confusions"):
        if not tally.rows:
            return {"kind": "none"}
        matrix = _matrix(tally)
        calibration = {"error": tally.calibration_error, "said": tally.confidence, "right": tally.accuracy}
        return {"kind": "category", **matrix, "calibration": calibration, "bars": _safe(plots.reliability(tally.bins))}
    if hasattr(tally, "frequent"):
        tags = tally.frequent(MOST_TAGS)
        return {"kind": "tags", "tags": tags, "known": len(tally.classes)} if tags else {"kind": "none"}
    if hasattr(tally, "distances"):
        sheets = {"real": plots.sheet(tally.real), "told": plots.sheet(tally.told)} if tally.real else {}
        return {"kind": "picture", "distances": tally.distances, **sheets} if sheets else {"kind": "none"}
    truth, told = tally.pairs
    if not len(truth):
        return {"kind": "none"}
    dots = np.linspace(0, len(truth) - 1, min(len(truth), MOST_DOTS)).astype(int)
    errors = told - truth
    worst = float(np.quantile(np.abs(errors), 0.9))
    figures = {"scatter": _safe(plots.scatter(truth[dots], told[dots])), "residuals": _safe(plots.histogram(errors))}
    return {"kind": "number", **figures, "bias": float(errors.mean()), "worst": worst}


def _matrix(tally):
    """Counts of the most frequent classes, with recall and precision, and the worst confusions."""
    real, told = tally.real(), tally.told()
    often = sorted((real | told).most_common(), key=lambda item: (-real[item[0]], item[0]))
    shown = sorted(place for place, _ in often[:MOST_CLASSES])
    lines = []
    for k in shown:
        cells = [(tally.pairs[k, other], tally.pairs[k, other] / (real[k] or 1), k == other) for other in shown]
        recall = tally.pairs[k, k] / real[k] if real[k] else None
        lines.append({"label": tally.classes[k], "cells": cells, "rows": real[k], "recall": recall})
    precisions = [tally.pairs[k, k] / told[k] if told[k] else None for k in shown]
    labels = [tally.classes[k] for k in shown]
    hidden = len(often) - len(shown)
    return {
        "labels": labels,
        "lines": lines,
        "precisions": precisions,
        "hidden": hidden,
        "confusions": tally.confusions()[:10],
    }


def _absence(absence, pipe):
    """Shares of absent cells, overall and by class of each category target, under their titles."""
    rows = max(1, absence.rows)
    tables = {}
    for target, seen in absence.seen.items():
        order = np.argsort(-seen, kind="stable")[:MOST_CLASSES]
        order = sorted(place for place in order if seen[place])
        shares = absence.absent[target][order] / seen[order][:, None] if order else np.zeros((0, len(absence.inputs)))
        labels = [(absence.classes[target][k], int(seen[k])) for k in order]
        tables[pipe.title(target)] = {"labels": labels, "shares": shares.T.tolist()}
    tables = tables or {"": {"labels": [], "shares": [[] for _ in absence.inputs]}}
    titles, shares = map(pipe.title, absence.inputs), (absence.overall / rows).tolist()
    unlabelled = {pipe.title(target): count for target, count in absence.unlabelled.items()}
    overall = dict(zip(titles, shares, strict=True))
    return {"overall": overall, "tables": tables, "unlabelled": unlabelled, "empty": absence.empty}


def _facts(model, titles):
    import keras

    from mmkeras.version import __version__

    weighty = [layer for layer in model.layers if layer.weights]
    parts = [(_titled(layer.name, titles), type(layer).__name__, layer.count_params()) for layer in weighty]
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    versions = f"mmkeras {__version__}, Keras {keras.__version__} on {keras.backend.backend()}"
    return {"parameters": model.count_params(), "trainable": trained, "parts": parts, "versions": versions}


def _modalities(pipe):
    from data_pipelines.infer import describe

    both = (("input", pipe.inputs), ("target", pipe.targets))
    return [(part, pipe.title(name), describe(modality)) for part, found in both for name, modality in found.items()]


def _safe(svg):
    """Marks a figure of ours as HTML; it holds no text of the user's."""
    from markupsafe import Markup

    return Markup(svg)
