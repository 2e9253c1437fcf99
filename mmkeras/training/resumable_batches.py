"""Batches that training can go on with in their midst."""


class ResumableBatches:
    """Training batches without an end, from any step on.

    Args:
        make: callable, first step, counted over all epochs → `tf.data.Dataset` without an end of what comes from there.
        steps: int > 0 or None. Steps an epoch. None where it is not known before: then `make` takes the number of
            epochs before, and gives a data set of single passes.
        rows: `BatchRows`, which knows the rows of each batch, or None. Defaults to `None`.
    """

    def __init__(self, make, steps, rows=None):
        self.make = make
        self.steps = steps
        self.rows = rows

    @classmethod
    def of(cls, batches, rows=None):
        """The same of a `tf.data.Dataset` of one pass, not gone through yet.

        Batches before the step are drawn and left out.

        Args:
            batches: `tf.data.Dataset`, or `ResumableBatches`, which stay as they are.
            rows: see above. Defaults to `None`.
        """
        if isinstance(batches, cls):
            return batches
        steps = int(batches.cardinality())
        if steps > 0:
            return cls(lambda step: batches.repeat().skip(step), steps, rows)
        return cls(lambda passes: later(batches, passes), None, rows)


def later(batches, passes):
    """A data set after some passes: what is drawn at random is drawn anew whenever a pass begins."""
    for _ in range(passes):
        next(iter(batches), None)
    return batches
