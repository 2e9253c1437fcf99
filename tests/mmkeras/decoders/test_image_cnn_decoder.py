"""Pictures and masks by queries and convolutions: any size, losses, scores."""

import keras
import numpy as np
import pytest

from data_pipelines.field_spec import FieldSpec
from mmkeras.decoders import ImageCNNDecoder, ImageSegmentationDecoder
from mmkeras.decoders.image_segmentation_decoder import pixel_accuracy
from mmkeras.layers.picture_grid import PictureGrid, filters_for

RANDOM = np.random.default_rng(0)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("height", [1, 7, 16, 33])
def test_any_size(height):
    given = array(PictureGrid(height, 11, filters=(16, 8))(np.ones((2, 3, 8), "float32")))
    assert given.shape == (2, height, 11, 8)


def test_places_are_told_apart():
    keras.utils.set_random_seed(0)
    given = array(ImageCNNDecoder((16, 16, 3))(RANDOM.normal(size=(1, 4, 8)).astype("float32")))
    assert given.std((1, 2)).min() > 0.01 and given.min() >= 0 and given.max() <= 1


def test_stages_suit_the_size():
    assert [filters_for((side, 64)) for side in (4, 16, 32, 64, 500)] == [
        (32,),
        (32,),
        (64, 32),
        (128, 64, 32),
        (128, 64, 32),
    ]


def test_the_default_loss_is_the_mix_asked_for():
    assert ImageCNNDecoder((4, 4, 3), l1=0.0, l2=2.0, ssim=0.3).default_loss().get_config()["l2"] == 2.0


@pytest.mark.parametrize("cls", [ImageCNNDecoder, ImageSegmentationDecoder])
def test_it_learns_what_tokens_say(cls):
    """Left or right half lit, told by one token."""
    keras.utils.set_random_seed(0)
    side = RANDOM.integers(0, 2, 64)
    lit = np.zeros((64, 8, 8), "int32")
    for row, half in enumerate(side):
        lit[row, :, 4 * half : 4 * half + 4] = 1
    tokens = np.repeat(np.eye(2)[side], 4, 1)[:, None].astype("float32")
    masks = FieldSpec("Image", (8, 8), "int32", details={"num_classes": 2})
    spec = FieldSpec("Image", (8, 8, 3)) if cls is ImageCNNDecoder else masks
    decoder = cls.from_spec(spec, 0.0)
    labels = lit if cls is ImageSegmentationDecoder else np.repeat(lit[..., None], 3, -1).astype("float32")
    inputs = keras.Input((1, 8))
    model = keras.Model(inputs, decoder(inputs))
    model.compile(keras.optimizers.Adam(3e-3), decoder.default_loss(), weighted_metrics=decoder.default_metrics())
    model.fit(tokens, labels, batch_size=16, epochs=12, verbose=0, sample_weight=np.ones(64, "float32"))
    scores = decoder.score(labels, np.ones(64), model.predict(tokens, verbose=0))
    if cls is ImageCNNDecoder:
        assert scores["psnr"] > 20 and scores["ssim"] > 0.9
    else:
        assert scores["pixel_accuracy"] > 0.99 and scores["mean_iou"] > 0.98


def test_iou_by_hand():
    labels = np.array([[[0, 0, 1]], [[2, 2, 2]]])
    told = np.array([[[0, 1, 1]], [[0, 0, 0]]])
    scores = ImageSegmentationDecoder.score(labels, np.array([1.0, 0.0]), np.eye(3)[told])
    assert scores == {"pixel_accuracy": pytest.approx(2 / 3), "mean_iou": pytest.approx((1 / 2 + 1 / 2) / 2)}
    scores = ImageSegmentationDecoder.score(labels, np.array([1.0, 1.0]), np.eye(3)[told])
    assert scores == {"pixel_accuracy": pytest.approx(2 / 6), "mean_iou": pytest.approx((1 / 5 + 1 / 2 + 0) / 3)}
    np.testing.assert_allclose(array(pixel_accuracy(labels, np.eye(3)[told].astype("float32"))), [2 / 3, 0])


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"filters must be multiples of 8. Received: filters=\(12,\)"):
        PictureGrid(4, 4, filters=(12,))
    with pytest.raises(ValueError, match=r"num_classes must be > 1. Received: num_classes=1"):
        ImageSegmentationDecoder((4, 4), num_classes=1)
