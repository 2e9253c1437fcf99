"""Fingerprints of pictures and sounds, and the pairs that are nearly the same, found without comparing all with all."""

import itertools

import numpy as np
import tensorflow as tf

FLAT = 2.0  # grey levels of spread below which a picture has no fingerprint
SURE = 1.0  # grey levels that neighbours must differ by, so that noise sets no bit
BANDS, RADIUS = 8, 7
CROWD = 1000  # compared at the most with one fingerprint in one band
MOST_CLOSE = 20_000  # pairs of a crowd that are looked at
MOST_PAIRS = 50_000
LOWEST, HIGHEST, TIMES = 100.0, 3400.0, 9  # Hz, Hz, parts of a sound
QUIET, EVEN = 1e-4, 1.0  # height of a sound that is silent; decibels of spread below which a sound is even


def picture_print(small):
    """A difference hash of a picture, and what it is checked against.

    A bit says whether a place is brighter than its right neighbour. A picture of one colour would have no bit set, as
    every other such picture: it gets no fingerprint, and matches only what has the same bytes.

    Args:
        small: array `(8, 9, 3)`, levels in [0, 255].
    Returns:
        tuple (uint64, uint8 array `(216,)`), or None for a flat picture.
    References:
        [Krawetz, 2013](https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html). Differs:
        neighbours must differ by a level, and pairs are checked in colour.
    """
    grey = small.mean(-1)
    if grey.std() < FLAT:
        return None
    return _code(grey[:, :-1] > grey[:, 1:] + SURE), np.round(small).astype("uint8").reshape(-1)


def sound_print(samples, rate):
    """A coarse log-energy fingerprint of a sound, free of level, format and rate, and what it is checked against.

    Energies of nine parts of time in nine bands from 100 to 3400 Hz; a bit says whether the step from a band to the
    next grows from a part to the next. Silence and even noise get none, as they would match each other.

    Args:
        samples: float array `(S,)`.
        rate: int, Hz.
    Returns:
        tuple (uint64, float32 array `(81,)` of decibels about their mean), or None where there is too little to tell.
    References:
        Bits as in Haitsma & Kalker, 2002, A highly robust audio fingerprinting system. Differs: nine parts whatever
        the length.
    """
    height = np.abs(samples).max(initial=0.0)
    if height < QUIET or rate < 2 * HIGHEST:
        return None
    loud = np.flatnonzero(np.abs(samples) > 0.02 * height)
    samples = samples[loud[0] : loud[-1] + 1]
    frame = max(64, int(0.032 * rate))
    if len(samples) < 2 * frame:
        return None
    hop = max(1, min(frame // 2, (len(samples) - frame) // (4 * TIMES)))
    windows = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    power = np.abs(np.fft.rfft(windows * np.hanning(frame).astype("float32"))) ** 2
    edges = np.geomspace(LOWEST, HIGHEST, TIMES + 1) / rate * frame
    starts = np.maximum(1, np.round(edges)).astype(int)
    bands = np.stack([power[:, a : max(b, a + 1)].mean(1) for a, b in itertools.pairwise(starts)], 1)
    parts = np.stack([part.mean(0) for part in np.array_split(bands, TIMES)])
    energy = 10 * np.log10(parts + 1e-4 * parts.max() + 1e-20)
    if energy.std() < EVEN:
        return None
    slope = energy[:, :-1] - energy[:, 1:]
    return _code(slope[1:] > slope[:-1]), (energy - energy.mean()).astype("float32").reshape(-1)


def near_pairs(codes, sketches, farthest):
    """Pairs whose codes differ in at most seven bits of 64 and whose sketches are close.

    Two such codes agree in one of eight bands of eight bits at least, so that only those that share a band meet. Where
    more than 1000 share one, each meets no fewer than the 1000 next in order of the codes; 50,000 pairs
    end the search.

    Args:
        codes: uint64 array `(N,)`.
        sketches: array `(N, K)`.
        farthest: float. Mean absolute difference of sketches allowed, as a share of their own spread, so that two faint
            drawings are not the same for being faint.
    Returns:
        list of (place, place, distance), the closest first.
    """
    found, seen = [], set()
    spread = sketches.astype("float32").std(1)
    for band in range(BANDS):
        keys = (codes >> np.uint64(8 * band)) & np.uint64(255)
        order = np.lexsort((codes, keys))
        bounds = np.flatnonzero(np.diff(keys[order])) + 1
        for bucket in np.split(order, bounds):
            for one, other in _close_codes(codes, bucket):
                gaps = np.abs(sketches[one].astype("float32") - sketches[other]).mean(1)
                gaps /= np.minimum(spread[one], spread[other])
                near = np.flatnonzero(gaps <= farthest)
                for a, b, gap in zip(one[near].tolist(), other[near].tolist(), gaps[near].tolist(), strict=True):
                    pair = (min(a, b), max(a, b))
                    if pair not in seen:
                        seen.add(pair)
                        found.append((*pair, gap))
            if len(found) > MOST_PAIRS:
                return sorted(found, key=lambda pair: pair[2])
    return sorted(found, key=lambda pair: pair[2])


def _close_codes(codes, bucket):
    """Yields (places, places) of pairs of a bucket whose codes are within the radius."""
    for start in range(0, len(bucket), CROWD):
        block, next_ones = bucket[start : start + CROWD], bucket[start : start + 2 * CROWD]
        apart = tf.raw_ops.PopulationCount(x=(codes[block][:, None] ^ codes[next_ones]).view("int64")).numpy()
        one, other = (places[:MOST_CLOSE] for places in np.nonzero(np.triu(apart <= RADIUS, 1)))
        if len(one):
            yield block[one], next_ones[other]


def _code(bits):
    return np.packbits(bits.reshape(-1)).view("uint64")[0]
