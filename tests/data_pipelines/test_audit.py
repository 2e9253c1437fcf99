"""The data report tells the truth."""

import pytest

from data_pipelines import read_table
from data_pipelines.audit import audit
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


def test_counts_unreadable_files_with_rows_and_reasons(report):
    assert report["unreadable"] == {"picture": 2}
    assert "row 9" in report["examples"][0] and "Invalid PNG" in report["examples"][0]
    assert "row 41" in report["examples"][1] and "there is no file" in report["examples"][1]


def test_counts_classes_and_missing_labels(report):
    assert report["targets"]["label"] == {"a": 20, "b": 19, "": 2}
    assert "label: 2 rows have no label" in report["warnings"]


def test_finds_the_row_that_stands_in_two_splits(report):
    assert report["duplicates"] == 1
    assert "1 rows stand in more than one split" in report["warnings"]


def test_finds_the_column_that_gives_the_target_away(report):
    assert report["leaks"] == {"label": {"code": 1.0}}


def test_says_what_columns_are(report):
    assert report["rows"] == 41
    assert report["columns"]["picture"]["kind"] == "Image"
    assert report["columns"]["split"]["kind"] == "split"
    assert report["columns"]["picture"]["missing"] == pytest.approx(1 / 41, abs=1e-3)
