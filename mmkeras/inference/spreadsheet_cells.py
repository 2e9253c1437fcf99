"""Cells of tables that people open in a spreadsheet, which would take some texts for formulas."""

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"


def as_text(value):
    """The value, with `'` before a text that a spreadsheet would run; numbers, written out too, stay what they are.

    Example:
        >>> as_text("=1+1"), as_text("-1.5"), as_text("a=b"), as_text(-2.0)
        ("'=1+1", '-1.5', 'a=b', -2.0)
    """
    runs = isinstance(value, str) and value.startswith(FORMULA) and not re.fullmatch(NUMBER, value)
    return f"'{value}" if runs else value
