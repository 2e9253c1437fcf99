import keras
import numpy as np
import pytest

import mmkeras as mm


@pytest.mark.parametrize("times", (1, 4, 9))
def test_adam_steps_as_far_however_often_an_id_occurs(times):
    embedding = mm.layers.TokenEmbedding(3, 2)
    model = keras.Sequential([keras.Input((times,), dtype="int32"), embedding, keras.layers.GlobalAveragePooling1D()])
    model.compile(keras.optimizers.Adam(0.1), keras.losses.MeanSquaredError())
    before = keras.ops.convert_to_numpy(embedding.embeddings)
    model.train_on_batch(np.ones((1, times), "int32"), np.full((1, 2), 100.0, "float32"))
    # The first step of Adam is as long as the learning rate, whatever the gradient.
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(embedding.embeddings) - before, [[0, 0], [0.1, 0.1], [0, 0]], atol=1e-5
    )


def test_looks_up_and_hides():
    embedding = mm.layers.TokenEmbedding(3, 2)
    given = keras.ops.convert_to_numpy(embedding(np.array([[1, 2, 99]]), mask=np.array([[True, True, False]])))
    table = keras.ops.convert_to_numpy(embedding.embeddings)
    np.testing.assert_array_equal(given[0], [table[1], table[2], [0, 0]])


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="sizes must be > 0"):
        mm.layers.TokenEmbedding(0, 2)
