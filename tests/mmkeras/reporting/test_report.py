"""The report is one safe page that shows what is there and leaves out what is not."""

import base64
import csv
import html
import io
import json
import re
import sys

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf
from PIL import Image as Picture

import mmkeras as mm
from data_pipelines import Audio, Category, Graph, Image, Number, Pipeline, Tags, Text, TimeSeries, Video, read_table
from mmkeras.pages.numbers import change, figure
from mmkeras.reporting.verdict import notes, verdict
from mmkeras.views.variants import variant

ROWS = 18
SCRIPT = "<script>alert(1)</script>"
COLUMNS = ("photo", "story", "voice", "width", "height", "maker", "kind", "marks", "price")
KINDS = ("gato & perro", "猫", SCRIPT)


def write_table(folder):
    """Eighteen rows with pictures and recordings; the last lacks nearly all, one picture is broken."""
    random = np.random.default_rng(0)
    lines = []
    for place in range(ROWS):
        pixels = random.integers(0, 255, (70 + place, 90, 4), "uint8")
        Picture.fromarray(pixels).save(folder / f"{place}.png")
        samples = np.sin(np.arange(1600) * (0.1 + place / 50)).astype("float32")[:, None]
        (folder / f"{place}.wav").write_bytes(tf.audio.encode_wav(samples, 8000).numpy())
        story = f"{SCRIPT} ours, number {place}" if place % 2 else f"一只猫 {place}"
        kind = KINDS[place % 3]
        cells = (f"{place}.png", story, f"{place}.wav", place, 2 * place, "ann", kind, f"a|{kind}", place / 2)
        lines.append([str(cell) for cell in cells])
    (folder / "3.png").write_bytes(b"no picture")
    lines[-1] = ["", "", "", "n/a", "", "", KINDS[0], "", ""]
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *lines])
    return read_table(folder / "table.csv")


def fitted(rows, inputs, targets):
    keras.utils.set_random_seed(0)
    pipe = Pipeline(inputs, targets).adapt(rows)
    return mm.build(pipe.spec, dim=8, fusion="ConcatFusion"), pipe


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def section(page, name):
    """The part of the page with that id."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return found[0] if found else None


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Everything at once: the page, and what made it."""
    folder = tmp_path_factory.mktemp("report")
    rows = write_table(folder)
    numbers = Number(columns=["width", "height"])
    voice = Audio(seconds=0.2, sample_rate=8000, mel_bins=8, augment={"time_mask": 0.5})
    story = Text(augment={"dropout": 1.0})
    inputs = {
        "photo": Image(8, augment={"flip": True}),
        "story": story,
        "voice": voice,
        "numbers": numbers,
        "maker": Category(),
    }
    targets = {"kind": Category(), "marks": Tags(), "price": Number()}
    model, pipe = fitted(rows, inputs, targets)
    (folder / "history.csv").write_text(
        "epoch,cpu_seconds,kind_accuracy,learning_rate,loss,val_kind_accuracy,val_loss,run\n"
        "0,1.5,0.1,0.01,2.0,0.2,2.5,a1\n1,2.5,0.3,0.01,1.0,NA,1.5,a1\n2,3.5,0.5,0.01,0.5,0.4,1.9,a1\n"
    )
    metrics = mm.evaluate(model, pipe, rows)
    path = mm.report(model, pipe, rows, folder, metrics=metrics, examples=ROWS)
    parts = {"folder": folder, "rows": rows, "model": model, "pipe": pipe, "metrics": metrics}
    return {"page": read(path), "path": path, **parts}


def test_it_is_one_page_that_fetches_and_runs_nothing(made):
    page = made["page"]
    assert made["path"] == str(made["folder"] / "report.html")
    assert not re.search(r"<script|<link|@import|url\(http|<iframe", page)
    assert all(address.startswith("data:") for address in re.findall(r'\ssrc="([^"]*)"', page))
    assert all(address.startswith("#") for address in re.findall(r'href="([^"]*)"', page))
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_every_section_is_there(made):
    page = made["page"]
    for name in ("scores", "training", "target-1", "target-2", "target-3", "examples", "decided", "missing", "model"):
        assert section(page, name), name
    assert re.search(r'class="verdict">On 18 rows: kind accuracy 0\.\d\d \(give or take', page)
    assert "without photo" in section(page, "scores") and "voice alone" in section(page, "scores")
    assert section(page, "training").count("<svg") == 2
    assert section(page, "target-1").count("<tr>") == 1 + len(KINDS) + 1
    assert section(page, "target-3").count("<svg") == 2
    assert "<th>a</th><td>17</td>" in section(page, "target-2")
    assert f"{made['model'].count_params():,} parameters" in section(page, "model")


