"""Series as targets: labels of the horizon's length, own units again, and answers that can be read back."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines import TimeSeries
from data_pipelines.formats.series import read_series


def adapted(cells, **options):
    modality = TimeSeries(**options)
    modality.adapt([(np.array(cells, object),)])
    return modality


def labels(modality, cells):
    value, mask, bad = modality.encode([tf.constant(cells)])
    assert not bad.numpy().any()
    return [part.numpy() for part in modality.label(value, mask)]


def test_a_label_has_the_horizons_length():
    modality = adapted(["1,10;3,30", "5,50;7,nan;9,90"], max_steps=4, keep="first")
    label, weight = labels(modality, ["1,10;3,30", "", "5,50;7,nan;9,90", "nan", "1,1;1,1;1,1;1,1;9,9"])
    assert label.shape == (5, 4, 4)
    assert weight.tolist() == [1, 0, 1, 0, 1]
    np.testing.assert_array_equal(label[:, :, 2:].sum((1, 2)), [4, 0, 5, 0, 8])
    np.testing.assert_array_equal(label[1], 0.0)
    assert label.dtype == weight.dtype == np.float32


def test_labels_and_predictions_come_back_in_own_units():
    modality = adapted(["1,1000;3,3000", "5,nan|"], max_steps=2)
    label, _ = labels(modality, ["1,1000;3,3000", "5,nan|"])
    np.testing.assert_allclose(modality.units(label), [[[1, 1000], [3, 3000]], [[5, np.nan], [np.nan] * 2]], rtol=1e-5)
    told = np.stack([label[..., :2] - 1, label[..., :2], label[..., :2] + 1], -1)
    np.testing.assert_allclose(modality.units(told)[0, :, :, 1], [[1, 1000], [3, 3000]], rtol=1e-5)
    spread = modality.units(told)[0, 0, :, 2] - modality.units(told)[0, 0, :, 1]
    np.testing.assert_allclose(spread, modality.deviations, rtol=1e-4)


@pytest.mark.parametrize("cells", [["1 2 4.5", "2 -3 1e7"], ["1,10;2.25,20;3,1e-5"], ["7|"], ["1,2|"]])
def test_an_answer_can_be_read_back(cells):
    values = [read_series(tf.constant(cell)).numpy() for cell in cells]
    modality = adapted(cells, max_steps=len(values[0]))
    scaled = (np.stack(values) - modality.means) / modality.deviations
    told = np.stack([scaled - 1, scaled, scaled + 1], -1)
    write = tf.function(lambda told: modality.write("load", told))
    answers = write(tf.constant(told, tf.float32))
    for cell, value in zip(answers["load"].numpy(), values, strict=True):
        np.testing.assert_allclose(read_series(tf.constant(cell)).numpy(), value, rtol=1e-5, atol=2.0)
        np.testing.assert_allclose(read_series(tf.constant(cell)).numpy()[0], value[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(answers["load_quantiles"].numpy(), modality.units(told), rtol=1e-4, atol=1.0)


def test_an_answer_is_json():
    modality = adapted(["1 2 3"], max_steps=3)
    told = tf.constant(np.zeros((1, 3, 1, 3)), tf.float32)
    assert modality.write("load", told)["load"].numpy().tolist() == [b"[2, 2, 2]"]
    modality = adapted(["1,5;3,9"], max_steps=2)
    told = tf.constant(np.zeros((1, 2, 2, 1)), tf.float32)
    assert modality.write("load", told)["load"].numpy().tolist() == [b"[[2, 7], [2, 7]]"]


def test_times_are_refused():
    modality = adapted(["0,1;1,2"], times=True)
    value, mask, _ = modality.encode([tf.constant(["0,1;1,2"])])
    with pytest.raises(ValueError, match=r"a target must be at even times\. Received: times=True"):
        modality.label(value, mask)
