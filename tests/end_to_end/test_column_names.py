"""Columns whose names Keras does not take, Chinese ones and such with spaces, from the table to the answers."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

import mmkeras as mm
from data_pipelines import Pipeline, read_table
from data_pipelines.infer import infer
from data_pipelines.naming import plain_name
from mmkeras.commands.app import app
from mmkeras.training.run import load

INPUTS = ("标题 甲", "unit size")
ROWS = 36


def write_table(path, targets):
    """A table whose targets follow from a word and a number; the last row lacks all."""
    random = np.random.default_rng(0)
    kinds = [place % 3 for place in range(ROWS - 1)]
    known = {
        "标题 甲": [f"{'红绿蓝'[kind]} 色 {place}" for place, kind in enumerate(kinds)],
        "unit size": [f"{kind + random.random():.2f}" for kind in kinds],
        "类别": [("苹果", "梨", "桃子")[kind] for kind in kinds],
        "unit price": [f"{10 * kind + random.random():.2f}" for kind in kinds],
        "说 明": [f"它 是 {'红绿蓝'[kind]} 的 {place}" for place, kind in enumerate(kinds)],
    }
    columns = [*INPUTS, *targets]
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows([*zip(*(known[column] for column in columns), strict=True), [""] * len(columns)])


def ran(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("targets", [("类别",), ("说 明",), ("类别", "unit price")], ids="+".join)
def test_from_a_table_to_answers(tmp_path, targets):
    table, run = tmp_path / "表 一.csv", tmp_path / "运行 一"
    write_table(table, targets)
    wanted = [word for target in targets for word in ("--target", target)]
    ran("inspect", table, *wanted, "--html", tmp_path / "页.html")
    ran("train", table, *wanted, "--output", run, "--epochs", 1, "--dim", 8, "--encoder", "标题 甲=TextBagEncoder")
    scores = json.loads(ran("evaluate", run, table).stdout)
    assert set(scores["targets"]) == set(targets)
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    assert set(metrics["without"]) == set(INPUTS) and set(metrics["only"]["unit size"]) == set(targets)
    page = (run / "report.html").read_text("utf-8")
    for name in (*INPUTS, *targets):
        assert name in page and (plain_name(name) == name or f">{plain_name(name)}" not in page)
    ran("predict", run, table, "--output", tmp_path / "答.csv")
    with open(tmp_path / "答.csv", newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == ROWS and set(targets) <= set(answers[0])
    if "说 明" not in targets:
        ran("explain", run, table, "--output", tmp_path / "why", "--rows", 2, "--target", targets[-1])
        found = json.loads((tmp_path / "why" / "explanation.json").read_text("utf-8"))
        assert found["target"] == targets[-1] and set(found["inputs"]) == set(INPUTS)
        assert f"3/{INPUTS[0]}/gradient" in np.load(tmp_path / "why" / "arrays.npz").files
    ran("export", run, "--output", tmp_path / "saved")
    served(tmp_path / "saved", table, answers, targets)


def served(saved, table, answers, targets):
    """A SavedModel takes columns by the words of `columns.json` and answers by the targets' own names."""
    serve = tf.saved_model.load(saved).signatures["serving_default"]
    words = json.loads((saved / "assets" / "columns.json").read_text("utf-8"))
    cells = {column: read_table(table).values(column) for column in INPUTS}
    sizes = [float(cell or "nan") for cell in cells["unit size"]]
    texts = [str(cell).encode() for cell in cells["标题 甲"]]
    given = {"unit size": tf.constant(sizes, tf.float32), "标题 甲": tf.constant(texts)}
    told = {name: value.numpy() for name, value in serve(**{w: given[c] for w, c in words.items()}).items()}
    assert {f"{column}_present" for column in INPUTS} < set(told)
    for target in targets:
        ours = [answer[target] for answer in answers]
        if target == "unit price":
            np.testing.assert_allclose(told[target], np.array(ours, "float32"), rtol=1e-4)
        else:
            assert [answer.decode() for answer in told[target]] == ours
    if "类别" in targets:
        assert (saved / "assets" / "类别_classes.txt").read_text("utf-8").split() == ["桃子", "梨", "苹果"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "表.csv"
    write_table(path, ("类别", "unit price"))
    return read_table(path)


def test_a_column_says_which_input_or_target_is_meant(rows):
    pipe = Pipeline(*infer(rows, ["类别", "unit price"])).adapt(rows)
    model = mm.build(pipe.spec, dim=8, encoders={"标题 甲": "TextBagEncoder"}, decoders={"类别": "CategoryDecoder"})
    assert type(model.get_layer(f"{plain_name('标题 甲')}_encoder")).__name__ == "TextBagEncoder"
    mm.compile(model, pipe.spec, label_smoothing={"类别": 0.1}, loss_weights={"unit price": 2.0})
    options = {"class_weight": {"类别": {"梨": 3.0}}, "absent": ["标题 甲"]}
    x, _, w = next(iter(pipe.batches(rows, ROWS, training=True, **options)))
    assert sorted(set(w[plain_name("类别")].numpy().tolist())) == [0.0, 1.0, 3.0]
    assert not x[f"{plain_name('标题 甲')}_mask"].numpy().any()
    with pytest.raises(ValueError, match=r"Received: \['x'\]. Do: of \['标题 甲', 'unit size'\]"):
        pipe.batches(rows, absent=["x"])
    with pytest.raises(ValueError, match=r"must be one of \['类别', 'unit price'\]. Received: target='x'"):
        mm.explain(model, pipe, rows, target="x")


def test_a_comparison_calls_columns_by_their_names(rows, tmp_path):
    pipe = Pipeline(*infer(rows, ["unit price"], INPUTS)).adapt(rows)
    options = {"fusions": (), "seeds": 1, "training": {"epochs": 1}}
    found = mm.compare(pipe, dict.fromkeys(("train", "val", "test"), rows), tmp_path, target="unit price", **options)
    assert found["target"] == "unit price" and found["inputs"] == list(INPUTS)
    assert {"only 标题 甲", "only unit size"} < set(found["systems"])
    assert set(found["systems"]["LateFusion"]["subsets"]) == {"标题 甲+unit size", *INPUTS}
    from mmkeras.comparing.comparison_report import comparison_report

    with open(comparison_report(found, tmp_path), encoding="utf-8") as file:
        assert "标题 甲 + unit size" in file.read()
    assert load(tmp_path / "runs" / "only_unit_20_size-0")[1].input_columns() == ["unit size"]


def test_a_text_of_such_a_name_is_generated(tmp_path):
    write_table(tmp_path / "t.csv", ("说 明",))
    rows = read_table(tmp_path / "t.csv")
    pipe = Pipeline(*infer(rows, ["说 明"])).adapt(rows)
    model = mm.build(pipe.spec, dim=8)
    assert len(mm.generate(model, pipe, rows, "说 明", beams=2)) == ROWS
    answers = next(mm.predict(model, pipe, rows, generate={"说 明": {"beams": 2}}))
    assert set(answers) == {"说 明"}
