"""A training that is cut off goes on as if it had not been: the same weights, history and best model."""

import csv
import json
import os
import shutil
import signal

import keras
import numpy as np
import pandas
import pytest
import small_run as small

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import run
from mmkeras.training.run_checkpoint import RunCheckpoint

CHECKPOINT = os.path.join(".training", "checkpoint.npz")


class Cut(BaseException):
    """The end of a process, as far as files are concerned."""


@pytest.fixture
def cut(monkeypatch):
    """Has the next trainings end at a step, before it is trained."""
    begin = RunCheckpoint.on_train_batch_begin

    def at(step):
        def stop(self, batch, logs=None):
            begin(self, batch, logs)
            if self.step == step:
                raise Cut

        monkeypatch.setattr(RunCheckpoint, "on_train_batch_begin", stop if step else begin)

    return at


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing happened to, and what its model and optimizer hold."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, small.values(small.fit(folder))


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder whose training was cut off in its second epoch, after the 10th step."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    begin = RunCheckpoint.on_train_batch_begin

    def stop(self, batch, logs=None):
        begin(self, batch, logs)
        if self.step == 10:
            raise Cut

    RunCheckpoint.on_train_batch_begin = stop
    try:
        with pytest.raises(Cut):
            small.fit(folder, save_every=1)
    finally:
        RunCheckpoint.on_train_batch_begin = begin
    return folder


@pytest.fixture
def copy(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


def history(folder):
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        return [{name: cell for name, cell in line.items() if name != "run"} for line in csv.DictReader(file)]


def assert_same(folder, model, whole):
    other, wanted = whole
    for mine, theirs in zip(small.values(model), wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert history(folder) == history(other)
    best, theirs = (run.load(place)[0].weights for place in (folder, other))
    for one, another in zip(best, theirs, strict=True):
        np.testing.assert_array_equal(one, another)
    assert not (folder / ".training").exists()


@pytest.mark.parametrize("steps", [[1], [10, 13, 14], [27]], ids=str)
def test_cut_off_at_any_step(steps, whole, cut, tmp_path):
    for number, step in enumerate(steps):
        cut(step)
        with pytest.raises(Cut):
            small.fit(tmp_path / "run", save_every=1, resume=number > 0)
    cut(None)
    assert_same(tmp_path / "run", small.fit(tmp_path / "run", save_every=1, resume=True), whole)


class Recorder(keras.callbacks.Callback):
    """Notes the learning rate that each epoch began with, and how long the plateau has lasted."""

    def __init__(self, plateau):
        super().__init__()
        self.plateau, self.notes = plateau, []

    def on_epoch_end(self, epoch, logs=None):
        self.notes.append((epoch, float(self.model.optimizer.learning_rate), self.plateau.wait))


def watched(folder, judged, **options):
    """A training with `ReduceLROnPlateau`, batches that are no `ResumableBatches`, compiled by hand."""
    train, validation = small.table()
    pipe = small.pipeline(train)
    model = small.model_for(pipe)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", weighted_metrics=["acc"])
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05)
    notes = Recorder(plateau)
    batches = pipe.batches(train, small.BATCH, training=True)
    run.fit_batches(
        model,
        pipe,
        batches,
        pipe.batches(validation, 20) if judged else None,
        folder,
        6,
        keep="last",
        verbose=0,
        callbacks=[plateau, notes],
        save_every=1,
        **options,
    )
    return model, notes.notes


@pytest.mark.parametrize("judged", [False, True])
def test_plateaus_and_plain_batches_go_on(judged, cut, tmp_path):
    model, notes = watched(tmp_path / "whole", judged)
    assert len({rate for _, rate, _ in notes}) > 1
    cut(3 * small.STEPS + 4)
    with pytest.raises(Cut):
        watched(tmp_path / "run", judged)
    cut(None)
    resumed, later = watched(tmp_path / "run", judged, resume=True)
    assert later == notes[3:]
    assert_same(tmp_path / "run", resumed, (tmp_path / "whole", small.values(model)))


def test_early_stopping_goes_on_and_stays_stopped(whole, cut, tmp_path, monkeypatch):
    small.fit(tmp_path / "whole", epochs=12, patience=2)
    scores = [float(line["val_accuracy"]) for line in history(tmp_path / "whole")]
    assert len(scores) < 12
    cut(small.STEPS * (len(scores) - 1) + 2)
    with pytest.raises(Cut):
        small.fit(tmp_path / "run", epochs=12, patience=2, save_every=1)
    cut(None)
    with monkeypatch.context() as ended:  # between the last checkpoint and the end
        ended.setattr("mmkeras.training.run_training.RunTraining.finish", lambda self: None)
        small.fit(tmp_path / "run", epochs=12, patience=2, save_every=1, resume=True)
    model = small.fit(tmp_path / "run", epochs=12, patience=2, save_every=1, resume=True)
    assert history(tmp_path / "run") == history(tmp_path / "whole")
    for mine, theirs in zip(model.weights, run.load(tmp_path / "whole")[0].weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # said of any data set of unknown length
def test_rows_that_are_dropped_are_gone_on_with_by_epoch(tmp_path):
    """No step is known there before; Ctrl-C goes back to the end of the epoch before."""
    frame = pandas.DataFrame({"x": [*np.linspace(-1, 1, 30).round(2).astype(str), "?", "?"], "kind": ["a", "b"] * 16})

    def fit(folder, callbacks=(), **options):
        rows = read_table(frame)
        pipe = Pipeline({"x": Number()}, {"kind": Category()}, on_bad="drop").adapt(rows.take(30))
        keras.utils.set_random_seed(0)
        model = mm.compile(mm.build(pipe.spec, dim=8), pipe.spec)
        batches = pipe.batches(rows, 8, training=True)
        run.fit_batches(model, pipe, batches, None, folder, 3, verbose=0, callbacks=callbacks, save_every=1, **options)
        return model

    def stop(batch, logs):
        if stopping.model.optimizer.iterations == 6:
            signal.raise_signal(signal.SIGINT)

    stopping = keras.callbacks.LambdaCallback()
    wanted = small.values(fit(tmp_path / "whole", callbacks=[stopping]))
    stopping.on_train_batch_end = stop
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", callbacks=[stopping])
    stopping.on_train_batch_end = lambda batch, logs: None
    resumed = fit(tmp_path / "run", callbacks=[stopping], resume=True)
    for mine, theirs in zip(small.values(resumed), wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_ctrl_c_saves_and_says_how_to_go_on(whole, tmp_path, monkeypatch, capsys):
    begin = RunCheckpoint.on_train_batch_begin

    def press(self, batch, logs=None):
        begin(self, batch, logs)
        if self.step == 12:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(RunCheckpoint, "on_train_batch_begin", press)
    with pytest.raises(KeyboardInterrupt, match=r"stopped in epoch 2; .*run holds all .* --resume \(resume=True\)"):
        small.fit(tmp_path / "run", save_every="2h")
    assert "Ctrl-C again: at once" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    monkeypatch.undo()
    assert_same(tmp_path / "run", small.fit(tmp_path / "run", resume=True), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 16}, r"Received: steps=4 \(was 7\), batch_size=16 \(was 8\), in "),
        ({"seed": 3}, r"Received: seed=3 \(was 0\), another seed_of_tensorflow, in "),
        ({"epochs": 5}, r"epochs=5 \(was 4\), optimizer.learning_rate.config.decay_steps=35 \(was 28\)"),
        ({"labels": ("no", "maybe")}, r"Received: another targets.kind, in .*Do: the same arguments and rows"),
        ({"compiled": {"dim": 16}}, r"Received: another model, in "),
        ({"compiled": {"label_smoothing": 0.2}}, r"Received: another losses, in "),
        ({"patience": 2}, r"Received: patience=2 \(was None\), in "),
    ],
)
def test_other_conditions_are_refused(copy, options, message):
    before = (copy / CHECKPOINT).read_bytes()
    with pytest.raises(ValueError, match=r"goes on with what it was begun with\. .*" + message):
        small.fit(copy, resume=True, **options)
    assert (copy / CHECKPOINT).read_bytes() == before


