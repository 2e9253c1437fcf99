"""What a column seems to be, and which modalities a table gets."""

import json

import numpy as np
import pandas
import pytest

from data_pipelines import Audio, Category, DateTime, Image, Number, Pipeline, Tags, Text, read_table
from data_pipelines.datasets import folder
from data_pipelines.guessing.split_column import split_column
from data_pipelines.infer import describe, guess_columns, infer, left_out
from data_pipelines.naming import plain_name


def written(path, header, rows):
    path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return read_table(path)


def kinds(rows, targets=()):
    return {column: guess.kind for column, guess in guess_columns(rows, targets).items()}


def test_clipart_needs_no_spec():
    inputs, targets = infer(read_table(folder("clipart") + "/table.csv"), ["category", "keywords"])
    assert {name: type(m) for name, m in inputs.items()} == {
        "picture": Image,
        "title": Text,
        "creator": Category,
        "editor": Category,
        "numbers": Number,
    }
    assert inputs["picture"].size == (48, 48)
    assert len(inputs["numbers"].group) == 11
    assert isinstance(targets["category"], Category)
    assert isinstance(targets["keywords"], Tags)


def test_prompts_needs_no_spec():
    rows = read_table(folder("prompts") + "/table.csv")
    inputs, targets = infer(rows, ["language"], ignore=["seconds"])
    assert {name: type(m) for name, m in inputs.items()} == {"recording": Audio, "transcript": Text}
    assert (inputs["recording"].sample_rate, inputs["recording"].seconds) == (8000, 5.0)
    assert isinstance(targets["language"], Category)
    assert split_column(rows) == "split"


def test_kinds_of_written_columns(tmp_path):
    random = np.random.default_rng(0)
    table = [
        [
            f"id-{n:04d}",
            random.normal(),
            random.integers(1, 6),
            "red" if n % 3 else "blue",
            f"some words on thing {n} and more",
            "same",
            "",
            ["train", "val", "test"][n % 3],
            f"a|b{n % 4}",
            f"这是第{n}句话",
        ]
        for n in range(200)
    ]
    header = ["key", "height", "stars", "colour", "story", "always", "never", "part", "tags", "标题"]
    rows = written(tmp_path / "t.csv", header, table)
    assert kinds(rows, ["stars"]) == {
        "key": "identifier",
        "height": "Number",
        "stars": "Category",
        "colour": "Category",
        "story": "Text",
        "always": "constant",
        "never": "empty",
        "part": "split",
        "tags": "Tags",
        "标题": "Text",
    }
    assert kinds(rows)["stars"] == "Number"


def graphs(count, names=("C", "N", "O")):
    """Texts of small graphs, each its own."""
    random = np.random.default_rng(0)
    for size in random.integers(2, 14, count).tolist():
        nodes = random.choice(names, size).tolist()
        yield json.dumps({"nodes": nodes, "edges": [[place - 1, place] for place in range(1, size)]})


def test_graphs(tmp_path):
    cells = list(graphs(60))
    cells[3:6] = ["", "no graph", '{"nodes": ["C"], "edges": [[0, 1]]}']
    lines = [{"molecule": cell, "record": {"kind": n}, "good": n % 2} for n, cell in enumerate(cells)]
    lines[0]["molecule"] = json.loads(cells[0])
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    rows = read_table(tmp_path / "t.jsonl")
    assert kinds(rows) == {"molecule": "Graph", "record": "Text", "good": "Number"}
    guess = guess_columns(rows)["molecule"]
    assert guess.why == "97% of the cells are nodes and edges"
    assert guess.config == {"max_nodes": 24}, "the largest has 13 nodes"
    inputs, _ = infer(rows, ["good"], inputs=["molecule"])
    assert describe(inputs["molecule"]) == "Graph(max_nodes=24)"
    with pytest.raises(ValueError, match=r"infer: Graph cannot be a target yet\. Received: 'molecule', 97% of"):
        infer(rows, ["molecule"])


def test_names_outside_ascii_keep_their_columns(tmp_path):
    rows = written(
        tmp_path / "t.csv",
        ["标题", "unit price", "类别"],
        [[f"第{n}句 很 好", n / 2, "红蓝"[n % 2]] for n in range(60)],
    )
    pipe = Pipeline(*infer(rows, ["类别"])).adapt(rows)
    assert set(pipe.inputs) == {plain_name("标题"), plain_name("unit price")}
    assert [pipe.title(name) for name in (*pipe.inputs, *pipe.targets)] == ["标题", "unit price", "类别"]
    x, y, _ = next(iter(pipe.batches(rows, 4)))
    assert set(y) == {plain_name("类别")} and x[plain_name("标题")].shape[0] == 4


