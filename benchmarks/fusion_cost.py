"""CPU time of a training step of each fusion over ConcatFusion's, and how it grows with the number of tokens.

One layer each, two modalities of 32 tokens, D = 64, batch 32; all in turn within one run, least of the turns. Growth:
batch 4, tokens 256 … 4,096, time over that at 256 tokens; linear would be 2 4 8 16, quadratic 4 16 64 256.

Command: python benchmarks/fusion_cost.py
Floors: 16 times the tokens cost PerceiverFusion, and BottleneckFusion without self-attention, at most 20 times as much,
TokenTransformer at least 64 times.

Last seen, two cores of an Intel Xeon that two other trainings shared, × ConcatFusion: Sum 0.7, Late 0.8, Tensor 0.9,
Gated 1.0, Multiplicative 1.0, Graph 1.1, LowRankTensor 1.1, Block 1.6, Bilinear 1.8, FiLM 2.4, Perceiver 7.4,
QFormer 10, TokenTransformer 11, Attention 12, Mixture 21, CrossAttention 21, Bottleneck 25, CoAttention 41 (a quarter
of an hour before: 0.7 0.7 0.8 0.8 0.9 1.2 1.0 1.2 1.6 2.3 6.3 9.5 11 11 20 20 25 40).

    tokens                                    256   512  1024  2048  4096
    Perceiver                                   1   1.4   1.7   3.0   6.0
    Bottleneck without self-attention           1   2.0   3.1   4.8   9.4
    Bottleneck                                  1   2.6   7.1  26.0  88.9
    TokenTransformer                            1   3.4  12.7  47.9 179.1
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

import mmkeras as mm

DIM, BATCH, TOKENS, TURNS = 64, 32, 32, 7
GROWING = {
    "BottleneckFusion without self-attention": ("BottleneckFusion", {"self_attention": False}),
    "BottleneckFusion": ("BottleneckFusion", {}),
    "PerceiverFusion": ("PerceiverFusion", {}),
    "TokenTransformer": ("TokenTransformer", {}),
}
LENGTHS = (256, 512, 1024, 2048, 4096)


def stepper(fusion, tokens, batch, **options):
    """A callable that takes one training step, traced already."""
    shape = (tokens // 2, DIM)
    inputs = {name: keras.Input(shape, name=name) for name in ("a", "b")}
    fused = getattr(mm.fusions, fusion)(name="fusion", **options)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(fused)))
    model.compile(keras.optimizers.SGD(1e-3), keras.losses.MeanSquaredError())
    random = np.random.default_rng(0)
    x = {name: random.normal(size=(batch, *shape)).astype("float32") for name in inputs}
    y = np.zeros((batch, 1), "float32")
    model.train_on_batch(x, y)
    return lambda: model.train_on_batch(x, y)


def least(step, turns):
    """Least CPU seconds of a step."""
    found = []
    for _ in range(turns):
        start = time.process_time()
        step()
        found.append(time.process_time() - start)
    return min(found)


def main():
    steps = {name: stepper(name, 2 * TOKENS, BATCH) for name in mm.fusions.__all__}
    seconds = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            seconds[name].append(least(step, 3))
    base = min(seconds["ConcatFusion"])
    for name in sorted(seconds, key=lambda name: min(seconds[name])):
        print(f"{name:24} {min(seconds[name]) / base:5.2f} × ConcatFusion", flush=True)
    grown = {}
    for name, (fusion, options) in GROWING.items():
        times = [least(stepper(fusion, length, 4, **options), 4) for length in LENGTHS]
        grown[name] = times[-1] / times[0]
        print(f"{name:40}", *(f"{length}: {t / times[0]:.1f} ×" for length, t in zip(LENGTHS, times, strict=True)))
    linear = LENGTHS[-1] / LENGTHS[0]
    if max(grown[name] for name in list(GROWING)[::2]) > 1.25 * linear or grown["TokenTransformer"] < 4 * linear:
        sys.exit("below the floor")


if __name__ == "__main__":
    main()
