import pytest

from mmkeras.training.choices import Choices


@pytest.mark.parametrize(
    ("rows", "batch_size", "patience"), [(100, 16, 29), (599, 16, 6), (600, 32, 11), (10_000, 64, 3), (50_000, 128, 3)]
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


def test_a_cosine_is_trained_to_its_end():
    chosen = Choices(100, schedule="cosine")
    assert (chosen.epochs, chosen.patience, chosen.warmup) == (20, None, 0.05)
    assert Choices(100).warmup is None and Choices(100).facts()["schedule"] == "plateau"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"schedule": "line"}, r"schedule must be one of \('plateau', 'cosine'\). Received: schedule='line'"),
        ({"keep": "first"}, r"keep must be one of \('best', 'last'\). Received: keep='first'"),
        ({"clipnorm": 0.0}, "clipnorm must be > 0. Received: clipnorm=0.0"),
        ({"schedule": "cosine", "warmup": 1.0}, r"warmup must be in \[0, 1\). Received: warmup=1.0"),
        ({"warmup": 0.1}, "only a cosine has a warm-up. Received: warmup=0.1 with schedule='plateau'"),
        ({"schedule": "cosine", "keep": "last", "patience": 3}, "keep='last' has none. Received: patience=3"),
    ],
)
def test_choices_that_cannot_be(options, rule):
    with pytest.raises(ValueError, match=rule):
        Choices(100, **options)
