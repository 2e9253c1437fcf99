"""How the steps of a training are run: what they cost, and nothing of what they learn."""

import contextlib
import inspect

import keras

from mmkeras.training.cache_choice import makes_targets, row_values

CACHES = ("memory", "disk", "none")
MOST_STEPS = 8  # an execution, where nobody says
FEW_VALUES = 128  # that a row's inputs hold, up to which steps are so small that several run together


class Execution:
    """What is chosen about the running of a training, and can be set.

    Args:
        jit_compile: bool or `"auto"`. Whether XLA compiles the steps; sequences are padded to a few lengths then, see
            `Pipeline.batches`. Defaults to `"auto"`: where Keras does so by itself, as on GPUs.
        steps_per_execution: int > 0. Steps between two looks at callbacks, and between two checkpoints at the least.
            Defaults to `None`: up to 8 that an epoch is made of, where a row's inputs hold at most 128 values, such as
            numbers, categories and short texts; what runs between such small steps costs a quarter of them. Else 1.
        dtype: str. A Keras dtype policy, such as `"mixed_bfloat16"`, for all parts that are not given as layers.
            Defaults to `None`: the one that is set in Keras.
        cache: `"memory"`, `"disk"` or `"none"`. Where decoded rows are kept. Defaults to `None`: what has room, see
            `row_cache`.
    Raises:
        ValueError: a number or word that is none of these.
    """

    def __init__(self, jit_compile="auto", steps_per_execution=None, dtype=None, cache=None):
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.dtype = dtype
        self.cache = cache
        if steps_per_execution is not None and steps_per_execution < 1:
            raise ValueError(
                "train: steps_per_execution must be > 0. "
                f"Received: steps_per_execution={steps_per_execution}. Do: leave it out."
            )
        if cache not in (None, *CACHES):
            raise ValueError(f"train: cache must be one of {CACHES}. Received: cache={cache!r}. Do: leave it out.")

    @classmethod
    def taken_from(cls, options):
        """(the `Execution` that a dict of options tells, the dict without these)."""
        names = set(inspect.signature(cls).parameters)
        own = {name: value for name, value in options.items() if name in names}
        return cls(**own), {name: value for name, value in options.items() if name not in names}

    def compiled(self, pipe, steps):
        """What `compile` takes of it.

        Args:
            pipe: adapted `Pipeline`.
            steps: int. Steps an epoch.
        """
        together = self.steps_per_execution
        if together is None:
            small = keras.backend.backend() == "tensorflow" and _is_small(pipe)
            together = max(n for n in range(1, MOST_STEPS + 1) if steps % n == 0) if small else 1
        return {"jit_compile": self.jit_compile, "steps_per_execution": together}

    @contextlib.contextmanager
    def policy(self):
        """A context in which parts are made in the wanted dtype."""
        former = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.dtype or former)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(former)

    def facts(self, model):
        """What was chosen for a model, JSON-ready."""
        return {
            "jit_compile": bool(model.jit_compile),
            "steps_per_execution": model.steps_per_execution,
            "dtype": keras.dtype_policies.get(self.dtype or keras.config.dtype_policy()).name,
        }


def _is_small(pipe):
    """Whether steps are so: a row's inputs hold few values, and no target is generated."""
    return row_values(pipe) <= FEW_VALUES and not makes_targets(pipe)
