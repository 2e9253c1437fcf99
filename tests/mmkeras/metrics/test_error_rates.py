import importlib.util
import random
import re

import pytest

from mmkeras.metrics import error_rates
from mmkeras.metrics.error_rates import character_error_rate, edit_distance, word_error_rate

RATES = (word_error_rate, character_error_rate)


@pytest.fixture(params=["jiwer", "own"])
def way(request, monkeypatch):
    if request.param == "own":
        monkeypatch.setattr(error_rates, "_jiwer", lambda: None)
    elif not importlib.util.find_spec("jiwer"):
        pytest.skip("jiwer is not installed")


def recursive(first, second):
    """Levenshtein's definition."""
    if not first or not second:
        return len(first) + len(second)
    skipped = min(recursive(first[1:], second), recursive(first, second[1:]))
    return min(skipped + 1, recursive(first[1:], second[1:]) + (first[0] != second[0]))


def test_edit_distance_is_levenshteins():
    draw = random.Random(0)
    for _ in range(60):
        first, second = ["".join(draw.choices("abc", k=draw.randrange(6))) for _ in range(2)]
        assert edit_distance(first, second) == recursive(first, second)
    assert edit_distance("kitten", "sitting") == 3


def test_rates_by_hand(way):
    texts, told = ["the cat sat", "yes"], ["the hat sat down", ""]
    assert word_error_rate(texts, told) == pytest.approx((1 + 1 + 1) / 4)
    assert character_error_rate(texts, told) == pytest.approx((1 + 5 + 3) / 14)


def test_chinese_goes_by_characters(way):
    assert character_error_rate(["今天天气好"], ["今天天汽好"]) == pytest.approx(1 / 5)
    assert word_error_rate(["今天天气好"], ["今天天汽好"]) == 1.0


def test_nothing_should_be_said(way):
    for rate in RATES:
        assert rate(["", " "], ["", ""]) == 0.0
        assert rate([""], ["a b" if rate is word_error_rate else "ab"]) == 2.0
        assert rate(["", "a"], ["b", "a"]) == 1.0
        assert rate([], []) == 0.0


def test_white_space_around(way):
    assert word_error_rate([" a  b "], ["a b"]) == 0.0
    assert character_error_rate([" a b "], ["a b"]) == 0.0


@pytest.mark.skipif(not importlib.util.find_spec("jiwer"), reason="jiwer is not installed")
@pytest.mark.parametrize("rate", RATES, ids=lambda rate: rate.__name__)
def test_both_ways_agree(rate, monkeypatch):
    draw = random.Random(0)
    texts, told = [["".join(draw.choices("ab  é字", k=draw.randrange(30))) for _ in range(100)] for _ in range(2)]
    both = [rate(texts, told)]
    monkeypatch.setattr(error_rates, "_jiwer", lambda: None)
    both.append(rate(texts, told))
    assert both[0] == pytest.approx(both[1], abs=1e-12)
    assert both[0] > 0.1


@pytest.mark.parametrize(("rate", "name"), [(word_error_rate, "wer"), (character_error_rate, "cer")])
def test_lengths(rate, name):
    rule = f"{name}: there must be as many texts told as there should be. Received: 2 and 1."
    with pytest.raises(ValueError, match=re.escape(rule)):
        rate(["a", "b"], ["a"])
