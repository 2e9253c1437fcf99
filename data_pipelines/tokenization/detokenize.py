"""Tokens → sentences: the way back of `Text.tokenize`, in the TensorFlow graph and free of Python functions.

Words forget the spaces between them, so rules put them back: none before closing punctuation and after opening one,
none inside numbers ("3.5", "12:30") and words ("don't", "l'acqua", "e-mail", "km/h"), none inside pairs of quotes,
none around characters of scripts written without spaces, whatever stands beside them ("我有2只cat"), and none around
their wide punctuation. What tokens don't tell can't come back: a space that such a text had ("2 只", phrases in Thai),
lists of numbers ("1, 2" is read as a decimal), names with dots or signs inside ("example.com", "AT&T"), a hyphen with
spaces ("a - b"), single quotes inside a sentence, spaces inside « » as in French or before °, gaps between emoji.
"""

import tensorflow as tf

from data_pipelines.tokenization.wordpiece import INSIDE

JOINED = ("word", "wordpiece", "whitespace", "character", "byte")
# Scripts that are written without spaces: Text makes every character a token of its own.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# Punctuation as wide as a Chinese character, which has its space within.
WIDE = r"\x{3000}-\x{3004}\x{3008}-\x{303F}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}\x{FF3B}-\x{FF40}\x{FF5B}-\x{FF65}"
# “ closes in German and opens in English: here stands a closing one, until the last rule. No text can hold this sign.
CLOSED = "\ue000"
CLOSING = rf".,;:!?)\]}}%‰°…”’›»،؛؟٪।{CLOSED}"
OPENING = r"(\[{“‘‹«„‚¿¡#"
LETTER = r"\pL\pM\pN"
EMOJI = r"\p{So}\x{1F3FB}-\x{1F3FF}"
# Each rule: what is found, what is written instead, and how often, twice where finds overlap.
RULES = (
    # Quotes in pairs; straight single ones only where they can't be apostrophes.
    (r'" ([^"]*) "', r'"\1"', 1),
    (r"„ ([^„“”]*) “", rf"„ \1 {CLOSED}", 1),
    (rf"(^|[^{LETTER}] )' ([^']*) '($| [^{LETTER}])", r"\1'\2'\3", 1),
    # Inside words, then inside numbers.
    (rf"([{LETTER}]) (['’\-‐‑/@_·]) ([{LETTER}])", r"\1\2\3", 2),
    (r"(\pN) ([.,:–٫٬]) (\pN)", r"\1\2\3", 2),
    # "-5" where nothing stands before that it could belong to; "$5".
    (rf"(^|[^{LETTER})\]] )([\-−]) (\pN)", r"\1\2\3", 1),
    (r"(\p{Sc}) (\pN)", r"\1\2", 1),
    # Accents and skin tones, flags, runs of emoji, double dashes.
    (r" ([\pM\x{1F3FB}-\x{1F3FF}])", r"\1", 1),
    (r"([\x{1F1E6}-\x{1F1FF}]) ([\x{1F1E6}-\x{1F1FF}])", r"\1\2", 1),
    (rf"([{EMOJI}]) ([{EMOJI}])", r"\1\2", 2),
    (r"— —", r"——", 1),
    (rf" ([{CLOSING}])", r"\1", 1),
    (rf"([{OPENING}]) ", r"\1", 1),
    (r"° (\pL)", r"°\1", 1),
    # Scripts without spaces: none but the one after narrow punctuation.
    (rf" ?([{WIDE}]) ?", r"\1", 1),
    (rf"([{UNSPACED}]) ", r"\1", 1),
    (rf"([^.,;:!?]) ([{UNSPACED}])", r"\1\2", 1),
    (CLOSED, "“", 1),
)


def join_tokens(tokens, split, mask=None):
    """Puts sentences together.

    Args:
        tokens: string tensor `(B, L)`, padded or ragged; empty ones vanish.
        split: one of `JOINED`: how `Text` had cut them.
        mask: bool tensor `(B, L)` or None, for padded tokens; True = real.
    Returns:
        string tensor `(B,)`: what `Text` made of the text before it cut it (lower case where it says so, one space at a
        time), as far as the rules reach. Bytes that are no UTF-8 become `"�"`.
    Raises:
        ValueError: a `split` that can't be joined.
    """
    if split not in JOINED:
        raise ValueError(
            f"join_tokens: tokens must be cut by one of {JOINED}: letter groups overlap. "
            f"Received: split={split!r}. Do: split='word'."
        )
    if mask is not None:
        tokens = tf.where(mask, tokens, tf.zeros_like(tokens))
    if split in ("character", "byte"):
        together = tf.strings.reduce_join(tokens, axis=-1)
        return tf.strings.unicode_transcode(together, "UTF-8", "UTF-8", errors="replace")
    spaced = tf.strings.reduce_join(tokens, axis=-1, separator=" ")
    spaced = tf.strings.strip(tf.strings.regex_replace(spaced, " +", " "))
    if split == "wordpiece":
        spaced = tf.strings.regex_replace(spaced, f"(^| ){INSIDE}", "")
    return spaced if split == "whitespace" else _tightened(spaced)


def _tightened(texts):
    for found, written, times in RULES:
        for _ in range(times):
            texts = tf.strings.regex_replace(texts, found, written)
    return texts
