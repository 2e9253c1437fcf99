import logging

import keras
import numpy as np

from mmkeras.inference.retracing import retracing_unsaid


def ask_new_models(count):
    for _ in range(count):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.predict_on_batch(np.zeros((1, 2), "float32"))


def test_compiling_many_parts_is_no_warning(caplog):
    with caplog.at_level(logging.WARNING, "tensorflow"), retracing_unsaid():
        ask_new_models(6)
        logging.getLogger("tensorflow").warning("something else")
    assert [record.getMessage() for record in caplog.records] == ["something else"]


def test_a_filter_goes_with_its_context():
    logger = logging.getLogger("tensorflow")
    before = list(logger.filters)
    with retracing_unsaid():
        assert len(logger.filters) == len(before) + 1
    assert logger.filters == before
