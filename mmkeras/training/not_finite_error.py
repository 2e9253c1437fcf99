"""A loss that is no finite number."""


class NotFiniteError(ValueError):
    """Training was stopped at a step whose loss is NaN or infinite.

    Args:
        message: str.
        epoch, batch: int. Where, both from 0; in validation, `batch` is None.
        rows: list of int. The batch's rows, by their numbers in the table, where they are known. Defaults to `()`.
        found: str. What is the first that is not finite, in words. Defaults to `""`.
    """

    def __init__(self, message, epoch, batch, rows=(), found=""):
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.rows = list(rows)
        self.found = found

    @property
    def place(self):
        """Where it was, in words; steps count from 1."""
        step = "in validation" if self.batch is None else f"step {self.batch + 1}"
        return f"epoch {self.epoch + 1}, {step}"
