"""What a training gives."""


class TrainedRun:
    """A model that was trained, with all that belongs to it.

    Attributes:
        model: `keras.Model`, with the weights kept.
        pipe: adapted `Pipeline`.
        folder: path of the run's files.
        parts: dict `"train"`, `"val"`, `"test"` → `Rows`.
        choices: dict. What was chosen for the training.
        metrics: dict that `mmkeras.evaluate` gave for the test rows, or None where they were not evaluated.
        report_rows: `ReportRows`, what a report needs of the test rows, which passed by then, or None.
    """

    def __init__(self, model, pipe, folder, parts, choices, metrics=None, report_rows=None):
        self.model = model
        self.pipe = pipe
        self.folder = folder
        self.parts = parts
        self.choices = choices
        self.metrics = metrics
        self.report_rows = report_rows

    def __repr__(self):
        scores = "" if self.metrics is None else f", targets={self.metrics['targets']}"
        return f"TrainedRun({self.folder!r}{scores})"
