"""What tokens look at, in one form for every fusion that attends: `fusion.attention_scores(inputs, mask)`.

The nodes of a fusion are its learned tokens, if it has any, then the tokens of all modalities in alphabetical order of
names. `attention_scores` gives a dict:

- `layers`: list of float32 `(B, H, N, N)`, a layer each: how much of what node i (row) hears comes from node j. A row
  adds up to 1 over real nodes; it is 0 where the node is absent, or asks nothing in that layer.
- `places`: dict name → (first, last) node of each modality, `""` for the learned tokens; last is one behind.
- `outputs`: list of int. The node of each token that the fusion gives.
"""

from keras import ops


def plainly(training):
    """How a fusion calls its blocks."""
    return lambda block, *tokens, **masks: block(*tokens, training=training, **masks)


def noting(seen):
    """How it calls them to learn what they look at: scores by the block's name go to `seen`."""

    def ask(block, *tokens, **masks):
        told, seen[block.name] = block(*tokens, return_attention_scores=True, **masks)
        return told

    return ask


def places(inputs, names, learned=0):
    """The nodes of each modality, and of the learned tokens, which come first: dict name → (first, last)."""
    found, last = ({"": (0, learned)} if learned else {}), learned
    for name in names:
        found[name] = (last, last + inputs[name].shape[1])
        last = found[name][1]
    return found


def size(spots):
    """N, how many nodes there are."""
    return max(last for _, last in spots.values())


def among_all(scores, rows, columns, spots):
    """Scores `(B, H, R, C)` put where they belong among all nodes: float32 `(B, H, N, N)`, zeros elsewhere.

    Args:
        scores: float tensor.
        rows, columns: lists of (first, last). The nodes that its last two axes stand for, span by span.
        spots: dict. What `places` gave.
    """
    scores = ops.cast(scores, "float32")
    return _spread(_spread(scores, columns, size(spots), 3), rows, size(spots), 2)


def _spread(values, spans, length, axis):
    """Spans that lie side by side on an axis, each moved to its own place."""
    total, taken = 0.0, 0
    for first, last in spans:
        cut = [slice(None)] * 4
        cut[axis] = slice(taken, taken + last - first)
        around = [[0, 0]] * 4
        around[axis] = [first, length - last]
        total = total + ops.pad(values[tuple(cut)], around)
        taken += last - first
    return total
