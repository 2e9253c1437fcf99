"""Tokens put together again: the same sentence in every script, and what rules can't know."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipelines import Text
from data_pipelines.tokenization.detokenize import JOINED, join_tokens

SENTENCES = {
    "English": [
        "A dog, a cat (and a bird) play: what's next? Don't stop!",
        "Two red circles are left of a blue square.",
        "The e-mail costs $5.50, I think; 1,000 people read it at 12:30.",
        'He said "hello there" and left. "Really?" she asked ("no").',
        "The “quick” fox isn't 50% slower than the rock'n'roll state-of-the-art fox…",
        "Wait... what?! It is: -5, or [maybe] 20°C. 100 km/h #fast a_b",
        "'Quoted', she said, and/or not.",
    ],
    "German": ["Der Hund läuft über die Straße, 3,5 km.", "Er sagte: „Guten Morgen“ und ging. Für 20 € (etwa 50%)!"],
    "Italian": ["L'acqua è fresca; l'amico dell'uomo c'è. Perché no?", "«Ciao», disse. Quest’anno è così!"],
    "Spanish": ["¿Qué tal? ¡Muy bien! El col·legi és a prop."],
    "Russian": ["Москва — столица России. Что это такое?", "Он сказал: «Привет!» и ушёл, кто-то ждал (1990–2000)."],
    "Arabic": ["مرحبا بالعالم، كيف حالك؟ هذا كلب (صغير)؛ نعم.", "السعر ٣٫٥ دولار و ٥٠٪ خصم.", "كَتَبَ الوَلَدُ."],
    "Hindi": ["नमस्ते दुनिया। यह एक कुत्ता है।"],
    "Korean": ["안녕하세요, 저는 학생입니다."],
    "Chinese": [
        "我有2只cat。他说：“你好！”然后走了（很快）。",
        "我喜欢《红楼梦》、苹果和iPhone 15手机！",
        "今天天气很好……我们走吧——现在。比尔·盖茨说“好”；价格是3.5元。",
        '他说"你好", 然后走了(很快).',
        "两个红色的圆在蓝色的正方形的左边。",
    ],
    "Japanese": [
        "私は2匹の猫を飼っています。コーヒーとラーメンが好き！「はい」と言った。",
        "東京タワーは333mです。ラーメン屋でWi-Fiを使う（毎日）。",
    ],
    "Thai": ["แมวกินปลา2ตัว"],
    "emoji": ["I love it 😀! Yes 👍🏽", "ok 😀😀 then 🇩🇪", "我爱你❤️", "I ❤️ Rome, é"],
}


def there_and_back(sentences, **options):
    text = Text(**options)
    return [told.decode() for told in join_tokens(text.tokenize(tf.constant(sentences)), text.split).numpy()]


@pytest.mark.parametrize("split", JOINED)
@pytest.mark.parametrize("language", SENTENCES)
def test_sentences_come_back(language, split):
    sentences = SENTENCES[language]
    assert there_and_back(sentences, split=split, max_tokens=500) == [sentence.lower() for sentence in sentences]


def test_case_comes_back_where_it_was_kept():
    assert there_and_back(["Don't  STOP"], lower=False) == ["Don't STOP"]


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("1, 2 and 3", "1,2 and 3"),
        ("see example.com", "see example. com"),
        ("AT&T", "at & t"),
        ("a - b", "a-b"),
        ("20 °C", "20°c"),
        ("« bonjour »", "«bonjour»"),
        ("我有 2 只", "我有2只"),
        ("😀 😀", "😀😀"),
        ("un po' di", "un po'di"),
    ],
)
def test_what_rules_cannot_know(sentence, told):
    assert there_and_back([sentence]) == [told]


@pytest.mark.parametrize("split", JOINED)
def test_padding_is_nothing(split):
    tokens = Text(split=split, max_tokens=200).tokenize(tf.constant(["a cat, too.", "", "猫"]))
    padded = tokens.to_tensor("garbage")
    mask = tf.sequence_mask(tokens.row_lengths(), padded.shape[1])
    told = join_tokens(padded, split, mask).numpy().tolist()
    assert told == join_tokens(tokens, split).numpy().tolist() == [b"a cat, too.", b"", "猫".encode()]
    assert join_tokens(padded[:, :0], split).numpy().tolist() == [b"", b"", b""]
    assert join_tokens(padded[:0], split, mask[:0]).shape == (0,)


def test_empty_tokens_vanish():
    assert join_tokens(tf.constant([["", "a", "", "cat", ""]]), "word").numpy().tolist() == [b"a cat"]


def test_broken_bytes_become_a_sign():
    told = join_tokens(tf.constant([[b"\xe7", b"\x8c", b"\xab", b"\xff", b"a", b"\xe7"]]), "byte")
    assert told.numpy()[0].decode() == "猫�a�"


def test_it_exports(tmp_path):
    module = tf.Module()
    module.told = tf.function(
        lambda tokens: join_tokens(tokens, "word"), input_signature=[tf.TensorSpec([None, None], tf.string)]
    )
    tf.saved_model.save(module, tmp_path)
    told = tf.saved_model.load(tmp_path).told(tf.constant([["don", "'", "t", "!"], ["我", "有", "2", "只"]]))
    np.testing.assert_array_equal(told.numpy(), [b"don't!", "我有2只".encode()])


def test_letter_groups_are_refused():
    with pytest.raises(ValueError, match=r"tokens must be cut by one of .*Received: split='ngram'"):
        join_tokens(tf.constant([["a"]]), "ngram")
