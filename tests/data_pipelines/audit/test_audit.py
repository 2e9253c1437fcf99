"""The data report tells the truth."""

import json
import sys

import numpy as np
import pandas
import pytest
from clip_bytes import clip_bytes
from media_bytes import tone, wav_bytes

from data_pipelines import read_table
from data_pipelines.audit import audit
from data_pipelines.audit.summaries import outliers, summary
from data_pipelines.datasets import folder


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    place = tmp_path_factory.mktemp("audit")
    with open(folder("clipart") + "/pictures/0001.png", "rb") as file:
        picture = file.read()
    for number in range(40):
        (place / f"{number}.png").write_bytes(picture if number != 7 else picture[:100])
    lines = ["picture,code,story,label,split"]
    for number in range(40):
        label = "ab"[number % 2] if number not in (3, 4) else ""
        name = f"{number}.png" if number < 38 else ("" if number == 38 else "lost.png")
        split = "train" if number < 30 else "test"
        lines.append(f"{name},{'xy'[number % 2]},words {number // 2} and more of them,{label},{split}")
    lines.append(lines[1].replace("train", "test"))
    (place / "t.csv").write_text("\n".join(lines) + "\n")
    return audit(read_table(place / "t.csv"), ["label"])


def test_lists_unreadable_files_with_rows_and_reasons(report):
    assert report["columns"]["picture"]["unreadable"] == 2
    (cut, lost) = report["unreadable"]["picture"]
    assert cut["row"] == 9 and "Invalid PNG" in cut["why"]
    assert lost["row"] == 41 and "there is no file" in lost["why"]
    assert "picture: 2 cells cannot be read" in report["warnings"]


def test_counts_classes_and_missing_labels(report):
    assert report["targets"]["label"] == {"a": 20, "b": 19, "": 2}
    assert "label: 2 rows have no label" in report["warnings"]


def test_finds_the_row_that_stands_in_two_splits(report):
    assert report["duplicates"]["rows"] == {"count": 1, "pairs": [[42, 2]]}
    assert "1 rows stand in more than one split" in report["warnings"]


def test_the_same_picture_under_another_name_in_another_split(report):
    found = report["duplicates"]["media"]["picture"]
    assert found["across"] == 1 == found["count"]
    assert found["pairs"] == [{"rows": [2, 32], "splits": ["train", "test"], "distance": 0.0}]


def test_finds_the_column_that_gives_the_target_away(report):
    (column,) = report["leaks"]["label"]
    leak = report["leaks"]["label"][column]
    assert column == "code" and leak["score"] == 1.0 and leak["measure"] == "accuracy" and leak["base"] < 0.7
    told = "label: code alone tells it in 100% of the rows, by the label that its value has most often: is it known"
    assert report["warnings"][0].startswith(told)


