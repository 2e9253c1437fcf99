import re

import numpy as np
import pytest
from reference import normal, to_numpy

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import ImageCNNEncoder

PICTURES = np.abs(normal(3, 12, 20, 3)) % 1


def test_a_grid_of_tokens():
    layer = ImageCNNEncoder(dim=16, filters=(8, 16))
    assert layer(PICTURES).shape == (3, 3 * 5, 16)
    assert layer.compute_output_shape((None, 12, 20, 3)) == (None, 15, 16)
    assert ImageCNNEncoder(dim=16, filters=(8, 16))(np.ones((1, 13, 7, 1), "float32")).shape == (1, 3, 16)


@pytest.mark.parametrize("training", [False, True])
def test_an_absent_picture_cannot_influence_others(training):
    layer, mask = ImageCNNEncoder(dim=8, filters=(8,), dropout=0.0), np.array([True, False, True])
    bare = to_numpy(layer(PICTURES, mask=mask, training=training))
    for garbage in (0.0, 1e3, np.nan):
        spoiled = np.where(mask[:, None, None, None], PICTURES, np.float32(garbage))
        np.testing.assert_array_equal(to_numpy(layer(spoiled, mask=mask, training=training)), bare)
    np.testing.assert_array_equal(bare[1], 0.0)
    alone = to_numpy(layer(PICTURES[:1], training=training))
    np.testing.assert_allclose(alone[0], bare[0], atol=1e-5)


def test_from_spec():
    for size, stages in ((8, 1), (16, 2), (64, 3)):
        layer = ImageCNNEncoder.from_spec(FieldSpec("Image", (size, size, 3)), dim=8, dropout=0.0)
        assert len(layer.filters) == stages
        layer.build((None, size, size, 3))


@pytest.mark.parametrize("filters", [(), (8, 12)])
def test_filters(filters):
    rule = f"ImageCNNEncoder: filters must be multiples of 8. Received: filters={filters}. Do: (32, 64, 128)."
    with pytest.raises(ValueError, match=re.escape(rule)):
        ImageCNNEncoder(filters=filters)


def test_pictures_too_small():
    rule = 'ImageCNNEncoder "eye": a picture must measure at least 8 pixels. Received: shape=(None, 6, 9, 3), '
    with pytest.raises(ValueError, match=re.escape(rule + "filters=(32, 64, 128). Do: fewer filters")):
        ImageCNNEncoder(name="eye").build((None, 6, 9, 3))
