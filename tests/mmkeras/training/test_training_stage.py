"""Schedule, optimizer and callbacks that follow from what was chosen."""

import csv
import json
import math

import keras
import numpy as np
import pytest
from small_run import model_for, pipeline, table
from training_rows import frame

import mmkeras as mm
from data_pipelines import read_table
from mmkeras.training.choices import Choices
from mmkeras.training.plateau import Plateau
from mmkeras.training.training_stage import TrainingStage

QUICK = {"schedule": "cosine", "verbose": 0}


def stage(rows=100, **options):
    return TrainingStage(Choices(rows, **{"batch_size": 10, **options}))


def history(folder):
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_the_cosine_rises_from_a_twentieth_then_falls():
    rate = stage(schedule="cosine", epochs=10, warmup=0.1, learning_rate=0.2).learning_rate
    steps, rise = np.arange(101), 10
    rising = 0.01 + (0.2 - 0.01) * steps / rise
    falling = 0.2 * (1 + np.cos(math.pi * (steps - rise) / 100)) / 2
    expected = np.where(steps < rise, rising, falling)
    np.testing.assert_allclose([float(rate(step)) for step in steps], expected, atol=1e-6)
    assert expected[-1] < 0.03 * 0.2


def test_a_short_cosine_rises_for_one_step():
    rate = stage(schedule="cosine", epochs=1, warmup=0.0, learning_rate=0.2).learning_rate
    assert float(rate(0)) == pytest.approx(0.01) and float(rate(1)) == pytest.approx(0.2)


def test_the_plateau_is_watched_and_a_cosine_is_not():
    watched = stage(patience=4)
    assert watched.learning_rate == 1e-3
    options = watched.fit_options(["own"])
    own, plateau = options.pop("callbacks")
    assert own == "own" and type(plateau) is Plateau and plateau.patience == 4
    assert options == {"epochs": 200, "patience": None, "keep": "best", "monitor": "auto"}
    cosine = stage(schedule="cosine", patience=4, monitor=None).fit_options()
    assert cosine == {"epochs": 20, "patience": 4, "keep": "best", "monitor": None, "callbacks": []}


def test_it_compiles_what_was_chosen():
    pipe = pipeline(table()[0])
    chosen = stage(schedule="cosine", weight_decay=0.3, clipnorm=2.0, ema_momentum=0.8, keep="last", epochs=5)
    model = chosen.compile(model_for(pipe), pipe, steps_per_execution=2)
    config = model.optimizer.get_config()
    found = {name: config[name] for name in ("weight_decay", "clipnorm", "ema_momentum", "use_ema")}
    assert found == {"weight_decay": 0.3, "clipnorm": 2.0, "ema_momentum": 0.8, "use_ema": True}
    assert config["learning_rate"]["class_name"] == "CosineDecay" and model.steps_per_execution == 2
    assert model.loss["kind"].get_config() == mm.decoders.CategoryDecoder(2).default_loss(0.1).get_config()
    plain = chosen.compile(model_for(pipe), pipe, label_smoothing=0.0)
    assert plain.loss["kind"].get_config() != model.loss["kind"].get_config()


def test_a_cosine_is_trained_to_its_end(tmp_path):
    found = mm.train(read_table(frame(100)), "kind", tmp_path, **QUICK, epochs=3, keep="last", ema_momentum=0.0)
    assert len(history(tmp_path)) == 3
    chosen = json.loads((tmp_path / "choices.json").read_text())
    told = {name: chosen[name] for name in ("schedule", "warmup", "clipnorm", "keep", "monitor", "patience")}
    assert told == {
        "schedule": "cosine",
        "warmup": 0.05,
        "clipnorm": None,
        "keep": "last",
        "monitor": "auto",
        "patience": None,
    }
    rate = found.model.optimizer.get_config()["learning_rate"]["config"]
    assert rate["decay_steps"] == 3 * found.choices["steps"]


def test_refit_of_the_last_weights_trains_once(tmp_path):
    options = {**QUICK, "epochs": 2, "keep": "last", "refit": True, "evaluate": False}
    found = mm.train(read_table(frame(200)), "kind", tmp_path, **options)
    counts = {part: len(rows) for part, rows in found.parts.items()}
    assert found.choices["steps"] == -(-(counts["train"] + counts["val"]) // 16)
    assert [line["val_loss"] for line in history(tmp_path)] == ["NA", "NA"] and not (tmp_path / "chosen").exists()


def test_refit_of_a_cosine_ends_after_as_many_epochs_as_were_best(tmp_path):
    found = mm.train(read_table(frame(200)), "kind", tmp_path, **QUICK, epochs=4, patience=3, refit=True)
    losses = [float(line["val_loss"]) for line in history(tmp_path / "chosen")]
    assert len(history(tmp_path)) == losses.index(min(losses)) + 1 and found.choices["epochs"] == 4
    assert found.model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 4 * found.choices["steps"]


def test_rows_that_are_not_evaluated(tmp_path):
    found = mm.train(read_table(frame(60)), "kind", tmp_path, verbose=0, epochs=1, evaluate=False)
    assert found.metrics is None and found.report_rows is None and not (tmp_path / "metrics.json").exists()
    assert repr(found) == f"TrainedRun({str(tmp_path)!r})" and isinstance(found.model, keras.Model)
