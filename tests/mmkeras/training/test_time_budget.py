"""Training ends in time: the clock of these tests goes on by a second whenever somebody looks at it."""

import csv
import json

import pytest
from training_rows import frame

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import cache_choice, time_budget
from mmkeras.training.cache_choice import row_cache
from mmkeras.training.time_budget import TimeBudget

SMALL = {"fusion": "ConcatFusion", "encoders": {"x": "NumberMLPEncoder"}, "dim": 4}


def pipeline():
    return Pipeline({"x": Number()}, {"kind": Category()})


class Clock:
    """Stands for the module `time`."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 1.0
        return self.now

    def process_time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time_budget, "time", clock)
    return clock


def test_a_budget_shorter_than_an_epoch_ends_in_its_midst_and_tells_why(clock, tmp_path, capsys):
    rows = read_table(frame(200))
    options = {"batch_size": 8, "epochs": 3, "verbose": 2, "steps_per_execution": 1, "parts": SMALL}
    found = mm.train(rows, output=tmp_path, pipeline=pipeline(), minutes=0.5, **options)
    (line,) = csv.DictReader((tmp_path / "history.csv").read_text().splitlines())
    assert float(line["val_loss"]) > 0 and found.metrics["targets"]["kind"]["accuracy"] >= 0.0
    remark = json.loads((tmp_path / "choices.json").read_text())["remarks"][-1]
    assert remark.startswith("minutes=0.5 were used up in epoch 1, after step ") and " of 21" in remark
    assert remark in capsys.readouterr().err
    assert clock.now < 45


def test_a_budget_without_a_step_is_refused(clock, tmp_path):
    with pytest.raises(ValueError, match=r"minutes must leave time for a step\. Received: minutes=0.01, of which"):
        mm.train(read_table(frame(60)), output=tmp_path, pipeline=pipeline(), minutes=0.01, parts=SMALL, verbose=0)


class Stops:
    """What a budget tells a model."""

    stop_training = stop_evaluating = False
    steps_per_execution = 1


def budget_of(minutes, after=0.0):
    budget = TimeBudget(minutes, after)
    budget.set_model(Stops())
    budget.set_params({"steps": 1000})
    budget.on_train_begin()
    budget.on_epoch_begin(1)
    return budget


def steps_of(budget):
    """Steps of one second until the end."""
    for batch in range(1000):
        budget.on_train_batch_begin(batch)
        budget.on_train_batch_end(batch)
        if budget.model.stop_training:
            return batch + 1


def test_time_is_left_for_what_comes_afterwards(clock):
    alone, followed, crowded = (steps_of(budget_of(10, after)) for after in (0, 50, 1e6))
    assert alone > followed > crowded
    assert crowded == pytest.approx(alone / 2, abs=2)  # at least half of the time is for training


def test_a_later_validation_that_takes_too_long_has_no_score(clock):
    budget = budget_of(1)
    for batch in range(70):
        budget.on_test_batch_end(batch)
    logs = {"loss": 1.0, "val_loss": 2.0}
    budget.on_epoch_end(1, logs)
    assert budget.model.stop_evaluating and budget.model.stop_training
    assert logs["val_loss"] != logs["val_loss"] and logs["loss"] == 1.0
    assert budget.ended == "minutes=1 were used up after epoch 2; its validation ended after 70 batches"


def test_time_used_before_counts_where_training_goes_on(clock):
    first, again = budget_of(10), budget_of(10)
    steps_of(first)
    again.set_state(first.get_state())
    assert again.left < 5


def test_rows_that_take_long_to_decode_are_not_waited_for(monkeypatch, tmp_path):
    rows = read_table(frame(200))
    pipe = pipeline().adapt(rows)
    monkeypatch.setattr(cache_choice, "time", Clock())
    for seconds, kept in ((2.0, "none"), (1000.0, "memory")):
        with row_cache(pipe, [rows], str(tmp_path), None, seconds) as (_, facts):
            assert facts["cache"] == kept
