"""Texts from rows: the same in process, after saving and from a SavedModel; none of it sees a label."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_table import model_for, served, write_table

import mmkeras as mm
from data_pipelines import Category, Image, Number, Pipeline, Text
from mmkeras.models.generator import generating_decoders, shown

OPTIONS = {"beams": 2}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(model, pipeline, rows) that has learned the stories by heart."""
    rows = write_table(tmp_path_factory.mktemp("tiny"))
    inputs = {"photo": Image(8), "age": Number(), "maker": Category()}
    targets = {"story": Text(max_tokens=5), "kind": Category()}
    pipe = Pipeline(inputs, targets, on_bad="mask").adapt(rows)
    keras.utils.set_random_seed(0)
    model = mm.compile(mm.build(pipe.spec, dim=32, modality_dropout=0.0), pipe.spec, learning_rate=5e-3)
    model.fit(pipe.batches(rows, 12, training=True, cache=True), epochs=120, shuffle=False, verbose=0)
    return model, pipe, rows


STORIES = [f"a {('cat', 'dog', 'fish')[place % 3]} number {place}" for place in range(12)]
KNOWN = [place for place in range(12) if place not in (2, 4)]


def test_stories_are_told_again(told):
    model, pipe, rows = told
    answers = mm.generate(model, pipe, rows, "story")
    assert [answers[place] for place in KNOWN] == [STORIES[place] for place in KNOWN]
    assert mm.generate(model, pipe, rows, "story", batch_size=5, **OPTIONS)[:2] == STORIES[:2]


@pytest.mark.parametrize("decoder", ["TextTransformerDecoder", "TextLSTMDecoder", "CTCAttentionDecoder"])
def test_one_row_alone_is_told_as_among_others(told, decoder):
    rows = told[2].take(3)
    pipe = Pipeline({"story": Text()}, {"said": Text(column="story", max_tokens=4)}).adapt(rows)
    model = mm.build(pipe.spec, dim=8, decoders={"said": decoder})
    among, alone = (mm.generate(model, pipe, rows, "said", batch_size=size) for size in (3, 1))
    assert alone == among and any(among)


def test_evaluate_judges_what_is_generated(told):
    model, pipe, rows = told
    scores = mm.evaluate(model, pipe, rows)["targets"]
    assert scores["story"]["exact_match"] == 1.0
    assert scores["story"]["bleu"] == pytest.approx(100.0)
    assert scores["kind"]["accuracy"] == 1.0


def test_no_label_is_seen(told):
    """The rows without their stories give the same."""
    model, pipe, rows = told
    answers = mm.generate(model, pipe, rows, "story")
    (predicted,) = mm.predict(model, pipe, rows)
    assert predicted["story"].tolist() == answers
    assert set(mm.generator(model).input) == {n + end for n in ("photo", "age", "maker") for end in ("", "_mask")}


def test_drawing_goes_on_from_batch_to_batch(told):
    model, pipe, rows = told
    options = {"temperature": 3.0, "batch_size": 1}
    first = mm.generate(model, pipe, rows, "story", seed=1, **options)
    assert mm.generate(model, pipe, rows, "story", seed=1, **options) == first
    assert mm.generate(model, pipe, rows, "story", seed=2, **options) != first
    # Row 4 has nothing at all, so it is what the draw makes of it; so does a table of such rows.
    x = {name: np.zeros_like(value) for name, value in next(iter(pipe.batches(rows, 1)))[0].items()}
    speaking = mm.generator(model, {"story": {"temperature": 3.0}})
    drawn = []
    for _ in range(5):
        drawn.append(np.asarray(speaking.predict_on_batch(shown(x, pipe.targets))["story"]).tolist())
        for layer in speaking.layers:
            if hasattr(layer, "draw_on"):
                layer.draw_on()
    assert len({str(ids) for ids in drawn}) > 1


