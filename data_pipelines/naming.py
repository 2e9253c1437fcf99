"""Names of columns → names that Keras takes for inputs and outputs."""

import re

PLAIN = r"[A-Za-z0-9.][A-Za-z0-9_.\-]*"


def plain_name(column):
    """A name for a column: the column itself where it is plain ASCII, else with its other letters as numbers.

    Keras takes neither spaces nor letters outside ASCII in names of inputs and outputs; columns have both.

    Example:
        >>> plain_name("price"), plain_name("unit price"), plain_name("价格")
        ('price', 'unit_20_price', 'u4ef7_683c')
    """
    if re.fullmatch(PLAIN, column):
        return column
    plain = re.sub(r"[^A-Za-z0-9]", lambda letter: f"_{ord(letter[0]):x}_", column).replace("__", "_").rstrip("_")
    return plain if plain[0].isalnum() else f"u{plain[1:]}"
