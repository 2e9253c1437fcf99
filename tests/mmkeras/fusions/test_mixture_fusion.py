import keras
import numpy as np
from reference import layer_norm, normal, shake, to_numpy, weights

from mmkeras.fusions import MixtureFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def built(**options):
    layer = MixtureFusion(num_heads=2, num_experts=3, **options)
    layer.build({name: values.shape for name, values in TOKENS.items()})
    return shake(layer)


def test_attention_then_experts():
    layer = built()
    given, w = to_numpy(layer(TOKENS, mask=MASKS)), weights(layer)
    for row in (0, 1):
        parts = [
            layer_norm(TOKENS[name][row, MASKS[name][row]], w, f"norm_{place}")
            for place, name in enumerate(("image", "text"))
        ]
        attended = to_numpy(layer.blocks[0](np.concatenate(parts)[None].astype("float32")))
        said = to_numpy(layer.mixtures[0](layer_norm(attended, w, "before_0").astype("float32")))
        wanted = layer_norm(attended + said, w, "final")[0]
        mask = np.concatenate([MASKS["image"][row], MASKS["text"][row]])
        np.testing.assert_allclose(given[row, mask], wanted, atol=3e-5)
        np.testing.assert_array_equal(given[row, ~mask], 0.0)
    np.testing.assert_array_equal(given[2], 0.0)


def test_the_balance_loss_reaches_the_model():
    """What `fit` reports beside a loss of zero is the balance of two layers: at least its weight, each."""
    inputs = {name: keras.Input(values.shape[1:], name=name) for name, values in TOKENS.items()}
    for balance in (0.0, 0.5):
        model = keras.Model(inputs, built(num_layers=2, top_k=1, balance=balance)(inputs))
        model.compile(keras.optimizers.SGD(0.0), keras.losses.MeanSquaredError())
        target = np.zeros((3, 7, 8), "float32")
        history = model.fit(TOKENS, target, sample_weight=np.zeros((3, 7)), batch_size=3, verbose=0).history
        assert history["loss"][0] == 0.0 if balance == 0.0 else 0.5 < history["loss"][0] < 2 * 0.5 * 3


def test_one_modality_is_enough():
    assert MixtureFusion()({"text": TOKENS["text"]}).shape == (3, 3, 8)
