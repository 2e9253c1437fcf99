"""How steps are run: compiled in few shapes, several at a time, in half precision."""

import csv
import io
import json
import threading
import wave

import keras
import numpy as np
import pytest
import small_run as small
import tensorflow as tf
from training_rows import frame

import mmkeras as mm
from data_pipelines import Audio, Category, Number, Pipeline, Text, read_table
from mmkeras.training import run as runs
from mmkeras.training.execution import Execution
from mmkeras.training.keep_best import KeepBest
from mmkeras.training.run_checkpoint import RunCheckpoint

ROWS = 70
SMALL = {"dim": 4, "fusion": "ConcatFusion", "encoders": {"story": "TextBagEncoder", "voice": "AudioCNNEncoder"}}


def sound(random, pitch):
    """WAV bytes of up to half a second."""
    samples = np.sin(np.arange(random.integers(60, 1000)) * pitch) * 20000
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(2000)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Texts of 1 to 40 words and audio of all lengths."""
    folder, random = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    lines = []
    for place in range(ROWS):
        kind = place % 2
        (folder / f"{place}.wav").write_bytes(sound(random, 0.1 + kind))
        words = ["up", "down"][kind : kind + 1] + ["so"] * random.integers(0, 39) + [str(place)]
        lines.append({"story": " ".join(words), "voice": f"{place}.wav", "kind": "ab"[kind]})
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(lines[0]))
        table.writeheader()
        table.writerows(lines)
    return read_table(folder / "table.csv")


def pipeline():
    voice = Audio(seconds=0.5, sample_rate=2000, frame_seconds=0.016, hop_seconds=0.008, mel_bins=6)
    return Pipeline({"story": Text(max_tokens=40), "voice": voice}, {"kind": Category()})


@pytest.fixture
def shapes(monkeypatch):
    """What the compiled functions of a model are given: dict function → set of shapes."""
    found = {"fit": set(), "validation": set(), "predict": set()}

    def shape(x):
        return tuple((path, tuple(value.shape)) for path, value in sorted(keras.tree.flatten_with_path(x)))

    def watched(batches, part):
        for batch in batches:
            found[part].add(shape(batch[0]))
        return batches

    fit, predict = keras.Model.fit, keras.Model.predict_on_batch

    def watched_fit(self, x, validation_data=None, epochs=1, steps_per_epoch=None, **options):
        watched(x.take(epochs * steps_per_epoch), "fit")
        watched(validation_data, "validation")
        return fit(self, x, validation_data=validation_data, epochs=epochs, steps_per_epoch=steps_per_epoch, **options)

    def watched_predict(self, x):
        found["predict"].add(shape(x))
        return predict(self, x)

    monkeypatch.setattr(keras.Model, "fit", watched_fit)
    monkeypatch.setattr(keras.Model, "predict_on_batch", watched_predict)
    return found


def test_texts_and_audio_of_all_lengths_are_compiled_in_few_shapes(rows, shapes, tmp_path):
    options = {"epochs": 1, "batch_size": 4, "jit_compile": True, "parts": SMALL, "verbose": 0}
    found = mm.train(rows, output=tmp_path, pipeline=pipeline(), **options)
    assert found.model.jit_compile and found.choices["jit_compile"] is True
    assert shapes["fit"] and sum(map(len, shapes.values())) <= 8
    again = mm.evaluate(*runs.load(tmp_path), found.parts["test"], subsets=False)
    assert again["targets"]["kind"]["log_loss"] == pytest.approx(found.metrics["targets"]["kind"]["log_loss"], abs=1e-4)
    assert json.loads((tmp_path / "choices.json").read_text())["steps_per_execution"] == 1


def test_answers_do_not_depend_on_padding(rows):
    pipe = pipeline().adapt(rows)
    model = mm.build(pipe.spec, **SMALL)
    plain = model.predict(pipe.batches(rows, 8), verbose=0)["kind"]
    padded = model.predict(pipe.batches(rows, 8, static_shapes="few"), verbose=0)["kind"]
    np.testing.assert_allclose(padded, plain, atol=1e-5)
    drawn, same = (pipe.batches(rows, 8, training=True, static_shapes=shapes) for shapes in ("few", False))
    padded, plain = (np.concatenate([model.predict_on_batch(x)["kind"] for x, _, _ in data]) for data in (drawn, same))
    np.testing.assert_allclose(padded[:ROWS], plain, atol=1e-5)


def trained(folder, **options):
    """A run of 160 rows, 10 steps an epoch."""
    train, validation = (read_table(frame(count, seed)) for seed, count in enumerate((160, 60)))
    options = {"verbose": 0, "epochs": 4, "learning_rate": 0.02, "ignore": ["price"], **options}
    return mm.train(train, ["kind"], folder, validation=validation, parts={"dim": 16}, **options)


def losses(folder):
    with open(f"{folder}/history.csv", newline="", encoding="utf-8") as file:
        return [float(line["val_loss"]) for line in csv.DictReader(file)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("run") / "plain")


def test_several_steps_an_execution_learn_the_same(plain, tmp_path):
    found = trained(tmp_path, steps_per_execution=5)
    assert found.choices["steps_per_execution"] == 5
    np.testing.assert_allclose(losses(tmp_path), losses(plain.folder), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_as_well(plain, tmp_path, dtype):
    found = trained(tmp_path, dtype=dtype)
    assert found.choices["dtype"] == dtype and keras.config.dtype_policy().name == "float32"
    assert min(losses(tmp_path)) < 1.1 * min(losses(plain.folder))
    assert {str(weight.dtype) for weight in found.model.trainable_weights} == {"float32"}
    model, pipe = runs.load(tmp_path)
    assert str(model.get_layer("kind").compute_dtype) == dtype.removeprefix("mixed_")
    batch = next(iter(pipe.batches(found.parts["test"], 16)))[0]
    np.testing.assert_allclose(model.predict_on_batch(batch)["kind"], found.model.predict_on_batch(batch)["kind"])


def test_means_of_weights_are_found_where_losses_are_scaled(monkeypatch):
    pipe = small.pipeline(small.table()[0])
    with Execution(dtype="mixed_float16").policy():
        model = small.model_for(pipe)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    keeping, means = KeepBest(None, "val_loss", "min", None), []
    keeping.set_model(model)
    monkeypatch.setattr(keeping.means, "on_test_begin", lambda: means.append(keeping.means.model))
    keeping.on_test_begin()
    assert means == [model]


def together(work, count):
    """Runs `work(number)` in threads at once; gives what they returned."""
    found, threads = {}, []
    for number in range(count):
        threads.append(threading.Thread(target=lambda number=number: found.update({number: work(number)})))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(count))
    return [found[number] for number in range(count)]


def test_two_trainings_at_once(plain, tmp_path):
    for found in together(lambda number: trained(tmp_path / str(number)), 2):
        assert min(losses(found.folder)) < 1.2 * min(losses(plain.folder))
        again = mm.evaluate(*runs.load(found.folder), found.parts["test"])
        assert again["targets"]["kind"] == pytest.approx(found.metrics["targets"]["kind"])


def test_threads_share_a_saved_model(plain, tmp_path):
    mm.export(plain.model, plain.pipe, tmp_path / "served")
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    table = frame(64, seed=3)

    def answer(number):
        rows = table[8 * number : 8 * number + 8]
        given = {"x": rows["x"].to_numpy("float32"), "word": rows["word"].to_numpy(object)}
        return [serve(**{n: tf.constant(v) for n, v in given.items()})["kind_probabilities"].numpy() for _ in range(10)]

    alone = [answer(number)[0] for number in range(8)]
    for answers, wanted in zip(together(answer, 8), alone, strict=True):
        for found in answers:
            np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_run_of_several_steps_an_execution_goes_on_where_it_was_cut_off(monkeypatch, tmp_path):
    options = {"save_every": 2, "epochs": 2, "compiled": {"steps_per_execution": 2}}
    whole = small.values(small.fit(tmp_path / "whole", **options))
    begin = RunCheckpoint.on_train_batch_begin

    def stop(self, batch, logs=None):
        begin(self, batch, logs)
        if self.step == 12:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "on_train_batch_begin", stop)
    with pytest.raises(KeyboardInterrupt):
        small.fit(tmp_path / "cut", **options)
    monkeypatch.setattr(RunCheckpoint, "on_train_batch_begin", begin)
    with pytest.raises(ValueError, match=r"steps_per_execution=1 \(was 2\)"):
        small.fit(tmp_path / "cut", save_every=2, epochs=2, resume=True)
    again = small.values(small.fit(tmp_path / "cut", resume=True, **options))
    for mine, theirs in zip(again, whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_small_steps_run_together_where_nobody_says():
    table, kind = read_table(frame(60)), {"kind": Category()}
    numbers, words, sounds = (
        Pipeline(inputs, kind).adapt(table)
        for inputs in ({"x": Number()}, {"word": Text(max_tokens=32)}, {"voice": Audio(column="word")})
    )
    said = Pipeline({"x": Number()}, {"word": Text()}).adapt(table)
    together = [Execution().compiled(pipe, 20)["steps_per_execution"] for pipe in (numbers, words, sounds, said)]
    assert together == [5, 5, 1, 1]
    assert Execution().compiled(numbers, 23)["steps_per_execution"] == 1  # no execution reaches into the next epoch
    assert Execution(steps_per_execution=3).compiled(numbers, 20)["steps_per_execution"] == 3


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"steps_per_execution": 0}, "steps_per_execution must be > 0. Received: steps_per_execution=0"),
        ({"cache": "tape"}, r"cache must be one of \('memory', 'disk', 'none'\). Received: cache='tape'"),
    ],
)
def test_wrong_executions_are_refused(options, rule, tmp_path):
    with pytest.raises(ValueError, match=rule):
        trained(tmp_path, **options)
