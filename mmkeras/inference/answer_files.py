"""Answers that are pictures and sounds, as files beside a table."""

import contextlib
import itertools
import os
import re
import secrets
import shutil

from data_pipelines.files.held_folder import held_folder
from data_pipelines.files.whole_folder import link_file, settle_folder


class AnswerFiles:
    """Writes answers that are bytes to files, and gives their paths in their place.

    A context manager. Files are written apart, into the hidden folder `.TABLE.answers` beside the table, and `settle`
    moves them to where they belong. That cannot happen at the same moment as the table takes the place of an older one,
    which may name files there. So a table comes between that names the files where they are apart: at any time, the
    table names files of its own. See `answer_table`.

    Args:
        pipe: adapted `Pipeline`.
        table: path of the table that the answers stand in; the files of a target go to the folder
            `TABLE_TARGET` beside it, numbered by row.
    Attributes:
        replaces: bool. Whether there may be files that an older table names.
    Raises:
        ValueError: a file stands where such a folder belongs, or another process writes answers to the table.
    """

    def __init__(self, pipe, table):
        self.table = os.fspath(table)
        given = {pipe.title(name): modality.ending for name, modality in pipe.targets.items()}
        self.endings = {column: ending for column, ending in given.items() if ending}
        self.folders = _folders(os.path.splitext(os.path.basename(self.table))[0], self.endings)
        self.rows = 0
        for folder in map(self._path, self.folders.values()):
            if os.path.exists(folder) and not os.path.isdir(folder):
                raise ValueError(
                    "predict: files of answers need a folder beside the table. "
                    f"Received: {folder!r}, which is a file. Do: another --output, or rename it."
                )
        self._all = f".{os.path.basename(self.table)}.answers"
        self._own = os.path.join(self._all, secrets.token_hex(4))
        self._links = f"{self._own}-links"
        there = map(os.path.isdir, map(self._path, self.folders.values()))
        self.replaces = os.path.isfile(self.table) and any(there)

    def __enter__(self):
        self._held = contextlib.ExitStack()
        if self.endings and os.path.isdir(self._path() or "."):
            self._held.enter_context(held_folder("predict", self._path(self._all)))
        return self

    def __exit__(self, kind, error, trace):
        with self._held:
            if kind is None:  # nothing in it is named any more, nor what processes left that were killed
                shutil.rmtree(self._path(self._all), ignore_errors=True)
            elif not self._is_named():
                for folder in (self._own, self._links):
                    shutil.rmtree(self._path(folder), ignore_errors=True)
                with contextlib.suppress(OSError):
                    os.rmdir(self._path(self._all))

    def place(self, answers):
        """A batch of answers, dict column → list, with paths of files, from the table on, in place of bytes."""
        placed = {
            column: self._write(column, values) if column in self.endings else values.tolist()
            for column, values in answers.items()
        }
        self.rows += len(next(iter(placed.values())))
        return placed

    def apart(self, placed):
        """The same with the paths where the files are apart."""
        return {
            column: [os.path.join(self._own, path) for path in values] if column in self.endings else values
            for column, values in placed.items()
        }

    def link(self):
        """Gives files that a table will name where they are apart other names, which `settle` moves."""
        for folder in self.folders.values():
            os.makedirs(self._path(self._links, folder))
            for name in self._names(self._own, folder):
                link_file(self._path(self._own, folder, name), self._path(self._links, folder, name))

    def settle(self):
        """Moves the files to where they belong; those of an older table with more rows go."""
        for column, folder in self.folders.items():
            source = os.path.join(self._links if self.replaces else self._own, folder)
            names, place = self._names(source), os.path.realpath(self._path(folder))
            for name in set(self._names(folder)) - set(names):
                if re.fullmatch(rf"\d{{6,}}\.{self.endings[column]}", name):
                    os.remove(os.path.join(place, name))
            if names:
                settle_folder(self._path(source), place)

    def _path(self, *names):
        return os.path.join(os.path.dirname(self.table), *names)

    def _names(self, *folder):
        path = self._path(*folder)
        return os.listdir(path) if os.path.isdir(path) else []

    def _write(self, column, values):
        folder = self.folders[column]
        os.makedirs(self._path(self._own, folder), exist_ok=True)
        paths = []
        for place, data in enumerate(values):
            path = os.path.join(folder, f"{self.rows + place:06d}.{self.endings[column]}")
            with open(self._path(self._own, path), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            paths.append(path)
        return paths

    def _is_named(self):
        """Whether the table names the files where they are apart."""
        if not os.path.isfile(self.table):
            return False
        token = os.path.basename(self._own)  # without what csv writes otherwise, such as quotes
        with open(self.table, encoding="utf-8", errors="replace") as file:
            return any(token in line for line in file)


def _folders(stem, columns):
    """Dict column → a folder of its own, named after both as far as folders can be."""
    folders = {}
    for column in columns:
        name = f"{stem}_{column.replace(os.sep, '_')}"
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        folders[column] = next(free for free in itertools.chain([name], numbered) if free not in folders.values())
    return folders
