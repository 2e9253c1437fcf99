"""Figures of the report: inline SVG that follows the page's colours, and small pictures as data URIs."""

import base64
import html
import io
import re
import unicodedata

import numpy as np

INK, FIRST, SECOND = "#010101", "#020202", "#030303"
PAGE_COLOURS = {INK: "currentColor", FIRST: "var(--first)", SECOND: "var(--second)"}
WIDEST = 800
TILE = 96


def curve(epochs, train, validation=None):
    """Line of a value over epochs, train dashed and validation solid, as SVG."""
    figure, axes = _axes(3.2, 2.1)
    marker = "o" if len(epochs) == 1 else None
    axes.plot(epochs, train, color=FIRST, linewidth=1.6, linestyle=(0, (4, 2)), marker=marker)
    if validation is not None:
        axes.plot(epochs, validation, color=SECOND, linewidth=1.8, marker=marker)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure, "curve")


def lines(values, heat=None):
    """Lines of channels `(T, C)` over steps, broken where a value is NaN, as SVG.

    Args:
        values: float array `(T, C)`.
        heat: float array `(T,)` in [-1, 1] or None. A shade behind each step, of the second colour where it is > 0,
            else of the first.
    """
    figure, axes = _axes(3.6, 1.7)
    for step, strength in enumerate([] if heat is None else heat):
        colour = SECOND if strength > 0 else FIRST
        axes.axvspan(step - 0.5, step + 0.5, color=colour, alpha=abs(float(strength)) * 0.6, linewidth=0)
    for channel, column in enumerate(values.T):
        alone = len(column) == 1 or np.isnan(column).mean() > 0.5
        colour = (FIRST, SECOND)[channel % 2]
        axes.plot(column, color=colour, linewidth=1.2, alpha=1 / (1 + channel // 2), marker="." if alone else None)
    axes.set_xlabel("step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure, "series")


def scatter(truth, prediction):
    """Dots of prediction against truth, with the line where both are equal, as SVG."""
    figure, axes = _axes()
    axes.scatter(truth, prediction, s=9, color=FIRST, alpha=0.45, linewidths=0)
    ends = [min(truth.min(), prediction.min()), max(truth.max(), prediction.max())]
    axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.6)
    axes.set_xlabel("truth")
    axes.set_ylabel("prediction")
    return _svg(figure, "scatter")


def histogram(errors):
    """Bars of how many rows have which error, as SVG."""
    figure, axes = _axes()
    axes.hist(errors, bins=min(40, max(5, int(np.sqrt(len(errors)) * 1.5))), color=FIRST, alpha=0.75)
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.6)
    axes.set_xlabel("prediction less truth")
    axes.set_ylabel("rows")
    return _svg(figure, "histogram")


def reliability(bins):
    """Bars of the share that is right by how sure the model was, as SVG.

    Args:
        bins: float array `(N, 3)`: rows, sum of confidences and number right of each of N equal intervals of [0, 1].
    """
    figure, axes = _axes()
    rows = np.maximum(bins[:, 0], 1)
    edges = np.linspace(0, 1, len(bins) + 1)
    axes.bar(edges[:-1], bins[:, 2] / rows, 0.92 / len(bins), align="edge", color=FIRST, alpha=0.75)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.6)
    for left, (count, _, right) in zip(edges, bins, strict=False):
        if count:
            place = (left + 0.46 / len(bins), right / count + 0.02)
            axes.annotate(f"{count:.0f}", place, ha="center", fontsize=7.5, color=INK, alpha=0.75)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.1)
    axes.set_xlabel("probability given to the answer")
    axes.set_ylabel("share right")
    return _svg(figure, "reliability")


def intervals(names, scores, noises, is_first):
    """A dot with its noise for each system, the best on top, as SVG.

    Args:
        names: list of str.
        scores, noises: floats, the middle and half the length of each line.
        is_first: list of bool. Which are drawn in the first colour; the others in the second.
    """
    figure, axes = _axes(6.4, 0.6 + 0.27 * len(names))
    drawn = _stand_ins(names)
    order = np.argsort(scores, kind="stable")
    for place, number in enumerate(order):
        colour = FIRST if is_first[number] else SECOND
        axes.errorbar(scores[number], place, xerr=noises[number], fmt="o", color=colour, capsize=3, markersize=4.5)
    axes.set_yticks(range(len(names)), [drawn[names[number]] for number in order])
    axes.set_xlabel("score on test rows, ± standard deviation over seeds")
    return _svg(figure, "intervals", drawn)


