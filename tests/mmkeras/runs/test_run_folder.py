"""A folder holds one run, whenever the process that writes it ends."""

import contextlib
import itertools
import json
import os
import re
import shutil
import zipfile

import pytest

from data_pipelines.field_spec import FieldSpec
from mmkeras.runs.run_folder import RunFolder
from mmkeras.runs.run_marks import read_json
from mmkeras.training import run

CALLS = ("fsync", "replace", "rename", "link", "remove", "unlink", "rmdir", "mkdir")
FILES = {"model.keras", "pipeline.json", "spec.json", "run.json"}


class Killed(BaseException):
    """The end of a process."""


class Pipe:
    """What a run folder wants of a pipeline; its label tells whose it is."""

    def __init__(self, label):
        self.label = label
        self.spec = {"inputs": {label: FieldSpec("Number", (1,))}}

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"inputs": [self.label]}, file)


class Model:
    """What it wants of a model: to be written, here as an archive that tells whose it is."""

    def __init__(self, label):
        self.label = label

    def save(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("label", self.label)


def train(folder, label, models=2, **state):
    """All that a training writes, but for checkpoints."""
    found = RunFolder(folder)
    if found.state(**state) == "finished":
        return
    found.start(Pipe(label))
    for number in range(models):
        found.save_model(Model(label), f"best-{number}.keras")
        if not found.replaces:
            found.publish(f"best-{number}.keras", finished=False)
    found.publish(f"best-{models - 1}.keras", finished=True)


def labels(folder):
    """Whose model, pipeline and spec a reader gets."""
    found = RunFolder(folder)
    found.check()
    with zipfile.ZipFile(found.path("model.keras")) as archive:
        model = archive.read("label").decode()
    return {model, *(next(iter(read_json(found.path(name))["inputs"])) for name in ("pipeline.json", "spec.json"))}


def dying(former, left):
    def call(*args, **options):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return former(*args, **options)

    return call


def killed_everywhere(place, prepare, change):
    """Makes a change in folders anew, and ends it after 0, 1, 2 … changes of the disk; gives the folders."""
    for number in itertools.count():
        folder = place / str(number)
        prepare(folder)
        left = [number]
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, dying(getattr(os, name), left))
            with contextlib.suppress(Killed):
                change(folder)
        yield folder
        if left[0] >= 0:
            assert number > 10
            return


def test_a_first_run_is_there_whole_or_not_at_all(tmp_path):
    found = []
    for folder in killed_everywhere(tmp_path, lambda folder: None, lambda folder: train(folder, "new")):
        try:
            found.append(labels(folder))
        except ValueError as error:
            assert re.search(r"a run must hold (model.keras|pipeline.json). Received: ", str(error))
            found.append(set())
        state = {"overwrite": True} if RunFolder(folder).published else {}
        train(folder, "newer", **state)
        assert labels(folder) == {"newer"} and set(os.listdir(folder)) == FILES
    assert [*dict.fromkeys(map(str, found))] == ["set()", "{'new'}"]


def test_a_run_that_is_replaced_stays_until_the_new_one_is_finished(tmp_path):
    def prepare(folder):
        train(folder, "old")
        run.write_metrics({"rows": 1}, folder)

    found = []
    for folder in killed_everywhere(tmp_path, prepare, lambda folder: train(folder, "new", overwrite=True)):
        found.append(*labels(folder))
        assert RunFolder(folder).finished
        RunFolder(folder).settle()
        assert labels(folder) == {found[-1]}
        assert (folder / "metrics.json").exists() == (found[-1] == "old")
        train(folder, "newer", overwrite=True)
        assert labels(folder) == {"newer"} and set(os.listdir(folder)) == FILES
    assert [*dict.fromkeys(found)] == ["old", "new"] and found.count("new") > 5


def test_a_run_of_an_older_version_is_replaced_alike(tmp_path):
    def prepare(folder):
        os.makedirs(folder)
        Pipe("old").save(folder / "pipeline.json")
        Pipe("old").save(folder / "spec.json")
        Model("old").save(folder / "model.keras")

    found = [
        labels(folder).pop()
        for folder in killed_everywhere(tmp_path, prepare, lambda folder: train(folder, "new", overwrite=True))
    ]
    assert [*dict.fromkeys(found)] == ["old", "new"]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, "a run that is there is not written into. Received: .*run'. Do: another folder, or --overwrite"),
        ({"resume": True, "overwrite": True}, "a run goes on or starts anew. Received: resume=True, overwrite=True"),
    ],
)
def test_a_run_is_not_written_into(options, rule, tmp_path):
    train(tmp_path / "run", "old")
    with pytest.raises(ValueError, match=rule):
        train(tmp_path / "run", "new", **options)
    assert labels(tmp_path / "run") == {"old"}


