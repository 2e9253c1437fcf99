"""A comparison from rows to results, and again."""

import csv
import json
import os

import numpy as np
import pytest

import mmkeras as mm
from data_pipelines import Category, Number, Pipeline, Tags, Text, read_table
from mmkeras.comparing.compare import _checked_training, _Data
from mmkeras.comparing.trial import row_scores, stage_of, subsets
from mmkeras.training.not_finite_error import NotFiniteError

TRAINING = {"epochs": 8, "batch_size": 16, "learning_rate": 0.02}


def small(spec):
    encoders = {"word": "TextBagEncoder", "size": "NumberMLPEncoder", "lost": "NumberEncoder"}
    return {"dim": 8, "modality_dropout": 0.0, "fusion": "SumFusion", "encoders": encoders}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A class of four: a word tells one half of it, a number the other."""
    path = tmp_path_factory.mktemp("compare") / "t.csv"
    random = np.random.default_rng(0)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["word", "size", "kind", "price", "part"])
        for place in range(120):
            first, second = place % 2, place // 2 % 2
            size = second * 2 - 1 + 0.1 * random.normal()
            part = ("train", "train", "val", "test")[place // 4 % 4]
            out.writerow([("red", "blue")[first], f"{size:.3f}", "abcd"[2 * first + second], first + size, part])
    table = read_table(path)
    return {part: table.where(part=part) for part in ("train", "val", "test")}


@pytest.fixture(scope="module")
def pipe(rows):
    return Pipeline({"word": Text(), "size": Number()}, {"kind": Category(), "price": Number()}).adapt(rows["train"])


@pytest.fixture(scope="module")
def made(rows, pipe, tmp_path_factory):
    folder, told = tmp_path_factory.mktemp("made"), []
    results = mm.compare(
        pipe,
        rows,
        folder,
        fusions=(),
        seeds=1,
        parts=small,
        training=TRAINING,
        progress=lambda *words: told.append(words),
    )
    return folder, results, told


def test_fusing_pays_where_each_input_tells_one_half(made):
    folder, results, told = made
    systems = results["systems"]
    assert list(systems) == ["only word", "only size", "TokenTransformer", "LateFusion"]
    assert systems["only word"]["score"] == pytest.approx(0.5, abs=0.2)
    assert systems[results["best_fusion"]]["score"] > 0.9
    assert results["verdict"].startswith("Fusing is worth +")
    with open(folder / "results.json", encoding="utf-8") as file:
        assert json.load(file)["verdict"] == results["verdict"]
    assert told[0] == (0, 4, "only word, seed 0") and told[-1] == (4, 4, "")


def test_every_subset_and_every_corruption_is_measured(made):
    system = made[1]["systems"]["LateFusion"]
    assert set(system["subsets"]) == {"word+size", "word", "size"}
    assert system["subsets"]["word+size"] == pytest.approx(system["score"])
    assert system["robustness"].keys() == {"word", "size"}
    assert system["robustness"]["word"]["lost words"][0] == pytest.approx(system["score"])
    assert system["robustness"]["word"]["lost words"][-1] == pytest.approx(system["subsets"]["size"])
    assert system["metrics"]["accuracy"] == pytest.approx(system["score"])


def test_a_run_is_one_to_predict_with(made, rows):
    from mmkeras.training.run import load

    folder, results, _ = made
    for name, inputs in (("only_word", ["word"]), ("LateFusion", ["word", "size"])):
        model, pipe = load(folder / "runs" / f"{name}-0")
        assert list(pipe.inputs) == inputs
        scores = mm.evaluate(model, pipe, rows["test"], subsets=False)["targets"]["kind"]
        assert scores["accuracy"] == pytest.approx(results["systems"][name.replace("_", " ")]["score"])


def test_started_again_only_what_is_missing_is_done(made, pipe, rows):
    folder, results, _ = made
    stamp = {run: os.stat(folder / "runs" / run / "model.keras").st_mtime_ns for run in os.listdir(folder / "runs")}
    os.remove(folder / "runs" / "only_size-0" / "result.json")
    (folder / "comparison.html").write_text("of results before")
    options = {"fusions": (), "seeds": 1, "parts": small, "training": TRAINING}
    again = mm.compare(pipe, rows, folder, **options)
    fresh = {run for run in stamp if os.stat(folder / "runs" / run / "model.keras").st_mtime_ns != stamp[run]}
    assert fresh == {"only_size-0"} and not (folder / "comparison.html").exists()
    for name, system in results["systems"].items():
        assert again["systems"][name]["scores"] == system["scores"]


def test_other_options_or_data_are_done_anew(made, pipe, rows):
    from mmkeras.comparing import fingerprint

    marks = [
        fingerprint.of_values(part, mm.fusions.SumFusion(dropout)) for part in ("a", "b") for dropout in (0.1, 0.2)
    ]
    assert len(set(marks)) == 4
    assert fingerprint.of_values({"a": 1, "b": 2}) == fingerprint.of_values({"b": 2, "a": 1})
    assert fingerprint.of_rows(pipe, rows["test"]) == fingerprint.of_rows(pipe, rows["test"])
    assert fingerprint.of_rows(pipe, rows["test"]) != fingerprint.of_rows(pipe, rows["test"].take(3))


def test_a_system_whose_loss_is_not_finite_is_named(pipe, rows, tmp_path):
    training = {**TRAINING, "learning_rate": 1e38}
    rule = r"compare: the loss of every system .* infinity in 'only word', seed 0, epoch 1, .*first layer whose output"
    with pytest.raises(NotFiniteError, match=rule) as caught:
        mm.compare(pipe, rows, tmp_path, fusions=(), seeds=1, parts=small, training=training)
    assert caught.value.epoch == 0 and "--overwrite" not in str(caught.value)


def test_epochs_are_waited_for_where_running_means_are_kept(pipe, rows):
    training = {**_checked_training({"ema_momentum": 0.9}), "patience": 2}
    assert stage_of(training, 60).chosen.keep == "best"
    assert stage_of({**training, "patience": None}, 60).chosen.keep == "last"


def test_labels_that_decoders_follow_stay_in_the_batches(rows, tmp_path):
    inputs = {"word": Text(), "size": Number()}
    pipe = Pipeline(inputs, {"kind": Category(), "said": Text(column="word")}).adapt(rows["train"])
    data = _Data(pipe, rows, tmp_path, 16)
    assert set(data.batches("train", ["size"], seed=0).element_spec[0]) == {
        "size",
        "size_mask",
        "said_target",
        "said_target_mask",
    }


def test_rows_are_decoded_once_for_training_and_judging_and_a_later_comparison(rows, pipe, tmp_path):
    found = set()
    for _ in range(2):
        data = _Data(pipe, rows, tmp_path, 16)
        for seed in (None, 0):
            assert len(next(iter(data.batches("train", ["size"], seed)))) == 3
        found |= {(path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*.index")}
    assert len(found) == 1


def test_scores_of_rows():
    number = Number()
    labels, told = np.array([1.0, 2.0, 6.0, 9.0]), np.array([[1.0], [3.0], [5.0], [9.0]])
    weights = np.array([1.0, 1.0, 1.0, 0.0])
    scores = row_scores(number, labels[:, None], weights, told)
    assert scores.mean() == pytest.approx(1 - 2 / ((labels[:3] - 3) ** 2).sum())
    real, said = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]]), np.array([[0.9, 0.1, 0.8], [0, 0.2, 0.1], [0.1, 0.9, 0]])
    np.testing.assert_allclose(row_scores(Tags(), real, np.ones(3), said), [0.5, 1.0, 0.0])
    assert subsets("abc")[0] == ("a", "b", "c") and len(subsets("abc")) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "colour"}, "target must be one of .*'kind'.* Received: target='colour'"),
        ({"fusions": ["FogFusion"]}, r"fusions must be among .* Received: \['FogFusion'\]"),
        ({"training": {"epochs": -1}}, "epochs must be > 0. Received: epochs=-1"),
        ({"training": {"speed": 3}}, r"training knows .*'epochs'.* Received: \['speed'\]"),
        ({"seeds": 0}, "seeds must be > 0. Received: seeds=0"),
        ({"rows": {"train": [1], "test": [1]}}, "every part must have rows. Received: no val rows"),
    ],
)
def test_errors(pipe, rows, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        mm.compare(pipe, options.pop("rows", rows), tmp_path, **options)


def test_one_input_is_too_few(rows, tmp_path):
    single = Pipeline({"word": Text()}, {"kind": Category()}).adapt(rows["train"])
    with pytest.raises(ValueError, match=r"two inputs or more. Received: \['word'\]"):
        mm.compare(single, rows, tmp_path)
