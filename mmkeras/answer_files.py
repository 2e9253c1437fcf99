"""Answers that are pictures and sounds, as files beside a table."""

import os


class AnswerFiles:
    """Writes answers that are bytes to files, and gives their paths in their place.

    Args:
        pipe: adapted `Pipeline`.
        table: path of the table that the answers stand in; the files of a target go to the folder
            `TABLE_TARGET` beside it, numbered by row.
    """

    def __init__(self, pipe, table):
        self.endings = {pipe.title(name): modality.ending for name, modality in pipe.targets.items()}
        self.stem = os.path.splitext(os.fspath(table))[0]
        self.rows = 0

    def place(self, answers):
        """A batch of answers, dict column → array, with paths of files, from the table on, in place of bytes."""
        placed = {}
        for column, values in answers.items():
            ending = self.endings.get(column)
            placed[column] = values.tolist() if ending is None else self._write(column, values, ending)
        self.rows += len(next(iter(placed.values())))
        return placed

    def _write(self, column, values, ending):
        folder = f"{self.stem}_{column.replace(os.sep, '_')}"
        os.makedirs(folder, exist_ok=True)
        paths = []
        for place, data in enumerate(values):
            path = os.path.join(folder, f"{self.rows + place:06d}.{ending}")
            with open(path, "wb") as file:
                file.write(data)
            paths.append(os.path.relpath(path, os.path.dirname(self.stem) or "."))
        return paths
