"""From the classes of frames to texts: blanks and repetitions out."""

from keras import ops

from mmkeras.losses.ctc_loss import NEVER


def pack_left(mask):
    """The order that brings real places to the front and keeps theirs, `(B, T)`."""
    place = ops.arange(ops.shape(mask)[1])[None]
    return ops.argsort(ops.where(mask, place, place + ops.shape(mask)[1]), axis=1)


def greedy_search(frames):
    """The likeliest class of each frame, repetitions joined and blanks dropped.

    Args:
        frames: float tensor `(B, T, K)`, log-probabilities; class 0 is the blank.
    Returns:
        int32 tensor `(B, T)`: ids, then zeros.
    """
    ids = ops.cast(ops.argmax(frames, axis=-1), "int32")
    before = ops.pad(ids[:, :-1], [[0, 0], [1, 0]])
    ids = ops.where(ids == before, 0, ids)
    return ops.take_along_axis(ids, pack_left(ids > 0), axis=1)


def beam_search(frames, beams):
    """The likeliest text of those that a search keeps, each over all ways to spread it.

    Args:
        frames: see `greedy_search`.
        beams: int > 0. Texts kept at each frame.
    Returns:
        int32 tensor `(B, T)`: ids, then zeros.
    References:
        Prefix search of [Graves et al., 2006](https://www.cs.toronto.edu/~graves/icml_2006.pdf), a beam of it.
    """
    batch, length = ops.shape(frames)[0], ops.shape(frames)[1]
    texts = ops.zeros((batch, beams, length), "int32")
    lengths = ops.zeros((batch, beams), "int32")
    first = ops.cast(ops.arange(beams) == 0, "float32")[None]
    after_blank = ops.zeros((batch, beams), "float32") + (1.0 - first) * NEVER
    after_symbol = ops.full((batch, beams), NEVER)

    def step(place, *state):
        frame = ops.cast(ops.take(frames, place, axis=1), "float32")
        return place + 1, *_search_step(frame, *state)

    loop = (0, texts, lengths, after_blank, after_symbol)
    _, texts, _, after_blank, after_symbol = ops.while_loop(lambda place, *_: place < length, step, loop)
    best = ops.argmax(ops.logaddexp(after_blank, after_symbol), axis=1)
    return ops.take_along_axis(texts, best[:, None, None], axis=1)[:, 0]


def _search_step(frame, texts, lengths, after_blank, after_symbol):
    """One frame `(B, K)` more: every text as it is and longer by each symbol, the likeliest W kept."""
    beams, classes = texts.shape[1], frame.shape[-1]
    here = ops.arange(ops.shape(texts)[2])[None, None] == (lengths - 1)[..., None]
    last = ops.sum(ops.where(here, texts, 0), axis=2)
    either = ops.logaddexp(after_blank, after_symbol)
    repeated = ops.arange(classes)[None, None] == last[..., None]
    longer = ops.where(repeated, after_blank[..., None], either[..., None]) + frame[:, None]
    longer = ops.where(ops.arange(classes) == 0, NEVER, longer)
    spoken = ops.where(last > 0, ops.take_along_axis(frame, last, axis=1), NEVER)
    blank, symbol = either + frame[:, :1], ops.maximum(after_symbol + spoken, NEVER)

    # A text that is another one and its last symbol: both ways to it count, and it stays once.
    shorter = ops.where(here, 0, texts)
    comes_from = ops.all(shorter[:, None] == texts[:, :, None], axis=-1) & (lengths > 0)[:, None]
    ending = ops.take_along_axis(longer, ops.broadcast_to(last[:, None], ops.shape(comes_from)), axis=2)
    symbol = ops.logaddexp(symbol, ops.max(ops.where(comes_from, ending, NEVER), axis=1))
    told = ops.any(comes_from[..., None] & repeated[:, None], axis=2)
    longer = ops.where(told, NEVER, longer)

    scores = ops.concatenate([ops.logaddexp(blank, symbol), ops.reshape(longer, (-1, beams * classes))], axis=1)
    chosen = ops.top_k(scores, beams)[1]
    grows = chosen >= beams
    parent = ops.where(grows, (chosen - beams) // classes, chosen)
    added = ops.where(grows, (chosen - beams) % classes, 0)
    texts = ops.take_along_axis(texts, parent[..., None], axis=1)
    lengths = ops.take_along_axis(lengths, parent, axis=1)
    end = ops.arange(ops.shape(texts)[2])[None, None] == lengths[..., None]
    texts = ops.where(end & grows[..., None], added[..., None], texts)
    after_blank = ops.where(grows, NEVER, ops.take_along_axis(blank, parent, axis=1))
    grown = ops.take_along_axis(scores, chosen, axis=1)
    after_symbol = ops.where(grows, grown, ops.take_along_axis(symbol, parent, axis=1))
    return texts, lengths + ops.cast(grows, "int32"), after_blank, after_symbol
