"""Distances of distributions against scipy and sums written out."""

import keras
import numpy as np
import pytest
import scipy.linalg

import mmkeras as mm
from data_pipelines.field_spec import FieldSpec, LabelSpec
from mmkeras.metrics.picture_scores import coarse_pixels, features_of, frechet_distance, kernel_distance

RANDOM = np.random.default_rng(0)
FIRST = RANDOM.normal(size=(40, 5))
SECOND = RANDOM.normal(size=(30, 5)) @ RANDOM.normal(size=(5, 5)) + 0.5


def test_frechet_distance_is_the_formula():
    spreads = np.cov(FIRST, rowvar=False), np.cov(SECOND, rowvar=False)
    root = scipy.linalg.sqrtm(spreads[0] @ spreads[1]).real
    wanted = ((FIRST.mean(0) - SECOND.mean(0)) ** 2).sum() + np.trace(spreads[0] + spreads[1] - 2 * root)
    assert frechet_distance(FIRST, SECOND) == pytest.approx(wanted)
    assert frechet_distance(SECOND, FIRST) == pytest.approx(wanted)
    assert frechet_distance(FIRST, FIRST) == pytest.approx(0, abs=1e-8)


def test_frechet_distance_of_one_feature():
    wanted = (FIRST[:, 0].mean() - SECOND[:, 0].mean()) ** 2
    wanted += (FIRST[:, 0].std(ddof=1) - SECOND[:, 0].std(ddof=1)) ** 2
    assert frechet_distance(FIRST[:, :1], SECOND[:, :1]) == pytest.approx(wanted)


def test_frechet_distance_of_fewer_rows_than_features_is_finite():
    assert 0 < frechet_distance(FIRST[:3], SECOND[:3]) < 1e3


def test_kernel_distance_is_the_sum():
    def kernel(x, y):
        return (x @ y / 5 + 1) ** 3

    within = [
        np.mean([kernel(x, y) for i, x in enumerate(part) for j, y in enumerate(part) if i != j])
        for part in (FIRST, SECOND)
    ]
    across = np.mean([kernel(x, y) for x in FIRST for y in SECOND])
    assert kernel_distance(FIRST, SECOND) == pytest.approx(sum(within) - 2 * across)


def test_kernel_distance_is_unbiased():
    drawn = [kernel_distance(*RANDOM.normal(size=(2, 12, 3))) for _ in range(600)]
    assert abs(np.mean(drawn)) < 4 * np.std(drawn) / np.sqrt(600)
    assert min(drawn) < 0 < max(drawn)
    assert kernel_distance(RANDOM.normal(size=(500, 3)), RANDOM.normal(1.0, size=(500, 3))) > 0.5


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_wrong_features(distance):
    with pytest.raises(ValueError, match=r"must be \(N, F\) and \(M, F\).* Received: shapes \(40, 5\) and \(30, 4\)"):
        distance(FIRST, SECOND[:, :4])
    with pytest.raises(ValueError, match=r"at least two rows each. Received: shapes \(1, 5\) and \(30, 5\)"):
        distance(FIRST[:1], SECOND)


def test_features_are_the_encoders_mean_tokens():
    spec = {
        "inputs": {"photo": FieldSpec("Image", (8, 8, 3))},
        "targets": {"kind": FieldSpec("Category", (), label=LabelSpec((), "int32"), details={"classes": ["a", "b"]})},
    }
    model = mm.build(spec, dim=8)
    pictures = RANDOM.uniform(size=(5, 8, 8, 3)).astype("float32")
    given = features_of(model, pictures, "photo", batch_size=2)
    tokens = keras.ops.convert_to_numpy(model.get_layer("photo_encoder")(pictures))
    assert given.shape == (5, tokens.shape[-1])
    np.testing.assert_allclose(given, tokens.mean(1), atol=1e-6)


def test_coarse_pixels_are_means_of_rectangles():
    pictures = RANDOM.uniform(size=(2, 4, 3, 2))
    given = coarse_pixels(pictures, 2).reshape(2, 2, 2, 2)
    np.testing.assert_allclose(given[:, 1, 0], pictures[:, 2:, :2].mean((1, 2)))
    np.testing.assert_allclose(given[:, 0, 1], pictures[:, :2, 2:].mean((1, 2)))
    np.testing.assert_array_equal(coarse_pixels(pictures), pictures.reshape(2, -1))
