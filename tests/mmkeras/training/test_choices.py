import pytest

from mmkeras.training.choices import Choices


@pytest.mark.parametrize(
    ("rows", "batch_size", "patience"), [(100, 16, 22), (599, 16, 4), (600, 32, 8), (10_000, 64, 3), (50_000, 128, 3)]
)
def test_rows_decide(rows, batch_size, patience):
    chosen = Choices(rows)
    assert (chosen.batch_size, chosen.patience) == (batch_size, patience)
    assert chosen.steps == -(-rows // batch_size)


def test_the_running_mean_forgets_faster_where_epochs_are_short():
    assert Choices(50).ema_momentum < Choices(300).ema_momentum < Choices(50_000).ema_momentum == 0.99


def test_what_is_given_stays():
    chosen = Choices(100, batch_size=5, epochs=3, patience=2, ema_momentum=0.0)
    facts = {"batch_size": 5, "epochs": 3, "patience": 2, "ema_momentum": 0.0, "steps": 20}
    assert {name: chosen.facts()[name] for name in facts} == facts
