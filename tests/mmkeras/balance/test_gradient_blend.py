import re

import keras
import numpy as np
import pytest
from reference import softmax, to_numpy
from tiny_fusion import BATCH, KINDS, MASKS, ROWS, K, W, X, Y, losses, tiny_model

from mmkeras.balance import GradientBlend, LabelledModel
from mmkeras.balance.gradient_blend import blended


def blending(rate=0.02, optimizer=None):
    plain = tiny_model(GradientBlend("kind", K, name="blend"))
    model = LabelledModel(plain.input, plain.output)
    model.compile(optimizer or keras.optimizers.Adam(rate), losses())
    return model, model.get_layer("blend")


def alone(model, rows=slice(None)):
    """The loss of each modality's head on tokens as they are, by hand."""
    tokens = {name: model.get_layer(f"{name}_encoder")(X[name]) for name in X}
    found = []
    for name, logits in sorted(model.get_layer("blend").heads(tokens, mask=MASKS).items()):
        lost = -np.log(softmax(to_numpy(logits))[np.arange(ROWS), KINDS])[rows]
        count = (MASKS[name].any(1) * W["kind"])[rows]
        found.append((lost * count).sum() / count.sum())
    return np.array(found)


def test_weights_by_hand():
    before = [[1.0, 1.0, 1.0, 1.0], [1.2, 1.1, 1.0, 1.0]]
    after = [[0.5, 0.1, 0.2, 0.9], [0.8, 1.0, 1.3, 0.9]]
    # What validation came down by: 0.4, 0.1, nothing, 0.1; what the gap grew by: 0.1, 0.8, …, nothing: counts as 0.01.
    values = np.array([0.4 / 0.1**2, 0.1 / 0.8**2, 0.0, 0.1 / 0.01**2])
    np.testing.assert_allclose(blended(before, after), 4 * values / values.sum(), rtol=1e-6)
    assert blended(before, before) is None
    assert blended(before, [after[0], before[1]]) is None


def test_losses_and_gradients_are_weighed():
    """One step of SGD: the encoders move by the blend of what each loss alone would move them."""
    blend, moves = np.array([0.5, 2.0, 1.5], "float32"), {}
    for kind, weights in {"blend": blend, "picture": [1, 0, 0], "title": [0, 1, 0], "all": [0, 0, 1]}.items():
        model, layer = blending(optimizer=keras.optimizers.SGD(1.0))
        layer.weighting.assign(np.array(weights, "float32"))
        before = {name: to_numpy(model.get_layer(f"{name}_encoder").kernel) for name in X}
        lost = model.evaluate(BATCH, Y, sample_weight=W, verbose=0, batch_size=ROWS)[0]
        wanted = lost + (np.array(weights)[:2] * alone(model)).sum()
        assert model.train_on_batch(BATCH, Y, W)[0] == pytest.approx(wanted, rel=1e-4)
        moves[kind] = {name: to_numpy(model.get_layer(f"{name}_encoder").kernel) - before[name] for name in X}
    for place, name in enumerate(sorted(X)):
        assert np.abs(moves["all"][name]).max() > 1e-3 < np.abs(moves[name][name]).max()
        wanted = blend[place] * moves[name][name] + blend[2] * moves["all"][name]
        np.testing.assert_allclose(moves["blend"][name], wanted, atol=1e-5)


def test_the_callback_measures_both_parts():
    model, layer = blending()
    first, second = ({name: value[rows] for name, value in BATCH.items()} for rows in (slice(0, 8), slice(8, None)))
    parts = [(first, _cut(Y, slice(0, 8)), _cut(W, slice(0, 8))), (second, _cut(Y, slice(8, None)), None)]
    data = [keras.utils.PyDataset.__new__(_Batches).filled(part) for part in parts]
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.on_epoch_end(-1)

        def on_epoch_end(self, epoch, logs=None):
            whole = [self.model.evaluate(part, return_dict=True, verbose=0)["kind_loss"] for part in data]
            rows = (slice(0, 8), slice(8, None))
            seen.append([[*alone(self.model, part), loss] for part, loss in zip(rows, whole, strict=True)])

    watch, blend = Watch(), layer.callback(*data, every=2)
    model.fit(BATCH, Y, sample_weight=W, epochs=2, verbose=0, callbacks=[watch, blend], batch_size=6)
    np.testing.assert_allclose(blend.before, seen[2], rtol=1e-4)
    wanted = blended(seen[0], seen[2])
    assert wanted is not None
    np.testing.assert_allclose(to_numpy(layer.weighting), wanted, rtol=0.02)
    assert list(layer.blend()) == ["picture", "title", "all"] and sum(layer.blend().values()) == pytest.approx(3.0)


class _Batches(keras.utils.PyDataset):
    def filled(self, part):
        super().__init__()
        self.part = part if part[2] is not None else part[:2]
        return self

    def __len__(self):
        return 1

    def __getitem__(self, place):
        return self.part


def _cut(parts, rows):
    return {name: value[rows] for name, value in parts.items()}


def test_a_modality_that_is_learned_by_heart_counts_for_less():
    random = np.random.default_rng(0)
    kinds = random.integers(0, K, 90)
    picture = 0.7 * random.normal(size=(90, 4, 6)) + np.eye(6)[kinds][:, None]
    batch = {"picture": picture, "title": 3.0 * random.normal(size=(90, 4, 6))}
    batch = {name: value.astype("float32") for name, value in batch.items()}
    batch.update({f"{name}_mask": np.ones((90, 4), bool) for name in X})
    labels = {"kind": kinds, "price": np.zeros((90, 1), "float32")}
    model, layer = blending(rate=0.03)
    parts = [(_cut(batch, rows), _cut(labels, rows)) for rows in (slice(0, 24), slice(24, None))]
    data = [keras.utils.PyDataset.__new__(_Batches).filled((*part, None)) for part in parts]
    model.fit(data[0], epochs=12, verbose=0, callbacks=[layer.callback(*data, every=12)])
    assert layer.blend()["picture"] > 5 * layer.blend()["title"]


def test_what_is_refused():
    with pytest.raises(
        ValueError, match=re.escape("GradientBlend: every must be > 0. Received: every=0. Do: every=1.")
    ):
        GradientBlend("kind", K).callback(None, None, every=0)
