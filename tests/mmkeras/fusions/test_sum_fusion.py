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


def test_all_together_have_one_more_vote():
    layer, without = SumFusion(joint_dim=5), SumFusion()
    for fusion in (layer, without):
        fusion.build({name: values.shape for name, values in TOKENS.items()})
    shake(layer)
    for mine, its in zip(without.votes, layer.votes, strict=True):
        mine.set_weights(its.get_weights())
    extra, w = to_numpy(layer(TOKENS, mask=MASKS)) - to_numpy(without(TOKENS, mask=MASKS)), weights(layer)

    def norm(values, place):
        scaled = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
        return scaled * w[f"norm_{place}/gamma"] + w[f"norm_{place}/beta"]

    image, text = norm(TOKENS["image"][0, :3].mean(0), 0), norm(TOKENS["text"][0, :2].mean(0), 1)
    hidden = np.maximum(dense(np.concatenate([image, text, [1.0, 1.0]]), w, "meet"), 0.0)
    np.testing.assert_allclose(extra[0, 0], hidden @ w["agree/kernel"], atol=1e-4)
    alone = np.concatenate([norm(TOKENS["image"][1, 0], 0), np.zeros(8), [1.0, 0.0]])
    np.testing.assert_allclose(extra[1, 0], np.maximum(dense(alone, w, "meet"), 0.0) @ w["agree/kernel"], atol=1e-4)
    np.testing.assert_array_equal(extra[2], 0.0)
