"""What a model must know of an input or a target, typed, and in JSON."""

import dataclasses
import json
import re

import pytest

from data_pipelines import Audio, Category, Image, Number, Text
from data_pipelines.field_spec import FieldSpec, LabelSpec, spec_from_json, spec_json


@pytest.mark.parametrize(
    "field", [Image(8).spec(), Text().spec(), Audio().target_spec(), Number().target_spec()], ids=str
)
def test_json_and_back(field):
    assert FieldSpec.from_json(json.loads(json.dumps(field.to_json()))) == field


def test_it_cannot_be_changed():
    field = Image(8).spec()
    with pytest.raises(dataclasses.FrozenInstanceError):
        field.shape = (9, 9, 3)
    with pytest.raises(TypeError):
        field.details["num_classes"] = 3


def test_a_detail_that_is_not_there():
    rule = "FieldSpec: Image has no such detail. Received: 'classes'. Do: of []."
    with pytest.raises(KeyError, match=re.escape(rule)):
        Image(8).spec()["classes"]


def test_labels():
    category = Category()
    category.set_state({"classes": ["a", "b"], "counts": {}})
    assert category.target_spec().label == LabelSpec((), "int32")
    assert Number().target_spec().label == LabelSpec((1,))
    assert Image(8).target_spec().label == LabelSpec((8, 8, 3), as_input=True)
    assert Image(8).spec().label is None


def test_spec_json():
    spec = {"inputs": {"photo": Image(8).spec()}, "targets": {}}
    assert spec_json(spec)["inputs"]["photo"]["shape"] == [8, 8, 3]
    assert spec_from_json(json.loads(json.dumps(spec_json(spec)))) == spec