def test_other_rows_are_refused(copy, monkeypatch):
    rows = small.table()
    monkeypatch.setattr(small, "table", lambda labels: (rows[0].take(49), rows[1]))
    monkeypatch.setattr(small, "pipeline", lambda rows: run.load(copy)[1])
    with pytest.raises(ValueError, match=r"Received: rows=49 \(was 50\), in "):
        small.fit(copy, resume=True)


@pytest.mark.parametrize("name", [CHECKPOINT, os.path.join(".training", "best-1.keras")])
@pytest.mark.parametrize("damage", ["gone", "half", "flipped"])
def test_what_is_lost_or_damaged_is_named(copy, name, damage):
    whole = (copy / name).read_bytes()
    middle = len(whole) // 2
    (copy / name).write_bytes(
        whole[:middle] if damage == "half" else whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    )
    if damage == "gone":
        os.remove(copy / name)
    with pytest.raises(ValueError, match=rf"a file must be there and whole\. Received: '.*{os.path.basename(name)}' "):
        small.fit(copy, resume=True)


def test_a_run_that_was_cut_off_is_not_written_over(copy):
    with pytest.raises(ValueError, match=r"cut off is not written over\. Received: '.*run'\. Do: go on with --resume"):
        small.fit(copy)


def test_a_finished_run_is_left_alone(whole):
    folder, _ = whole
    before = {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)}
    model = small.fit(folder, resume=True, batch_size=3)
    assert {name: (folder / name).stat().st_mtime_ns for name in os.listdir(folder)} == before
    for mine, theirs in zip(model.weights, run.load(folder)[0].weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_retraining_that_is_cut_off_leaves_the_old_run(whole, cut, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "run")
    cut(20)
    with pytest.raises(Cut):
        small.fit(folder, labels=("left", "right"), overwrite=True, save_every=1)
    model, pipe = run.load(folder)
    assert pipe.targets["kind"].classes == ["no", "yes"]
    for mine, theirs in zip(model.weights, run.load(whole[0])[0].weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    cut(None)
    small.fit(folder, labels=("left", "right"), resume=True, save_every=1)
    assert run.load(folder)[1].targets["kind"].classes == ["left", "right"]
    assert history(folder) == history(whole[0])


@pytest.mark.parametrize("every", [0, "5 days", "-3", "min"])
def test_wrong_spacing_says_so(every, tmp_path):
    with pytest.raises(ValueError, match=rf"save_every must be .*Received: save_every={every!r}. Do: 200"):
        small.fit(tmp_path, save_every=every)


def test_the_checkpoint_opens_with_numpy(begun):
    with np.load(begun / CHECKPOINT, allow_pickle=False) as archive:
        state = json.loads(archive["state.json"])
        assert (state["epoch"], state["batch"], state["step"]) == (1, 3, 10)
        assert archive["optimizer/0.npy"] == 10 or archive["optimizer/0"] == 10
