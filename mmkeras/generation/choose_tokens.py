"""A sentence a row: the likeliest token at each step, or one drawn."""

import keras
from keras import ops

from mmkeras.generation.seeds import Seeds

NEVER = -1e9


def choose_tokens(
    step,
    state,
    start,
    length,
    end,
    temperature=0.0,
    top_k=None,
    top_p=None,
    repetition_penalty=1.0,
    seed=0,
):
    """Chooses token ids one after another until every row has its end.

    Args:
        step: callable (ids `(B,)`, state, index) → (logits `(B, K)`, state): what comes after these ids at `index`.
        state: nest of tensors, what `step` remembers.
        start: int tensor `(B,)`. The ids before the first.
        length: int > 0. Most tokens.
        end: int. The id that ends a row.
        temperature: float >= 0. Logits are divided by it before one is drawn; 0: the likeliest is taken.
            Defaults to `0.0`.
        top_k: int > 0 or None. Draws among so many likeliest only. Defaults to `None`: all.
        top_p: float in (0, 1] or None. Draws among the likeliest that together have that probability.
            Defaults to `None`: all.
        repetition_penalty: float >= 1. Makes ids that a row has already unlikelier. Defaults to `1.0`: no.
        seed: int or int scalar tensor. The same seed draws the same. Defaults to `0`.
    Returns:
        int32 tensor `(B, length)`; the end and what follows it are 0.
    Raises:
        ValueError: a number out of range.
    References:
        Top-k: [Fan et al., 2018](https://arxiv.org/abs/1805.04833); top-p:
        [Holtzman et al., 2020](https://arxiv.org/abs/1904.09751); penalty:
        [Keskar et al., 2019](https://arxiv.org/abs/1909.05858), §4.1.
    """
    _check(temperature, top_k, top_p, repetition_penalty)
    rows = ops.shape(start)[0]
    zeros = ops.zeros_like(start, dtype="int32")
    places = ops.arange(length)[None]
    ids = places * 0 + zeros[:, None]
    draws = keras.random.uniform((rows, length), seed=Seeds(seed)) if temperature else ops.zeros((1, length), "float32")

    def go_on(index, ids, last, done, state):
        return (index < length) & ~ops.all(done)

    def choose(index, *before):
        ids, last, done, state = before
        logits, state = step(last, state, index)
        logits = ops.cast(logits, "float32")
        if repetition_penalty != 1.0:
            logits = _unlikelier(logits, ids, repetition_penalty)
        if temperature:
            logits = likeliest(logits / temperature, top_k, top_p)
            chosen = draw(ops.softmax(logits), ops.sum(ops.where(places == index, draws, 0.0), axis=1))
        else:
            chosen = ops.cast(ops.argmax(logits, axis=-1), "int32")
        done = done | (chosen == end)
        chosen = ops.where(done, 0, chosen)
        after = (ops.where(places == index, chosen[:, None], ids), chosen, done, state)
        return index + 1, *keras.tree.map_structure(_shaped_as, after, before)

    first = (ops.zeros((), "int32"), ids, ops.cast(start, "int32"), zeros != 0, state)
    return ops.while_loop(go_on, choose, first)[1]


def _shaped_as(after, before):
    """What a step gives, in the shape it had: of one row, TensorFlow no longer knows how many rows a step gives."""
    return ops.reshape(after, ops.shape(before))


def likeliest(logits, top_k=None, top_p=None):
    """Logits `(B, K)` with all but the likeliest at −1e9."""
    if top_k is not None and top_k < logits.shape[-1]:
        least = ops.top_k(logits, top_k)[0][:, -1:]
        logits = ops.where(logits < least, NEVER, logits)
    if top_p is not None and top_p < 1.0:
        falling = -ops.sort(-logits, axis=-1)
        chances = ops.softmax(falling)
        # A token stays where those before it do not reach top_p yet: the first always does.
        stays = ops.cumsum(chances, axis=-1) - chances < top_p
        least = ops.min(ops.where(stays, falling, float("inf")), axis=-1, keepdims=True)
        logits = ops.where(logits < least, NEVER, logits)
    return logits


def draw(chances, uniform):
    """Ids drawn from `(B, K)` by one number in [0, 1) a row."""
    reached = ops.cumsum(chances, axis=-1)
    passed = reached <= uniform[:, None] * reached[:, -1:]
    return ops.minimum(ops.sum(ops.cast(passed, "int32"), axis=-1), chances.shape[-1] - 1)


def _unlikelier(logits, ids, penalty):
    """Ids that are there already: positive logits divided, negative ones multiplied by the penalty."""
    hot = ops.max(ops.one_hot(ids, logits.shape[-1], dtype="float32"), axis=1) > 0
    return ops.where(hot, ops.where(logits > 0, logits / penalty, logits * penalty), logits)


def _check(temperature, top_k, top_p, repetition_penalty):
    rules = (
        ("temperature", "must be >= 0", temperature >= 0, temperature),
        ("top_k", "must be > 0 or None", top_k is None or top_k > 0, top_k),
        ("top_p", "must be in (0, 1] or None", top_p is None or 0 < top_p <= 1, top_p),
        ("repetition_penalty", "must be >= 1", repetition_penalty >= 1, repetition_penalty),
    )
    for name, rule, kept, value in rules:
        if not kept:
            raise ValueError(f"generate: {name} {rule}. Received: {name}={value!r}. Do: leave it out.")
