import re

import keras
import numpy as np
import pytest
from reference import dense, layer_norm, normal, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import AudioCNNEncoder

X = normal(2, 9, 6) * 4 - 5


def test_one_stage():
    layer = AudioCNNEncoder(dim=8, filters=(4,), kernel_size=3, stride=2, use_position=False)
    layer.build(X.shape)
    w = weights(shake(layer))
    padded = np.pad((X + 5) / 4, [(0, 0), (1, 1), (0, 0)])
    steps = [np.einsum("bkc,kcf->bf", padded[:, t : t + 3], w["conv_0/kernel"]) for t in range(0, 9, 2)]
    hidden = layer_norm(np.stack(steps, 1) + w["conv_0/bias"], w, "norm_0")
    hidden = to_numpy(keras.ops.gelu(hidden.astype("float32")))
    np.testing.assert_allclose(layer(X), dense(hidden, w, "project"), atol=1e-4)


def test_lengths():
    layer = AudioCNNEncoder(dim=8, filters=(4, 4, 4))
    for length in range(1, 12):
        assert layer(normal(1, length, 6)).shape == layer.compute_output_shape((1, length, 6))


def test_from_spec():
    layer = AudioCNNEncoder.from_spec(FieldSpec("Audio", ()), dim=16, dropout=0.3)
    assert (layer.dim, layer.dropout) == (16, 0.3)


def test_kernels():
    rule = "AudioCNNEncoder: kernel_size must be odd. Received: kernel_size=4. Do: 5."
    with pytest.raises(ValueError, match=re.escape(rule)):
        AudioCNNEncoder(kernel_size=4)
