import re

import numpy as np
import pytest
from reference import normal, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import VideoTubeletEncoder


def test_tubelets_against_numpy():
    layer, x = VideoTubeletEncoder(dim=6, patch=4, depth=2, num_layers=0), normal(1, 3, 8, 4, 3)
    layer.build(x.shape)
    w = weights(shake(layer))
    clip = np.concatenate([x * 2 - 1, np.zeros((1, 1, 8, 4, 3))], axis=1)
    when = to_numpy(layer.place(np.zeros((1, 2, 6), "float32")))[0]
    tokens = []
    for step in range(2):
        for square in range(2):
            part = clip[0, 2 * step : 2 * step + 2, 4 * square : 4 * square + 4, :4]
            token = np.einsum("fhwc,fhwcd->d", part, w["embed/kernel"]) + w["embed/bias"]
            tokens.append(token + w["square"][0, 0, square] + when[step])
    np.testing.assert_allclose(layer(x)[0], np.stack(tokens), atol=1e-4)


def test_a_tubelet_is_real_where_a_frame_is():
    layer = VideoTubeletEncoder(dim=4, patch=4, depth=2)
    mask = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], bool)
    given = to_numpy(layer.compute_mask(normal(3, 3, 4, 8, 3), mask))
    assert given.tolist() == [[True] * 4, [True, True, False, False], [False] * 4]


def test_patches_must_fit():
    with pytest.raises(ValueError, match=re.escape("patch must divide height and width. Received: patch=16")):
        VideoTubeletEncoder()(normal(1, 2, 20, 16, 3))
    assert VideoTubeletEncoder.from_spec(FieldSpec("Video", (None, 20, 28, 3)), dim=8, dropout=0.1).patch == 4
