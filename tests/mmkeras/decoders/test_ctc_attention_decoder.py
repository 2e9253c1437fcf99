import re

import numpy as np
import pytest
from reference import normal, shake, to_numpy

from mmkeras.decoders import CTCAttentionDecoder, TextTransformerDecoder
from mmkeras.losses import CTCLoss

X = normal(3, 6, 8)
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
TEXTS = np.array([[2, 3, 3, 6], [4, 6, 0, 0], [0, 0, 0, 0]])


def built():
    layer = CTCAttentionDecoder(7, max_tokens=4, ctc_weight=0.25, dropout=0.0)
    layer.build(X.shape, TEXTS.shape)
    return shake(layer)


def test_it_says_what_the_transformer_says():
    layer, plain = built(), TextTransformerDecoder(7, max_tokens=4, dropout=0.0)
    plain.build(X.shape, TEXTS.shape)
    for variable, same in zip(plain.trainable_variables, layer.trainable_variables, strict=False):
        variable.assign(same)
    given = layer(X, TEXTS, inputs_mask=MASK)
    np.testing.assert_allclose(to_numpy(given), to_numpy(plain(X, TEXTS, inputs_mask=MASK)), atol=1e-6)
    np.testing.assert_array_equal(to_numpy(layer.generate(X, mask=MASK)), to_numpy(plain.generate(X, mask=MASK)))


def test_what_is_not_heard_is_added_to_the_loss():
    layer = built()
    layer(X, TEXTS, inputs_mask=MASK)
    each = to_numpy(CTCLoss(reduction=None)(TEXTS, layer.hear(X, mask=MASK)))
    assert each[:2].min() > 0
    assert float(layer.losses[0]) == pytest.approx(0.25 * each[:2].sum() / 4, rel=1e-5)


def test_what_stands_behind_a_text_is_not_heard():
    layer, shown = built(), TEXTS > 0
    layer(X, TEXTS, inputs_mask=MASK)
    bare = float(layer.losses[0])
    layer(X, np.where(shown, TEXTS, 5), inputs_mask=MASK, target_mask=shown)
    assert float(layer.losses[0]) == pytest.approx(bare, rel=1e-6)


def test_without_a_target_nothing_is_added():
    layer = built()
    layer(X, mask=MASK)
    assert not layer.losses


def test_no_text_at_all():
    layer = built()
    layer(X, 0 * TEXTS, inputs_mask=MASK)
    assert float(layer.losses[0]) == 0.0


def test_weight():
    rule = "CTCAttentionDecoder: ctc_weight must be > 0. Received: ctc_weight=0. Do: TextTransformerDecoder."
    with pytest.raises(ValueError, match=re.escape(rule)):
        CTCAttentionDecoder(7, ctc_weight=0)
