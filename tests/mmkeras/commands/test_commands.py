"""The command line, as people use it: on files, what trains and answers in processes of its own."""

import csv
import inspect
import json
import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import tensorflow as tf

from mmkeras.cli import main
from mmkeras.commands.app import app


def mmkeras(*words, cwd=None):
    """Runs a command; gives the finished process."""
    code = "from mmkeras.cli import main; main()"
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
    environment = {**os.environ, "PYTHONPATH": root, "COLUMNS": "160", "KERAS_BACKEND": "tensorflow"}
    words = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=300)


@pytest.fixture
def told(monkeypatch, capsys):
    """Runs a command in this process, which starts sooner."""

    def run(*words, cwd=None):
        monkeypatch.setattr(sys, "argv", ["mmkeras", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "160")
        if cwd is not None:
            monkeypatch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        return types.SimpleNamespace(returncode=ended.value.code or 0, stdout=output.out, stderr=output.err)

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A table of 90 rows whose class shows in the colour of a picture and in a word; some cells are empty."""
    place = tmp_path_factory.mktemp("cli")
    random = np.random.default_rng(0)
    lines = ["photo,story,size,kind"]
    for number in range(90):
        label = number % 3
        pixels = np.full((16, 16, 3), 40, "uint8") + random.integers(0, 40, (16, 16, 3)).astype("uint8")
        pixels[..., label] += 150
        tf.io.write_file(str(place / f"{number}.png"), tf.io.encode_png(pixels))
        photo = f"{number}.png" if number % 7 else ""
        lines.append(
            f"{photo},it is {['warm', 'green', 'cold'][label]} number {number},{random.normal():.3f},{'rgb'[label]}"
        )
    (place / "t.csv").write_text("\n".join(lines) + "\n")
    return place


@pytest.fixture(scope="module")
def run(place):
    done = mmkeras("train", place / "t.csv", "--target", "kind", "--output", place / "run", "--epochs", 6, "--dim", 32)
    assert done.returncode == 0, done.stderr
    return place / "run"


def test_inspect_prints_json_and_writes_a_spec(place):
    done = mmkeras("inspect", place / "t.csv", "--target", "kind", "--json", "--write-spec", place / "spec.json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rows"] == 90 and report["columns"]["photo"]["kind"] == "Image"
    spec = json.loads((place / "spec.json").read_text())
    assert spec["inputs"]["photo"]["modality"] == "Image" and spec["targets"]["kind"]["modality"] == "Category"


def test_inspect_shows_tables(place, told):
    done = told("inspect", place / "t.csv", "--target", "kind", "--html", place / "data.html")
    assert done.returncode == 0 and "least … median … most" in done.stdout and "Image" in done.stdout
    assert "page written to" in done.stderr and "<svg" in (place / "data.html").read_text()


def test_a_table_in_the_encoding_of_its_country(tmp_path, told):
    (tmp_path / "t.csv").write_bytes("价格,品种\n1.5,苹果\n2.5,梨\n3,苹果\n".encode("gb18030"))
    refused = told("inspect", tmp_path / "t.csv", "--target", "品种")
    assert refused.returncode == 1 and 'encoding="gb18030"' in refused.stderr
    done = told("inspect", tmp_path / "t.csv", "--target", "品种", "--encoding", "gb18030", "--json")
    assert done.returncode == 0 and set(json.loads(done.stdout)["columns"]) == {"价格", "品种"}
    options = [set(inspect.signature(command.callback).parameters) for command in app.registered_commands]
    assert sum("encoding" in names for names in options) == sum("media_root" in names for names in options) > 6


def test_train_leaves_a_whole_run(run):
    wanted = {"spec.json", "pipeline.json", "model.keras", "metrics.json", "history.csv", "report.html"}
    assert wanted <= set(os.listdir(run))
    assert json.loads((run / "metrics.json").read_text())["targets"]["kind"]["accuracy"] > 0.6


def test_evaluate_prints_one_json_object(place, run):
    before = {name: (run / name).read_bytes() for name in ("metrics.json", "report.html")}
    done = mmkeras("evaluate", run, place / "t.csv")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert set(scores) == {"rows", "targets", "counts", "seen"}
    told = json.loads((run / "metrics.json").read_text())
    assert told["seen"] == {"training": 0, "validation": 0}
    assert sum(scores["seen"].values()) == 90 - told["rows"] and f"{scores['seen']['training']} training" in done.stderr
    assert {name: (run / name).read_bytes() for name in before} == before
    own = json.loads((run / "evaluate" / "t" / "metrics.json").read_text())
    assert own["run"] == told["run"] and {name: own[name] for name in scores} == scores
    assert (run / "evaluate" / "t" / "report.html").exists()
    assert scores["rows"] == 90 and scores["targets"]["kind"]["accuracy"] > 0.8
    assert scores["counts"] == {"masked": {}, "dropped": 0}


def test_evaluate_writes_where_it_is_told_to(place, run, told):
    done = told("evaluate", run, place / "t.csv", "--output", place / "scores")
    assert done.returncode == 0 and {*os.listdir(place / "scores")} == {"metrics.json", "report.html"}
    refused = told("evaluate", run, place / "t.csv", "--output", run)
    assert refused.returncode == 1 and "do not take the place of a run's own. Received: --output" in refused.stderr


def test_predict_answers_every_row_in_order(place, run):
    text = (place / "t.csv").read_text().splitlines()
    bad = [text[0], "lost.png,it is warm,1,", *text[1:31], ",,not a number,", ",,,"]
    (place / "new.csv").write_text("\n".join(bad) + "\n")
    done = mmkeras("predict", run, place / "new.csv", "--output", place / "answers.csv")
    assert done.returncode == 0, done.stderr
    with open(place / "answers.csv", newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 33 and set(answers[0]) == {"kind", "kind_probability"}
    truth = [line.rsplit(",", 1)[1] for line in text[1:31]]
    assert np.mean([a["kind"] == t for a, t in zip(answers[1:31], truth, strict=True)]) > 0.8
    assert "1 bad cells of photo" in done.stderr and "1 bad cells of size" in done.stderr


def listing(place):
    return {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_predict_never_writes_over_what_it_reads(place, run, told):
    for name, other in (("soft.csv", place / "t.csv"), ("pipe.csv", run / "pipeline.json")):
        (place / name).symlink_to(other)
    before = listing(place)
    for output in ("t.csv", "./run/../t.csv", "soft.csv", "run/model.keras", "pipe.csv"):
        done = told("predict", run, place / "t.csv", "--output", output, cwd=place)
        assert done.returncode == 1
        assert "predict: the output must not take the place of what is read. Received: output=" in done.stderr
    assert told("inspect", "t.csv", "--html", "soft.csv", cwd=place).returncode == 1
    assert told("inspect", "t.csv", "--write-spec", "t.csv", cwd=place).returncode == 1
    assert listing(place) == before


def test_a_prediction_that_fails_leaves_the_older_answers(place, run, told):
    (place / "older.csv").write_text("kind\nr\n")
    (place / "less.csv").write_text("photo,story\n,it is warm\n")
    before = listing(place)
    failed = told("predict", run, place / "less.csv", "--output", place / "older.csv")
    assert failed.returncode == 1 and "column='size'" in failed.stderr
    assert told("predict", run, place / "t.csv", "--output", place).returncode == 1
    lost = told("predict", run, place / "t.csv", "--output", place / "none" / "x.csv")
    assert lost.returncode == 1 and "the folder must exist" in lost.stderr
    assert listing(place) == before
    through = mmkeras("predict", run, place / "t.csv", "--output", "/dev/stdout")
    assert through.returncode == 0 and len(through.stdout.splitlines()) == 91, through.stderr


@pytest.mark.parametrize(("format", "file"), [("saved_model", "saved_model.pb"), ("litert", "model.tflite")])
def test_export_writes_what_was_asked_for(place, run, format, file):
    done = mmkeras("export", run, "--output", place / format, "--format", format)
    assert done.returncode == 0, done.stderr
    assert os.path.exists(place / format / file)


def test_ensemble_is_a_run(place, run):
    done = mmkeras("ensemble", run, run, "--output", place / "both")
    assert done.returncode == 0, done.stderr
    apart, both = (mmkeras("evaluate", folder, place / "t.csv") for folder in (run, place / "both"))
    apart, both = (json.loads(done.stdout)["targets"]["kind"] for done in (apart, both))
    assert both == pytest.approx(apart, rel=1e-6)  # a mean of equal probabilities may round


def test_a_finished_run_is_left_as_it_is(place, run, told):
    words = ["train", place / "t.csv", "--target", "kind", "--output", run, "--epochs", 7, "--dim", 32]
    before = {name: (run / name).stat().st_mtime_ns for name in os.listdir(run)}
    again = told(*words, "--resume")
    assert again.returncode == 0 and "run is finished: there is nothing to go on with" in again.stderr
    refused = told(*words)
    assert refused.returncode == 1 and "a run that is there is not written into" in refused.stderr
    both = told(*words, "--resume", "--overwrite")
    assert both.returncode == 2 and "leave one of them out" in both.stderr
    refused = told("ensemble", run, run, "--output", run)
    assert refused.returncode == 1 and "a run that is there is not written into" in refused.stderr
    assert {name: (run / name).stat().st_mtime_ns for name in os.listdir(run)} == before
    for name in ("metrics.json", "report.html"):  # as if it had been cut off before it was judged
        os.remove(run / name)
        again = told(*words, "--resume")
        assert again.returncode == 0 and (run / name).exists(), again.stderr


def test_ctrl_c_keeps_what_there_is_and_resume_goes_on(place):
    output = place / "stopped"
    words = ["train", place / "t.csv", "--target", "kind", "--input", "size", "--output", output, "--dim", 16]
    words += ["--save-every", "1h", "--epochs", 400]
    code = "from mmkeras.cli import main; main()"
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
    environment = {**os.environ, "PYTHONPATH": root, "COLUMNS": "160", "KERAS_BACKEND": "tensorflow"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (output / "model.keras").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130 and "stopped in epoch" in said and "--resume" in said
    done = mmkeras(*words[:-1], 40, "--resume")
    assert done.returncode == 1 and "epochs=40 (was 400)" in done.stderr
    loaded = mmkeras("predict", output, place / "t.csv", "--output", place / "early.csv")
    assert loaded.returncode == 0, loaded.stderr


def test_refit_learns_anew_from_validation_rows_too(place, told):
    lines = (place / "t.csv").read_text().splitlines()
    parts = ["split", *(["train"] * 40 + ["val"] * 20 + ["test"] * 30)]
    for name, said in (("parts", lambda word: word), ("two", lambda word: word.replace("test", "train"))):
        table = "\n".join(f"{line},{said(part)}" for line, part in zip(lines, parts, strict=True))
        (place / f"{name}.csv").write_text(table + "\n")
    words = ["--target", "kind", "--input", "size", "--input", "photo", "--epochs", 3, "--dim", 16, "--refit"]
    done = told("train", place / "parts.csv", *words, "--output", place / "refit")
    assert done.returncode == 0, done.stderr
    chosen, final = (
        list(csv.DictReader((place / "refit" / name).read_text().splitlines()))
        for name in ("chosen/history.csv", "history.csv")
    )
    losses = [float(line["val_loss"]) for line in chosen]
    assert len(chosen) == 3 and len(final) == losses.index(min(losses)) + 1
    assert {line["val_accuracy"] for line in final} == {"NA"}
    assert "40 train, 20 val" in done.stderr and "60 train" in done.stderr
    assert json.loads((place / "refit" / "metrics.json").read_text())["rows"] == 30
    refused = told("train", place / "two.csv", *words, "--output", place / "none")
    assert refused.returncode == 1 and "refit must leave rows to judge by" in refused.stderr
    again = told("train", place / "parts.csv", *words, "--output", place / "refit", "--resume")
    assert again.returncode == 2 and "leave one of them out" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["train", "t.csv", "--target", "nothing", "--output", "x"], 1, "a column must be in the table"),
        (["train", "lost.csv", "--target", "kind", "--output", "x"], 1, "must be a file that exists"),
        (["evaluate", ".", "t.csv"], 1, "a run must hold model.keras"),
        (["train", "t.csv", "--output", "x"], 2, "--target"),
        (["train", "t.csv", "--target", "kind"], 2, "--output"),
        (["export", "run", "--output", "x", "--format", "pickle"], 2, "must be one of saved_model, onnx, litert"),
        (["fly"], 2, "No such command"),
    ],
)
def test_errors_say_what_to_do(place, told, words, code, message):
    done = told(*words, cwd=place)
    assert done.returncode == code
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_broken_picture_names_file_column_and_row(place):
    (place / "broken.png").write_bytes(b"no picture")
    text = (place / "t.csv").read_text().splitlines()
    (place / "bad.csv").write_text("\n".join([*text, *[f"broken.png,it is cold,{n},b" for n in range(20)]]) + "\n")
    done = mmkeras("train", place / "bad.csv", "--target", "kind", "--output", place / "x", "--epochs", 1, "--dim", 16)
    assert done.returncode == 1
    for part in ('table "bad.csv"', "column 'photo'", "row ", "no JPEG, PNG, GIF, BMP or WebP"):
        assert part in done.stderr, done.stderr


def test_tokens_answer_in_words_and_pictures(place, told):
    parts = {
        "inputs": {"size": {"modality": "Number"}, "told": {"modality": "Text", "column": "story"}},
        "targets": {"photo": {"modality": "Image", "size": [8, 8]}, "story": {"modality": "Text", "max_tokens": 6}},
    }
    (place / "both.json").write_text(json.dumps(parts))
    options = ["--spec", place / "both.json", "--output", place / "tokens", "--dim", 16, "--epochs", 1]
    done = told("train", place / "t.csv", *options, "--tokens", "--tokenizer-epochs", 1)
    assert done.returncode == 0, done.stderr
    assert "tokenizer of photo" in done.stderr
    scores = json.loads((place / "tokens" / "metrics.json").read_text())["targets"]
    assert "token_accuracy" in scores["story"] and "psnr" in scores["photo"]
    done = told("predict", place / "tokens", place / "t.csv", "--output", place / "both.csv")
    assert done.returncode == 0, done.stderr
    with open(place / "both.csv", newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    drawn = tf.io.decode_png((place / answers[0]["photo"]).read_bytes())
    assert len(answers) == 90 and drawn.shape == (8, 8, 3) and set(answers[0]) == {"photo", "story"}


def test_explain_writes_a_page(place, run):
    done = mmkeras("explain", run, place / "t.csv", "--output", place / "why", "--rows", 2)
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (place / "why").iterdir()} == {"arrays.npz", "explanation.html", "explanation.json"}
    assert (place / "why" / "explanation.html").read_text(encoding="utf-8").count('class="card"') == 2


def test_prepared_shards_are_a_table_to_every_command(place, run, told):
    shards = place / "shards"
    done = mmkeras("prepare", place / "t.csv", shards, "--target", "kind", "--rows-per-shard", 40)
    assert done.returncode == 0 and "90 rows in 3 shards" in done.stderr, done.stderr
    done = told("prepare", place / "t.csv", shards, "--target", "kind", "--rows-per-shard", 50)
    assert done.returncode == 1 and "rows_per_shard=40, not 50" in done.stderr
    judged = [told("evaluate", run, table) for table in (place / "t.csv", shards)]
    assert judged[0].returncode == 0 and json.loads(judged[0].stdout) == json.loads(judged[1].stdout)
    done = told("predict", run, shards, "--output", place / "answers.csv")
    assert done.returncode == 0, done.stderr
    with open(place / "answers.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 90
    done = told("inspect", shards, "--target", "kind", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["columns"]["photo"]["kind"] == "Image", done.stderr
    done = mmkeras("train", shards, "--target", "kind", "--output", place / "again", "--epochs", 1, "--dim", 8)
    assert done.returncode == 0 and (place / "again" / "model.keras").exists(), done.stderr
