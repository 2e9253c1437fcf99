"""All tokens at once, the surest first, in a fixed number of rounds."""

import numpy as np
from keras import ops, random

from mmkeras.generation.choose_tokens import draw
from mmkeras.generation.seeds import Seeds

TINY = 1e-9


def unmask_tokens(predict, rows, length, steps, temperature=0.0, choice_temperature=4.5, seed=0):
    """Fills masked tokens in rounds: all that are left are chosen, the surest of them stay.

    After round s of S, cos(π/2 · s/S) of the tokens are still masked.

    Args:
        predict: callable (ids `(B, L)`, known bool `(B, L)`) → logits `(B, L, K)`.
        rows: int or int scalar tensor. B.
        length: int > 0. L.
        steps: int > 0. S; more than L are L.
        temperature: float ≥ 0. Logits are divided by it before an id is drawn; 0: the likeliest is taken.
            Defaults to `0.0`.
        choice_temperature: float ≥ 0. Noise on what counts as sure, less from round to round; 0 keeps the surest,
            which of pictures makes plain ones. Not used where nothing is drawn. Defaults to `4.5`.
        seed: int or int scalar tensor. The same seed draws the same. Defaults to `0`.
    Returns:
        int32 tensor `(B, L)`.
    Raises:
        ValueError: a number out of range.
    References:
        [Chang et al., 2022](https://arxiv.org/abs/2202.04200), §3.2.
    """
    for name, rule, kept, value in (
        ("steps", "must be > 0", steps > 0, steps),
        ("temperature", "must be ≥ 0", temperature >= 0, temperature),
        ("choice_temperature", "must be ≥ 0", choice_temperature >= 0, choice_temperature),
    ):
        if not kept:
            raise ValueError(f"generate: {name} {rule}. Received: {name}={value}. Do: leave it out.")
    steps = min(steps, length)
    stay = length - np.floor(length * np.cos(np.pi / 2 * np.arange(1, steps + 1) / steps) + TINY).astype("int32")
    source = Seeds(seed)
    noise, doubt = (random.uniform((steps, rows, length), seed=source) for _ in range(2))

    def fill(step, state):
        ids, known = state
        logits = ops.cast(predict(ids, known), "float32")
        chances = ops.softmax(logits / temperature if temperature else logits)
        if temperature:
            told = _drawn(chances, ops.take(noise, step, axis=0))
        else:
            told = ops.cast(ops.argmax(logits, axis=-1), "int32")
        sure = ops.log(ops.take_along_axis(ops.softmax(logits), told[..., None], axis=-1)[..., 0] + TINY)
        if temperature:
            gumbel = -ops.log(TINY - ops.log(ops.take(doubt, step, axis=0) + TINY))
            left = 1.0 - (ops.cast(step, "float32") + 1.0) / steps
            sure = sure + choice_temperature * left * gumbel
        order = ops.argsort(ops.where(known, -float("inf"), -sure), axis=-1)
        place = ops.argsort(order, axis=-1)
        ids = ops.where(known, ids, told)
        return ids, known | (ops.cast(place, "int32") < ops.take(ops.convert_to_tensor(stay), step))

    empty = ops.zeros((rows, length), "int32")
    return ops.fori_loop(0, steps, fill, (empty, empty > 0))[0]


def _drawn(chances, uniform):
    """Ids drawn from `(B, L, K)` by one number in [0, 1) a token."""
    kinds = chances.shape[-1]
    flat = draw(ops.reshape(chances, (-1, kinds)), ops.reshape(uniform, (-1,)))
    return ops.reshape(flat, ops.shape(uniform))
