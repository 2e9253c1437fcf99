"""A comparison as one HTML page and as a table in the terminal."""

import os

import numpy as np

from data_pipelines.files.whole_file import whole_file
from mmkeras.comparing.comparison import BASELINE, LATE, SINGLE, WORDS, points

PAGE = "comparison.html"
SHOWN = 4


def comparison_report(results, folder):
    """Writes `comparison.html`: a single file without scripts that fetches nothing.

    Args:
        results: dict that `compare` gave.
        folder: path.
    Returns:
        path of the file.
    Raises:
        ImportError: matplotlib or jinja2 is not installed.
    Example:
        >>> comparison_report(results, "comparison/")
    """
    from mmkeras.pages.environment import environment, require_packages

    require_packages("compare")
    from markupsafe import Markup

    systems, lines = results["systems"], table(results)
    page = environment()
    page.filters.update(points=points)
    html = page.get_template("comparison.html").render(
        results=results,
        metric=WORDS[results["metric"]],
        lines=lines,
        dots=Markup(_dots(systems)),
        subsets=_subsets(systems, [line["name"] for line in lines]),
        curves=[(name, kind, Markup(svg)) for name, kind, svg in _curves(results)],
        robust=_robust(results),
        reliability=[(name, error, Markup(svg)) for name, error, svg in _reliability(results)],
        late=LATE,
        baseline=BASELINE,
    )
    path = os.path.join(os.fspath(folder), PAGE)
    with whole_file(path, errors="replace") as file:
        file.write(html)
    return path


def table(results):
    """A line a system, the best first: dict of what is shown."""
    systems = results["systems"]
    order = sorted(systems, key=lambda name: -systems[name]["score"])
    return [{"name": name, **_line(systems[name], name, results)} for name in order]


def _line(system, name, results):
    best = {results["best_single"]: "best input alone", results["best_fusion"]: "best fusion"}.get(name, "")
    return {
        "note": best,
        "score": f"{100 * system['score']:.1f} ± {100 * system['deviation']:.1f}",
        "single": _against(system.get("against_single")),
        "baseline": _against(system.get("against_baseline")),
        "error": "" if system["calibration_error"] is None else f"{system['calibration_error']:.3f}",
        "parameters": f"{system['parameters']:,}",
        "seconds": f"{system['cpu_seconds_per_epoch']:.2g}",
        "memory": "" if system["peak_memory_mib"] is None else f"{system['peak_memory_mib']:,.0f}",
    }


def _against(test):
    if test is None:
        return ""
    p = test["p"] if test["p_holm"] is None else test["p_holm"]
    mark = "" if test["is_clear"] else " ≈"
    return f"{points(test['difference'])} ± {points(test['noise'], False)}{mark} (p {p:.2g})"


def _dots(systems):
    from mmkeras.pages import plots

    names = list(systems)
    scores, noises = ([systems[name][key] for name in names] for key in ("score", "deviation"))
    return plots.intervals(names, scores, noises, [systems[name]["kind"] == "fusion" for name in names])


def _subsets(systems, order):
    """Which inputs are present, and lines (system, a score each), the best first, models of one input at the end."""
    fused = [name for name in order if systems[name]["kind"] == "fusion"]
    subsets = list(systems[fused[0]]["subsets"])
    lines = [(name, [100 * systems[name]["subsets"][subset] for subset in subsets]) for name in fused]
    for name in (name for name in order if name not in fused):
        lines.append((name, [100 * systems[name]["score"] if SINGLE + subset == name else None for subset in subsets]))
    return [subset.replace("+", " + ") for subset in subsets], lines


def _shown(results):
    """The fusions whose curves are drawn: the best, late fusion, the baseline, then others by score."""
    systems = results["systems"]
    others = sorted((n for n, s in systems.items() if s["kind"] == "fusion"), key=lambda n: -systems[n]["score"])
    return list(dict.fromkeys([results["best_fusion"], LATE, BASELINE, *others]))[:SHOWN]


def _curves(results):
    """Yields (input, corruption, SVG)."""
    from mmkeras.pages import plots

    systems, shown = results["systems"], _shown(results)
    for name, kinds in systems[LATE]["robustness"].items():
        alone = systems[SINGLE + name]["robustness"][name]
        for kind in kinds:
            curves = {system: systems[system]["robustness"][name][kind] for system in shown}
            yield name, kind, plots.robustness(results["levels"], {**curves, f"{name} alone": alone[kind]})


def _robust(results):
    """Heads and lines of areas and effective robustness."""
    systems = results["systems"]
    kinds = [(name, kind) for name, found in systems[LATE]["robustness"].items() for kind in found]
    lines = []
    for system, found in systems.items():
        if found["kind"] == "fusion" and kinds:
            cells = [(found["area"][name][kind], found["effective"][name][kind]) for name, kind in kinds]
            lines.append((system, cells))
    return kinds, lines


def _reliability(results):
    """Yields (system, calibration error, SVG) of the best fusion, the baseline and the best input alone."""
    from mmkeras.pages import plots

    for name in dict.fromkeys([results["best_fusion"], BASELINE, results["best_single"]]):
        system = results["systems"][name]
        if system["bins"] is not None:
            yield name, system["calibration_error"], plots.reliability(np.array(system["bins"]))
