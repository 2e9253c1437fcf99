"""Names that Keras takes, made of columns, and the columns again."""

import pytest

from data_pipelines.naming import plain_name, plain_names, title_of

PLAIN = {
    "price": "price",
    "unit price": "unit_20_price",
    "价格": "u4ef7_683c",
    "_": "u5f",
    " a": "u20_a",
    "face_mask": "face_mask_",
    "face mask": "face_20_mask_",
}


@pytest.mark.parametrize(("column", "name"), PLAIN.items())
def test_a_name_and_its_column_stand_for_each_other(column, name):
    assert plain_name(column) == plain_name(name) == name
    assert title_of(name, column) == column
    assert title_of("other", column) == "other" and title_of(name, None) == name


def test_names_of_dicts_and_lists():
    assert plain_names({"价格": 1, "price": 2}) == {"u4ef7_683c": 1, "price": 2}
    assert plain_names(["价格"]) == ("u4ef7_683c",) and plain_names(()) == () and plain_names(None) is None
