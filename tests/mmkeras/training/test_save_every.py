"""When a checkpoint is due."""

import pytest

from mmkeras.training.save_every import SaveEvery


@pytest.mark.parametrize(
    ("every", "steps", "seconds", "epoch_ends", "due"),
    [
        (None, 5, 1.1, True, True),
        (None, 5, 0.9, True, False),  # saving took 0.02 s: more than 2 % of the time
        (None, 5, 599, False, False),
        (None, 5, 601, False, True),
        (200, 199, 9999, True, False),
        ("200", 200, 0, False, True),
        ("90s", 9999, 89, True, False),
        ("90s", 1, 90, False, True),
        ("5min", 1, 300, False, True),
        ("2 h", 1, 7199, True, False),
    ],
)
def test_it_is_due(every, steps, seconds, epoch_ends, due):
    assert SaveEvery(every).due(steps, seconds, cost=0.02, epoch_ends=epoch_ends) == due
