"""The page of an explanation, and the same cards for the report."""

import numpy as np

from mmkeras.explaining.overlays import look_over_frames, look_over_picture, over_frames, over_picture, strengths

WORDS_FOR = {"log_odds": "log-odds", "probability": "probability", "value": "value"}


def page(explanation):
    """The whole page, one file without scripts.

    Raises:
        ImportError: matplotlib or jinja2 is not installed.
    """
    from mmkeras.pages.environment import environment, require_packages

    require_packages("explain")
    summary = explanation.summary()
    means = {title: found["mean_size"][explanation.scales[0]] for title, found in summary["inputs"].items()}
    means = dict(sorted(means.items(), key=lambda item: -item[1]))
    longest = max([*means.values(), 1e-12])
    return (
        environment()
        .get_template("explanation.html")
        .render(
            target=summary["target"],
            rows=len(explanation.rows),
            means={title: (value, 100 * value / longest) for title, value in means.items()},
            scale=WORDS_FOR[explanation.scales[0]],
            of=explanation.of,
            cards=cards(explanation),
        )
    )


def cards(explanation):
    """What the page shows of each example: a list of dicts."""
    found = []
    for row, example in zip(explanation.rows, explanation.examples, strict=False):
        top = _top(example["inputs"].values())
        inputs = [
            {"name": explanation.titles[name], **_shown(example, name, evidence, top)}
            for name, evidence in example["inputs"].items()
        ]
        found.append({**row, "bars": _bars(explanation, row), "inputs": inputs})
    return found


def _top(inputs):
    """The weight of a word or number that is shown in full colour: the row's largest, if it is not next to nothing."""
    pieces = [
        np.abs(shown["gradient"]).max() for shown in inputs if "pieces" in shown and shown["gradient"] is not None
    ]
    sums = [abs(shown["sum"]) for shown in inputs if "sum" in shown]
    return max([*pieces, sum(sums) / 10, 1e-12])


def _bars(explanation, row):
    """Shapley values with the place and width of their bars, the largest first."""
    kind = explanation.of if explanation.of in row["shapley"] else "predicted"
    shapley = row["shapley"][kind][explanation.scales[0]]
    longest = max([abs(value) for value in shapley["values"].values()] + [1e-12])
    lines = sorted(shapley["values"].items(), key=lambda item: -abs(item[1]))
    return {
        "lines": [(name, value, 50 * abs(value) / longest) for name, value in lines],
        "none": shapley["none"],
        "all": shapley["all"],
        "scale": WORDS_FOR[explanation.scales[0]],
    }


def _shown(example, name, evidence, top):
    kind, field = evidence["kind"], {"kind": evidence["kind"], "sum": evidence.get("sum"), "views": []}
    views = {"picture": _picture, "recording": _recording, "series": _series}
    if "pieces" in evidence:
        field.update(_pieces(evidence, top))
    elif kind in views:
        field.update(views[kind](evidence))
    if kind in ("picture", "recording"):
        field["views"] += _looks(example["attention"], name, evidence, example["inputs"])
    return field


def _picture(evidence):
    from mmkeras.pages import plots

    views = [("as the model sees it", plots.picture(evidence["pixels"]))]
    if evidence["gradient"] is not None:
        views.append(("what decides", plots.picture(over_picture(evidence["pixels"], evidence["gradient"]))))
    if evidence["attention"] is not None:
        views.append(("what is looked at", plots.picture(look_over_picture(evidence["pixels"], evidence["attention"]))))
    return {"views": views}


def _recording(evidence):
    from mmkeras.pages import plots

    frames, views = evidence["frames"], [("as the model hears it", plots.spectrogram(evidence["frames"]))]
    if evidence["gradient"] is not None:
        views.append(("what decides", plots.picture(over_frames(frames, evidence["gradient"]))))
    if evidence["attention"] is not None:
        views.append(("what is looked at", plots.picture(look_over_frames(frames, evidence["attention"]))))
    return {"views": views}


def _looks(attention, name, evidence, inputs):
    """For the words that decide most: what each looks at in a picture or recording."""
    from mmkeras.pages import plots

    views = []
    for asking, shown in inputs.items():
        weights = attention.get((asking, name))
        pieces = shown.get("pieces", [])
        if weights is None or not shown.get("one_to_one") or not evidence["place"]:
            continue
        draw, base = (
            (look_over_picture, evidence["pixels"])
            if evidence["kind"] == "picture"
            else (look_over_frames, evidence["frames"])
        )
        order = range(len(pieces)) if shown["gradient"] is None else np.argsort(-np.abs(shown["gradient"]))
        for token in sorted(list(order)[:2]):
            spread = evidence["place"](weights[token])
            if spread is not None:
                views.append((f"“{pieces[token]}” looks at", plots.picture(draw(base, spread))))
    return views


def _pieces(evidence, top):
    weights = evidence["gradient"] if evidence["gradient"] is not None else np.zeros(len(evidence["pieces"]))
    shares = np.asarray(weights) / top
    pieces = [
        (piece, "for" if share > 0 else "against", round(abs(float(share)) * 0.8, 3), float(weight))
        for piece, share, weight in zip(evidence["pieces"], shares, weights, strict=True)
    ]
    return {"pieces": pieces, "spaced": evidence.get("spaced", True)}


def _series(evidence):
    from markupsafe import Markup

    from mmkeras.pages import plots

    steps = None if evidence["gradient"] is None else evidence["gradient"].sum(1)
    return {"chart": Markup(plots.lines(evidence["values"], None if steps is None else strengths(steps)))}