def test_columns_that_no_name_tells_apart(tmp_path):
    rows = written(tmp_path / "t.csv", ["a b", "a_20_b", "c"], [[n, n % 3, n % 2] for n in range(10)])
    rule = r"infer: columns must differ in letters or digits. Received: 'a b' and 'a_20_b'. Do: rename one"
    with pytest.raises(ValueError, match=rule):
        infer(rows, ["c"])
    assert list(infer(rows, ["c"], ignore=["a b"])[0]) == ["a_20_b"]
    assert list(infer(rows, ["c"], inputs=["a b"])[0]) == ["a_20_b"]


def test_columns_of_the_names_that_a_pipeline_uses_itself(tmp_path):
    rows = written(
        tmp_path / "t.csv", ["numbers", "a", "b", "face_mask"], [["xy"[n % 2], n, n / 2, n] for n in range(9)]
    )
    inputs, targets = infer(rows, ["numbers"])
    pipe = Pipeline(inputs, targets).adapt(rows)
    assert pipe.inputs["other_numbers"].group == ("a", "b", "face_mask")
    x, y, _ = next(iter(pipe.batches(rows, 4)))
    assert x["other_numbers"].shape == (4, 3) and set(y) == {"numbers"}
    pipe = Pipeline(*infer(rows, ["numbers"], inputs=["face_mask"])).adapt(rows)
    assert list(pipe.inputs) == ["face_mask_"] and pipe.title("face_mask_") == "face_mask"


def test_a_column_that_is_not_there(tmp_path):
    rows = written(tmp_path / "t.csv", ["a", "b"], [[n, n % 2] for n in range(10)])
    with pytest.raises(ValueError, match=r"a column must be in the table. Received: column='c'"):
        infer(rows, ["c"])


def test_a_target_with_one_value(tmp_path):
    rows = written(tmp_path / "t.csv", ["a", "b"], [[n, "same"] for n in range(10)])
    with pytest.raises(ValueError, match=r"a target must have different values. Received: 'b', every cell says 'same'"):
        infer(rows, ["b"])


def test_no_input_left(tmp_path):
    rows = written(tmp_path / "t.csv", ["a", "b"], [["same", n % 2] for n in range(10)])
    with pytest.raises(ValueError, match="some column must be of use as an input"):
        infer(rows, ["b"])


def test_clips_as_a_target_are_refused_and_pictures_are_not(tmp_path):
    rows = written(tmp_path / "t.csv", ["a", "b", "c"], [[n, f"{n}.mp4", f"{n}.png"] for n in range(10)])
    with pytest.raises(ValueError, match=r"Video cannot be a target yet. Received: 'b'"):
        infer(rows, ["b"])
    assert isinstance(infer(rows, ["c"], inputs=["a"])[1]["c"], Image)


def test_describe_says_what_differs_from_the_defaults():
    assert describe(Text()) == "Text()"
    assert describe(Audio(seconds=2, sample_rate=8000)) == "Audio(seconds=2.0, sample_rate=8000)"


def test_sentences_to_be_said_are_texts():
    said = [f"the {colour} bird sings {n} songs" for n, colour in enumerate(["red", "blue", "green"] * 4)]
    table = pandas.DataFrame(
        {
            "size": range(12),
            "said": said,
            "kind": ["a", "b"] * 6,
            "chinese": ["一只红色的鸟在唱歌" + str(n) for n in range(12)],
        }
    )
    _, targets = infer(read_table(table), ["said", "kind", "chinese"], inputs=["size"])
    assert [type(modality).__name__ for modality in targets.values()] == ["Text", "Category", "Text"]
    assert targets["said"].max_tokens == 8


def test_texts_get_room_for_nearly_all_of_them():
    texts = [f"word{k} " + "and so on " * (60 if k else 400) for k in range(100)]
    rows = read_table(pandas.DataFrame({"story": texts, "kind": ["a", "b"] * 50}))
    inputs, _ = infer(rows, ["kind"])
    assert inputs["story"].get_config()["max_tokens"] == 184
    short = read_table(
        pandas.DataFrame({"story": [f"one more {k} of them" for k in range(100)], "kind": ["a", "b"] * 50})
    )
    assert infer(short, ["kind"])[0]["story"].get_config()["max_tokens"] == 32


WRITINGS = {
    "words": ([*map(str, range(94)), *(f"see note {n}" for n in range(6))], Number, {"on_bad": "mask"}),
    "euros": ([f"{n}.{n:03d},{n:02d} €" for n in range(1, 100)] + ["7 €"], Number, {"decimal": ","}),
    "dollars": ([f"${n},{n:03d}.5" for n in range(1, 100)] + ["$8"], Number, {"decimal": "."}),
    "commas": ([f"{n},{n % 7}5" for n in range(90)] + ["unknown"] * 10, Number, {"decimal": ",", "on_bad": "mask"}),
    "signs": ([f"{n} €" for n in range(100)], Number, {"decimal": "."}),
    "dates": ([f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(100)], DateTime, {}),
    "times": ([f"{1 + n % 28}.3.2024 10:{n % 60}" for n in range(100)], Text, {}),
    "doubtful": ([f"€{n},{n:03d}" for n in range(1, 101)], None, {}),
    "key": ([f"id-{n:04d}" for n in range(100)], None, {}),
    "always": (["same"] * 100, None, {}),
}