def test_says_what_columns_are(report):
    assert report["rows"] == 41 and report["splits"] == {"train": 30, "test": 11}
    picture = report["columns"]["picture"]
    assert picture["kind"] == "Image" and picture["missing"] == pytest.approx(1 / 41, abs=1e-3)
    assert picture["facts"]["format"] == {"PNG": 38} and picture["facts"]["width"]["median"] == 48
    assert json.dumps(report)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Every kind of media, one bad cell of each; the number target follows from the length of the series."""
    place = tmp_path_factory.mktemp("mixed")
    lines = []
    for number in range(24):
        sound = tone(300 + 40 * number, 0.3 + 0.02 * number)
        sound = np.stack([sound, sound], 1) if number % 2 else sound
        (place / f"{number}.wav").write_bytes(wav_bytes(sound, 8000 if number % 2 else 16000))
        (place / f"{number}.mp4").write_bytes(clip_bytes(3 + number % 9, (16, 16)))
        np.save(place / f"{number}.npy", np.arange(2.0 * (4 + number)).reshape(-1, 2))
        graph = {"nodes": ["C"] * (number + 1), "edges": [[0, place] for place in range(1, number + 1)]}
        lines.append(
            [f"{number}.wav", f"{number}.mp4", f"{number}.npy", json.dumps(graph), "a b " * number, 10 * number + 0.5]
        )
    lines[3][:4] = ["3.mp4x.wav", "none.mp4", "bad.npy", '{"nodes": ["C"], "edges": [[0, 4]]}']
    (place / "3.mp4x.wav").write_bytes(b"RIFF and no more")
    (place / "bad.npy").write_bytes(b"no array")
    lines[5][5] = "many"
    frame = pandas.DataFrame(lines, columns=["voice", "clip", "load", "graph", "story", "price"])
    return audit(read_table(pandas.concat([frame] * 2), place), ["price"])


def test_opens_every_kind_of_media(mixed):
    kinds = {column: facts["kind"] for column, facts in mixed["columns"].items()}
    assert kinds == {
        "voice": "Audio",
        "clip": "Video",
        "load": "TimeSeries",
        "graph": "Graph",
        "story": "Text",
        "price": "Number",
    }
    reasons = {
        column: [(fault["row"], fault["why"]) for fault in faults] for column, faults in mixed["unreadable"].items()
    }
    assert [row for row, _ in reasons["voice"]] == [3, 27] and "not a WAV file" in reasons["voice"][0][1]
    assert "there is no file" in reasons["clip"][0][1] and "not a number: no" in reasons["load"][0][1]
    assert reasons["graph"][0] == (3, "the edge [0, 4] goes to node 4, and there are 1, from 0")
    assert reasons["price"][0] == (5, "'many' is not a finite number")


def test_figures_of_every_kind(mixed):
    facts = {column: found["facts"] for column, found in mixed["columns"].items()}
    assert facts["voice"]["rate"]["min"] == 8000 and facts["voice"]["channels"]["max"] == 2
    assert facts["voice"]["seconds"]["max"] == pytest.approx(0.76) and facts["voice"]["format"] == {"WAV": 46}
    assert facts["clip"]["frames"]["min"] == 3 and facts["clip"]["frames"]["max"] == 11
    assert facts["clip"]["frame rate"]["median"] == pytest.approx(12) and facts["clip"]["sound"] == {"none": 46}
    assert facts["clip"]["width"]["max"] == 16 and facts["clip"]["even"] == {"yes": 46}
    assert facts["load"]["steps"]["max"] == 27 and facts["load"]["channels"]["min"] == 2
    assert facts["graph"]["nodes"]["max"] == 24 and facts["graph"]["edges"]["max"] == 23
    assert sum(facts["load"]["steps"]["bins"]["counts"]) == 46
    assert facts["price"]["value"]["max"] == 230.5
    assert "voice: rates differ, 8000 to 16000 Hz; above half the lowest only some have sound" in mixed["warnings"]


def test_headers_that_tell_a_number_are_a_leak(mixed):
    assert mixed["leaks"]["price"]["load"]["measure"] == "R²" and mixed["leaks"]["price"]["load"]["score"] > 0.95


def test_texts_longer_than_a_batch_takes():
    texts = ["a b c " * 200 + str(place) for place in range(30)] + ["短 文"] * 10
    facts = audit(read_table(pandas.DataFrame({"story": texts})))["columns"]["story"]
    assert facts["kind"] == "Text" and facts["facts"]["tokens (word)"]["max"] == 601
    assert facts["facts"]["beyond max_tokens"] == 30 and facts["facts"]["max_tokens"] == 512


def test_missing_targets_are_refused():
    rows = read_table(pandas.DataFrame({"x": ["1", "2"]}))
    with pytest.raises(ValueError, match=r"a column must be in the table\. Received: column='y'"):
        audit(rows, ["y"])


def test_summaries_by_hand():
    found = summary([1, 2, 2, 3, float("nan")])
    assert found == {
        "count": 4,
        "min": 1.0,
        "low": 1.75,
        "median": 2.0,
        "high": 2.25,
        "max": 3.0,
        "bins": {"edges": [0.5, 1.5, 2.5, 3.5], "counts": [1, 2, 1]},
    }
    assert summary([]) is None and summary([7.5])["bins"]["counts"] == [1]
    assert summary([1e300, -1e300, 0.5])["bins"]["counts"] and sum(summary(range(1000))["bins"]["counts"]) == 1000
    assert outliers([*range(20), 500]).nonzero()[0].tolist() == [20] and not outliers([1, 2, 500]).any()


def test_a_tree_finds_what_no_vote_can():
    """Numbers that never come back, words that always do, numbers inside names; and nothing in noise."""
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 2, 300)
    frame = pandas.DataFrame(
        {
            "size": (chance.random(300) + labels).round(6).astype(str),
            "noise": chance.random(300).astype(str),
            "note": [
                f"thing {chance.integers(9**9)} is {'good' if label else 'bad'} {k}" for k, label in enumerate(labels)
            ],
            "id": [f"file_{1000 * label + k}" for k, label in enumerate(labels)],
            "label": [["no", "yes"][label] for label in labels],
            "price": (10 * labels + 0.01 * chance.random(300)).astype(str),
        }
    )
    found = audit(read_table(frame), ["label", "price"])["leaks"]
    assert set(found["label"]) == {"size", "note", "id"} == set(found["price"])
    assert found["label"]["id"]["by"] == "the number in its names" and found["price"]["note"]["by"] == "its words"


def test_without_sklearn_a_note_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    rows = read_table(pandas.DataFrame({"code": list("xy") * 20, "label": list("ab") * 20}))
    report = audit(rows, ["label"])
    assert "code" in report["leaks"]["label"] and 'pip install "mmkeras[inspect]"' in report["notes"][0]
