"""What a server does, with TensorFlow alone: answers fuzzed requests, and looks whether good rows stay what they are.

Arguments: the SavedModel; a pickle of column → good cells; how many requests; a seed. Prints one line of JSON.
"""

import json
import pickle
import random
import sys
import time

import hostile_cells
import numpy as np
import tensorflow as tf
from damage import damaged
from fuzzing import peak_memory

NUMBERS = [float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45, 0.0, -0.0, 1e15]
TEXTS = [b"", b" ", b"\xff\xfe", b"\0", b"\xc3\x28", b"nan", b"{}", b"[]", b"|", b";", b",", b"\n", "\u202e猫".encode()]
# Bytes of all kinds that are large and within bounds.
HUGE = [
    hostile_cells.png(1500, 1500),
    hostile_cells.jpeg(1500),
    hostile_cells.gif((600, 600), (600, 600), hostile_cells.black(600 * 600)),
    hostile_cells.wav(b"\1\0" * 400_000),
    hostile_cells.npy((8, 300, 300, 3), bytes(8 * 300 * 300 * 3)),
    b"1,2;" * 20_000,
    hostile_cells.graph(['"C"'] * 8, ["[0, 1]"] * 5000),
    b"a|b|" * 5000,
    b"the dog and " * 50_000,
]


class Requests:
    """Requests of a few rows, some of which are good and some damaged in one cell or several.

    Args:
        good: dict column → list of good cells, a row each.
        seed: int.
    """

    def __init__(self, good, seed):
        self.good = good
        self.chance = random.Random(seed)
        self.size = len(next(iter(good.values())))

    def draw(self):
        """(column → cells, place → number of the good row that stands there)."""
        numbers = [self.chance.randrange(self.size) for _ in range(self.chance.randint(1, 4))]
        rows = [{column: cells[number] for column, cells in self.good.items()} for number in numbers]
        whole = {}
        for place, row in enumerate(rows):
            if self.chance.random() < 0.5:
                whole[place] = numbers[place]
                continue
            for column in self.chance.sample(sorted(row), self.chance.choice([1, 1, 2, len(row)])):
                row[column] = self.spoiled(row[column])
        return {column: [row[column] for row in rows] for column in self.good}, whole

    def spoiled(self, cell):
        """Another cell in place of a good one."""
        if isinstance(cell, float):
            return self.chance.choice(NUMBERS)
        kind = self.chance.random()
        if kind < 0.02:
            return self.chance.choice(HUGE)
        if kind < 0.2:
            return self.chance.choice(TEXTS)
        if kind < 0.3:
            return self.chance.randbytes(self.chance.choice([1, 8, 64, 600]))
        if kind < 0.4:
            column = self.chance.choice([c for c in self.good.values() if isinstance(c[0], bytes)])
            return self.chance.choice(column)
        return damaged(self.chance, cell) if len(cell) > 1 else b"\x80"


def asked(serve, cells):
    """Answers by name."""
    dtypes = {name: spec.dtype for name, spec in serve.structured_input_signature[1].items()}
    return {k: v.numpy() for k, v in serve(**{c: tf.constant(v, dtypes[c]) for c, v in cells.items()}).items()}


def main(folder, file, count, seed):
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    with open(file, "rb") as opened:
        good = pickle.load(opened)
    requests = Requests(good, int(seed))
    alone = [asked(serve, {c: [cells[row]] for c, cells in good.items()}) for row in range(requests.size)]
    facts = {"requests": 0, "rows": 0, "good_rows": 0, "seconds": 0.0, "apart": 0.0, "not_finite": 0, "changed": []}
    before = peak_memory()
    for _ in range(int(count)):
        cells, whole = requests.draw()
        start = time.process_time()
        answers = asked(serve, cells)
        facts["seconds"] = max(facts["seconds"], time.process_time() - start)
        facts["requests"] += 1
        facts["rows"] += len(next(iter(cells.values())))
        facts["good_rows"] += len(whole)
        for name, values in answers.items():
            is_text = values.dtype == object
            facts["not_finite"] += 0 if is_text else int((~np.isfinite(values)).sum())
            for place, number in whole.items():
                wanted = alone[number][name][0]
                apart = (
                    float(values[place] != wanted) if is_text else float(np.max(np.abs(values[place] * 1.0 - wanted)))
                )
                if apart > 1e-4:
                    facts["changed"].append([name, apart])
                facts["apart"] = max(facts["apart"], apart)
    facts["memory"] = peak_memory() - before
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
