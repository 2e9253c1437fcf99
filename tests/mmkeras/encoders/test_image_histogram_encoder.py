import re

import numpy as np
import pytest
from reference import dense, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import ImageHistogramEncoder
from mmkeras.encoders import image_histogram_encoder as parts


def stripes(upright):
    """Black and white stripes, eight pixels wide."""
    line = (np.arange(48) // 8 % 2).astype("float32")
    picture = np.broadcast_to(line[None] if upright else line[:, None], (48, 48))
    return np.repeat(picture[None, ..., None], 3, -1)


def test_edges_by_direction():
    for upright, place in ((True, 0), (False, 3)):
        edges = to_numpy(parts._edges(stripes(upright))).reshape(6, 6, 8)
        np.testing.assert_allclose(np.linalg.norm(edges), 8.0, rtol=1e-2)
        inner = edges[1:-1, 1:-1].sum((0, 1))
        assert inner[place] > 0.9 * inner.sum()


def test_shares_of_colours():
    picture = np.zeros((1, 48, 48, 3), "float32")
    picture[:, :12] = [1.0, 0.0, 0.5]
    shares = (to_numpy(parts._colours(picture))[0] / 8) ** 2
    assert shares[(3 * 4 + 0) * 4 + 2] == pytest.approx(0.25)
    assert shares[0] == pytest.approx(0.75)


def test_the_thumbnail_is_the_mean_of_squares():
    picture = np.random.default_rng(0).random((2, 48, 48, 3)).astype("float32")
    wanted = picture.reshape(2, 8, 6, 8, 6, 3).mean((2, 4)) * 2 - 1
    np.testing.assert_allclose(parts._thumbnail(picture), wanted.reshape(2, -1), atol=1e-5)


def test_two_dense_layers_over_the_descriptions():
    picture = np.random.default_rng(0).random((2, 48, 48, 3)).astype("float32")
    layer = ImageHistogramEncoder(dim=4, hidden_dim=6)
    layer.build(picture.shape)
    w = weights(shake(layer))
    features = np.concatenate([to_numpy(f(picture)) for f in (parts._edges, parts._colours, parts._thumbnail)], 1)
    wanted = dense(np.maximum(0, dense(features, w, "expand")), w, "project")
    np.testing.assert_allclose(to_numpy(layer(picture))[:, 0], wanted, atol=1e-3)


def test_a_mirrored_picture_says_the_same():
    picture = np.random.default_rng(0).random((2, 48, 48, 3)).astype("float32")
    layer = ImageHistogramEncoder(dim=4, hidden_dim=6, mirror=True)
    plain = ImageHistogramEncoder(dim=4, hidden_dim=6)
    for one in (layer, plain):
        one.build(picture.shape)
    shake(layer)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(layer(picture)), to_numpy(layer(picture[:, :, ::-1])), atol=1e-4)
    assert np.abs(to_numpy(plain(picture)) - to_numpy(plain(picture[:, :, ::-1]))).max() > 1e-2
    w = weights(layer)
    views = [picture, picture[:, :, ::-1]]
    describe = (parts._edges, parts._colours, parts._thumbnail)
    hidden = [np.maximum(0, dense(np.concatenate([to_numpy(f(v)) for f in describe], 1), w, "expand")) for v in views]
    np.testing.assert_allclose(to_numpy(layer(picture))[:, 0], dense(sum(hidden) / 2, w, "project"), atol=1e-3)


def test_pictures_of_other_sizes():
    large = np.repeat(np.repeat(stripes(True), 2, 1), 2, 2)
    layer = ImageHistogramEncoder(dim=4)
    np.testing.assert_allclose(layer(large), layer(stripes(True)), atol=0.5)
    assert layer.compute_output_shape((None, 96, 96, 3)) == (None, 1, 4)


def test_from_spec():
    assert ImageHistogramEncoder.from_spec(FieldSpec("Image", (48, 48, 3)), dim=8, dropout=0.1).dim == 8


def test_three_channels():
    rule = 'ImageHistogramEncoder "eye": pictures must be (B, H, W, 3). Received: shape=(None, 8, 8, 1). '
    with pytest.raises(ValueError, match=re.escape(rule + "Do: repeat a grey channel three times.")):
        ImageHistogramEncoder(name="eye").build((None, 8, 8, 1))
