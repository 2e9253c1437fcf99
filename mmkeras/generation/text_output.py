"""What decoders that say a text share: ids in, logits out, and the ways to choose among them."""

import keras
from keras import ops

from mmkeras.generation.choose_tokens import choose_tokens
from mmkeras.generation.search_beams import search_beams
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.losses.token_crossentropy import TokenCrossentropy
from mmkeras.metrics.perplexity import Perplexity
from mmkeras.metrics.text_scores import caption_scores
from mmkeras.metrics.token_accuracy import TokenAccuracy

PADDING, UNKNOWN = 0, 1
NEVER = -1e9


class TextOutput(keras.layers.Layer):
    """The part that every text decoder has; a subclass gives `build`, `call` and `steps`."""

    modality = "Text"
    preferred = False
    takes_target = True

    def __init__(self, vocabulary_size, max_tokens=128, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 4 or max_tokens < 1:
            raise ValueError(
                f"{type(self).__name__}: vocabulary_size must be > 3, max_tokens > 0. "
                f"Received: vocabulary_size={vocabulary_size}, max_tokens={max_tokens}."
            )
        self.vocabulary_size = vocabulary_size
        self.max_tokens = max_tokens
        self.supports_masking = True

    @property
    def end(self):
        """The id that ends a text."""
        return self.vocabulary_size - 1

    def build_logits(self, dim):
        """The last layer, in float32 whatever the policy."""
        self.dense = keras.layers.Dense(self.vocabulary_size, name="logits", dtype="float32")
        self.dense.build((None, None, dim))

    def logits(self, x, real=None):
        """Logits of features `(B, L, D)`, zeros where not real; nobody says padding or unknown."""
        kinds = ops.arange(self.vocabulary_size)
        logits = ops.where(kinds <= UNKNOWN, NEVER, self.dense(ops.cast(x, "float32")))
        return logits if real is None else hide(logits, real)

    def steps(self, inputs, mask):
        """(step, state) for `choose_tokens` and `search_beams`."""
        raise NotImplementedError

    def generate(
        self,
        inputs,
        mask=None,
        seed=0,
        beams=1,
        length_penalty=1.0,
        temperature=0.0,
        top_k=None,
        top_p=None,
        repetition_penalty=1.0,
    ):
        """Says a text for every row.

        Args:
            inputs: float tensor `(B, T, D)`, fused tokens.
            mask: bool tensor `(B, T)` or None.
            seed: int or int scalar tensor. For drawing. Defaults to `0`.
            beams: int > 0. With more than one, the likeliest whole text among so many is sought, see `search_beams`.
                Defaults to `1`.
            length_penalty: float >= 0, of `search_beams`. Defaults to `1.0`.
            temperature, top_k, top_p, repetition_penalty: see `choose_tokens`. Default to the likeliest token.
        Returns:
            int32 tensor `(B, max_tokens + 1)`; the end and what follows it are 0.
        Raises:
            ValueError: a number out of range, or `beams` with what only drawing knows.
        """
        drawing = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "repetition_penalty": repetition_penalty}
        if beams > 1 and (temperature or top_k or top_p or repetition_penalty != 1.0):
            raise ValueError(
                "generate: beams look for the likeliest text and draw none. "
                f"Received: beams={beams}, {drawing}. Do: leave out one of both."
            )
        mask = mask_or_full(mask, inputs, 2)
        inputs, mask = (ops.repeat(part, beams, axis=0) for part in (inputs, mask)) if beams > 1 else (inputs, mask)
        step, state = self.steps(inputs, mask)
        start = ops.cast(ops.sum(ops.zeros_like(mask, dtype="int32"), axis=1), "int32") + PADDING
        length = self.max_tokens + 1
        if beams == 1:
            return choose_tokens(step, state, start, length, self.end, seed=seed, **drawing)
        return search_beams(step, state, start, length, self.end, beams, length_penalty)

    def generated_spec(self, inputs):
        """What `generate` gives, as a symbolic tensor."""
        return keras.KerasTensor((inputs.shape[0], self.max_tokens + 1), "int32")

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, target_shape=None):
        return (inputs_shape[0], 1 if target_shape is None else target_shape[1], self.vocabulary_size)

    def compute_output_spec(self, inputs, target=None, mask=None, inputs_mask=None, target_mask=None, training=False):
        shape = self.compute_output_shape(inputs.shape, None if target is None else target.shape)
        return keras.KerasTensor(shape, "float32")

    def default_loss(self, label_smoothing=0.0):
        """Cross-entropy of token ids, with `label_smoothing` in [0, 1)."""
        return TokenCrossentropy(label_smoothing)

    def default_metrics(self):
        """Accuracy and perplexity of tokens that are told those before them."""
        return [TokenAccuracy(), Perplexity()]

    @staticmethod
    def score(labels, weights, predictions):
        """How like texts `(N,)` those generated `(N,)` are, see `mmkeras.metrics.text_scores`."""
        labels, predictions = labels[weights > 0], predictions[weights > 0]
        return caption_scores(labels, predictions)

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "max_tokens": self.max_tokens}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        sizes = {"vocabulary_size": spec["vocabulary_size"], "max_tokens": spec["max_tokens"]}
        return cls(**sizes, dropout=dropout, **options)


def shifted(inputs, target, target_mask):
    """The ids before each id of a target, 0 before the first, and which of them are real."""
    if target is None:
        target = ops.zeros_like(ops.cast(inputs[:, :1, 0], "int32"))
        target_mask = ops.ones_like(target, dtype="bool")
    target = ops.cast(target, "int32")
    said = target != PADDING if target_mask is None else ops.cast(target_mask, "bool")
    target = ops.where(said, target, PADDING)
    return ops.pad(target[:, :-1], [[0, 0], [1, 0]]), said
