"""A recipe is a table and choices: `mm.train` does what the recipes once wrote themselves."""

import keras
import numpy as np
import pytest

import mmkeras as mm
from data_pipelines import Pipeline
from mmkeras.recipes.recipes import recipes
from mmkeras.training import run

SEED, EPOCHS = 3, 1


def by_hand(recipe, folder, only, refit):
    """The model of a recipe, with schedule, compile and fit written out."""
    keras.utils.set_random_seed(SEED)
    rows = recipe.rows()
    learned, judged = (rows["train"].union(rows["val"]), None) if refit else (rows["train"], rows["val"])
    inputs = {name: modality for name, modality in recipe.inputs().items() if name in only}
    pipe = Pipeline(inputs, recipe.targets()).adapt(learned)
    options = recipe.parts(pipe.spec)
    options["encoders"] = {name: part for name, part in options["encoders"].items() if name in inputs}
    model = mm.build(pipe.spec, **options)
    steps = EPOCHS * -(-len(learned) // recipe.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20, steps, warmup_target=recipe.learning_rate, warmup_steps=steps // 10
    )
    names = ("weight_decay", "label_smoothing", "clipnorm", "ema_momentum")
    mm.compile(model, pipe.spec, learning_rate=rate, **{name: getattr(recipe, name) for name in names})
    keep = "last" if recipe.ema_momentum else "best"
    options = {"keep": keep, "batch_size": recipe.batch_size, "seed": SEED, "verbose": 0}
    return run.fit(model, pipe, learned, judged, folder, EPOCHS, **options)


@pytest.mark.parametrize(("ema_momentum", "refit"), [(0.995, False), (None, False), (None, True)])
def test_weights_are_those_of_schedule_compile_and_fit_by_hand(tmp_path, ema_momentum, refit):
    recipe, only = recipes()["clipart"], ["numbers", "creator"]
    recipe.ema_momentum = ema_momentum
    expected = by_hand(recipe, tmp_path / "hand", only, refit)
    model, pipe, rows = recipe.train(tmp_path / "run", SEED, only, EPOCHS, refit, verbose=0)
    for weight, old in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weight, old, rtol=1e-4, atol=1e-6)
    assert list(pipe.inputs) == only and set(rows) == {"train", "val", "test"}
    loaded, _ = run.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
