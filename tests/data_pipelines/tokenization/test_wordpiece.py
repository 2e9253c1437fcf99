"""Pieces of words: learned the same in every run, cut as BERT cuts, and put together again."""

import sys

import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Number, Pipeline, Text, read_table
from data_pipelines.tokenization.wordpiece import learn_pieces

pytest.importorskip("tokenizers")
TEXTS = ["running runner runs jumped jumping jumper", "walk walking walked, unwalked", "我喜欢猫。", "Don't walk!", ""]


def adapted(texts=TEXTS, **options):
    text = Text("wordpiece", **{"vocabulary_size": 60, **options})
    text.adapt([(np.array(texts, object),)])
    return text


@pytest.fixture(scope="module")
def text():
    return adapted()


def cut(text, *sentences):
    return [[piece.decode() for piece in pieces] for pieces in text.tokenize(tf.constant(sentences)).to_list()]


def by_hand(word, vocabulary):
    """Longest match first, as BERT's reference code says it."""
    pieces, start = [], 0
    while start < len(word):
        lead = "##" if start else ""
        fitting = [end for end in range(start + 1, len(word) + 1) if lead + word[start:end] in vocabulary]
        if not fitting or len(word) > 100:
            return [word]
        pieces.append(lead + word[start : max(fitting)])
        start = max(fitting)
    return pieces


def test_words_are_cut_as_by_hand(text):
    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("abdegijklmnoprsuwz"), random.integers(1, 12))) for _ in range(300)]
    words += ["running", "unjumping", "walkжed", "ж", "w" * 100, "w" * 101, "runrunrunrun"]
    vocabulary = {*text.vocabulary}
    expected = [by_hand(word, vocabulary) for word in words]
    assert cut(text, *words) == expected
    assert max(map(len, expected)) == 100 and sum(len(pieces) > 2 for pieces in expected) > 50
    assert cut(text, " ".join(words[:40])) == [[piece for pieces in expected[:40] for piece in pieces][:128]]


def test_the_library_cuts_the_same(text):
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {piece: place for place, piece in enumerate([*text.vocabulary, "?"])}
    theirs = Tokenizer(models.WordPiece(vocabulary, unk_token="?"))
    theirs.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    sentence = "unwalking jumpwalker ж unjumped walkedж 猫 。 ' runs"
    ours = [piece if piece in vocabulary else "?" for piece in cut(text, sentence)[0]]
    assert ours == theirs.encode(sentence).tokens and "?" in ours


def test_scripts_without_spaces_empty_texts_and_what_was_never_seen(text):
    value, mask, bad = text.encode([tf.constant(["我喜欢猫", "", " \n", "Ж qqq 犬", "walked"])])
    assert mask.numpy().sum(1).tolist() == [4, 0, 0, 3, 1 + len(cut(text, "walked")[0]) - 1]
    assert value[3].numpy().tolist()[:3] == [1, 1, 1] and not bad.numpy().any()
    assert (value[0].numpy() > 1).all() and not value[1].numpy().any()


def test_the_same_texts_give_the_same_vocabulary():
    random = np.random.default_rng(1)
    texts = [
        " ".join("".join(random.choice(list("abcdef"), random.integers(1, 8))) for _ in range(20)) for _ in "x" * 50
    ]
    first, second = (adapted(texts, vocabulary_size=200).vocabulary for _ in range(2))
    assert first == second and len(first) == len({*first}) == 198


def test_the_limits_of_a_vocabulary(text):
    assert len(text.vocabulary) <= 58
    small = adapted(vocabulary_size=8)
    assert len(small.vocabulary) <= 6 and cut(small, "zebra") == [["zebra"]]
    assert not {"running", "walk"} & {*adapted(vocabulary_size=200, min_count=99).vocabulary}
    assert {"running", "walk", "##ed"} <= {*adapted(vocabulary_size=200).vocabulary}
    empty = adapted(["", " "])
    assert empty.vocabulary == [] and empty.encode([tf.constant(["a b"])])[0].numpy().tolist() == [[1, 1]]


def test_a_frequent_word_in_lines(monkeypatch):
    monkeypatch.setattr("data_pipelines.tokenization.wordpiece.LINE", 3)
    assert "abc" in learn_pieces({b"abc": 7, b"xyz": 1}, 12, 2) and "xyz" not in learn_pieces({b"xyz": 1}, 12, 2)


def test_what_is_cut_is_told_in_pieces():
    text = adapted(max_tokens=3)
    lengths = text.lengths(TEXTS)
    assert text.seen == {"texts": 4, "cut": int((lengths > 3).sum()), "longest": int(lengths.max())}


def test_targets_are_written_as_texts_again_and_state_comes_back(tmp_path):
    said = ["a Running cat, too!", "", "don't jump: 3.5 km", "我有2只cat。"]
    table = read_table(pandas.DataFrame({"size": range(4), "said": said}))
    pipe = Pipeline({"size": Number()}, {"said": Text("wordpiece", vocabulary_size=50, lower=False)}).adapt(table)
    assert any(piece.startswith("##") for piece in pipe.targets["said"].vocabulary)
    pipe.save(tmp_path / "pipe.json")
    for found in (pipe, Pipeline.load(tmp_path / "pipe.json")):
        _, y, _ = next(iter(found.batches(table, 4)))
        assert found.targets["said"].units(y["said"]).tolist() == said
        assert found.write({"said": y["said"]})["said"].numpy()[3].decode() == said[3]


def test_served_texts_are_cut_as_in_training(text, tmp_path):
    module = tf.Module()
    module.table = text.table
    module.ids = tf.function(lambda texts: text.encode([texts])[:2], input_signature=[tf.TensorSpec([None], tf.string)])
    sentences = tf.constant(["unjumping runs, 猫", "", "ж walked"])
    tf.saved_model.save(module, tmp_path / "model")
    for ours, theirs in zip(module.ids(sentences), tf.saved_model.load(tmp_path / "model").ids(sentences), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_tokenizers(text, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r'Text: split="wordpiece" learns .* pip install "mmkeras\[wordpiece\]"'):
        adapted()
    again = Text("wordpiece")
    again.set_state(text.state())
    assert cut(again, "unjumping") == cut(text, "unjumping")
