"""The folder of a run: whose files they are, and how they take the place of others."""

import os
import shutil
import uuid

from data_pipelines.field_spec import spec_json
from data_pipelines.files.held_folder import held_folder
from data_pipelines.files.whole_file import check_folder, write_json
from data_pipelines.files.whole_folder import link_file
from mmkeras.runs.run_marks import mark_model, read_json, read_mark

MODEL, PIPELINE, SPEC, METRICS, HISTORY = "model.keras", "pipeline.json", "spec.json", "metrics.json", "history.csv"
RUN, REPORT, TRAINING, CHECKPOINT = "run.json", "report.html", ".training", "checkpoint.npz"
CHOICES, SEEN, EVALUATIONS, EXPORTED = "choices.json", "seen_rows.npz", "evaluate", "saved_model"
NEW, RESUME, FINISHED = "new", "resume", "finished"
BACKUP = "backup"  # of versions before runs had a mark
OLD, PART, GATHERED = ".old-", "part-", "gathered"


class RunFolder:
    """The files of one run, which take the place of another run's together or not at all.

    While a run learns, all it needs to go on lies in the folder `.training`. What is to be used is gathered there, in
    `next`, which appears whole, by one renaming. From then on it counts: readers look there first, and its files move
    to their places one after the other. A run of a folder that holds no other gives out every model that is better; one
    that replaces another gives out its last only.

    Args:
        folder: path.
    """

    def __init__(self, folder):
        self.folder = os.fspath(folder)
        self.training = os.path.join(self.folder, TRAINING)
        self.checkpoint = os.path.join(self.training, CHECKPOINT)
        self._next = os.path.join(self.training, "next")

    def path(self, name):
        """Where a file of the run lies."""
        waiting = os.path.join(self._next, name)
        return waiting if os.path.exists(waiting) else os.path.join(self.folder, name)

    @property
    def published(self):
        """Whether there is a model that can be used."""
        return all(os.path.isfile(self.path(name)) for name in (MODEL, PIPELINE))

    @property
    def finished(self):
        """Whether a run has come to its end here; runs of older versions, which say nothing, count as such."""
        return self.published and _told(self.path(RUN), "finished", missing=True)

    @property
    def mark(self):
        """The mark of the run that can be used, or None."""
        return _told(self.path(RUN), "run", missing=None)

    def pipeline(self):
        """How the run reads rows, JSON: the same for runs that read them alike."""
        return {name: part for name, part in read_json(self.path(PIPELINE)).items() if name != "run"}

    def check(self):
        """Refuses a folder that holds no run, or files of several; gives the mark.

        Raises:
            ValueError: files are missing, damaged, or of different runs.
        """
        for name in (MODEL, PIPELINE):
            if not os.path.isfile(self.path(name)):
                raise ValueError(self._lacking(name))
        names = [name for name in (MODEL, PIPELINE, SPEC, RUN, CHOICES) if os.path.exists(self.path(name))]
        marks = {name: read_mark(self.path(name)) for name in names}
        if marks.get(CHOICES) is None:  # of versions before it had one
            marks.pop(CHOICES, None)
        if len(set(marks.values())) > 1:
            told = ", ".join(f"{name} of {'run ' + mark if mark else 'no run'}" for name, mark in marks.items())
            raise ValueError(
                f"run: the files of a run must belong together. Received: {self.folder!r} with {told}. "
                "Do: put the files of one run back, save the model with run.save, or train anew with --overwrite."
            )
        return marks[PIPELINE]

    def state(self, resume=False, overwrite=False):
        """What training has to do here: start (`"new"`), go on (`"resume"`), or nothing (`"finished"`).

        Args:
            resume: bool. Whether to go on with a run that was cut off. Defaults to `False`.
            overwrite: bool. Whether a run that is here may be replaced. Defaults to `False`.
        Raises:
            ValueError: there is a run, and neither is wanted; what is needed to go on is lost; or another process
                trains here.
        """
        if resume and overwrite:
            raise ValueError(
                "run: a run goes on or starts anew. Received: resume=True, overwrite=True. Do: leave out one of both."
            )
        check_folder("run", self.folder)
        if os.path.isdir(self.folder):
            with held_folder("run", self.folder):  # a training that is at work settles by itself
                self.settle()
        if overwrite:
            return NEW
        if resume:
            return self._resumed()
        if self._cut_off:
            raise ValueError(
                f"run: training that was cut off is not written over. Received: {self.folder!r}. "
                "Do: go on with --resume (resume=True), or start anew with --overwrite (overwrite=True)."
            )
        if self.published:
            raise ValueError(
                f"run: a run that is there is not written into. Received: {self.folder!r}. "
                "Do: another folder, or --overwrite (overwrite=True), which replaces it once the new one is finished."
            )
        return NEW

    def start(self, pipe, choices=None, seen=None):
        """Begins a run: another mark, and the pipeline that its models will read with.

        Args:
            pipe: adapted `Pipeline`.
            choices: dict, JSON-ready, or None. What was chosen for the training. Defaults to `None`.
            seen: callable (path, mark) that notes the rows of the run in a file, or None. Defaults to `None`.
        """
        self._retire()
        os.makedirs(self.training)
        self.id = uuid.uuid4().hex
        path = os.path.join(self.training, PIPELINE)
        pipe.save(path)
        write_json(path, {"run": self.id, **read_json(path)})
        write_json(os.path.join(self.training, SPEC), {"run": self.id, **spec_json(pipe.spec)})
        if choices is not None:
            write_json(os.path.join(self.training, CHOICES), {"run": self.id, **choices})
        if seen is not None:
            seen(os.path.join(self.training, SEEN), self.id)
        write_json(os.path.join(self.training, RUN), {"run": self.id, "resumable": False})

    def keep_resumable(self):
        """Notes that there is a checkpoint: from now on, one that is missing was lost."""
        write_json(os.path.join(self.training, RUN), {"run": self.id, "resumable": True})

    def save_model(self, model, name):
        """Writes a model of the run that learns, for `publish`."""
        part = os.path.join(self.training, PART + name)
        model.save(part)
        mark_model(part, self.id)
        os.replace(part, os.path.join(self.training, name))

    @property
    def replaces(self):
        """Whether the run that learns will take the place of another one."""
        return self.published and self.mark != self.id

    def publish(self, model, finished):
        """Gives out a model of the run that learns, with its pipeline and history.

        Args:
            model: str. Name that it was saved under.
            finished: bool. Whether it is the last.
        """
        gathered = os.path.join(self.training, GATHERED)
        shutil.rmtree(gathered, ignore_errors=True)
        os.makedirs(gathered)
        for source, name in ((model, MODEL), *((own, own) for own in (PIPELINE, SPEC, HISTORY, CHOICES, SEEN))):
            if os.path.exists(os.path.join(self.training, source)):
                link_file(os.path.join(self.training, source), os.path.join(gathered, name))
        write_json(os.path.join(gathered, RUN), {"run": self.id, "finished": finished})
        os.rename(gathered, self._next)
        self.settle()

    def settle(self):
        """Moves what was given out to its place, and tidies up after a run that is finished."""
        if os.path.isdir(self._next):
            self._move()
        learning = os.path.join(self.training, RUN)
        if os.path.exists(learning) and self.finished and _told(learning, "run", missing=None) == self.mark:
            self._retire()

    def _move(self):
        waiting = os.path.join(self._next, RUN)
        if os.path.exists(waiting):
            if _told(os.path.join(self.folder, RUN), "run", missing=None) != read_mark(waiting):
                self._drop_former()
            # Last, for it tells whether the others were of another run.
            for name in sorted(os.listdir(self._next), key=lambda name: name == RUN):
                source = os.path.join(self._next, name)
                os.replace(source, os.path.join(self.folder, name))
                if os.path.exists(source):  # renaming leaves two links to one file as they are
                    os.remove(source)
        os.rmdir(self._next)

    def _drop_former(self):
        """Removes what another run left, and what would be taken for this one's."""
        if not any(os.path.exists(os.path.join(self.folder, name)) for name in (RUN, MODEL)):
            return
        for name in (METRICS, REPORT, CHOICES, SEEN):
            if os.path.exists(os.path.join(self.folder, name)):
                os.remove(os.path.join(self.folder, name))
        for name in (BACKUP, EVALUATIONS, EXPORTED):
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def _retire(self):
        """Removes what a run needed to learn, at once for whoever looks."""
        if os.path.isdir(self.training):
            os.rename(self.training, os.path.join(self.folder, OLD + uuid.uuid4().hex[:8]))
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            if name.startswith(OLD):
                shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def _sweep(self):
        """Removes what was being written when training was cut off."""
        shutil.rmtree(os.path.join(self.training, GATHERED), ignore_errors=True)
        for name in os.listdir(self.training):
            if name.startswith(PART) or name.endswith(".part"):
                os.remove(os.path.join(self.training, name))

    @property
    def _cut_off(self):
        path = os.path.join(self.training, RUN)
        return os.path.exists(path) and read_json(path)["resumable"]

    def _resumed(self):
        if self._cut_off:
            self.id = read_mark(os.path.join(self.training, RUN))
            self._sweep()
            return RESUME
        if os.path.isdir(os.path.join(self.folder, BACKUP)):
            raise ValueError(
                "run: training that goes on must have a checkpoint of this version. Received: "
                f"{os.path.join(self.folder, BACKUP)!r}, of an older one. Do: start anew with --overwrite."
            )
        if self.published and not self.finished:
            raise ValueError(
                f"run: training that goes on must have a checkpoint. Received: {self.folder!r} without "
                f"{os.path.join(TRAINING, CHECKPOINT)}. Do: put {TRAINING} back, or start anew with --overwrite."
            )
        return FINISHED if self.published else NEW

    def _lacking(self, name):
        if self._cut_off:
            return (
                f"run: a run must hold {name}. Received: {self.folder!r}, where training was cut off before there was "
                f"a model. Do: the same mmkeras train … --output {self.folder} with --resume."
            )
        return f"run: a run must hold {name}. Received: {self.folder!r}. Do: mmkeras train … --output {self.folder}."


def _told(path, fact, missing):
    """What `run.json` says; a damaged one, which `check` refuses, only stands for a run that is there."""
    try:
        return read_json(path)[fact]
    except FileNotFoundError:
        return missing
    except (ValueError, KeyError):
        return True
