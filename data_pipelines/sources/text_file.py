"""Opens tables that are text, in any encoding, and says which one could fit where it is not that."""

import codecs
import contextlib
import os

LIKELY = ("utf-8", "gb18030", "cp1252")
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextlib.contextmanager
def opened_text(path, encoding, line):
    """A text file whose decoding errors say what to do.

    Args:
        path: str.
        encoding: str or None. Any that Python knows; `None` is UTF-8.
        line: callable without arguments → int, the line reached, for the message.
    Raises:
        ValueError: an unknown encoding, or bytes that are not of it.
    """
    name = os.path.basename(path)
    try:
        kind = codecs.lookup(encoding or "utf-8").name
    except LookupError as error:
        raise ValueError(
            f'read_table "{name}": the encoding must be one that Python knows. Received: encoding={encoding!r}. '
            'Do: "gb18030", "shift_jis", "cp1252" …'
        ) from error
    try:
        # A byte order mark is no part of the first column's name.
        with open(path, newline="", encoding="utf-8-sig" if kind == "utf-8" else kind) as file:
            yield file
    except UnicodeError as error:
        fitting = _fitting(getattr(error, "object", b""), kind)
        raise ValueError(
            f'read_table "{name}": a table must be {"UTF-8" if kind == "utf-8" else kind} text. '
            f'Received: {error}, after line {line()}. Do: encoding="{fitting}" if it is that, or save it as UTF-8.'
        ) from error


def _fitting(data, refused):
    """An encoding that a piece of a file could be of, other than the one refused."""
    if data.startswith(MARKS):
        return "utf-16"
    for kind in LIKELY:
        with contextlib.suppress(UnicodeDecodeError):
            codecs.getincrementaldecoder(kind)().decode(data)
            if kind != refused:
                return kind
    return LIKELY[0] if refused != LIKELY[0] else LIKELY[-1]
