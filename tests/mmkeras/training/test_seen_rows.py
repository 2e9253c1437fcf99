from training_rows import frame

from data_pipelines import Category, Number, Pipeline, read_table
from mmkeras.training import seen_rows
from mmkeras.training.seen_rows import SeenRows, told

TABLE = frame(100)
PIPE = Pipeline({"x": Number(), "price": Number()}, {"kind": Category()})


def test_rows_are_known_again_in_any_order_and_among_other_columns(tmp_path):
    rows = read_table(TABLE)
    seen = SeenRows(tmp_path / "seen.npz")
    seen.write("mark", PIPE, rows.take(60), read_table(TABLE[60:80]))
    again = read_table(TABLE[::-1].assign(more=1, word="other"))
    assert seen.count("mark", PIPE, again) == {"training": 60, "validation": 20}
    assert seen.count("mark", PIPE, read_table(frame(50, seed=9))) == {"training": 0, "validation": 0}
    assert seen.count("another", PIPE, rows) is None
    assert SeenRows(tmp_path / "lost.npz").count("mark", PIPE, rows) is None


def test_of_many_rows_few_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(seen_rows, "MOST", 200)
    table = frame(2000)
    seen = SeenRows(tmp_path / "seen.npz")
    seen.write("mark", PIPE, read_table(table[:1000]), None)
    found = seen.count("mark", PIPE, read_table(table))
    assert 700 < found["training"] < 1300 and found["validation"] == 0
    assert (tmp_path / "seen.npz").stat().st_size < 200 * 8 + 1000


def test_it_is_said_in_words():
    assert told({"rows": 300, "seen": {"training": 240, "validation": 0}}) == (
        "300 rows scored; the run has seen 240 training rows of them before: scores flatter"
    )
    assert told({"rows": 300, "seen": {"training": 0, "validation": 0}}) is None and told({"rows": 3}) is None
