import json
import re

import keras
import numpy as np
import pytest
from reference import to_numpy

from mmkeras.layers import ModalityDropout

ROWS = 4000


def masks(share=1.0):
    """Text `(B, 3)`, image and audio `(B,)`; a share of each row's modalities present."""
    random = np.random.default_rng(0)
    present = {name: random.random(ROWS) < share for name in ("text", "image", "audio")}
    return {**present, "text": present["text"][:, None] & np.array([True, True, False])}


def dropped(rate, given, **options):
    return {name: to_numpy(mask) for name, mask in ModalityDropout(rate, **options)(given, training=True).items()}


def rows(given):
    return np.stack([mask if mask.ndim == 1 else mask.any(1) for mask in given.values()], 1)


def test_it_hides_at_the_rate():
    hidden = 1.0 - rows(dropped(0.3, masks()))
    # A modality goes with 0.3, unless all three would and it drew the highest number: 0.3 − 0.3³ / 3.
    np.testing.assert_allclose(hidden.mean(0), 0.3 - 0.3**3 / 3, atol=0.025)


def test_it_hides_row_by_row_and_independently():
    seen = rows(dropped(0.5, masks()))
    assert len({tuple(row) for row in seen}) == 7
    assert abs(np.corrcoef(seen.T.astype(float))[0, 1]) < 0.25


@pytest.mark.parametrize("rate", [0.3, 0.9])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_it_never_hides_all_and_only_what_is_there(rate, share):
    before, after = masks(share), dropped(rate, masks(share))
    np.testing.assert_array_equal(rows(after).any(1), rows(before).any(1))
    for name, mask in before.items():
        assert not (after[name] & ~mask).any()
        assert after[name].dtype == bool
    whole = after["text"].any(1)
    np.testing.assert_array_equal(after["text"][whole], before["text"][whole])


def test_outside_training_nothing_changes():
    before = masks(0.5)
    for given in (ModalityDropout(0.9)(before), ModalityDropout(0.0)(before, training=True)):
        for name, mask in before.items():
            np.testing.assert_array_equal(given[name], mask)


def test_order_and_seed():
    before = masks()
    turned = dict(reversed(before.items()))
    first = dropped(0.5, before, seed=1)
    for given in (dropped(0.5, before, seed=1), dropped(0.5, turned, seed=1)):
        for name in before:
            np.testing.assert_array_equal(given[name], first[name])
    assert not np.array_equal(first["image"], dropped(0.5, before, seed=2)["image"])


def test_config_and_file(tmp_path):
    layer = ModalityDropout(0.25, seed=3)
    assert json.loads(json.dumps(layer.get_config())) == layer.get_config()
    assert ModalityDropout.from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = {name: keras.Input(mask.shape[1:], dtype="bool", name=name) for name, mask in masks().items()}
    given = layer(inputs)
    assert {name: mask.shape for name, mask in given.items()} == {n: (None, *m.shape[1:]) for n, m in masks().items()}
    assert {mask.dtype for mask in given.values()} == {"bool"}
    keras.Model(inputs, given).save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras").predict_on_batch(masks(0.5))
    for name, mask in masks(0.5).items():
        np.testing.assert_array_equal(loaded[name], mask)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates(rate):
    rule = f"ModalityDropout: rate must be in [0, 1). Received: rate={rate}. Do: rate=0.2."
    with pytest.raises(ValueError, match=re.escape(rule)):
        ModalityDropout(rate)
