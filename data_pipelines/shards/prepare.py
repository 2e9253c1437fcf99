"""Decodes media once and writes shards, each of which is finished or not there."""

import collections
import hashlib
import os
import shutil

from data_pipelines.batches.bad_cells import EXAMPLES
from data_pipelines.files.held_folder import held_folder
from data_pipelines.files.whole_file import make_folder, write_json
from data_pipelines.files.whole_folder import link_file, settle_folder
from data_pipelines.formats.shard import (
    CELL,
    ENDINGS,
    INDEX,
    PLAN,
    VERSION,
    checksum,
    import_tfds,
    note_path,
    read_json,
    shard_path,
    signed,
    write_examples,
    write_metadata,
)
from data_pipelines.modalities import from_config
from data_pipelines.shards.prepared_rows import PreparedRows
from data_pipelines.sources.source import ROW


def prepare(rows, inputs, folder, problems, progress=None, **options):
    """Decodes what is costly once and writes rows to shards: what `Pipeline.prepare` does.

    Videos become the frames wanted, sounds mono WAV at the rate wanted and cut to `seconds`, pictures that TensorFlow
    doesn't decode (TIFF, AVIF …) PNG, far larger ones than needed PNG of their final size; the rest stays as it is.
    Where `crop` draws parts, shards keep the whole: videos as their files, sounds as WAV at their own rate.
    Batches of shards equal those of the table, or, of resized pictures, within half a grey level. The pipeline need not
    be adapted. Begun again after a kill, the job keeps finished shards, and ends with the same bytes.

    Args:
        rows: `Rows`; all of their columns are kept.
        inputs: dict name → modality.
        folder: path, new or begun before. `tfds.builder_from_directory` opens it too.
        problems: `Problems` to count bad cells in.
        progress: callable (rows done, rows in all) or None. Defaults to `None`.
        options: `file_format`, `rows_per_shard` and `on_bad`, as `ShardJob` takes them.
    Returns:
        dict, JSON-ready: the index of the shards.
    Raises:
        ValueError: a cell that cannot be decoded, under `"raise"`; wrong arguments; a folder of something else, or
            one that another process writes into.
        ImportError: without TensorFlow Datasets.
    Example:
        >>> pipe = Pipeline({"clip": Video(frames=8)}, {"label": Category()})
        >>> index = pipe.prepare(read_table("clips.csv"), "shards/", rows_per_shard=500)
        >>> train, test = read_shards("shards/").split(0.8, 0.2)
    """
    job = ShardJob(rows, inputs, folder, **options)
    with held_folder("Pipeline.prepare", folder):
        job.begin()
        job.run(range(job.count), progress)
        return counted(job.finish(), problems)


