"""What remembering keys and values saves a Transformer that says texts, and what beams cost.

Three ways to say 64 tokens for 16 rows, in turn, five times; the median of the ratios within a turn: with what was read
remembered, reading all of it again at every token, and with 4 beams. All three are one compiled program each.

Command: python benchmarks/decoding.py
Floors: remembering at least 5 × as fast as reading again; 4 beams at most 5 × the time of the likeliest token.
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import mmkeras as mm

ROWS, TOKENS, LENGTH, DIM, KINDS, TURNS = 16, 32, 64, 256, 5000, 5


class ReadsAgain(mm.decoders.TextTransformerDecoder):
    """The same decoder, which remembers ids only."""

    def steps(self, inputs, mask):
        places = ops.arange(self.max_tokens + 1)[None]

        def step(ids, said, index):
            said = ops.where(places == index - 1, ids[:, None], said)
            read = said[:, : index + 1]
            logits = self(inputs, read, inputs_mask=mask, target_mask=ops.ones_like(read, dtype="bool"))
            return logits[:, -1], said

        return step, ops.zeros_like(mask[:, :1], dtype="int32") + places * 0


def main():
    inputs = tf.constant(np.random.default_rng(0).normal(size=(ROWS, TOKENS, DIM)), tf.float32)
    kept, again = (made(cls) for cls in (mm.decoders.TextTransformerDecoder, ReadsAgain))
    again.set_weights(kept.get_weights())
    ways = {
        "remembering": tf.function(lambda x: kept.generate(x), autograph=False),
        "reading again": tf.function(lambda x: again.generate(x), autograph=False),
        "4 beams": tf.function(lambda x: kept.generate(x, beams=4), autograph=False),
    }
    said = {name: way(inputs).numpy() for name, way in ways.items()}
    same = (said["remembering"] == said["reading again"]).mean()
    print(f"{(said['remembering'] != 0).sum(1).mean():.1f} tokens a row; the same said: {same:.3f}")
    turns = [{name: seconds(way, inputs) for name, way in ways.items()} for _ in range(TURNS)]
    for name in ways:
        print(f"{name}: {np.median([turn[name] for turn in turns]):.2f} s ({spread(turn[name] for turn in turns)})")
    gain = [turn["reading again"] / turn["remembering"] for turn in turns]
    cost = [turn["4 beams"] / turn["remembering"] for turn in turns]
    print(
        f"remembering is {np.median(gain):.1f} × as fast ({spread(gain)}); 4 beams take {np.median(cost):.1f} × ",
        end="",
    )
    print(f"the time of one ({spread(cost)})")
    if same < 0.99 or np.median(gain) < 5 or np.median(cost) > 5:
        sys.exit("below the floor")


def made(cls):
    """A decoder that never ends a text of its own."""
    keras.utils.set_random_seed(0)
    decoder = cls(KINDS, max_tokens=LENGTH - 1, num_layers=4, num_heads=4, dropout=0.0)
    decoder.build((None, None, DIM), (None, None))
    bias = np.zeros(KINDS, "float32")
    bias[decoder.end] = -1e6
    decoder.dense.bias.assign(bias)
    return decoder


def seconds(way, inputs):
    started = time.perf_counter()
    way(inputs).numpy()
    return time.perf_counter() - started


def spread(values):
    values = list(values)
    return f"{min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
