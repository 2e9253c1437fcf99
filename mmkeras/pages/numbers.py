"""Numbers as people write them."""

import math


def figure(value, digits=2, sign=""):
    """A number of any size as people write it: `digits` behind the point, more where small, none where large.

    Args:
        sign: `"+"` to write the sign of numbers above zero too.
    """
    if value is None or math.isnan(value):
        return "–"
    places = 0 if abs(value) >= 100 else digits
    if 0 < abs(value) < 10.0**-digits:
        places = 1 - math.floor(math.log10(abs(value)))
    written = f"{value:{sign},.{places}f}" if places < 9 else f"{value:{sign}.1e}"
    return written.replace("-", "−")


def share(value):
    """A share or a probability with two digits."""
    return "–" if value is None or math.isnan(value) else f"{value:.2f}"


def change(value, score):
    """A difference of scores, with as many digits as the score has, or an empty text where they don't show it."""
    text = f"{value:+.3f}" if abs(score) >= 0.01 else figure(value, 3, "+")
    return "" if not text.strip("+-0.") else text.replace("-", "−")
