import pytest
from training_rows import frame

from data_pipelines import read_table
from mmkeras.training.row_parts import row_parts


def counts(rows, **others):
    return {part: len(found) for part, found in row_parts(rows, **others).items()}


def named(*parts):
    return read_table(frame(len(parts)).assign(part=parts))


def test_a_column_names_the_parts():
    assert counts(named(*["train"] * 5, *["dev"] * 2, *["test"] * 3)) == {"train": 5, "val": 2, "test": 3}
    assert counts(named(*["train"] * 5, *["test"] * 3)) == {"train": 5, "val": 3, "test": 3}
    both = row_parts(named(*["train"] * 5, *["valid"] * 2))
    assert both["test"] is both["val"]


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
