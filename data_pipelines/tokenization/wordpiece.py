"""Pieces of words: a vocabulary that is learned from counted words, and the longest-match cut in the graph."""

import collections

import tensorflow as tf

INSIDE = "##"  # begins a piece that does not begin a word
LONGEST_WORD = 100  # characters; longer ones are unknown, as in BERT
LINE = 1000  # words that the trainer is given at a time


def learn_pieces(counts, size, min_count):
    """Learns the pieces of which words are made.

    Args:
        counts: dict word, in bytes → how often it was seen.
        size: int > 0. Most pieces.
        min_count: int > 0. How often two pieces must stand side by side to become one.
    Returns:
        list of str: characters, then pieces in the order in which they were joined.
    Raises:
        ImportError: tokenizers is not installed.
    References:
        [Wu et al., 2016](https://arxiv.org/abs/1609.08144). Differs, as in Hugging Face tokenizers: the most frequent
        pair is joined, not the likeliest.
    """
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError as error:
        raise ImportError(
            'Text: split="wordpiece" learns its vocabulary through tokenizers, which is not installed. '
            'Do: pip install "mmkeras[wordpiece]"'
        ) from error
    words = [(word.decode("utf-8"), number) for word, number in sorted(counts.items())]
    words = [(word, number) for word, number in words if len(word) <= LONGEST_WORD]
    smallest = {*_frequent(words, size)}
    words = [(word, number) for word, number in words if smallest.issuperset(_smallest(word))]
    inside = sorted({piece for word, _ in words for piece in _smallest(word)[1:]})
    tokenizer = Tokenizer(models.WordPiece())
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # Left to itself, the trainer numbers characters inside words, and so breaks ties, otherwise in every run.
    options = {"special_tokens": inside, "min_frequency": min_count}
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, **options, continuing_subword_prefix=INSIDE, show_progress=False
    )
    tokenizer.train_from_iterator(_lines(words), trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)[:size]


def _smallest(word):
    """A word as pieces of one character."""
    return [word[0], *(INSIDE + character for character in word[1:])]


def _frequent(words, most):
    """The most frequent pieces of one character; ties go by the alphabet."""
    counts = collections.Counter()
    for word, number in words:
        for piece in _smallest(word):
            counts[piece] += number
    return sorted(counts, key=lambda piece: (-counts[piece], piece))[:most]


def _lines(words):
    """Each word as often as it was seen, in lines of bounded length."""
    for word, number in words:
        for _ in range(number // LINE):
            yield " ".join([word] * LINE)
        yield " ".join([word] * (number % LINE))


def longest_piece(vocabulary):
    """Characters of the longest piece; 1 at least."""
    return max((len(piece.removeprefix(INSIDE)) for piece in vocabulary), default=1)


def cut_words(words, table, unknown, longest):
    """Cuts words into the longest pieces of a vocabulary, from left to right.

    Args:
        words: ragged string tensor `(B, None)`.
        table: lookup table, piece → id.
        unknown: int. Ids above it are those of pieces.
        longest: int. Characters of the longest piece.
    Returns:
        ragged string tensor `(B, None)`: pieces, those inside a word behind `"##"`. A word of which some part is in no
        piece stays whole, and so is unknown.
    """
    different, places = tf.unique(words.flat_values)
    is_whole = table.lookup(different) > unknown
    is_short = tf.strings.length(different, unit="UTF8_CHAR") <= LONGEST_WORD
    others = tf.where(~is_whole & is_short)[:, 0]
    parts = _cut(tf.gather(different, others), table, unknown, longest)
    count = tf.size(different)
    both = tf.concat([tf.RaggedTensor.from_tensor(different[:, None]), parts], 0)
    chosen = tf.tensor_scatter_nd_update(tf.range(count), others[:, None], count + tf.range(tf.size(others)))
    return words.with_flat_values(tf.gather(both, tf.gather(chosen, places))).merge_dims(-2, -1)


def _cut(words, table, unknown, longest):
    """Pieces `(N, None)` of words `(N,)` that are no piece as a whole: the next one of every word, again and again."""
    sizes = tf.range(1, longest + 1)[None]

    def some_left(left, pieces, failed):
        return tf.reduce_any(left != "")

    def take(left, pieces, failed):
        lead = tf.where(tf.shape(pieces)[1] == 0, "", INSIDE)
        starts = tf.strings.substr(left[:, None], tf.zeros_like(sizes), sizes, unit="UTF8_CHAR")
        fits = table.lookup(tf.strings.join([lead, starts])) > unknown
        length = tf.strings.length(left, unit="UTF8_CHAR")
        taken = tf.minimum(tf.reduce_max(tf.where(fits & (left != "")[:, None], sizes, 0), 1), length)
        piece = tf.strings.substr(left, tf.zeros_like(taken), taken, unit="UTF8_CHAR")
        failed |= (left != "") & (taken == 0)
        left = tf.where(failed, "", tf.strings.substr(left, taken, length - taken, unit="UTF8_CHAR"))
        piece = tf.where(piece == "", "", tf.strings.join([lead, piece]))
        return left, tf.concat([pieces, piece[:, None]], 1), failed

    start = (words, tf.zeros([tf.size(words), 0], tf.string), tf.zeros_like(words, tf.bool))
    shapes = (tf.TensorShape([None]), tf.TensorShape([None, None]), tf.TensorShape([None]))
    _, pieces, failed = tf.while_loop(some_left, take, start, shapes)
    pieces = tf.where(failed[:, None], "", pieces)
    pieces = tf.concat([tf.where(failed, words, "")[:, None], pieces], 1)
    return tf.ragged.boolean_mask(pieces, pieces != "")
