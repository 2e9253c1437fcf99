"""Numbers as cells write them, plainly or with the signs of money and thousands."""

import numpy as np
import tensorflow as tf

DIGITS = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
WRITTEN = rf"\s*{DIGITS}\s*"
MISSING = r"\s*(?i:[+-]?nan|#?n/?a|<na>|null|none)?\s*"
LARGEST = float(np.finfo("float32").max)

SPACE = "[ \u00a0\u2009\u202f]"
UNIT = f"(?:(?:[$£€¥₹₩₽₺₫฿%]|EUR|USD|GBP|CHF|CNY|RMB|JPY|INR|元|円){SPACE}?)"
GAP = "[ \u00a0\u2009\u202f'’]"  # between thousands, in any country
POINTS = rf"\d{{1,3}}(?:(?:,\d{{3}})+|(?:{GAP}\d{{3}})+)(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+"
# A lone point before three digits could be either: it stands for thousands only where something else says so.
COMMAS = rf"\d{{1,3}}(?:(?:\.\d{{3}})+,\d*|(?:\.\d{{3}}){{2,}}|(?:{GAP}\d{{3}})+(?:,\d*)?)|\d+(?:,\d*)?|,\d+"
MONEY = r"\d{1,3}(?:\.\d{3})+"
DECIMALS = {
    ".": rf"\s*(?:{DIGITS}|{UNIT}?[+-]?{UNIT}?(?:{POINTS})(?:{SPACE}?{UNIT})?)\s*",
    ",": rf"\s*(?:{UNIT}?[+-]?{UNIT}?(?:{COMMAS})(?:{SPACE}?{UNIT})?"
    rf"|{UNIT}[+-]?{MONEY}|[+-]{UNIT}{MONEY}|[+-]?{MONEY}{SPACE}?{UNIT})\s*",
}


def parse_numbers(column, decimal=None):
    """String tensor `(B,)` → (float64 `(B,)` with NaN for missing, bool: neither a number nor missing).

    Args:
        column: string tensor `(B,)`.
        decimal: `"."` or `","`, see `Number`, or None. Defaults to `None`: digits alone.
    """
    missing = tf.strings.regex_full_match(column, MISSING)
    written = tf.strings.regex_full_match(column, DECIMALS.get(decimal, WRITTEN))
    digits = tf.strings.strip(column)
    if decimal is not None:
        plain = tf.strings.regex_full_match(digits, DIGITS) if decimal == "." else tf.zeros_like(written)
        thousands, point = (",", r"\.") if decimal == "." else (r"\.", ",")
        bare = tf.strings.regex_replace(tf.strings.regex_replace(digits, r"[^0-9.,+\-]", ""), thousands, "")
        digits = tf.where(plain, digits, tf.strings.regex_replace(bare, point, "."))
    value = bounded(tf.strings.to_number(tf.where(written, digits, "nan"), tf.float64))
    bad = ~(missing | written) | tf.math.is_inf(value)
    return tf.where(tf.math.is_finite(value), value, tf.constant(float("nan"), tf.float64)), bad


def bounded(values):
    """Numbers that float32 has no room for are infinite, as they are to a model."""
    return tf.where(tf.abs(values) > LARGEST, tf.constant(float("inf"), tf.float64), values)


def read_numbers(column, decimal=None):
    """Object array of written numbers → float64 array, NaN where a cell is missing or no finite number."""
    return parse_numbers(tf.constant(column), decimal)[0].numpy()
