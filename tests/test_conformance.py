"""Every encoder, fusion, decoder, layer and loss keeps the nine promises; the ninth is in test_backends.py."""

import inspect
import json

import keras
import numpy as np
import pytest
from component_cases import SINGLE, array, cases, components

CASES = cases("layers", "encoders", "fusions", "decoders")
TOKENS = [case for case in CASES if case.folder in ("encoders", "fusions")]
GENERATING = [case for case in CASES if hasattr(case.cls, "generate")]
LOSSES = list(components("losses").values())
# Layers that the sweep cannot call, each with the test that keeps its promises.
TESTED_ALONE = {
    "AnswerMean": "it takes a list of answers: mmkeras/models/test_ensemble.py",
    "ModalityDropout": "it takes and gives masks: mmkeras/layers/test_modality_dropout.py",
}
# Layers whose last axis is time, which may be open.
OPEN_ENDED = {"GriffinLim", "NeuralVocoder"}
# JAX spends a minute on compiling each; bfloat16 is what it is used with.
MIXED = ["mixed_bfloat16", "mixed_float16"] if keras.backend.backend() == "tensorflow" else ["mixed_bfloat16"]

on_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="SavedModel and XLA of TensorFlow")


def sweep(chosen=CASES):
    return pytest.mark.parametrize("case", chosen, ids=repr)


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("folder", ["layers", "encoders", "fusions", "decoders", "losses"])
def test_every_component_has_an_example(folder):
    found = components(folder)
    assert found
    lacking = {name for name, cls in found.items() if not hasattr(cls, "example")}
    known = set(TESTED_ALONE) & set(found)
    assert lacking == known, f"give these an example(), for the sweep: {sorted(lacking - known)}"


def test_exceptions_are_not_stale():
    assert set(TESTED_ALONE) <= set(components("layers"))


# 1. config, .keras


@sweep()
def test_1_config_survives_json(case):
    layer = case.make()
    config = layer.get_config()
    copied = json.loads(json.dumps(config))
    assert copied == config
    assert type(layer).from_config(copied).get_config() == config
    case.run(layer, case.inputs(), case.masks())
    assert layer.get_config() == config


@sweep()
def test_1_keras_file_is_bit_equal(case, tmp_path):
    model, batch = case.model(case.make()), case.batch()
    before = model.predict_on_batch(batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict_on_batch(batch), before)


# 2. shapes, rows


@sweep()
def test_2_declared_shape_is_the_real_one(case):
    layer = case.layer
    for longer in (0, 1, 2) if case.can_grow else (0,):
        real = case.run(layer, case.inputs(longer=longer)).shape
        assert case.output_shape(layer, case.declared(6, longer=longer)) == real
        assert case.output_shape(layer, case.declared(longer=longer)) == (None, *real[1:])
    free = case.output_shape(layer, case.declared(free=True))
    symbolic = case.model(case.make()).output
    assert tuple(symbolic.shape) == free
    assert len(free) == len(real)
    assert all(size in (None, same) for size, same in zip(free, real, strict=True))
    assert free[-1] in ((None, real[-1]) if case.cls.__name__ in OPEN_ENDED else (real[-1],))