class ShardJob:
    """The work of preparing one table: which row goes into which shard, and what its bytes become.

    A shard is written under another name and renamed when it is whole; a note beside it keeps what it was made from,
    its checksum and its bad cells. A job that begins again keeps every shard whose note still holds. It can be pickled,
    so that other processes work on other shards of it.

    Args:
        rows: `Rows`.
        inputs: dict name → modality.
        folder: path of a new folder, or one that holds the same job, begun or finished.
        file_format: `"tfrecord"` or `"array_record"`. Defaults to `"tfrecord"`.
        rows_per_shard: int > 0. Rows of the table in a shard; fewer in the last, and where rows are dropped.
            Defaults to `1000`.
        on_bad: policy for media that cannot be decoded, see `Pipeline`. Defaults to `"raise"`.
    Raises:
        ValueError: another format, a number below 1, no rows, a column that is not there.
        ImportError: TensorFlow Datasets or ArrayRecord is not installed.
    """

    def __init__(self, rows, inputs, folder, file_format="tfrecord", rows_per_shard=1000, on_bad="raise"):
        _check(rows, file_format, rows_per_shard)
        rows.require([c for name, m in inputs.items() for c in m.columns(name)])
        import_tfds(file_format)
        self.rows = rows
        self.media = {name: modality for name, modality in inputs.items() if modality.media}
        self.folder = os.fspath(folder)
        self.replaced = None  # finished shards, whose place these will take
        self.prepared = PreparedRows(rows.source, rows.columns, self.media, on_bad)
        self.plan = {
            "version": VERSION,
            "file_format": file_format,
            "rows_per_shard": int(rows_per_shard),
            "on_bad": on_bad,
            "table": rows.source.name,
            "rows": len(rows),
            "columns": list(rows.columns),
            "bytes_columns": self.prepared.bytes_columns,
            "media": {n: {**m.get_config(), "column": m.columns(n)[0]} for n, m in self.media.items()},
        }

    def __getstate__(self):
        """Modalities as configs: their graphs cannot be pickled."""
        return {"rows": self.rows, "folder": self.folder, "plan": self.plan}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.media = {name: from_config(config) for name, config in self.plan["media"].items()}
        self.prepared = PreparedRows(self.rows.source, self.rows.columns, self.media, self.plan["on_bad"])

    @property
    def count(self):
        """Shards in all."""
        return -(-self.plan["rows"] // self.plan["rows_per_shard"])

    def path(self, place):
        """Where a shard lies."""
        return shard_path(self.folder, place, self.count, self.plan["file_format"])

    def begin(self):
        """Makes the folder, or takes up what is in it.

        Raises:
            ValueError: the folder holds something else.
        """
        make_folder("Pipeline.prepare", self.folder)
        index = read_json(os.path.join(self.folder, INDEX))
        self._check_folder(index or read_json(os.path.join(self.folder, PLAN)))
        if index:
            self._begin_beside(index)
        write_json(os.path.join(self.folder, PLAN), self.plan)

    def _begin_beside(self, index):
        """Works in another folder with the same shards, so that finished ones can be read until all others are."""
        self.replaced, name = os.path.realpath(self.folder), f".{os.path.basename(os.path.realpath(self.folder))}.again"
        self.folder = os.path.join(os.path.dirname(self.replaced), name)
        if read_json(os.path.join(self.folder, PLAN)) != self.plan:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.mkdir(self.folder)
        for place, note in enumerate(index["shards"]):
            shard = shard_path(self.replaced, place, self.count, self.plan["file_format"])
            if os.path.exists(shard) and not os.path.exists(note_path(self.folder, place)):
                link_file(shard, self.path(place))
                write_json(note_path(self.folder, place), note)

    def _check_folder(self, begun):
        if begun is None:
            others = [name for name in os.listdir(self.folder) if not name.endswith(".part")]
            differing = [f"the file {others[0]!r}"] if others else []
        else:
            both = ((key, begun.get(key), value) for key, value in self.plan.items())
            differing = [f"{key}={theirs!r}, not {ours!r}" for key, theirs, ours in both if theirs != ours]
        if differing:
            raise ValueError(
                "Pipeline.prepare: the folder must be empty, or hold shards of the same table, pipeline and version. "
                f"Received: {self.folder!r} with {differing[0]}. Do: another folder, or delete this one."
            )

    def run(self, places, progress=None):
        """Writes those of the shards that are not there yet.

        Args:
            places: range of int. Shards to care for.
            progress: callable (rows done, rows in all) or None. Defaults to `None`.
        """
        size = self.plan["rows_per_shard"]
        total = min(self.plan["rows"], places.stop * size) - places.start * size
        tell = progress or (lambda done, total: None)
        for place, block in self._blocks(places):
            done = (place - places.start) * size
            if not self._is_finished(place, block):
                self._write(place, block, lambda more, done=done: tell(done + more, total))
            tell(done + len(block[ROW]), total)

    def finish(self):
        """Writes what TensorFlow Datasets needs, then the index; gives the index.

        Raises:
            ValueError: a shard is lacking.
        """
        notes = [read_json(note_path(self.folder, place)) for place in range(self.count)]
        if None in notes:
            raise ValueError(
                "Pipeline.prepare: every shard must be finished before the index. "
                f"Received: {self.folder!r} without shard {notes.index(None)}. Do: run prepare again."
            )
        fitted = sorted({column for note in notes for column in note["fitted"]})
        fitted = {column: self.prepared.fitting(column) for column in fitted}
        index = signed({**self.plan, "fitted": fitted, "shards": notes})
        write_metadata(self.folder, self.plan, notes)
        write_json(os.path.join(self.folder, INDEX), index)
        for name in os.listdir(self.folder):
            if name == PLAN or name.endswith(".part") or name.startswith("note-"):
                os.remove(os.path.join(self.folder, name))
        if self.replaced:
            settle_folder(self.folder, self.replaced, last=INDEX)
        return index

    def _blocks(self, places):
        """Yields (place, dict column → list of cells) of the wanted shards; the table is streamed."""
        size, place, held = self.plan["rows_per_shard"], 0, collections.defaultdict(list)
        for cells in self.rows.chunks():
            for column, values in cells.items():
                held[column] += list(values)
            while len(held[ROW]) >= size:
                if place in places:
                    yield place, {column: values[:size] for column, values in held.items()}
                held = collections.defaultdict(list, {column: values[size:] for column, values in held.items()})
                place += 1
            if place >= places.stop:
                return
        if held[ROW] and place in places:
            yield place, held

    def _is_finished(self, place, block):
        note, path = read_json(note_path(self.folder, place)), self.path(place)
        if note is None or not os.path.exists(path) or note["input"] != self._digest(block):
            return False
        return checksum(path) == note["sha256"]

    def _digest(self, block):
        """What a shard is made from: its cells, and the sizes and times of the files that they name."""
        digest = hashlib.blake2b(digest_size=16)
        for column in self.rows.columns:
            for cell in block[column]:
                data = cell if isinstance(cell, bytes) else str(cell).encode("utf-8")
                digest.update(b"%d:" % len(data) + data)
        for path in self.prepared.paths(block):
            if path and len(path) < 4096 and os.path.isfile(path):
                facts = os.stat(path)
                digest.update(b"%d %d;" % (facts.st_size, facts.st_mtime_ns))
        return digest.hexdigest()

    def _write(self, place, block, progress):
        note = {"input": self._digest(block), "fitted": set(), "masked": {}, "dropped": [], "examples": []}
        path = self.path(place)
        write_examples(path + ".part", self.prepared.prepare(block, note, progress), self.plan)
        os.replace(path + ".part", path)
        note.update(fitted=sorted(note["fitted"]), examples=note["examples"][:EXAMPLES])
        rows = len(block[ROW]) - len(note["dropped"])
        facts = {"rows": rows, "bytes": os.path.getsize(path), "sha256": checksum(path)}
        write_json(note_path(self.folder, place), {**facts, **note})


def counted(index, problems):
    """Counts the bad cells that an index tells of; gives the index."""
    for note in index["shards"]:
        examples = iter(note["examples"])
        for column, numbers in note["masked"].items():
            for number in numbers:
                problems.mask(column, number, next(examples, ""))
        for number in note["dropped"]:
            problems.drop(number, next(examples, ""))
    return index


def _check(rows, file_format, rows_per_shard):
    if file_format not in ENDINGS:
        raise ValueError(
            f"Pipeline.prepare: file_format must be one of {tuple(ENDINGS)}. Received: file_format={file_format!r}. "
            "Do: file_format='tfrecord'."
        )
    if rows_per_shard < 1:
        raise ValueError(
            f"Pipeline.prepare: rows_per_shard must be > 0. Received: rows_per_shard={rows_per_shard}. Do: 1000."
        )
    if not len(rows):
        raise ValueError(f'Pipeline.prepare: there must be rows. Received: 0 rows of "{rows.source.name}".')
    taken = [column for column in rows.columns if column.endswith(CELL)]
    if taken:
        raise ValueError(
            f"Pipeline.prepare: a column's name must not end in {CELL!r}. Received: {taken[0]!r}. Do: rename it."
        )
