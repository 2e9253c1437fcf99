"""Answers that would bear one name are refused before anything is learned."""

import json

import pandas as pd
import pytest

from data_pipelines import Category, Number, Pipeline, Tags, TimeSeries, read_table
from data_pipelines.infer import infer
from data_pipelines.naming import plain_name
from data_pipelines.pipeline_names import check_answers


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (
            {"rain": Number()},
            {"rain_present": Category()},
            r"the target 'rain_present', and 'rain_present' that says whether 'rain' is there\. Do: rename the column, "
            r"or targets=\{'rain_present_2': Category\(column='rain_present'\)\}",
        ),
        (
            {"a": Number()},
            {"y_probability": Number(), "y": Category()},
            r"and 'y_probability' that belongs to the target 'y'\. Do: .*'y_probability_2': Number\(column='y_proba",
        ),
        (
            {"a": Number()},
            {"y": Tags(), "y_probabilities": Number()},
            "'y_probabilities' that belongs to the target 'y'",
        ),
        ({"a": Number()}, {"y": TimeSeries(), "y_quantiles": Number()}, "'y_quantiles' that belongs to the target 'y'"),
        (
            {"u96e8": Number(column="雨")},
            {plain_name("雨_present"): Category(column="雨_present")},
            "the target '雨_present', and '雨_present' that says whether '雨' is there",
        ),
    ],
)
def test_answers_that_would_meet(inputs, targets, said):
    with pytest.raises(ValueError, match=f"Pipeline: every answer must have a name of its own. Received: .*{said}"):
        Pipeline(inputs, targets)


def test_the_rename_that_is_proposed_works():
    Pipeline({"rain": Number()}, {"rain_present_2": Category(column="rain_present")})
    Pipeline({"y_probability": Number(), "y_probabilities": Number()}, {"y": Category()})


def test_tables_are_refused_at_once_and_pipelines_of_old_are_not(tmp_path):
    rows = read_table(pd.DataFrame({"rain": [0.5, 1.5, 2.5], "rain_present": ["no", "yes", "no"]}))
    with pytest.raises(ValueError, match="every answer must have a name of its own"):
        Pipeline(*infer(rows, ["rain_present"]))
    Pipeline({"rain": Number()}, {"other": Category(column="rain_present")}).adapt(rows).save(tmp_path / "pipe.json")
    saved = json.loads((tmp_path / "pipe.json").read_text())
    saved["targets"] = {"rain_present": {**saved["targets"]["other"]}}
    (tmp_path / "pipe.json").write_text(json.dumps(saved))
    pipe = Pipeline.load(tmp_path / "pipe.json")
    assert list(pipe.targets) == ["rain_present"]
    with pytest.raises(ValueError, match="every answer must have a name of its own"):
        check_answers(pipe.inputs, pipe.targets)
