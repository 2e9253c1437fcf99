import numpy as np
import pytest
from reference import normal, shake, softmax, to_numpy, weights

from mmkeras.decoders import LateCategoryDecoder

TOKENS = normal(3, 3, 8)
MASK = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]], bool)


def said(combine):
    layer = LateCategoryDecoder(4, combine=combine)
    layer.build(TOKENS.shape)
    given, w = to_numpy(shake(layer)(TOKENS, mask=MASK)), weights(layer)
    np.testing.assert_allclose(given.sum(1), 1.0, atol=1e-6)
    return given, TOKENS @ w["dense/kernel"], w["bias"], w


def dempster(first, second):
    """Two opinions (beliefs, uncertainty) by the rule as the paper writes it, eq. 4."""
    (b, u), (c, v) = first, second
    conflict = np.outer(b, c).sum() - (b * c).sum()
    return (b * c + b * v + c * u) / (1 - conflict), u * v / (1 - conflict)


def test_mean_of_the_chances():
    given, z, bias, _ = said("mean")
    np.testing.assert_allclose(given[0], softmax(z[0] + bias).mean(0), atol=1e-6)
    np.testing.assert_allclose(given[1], softmax(z[1, 1] + bias), atol=1e-6)
    np.testing.assert_allclose(given[2], softmax(bias), atol=1e-6)


def test_learned_weights():
    given, z, bias, w = said("learned")
    shares = softmax((TOKENS[0] @ w["say/kernel"])[:, 0])
    np.testing.assert_allclose(given[0], shares @ softmax(z[0] + bias), atol=1e-6)
    np.testing.assert_allclose(given[1], softmax(z[1, 1] + bias), atol=1e-6)
    np.testing.assert_allclose(given[2], softmax(bias), atol=1e-6)


def test_product_of_experts_counts_the_prior_once():
    given, z, bias, _ = said("product")
    chances = softmax(z[0] + bias)
    product = chances.prod(0) / softmax(bias) ** 2
    np.testing.assert_allclose(given[0], product / product.sum(), atol=1e-6)
    np.testing.assert_allclose(given[2], softmax(bias), atol=1e-6)


def test_evidence_is_joined_by_dempsters_rule():
    given, z, bias, _ = said("evidential")
    evidence = np.log1p(np.exp(z + bias))
    opinions = []
    for e in evidence[0]:
        total = (e + 1).sum()
        opinions.append((e / total, 4 / total))
    belief, doubt = dempster(dempster(opinions[0], opinions[1]), opinions[2])
    total = 4 / doubt
    np.testing.assert_allclose(given[0], (belief * total + 1) / total, atol=1e-6)
    alone = evidence[1, 1] + 1
    np.testing.assert_allclose(given[1], alone / alone.sum(), atol=1e-6)
    np.testing.assert_allclose(given[2], 0.25, atol=1e-6)


def test_much_evidence_does_not_overflow():
    layer = LateCategoryDecoder(4, combine="evidential")
    given = to_numpy(layer(1e4 * np.ones((1, 300, 8), "float32")))
    assert np.isfinite(given).all() and given.sum() == pytest.approx(1.0)


def test_errors():
    with pytest.raises(ValueError, match=r"num_classes must be > 1. Received: num_classes=1"):
        LateCategoryDecoder(1)
    with pytest.raises(ValueError, match=r"combine must be one of .*'evidential'.* Received: combine='vote'"):
        LateCategoryDecoder(3, combine="vote")
