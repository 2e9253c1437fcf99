"""A table of answers and the files that it names: the old ones, or the new ones, whenever the process ends."""

import contextlib
import csv

from data_pipelines.files.whole_file import whole_file
from mmkeras.inference.answer_files import AnswerFiles
from mmkeras.inference.spreadsheet_cells import as_text


@contextlib.contextmanager
def answer_table(pipe, path, as_is=False):
    """Opens a csv file for answers; pictures and sounds go into folders beside it.

    Table and files take the places of older ones at the end. Where the block raises, or the process is killed before,
    those stay. Where it is killed while they take their places, the table names the new files where they were written,
    in a hidden folder beside it, which the next table of that name removes.

    Args:
        pipe: adapted `Pipeline`.
        path: of the file; its folder must exist.
        as_is: bool. Whether texts that a spreadsheet would run stay as they are. Defaults to `False`.
    Yields:
        callable of a batch of answers, dict column → array, as `predict` gives them.
    Raises:
        ValueError: see `AnswerFiles`.
    Example:
        >>> with answer_table(pipe, "answers.csv") as write:
        ...     for answers in predict(model, pipe, rows):
        ...         write(answers)
    """
    files = AnswerFiles(pipe, path)
    with files, whole_file(path, newline="") as last:
        with whole_file(path, newline="") if files.replaces else contextlib.nullcontext() as between:
            lines, lines_between = (file and _Lines(file, as_is) for file in (last, between))

            def write(answers):
                placed = files.place(answers)
                lines.add(placed)
                if between:
                    lines_between.add(files.apart(placed))

            yield write
            if between:
                files.link()
        files.settle()


class _Lines:
    """Writes batches of columns as lines of a csv file, their names first."""

    def __init__(self, file, as_is):
        self.out, self.as_is, self.is_new = csv.writer(file), as_is, True

    def add(self, columns):
        lines = [list(columns)] if self.is_new else []
        lines += zip(*columns.values(), strict=True)
        self.out.writerows(lines if self.as_is else [[as_text(cell) for cell in line] for line in lines])
        self.is_new = False