def test_a_finished_run_is_not_gone_on_with(tmp_path):
    train(tmp_path, "old")
    train(tmp_path, "new", resume=True)
    assert labels(tmp_path) == {"old"}


def test_nothing_to_go_on_with_yet_begins(tmp_path):
    train(tmp_path / "run", "new", resume=True)
    assert labels(tmp_path / "run") == {"new"}


def test_a_checkpoint_that_is_lost_is_missed(tmp_path):
    found = RunFolder(tmp_path)
    found.start(Pipe("new"))
    found.save_model(Model("new"), "best-1.keras")
    found.publish("best-1.keras", finished=False)
    assert labels(tmp_path) == {"new"}
    with pytest.raises(ValueError, match=r"must have a checkpoint. Received: .* without \.training.checkpoint\.npz"):
        train(tmp_path, "new", resume=True)


def test_a_checkpoint_of_an_older_version_is_told(tmp_path):
    os.makedirs(tmp_path / "backup")
    with pytest.raises(ValueError, match=r"a checkpoint of this version. Received: .*backup', of an older one"):
        train(tmp_path, "new", resume=True)


def test_a_model_of_another_run_is_refused(tmp_path):
    for label in ("one", "two"):
        train(tmp_path / label, label)
    shutil.copy(tmp_path / "two" / "model.keras", tmp_path / "one")
    with pytest.raises(
        ValueError, match=r"must belong together. Received: .*one' with model.keras of run \w+, pipeline"
    ):
        labels(tmp_path / "one")
    Model("one").save(tmp_path / "one" / "model.keras")
    with pytest.raises(ValueError, match=r"with model.keras of no run, pipeline.json of run \w+.* Do: .*run.save"):
        labels(tmp_path / "one")


@pytest.mark.parametrize("name", ["model.keras", "pipeline.json", "run.json"])
def test_a_damaged_file_is_named(name, tmp_path):
    train(tmp_path, "one")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"a file must be there and whole. Received: '.*{name}' \(.*Do: put it back"):
        labels(tmp_path)
    train(tmp_path, "two", overwrite=True)
    assert labels(tmp_path) == {"two"}


def test_runs_of_older_versions_load(tmp_path):
    train(tmp_path, "old")
    os.remove(tmp_path / "run.json")
    for name in ("pipeline.json", "spec.json"):
        Pipe("old").save(tmp_path / name)
    Model("old").save(tmp_path / "model.keras")
    assert labels(tmp_path) == {"old"} and run.check(tmp_path) is None


def test_the_files_bear_the_mark(tmp_path):
    train(tmp_path, "one")
    run.write_metrics({"rows": 3}, tmp_path)
    mark = run.check(tmp_path)
    assert len(mark) == 32
    told = {name: json.loads((tmp_path / name).read_text())["run"] for name in FILES - {"model.keras"}}
    assert {*told.values(), json.loads((tmp_path / "metrics.json").read_text())["run"]} == {mark}


def test_a_report_of_other_scores_goes_with_them(tmp_path):
    train(tmp_path / "run", "one")
    for place, output in ((tmp_path / "run", None), (tmp_path, tmp_path)):
        (place / "report.html").write_text("of scores before")
        run.write_metrics({"rows": 3}, tmp_path / "run", output)
        assert (place / "metrics.json").exists() and not (place / "report.html").exists()


def test_no_links_are_needed(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError("this file system has no links")

    monkeypatch.setattr(os, "link", refuse)
    train(tmp_path, "one")
    assert labels(tmp_path) == {"one"}


def test_what_was_made_of_a_run_goes_with_it(tmp_path):
    def fill():
        for name in ("saved_model", "evaluate"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "saved_model.pb").write_text("of the run before")

    fill()
    train(tmp_path, "one")
    assert {"saved_model", "evaluate"} <= set(os.listdir(tmp_path))  # of nobody's run
    train(tmp_path, "two", overwrite=True)
    assert set(os.listdir(tmp_path)) == FILES
