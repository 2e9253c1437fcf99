"""PSNR, SSIM and the losses made of them, against TensorFlow's own and a line of numpy."""

import keras
import numpy as np
import pytest

from mmkeras.losses import PictureLoss, PixelCrossentropy
from mmkeras.losses.likeness import absolute_error, mean_likeness, psnr, squared_error, ssim

RANDOM = np.random.default_rng(0)
FIRST = RANDOM.uniform(size=(3, 14, 17, 3)).astype("float32")
SECOND = np.clip(FIRST + RANDOM.normal(scale=0.1, size=FIRST.shape), 0, 1).astype("float32")


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compared to TensorFlow's")
@pytest.mark.parametrize(("height", "width", "window"), [(14, 17, 11), (11, 11, 11), (6, 6, 5), (5, 5, 5)])
def test_ssim_is_tensorflows(height, width, window):
    import tensorflow as tf

    first, second = FIRST[:, :height, :width], SECOND[:, :height, :width]
    wanted = tf.image.ssim(first, second, 1.0, filter_size=window)
    np.testing.assert_allclose(array(ssim(first, second)), wanted, atol=1e-4)
    assert (np.abs(wanted) < 0.99).all()


def test_ssim_of_the_same_is_one_whatever_the_size():
    for height, width in ((14, 17), (1, 1), (2, 9)):
        np.testing.assert_allclose(array(ssim(FIRST[:, :height, :width], FIRST[:, :height, :width])), 1.0, atol=1e-6)


def test_psnr():
    wanted = -10 * np.log10(((FIRST - SECOND) ** 2).mean((1, 2, 3)))
    np.testing.assert_allclose(array(psnr(FIRST, SECOND)), wanted, rtol=1e-5)
    np.testing.assert_allclose(array(psnr(FIRST, FIRST)), 100.0, rtol=1e-5)


def test_a_picture_loss_is_one_number_a_row():
    loss = PictureLoss(l1=2.0, l2=3.0, ssim=0.5)
    parts = [array(measure(FIRST, SECOND)) for measure in (absolute_error, squared_error, ssim)]
    wanted = 2 * parts[0] + 3 * parts[1] + 0.5 * (1 - parts[2])
    np.testing.assert_allclose(array(loss.call(FIRST, keras.ops.convert_to_tensor(SECOND))), wanted, rtol=1e-5)
    weight = np.array([0.0, 2.0, 1.0], "float32")
    given = loss(FIRST, keras.ops.convert_to_tensor(SECOND), sample_weight=weight)
    np.testing.assert_allclose(array(given), (wanted * weight).sum() / 3, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_pixel_crossentropy(smoothing):
    labels = RANDOM.integers(0, 4, (3, 5, 2))
    chances = RANDOM.dirichlet(np.ones(4), (3, 5, 2)).astype("float32")
    wanted = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
    wanted = -(wanted * np.log(chances)).sum(-1).mean((1, 2))
    given = PixelCrossentropy(smoothing).call(labels, keras.ops.convert_to_tensor(chances))
    np.testing.assert_allclose(array(given), wanted, rtol=1e-4)


def test_mean_likeness_leaves_out_rows_without_weight():
    wrong = SECOND.copy()
    wrong[1] = np.nan
    scores = mean_likeness(FIRST, np.array([1.0, 0.0, 1.0]), wrong)
    assert scores["psnr"] == pytest.approx(array(psnr(FIRST, SECOND))[[0, 2]].mean(), rel=1e-5)
    assert scores["ssim"] == pytest.approx(array(ssim(FIRST, SECOND))[[0, 2]].mean(), rel=1e-5)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"weights must be ≥ 0, and not all 0. Received: l1=0, l2=0, ssim=0"):
        PictureLoss(l1=0, l2=0, ssim=0)
    with pytest.raises(ValueError, match=r"weights must be ≥ 0.* Received: l1=1.0, l2=-1, ssim=0.0"):
        PictureLoss(l2=-1)
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\). Received: label_smoothing=1"):
        PixelCrossentropy(1)
