"""From the runs of `compare` to figures, and to one sentence that a person can act on."""

import statistics

import numpy as np

from mmkeras.comparing.significance import holm, paired
from mmkeras.comparing.trial import SCORES
from mmkeras.views.corruptions import LEVELS

BASELINE, LATE, SINGLE = "TokenTransformer", "LateFusion", "only "
WORDS = {"accuracy": "accuracy", "r2": "R²", "f1": "F1"}


def summarise(runs, pipe, target, facts):
    """All figures of a comparison.

    Args:
        runs: dict system → list of results of `compare`, a seed each.
        pipe: adapted `Pipeline`.
        target: str.
        facts: dict that is kept as it is: `seeds`, `training`, `rows`.
    Returns:
        dict, JSON-ready: `target`, `metric`, `levels`, `best_single` and `best_fusion` (chosen by validation rows, so
        that test rows are seen once), `verdict`, and `systems`: name → dict of

        - `score` and `deviation` over seeds, `scores`, `validation`, mean `metrics` of the decoder;
        - `against_baseline`, `against_single`: see `paired`; `p_holm` is for all fusions at once;
        - `parameters`, `cpu_seconds_per_epoch`, `peak_memory_mib` (of the whole process);
        - `subsets`: "a+b" → score with only these inputs present; `robustness`: input → corruption → score by level,
          `area` under each curve (not normalised), `effective`: see `effective_robustness`;
        - `bins` and `calibration_error` for categories.
    """
    metric = SCORES[type(pipe.targets[target]).__name__]
    systems = {name: _system(name, found) for name, found in runs.items()}
    singles, fused = _split(systems)
    best_single, best_fusion = (max(part, key=lambda name: systems[name]["validation"]) for part in (singles, fused))
    scores = {name: np.array([run["rows"] for run in found]) for name, found in runs.items()}
    for key, other in (("against_baseline", BASELINE), ("against_single", best_single)):
        tests = {name: paired(scores[name], scores[other]) for name in systems if name != other}
        adjusted = holm({name: test["p"] for name, test in tests.items() if name in fused})
        for name, test in tests.items():
            systems[name][key] = {**test, "p_holm": adjusted.get(name)}
    for name in fused:
        systems[name]["against_best"] = None if name == best_fusion else paired(scores[name], scores[best_fusion])
        systems[name]["effective"] = effective_robustness(systems[name], systems[LATE], metric)
    results = {
        "target": pipe.title(target),
        "metric": metric,
        **facts,
        "inputs": list(pipe.titles("inputs").values()),
        "levels": LEVELS,
        "best_single": best_single,
        "best_fusion": best_fusion,
        "systems": systems,
    }
    return {**results, "verdict": verdict(results)}


def _split(systems):
    singles = [name for name in systems if name.startswith(SINGLE)]
    return singles, [name for name in systems if name not in singles]


def _system(name, found):
    scores = [float(np.mean(run["rows"])) for run in found]
    curves = _means([run["robustness"] for run in found])
    bins = np.sum([run["bins"] for run in found], 0) if found[0]["bins"] else None
    return {
        "kind": "single" if name.startswith(SINGLE) else "fusion",
        "score": statistics.fmean(scores),
        "deviation": statistics.stdev(scores) if len(scores) > 1 else 0.0,
        "scores": scores,
        "validation": statistics.fmean(run["validation"] for run in found),
        "metrics": _means([run["metrics"] for run in found]),
        "parameters": found[0]["parameters"],
        "cpu_seconds_per_epoch": statistics.median(run["cpu_seconds_per_epoch"] for run in found),
        "peak_memory_mib": max((run["peak_memory_mib"] or 0.0 for run in found), default=0.0) or None,
        "subsets": _means([run["subsets"] for run in found]),
        "robustness": curves,
        "area": {n: {kind: _area(curve) for kind, curve in kinds.items()} for n, kinds in curves.items()},
        "bins": None if bins is None else bins.tolist(),
        "calibration_error": None if bins is None else _calibration_error(bins),
    }


def _means(values):
    """The mean of nested dicts and lists of one form, number by number."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _means([value[key] for value in values]) for key in first}
    if isinstance(first, list):
        return [_means(list(part)) for part in zip(*values, strict=True)]
    return statistics.fmean(values)


def _area(curve):
    return float(np.trapezoid(curve, LEVELS))


def _calibration_error(bins):
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / max(1.0, bins[:, 0].sum()))


def effective_robustness(system, late, metric):
    """By how much a system stays above what late fusion would keep from the same clean score, mean over levels.

    Late fusion's fall, in log-odds of the score (R²: as it is), says what to expect of a system with another clean
    score; what is above that is robustness which a better clean score does not explain.

    Returns:
        dict input → corruption → float.
    References:
        [Taori et al., 2020](https://arxiv.org/abs/2007.00644). Differs: the trend is late fusion's fall on these rows,
        not a line through many models.
    """
    there, back = (_same, _same) if metric == "r2" else (_log_odds, _chance)

    def above(curve, other):
        curve, other = np.array(curve), np.array(other)
        expected = back(there(curve[0]) + there(other[1:]) - there(other[0]))
        return float((curve[1:] - expected).mean())

    return {
        name: {kind: above(curve, late["robustness"][name][kind]) for kind, curve in kinds.items()}
        for name, kinds in system["robustness"].items()
    }


def _same(value):
    return value


def _log_odds(share):
    share = np.clip(share, 1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))


def _chance(odds):
    return 1 / (1 + np.exp(-odds))


def points(value, sign=True):
    """Hundredths of a score, as people write them."""
    rounded = round(100 * value, 1) or 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.1f}".replace("-", "−")


def verdict(results):
    """One sentence: what fusing is worth, which fusions are equal or better, what an input is worth."""
    systems, best = results["systems"], results["best_fusion"]
    alone = results["best_single"].removeprefix(SINGLE)
    test, unit = systems[best]["against_single"], f"points of {WORDS[results['metric']]}"
    worth = f"{points(test['difference'])} ± {points(test['noise'], False)} {unit}"
    if test["high"] < 0:
        return f"Don't fuse: {best} is worth {worth} against {alone} alone."
    if not test["is_clear"]:
        return (
            f"Fusing is not shown to pay: {best} is worth {worth} over {alone} alone, within noise; use {alone} alone."
        )
    sentence = f"Fusing is worth {worth} over {alone} alone: take {best}"
    others = {name: system["against_best"] for name, system in systems.items() if system.get("against_best")}
    equal = [name for name, test in others.items() if not test["is_clear"]]
    if equal:
        sentence += f"; {_joined(equal)} {'equals' if len(equal) == 1 else 'equal'} it within noise"
    better = [name for name, test in others.items() if test["is_clear"] and test["difference"] > 0]
    if better:
        sentence += f"; {_joined(better)} did better on test rows, which validation rows had not told"
    name, loss = max(_losses(results).items(), key=lambda item: item[1])
    if loss > 0:
        sentence += f"; without {name} you lose {points(loss, False)}"
    return sentence + "."


def _losses(results):
    """Dict input → what the best fusion loses where it is absent."""
    best = results["systems"][results["best_fusion"]]
    names = results["inputs"]
    return {name: best["score"] - best["subsets"]["+".join(n for n in names if n != name)] for name in names}


def _joined(words):
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
