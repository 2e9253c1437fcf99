"""Seeds that may be tensors, for layers that draw the same again."""

import keras
from keras import ops


class Seeds(keras.random.SeedGenerator):
    """Gives one seed after another to `keras.random`, from a number that may come from a variable.

    Args:
        seed: int or int scalar tensor. The same seed gives the same draws.
    """

    def __init__(self, seed):
        # No state of its own, so that it can be made inside a graph.
        self.seed = seed
        self.given = 0

    def next(self, ordered=True):
        self.given += 1
        return ops.stack([ops.cast(self.seed, "uint32"), ops.cast(self.given, "uint32")])
