"""Names of columns → names that Keras takes for inputs and outputs, and back."""

import re

PLAIN = r"[A-Za-z0-9.][A-Za-z0-9_.\-]*"
MASK, TARGET = "_mask", "_target"  # what the names of masks and of labels among the inputs end with


def plain_name(column):
    """A name for a column: the column itself where it is plain ASCII, else with its other letters as numbers.

    Keras takes neither spaces nor letters outside ASCII in names of inputs and outputs; columns have both. Of a name,
    it is that name itself, so that a column and its name stand for the same input or target.

    Example:
        >>> plain_name("price"), plain_name("unit price"), plain_name("价格")
        ('price', 'unit_20_price', 'u4ef7_683c')
    """
    plain = column if re.fullmatch(PLAIN, column) else _spelled(column)
    return plain + "_" if plain.endswith(MASK) else plain


def without_inputs(x, names, zeros_like):
    """A batch in which some inputs are absent from every row: zeros, under masks of False.

    Args:
        x: dict of arrays or tensors by input, and by input + `"_mask"`.
        names: collection of inputs.
        zeros_like: callable, `numpy.zeros_like` or `tf.zeros_like`.
    Example:
        >>> without_inputs({"age": 3.0, "age_mask": True, "pay": 2.0}, {"age"}, lambda value: type(value)())
        {'age': 0.0, 'age_mask': False, 'pay': 2.0}
    """
    return {key: zeros_like(value) if key.removesuffix(MASK) in names else value for key, value in x.items()}


def _spelled(column):
    plain = re.sub(r"[^A-Za-z0-9]", lambda letter: f"_{ord(letter[0]):x}_", column).replace("__", "_").rstrip("_")
    return plain if plain[0].isalnum() else f"u{plain[1:]}"


def plain_names(words):
    """Names by columns or names: of a dict a dict with such keys, of other collections a tuple; None stays None.

    Example:
        >>> plain_names({"价格": 2.0}), plain_names(["unit price", "age"])
        ({'u4ef7_683c': 2.0}, ('unit_20_price', 'age'))
    """
    if words is None:
        return None
    if isinstance(words, dict):
        return {plain_name(word): value for word, value in words.items()}
    return tuple(plain_name(word) for word in words)


def title_of(name, column):
    """What people call an input or target: its column, where the name is made from that.

    Example:
        >>> title_of("u4ef7_683c", "价格"), title_of("price", None), title_of("price", "价格")
        ('价格', 'price', 'price')
    """
    return column if column and plain_name(column) == name else name
