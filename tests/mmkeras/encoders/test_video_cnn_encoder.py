import numpy as np
from reference import normal, shake, to_numpy, weights

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import VideoCNNEncoder


def test_frames_against_pictures_alone():
    """Without attention a token is what the picture's CNN says, summed by the maps and joined."""
    layer, x = VideoCNNEncoder(dim=6, filters=(8,), num_layers=0), normal(2, 3, 8, 4, 3)
    layer.build(x.shape)
    w = weights(shake(layer))
    expected = np.zeros((2, 3, 6))
    for row in range(2):
        for frame in range(3):
            seen = to_numpy(layer.look(x[row, frame][None]))[0]
            expected[row, frame] = (w["where"].T @ seen).reshape(-1) @ w["join/kernel"] + w["join/bias"]
    placed = layer.place(expected.astype("float32"), mask=np.ones((2, 3), bool))
    np.testing.assert_allclose(layer(x), placed, atol=1e-4)


def test_the_order_of_frames_matters():
    layer, x = VideoCNNEncoder(dim=8, filters=(8,), num_heads=2), normal(1, 3, 8, 8, 3)
    forth, back = to_numpy(layer(x)), to_numpy(layer(x[:, ::-1]))
    assert not np.allclose(forth.mean(1), back.mean(1), atol=1e-4)


def test_from_spec():
    layer = VideoCNNEncoder.from_spec(FieldSpec("Video", (None, 32, 48, 3)), dim=16, dropout=0.3)
    assert (layer.dim, layer.filters, layer.dropout) == (16, (32, 64, 128), 0.3)
    assert VideoCNNEncoder.from_spec(FieldSpec("Video", (None, 8, 8, 3)), dim=16, dropout=0.3).filters == (32,)
