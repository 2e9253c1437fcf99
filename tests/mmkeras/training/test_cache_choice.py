import os

from training_rows import frame

from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import cache_choice
from mmkeras.training.cache_choice import choose_cache


def test_memory_then_disk_then_nowhere(tmp_path, monkeypatch):
    rows = read_table(frame(100))
    pipe = Pipeline({"x": Number()}, {"kind": Category()}).adapt(rows)
    folder = tmp_path / "not" / "there"
    assert choose_cache(pipe, [rows], str(folder)) is True
    monkeypatch.setattr(cache_choice, "MEMORY_SHARE", 0.0)
    assert choose_cache(pipe, [rows, rows], str(folder)) == os.path.join(str(folder), "cache")
    monkeypatch.setattr(cache_choice, "DISK_SHARE", 0.0)
    assert choose_cache(pipe, [rows], str(folder)) is False
