import keras
import pytest

from mmkeras.training.plateau import Plateau


def watched(losses, patience=2, training=(), **options):
    """Learning rates after each epoch, until training ends; the training loss stays, or is as told."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    callback = Plateau(patience, **options)
    callback.set_model(model)
    model.stop_training = False
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_begin(epoch)
        logs = {"val_loss": loss, "loss": training[epoch] if training else 3.0}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs["learning_rate"])
        if model.stop_training:
            break
    return rates, callback


def test_the_rate_runs_out_and_training_ends():
    rates, _ = watched([1.0, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6])
    assert rates == pytest.approx([0.1] * 4 + [0.075, 0.025])


def test_a_fifth_of_a_long_training_is_added():
    falling = [0.9**epoch for epoch in range(20)]
    assert watched([*falling, *[1.0] * 20])[0] == pytest.approx([0.1] * 22 + [0.0875, 0.0625, 0.0375, 0.0125])


def test_a_better_loss_gives_more_time_and_a_hair_does_not():
    rates, _ = watched([1.0, 1.0, 0.9, 0.9, 0.8, 0.7999, 0.7998, 0.7, 0.6, 0.5])
    assert rates == pytest.approx([0.1] * 7 + [0.075, 0.025])


def test_a_model_that_has_not_begun_to_learn_is_waited_for():
    rates, _ = watched([2.3, 2.3, 2.31, 2.3, 2.29, 2.3, 1.9, 1.8, 1.8, 1.8, 1.8, 1.8])
    assert rates == pytest.approx([0.1] * 10 + [0.075, 0.025])
    assert watched([2.3] * 20)[0] == pytest.approx([0.1] * 9 + [0.075, 0.025])


def test_a_model_that_learned_all_in_the_first_epoch_is_not_waited_for():
    rates, _ = watched([0.5] * 20, training=[0.6, 0.5, *[0.4] * 18])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.075, 0.025])


def test_what_a_score_lacks_of_one_is_a_loss():
    losses = [0.8, 0.5, 0.51, 0.505, 0.2]
    rates, _ = watched([1.0 - loss for loss in losses], mode="max")
    assert rates == watched(losses)[0] == pytest.approx([0.1] * 4 + [0.075])


def test_its_state_is_kept():
    _, callback = watched([1.0, 0.5, 0.6, 0.6])
    state = {"best": 0.5, "first": 1.0, "first_train": 3.0, "rate": pytest.approx(0.1), "wait": 2, "begin": 4, "end": 6}
    other = Plateau(2)
    other.set_state(callback.get_state())
    assert other.get_state() == state
