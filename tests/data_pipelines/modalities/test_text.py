"""Texts in any script: how they are cut, counted and numbered."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines import Text
from data_pipelines.infer import describe

FAMILY = "👩\u200d👧"


def cut(text, **options):
    return [token.decode() for token in Text(**options).tokenize(tf.constant([text]))[0].numpy()]


def adapted(*texts, **options):
    text = Text(**options)
    text.adapt([(np.array(texts, object),)])
    return text


def encoded(text, *cells):
    value, mask, bad = text.encode([tf.constant(cells)])
    assert not bad.numpy().any()
    return value.numpy(), mask.numpy()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat, asleep.", ["the", "cat", ",", "asleep", "."]),
        ("don't stop-it", ["don", "'", "t", "stop", "-", "it"]),
        ("3.5kg €9", ["3", ".", "5kg", "€", "9"]),
        ("Ärger über Straße ÉCOLE", ["ärger", "über", "straße", "école"]),
        ("e\u0301cole", ["e\u0301cole"]),
        ("我喜欢猫。", ["我", "喜", "欢", "猫", "。"]),
        ("猫がsushiを食べた!", ["猫", "が", "sushi", "を", "食", "べ", "た", "!"]),
        ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
        ("แมว", ["แ", "ม", "ว"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("القطة تنام؟", ["القطة", "تنام", "؟"]),
        ("ПРИВЕТ мир", ["привет", "мир"]),
        ("good🐈🐕day", ["good", "🐈", "🐕", "day"]),
        (FAMILY, ["👩", "👧"]),
        ("a\tb\nc\u3000d\u00a0e\0f", ["a", "b", "c", "d", "e", "f"]),
    ],
)
def test_words(text, tokens):
    assert cut(text) == tokens


def test_whitespace():
    assert cut("don't  stop,\nnow 我喜欢猫", split="whitespace") == ["don't", "stop,", "now", "我喜欢猫"]


def test_characters():
    assert cut("Ab  猫é\n🐈", split="character") == ["a", "b", " ", "猫", "é", " ", "🐈"]


def test_letter_groups():
    assert cut("Cats", split="ngram") == [
        "<cats>",
        "<ca",
        "cat",
        "ats",
        "ts>",
        "<cat",
        "cats",
        "ats>",
        "<cats",
        "cats>",
    ]
    assert cut("<b>éa", split="ngram")[:2] == ["<b>", "<éa>"]


def test_case_is_kept_on_demand():
    assert cut("Ab É", lower=False) == ["Ab", "É"]


def test_invalid_bytes_split_words_and_break_nothing():
    assert cut(b"abc\xff\xfe def\xc3") == ["abc", "def"]
    text = adapted(b"abc\xff", b"\xff\xfe\xfd", b"abc")
    assert text.vocabulary == ["abc"]
    value, mask = encoded(text, b"\xff", b"\xe4abc")
    assert value.tolist() == [[0], [2]] and mask.tolist() == [[False], [True]]


def test_the_vocabulary_goes_by_count_and_then_by_alphabet():
    assert adapted("b a c", "b ä", "z b").vocabulary == ["b", "a", "c", "z", "ä"]
    assert adapted("b a c", "b a").vocabulary == ["a", "b", "c"]


def test_the_vocabulary_is_cut_and_rare_tokens_are_left_out():
    texts = ["a b c d", "a b c", "a b"]
    assert adapted(*texts, vocabulary_size=4).vocabulary == ["a", "b"]
    assert adapted(*texts, min_count=3).vocabulary == ["a", "b"]
    assert adapted(*texts, min_count=4).vocabulary == []


def test_ids_and_masks():
    text = adapted("a b", "a")
    value, mask = encoded(text, "b a", "new", "a b a")
    assert value.dtype == np.int32
    assert value.tolist() == [[3, 2, 0], [1, 0, 0], [2, 3, 2]]
    assert mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]
    assert text.spec().details == {"vocabulary_size": 4, "max_tokens": 128}


@pytest.mark.parametrize("split", ["word", "whitespace", "character", "ngram"])
def test_empty_and_white_space_are_absent(split):
    text = adapted("a b", split=split)
    value, mask = encoded(text, "", "  \n", "\u3000\u200b", "\ufeff")
    assert value.shape == (4, 1) and not value.any() and not mask.any()
    assert encoded(text, "", "a")[1].any(1).tolist() == [False, True]


def test_an_empty_vocabulary_makes_everything_unknown():
    value, mask = encoded(adapted("", " "), "a b", "")
    assert value.tolist() == [[1, 1], [0, 0]] and mask.tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("split", ["word", "whitespace", "character", "ngram"])
def test_a_megabyte_is_cut(split):
    text = adapted("word", split=split, max_tokens=7)
    value, mask = encoded(text, "word " * 200_000, "w" * 1_000_000, "word")
    assert value.shape[1] == 7 and mask[0].sum() == 7 and mask[2].any()


def test_only_the_first_tokens_count():
    text = adapted("a b c d", max_tokens=2)
    assert text.vocabulary == ["a", "b"]
    assert encoded(text, "b c a")[0].tolist() == [[3, 1]]


def test_state_and_config_come_back():
    text = adapted("b a c", "b ä 猫", split="character", max_tokens=5, lower=False)
    again = Text(**{key: value for key, value in text.get_config().items() if key != "modality"})
    again.set_state(text.state())
    np.testing.assert_array_equal(encoded(again, "猫 bä!x")[0], encoded(text, "猫 bä!x")[0])
    assert again.get_config() == text.get_config()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "sentence"}, r"split must be one of .* Received: split='sentence'"),
        ({"max_tokens": 0}, r"max_tokens and min_count must be > 0.*Received: max_tokens=0"),
        ({"min_count": 0}, r"must be > 0.*min_count=0"),
        ({"vocabulary_size": 2}, r"vocabulary_size > 2.*vocabulary_size=2"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Text(**options)


@pytest.mark.parametrize("text", ["a cat", "我喜欢猫", "猫がsushi", "القطة", "👩\u200d👧 🇫🇷", "é"])
def test_bytes_are_those_of_utf_8_and_come_back(text):
    way = adapted("x", split="byte", lower=False)
    plain = text.replace("\u200d", " ")  # an unseen joiner is white space, as in every split
    value, mask = encoded(way, text, "")
    assert value[0].tolist() == [2 + byte for byte in plain.encode()] and not mask[1].any()
    assert way.tokens(value[0]) == [plain] and way.spec()["vocabulary_size"] == 258
    assert way.vocabulary == [] and way.tokens([1, 99]) == ["\ufffda"]


def test_what_is_cut_is_counted_and_told():
    text = adapted("a b c d e", "a b", "", "a b c d", max_tokens=3)
    assert text.state()["seen"] == {"texts": 3, "cut": 2, "longest": 5}
    assert describe(text) == "Text(max_tokens=3); 2 of 3 texts cut, the longest has 5 tokens"
    assert text.lengths(["a b c d e f", "", b"\xff a"]).tolist() == [6, 0, 1]
    assert describe(adapted("a b", max_tokens=3)) == "Text(max_tokens=3)"
    old = Text()
    old.set_state({"vocabulary": ["a"]})
    assert old.remark == ""