def test_texts_of_cells_are_escaped(made):
    assert SCRIPT not in made["page"]
    assert html.escape(SCRIPT) + " ours" in section(made["page"], "examples")
    assert html.escape(SCRIPT) in section(made["page"], "target-1")
    assert "gato &amp; perro" in section(made["page"], "target-1")
    assert "猫" in section(made["page"], "target-1")


def test_absent_cells_are_shown_as_absent(made):
    cards = re.findall(r"<article.*?</article>", section(made["page"], "examples"), re.DOTALL)
    assert len(cards) == ROWS
    (last,) = [card for card in cards if "row 19<" in card]
    assert last.count('class="absent">absent') == 6
    assert last.count('class="absent">no label') == 2
    assert "the cell says n/a" in last
    assert "<img" not in last and "<audio" not in last
    (broken,) = [card for card in cards if "row 5<" in card]
    assert "the cell says 3.png" in broken


def test_media_are_shown(made):
    examples = section(made["page"], "examples")
    assert examples.count('<img class="seen"') == examples.count('<img class="original"') == ROWS - 2
    assert examples.count("<audio") == examples.count('class="sound"') == ROWS - 1
    assert "original, 90&nbsp;×&nbsp;71" in examples and "as the model sees it, 8&nbsp;×&nbsp;8" in examples


def test_bad_cells_are_counted_with_their_reason(made):
    missing = section(made["page"], "missing")
    assert "photo: 1" in missing and "row 5" in missing and "no JPEG" in missing
    assert "1 row has no label of price" in missing
    assert "Bad cells were counted as absent: 1 of photo." in made["page"]


def test_curves_are_of_scores_alone(made):
    training = section(made["page"], "training")
    assert training.count("<svg") == 2 and "cpu" not in training and ">run<" not in training


def test_it_says_the_same_twice(made, tmp_path):
    history = made["folder"] / "history.csv"
    path = mm.report(made["model"], made["pipe"], made["rows"], tmp_path, history, made["metrics"], ROWS)
    assert read(path) == made["page"]


def test_what_decided_is_said_as_explain_says_it(made):
    decided = section(made["page"], "decided")
    numbers = [int(row) for row in re.findall(r'class="said"><span>row (\d+)</span>', decided)]
    examples = section(made["page"], "examples")
    assert len(numbers) == 8 == decided.count('class="card"') and all(f"row {row}<" in examples for row in numbers)
    assert decided.count("what decides") >= 8 and "what each input adds to the log-odds of the answer" in decided
    found = mm.explain(made["model"], made["pipe"], made["rows"], gradients=False, examples=0)
    told = next(row for row in found.rows if row["row"] == numbers[0])["shapley"]["predicted"]["log_odds"]["values"]
    card = decided.split('class="card"')[1]
    for name, value in told.items():
        shown = figure(value, 2, "+") if value else "0"
        assert re.search(rf"<span>{name}</span><div.*?<span class=\"n\">{re.escape(shown)}</span>", card), (name, value)


def test_what_decided_is_left_out_where_it_cannot_be_said(tmp_path):
    rows = write_table(tmp_path)
    _, pipe = fitted(rows, {"story": Text(), "maker": Category()}, {"kind": Category()})
    inputs = {name: keras.Input(facts.shape, name=name) for name, facts in pipe.spec["inputs"].items()}
    masks = {f"{n}_mask": keras.Input(facts.shape[:1], name=f"{n}_mask") for n, facts in pipe.spec["inputs"].items()}
    tokens = keras.layers.Reshape((1, 3))(keras.layers.Embedding(9, 3)(inputs["maker"]))
    model = keras.Model({**inputs, **masks}, {"kind": mm.decoders.CategoryDecoder(3, name="kind")(tokens)})
    page = read(mm.report(model, pipe, rows, tmp_path, examples=4))
    assert section(page, "decided") is None and "#decided" not in page and section(page, "examples")


def test_known_metrics_are_taken_if_they_are_of_as_many_rows_and_of_the_run(tmp_path):
    rows = write_table(tmp_path)
    model, pipe = fitted(rows, {"story": Text()}, {"kind": Category()})
    metrics = mm.evaluate(model, pipe, rows)
    metrics["targets"]["kind"]["accuracy"] = 0.875
    for count, run, shown in ((ROWS, None, True), (ROWS + 1, None, False), (ROWS, "another", False)):
        (tmp_path / "metrics.json").write_text(json.dumps({**metrics, "run": run, "rows": count}))
        path = mm.report(model, pipe, rows, tmp_path, examples=0)
        page = read(path)
        assert ("kind accuracy 0.88" in page) == shown
        assert section(page, "examples") is None is section(page, "decided")


