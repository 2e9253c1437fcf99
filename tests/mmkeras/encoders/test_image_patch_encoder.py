import re

import numpy as np
import pytest
from reference import normal, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import ImagePatchEncoder

PICTURES = np.abs(normal(2, 8, 12, 3)) % 1


def test_patches_in_rows_and_columns():
    layer = ImagePatchEncoder(dim=8, patch=4, num_layers=0)
    given, w = to_numpy(layer(PICTURES)), weights(layer)
    for row in range(2):
        for column in range(3):
            patch = PICTURES[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] * 2 - 1
            token = np.einsum("bhwc,hwcd->bd", patch, w["embed/kernel"]) + w["embed/bias"]
            np.testing.assert_allclose(given[:, 3 * row + column], token + w["place"][0, 3 * row + column], atol=1e-5)


def test_from_spec_finds_a_patch_that_fits():
    for size, patch in (([64, 64, 3], 8), ([28, 42, 3], 7), ([12, 18, 3], 6), ([11, 13, 3], 1)):
        assert ImagePatchEncoder.from_spec(FieldSpec("Image", size), dim=8, dropout=0.0).patch == patch


def test_a_patch_that_does_not_fit():
    rule = 'ImagePatchEncoder "eye": patch must divide height and width. Received: patch=5, shape=(None, 10, 12, 3). '
    with pytest.raises(ValueError, match=re.escape(rule + "Do: an Image(size) that is a multiple of it.")):
        ImagePatchEncoder(patch=5, name="eye").build((None, 10, 12, 3))
