"""The scores of each epoch, in a file that is whole whenever it is read."""

import csv
import io
import math

import keras

from data_pipelines.files.whole_file import whole_file


class RunHistory(keras.callbacks.Callback):
    """Keeps the logs of all epochs of a run, those before it was cut off too.

    Args:
        path: of the csv file; a column a score, and `"NA"` for scores that are no finite numbers, and for those of
            validation where there was none.
        mark: str. The run's, in the last column.
    """

    def __init__(self, path, mark):
        super().__init__()
        self.path = path
        self.mark = mark
        self.rows = []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}})

    def get_state(self):
        return {"rows": self.rows}

    def set_state(self, state):
        self.rows = state["rows"]

    def write(self):
        """Writes the file, whole or not at all."""
        if not self.rows:
            return
        names = sorted(name for name in self.rows[0] if name != "epoch")
        if not any(name.startswith("val_") for name in names):
            names += [f"val_{name}" for name in names]
        table = io.StringIO()
        writer = csv.DictWriter(table, ["epoch", *names, "run"], restval="NA", extrasaction="ignore")
        writer.writeheader()
        known = [{name: value for name, value in row.items() if math.isfinite(value)} for row in self.rows]
        writer.writerows({**row, "run": self.mark} for row in known)
        with whole_file(self.path, "wb") as file:
            file.write(table.getvalue().encode())
