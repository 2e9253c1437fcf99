import numpy as np
import pytest
from reference import normal, to_numpy

from mmkeras.layers import SequenceSummary
from mmkeras.layers.sequence_summary import stretches


def test_stretches_are_means_by_place():
    values = np.arange(8, dtype="float32")[None, :, None] * np.ones((2, 1, 1), "float32")
    mask = np.array([[True] * 8, [True] * 4 + [False] * 4])
    values = np.where(mask[..., None], values, 0.0).astype("float32")
    first, second, deviation = (to_numpy(part)[:, 0] for part in stretches(values, mask, 2))
    assert first[0] < 3.5 < second[0] and first[0] + second[0] == pytest.approx(7.0, abs=1e-4)
    assert first[1] < 1.5 < second[1] and first[1] + second[1] == pytest.approx(3.0, abs=1e-4)
    np.testing.assert_allclose(deviation, [np.arange(8).std(), np.arange(4).std()], atol=1e-3)


def test_one_step_is_enough_and_none_gives_zeros():
    layer = SequenceSummary(dim=4, filters=(8,), hidden_dim=8)
    given = to_numpy(layer(normal(2, 1, 3), mask=np.array([[True], [False]])))
    assert np.isfinite(given).all() and np.abs(given[0]).max() > 0
    np.testing.assert_array_equal(given[1], 0.0)


def test_kernels_are_odd():
    with pytest.raises(ValueError, match=r"kernel_size must be odd. Received: kernel_size=4. Do: 5"):
        SequenceSummary(kernel_size=4)
