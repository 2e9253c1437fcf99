"""Sentences in any script, as ids of words, characters, letter groups or bytes."""

import dataclasses

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.augmentation.tokens import TOKENS, drop_tokens
from data_pipelines.field_spec import FieldSpec, LabelSpec
from data_pipelines.modalities.modality import Modality, modality
from data_pipelines.tokenization.detokenize import UNSPACED, join_tokens
from data_pipelines.tokenization.wordpiece import LONGEST_WORD, cut_words, learn_pieces, longest_piece

SPLITS = ("word", "wordpiece", "whitespace", "character", "ngram", "byte")
PADDING, UNKNOWN = 0, 1
LEAST_CHARACTERS, MOST_CHARACTERS = 10_000, 2**28  # that are looked at, however few or many tokens are wanted
UNREAD = "\ufffd"  # what is written for a token that is not known


@modality
class Text(Modality):
    """A text, as a sequence of token ids.

    Args:
        split: how a text is cut. `"word"`: runs of letters and digits, single characters in scripts that are written
            without spaces (Chinese, Japanese, Thai …), punctuation alone. `"wordpiece"`: the same, and rarer words in
            pieces that are learned from training rows, so that few are unknown. `"whitespace"`: at white space only.
            `"character"`: every character, white space included once. `"ngram"`: groups of 3 to 5 letters inside
            `<words>`, and the words themselves, which suits little training data. `"byte"`: bytes of UTF-8, none of
            which is unknown. Defaults to `"word"`.
        max_tokens: int > 0. Longer texts are cut there. Defaults to `128`.
        vocabulary_size: int > 2. Most tokens kept, by frequency, with padding (0) and unknown (1). Defaults to `20000`.
        min_count: int > 0. Rarer tokens become unknown. Defaults to `1`.
        lower: bool. Whether case is dropped. Defaults to `True`.
        max_characters: int > 0 or None. Longer texts are cut there before anything else, so that one of any length
            costs no more. Defaults to `None`: 100 for each of `max_tokens`, and 10,000 at least.
        augment: None or dict, in training only: `dropout` (share of tokens that become unknown). Defaults to `None`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        int32 `(B, T)`, mask bool `(B, T)`; T is the longest of the batch and at least 1.
        A text that is empty or white space is absent. As a target: int32 `(B, L)`, the ids, the last id of all (the
        end) and padding 0.
    Raises:
        ValueError: an unknown split, a number out of range, a wrong `augment`; as a target, `split="ngram"`.
        ImportError: pieces of words are to be learned, and tokenizers is not installed; reading needs no library.
    References:
        Pieces of words: [Wu et al., 2016](https://arxiv.org/abs/1609.08144);
        see `data_pipelines.tokenization.wordpiece`.
        Letter groups as in [Bojanowski et al., 2017](https://arxiv.org/abs/1607.04606); differs: a vocabulary, no hash.
    """

    as_target = True
    label_as_input = True

    def __init__(
        self,
        split="word",
        max_tokens=128,
        vocabulary_size=20000,
        min_count=1,
        lower=True,
        max_characters=None,
        augment=None,
        column=None,
    ):
        super().__init__(column)
        if split not in SPLITS:
            raise ValueError(f"Text: split must be one of {SPLITS}. Received: split={split!r}. Do: split='word'.")
        if max_tokens < 1 or vocabulary_size < 3 or min_count < 1:
            raise ValueError(
                "Text: max_tokens and min_count must be > 0, vocabulary_size > 2. Received: "
                f"max_tokens={max_tokens}, min_count={min_count}, vocabulary_size={vocabulary_size}. Do: the defaults."
            )
        if max_characters is not None and max_characters < 1:
            raise ValueError(
                f"Text: max_characters must be > 0. Received: max_characters={max_characters}. Do: leave it out."
            )
        self.split = split
        self.max_tokens = int(max_tokens)
        self.vocabulary_size = int(vocabulary_size)
        self.min_count = int(min_count)
        self.lower = bool(lower)
        self.max_characters = None if max_characters is None else int(max_characters)
        self.augment_with = checked_augment("Text", augment, TOKENS, "'dropout': 0.1")
        self.vocabulary = None
        self.seen = None

    def adapt(self, chunks):
        """Counts tokens in batches of texts and keeps the most frequent; ties go by the alphabet.

        Pieces of words are learned from the words so counted; then texts are cut once more, to say how long they are.
        """
        counts, seen = self._counted(chunks)
        frequent = sorted((-n, token) for token, n in counts.items() if n >= self.min_count)
        kept = [] if self.split == "byte" else frequent[: self.vocabulary_size - 2]
        vocabulary = [token.decode("utf-8") for _, token in kept]
        if self.split == "wordpiece":
            self.set_state({"vocabulary": learn_pieces(counts, self.vocabulary_size - 2, self.min_count)})
            vocabulary, seen = self.vocabulary, self._counted(chunks)[1]
        self.set_state({"vocabulary": vocabulary, "seen": seen})

    def _counted(self, chunks):
        """(dict token → how often it was seen, what is to be known of the texts' lengths)."""
        counts, seen = {}, {"texts": 0, "cut": 0, "longest": 0}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def count(texts):
            tokens = self._pieces(texts)
            return *tf.unique_with_counts(tokens[:, : self.max_tokens].flat_values)[::2], tokens.row_lengths()

        for (texts,) in chunks:
            found, numbers, lengths = count(tf.constant(texts))
            seen["texts"] += int((lengths.numpy() > 0).sum())
            seen["cut"] += int((lengths.numpy() > self.max_tokens).sum())
            seen["longest"] = max(seen["longest"], int(lengths.numpy().max(initial=0)))
            for token, number in zip(found.numpy().tolist(), numbers.numpy().tolist(), strict=True):
                counts[token] = counts.get(token, 0) + number
        return counts, seen

    def state(self):
        return {"vocabulary": self.vocabulary, "seen": self.seen}

    def set_state(self, state):
        self.vocabulary = list(state["vocabulary"])
        self.seen = state.get("seen")
        keys = np.array([token.encode("utf-8") for token in self.vocabulary] or [b""], object)
        ids = np.arange(2, 2 + len(keys), dtype="int32")
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(ids))
        self.table = tf.lookup.StaticHashTable(pairs, UNKNOWN)
        self.longest = longest_piece(self.vocabulary)

    @property
    def most(self):
        return self.max_tokens

    def tokenize(self, texts):
        """Cuts texts `(B,)` into a ragged string tensor `(B, None)` of tokens, `max_tokens` a row at the most."""
        most = self.max_characters or max(LONGEST_WORD * self.max_tokens, LEAST_CHARACTERS)
        return self._pieces(_first_characters(texts, min(most, MOST_CHARACTERS)))[:, : self.max_tokens]

    def lengths(self, texts):
        """How many tokens texts have before any is left out, as an int array.

        Args:
            texts: sequence of str or bytes.
        """
        return self._pieces(tf.constant(list(texts), tf.string)).row_lengths().numpy()

    @property
    def remark(self):
        if not (self.seen and self.seen["cut"]):
            return ""
        return f"{self.seen['cut']} of {self.seen['texts']} texts cut, the longest has {self.seen['longest']} tokens"

    def _pieces(self, texts):
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replace_control_characters=True)
        if self.lower:
            texts = tf.strings.lower(texts, encoding="utf-8")
        texts = tf.strings.regex_replace(texts, r"[\s\x{FFFD}\p{Z}\p{C}]+", " ")
        texts = tf.strings.strip(texts)
        ways = {"word": _words, "wordpiece": self._wordpieces, "whitespace": tf.strings.split}
        return {**ways, "character": _characters, "ngram": _ngrams, "byte": tf.strings.bytes_split}[self.split](texts)

    def _wordpieces(self, texts):
        """Pieces of words; words, until a vocabulary is learned."""
        words = _words(texts)
        return words if self.vocabulary is None else cut_words(words, self.table, UNKNOWN, self.longest)

    def _numbers(self, tokens):
        """The ids of tokens `(N,)`."""
        if self.split == "byte":
            return tf.cast(tf.io.decode_raw(tokens, tf.uint8, fixed_length=1)[:, 0], tf.int32) + 2
        return self.table.lookup(tokens)

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def encode(self, served):
        tokens = self.tokenize(served[0])
        ids = tf.ragged.map_flat_values(self._numbers, tokens)
        width = tf.maximum(tf.cast(tf.reduce_max(tf.concat([[0], ids.row_lengths()], 0)), tf.int32), 1)
        mask = tf.sequence_mask(ids.row_lengths(), width)
        padded = ids.to_tensor(PADDING, shape=[None, self.max_tokens])[:, :width]
        return tf.ensure_shape(padded, (None, None)), mask, tf.zeros_like(served[0], tf.bool)

    def augment(self, value, mask, seed):
        return drop_tokens(value, mask, seed, UNKNOWN, **self.augment_with) if self.augment_with else value

    def check_target(self, name):
        """Refuses what nothing can be said from.

        Raises:
            ValueError: no text in any training row, or letter groups.
        """
        if self.seen and not self.seen["texts"]:
            raise ValueError(
                f'Text "{name}": some training row must have the target. Received: only empty cells. '
                "Do: another target, or other rows."
            )
        if self.split == "ngram":
            raise ValueError(
                f'Text "{name}": the tokens of a target must make up the text, and letter groups overlap. '
                "Received: split='ngram'. Do: split='word', 'wordpiece' or 'byte'."
            )

    def label(self, value, mask):
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        closed = tf.pad(tf.where(mask, value, PADDING), [[0, 0], [0, 1]])
        end = tf.one_hot(lengths, tf.shape(closed)[1], self.end, PADDING, dtype=tf.int32)
        there = lengths > 0
        return tf.where(there[:, None], closed + end, PADDING), tf.cast(there, tf.float32)

    def label_mask(self, label, weight):
        return label != PADDING

    def label_spec(self):
        return LabelSpec((None,), "int32", (None,), self.max_tokens + 1, as_input=self.label_as_input)

    def target_spec(self):
        field = super().target_spec()
        return dataclasses.replace(field, details={**field.details, "vocabulary_size": self.end + 1})

    @property
    def end(self):
        """The id that closes a target's label."""
        return self.spec()["vocabulary_size"]

    def write(self, name, prediction):
        keys = [bytes([number]) for number in range(256)] if self.split == "byte" else self.vocabulary
        known = (prediction > UNKNOWN) & (prediction < self.end)
        tokens = tf.gather(tf.constant(keys or [""]), tf.where(known, prediction - 2, 0))
        tokens = tf.where(known, tokens, tf.where(prediction == UNKNOWN, UNREAD, ""))
        return {name: join_tokens(tokens, self.split)}

    def units(self, values):
        """Labels or generated ids `(N, L)` as an array of texts."""
        written = self.write("text", tf.constant(values, tf.int32))["text"].numpy()
        return np.array([text.decode("utf-8", "replace") for text in written], object)

    def tokens(self, ids):
        """The tokens of an array of ids `(T,)` as a list of str; `"�"` for one that is not known."""
        if self.split == "byte":
            written = b"".join(bytes([number - 2]) if number >= 2 else UNREAD.encode() for number in ids)
            return [written.decode("utf-8", "replace")]
        return [self.vocabulary[number - 2] if number >= 2 else UNREAD for number in ids]

    def spec(self):
        size = None if self.vocabulary is None else len(self.vocabulary) + 2
        size = 258 if self.split == "byte" else size
        details = {"vocabulary_size": size, "max_tokens": self.max_tokens}
        return FieldSpec("Text", (None,), "int32", (None,), self.max_tokens, details=details)

    def get_config(self):
        return {
            **super().get_config(),
            "split": self.split,
            "max_tokens": self.max_tokens,
            "vocabulary_size": self.vocabulary_size,
            "min_count": self.min_count,
            "lower": self.lower,
            "max_characters": self.max_characters,
            "augment": self.augment_with or None,
        }


def _first_characters(texts, most):
    """Texts `(B,)` cut to so many characters, and to the bytes that so many can have."""
    return tf.strings.substr(tf.strings.substr(texts, 0, 4 * most), 0, most, unit="UTF8_CHAR")


def _words(texts):
    apart = tf.strings.regex_replace(texts, rf"([{UNSPACED}]|[^\pL\pN\pM\s])", r" \1 ")
    return tf.strings.split(apart)


def _characters(texts):
    return tf.strings.unicode_split(texts, "UTF-8")


def _ngrams(texts):
    """Words between `<` and `>`, and every group of 3 to 5 characters inside them."""
    words = _words(tf.strings.regex_replace(texts, r"[<>]", " "))
    marked = tf.ragged.map_flat_values(lambda word: tf.strings.join(["<", word, ">"]), words)
    letters = tf.strings.unicode_split(marked, "UTF-8")
    groups = [tf.strings.ngrams(letters, width, separator="").merge_dims(1, 2) for width in (3, 4, 5)]
    return tf.concat([marked, *groups], axis=1)