def test_one_input_one_number_no_history_nothing_missing(tmp_path):
    rows = write_table(tmp_path).take(ROWS - 1)
    model, pipe = fitted(rows, {"story": Text()}, {"price": Number()})
    page = read(mm.report(model, pipe, rows, tmp_path / "run", examples=4))
    assert section(page, "training") is None
    assert "without" not in section(page, "scores")
    assert "Every input is there in every row." in page and "No cell was bad." in page
    assert page.count("<article") == 4
    assert re.search(r"On 17 rows: price mae [\d.]+\.<", page)


def test_rows_without_any_label(tmp_path):
    rows = write_table(tmp_path)
    model, pipe = fitted(rows, {"story": Text(), "maker": Category()}, {"marks": Tags(), "price": Number()})
    unlabelled = rows.where(price="")
    page = read(mm.report(model, pipe, unlabelled, tmp_path, examples=4))
    assert "On 1 rows: none has a label" in page
    assert page.count("None of these rows has a label") == 4


def test_samples_that_the_model_hears_itself(tmp_path):
    rows = write_table(tmp_path).take(6)
    voice = Audio(seconds=0.1, sample_rate=4000, features="waveform")
    model, pipe = fitted(rows, {"voice": voice}, {"kind": Category()})
    history = {"loss": [2.0, 1.0]}
    page = read(mm.report(model, pipe, rows, tmp_path, history, examples=6))
    assert section(page, "examples").count('class="sound"') == 6
    assert section(page, "training").count("training only") == 1


def test_a_long_recording_is_cut(tmp_path):
    rows = write_table(tmp_path).take(6)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * 20, 1)).astype("float32")
    (tmp_path / "0.wav").write_bytes(tf.audio.encode_wav(noise, 8000).numpy())
    model, pipe = fitted(rows, {"voice": Audio(seconds=15, sample_rate=8000)}, {"kind": Category()})
    page = read(mm.report(model, pipe, rows, tmp_path, examples=6))
    assert "the player has the first 12.5 s" in page
    assert max(len(sound) for sound in re.findall(r'<audio[^>]*src="([^"]*)"', page)) < 200_000 * 4 / 3 + 100


@pytest.mark.parametrize("package", ["matplotlib", "jinja2"])
def test_a_missing_package_is_named(made, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ImportError, match=r'report: it needs matplotlib and jinja2\. Do: pip install "mmkeras\[report\]"'
    ):
        mm.report(made["model"], made["pipe"], made["rows"], tmp_path)


def test_a_negative_number_of_examples_is_refused(made, tmp_path):
    with pytest.raises(ValueError, match=r"report: examples must be >= 0\. Received: examples=-1"):
        mm.report(made["model"], made["pipe"], made["rows"], tmp_path, examples=-1)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.00"), (0.734, "0.73"), (-0.5, "−0.50"), (0.00123, "0.0012"), (12345.6, "12,346"), (float("nan"), "–")],
)
def test_numbers_are_written_for_people(value, words):
    assert figure(value) == words


def test_changes_have_the_digits_of_their_score():
    assert [change(0.0004, 0.5), change(-0.18, 0.7), change(0.0004, 0.001)] == ["", "−0.180", "+0.00040"]


def scored(value, **parts):
    """Metrics of a number target, as `evaluate` gives them."""
    by_part = {part: {name: {"price": {"mae": v}} for name, v in values.items()} for part, values in parts.items()}
    return {"rows": 90, "targets": {"price": {"mae": value}}, "counts": {"masked": {}, "dropped": 0}, **by_part}


def test_verdict_on_a_score_that_is_better_when_lower():
    metrics = scored(2.0, without={"photo": 1.9, "story": 3.5}, only={"photo": 4.0, "story": 2.5})
    assert verdict(metrics, {}) == (
        "On 90 rows: price mae 2.00; without story it rises to 3.50, so story matters most; "
        "the best input alone, story, gets 2.50."
    )


def test_verdict_names_all_that_matter_alike():
    metrics = scored(2.0, without={"photo": 3.5, "story": 3.5, "age": 2.1}, only={"photo": 4.0, "story": 4.5})
    assert "without photo or story it rises to 3.50, so photo and story matter most" in verdict(metrics, {})


