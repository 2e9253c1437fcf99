"""Texts as targets: ids that end, shown to the model, and texts again."""

import numpy as np
import pandas
import pytest

from data_pipelines import Audio, Image, Number, Pipeline, Text, TimeSeries, read_table
from data_pipelines.field_spec import LabelSpec

TEXTS = ["a red cat", "", "two  Dogs, one cat!", "a red bird"]


def text_target(rows=TEXTS, **options):
    pipe = Pipeline({"size": Number()}, {"said": Text(**options)})
    table = read_table(pandas.DataFrame({"size": range(len(rows)), "said": rows}))
    return pipe.adapt(table), table


def test_a_target_ends_and_is_shown_to_the_model():
    pipe, rows = text_target()
    x, y, w = next(iter(pipe.batches(rows, 4)))
    facts = pipe.spec["targets"]["said"]
    end = facts["vocabulary_size"] - 1
    said = pipe.targets["said"]
    assert end == len(said.vocabulary) + 2
    np.testing.assert_array_equal(w["said"], [1, 0, 1, 1])
    label = y["said"].numpy()
    assert [row[row > 0].tolist()[-1] if row.any() else None for row in label] == [end, None, end, end]
    assert [said.tokens(row[(row > 0) & (row != end)]) for row in label] == [
        ["a", "red", "cat"],
        [],
        ["two", "dogs", ",", "one", "cat", "!"],
        ["a", "red", "bird"],
    ]
    np.testing.assert_array_equal(x["said_target"], label)
    np.testing.assert_array_equal(x["said_target_mask"], label > 0)
    assert facts.label == LabelSpec((None,), "int32", (None,), 129, as_input=True)


def test_labels_are_written_as_texts_again():
    pipe, rows = text_target(["a red cat", "", "I don't know, Ann.", "我有2只cat。"], lower=False)
    _, y, _ = next(iter(pipe.batches(rows, 4)))
    assert pipe.targets["said"].units(y["said"]).tolist() == ["a red cat", "", "I don't know, Ann.", "我有2只cat。"]
    assert pipe.write({"said": y["said"]})["said"].numpy()[3].decode() == "我有2只cat。"


def test_an_unknown_token_is_no_empty_one():
    pipe, _ = text_target(min_count=2)
    other = read_table(pandas.DataFrame({"size": [0], "said": ["a blue cat"]}))
    _, y, _ = next(iter(pipe.batches(other, 1)))
    assert pipe.targets["said"].units(y["said"]).tolist() == ["a \ufffd cat"]


def test_a_long_target_is_cut_and_closed():
    pipe, rows = text_target(max_tokens=2)
    _, y, _ = next(iter(pipe.batches(rows, 4)))
    end = pipe.spec["targets"]["said"]["vocabulary_size"] - 1
    assert y["said"].shape == (4, 3)
    np.testing.assert_array_equal(y["said"][:, 2], [end, 0, end, end])
    assert pipe.targets["said"].remark == "3 of 3 texts cut, the longest has 6 tokens"


@pytest.mark.parametrize("options", [{"cache": True}, {"cache": True, "training": True}, {"training": True}])
def test_labels_stay_with_their_rows(options):
    pipe, rows = text_target()
    for _ in range(2):
        batches = list(pipe.batches(rows, 3, **options))
        found = {}
        for x, y, _ in batches:
            np.testing.assert_array_equal(x["said_target"], y["said"])
            np.testing.assert_array_equal(x["said_target_mask"], y["said"].numpy() > 0)
            sizes = np.rint(pipe.inputs["size"].units(x["size"].numpy()).ravel()).astype(int)
            found.update(zip(sizes.tolist(), pipe.targets["said"].units(y["said"]).tolist(), strict=True))
        assert [found[place] for place in range(4)] == ["a red cat", "", "two dogs, one cat!", "a red bird"]


def test_labels_of_one_shape():
    pipe, rows = text_target(max_tokens=9)
    for x, y, _ in pipe.batches(rows, 2, training=True, static_shapes=True):
        assert y["said"].shape == x["said_target"].shape == x["said_target_mask"].shape == (2, 10)


def test_letter_groups_are_no_target():
    with pytest.raises(ValueError, match=r"the tokens of a target must make up the text.*split='ngram'"):
        text_target(split="ngram")


def test_a_name_with_target_behind():
    with pytest.raises(ValueError, match="'said' and 'said_target'"):
        Pipeline({"said_target": Number()}, {"said": Text()})


def test_a_text_that_no_row_has():
    with pytest.raises(ValueError, match='Text "said": some training row must have the target'):
        text_target(["", " ", ""])


@pytest.mark.parametrize("modality", [Image(8), Audio(), TimeSeries()], ids=lambda m: type(m).__name__)
def test_media_that_no_row_has(modality):
    rows = read_table(pandas.DataFrame({"size": [1, 2], "made": ["", " "]}))
    with pytest.raises(ValueError, match=r"some training row|number in some training row"):
        Pipeline({"size": Number()}, {"made": modality}).adapt(rows)
