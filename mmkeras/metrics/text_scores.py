"""How good generated texts are, by the measures that papers report, for any script."""

import collections
import functools
import unicodedata

import numpy as np

# How Unicode names the letters of scripts that are written without spaces.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR")
LONGEST, SIGMA = 4, 6.0  # of CIDEr: n-grams up to, and how much another length costs


def caption_scores(texts, told):
    """All scores of texts, one reference a row.

    Args:
        texts: sequence of N str, as they should be.
        told: sequence of N str, as they were generated.
    Returns:
        dict of floats: `exact_match` and `token_accuracy` in [0, 1]; `bleu` and `chrf` in [0, 100], left out where
        sacrebleu is not installed; `rouge_l` in [0, 1], left out where rouge-score isn't; `cider` in [0, 10].
    Raises:
        ValueError: not as many told as there are texts, or none.
    """
    texts, told = list(map(str, texts)), list(map(str, told))
    if not texts or len(texts) != len(told):
        raise ValueError(
            "caption_scores: there must be texts, and as many told. "
            f"Received: texts={len(texts)}, told={len(told)}. Do: one text told for each row."
        )
    scores = {
        "exact_match": exact_match(texts, told),
        "token_accuracy": token_accuracy(texts, told),
        "bleu": bleu(texts, told),
        "chrf": chrf(texts, told),
        "rouge_l": rouge_l(texts, told),
        "cider": cider(texts, told),
    }
    return {name: float(value) for name, value in scores.items() if value is not None}


def exact_match(texts, told):
    """The share of texts told to the letter."""
    return np.mean([text == other for text, other in zip(texts, told, strict=True)])


def token_accuracy(texts, told):
    """The share of words that stand at their place, of as many as the longer of both has; no words at all is right."""
    pairs = [(words(text), words(other)) for text, other in zip(texts, told, strict=True)]
    right = sum(first == second for pair in pairs for first, second in zip(*pair, strict=False))
    total = sum(max(map(len, pair)) for pair in pairs)
    return right / total if total else 1.0


def perplexity(log_likelihoods, counts):
    """e to the mean negative log-likelihood of a token.

    Args:
        log_likelihoods: float array `(N,)`. Of each whole text.
        counts: int array `(N,)`. Its tokens, the end included.
    """
    return float(np.exp(-np.sum(log_likelihoods) / max(np.sum(counts), 1)))


def bleu(texts, told):
    """BLEU of all texts together, 0 to 100; None without sacrebleu.

    Cut by sacrebleu's `13a`, by `zh` where texts hold Chinese, by `char` where they hold another script without spaces.
    Texts shorter than four words all together are judged by the n-grams that they have.

    References:
        [Papineni et al., 2002](https://aclanthology.org/P02-1040); [Post, 2018](https://arxiv.org/abs/1804.08771).
    """
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:
        return None
    return BLEU(tokenize=_cut_by(texts), effective_order=True, force=True).corpus_score(told, [texts]).score


def chrf(texts, told):
    """chrF2 of all texts together, 0 to 100; None without sacrebleu.

    References:
        [Popović, 2015](https://aclanthology.org/W15-3049).
    """
    try:
        from sacrebleu.metrics import CHRF
    except ImportError:
        return None
    return CHRF().corpus_score(told, [texts]).score


def rouge_l(texts, told):
    """F1 of the longest common subsequence of words, mean over texts, 0 to 1; None without rouge-score.

    Words are those of `words`: the library's own know Latin letters only.

    References:
        [Lin, 2004](https://aclanthology.org/W04-1013).
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError:
        return None
    scorer = RougeScorer(["rougeL"], tokenizer=_Words())
    return np.mean([scorer.score(*pair)["rougeL"].fmeasure for pair in zip(texts, told, strict=True)])


def cider(texts, told):
    """CIDEr-D, mean over texts, 0 to 10: n-grams in common, each the more worth the fewer texts have it.

    10 · mean over n ≤ 4 of Σ min(h, r) r / (‖h‖ ‖r‖) · exp(−(|h| − |r|)² / 2σ²), with h and r the counts of n-grams,
    told and due, times log(N / texts that hold the n-gram); σ = 6. Where all texts are alike, 0: nothing tells them
    apart. Words are those of `words`, so punctuation does not count.

    References:
        [Vedantam et al., 2015](https://arxiv.org/abs/1411.5726), CIDEr-D. Differs: one reference a row; no stemming, as
        in the COCO evaluation server.
    """
    due, given = [[_grams(words(text)) for text in side] for side in (texts, told)]
    held = collections.Counter(gram for grams in due for gram in grams)
    rarity = {gram: np.log(len(due) / number) for gram, number in held.items()}
    return 10 * np.mean([_likeness(*pair, rarity, np.log(len(due))) for pair in zip(due, given, strict=True)])


def _grams(tokens):
    """How often each n-gram is there."""
    return collections.Counter(
        tuple(tokens[start : start + n]) for n in range(1, LONGEST + 1) for start in range(len(tokens) - n + 1)
    )


def _likeness(due, given, rarity, unheard):
    """CIDEr-D of one text, over 10. `unheard` is the rarity of an n-gram that no text holds."""
    total, lengths = 0.0, []
    for n in range(1, LONGEST + 1):
        counts = [{gram: number for gram, number in grams.items() if len(gram) == n} for grams in (due, given)]
        if n == 1:
            lengths = [sum(part.values()) for part in counts]
        first, second = ({gram: k * rarity.get(gram, unheard) for gram, k in part.items()} for part in counts)
        norm = np.sqrt(sum(w**2 for w in first.values()) * sum(w**2 for w in second.values()))
        common = sum(min(w, first.get(gram, 0.0)) * first.get(gram, 0.0) for gram, w in second.items())
        total += common / norm if norm > 0 else 0.0
    return total / LONGEST * np.exp(-((lengths[0] - lengths[1]) ** 2) / (2 * SIGMA**2))


def words(text):
    """Words of a text in any script, in lower case: runs of letters, digits and accents; single characters where a
    script is written without spaces; symbols and emoji alone; no punctuation."""
    spaced = "".join(_apart(char) for char in text.lower())
    return spaced.split()


@functools.cache
def _apart(char):
    kind = unicodedata.category(char)[0]
    if kind == "S" or _script(char):
        return f" {char} "
    return char if kind in "LNM" else " "


@functools.cache
def _script(char):
    """The script of a letter, where that is written without spaces; else `""`."""
    name = unicodedata.name(char, "") if unicodedata.category(char)[0] in "LNM" else ""
    return next((script for script in UNSPACED if name.startswith(script)), "")


class _Words:
    """`words` as rouge-score calls it."""

    def tokenize(self, text):
        return words(text)


def _cut_by(texts):
    """The name of the sacrebleu tokenizer that suits texts."""
    scripts = {_script(char) for char in set("".join(texts))} - {""}
    if not scripts:
        return "13a"
    return "zh" if scripts <= {"CJK", "BOPOMOFO"} else "char"