@sweep()
def test_2_a_row_does_not_depend_on_its_batch(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    together = case.run(layer, inputs, masks)
    for row in range(6):
        alone = case.run(layer, *({name: v[row : row + 1] for name, v in part.items()} for part in (inputs, masks)))
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


@sweep()
def test_2_no_mask_means_all_real(case):
    layer, inputs = case.layer, case.inputs()
    bare, masked = case.run(layer, inputs), case.run(layer, inputs, case.full_masks())
    np.testing.assert_allclose(bare, masked, atol=1e-6)
    symbolic = case.call(case.make(), {n: keras.Input(v.shape[1:], dtype=str(v.dtype)) for n, v in inputs.items()})
    assert symbolic.shape[1:] == bare.shape[1:]


# 3. padding


@sweep([case for case in CASES if case.can_grow])
@pytest.mark.parametrize("start", [0, 1], ids=["odd", "even"])
def test_3_padding_changes_nothing(case, start):
    layer = case.layer
    inputs, masks = case.inputs(longer=start), case.masks(longer=start)
    bare = case.real(layer, inputs, masks)
    for longer in (1, 2):
        for garbage in case.garbage():
            padded, shown = {}, {}
            for name, values in inputs.items():
                end = [(0, 0), (0, longer)] + [(0, 0)] * (values.ndim - 2)
                padded[name] = np.pad(values, end)
                shown[name] = np.pad(masks[name], end[:2])
            padded = case.spoiled(padded, shown, garbage)
            for row, same in zip(bare, case.real(layer, padded, shown), strict=True):
                np.testing.assert_allclose(same, row, atol=2e-6)


@sweep([case for case in CASES if case.can_grow and case.folder != "fusions"])
def test_3_a_padded_row_is_the_row_cut_short(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    for row, padded in enumerate(case.real(layer, inputs, masks)):
        length = int(masks[SINGLE][row].sum())
        if length < getattr(layer, "frame", 1):
            continue
        cut = case.run(layer, {SINGLE: inputs[SINGLE][row : row + 1, :length]})[0]
        np.testing.assert_allclose(cut, padded, atol=2e-6)


# 4. absence


@sweep()
def test_4_what_stands_under_a_mask_changes_nothing(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    bare = case.run(layer, inputs, masks)
    assert np.isfinite(bare).all()
    for garbage in case.garbage():
        np.testing.assert_array_equal(case.run(layer, case.spoiled(inputs, masks, garbage), masks), bare)


@sweep()
def test_4_nothing_at_all_is_finite(case):
    layer = case.layer
    absent = {name: np.zeros_like(mask) for name, mask in case.masks().items()}
    for garbage in case.garbage():
        inputs = case.spoiled(case.inputs(), absent, garbage)
        for training in (False, True):
            assert np.isfinite(case.run(layer, inputs, absent, training=training) if trains(case) else 0.0).all()


@sweep(TOKENS)
def test_4_masked_tokens_are_zero(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    tokens, mask = case.run(layer, inputs, masks), case.mask_of(layer, inputs, masks)
    assert mask.dtype == bool
    assert mask.shape == tokens.shape[:2]
    assert not mask[-1].any()
    assert mask[0].any()
    np.testing.assert_array_equal(tokens[~mask], 0.0)
    assert np.abs(tokens[mask]).sum() > 0


@sweep([case for case in CASES if case.folder == "fusions"])
def test_4_each_modality_absent_in_turn(case):
    layer, inputs = case.layer, case.inputs()
    for name in inputs:
        masks = {**case.full_masks(), name: np.zeros_like(case.masks()[name])}
        bare = case.run(layer, inputs, masks)
        assert np.isfinite(bare).all()
        assert case.mask_of(layer, inputs, masks).any(1).all()
        np.testing.assert_array_equal(case.run(layer, case.spoiled(inputs, masks, np.nan), masks), bare)
        assert not np.array_equal(bare, case.run(layer, inputs, case.full_masks()))


@sweep()
def test_4_a_mask_goes_by_name(case):
    """Keras does not pass on a mask given by position: what follows would take all tokens for real."""
    assert inspect.signature(case.cls.call).parameters["mask"].kind is inspect.Parameter.KEYWORD_ONLY


# 4. what tokens look at

ATTENDING = [case for case in CASES if hasattr(case.cls, "attention_scores") and case.folder == "fusions"]


@sweep([case for case in CASES if case.folder == "fusions"])
def test_every_fusion_that_attends_gives_its_scores(case):
    assert hasattr(case.cls, "attention_scores") == ("num_heads" in case.make().get_config())


@sweep(ATTENDING)
def test_4_scores_add_up_to_one_over_what_is_real(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    found = scores(case, layer, inputs, masks)
    heads = layer.num_heads
    nodes = max(last for _, last in found["places"].values())
    absent = np.zeros((6, nodes), bool)
    for name, mask in masks.items():
        first, last = found["places"][name]
        absent[:, first:last] = ~mask if last - first == mask.shape[1] else ~mask.any(1, keepdims=True)
    assert sorted(found["places"])[-len(inputs) :] == sorted(inputs)
    assert found["layers"]
    for weights in found["layers"]:
        assert weights.shape == (6, heads, nodes, nodes) and weights.dtype == "float32"
        total = weights.sum(-1)
        asks = total > 0.5
        assert asks.any()
        np.testing.assert_allclose(total, asks, atol=1e-5)
        np.testing.assert_array_equal(weights.swapaxes(1, 3)[absent], 0.0)
        np.testing.assert_array_equal(weights.swapaxes(1, 2)[absent], 0.0)
    for garbage in case.garbage():
        spoiled = scores(case, layer, case.spoiled(inputs, masks, garbage), masks)
        for weights, same in zip(found["layers"], spoiled["layers"], strict=True):
            np.testing.assert_array_equal(weights, same)


@sweep([case for case in ATTENDING if repr(case) != "GraphFusion"])
def test_4_what_nobody_looks_at_changes_nothing_and_the_rest_does(case):
    layer, inputs, masks = case.layer, case.inputs(), case.masks()
    found, bare = scores(case, layer, inputs, masks), case.run(layer, inputs, masks)
    reached = np.eye(found["layers"][0].shape[-1])[None]
    for weights in found["layers"]:
        reached = (np.eye(reached.shape[-1]) + weights.mean(1)) @ reached
    given = case.mask_of(layer, inputs, masks)
    for name, mask in masks.items():
        for place in range(mask.shape[1]):
            values = inputs[name].copy()
            values[:, place] += np.linspace(1, -2, values.shape[-1])
            moved = np.abs(case.run(layer, {**inputs, name: values}, masks) - bare).max(-1) > 0
            heard = reached[:, found["outputs"], found["places"][name][0] + place] > 0
            np.testing.assert_array_equal(moved, heard & given & mask[:, place, None])


def scores(case, layer, inputs, masks):
    """What a fusion's tokens look at, with the layers as arrays."""
    tensors = {name: keras.ops.convert_to_tensor(values) for name, values in inputs.items()}
    found = layer.attention_scores(tensors, {name: keras.ops.convert_to_tensor(mask) for name, mask in masks.items()})
    return {**found, "layers": [keras.ops.convert_to_numpy(weights) for weights in found["layers"]]}


# 5. order, seed


@sweep([case for case in CASES if case.folder == "fusions"])
def test_5_order_of_the_dict_is_nothing(case):
    inputs, masks = case.inputs(), case.masks()
    turned = [dict(reversed(part.items())) for part in (inputs, masks)]
    assert list(turned[0]) != list(inputs)
    given = []
    for parts in ((inputs, masks), turned):
        keras.utils.set_random_seed(1)
        given.append(case.run(case.make(), *parts))
    np.testing.assert_array_equal(*given)
    layer = case.layer
    np.testing.assert_array_equal(case.run(layer, *turned), case.run(layer, inputs, masks))


@sweep()
def test_5_a_seed_gives_the_same_again(case):
    given = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        layer = case.built()
        options = {"training": True} if trains(case) else {}
        given.append([*map(array, layer.trainable_weights), case.run(layer, case.inputs(), case.masks(), **options)])
    for first, second in zip(given[0], given[1], strict=True):
        np.testing.assert_array_equal(first, second)
    if trains(case) and case.make().get_config().get("dropout"):
        assert not np.array_equal(given[0][-1], given[2][-1])


# 6. gradients


@sweep()
def test_6_a_gradient_reaches_every_weight(case):
    layer = case.make()
    model, batch = case.model(layer), case.batch()
    batch = {**batch, **case.spoiled(case.inputs(), case.masks(), case.garbage()[-1])}
    if not layer.trainable_weights:
        pytest.skip("it has no weights")
    before = [array(weight) for weight in layer.trainable_weights]
    if case.cls.__name__ in OPEN_ENDED:  # Losses of Keras know no mask of single samples.
        model = keras.Model(model.input, model.output * 1.0)
    model.compile(keras.optimizers.SGD(1.0), loss(case, layer))
    assert np.isfinite(model.train_on_batch(batch, target(case, model)))
    for weight, old in zip(layer.trainable_weights, before, strict=True):
        assert np.isfinite(array(weight)).all(), weight.path
        assert np.abs(array(weight) - old).max() > 1e-6, weight.path


# 7. mixed precision


@sweep()
@pytest.mark.parametrize("policy", MIXED, indirect=True)
def test_7_mixed_precision(case, policy):
    layer = case.make()
    model, batch = case.model(layer), case.batch()
    assert {weight.dtype for weight in layer.weights if "seed" not in weight.path} <= {"float32"}
    wanted = "float32" if case.folder == "decoders" else layer.compute_dtype
    assert model.output.dtype == wanted
    raw = model.predict_on_batch(batch)
    assert keras.backend.standardize_dtype(raw.dtype) == wanted
    given = array(raw)
    assert np.isfinite(given).all()
    keras.config.set_dtype_policy("float32")
    exact = case.model(case.make())
    exact.set_weights(model.get_weights())
    np.testing.assert_allclose(given, exact.predict_on_batch(batch), atol=0.1, rtol=0.05)
    if case.folder == "decoders":
        value = loss(case, layer)(target(case, model), raw)
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        assert np.isfinite(array(value))


# 8. export, XLA


@on_tensorflow
@sweep()
def test_8_exported_gives_the_same(case, tmp_path):
    import tensorflow as tf

    model, batch = case.model(case.make()), case.batch()
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    served = loaded.serve(batch)
    np.testing.assert_allclose(array(served), model.predict_on_batch(batch), atol=1e-5)


@on_tensorflow
@sweep()
def test_8_compiled_gives_the_same(case):
    import tensorflow as tf

    model, batch = case.model(case.make()), case.batch()
    compiled = tf.function(lambda x: model(x, training=False), jit_compile=True)
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    np.testing.assert_allclose(array(compiled(tensors)), array(model(tensors, training=False)), atol=1e-5)


@on_tensorflow
@pytest.mark.slow
@sweep([case for case in CASES if case.folder == "fusions"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16"], indirect=True)
def test_8_a_step_in_bfloat16_under_xla(case, policy):
    layer = case.make()
    model, batch = case.model(layer), case.batch()
    answers = np.random.default_rng(1).normal(size=(6, *model.output.shape[2:])).astype("float32")
    told = keras.Model(model.inputs, keras.layers.GlobalAveragePooling1D(dtype="float32")(model.output * 1.0))
    told.compile(keras.optimizers.SGD(0.1), keras.losses.MeanSquaredError(), jit_compile=True)
    before = [array(weight) for weight in layer.trainable_weights]
    assert np.isfinite(told.train_on_batch(batch, answers))
    after = [array(weight) for weight in layer.trainable_weights]
    assert all(np.isfinite(weight).all() for weight in after)
    assert any(np.abs(new - old).max() > 0 for new, old in zip(after, before, strict=True))


# What decoders generate


def generated(case, layer, inputs, masks, seed=0):
    parts = (keras.ops.convert_to_tensor(values[SINGLE]) for values in (inputs, masks))
    return keras.ops.convert_to_numpy(layer.generate(*parts, seed=seed))


@sweep(GENERATING)
def test_2_what_is_generated_has_the_shape_declared(case):
    given = generated(case, case.layer, case.inputs(), case.masks())
    spec = case.layer.generated_spec(keras.KerasTensor(case.inputs()[SINGLE].shape))
    assert tuple(spec.shape) == given.shape
    assert spec.dtype == str(given.dtype)


@sweep(GENERATING)
def test_4_what_stands_under_a_mask_generates_nothing(case):
    inputs, masks = case.inputs(), case.masks()
    bare = generated(case, case.layer, inputs, masks)
    assert np.isfinite(bare).all()
    for garbage in case.garbage():
        np.testing.assert_array_equal(generated(case, case.layer, case.spoiled(inputs, masks, garbage), masks), bare)


@sweep(GENERATING)
def test_5_the_same_seed_generates_the_same(case):
    first, again = (generated(case, case.layer, case.inputs(), case.masks(), seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@on_tensorflow
@sweep(GENERATING)
def test_8_an_exported_generator_gives_the_same(case, tmp_path):
    import tensorflow as tf

    layer = case.layer
    names = {SINGLE: tf.TensorSpec([None, *case.shapes[SINGLE][0]]), "mask": tf.TensorSpec([None, None], tf.bool)}
    module = tf.Module()
    module.layer = layer
    module.serve = tf.function(lambda inputs, mask: layer.generate(inputs, mask, seed=3), list(names.values()))
    tf.saved_model.save(module, str(tmp_path))
    inputs, masks = case.inputs(), case.masks()
    loaded = tf.saved_model.load(str(tmp_path))
    served = loaded.serve(tf.constant(inputs[SINGLE]), tf.constant(masks[SINGLE]))
    # Griffin-Lim divides by small magnitudes: what rounds otherwise in a graph comes out larger.
    near = 1e-3 if layer.modality == "Audio" else 1e-4
    np.testing.assert_allclose(served, generated(case, layer, inputs, masks, seed=3), atol=near)


# Losses


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_1_loss_config_survives_json(cls):
    config = cls.example()[0].get_config()
    copied = json.loads(json.dumps(config))
    assert copied == config
    assert cls.from_config(copied).get_config() == config
    assert (
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(cls.example()[0])).get_config()
        == config
    )


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"], indirect=True)
def test_7_losses_are_float32_and_finite(cls, policy):
    layer, labels, predictions = cls.example()
    value = layer(np.array(labels), keras.ops.convert_to_tensor(predictions, "float32"))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert np.isfinite(array(value))


def trains(case):
    """True where a call takes `training`."""
    return case.make()._call_has_training_arg


def loss(case, layer):
    return layer.default_loss(0.1) if case.folder == "decoders" else keras.losses.MeanSquaredError()


def target(case, model):
    if case.folder == "decoders":
        return np.stack([np.array(case.label)] * 6)
    shape = model.predict_on_batch(case.batch()).shape
    return np.random.default_rng(1).normal(size=shape).astype("float32")