@pytest.fixture(scope="module")
def writings():
    cells = {column: cells for column, (cells, _, _) in WRITINGS.items()}
    return read_table(pandas.DataFrame({**cells, "plain": range(100), "kind": ["a", "b"] * 50}))


def test_columns_of_numbers_and_dates_as_people_write_them(writings):
    inputs, targets = infer(writings, ["kind"])
    for column, (_, kind, config) in WRITINGS.items():
        assert type(inputs.get(column)) is (kind or type(None)), column
        assert kind is None or config.items() <= inputs[column].get_config().items(), column
    pipe = Pipeline(inputs, targets).adapt(writings)
    x, _, _ = next(iter(pipe.batches(writings, 100)))
    absent = {
        column: int((~x[f"{column}_mask"].numpy()).sum()) for column in ("words", "euros", "dollars", "commas", "signs")
    }
    assert absent == {"words": 6, "euros": 0, "dollars": 0, "commas": 10, "signs": 0}
    assert pipe.problems.masked == {"words": 6, "commas": 10}


def test_what_is_left_out_is_said_with_the_way_to_include_it(writings):
    said = left_out(writings, Pipeline(*infer(writings, ["kind"])))
    assert [line.split(" is left out: ")[0] for line in said] == ["doubtful", "key", "always"]
    assert said[1].endswith(
        "100 different names without spaces. To include it, name it with all inputs (--input), or as "
        "Text or Category in a spec"
    )
    assert said[2] == "always is left out: every cell says 'same'"
    inputs, _ = infer(writings, ["kind"], inputs=["key", "plain"])
    assert type(inputs["key"]) is Text and left_out(writings.without("doubtful", "always"), Pipeline(inputs)) == []


def test_groups_of_numbers_find_a_name_that_is_free():
    names = ("numbers", "other_numbers", "numbers_2")
    words = {name: [f"some words on {n}" for n in range(30)] for name in names}
    rows = read_table(pandas.DataFrame({**words, "a": range(30), "b": range(30), "kind": ["x", "y"] * 15}))
    assert list(infer(rows, ["kind"])[0]) == [*names, "numbers_3"]


def test_targets_of_few_values_with_words_are_classes():
    rows = read_table(pandas.DataFrame({"stars": [*"12345" * 18, *["none yet"] * 10], "n": range(100)}))
    assert kinds(rows, ["stars"])["stars"] == "Category"


@pytest.mark.parametrize(
    ("values", "scaling"),
    [
        (np.random.default_rng(0).lognormal(5, 1, 100), "log"),
        (np.random.default_rng(0).normal(100, 5, 100), "quantile"),
        (np.random.default_rng(0).lognormal(5, 1, 100) - 50, "quantile"),
        (np.random.default_rng(0).lognormal(5, 1, 10), "quantile"),
    ],
)
def test_prices_are_learned_by_their_logarithm(tmp_path, values, scaling):
    rows = written(tmp_path / "t.csv", ["price", "b"], [(f"{value:.3f}", place) for place, value in enumerate(values)])
    _, targets = infer(rows, ["price"])
    assert targets["price"].scaling == scaling
    inputs, _ = infer(rows, ["b"])
    assert inputs["price"].scaling == "quantile"


def test_row_numbers_are_no_input_unless_asked_for(tmp_path):
    cells = [[str(1000 + n), f"word{n % 3}", str(1900 + n), "ab"[n % 2]] for n in range(60)]
    rows = written(tmp_path / "t.csv", ["row_id", "kind", "year", "y"], cells)
    assert kinds(rows, ["y"])["row_id"] == "identifier" and kinds(rows, ["y"])["year"] == "Number"
    assert kinds(rows, ["row_id"])["row_id"] == "Number"
    assert set(infer(rows, ["y"])[0]) == {"kind", "year"}
    assert isinstance(infer(rows, ["y"], inputs=["row_id"])[0]["row_id"], Number)


def test_series_in_files_of_text(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.csv").write_text("1,2\n3,4\n")
    rows = written(tmp_path / "t.csv", ["walk", "y"], [[f"{n}.csv", "ab"[n % 2]] for n in range(4)])
    assert kinds(rows, ["y"]) == {"walk": "TimeSeries", "y": "Category"}
