"""Tokens over frames: each for as long as it lasts, in order."""

import numpy as np
import pytest
from keras import ops

from mmkeras.layers import TokenUpsampling


def built(frames=12, dim=4):
    layer = TokenUpsampling(frames)
    layer.build((None, None, dim))
    layer.value.set_weights([np.eye(dim, dtype="float32"), np.zeros(dim, "float32")])
    layer.place.set_weights([np.zeros((3, dim), "float32")])
    layer.lasts.set_weights([np.zeros((dim, 1), "float32"), np.zeros(1, "float32")])
    return layer


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_tokens_follow_each_other():
    tokens = np.eye(4, dtype="float32")[None, :3]
    told = array(built()(tokens))[0]
    assert told[:, :3].argmax(1).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    stretched = array(built()(tokens, np.array([6.0])))[0]
    assert stretched[:, :3].argmax(1).tolist() == [0] * 2 + [1] * 2 + [2] * 8
    np.testing.assert_array_equal(array(built()(tokens, np.array([0.0])))[0], told)


def test_the_share_of_a_token_by_hand():
    tokens = np.eye(4, dtype="float32")[None, :2]
    centres, width = np.array([2.0, 6.0]), 2.5
    weight = np.exp(-0.5 * ((np.arange(12)[:, None] + 0.5 - centres) / width) ** 2) / width
    np.testing.assert_allclose(array(built()(tokens))[0, :, :2], weight / weight.sum(1, keepdims=True), atol=1e-5)


def test_what_is_masked_lasts_no_time():
    layer = built()
    mask = np.array([[True, False, True, False], [False] * 4])
    tokens = np.stack([np.eye(4, dtype="float32")] * 2)
    np.testing.assert_allclose(array(layer.durations(tokens, mask)), [[4, 0, 4, 0], [0] * 4], atol=1e-5)
    told = array(layer(tokens, mask=mask))
    assert told[0].argmax(1).tolist() == [0] * 4 + [2] * 8
    np.testing.assert_array_equal(told[1], 0.0)


def test_frames_lie_beside_a_label():
    layer, mask = built(), np.array([[True] * 2 + [False]] * 2 + [[False] * 3])
    tokens, label = np.stack([np.eye(4, dtype="float32")[:3]] * 3), np.zeros((3, 12, 2), "float32")
    label[0, :6, -1] = 1.0
    frames, ends, shown = (array(part) for part in layer.timed(tokens, label, mask=mask))
    np.testing.assert_allclose(ends[:2], [(8 - np.arange(12) - 0.5) / 4] * 2, atol=1e-5)
    assert (ends[2] < 0).all()
    assert shown.sum(1).tolist() == [6, 8, 0]
    np.testing.assert_array_equal(frames[0], array(layer(tokens[:1], np.array([6.0]), mask=mask[:1]))[0])
    np.testing.assert_array_equal(frames[1], array(layer(tokens[1:2], mask=mask[1:2]))[0])
    by_mask = layer.timed(tokens, np.zeros_like(label), mask=mask, target_mask=label[..., -1] > 0)
    np.testing.assert_array_equal(array(by_mask[2]), shown)


def test_frames_are_needed():
    with pytest.raises(ValueError, match=r"frames must be > 0\. Received: frames=0"):
        TokenUpsampling(0)
