"""A table in, a trained run out."""

import csv
import json

import numpy as np
import pytest
from training_rows import frame

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import run as runs


def history(folder):
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    paths = {}
    for place, (part, count) in enumerate({"train": 160, "validation": 40, "test": 60}.items()):
        paths[part] = folder / f"{part}.csv"
        frame(count, seed=place).to_csv(paths[part], index=False)
    train, validation, test = paths.values()
    output = folder / "run"
    found = mm.train(train, ["kind"], output, validation=validation, test=test, verbose=0, epochs=60)
    return found, output, paths


def test_a_run_holds_all_that_belongs_to_it(trained):
    found, output, _ = trained
    assert found.metrics["rows"] == 60 and found.metrics["targets"]["kind"]["accuracy"] > 0.9
    assert {part: len(rows) for part, rows in found.parts.items()} == {"train": 160, "val": 40, "test": 60}
    chosen = json.loads((output / "choices.json").read_text())
    assert chosen.pop("run") == runs.check(output) == json.loads((output / "metrics.json").read_text())["run"]
    assert chosen == found.choices and chosen["remarks"] == [] and chosen["batch_size"] == 16 and chosen["steps"] == 10
    assert json.loads((output / "metrics.json").read_text())["targets"] == found.metrics["targets"]
    lines = history(output)
    seconds = [float(line["cpu_seconds"]) for line in lines]
    assert seconds == sorted(seconds) and seconds[0] > 0
    model, pipe = runs.load(output)
    again = mm.evaluate(model, pipe, found.parts["test"])
    assert again["targets"]["kind"]["accuracy"] == found.metrics["targets"]["kind"]["accuracy"]


def test_what_is_kept_is_the_running_mean_of_the_best_epoch(trained):
    found, output, _ = trained
    best = min(float(line["val_loss"]) for line in history(output))
    model, pipe = runs.load(output)
    batches = pipe.batches(found.parts["val"], 16)
    mm.compile(model, pipe.spec, label_smoothing={"kind": 0.1})
    assert model.evaluate(batches, verbose=0, return_dict=True)["loss"] == pytest.approx(best, abs=1e-4)


def test_a_table_alone_is_shared_out(tmp_path):
    found = mm.train(read_table(frame(200)), "kind", tmp_path, verbose=0, epochs=2)
    counts = {part: len(rows) for part, rows in found.parts.items()}
    assert sum(counts.values()) == 200 and counts["train"] > 5 * counts["val"]
    assert found.metrics["rows"] == counts["test"] and found.metrics["seen"]["validation"] == 0
    assert found.choices["remarks"][0].startswith("a tenth of the rows chooses")


def test_refit_trains_once_more_on_both_parts(tmp_path):
    found = mm.train(read_table(frame(200)), ["kind"], tmp_path, verbose=0, epochs=4, refit=True)
    first, last = history(tmp_path / "chosen"), history(tmp_path)
    losses = [float(line["val_loss"]) for line in first]
    assert len(last) == losses.index(min(losses)) + 1
    rates = [float(line["learning_rate"]) for line in first]
    np.testing.assert_allclose([float(line["learning_rate"]) for line in last], rates[: len(last)])
    assert found.choices["epochs"] == len(last)


def test_a_pipeline_and_parts_can_be_given(tmp_path):
    pipe = Pipeline({"x": Number()}, {"kind": Category()})
    parts = {"fusion": "GatedFusion", "dim": 8}
    found = mm.train(read_table(frame(60)), output=tmp_path, pipeline=pipe, parts=parts, verbose=0, epochs=1)
    assert found.pipe is pipe and type(found.model.get_layer("fusion")).__name__ == "GatedFusion"


def test_numbers_are_answered_too(tmp_path):
    found = mm.train(read_table(frame(300)), ["price"], tmp_path, ignore=["kind"], verbose=0, epochs=40)
    assert found.metrics["targets"]["price"]["r2"] > 0.7


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"targets": ()}, r"there must be a target. Received: targets=\(\)"),
        ({"minutes": 0}, "minutes must be > 0. Received: minutes=0"),
        ({"batch_size": -1}, "batch_size must be > 0. Received: batch_size=-1"),
        ({"label_smoothing": 1.0}, r"label_smoothing must be in \[0, 1\). Received: label_smoothing=1.0"),
        ({"targets": ["nothing"]}, "a column must be in the table. Received: column='nothing'"),
    ],
)
def test_wrong_arguments_are_refused(options, rule, tmp_path):
    with pytest.raises(ValueError, match=rule):
        mm.train(read_table(frame(60)), **{"targets": ["kind"], **options}, output=tmp_path, verbose=0)


def test_choices_are_there_before_training_and_go_with_the_run(trained, tmp_path):
    _, output, paths = trained

    class Stopped(Exception):
        pass

    def stop(self, batch, logs=None):
        found = json.loads((tmp_path / ".training" / "choices.json").read_text())
        assert found["batch_size"] == 16 and len(found["run"]) == 32
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmkeras.training.time_budget.TimeBudget.on_train_batch_end", stop)
        with pytest.raises(Stopped):
            mm.train(paths["train"], ["kind"], tmp_path, validation=paths["validation"], verbose=0, epochs=1)
    chosen = (output / "choices.json").read_text()
    (output / "choices.json").write_text(chosen.replace(runs.check(output), "0" * 32))
    with pytest.raises(ValueError, match=r"files of a run must belong together. Received: .*choices.json of run 000"):
        runs.check(output)
    (output / "choices.json").write_text(chosen)


def test_rows_that_choose_and_judge_are_told(trained, capsys):
    found, _, _ = trained
    assert found.metrics["seen"] == {"training": 0, "validation": 0} and capsys.readouterr().err == ""
