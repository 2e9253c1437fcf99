import pandas
import pytest
from training_rows import frame

from data_pipelines import read_table
from mmkeras.training.row_parts import hashed_columns, row_parts


def counts(rows, **others):
    return {part: len(found) for part, found in row_parts(rows, **others).items()}


def named(*parts):
    return read_table(frame(len(parts)).assign(part=parts))


def held(parts):
    return {part: set(rows.values("x")) for part, rows in parts.items()}


def test_a_column_names_the_parts():
    assert counts(named(*["train"] * 5, *["dev"] * 2, *["test"] * 3)) == {"train": 5, "val": 2, "test": 3}
    both = row_parts(named(*["train"] * 5, *["valid"] * 2))
    assert both["test"] is both["val"] and "the rows that choose the epochs judge as well" in both.remarks[0]


def test_epochs_are_not_chosen_on_test_rows():
    rows = named(*["train"] * 30, *["test"] * 10)
    parts = row_parts(rows)
    assert len(parts["test"]) == 10 and len(parts["train"]) + len(parts["val"]) == 30 and len(parts["val"]) > 0
    assert set(parts["val"].values("part")) == {"train"}
    assert "no rows are named to choose by: a tenth of the training rows is, by a hash of 'x'" in parts.remarks
    assert len(row_parts(named("train", "train", "test"))["val"]) == 1


@pytest.mark.parametrize("words", [("train ", "Validation", "hold-out"), (" TRAINING", "development", "Holdout")])
def test_words_are_known_however_they_are_written(words):
    parts = [words[0]] * 5 + [words[1]] * 2 + [words[2]] * 3
    assert counts(named(*parts)) == {"train": 5, "val": 2, "test": 3}


def test_rows_of_no_part_are_left_out_and_told():
    parts = row_parts(named(*["train"] * 50, *["val"] * 5, *["test"] * 5, "", "extra"))
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 50, "val": 5, "test": 5}
    assert parts.remarks == ["rows of no part in 'part' are left out: 1 '', 1 'extra'"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["train", "bus", "car", "tram"] * 10, "too many cells say something else, such as 'bus'"),
        (["val", "test"] * 20, "no cell says train"),
    ],
)
def test_a_column_that_is_not_used_is_told(cells, reason):
    parts = row_parts(named(*cells))
    assert sum(map(len, parts.values())) == 40
    assert f"column 'part' is not used to part the rows: {reason}" in parts.remarks


def test_a_column_of_other_words_is_not_spoken_of():
    assert not any("not used" in remark for remark in row_parts(named(*"ab" * 50)).remarks)


def test_the_order_of_rows_makes_no_difference():
    words = ["test"] * 5500 + ["train"] * 500 + ["val"] * 100
    assert counts(named(*words)) == {"train": 500, "val": 100, "test": 5500}
    table = frame(300)
    parts, turned = row_parts(read_table(table)), row_parts(read_table(table[::-1]))
    assert held(parts) == held(turned)


def test_a_column_more_changes_no_part():
    table = frame(300)
    parts, more = row_parts(read_table(table)), row_parts(read_table(table.assign(later=range(300))))
    assert held(parts) == held(more)
    assert "a tenth of the rows chooses, a tenth judges, by a hash of 'x', 'word'" in parts.remarks


def test_as_many_columns_are_hashed_as_tell_rows_apart():
    table = pandas.DataFrame({"a": [k % 5 for k in range(100)], "b": [k // 5 for k in range(100)], "c": range(100)})
    assert hashed_columns(read_table(table)) == ["a", "b"]
    assert hashed_columns(read_table(table[["a"]])) == ["a"]


def test_groups_stay_together():
    table = frame(300).assign(owner=[f"o{k % 30}" for k in range(300)])
    parts = row_parts(read_table(table), by="owner")
    owners = [set(rows.values("owner")) for rows in parts.values()]
    assert sum(map(len, owners)) == 30 == len(set.union(*owners))
    assert "by a hash of 'owner'" in parts.remarks[0]
    with pytest.raises(ValueError, match=r"a column must be in the table. Received: column='nobody'"):
        row_parts(read_table(table), by="nobody")


def test_tables_of_their_own_come_first():
    rows, other, third = (read_table(frame(count, seed=count)) for count in (100, 20, 10))
    assert counts(rows, validation=other, test=third) == {"train": 100, "val": 20, "test": 10}
    assert counts(rows, validation=other) == {"train": 100, "val": 20, "test": 20}
    shared = counts(rows, test=third)
    assert shared["test"] == 10 and shared["train"] + shared["val"] == 100 and 0 < shared["val"] < 30
    split = named(*["train"] * 30, *["test"] * 3)
    assert counts(split, validation=other) == {"train": 30, "val": 20, "test": 3}


def test_a_part_without_rows_is_told():
    with pytest.raises(ValueError, match=r"every part must have rows. Received: no val rows out of 40"):
        row_parts(read_table(frame(40)), validation=read_table(frame(9)).where(kind="neither"))
