"""Answers that are pictures and sounds, as files beside a table."""

import os
import shutil
import tempfile


class AnswerFiles:
    """Writes answers that are bytes to files, and gives their paths in their place.

    A context manager: the files come into their folders at the end, all of them; where the block raises, none does,
    and those of an older table stay as they are.

    Args:
        pipe: adapted `Pipeline`.
        table: path of the table that the answers stand in; the files of a target go to the folder
            `TABLE_TARGET` beside it, numbered by row.
    Raises:
        ValueError: a file stands where such a folder belongs.
    """

    def __init__(self, pipe, table):
        self.endings = {pipe.title(name): modality.ending for name, modality in pipe.targets.items()}
        self.stem = os.path.splitext(os.fspath(table))[0]
        self.rows = 0
        self.unfinished = None
        for folder in map(self._folder, filter(self.endings.get, self.endings)):
            if os.path.exists(folder) and not os.path.isdir(folder):
                raise ValueError(
                    "predict: files of answers need a folder beside the table. "
                    f"Received: {folder!r}, which is a file. Do: another --output, or rename it."
                )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.unfinished is None:
            return
        if kind is None:
            for column in os.listdir(self.unfinished):
                self._settle(os.path.join(self.unfinished, column))
        shutil.rmtree(self.unfinished)

    def place(self, answers):
        """A batch of answers, dict column → array, with paths of files, from the table on, in place of bytes."""
        placed = {}
        for column, values in answers.items():
            ending = self.endings.get(column)
            placed[column] = values.tolist() if ending is None else self._write(column, values, ending)
        self.rows += len(next(iter(placed.values())))
        return placed

    def _folder(self, column):
        return f"{self.stem}_{column.replace(os.sep, '_')}"

    def _write(self, column, values, ending):
        if self.unfinished is None:
            beside = os.path.dirname(self.stem) or "."
            self.unfinished = tempfile.mkdtemp(prefix=".answers.", suffix=".part", dir=beside)
        folder = os.path.basename(self._folder(column))
        os.makedirs(os.path.join(self.unfinished, folder), exist_ok=True)
        paths = []
        for place, data in enumerate(values):
            path = os.path.join(folder, f"{self.rows + place:06d}.{ending}")
            with open(os.path.join(self.unfinished, path), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            paths.append(path)
        return paths

    def _settle(self, unfinished):
        """Moves a folder's files to where they belong; each takes the place of an older one at once."""
        folder = os.path.join(os.path.dirname(self.stem), os.path.basename(unfinished))
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(unfinished):
            os.replace(os.path.join(unfinished, name), os.path.join(folder, name))
