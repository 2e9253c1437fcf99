"""What remembering keys and values saves a Transformer that says texts, and what beams cost.

Three ways to say 64 tokens for 16 rows, in turn, seven times: with what was read remembered, reading all of it again at
every token, and with 4 beams. Each is one graph; its fastest turn counts, since other programs only ever slow it down.

Command: python benchmarks/decoding.py
Last seen, two cores of an Intel Xeon that six programs shared, no GPU: remembering 0.97 s, reading again 10.77 s
(11.1 ×), 4 beams 4.25 s (4.4 ×); the same tokens said both ways.
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

ROWS, TOKENS, LENGTH, DIM, KINDS, TURNS = 16, 32, 64, 256, 5000, 7


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
    best = {name: min(turn[name] for turn in turns) for name in ways}
    for name in ways:
        print(f"{name}: {best[name]:.2f} s; median {np.median([turn[name] for turn in turns]):.2f} s")
    gain, cost = (best[name] / best["remembering"] for name in ("reading again", "4 beams"))
    print(f"remembering is {gain:.1f} × as fast as reading again; 4 beams take {cost:.1f} × the time of one")
    if same < 0.99 or gain < 5 or cost > 5:
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


if __name__ == "__main__":
    main()
