import keras
import numpy as np
from reference import dense, layer_norm, normal, shake, to_numpy, weights

import mmkeras as mm
from data_pipelines.field_spec import FieldSpec, LabelSpec
from mmkeras.fusions import LateFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def test_each_modality_gives_a_token_of_its_own():
    layer = LateFusion()
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    for place, real in enumerate((TOKENS["image"][0, :3], TOKENS["text"][0, :2])):
        alone = dense(layer_norm(real.mean(0), w, f"norm_{place}"), w, f"values/dense_{place}")
        np.testing.assert_allclose(given[0, place], alone, atol=1e-5)
    np.testing.assert_array_equal(given[1, 1], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True, True], [True, False], [False, False]])


def spec():
    numbers = FieldSpec("Number", (2,), mask_shape=(2,), label=LabelSpec((1,)))
    return {
        "inputs": {"a": numbers, "b": numbers},
        "targets": {
            "kind": FieldSpec("Category", (), label=LabelSpec((), "int32"), details={"classes": list("xyz")}),
            "price": numbers,
        },
    }


def test_build_pairs_it_with_its_decoder():
    model = mm.build(spec(), fusion="LateFusion", dim=8)
    assert isinstance(model.get_layer("kind"), mm.decoders.LateCategoryDecoder)
    assert isinstance(model.get_layer("price"), mm.decoders.NumberDecoder)
    plain = mm.build(spec(), fusion="LateFusion", decoders={"kind": "CategoryDecoder"}, dim=8)
    assert type(plain.get_layer("kind")) is mm.decoders.CategoryDecoder
    assert type(mm.build(spec(), fusion="SumFusion", dim=8).get_layer("kind")) is mm.decoders.CategoryDecoder


def test_with_a_product_the_log_odds_of_modalities_add_up():
    model = mm.build(spec(), fusion="LateFusion", dim=8)
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + random.normal(scale=0.3, size=weight.shape).astype("float32"))
    x = {"a": normal(1, 2), "b": normal(1, 2, seed=1), "a_mask": np.ones((1, 2), bool), "b_mask": np.ones((1, 2), bool)}

    def log(*hidden):
        shown = {**x, **{f"{name}_mask": np.zeros((1, 2), bool) for name in hidden}}
        said = np.log(keras.ops.convert_to_numpy(model(shown)["kind"]))[0]
        return said - said.mean()

    np.testing.assert_allclose(log() + log("a", "b"), log("a") + log("b"), atol=1e-5)
