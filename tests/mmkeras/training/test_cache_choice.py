import math
import os
import subprocess
import sys

from training_rows import frame

from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import cache_choice
from mmkeras.training.cache_choice import cache_bytes, choose_cache, most_bytes, row_cache


def test_memory_then_disk_then_nowhere(tmp_path, monkeypatch):
    rows = read_table(frame(100))
    pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(rows)
    folder = tmp_path / "not" / "there"
    needed = cache_bytes(pipe, [rows])
    assert cache_bytes(pipe, [rows, rows]) == 2 * needed > 0
    assert choose_cache(needed, str(folder)) == "memory"
    monkeypatch.setattr(cache_choice, "MEMORY_SHARE", 0.0)
    assert choose_cache(needed, str(folder)) == "disk"
    monkeypatch.setattr(cache_choice, "DISK_SHARE", 0.0)
    assert choose_cache(needed, str(folder)) == "none"
    for cache, given in {"memory": True, "none": False}.items():
        with row_cache(pipe, [rows], str(folder), cache) as (found, facts):
            assert found is given and facts == {"cache": cache, "cache_bytes": needed * given}


def test_rows_are_looked_at_where_shapes_do_not_say_that_they_fit(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(cache_choice, "cache_bytes", lambda pipe, parts: looked.append(len(parts)) or 1)
    rows = read_table(frame(100))
    pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(rows)
    with row_cache(pipe, [rows, rows], str(tmp_path)) as (_, facts):
        assert facts == {"cache": "memory", "cache_bytes": most_bytes(pipe, [rows, rows])} and not looked
    assert most_bytes(pipe, [rows]) >= cache_bytes(pipe, [rows])
    monkeypatch.setattr(cache_choice, "row_values", lambda pipe: math.inf)
    with row_cache(pipe, [rows], str(tmp_path)) as (_, facts):
        assert facts == {"cache": "memory", "cache_bytes": 1} and looked == [1]


def test_files_of_one_training_are_not_read_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_choice, "MEMORY_SHARE", 0.0)
    sums = []
    for seed in (0, 1):
        rows = read_table(frame(100, seed=seed))
        pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(rows)
        with row_cache(pipe, [rows], str(tmp_path / "run")) as (cache, facts):
            assert facts["cache"] == "disk"
            batches = pipe.batches(rows, 10, cache=cache)
            sums += [sum(float(abs(x["x"].numpy()).sum()) for x, _, _ in batches) for _ in range(2)]
            assert os.listdir(os.path.dirname(cache))
    assert sums[0] == sums[1] != sums[2] == sums[3]
    assert not os.listdir(tmp_path / "run")


def test_files_of_a_training_that_was_killed_are_removed(tmp_path):
    rows = read_table(frame(100))
    pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(rows)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for name in (f".cache-{int(gone.stdout)}-a1b2", ".cache-x9y8", f".cache-{os.getppid()}-c3d4", ".cache-of-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cache.index").write_text("rows")
    with row_cache(pipe, [rows], str(tmp_path)) as (cache, _):
        assert cache is True
        assert {*os.listdir(tmp_path)} == {f".cache-{os.getppid()}-c3d4", ".cache-of-mine"}