def robustness(levels, curves):
    """The score of several systems by level of a corruption, the first system bold, as SVG.

    Args:
        levels: floats.
        curves: dict name → floats.
    """
    figure, axes = _axes(4.2, 2.8)
    styles, drawn = ["-", "--", ":", "-."], _stand_ins(curves)
    for number, (name, curve) in enumerate(curves.items()):
        colour = (FIRST, SECOND, INK)[min(number, 2)]
        width, style = (2.0, "-") if number == 0 else (1.2, styles[number % 4])
        axes.plot(levels, curve, color=colour, linewidth=width, linestyle=style, label=drawn[name], marker=".")
    axes.set_xlabel("level")
    legend = axes.legend(fontsize=7.5, frameon=False, labelcolor=INK)
    legend.set_zorder(0)
    return _svg(figure, "robustness", drawn)


def picture(pixels):
    """Floats `(H, W, 3)` in [0, 1] as a data URI."""
    from PIL import Image

    return _png(Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype("uint8")))


def sheet(pictures, columns=8):
    """Pictures `(H, W, 3)` of one size as one, framed by a pixel, as a data URI; of large ones not every pixel."""
    step = -(-max(pictures[0].shape) // TILE)
    pictures = [pixels[::step, ::step] for pixels in pictures]
    height, width, channels = pictures[0].shape
    columns = min(columns, len(pictures))
    lines = -(-len(pictures) // columns)
    whole = np.full((lines * columns, height + 2, width + 2, channels), 0.5)
    whole[: len(pictures), 1:-1, 1:-1] = pictures
    whole = whole.reshape(lines, columns, height + 2, width + 2, channels).transpose(0, 2, 1, 3, 4)
    return picture(whole.reshape(lines * (height + 2), columns * (width + 2), channels))


def thumbnail(data, background=1.0, side=240):
    """Bytes of a picture, no side longer than `side`, transparent parts filled.

    Returns:
        tuple (data URI, (width, height) of the original), or None where Pillow refuses it.
    """
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            original = Image.open(io.BytesIO(data))
            size = original.size
            original.draft("RGB", (side, side))
            shown = original.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    shown.thumbnail((side, side))
    filled = Image.new("RGBA", shown.size, (round(background * 255),) * 3 + (255,))
    filled.alpha_composite(shown)
    return _png(filled.convert("RGB")) if max(size) <= 64 else _jpeg(filled.convert("RGB")), size


def spectrogram(frames):
    """Log energies `(T, bands)`, low bands first, as the data URI of a picture with time to the right."""
    from matplotlib import colormaps
    from PIL import Image

    frames = frames[:: -(-len(frames) // WIDEST)]
    low, high = np.percentile(frames, (2, 99.8))
    shade = np.clip((frames - low) / max(high - low, 1e-6), 0, 1)
    return _png(Image.fromarray(colormaps["magma"](shade.T[::-1], bytes=True)[..., :3]))


def data_uri(kind, data):
    """Bytes as a `data:` address of a MIME type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _png(image):
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return data_uri("image/png", out.getvalue())


def _jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return data_uri("image/jpeg", out.getvalue())


def _axes(width=4.2, height=2.6):
    """A figure without pyplot, so that no window system and no global state is touched."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=8.5, length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
        axes.spines[side].set_alpha(0.3)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
        label.set_fontsize(8.5)
    return figure, axes


def _stand_ins(names):
    """Dict name → what is drawn in its place, as wide as the name: ASCII without `$`.

    The page's fonts have letters that matplotlib's font lacks; matplotlib takes a `$` for a formula, and a name with
    `_` in front for one that no legend shows.
    """
    drawn = {}
    for number, name in enumerate(names):
        width = sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in name)
        plain = name.isascii() and "$" not in name and name[:1] != "_"
        drawn[name] = name if plain else f"x{number}x".ljust(width, "x")
    return drawn


def _svg(figure, name, drawn=None):
    """The figure as an `<svg>` element without ids that could meet another's, in the page's fonts and colours.

    Args:
        drawn: dict from `_stand_ins` or None. The names take their places again. Defaults to `None`.
    """
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2)
    for placeholder, colour in PAGE_COLOURS.items():
        text = text.replace(placeholder, colour)
    for written, placed in (drawn or {}).items():
        text = text if written == placed else text.replace(f">{placed}<", f">{html.escape(written)}<")
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