def test_of_several_candidates_the_preferred_one_is_kept(told):
    model, pipe, rows = told
    options = {"temperature": 3.0, "seed": 1}
    seen, done = [], []

    def longest(answers, asked):
        assert asked is rows
        seen.append(list(answers))
        return [np.nan if place == 0 and len(seen) == 1 else len(answer) for place, answer in enumerate(answers)]

    told = mm.generate(model, pipe, rows, "story", candidates=3, prefer=longest, progress=done.append, **options)
    assert len(seen) == 3 and len({str(answers) for answers in seen}) == 3 and done[-1] == len(rows)
    assert seen[0] == mm.generate(model, pipe, rows, "story", **options)
    assert told[1:] == [max(each, key=len) for each in zip(*seen, strict=True)][1:]
    assert told[0] == max((answers[0] for answers in seen[1:]), key=len)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 0}, "candidates must be > 0"),
        ({"candidates": 2}, "must tell which of several is best"),
        ({"candidates": 2, "prefer": lambda answers, rows: 1.0}, "a merit for each row"),
    ],
)
def test_candidates_need_a_judge(told, options, message):
    with pytest.raises(ValueError, match=message):
        mm.generate(*told, "story", **options)


@pytest.mark.parametrize("options", [{}, OPTIONS, {"temperature": 1.0, "top_p": 0.9}], ids=str)
def test_a_saved_model_says_the_same(told, tmp_path, options):
    model, pipe, rows = told
    (wanted,) = mm.predict(model, pipe, rows, generate={"story": options}, seed=3)
    mm.export(model, pipe, tmp_path / "served", generate={"story": options}, seed=3)
    serve = tf.saved_model.load(tmp_path / "served").signatures["serving_default"]
    cells = {name: tf.constant(served()[name]) for name in ("photo", "age", "maker")}
    answers = serve(**cells)
    assert [text.decode() for text in answers["story"].numpy()] == wanted["story"].tolist()
    assert [text.decode() for text in answers["kind"].numpy()] == wanted["kind"].tolist()


def test_keras_files_tell_the_same(told, tmp_path):
    model, pipe, rows = told
    wanted = mm.generate(model, pipe, rows, "story")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert mm.generate(loaded, pipe, rows, "story") == wanted
    mm.generator(model, {"story": OPTIONS}).save(tmp_path / "generator.keras")
    speaking = keras.saving.load_model(tmp_path / "generator.keras", safe_mode=True)
    x = next(iter(pipe.batches(rows, 12, with_targets=False)))
    texts = pipe.write(speaking.predict_on_batch(x))["story"].numpy()
    assert [text.decode() for text in texts] == mm.generate(model, pipe, rows, "story", **OPTIONS)


def test_rows_without_a_story_teach_nothing(told):
    model, pipe, rows = told
    x, y, w = next(iter(pipe.batches(rows, 12)))
    assert w["story"].numpy()[2] == 0
    # Whatever stands there, the loss is the same.
    spoiled = {**y, "story": np.where(w["story"].numpy()[:, None] == 0, 3, y["story"])}
    bare = model.evaluate(x, y, sample_weight=w, verbose=0, return_dict=True)["kind_loss"]
    assert model.evaluate(x, spoiled, sample_weight=w, verbose=0, return_dict=True)["kind_loss"] == pytest.approx(bare)


def test_models_without_such_targets_stay_themselves(told):
    _, pipe, rows = told
    plain = Pipeline(pipe.inputs, {"kind": Category()}, on_bad="mask").adapt(rows)
    model = model_for(plain)
    assert mm.generator(model) is model
    assert generating_decoders(model) == {}
    with pytest.raises(ValueError, match=r"options must name targets.*\['kind'\]"):
        mm.generator(model, {"kind": {}})


def test_a_target_that_is_not_generated(told):
    model, pipe, rows = told
    with pytest.raises(ValueError, match=r"target must be generated. Received: target='kind'. Do: of \['story'\]"):
        mm.generate(model, pipe, rows, "kind")


def test_an_input_may_be_called_a_target(told):
    """Only labels of the targets that there are go; `age_target` is a column like another."""
    _, _, rows = told
    named = Pipeline({"age_target": Number(column="age")}, {"story": Text(max_tokens=5)}, on_bad="mask").adapt(rows)
    model = mm.build(named.spec, dim=8)
    assert set(mm.generator(model).input) == {"age_target", "age_target_mask"}
    assert len(mm.generate(model, named, rows, "story")) == len(rows)
