"""A table that is learned in seconds: numbers and a word tell a kind and a price."""

import numpy as np
import pandas


def frame(rows, seed=0):
    """A DataFrame of `x`, `word`, `kind` and `price`."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    up = random.integers(0, 2, rows)
    words = np.where(up, "it went up again today", "it fell down once more")
    kind = np.where(x + 2 * up - 1 > 0, "yes", "no")
    price = (5 * x + 10 * up + random.normal(scale=0.3, size=rows)).round(3)
    texts = [f"{word} {k % 7} times" for k, word in enumerate(words)]
    return pandas.DataFrame({"x": x.round(3), "word": texts, "kind": kind, "price": price})
