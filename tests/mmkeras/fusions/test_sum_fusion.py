import numpy as np
import pytest
from reference import dense, normal, shake, softmax, to_numpy, weights

from mmkeras.fusions import SumFusion

TOKENS = {"text": normal(3, 3, 8), "image": normal(3, 4, 8, seed=1)}
MASKS = {
    "text": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 0]], bool),
    "image": np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool),
}


def test_each_modality_present_adds_its_vote():
    layer = SumFusion()
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    image, text = TOKENS["image"], TOKENS["text"]
    first = dense(image[0, :3].mean(0), w, "vote_0") + dense(text[0, :2].mean(0), w, "vote_1")
    np.testing.assert_allclose(given[0, 0], first, atol=1e-5)
    np.testing.assert_allclose(given[1, 0], dense(image[1, 0], w, "vote_0"), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)
    np.testing.assert_array_equal(layer.compute_mask(TOKENS, MASKS), [[True], [True], [False]])


def test_learned_weights_are_shares_of_what_is_there():
    layer = SumFusion(weights="learned")
    layer.build({name: values.shape for name, values in TOKENS.items()})
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASKS)), weights(layer)
    votes = [dense(TOKENS["image"][0, :3].mean(0), w, "vote_0"), dense(TOKENS["text"][0, :2].mean(0), w, "vote_1")]
    np.testing.assert_allclose(given[0, 0], softmax(w["weigh"]) @ votes, atol=1e-5)
    np.testing.assert_allclose(given[1, 0], dense(TOKENS["image"][1, 0], w, "vote_0"), atol=1e-5)
    np.testing.assert_array_equal(given[2], 0.0)


def test_weights_must_be_known():
    with pytest.raises(ValueError, match=r"weights must be one of .*'learned'.* Received: weights='some'"):
        SumFusion(weights="some")