def test_notes_say_what_to_do():
    metrics = scored(2.0, without={"photo": 1.9, "story": 3.5}, only={"photo": 4.0, "story": 2.0})
    metrics["counts"]["masked"] = {"photo": 3}
    empty = type("Absence", (), {"empty": 2, "unanswered": 0})
    found = notes(metrics, {}, {"val_loss": [3.0, 1.0, float("nan"), 2.0, 2.5]}, empty)
    assert [note[:30] for note in found] == [
        "story alone is as good as all ",
        "Hiding photo costs price nothi",
        "Validation loss is best in epo",
        "Bad cells were counted as abse",
        "2 of the rows have no input at",
    ]
    full = type("Absence", (), {"empty": 0, "unanswered": 0})
    assert notes(scored(2.0), {}, {"val_loss": [3.0, 2.0, 1.0]}, full) == [
        "Validation loss is best in the last epoch (3): more epochs may help."
    ]
    ran_out = {"val_loss": [3.0, 2.0, 1.0], "learning_rate": [1e-3, 1e-3, 1e-4]}
    assert not notes(scored(2.0), {}, ran_out, full), "the schedule chose its end itself"


def test_an_input_that_makes_answers_surer_is_not_called_idle():
    def told(accuracy, loss):
        return {"kind": {"accuracy": accuracy, "log_loss": loss}}

    tally = type("Tally", (), {"rows": 90, "commonest": ("a", 0.2)})
    without = {"photo": told(0.8, 1.1), "story": told(0.5, 2.0), "age": told(0.8, 0.9)}
    metrics = {"rows": 90, "targets": told(0.8, 1.0), "without": without, "only": {"story": told(0.6, 1.5)}}
    metrics["counts"] = {"masked": {}, "dropped": 0}
    found = notes(metrics, {"kind": tally}, {}, type("Absence", (), {"empty": 0, "unanswered": 0}))
    assert found == ["Hiding age costs kind nothing: leave it out, or train on more rows."]


def test_series_are_drawn(tmp_path):
    frame = pandas.DataFrame({"load": ["1,5;2,nan;3,7", "4,4|", "nan,nan|", "5 1;6 2"], "fault": ["no", "yes"] * 2})
    rows = read_table(frame)
    model, pipe = fitted(rows, {"load": TimeSeries()}, {"fault": Category()})
    page = read(mm.report(model, pipe, rows, tmp_path, examples=4))
    cards = section(page, "examples")
    assert cards.count('aria-label="series"') == 3
    assert "3 steps of 2 channels" in cards and "1 steps of 2 channels" in cards


def test_frames_of_clips_are_shown(tmp_path):
    np.save(tmp_path / "a.npy", np.full((3, 8, 8, 3), 200, "uint8"))
    frame = pandas.DataFrame({"clip": ["a.npy", ""] * 2, "kind": ["no", "yes"] * 2})
    rows = read_table(frame, tmp_path)
    model, pipe = fitted(rows, {"clip": Video(2, 8, crop="random")}, {"kind": Category()})
    cards = section(read(mm.report(model, pipe, rows, tmp_path, examples=4)), "examples")
    assert cards.count('clip as the model sees it"') == 2 and "16&nbsp;×&nbsp;8" in cards
    assert cards.count('clip as the model sees it in training"') == 2


def test_what_is_left_of_a_graph_is_told():
    graph = Graph(max_nodes=4, augment={"node_dropout": 1.0})
    cells = np.array(['{"nodes": ["a", "b", "c"], "edges": [[0, 1], [1, 2]]}'], object)
    graph.adapt([(cells,)])
    value, mask, _ = graph.encode([cells])
    told = variant(graph, value[0].numpy(), mask[0].numpy(), 0)
    assert told == {"kind": "text", "words": "1 of 3 nodes and 0 of 4 edges, counted both ways"}


def test_what_training_makes_of_an_input_is_shown(made):
    page = made["page"]
    varied = re.findall(r'<figure class="varied">.*?</figure>', page, re.DOTALL)
    assert len(varied) == 3 * ROWS - 4 and all("as the model sees it in training" in figure for figure in varied)
    strip = re.search(r'src="data:image/png;base64,([^"]+)" alt="photo as the model sees it in training"', page)
    assert Picture.open(io.BytesIO(base64.b64decode(strip[1]))).size == (4 * 8, 8)
    assert 'alt="voice as the model sees it in training"' in page
    hidden = [figure for figure in varied if "\ufffd" in figure]
    assert len(hidden) == ROWS - 1 and "number" not in "".join(hidden)
