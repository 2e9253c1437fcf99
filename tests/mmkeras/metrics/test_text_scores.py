"""Scores of texts, against figures worked out by hand and known ones."""

import builtins

import numpy as np
import pytest

from mmkeras.metrics import text_scores
from mmkeras.metrics.text_scores import (
    bleu,
    caption_scores,
    chrf,
    cider,
    exact_match,
    perplexity,
    rouge_l,
    token_accuracy,
    words,
)

TEXTS = ["a red circle above a blue square", "two dogs run", "a cat sleeps on the mat"]
TOLD = ["a red circle above a green square", "two dogs run", "the mat"]


def test_the_same_texts_have_the_best_scores():
    best = {"exact_match": 1, "token_accuracy": 1, "bleu": 100, "chrf": 100, "rouge_l": 1}
    for texts in (
        TEXTS,
        ["我有2只cat。", "他说：“你好！”"],
        ["私はラーメンが好き", "東京タワー"],
        ["кот спит", "ok 😀"],
    ):
        scores = caption_scores(texts, texts)
        assert scores.pop("cider") > 1
        assert scores == pytest.approx(best)


@pytest.mark.parametrize("told", [["", "", ""], ["x", "y", "z"]])
def test_nothing_right_is_zero(told):
    scores = caption_scores(TEXTS, told)
    assert scores.pop("chrf") < 5
    assert scores == dict.fromkeys(["exact_match", "token_accuracy", "bleu", "rouge_l", "cider"], 0.0)


def test_nothing_due_is_finite():
    assert np.isfinite(list(caption_scores(["", ""], ["", "a"]).values())).all()
    assert caption_scores([""], [""])["token_accuracy"] == 1.0


def test_exact_match_and_places():
    assert exact_match(TEXTS, TOLD) == pytest.approx(1 / 3)
    assert token_accuracy(TEXTS, TOLD) == pytest.approx((6 + 3 + 0) / (7 + 3 + 6))


def test_bleu_of_a_known_pair():
    """Precisions 6/7, 4/6, 3/5, 2/4; as long as it should be."""
    expected = 100 * np.exp(np.mean(np.log([6 / 7, 4 / 6, 3 / 5, 2 / 4])))
    assert bleu(TEXTS[:1], TOLD[:1]) == pytest.approx(expected)


def test_short_texts_have_a_bleu():
    assert bleu(["a cat"], ["a cat"]) == pytest.approx(100)


def test_bleu_counts_characters_where_there_are_no_spaces():
    expected = 100 * np.exp(np.mean(np.log([5 / 6, 3 / 5, 1 / 4, 1 / 6])))
    assert bleu(["一只猫睡了。"], ["一只狗睡了。"]) == pytest.approx(expected)
    assert bleu(["ラーメンだ。"], ["ラーメンだ。"]) == pytest.approx(100)


def test_chrf_is_better_the_nearer():
    scores = [chrf(["кошка спит"], [told]) for told in ("кошка спит", "кошки спят", "собака")]
    assert scores[0] == pytest.approx(100)
    assert scores[0] > scores[1] > scores[2] >= 0


@pytest.mark.parametrize(
    ("text", "told", "common", "due", "given"),
    [
        ("a cat sleeps on the mat", "the cat sleeps", 2, 6, 3),
        ("кот спит на ковре", "кот на ковре", 3, 4, 3),
        ("一只猫睡了。", "一只狗睡。", 3, 5, 4),
    ],
)
def test_rouge_l_by_hand(text, told, common, due, given):
    precision, recall = common / given, common / due
    assert rouge_l([text], [told]) == pytest.approx(2 * precision * recall / (precision + recall))


def test_cider_by_hand():
    """Every word and n-gram is in one of the two texts, and worth log 2, but for "a", which is in both: 0."""
    # Of "a red dog", of which "a red fox" has: 1-grams red of (red, dog), 1/2; 2-grams "a red" of two, 1/2; no more.
    first = (1 / 2 + 1 / 2) / 4
    # Of "a big cat", of which "a big" has: 1-grams big of (big, cat), 1/√2; 2-grams "a big" of two, 1/√2; a word less.
    second = (1 / np.sqrt(2) + 1 / np.sqrt(2)) / 4 * np.exp(-1 / 72)
    assert cider(["a red dog", "a big cat"], ["a red fox", "a big"]) == pytest.approx(10 * (first + second) / 2)


def test_cider_as_the_coco_server_gives_it():
    """Figures of pycocoevalcap 1.2, one reference each."""
    assert cider(TEXTS, TOLD) == pytest.approx(5.370075, abs=1e-6)


def test_cider_is_zero_where_nothing_tells_texts_apart():
    assert cider(["a cat", "a cat"], ["a cat", "a cat"]) == 0.0


def test_perplexity():
    assert perplexity(np.log([0.25**3, 0.25]), [3, 1]) == pytest.approx(4)
    assert perplexity([0.0], [0]) == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, É!", ["don", "t", "stop", "é"]),
        ("我有2只cat。", ["我", "有", "2", "只", "cat"]),
        ("ラー・メン", ["ラ", "ー", "メ", "ン"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ok😀😀!", ["ok", "😀", "😀"]),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(("library", "scores"), [("sacrebleu", {"bleu", "chrf"}), ("rouge_score", {"rouge_l"})])
def test_what_a_missing_library_leaves_out(monkeypatch, library, scores):
    known = builtins.__import__

    def without(name, *args, **options):
        if name.split(".")[0] == library:
            raise ImportError(name)
        return known(name, *args, **options)

    full = caption_scores(TEXTS, TOLD)
    monkeypatch.setattr(builtins, "__import__", without)
    assert caption_scores(TEXTS, TOLD) == {name: score for name, score in full.items() if name not in scores}


@pytest.mark.parametrize(("texts", "told"), [([], []), (["a"], ["a", "b"])])
def test_as_many_told_as_due(texts, told):
    with pytest.raises(ValueError, match=rf"as many told.*texts={len(texts)}, told={len(told)}"):
        caption_scores(texts, told)


def test_the_words_of_sacrebleu_by_script():
    cut = text_scores._cut_by
    assert [cut(texts) for texts in (["a cat"], ["a", "猫"], ["猫が"], ["แมว"])] == ["13a", "zh", "char", "char"]
