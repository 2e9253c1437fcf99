"""The suite's tables write what they say, the same each time, no row in two parts; its runner runs."""

import csv
import hashlib
import importlib
import json
import pathlib
import subprocess
import sys

import pytest

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from suite.measure import lines_of  # noqa: E402
from suite.scores import METRICS, epoch_seconds, noise, score  # noqa: E402

NAMES = sorted(file.stem for file in (BENCHMARKS / "suite" / "tables").glob("*.py") if file.stem != "__init__")
ROWS, LONGEST = 120, 40


def table(name):
    for package in ("sklearn", "skimage", "matplotlib", "PIL"):
        pytest.importorskip(package)
    return importlib.import_module(f"suite.tables.{name}")


def write(name, folder):
    try:
        return table(name).write(str(folder), ROWS)
    except ImportError as error:
        pytest.skip(str(error))


def read(path):
    """Rows whose media stand there as what they hold."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folder = pathlib.Path(path).parent
    for row in rows:
        row.update({name: digest(folder / cell) for name, cell in row.items() if is_media(folder, cell)})
    return rows


def is_media(folder, cell):
    return "/" in cell and len(cell) < 100 and (folder / cell).is_file()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_a_table_writes_three_parts_that_share_no_row(name, tmp_path):
    parts = write(name, tmp_path)
    rows = [read(path) for path in parts]
    seen = [{tuple(row.items()) for row in part} for part in rows]
    assert all(len(part) >= 5 for part in rows) and len(rows[0]) > len(rows[1])
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    found = table(name)
    assert found.METRIC in METRICS and len({r[found.TARGET] for r in rows[0]}) > 1
    assert [str(path) for path in parts] == [str(tmp_path / f"{part}.csv") for part in parts._fields]


@pytest.mark.parametrize("name", ["sprites", "requests", "faults", "clipart"])
def test_a_table_is_the_same_each_time(name, tmp_path):
    first, second = (write(name, tmp_path / place) for place in ("first", "second"))
    assert [read(path) for path in first] == [read(path) for path in second]


@pytest.mark.parametrize("name", NAMES)
def test_opponents_are_short(name):
    found = table(name)
    assert lines_of(found.keras_opponent) <= LONGEST
    assert lines_of(found.sklearn_opponent) <= LONGEST


def test_scores():
    assert score("accuracy", [1, 2, 3, 4], ["1", "2", "3", "0"]) == 0.75
    assert score("macro_f1", list("aaab"), list("aaaa")) == pytest.approx((6 / 7) / 2)
    assert score("micro_f1", ["a|b", "c"], ["a", float("nan")]) == pytest.approx(2 / 4)
    assert score("r2", [1, 2, 3], [1, 2, 3]) == 1 and score("r2", [1, 2, 3], [2, 2, 2]) == 0
    assert noise("accuracy", [1] * 400, [1, 0] * 200) == pytest.approx(0.5 / 20, rel=0.2)


def test_the_first_epoch_compiles_and_does_not_count():
    assert epoch_seconds([9.0, 10.0, 11.0, 12.5]) == pytest.approx(3.5 / 3) and epoch_seconds([9.0]) is None


def test_the_runner_measures_and_writes_its_page(tmp_path):
    table("digits")
    command = [sys.executable, BENCHMARKS / "suite" / "run.py", "digits", "--quick", "--results", tmp_path]
    for system in ("keras", "sklearn"):
        subprocess.run([*command, "--only", system], check=True)
    figure = json.loads((tmp_path / "quick" / "figures" / "digits.keras.0.json").read_text())
    assert figure["seconds"] > 0 and figure["peak_megabytes"] > 100 and len(figure["curve"]) == 1
    page = (tmp_path / "quick" / "README.md").read_text()
    assert "[digits](tables/digits.py)" in page and f"{figure['test']:.3f}" in page


def test_each_input_is_made_absent(tmp_path):
    table("adverts")
    command = [sys.executable, BENCHMARKS / "suite" / "run.py", "adverts", "--quick", "--results", tmp_path]
    for system in ("ours", "absent"):
        subprocess.run([*command, "--only", system], check=True)
    found = json.loads((tmp_path / "quick" / "figures" / "adverts.absent.0.json").read_text())["inputs"]
    assert set(found) == {"advert", "kind", "numbers"}
    assert all(set(scores) == {"absent", "trained_without"} for scores in found.values())
    page = (tmp_path / "quick" / "README.md").read_text()
    assert "## With an input absent" in page and page.count("| adverts |") == 3


def test_the_runner_knows_its_tables(tmp_path):
    command = [sys.executable, BENCHMARKS / "suite" / "run.py", "nothing", "--results", tmp_path]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 2 and "no such table: nothing" in told.stderr
