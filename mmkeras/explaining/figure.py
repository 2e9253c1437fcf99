"""One explained row as a matplotlib figure."""

import unicodedata

import numpy as np

from mmkeras.explaining.overlays import (
    AGAINST,
    FOR,
    look_over_frames,
    look_over_picture,
    over_frames,
    over_picture,
    strengths,
)
from mmkeras.explaining.page import WORDS_FOR

WIDE = 26


def figure(explanation, place=0):
    """Shapley values, then every input that is there with its gradients and attention.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from mmkeras.pages.environment import require_packages

    require_packages("explain")
    from matplotlib.figure import Figure

    row, example = explanation.rows[place], explanation.examples[place]
    panels = [(_bars, "what each input adds", (explanation, row))]
    for name, found in example["inputs"].items():
        panels += _panels(explanation.titles[name], found)
    drawn = Figure(figsize=(2.6 * len(panels) + 1, 2.7), layout="constrained")
    axes = np.atleast_1d(drawn.subplots(1, len(panels)))
    for axis, (draw, title, parts) in zip(axes, panels, strict=True):
        draw(axis, *parts)
        axis.set_title(title, fontsize=9, parse_math=False)
    said = row["answer"] if isinstance(row["answer"], str) else f"{row['answer']:.3g}"
    likely = f" {row['probability']:.2f}" if "probability" in row else ""
    truth = "" if row["truth"] is None else f" (truth: {row['truth']})"
    drawn.suptitle(f"{said}{likely}{truth}", fontsize=11, fontweight="bold", parse_math=False)
    return drawn


def _panels(title, found):
    """Tuples (how to draw it, its title, what it takes)."""
    if found["kind"] == "absent":
        return []
    if "pieces" in found:
        return [(_pieces, title, (found,))]
    if found["kind"] == "series":
        return [(_series, title, (found,))]
    is_picture = found["kind"] == "picture"
    media = found["pixels"] if is_picture else found["frames"]
    shown = media if is_picture else -media.T[::-1]
    panels = [(_picture, title, (shown,))]
    for part, what, draw in (
        ("gradient", "what decides", over_picture if is_picture else over_frames),
        ("attention", "what is looked at", look_over_picture if is_picture else look_over_frames),
    ):
        if found[part] is not None:
            panels.append((_picture, what, (draw(media, found[part]),)))
    return panels


def _bars(axes, explanation, row):
    kind = explanation.of if explanation.of in row["shapley"] else "predicted"
    scale = explanation.scales[0]
    lines = sorted(row["shapley"][kind][scale]["values"].items(), key=lambda item: abs(item[1]))
    values = [value for _, value in lines]
    axes.barh(range(len(values)), values, color=[FOR if value > 0 else AGAINST for value in values])
    axes.set_yticks(range(len(values)), [name for name, _ in lines], parse_math=False)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, length=0)
    axes.set_xlabel(WORDS_FOR[scale], fontsize=8)


def _picture(axes, pixels):
    pixels = np.clip(pixels, 0, 1) if pixels.ndim == 3 else pixels  # a resized one is 1e-7 above 1
    axes.imshow(
        pixels, aspect="equal" if pixels.shape[0] == pixels.shape[1] else "auto", interpolation="nearest", cmap="gray"
    )
    axes.axis("off")


def _pieces(axes, found):
    """Words in lines of one width, each on its colour."""
    weights = np.zeros(len(found["pieces"])) if found["gradient"] is None else found["gradient"]
    column = line = 0
    axes.set(xlim=(0, WIDE), ylim=(-9.5, 0.7))
    axes.axis("off")
    for piece, strength in zip(found["pieces"], strengths(weights), strict=True):
        width = sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in piece)
        if column and column + width > WIDE:
            column, line = 0, line + 1
        colour = (*(FOR if strength > 0 else AGAINST), 0.75 * abs(strength))
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.2}
        style = {"fontsize": 8.5, "family": "monospace", "va": "center", "clip_on": True, "parse_math": False}
        axes.text(column, -line, piece, bbox=box, **style)
        column += width + 1.2


def _series(axes, found):
    if found["gradient"] is not None:
        for step, strength in enumerate(strengths(found["gradient"].sum(1))):
            axes.axvspan(
                step - 0.5, step + 0.5, color=FOR if strength > 0 else AGAINST, alpha=0.6 * abs(strength), lw=0
            )
    axes.plot(found["values"], linewidth=1, color="black")
    axes.tick_params(labelsize=8, length=0)
