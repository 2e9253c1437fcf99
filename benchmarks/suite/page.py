"""The suite's page: all systems side by side."""

import math
import os
import pathlib
import platform
import statistics

SYSTEMS = ("ours", "keras", "sklearn")


def write_page(path, figures):
    """Writes the README of the suite.

    Args:
        path: `pathlib.Path`.
        figures: list of dicts, one for each table, system and seed, as `measure.py` writes them.
    """
    by_table = {}
    for figure in figures:
        by_table.setdefault(figure["table"], {}).setdefault(figure["system"], []).append(figure)
    rows = [row(name, found) for name, found in sorted(by_table.items())]
    shown = [HEAD, "", machine(), "", *lines(rows), "", *summary(by_table)]
    path.write_text("\n".join(shown).rstrip() + "\n", encoding="utf-8")


def machine():
    """The processor that this runs on."""
    facts = pathlib.Path("/proc/cpuinfo")
    text = facts.read_text(encoding="utf-8") if facts.exists() else ""
    name = next((line.split(":")[1].strip() for line in text.splitlines() if "model name" in line), platform.machine())
    return f"Measured on {os.cpu_count()} cores of {name}, no GPU."


def row(name, found):
    """Cells of a table's line."""
    metric = next(iter(found.values()))[0]["metric"]
    goal = statistics.mean(best(figure) for figure in found["keras"]) if "keras" in found else None
    cells = [f"[{name}](tables/{name}.py)", metric.replace("_", "-").replace("r2", "R²")]
    cells += [scored(found.get(system)) for system in (*SYSTEMS, "ludwig")]
    cells += [mean(found.get(system), "seconds") for system in SYSTEMS]
    cells += [reached(found.get(system), goal) for system in ("ours", "keras")]
    cells += [mean(found.get(system), "peak_megabytes") for system in SYSTEMS]
    return cells + [mean(found.get(system), "lines") for system in SYSTEMS]


def scored(figures):
    if not figures:
        return "–"
    scores = [figure["test"] for figure in figures]
    spread = statistics.variance(scores) / len(scores) if len(scores) > 1 else 0.0
    return (
        f"{statistics.mean(scores):.3f} ± {math.sqrt(spread + statistics.mean(f['noise'] for f in figures) ** 2):.3f}"
    )


def mean(figures, key):
    return f"{statistics.mean(figure[key] for figure in figures):.0f}" if figures else "–"


def best(figure):
    """The best validation score of a training."""
    return max(score for _, score in figure["curve"])


def seconds_to(figure, goal):
    """Processor seconds until a validation score was first reached, or None."""
    times = [seconds for seconds, score in figure["curve"] if score >= goal]
    if not figure["curve"] and figure["validation"] >= goal:
        return figure["train_seconds"]
    return min(times, default=None)


def reached(figures, goal):
    times = [seconds_to(figure, goal) for figure in figures or () if goal is not None]
    return "–" if not times else "never" if None in times else f"{statistics.mean(times):.0f}"


def summary(by_table):
    """Two figures over the whole suite."""
    pairs = [found for found in by_table.values() if set(SYSTEMS) <= set(found)]
    if not pairs:
        return []
    higher = sum(average(found["ours"]) > max(average(found["keras"]), average(found["sklearn"])) for found in pairs)
    ratios = []
    for found in pairs:
        goal = statistics.mean(best(figure) for figure in found["keras"])
        times = [seconds_to(figure, goal) for figure in found["ours"]]
        whole = not all(figure["curve"] for figure in found["ours"])
        theirs = [f["train_seconds"] if whole else seconds_to(f, best(f)) for f in found["keras"]]
        if None not in times:
            ratios.append(statistics.mean(times) / statistics.mean(theirs))
    told = [f"Higher than both opponents on {higher} of {len(pairs)} tables."]
    if ratios:
        told += [
            f"Processor seconds to the hand-written model's validation score, over its own: geometric mean "
            f"{math.exp(statistics.mean(map(math.log, ratios))):.2f}, largest {max(ratios):.2f}, on the {len(ratios)} "
            "tables where it was reached."
        ]
    return told


def average(figures):
    return statistics.mean(figure["test"] for figure in figures)


def lines(rows):
    """A table in Markdown."""
    three = ("ours", "Keras", "sklearn")
    heads = ["table", "metric", *(f"**{name}**" for name in (*three, "Ludwig"))]
    heads += [f"CPU s {name}" for name in three] + [f"to Keras' score: {name}" for name in three[:2]]
    heads += [f"MB {name}" for name in three] + [f"lines {name}" for name in three]
    yield from ("| " + " | ".join(heads) + " |", "|" + "---|" * len(heads))
    yield from ("| " + " | ".join(cells) + " |" for cells in rows)


HEAD = """# What the defaults give a stranger's table

Written by `python benchmarks/suite/run.py`; the tables' files say where their rows come from. *ours*: `mm.train` with
nothing chosen. *Keras*: what keras.io would teach for such data, written by hand, stopped early by validation rows.
*sklearn*: simple features and a classical model. *Ludwig*: its own defaults, by `ludwig.py` in an environment of its
own; – where it cannot take the table or was not asked. The same rows, and the same test rows, for all. No default was
chosen to suit one of these tables.

Scores are of test rows, ± one standard error (of the drawn test rows, and of seeds where there are several). CPU
seconds are of all threads, for training and answering, without the import of libraries; *to Keras' score* is when the
validation score of the hand-written model was first reached, and where our history doesn't say that score (R², F1), how
long all of a training that reached it took. MB is the process's peak. Lines are the user's, empty ones left out."""
