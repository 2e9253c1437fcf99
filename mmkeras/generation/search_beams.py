"""A sentence a row: the likeliest whole one among a few that are kept."""

import keras
from keras import ops

NEVER = -1e9


def search_beams(step, state, start, length, end, beams, length_penalty=1.0):
    """Keeps the `beams` likeliest beginnings of every row, and gives the likeliest whole for its length.

    Args:
        step: callable (ids `(B · beams,)`, state, index) → (logits `(B · beams, K)`, state).
        state: nest of tensors with a first axis of B · beams, a row's beams side by side.
        start: int tensor `(B · beams,)`. The ids before the first.
        length: int > 0. Most tokens.
        end: int. The id that ends a row.
        beams: int > 0.
        length_penalty: float >= 0. A beam of n tokens, its end included, is judged by its log-probability over
            nᵖ. 0 favours short ones. Defaults to `1.0`.
    Returns:
        int32 tensor `(B, length)`; the end and what follows it are 0.
    Raises:
        ValueError: `beams` < 1 or `length_penalty` < 0.
    References:
        [Wu et al., 2016](https://arxiv.org/abs/1609.08144), §7. Differs: the plain power of the length; no coverage.
    """
    if beams < 1 or length_penalty < 0:
        raise ValueError(
            "generate: beams must be > 0, length_penalty >= 0. "
            f"Received: beams={beams}, length_penalty={length_penalty}. Do: beams=4, length_penalty=1.0."
        )
    rows = ops.shape(start)[0] // beams
    zeros = ops.reshape(ops.zeros_like(start, dtype="int32"), (rows, beams))
    places = ops.arange(length)[None, None]
    # At first all beams of a row are the same: only one of them counts.
    scores = ops.cast(zeros, "float32") + ops.where(ops.arange(beams) == 0, 0.0, NEVER)[None]
    offsets = ops.arange(rows)[:, None] * beams

    def go_on(index, ids, last, done, lengths, scores, state):
        return (index < length) & ~ops.all(done)

    def choose(index, ids, last, done, lengths, scores, state):
        logits, state = step(ops.reshape(last, (-1,)), state, index)
        kinds = logits.shape[-1]
        chances = ops.log_softmax(ops.cast(logits, "float32"))
        chances = ops.reshape(chances, (rows, beams, kinds))
        # A beam that is done goes on with 0 at no cost, and with nothing else.
        resting = ops.where(ops.arange(kinds) == 0, 0.0, NEVER)
        joint = scores[..., None] + ops.where(done[..., None], resting[None, None], chances)
        scores, chosen = ops.top_k(ops.reshape(joint, (rows, beams * kinds)), beams)
        chosen = ops.cast(chosen, "int32")
        origin, last = chosen // kinds, chosen % kinds
        follow = lambda kept: ops.take_along_axis(kept, origin, axis=1)  # noqa: E731
        flat = ops.reshape(offsets + origin, (-1,))
        state = keras.tree.map_structure(lambda kept: ops.take(kept, flat, axis=0), state)
        was_done = follow(done)
        lengths = follow(lengths) + ops.cast(~was_done, "int32")
        done = was_done | (last == end)
        last = ops.where(done, 0, last)
        ids = ops.take_along_axis(ids, origin[..., None], axis=1)
        return index + 1, ops.where(places == index, last[..., None], ids), last, done, lengths, scores, state

    last = ops.reshape(ops.cast(start, "int32"), (rows, beams))
    first = (ops.zeros((), "int32"), places * 0 + zeros[..., None], last, zeros != 0, zeros, scores, state)
    _, ids, _, _, lengths, scores, _ = ops.while_loop(go_on, choose, first)
    fair = scores / ops.power(ops.cast(ops.maximum(lengths, 1), "float32"), length_penalty)
    best = ops.cast(ops.argmax(fair, axis=1), "int32")
    return ops.take_along_axis(ids, best[:, None, None], axis=1)[:, 0]
