"""Fused tokens → a text, a picture or a sound as integers, all at once and the surest first."""

import math

import keras
from keras import ops

from mmkeras.component import component, part_config
from mmkeras.generation.unmask_tokens import unmask_tokens
from mmkeras.layers.context_transformer import ContextTransformer
from mmkeras.layers.masking import hide, hide_rows, mask_or_full
from mmkeras.layers.token_embedding import TokenEmbedding
from mmkeras.losses.masked_crossentropy import MaskedCrossentropy
from mmkeras.metrics.masked_token_accuracy import MaskedTokenAccuracy
from mmkeras.tokenizers.text_tokenizer import TextTokenizer

NEVER = -1e9


@component
class MaskedTokenDecoder(keras.layers.Layer):
    """Learns to fill in the tokens of a target that are hidden, told the fused tokens and those that are not.

    In training, cos(π/2 · u) of a row's tokens are hidden, u drawn from [0, 1); otherwise all of them, so that what a
    call says rests on the inputs alone.

    Args:
        tokenizer: layer of `mmkeras.tokenizers`, trained where it has weights; they stay as they are.
        transformer: `ContextTransformer` or None: its own. One for all targets makes one model of them.
            Defaults to `None`.
        drop_condition: float in [0, 1). Chance that a row's fused tokens are hidden in training, for `guidance` and for
            rows without any. Defaults to `0.1`.
        dropout: float in [0, 1). Of its own transformer. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        target: tensor `(B, …)`, the label as the pipeline gives it, or None: it is not known.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor, what of the label is real, or None.
    Returns:
        float32 tensor `(B, L, K + 2)`: logits of each id, the id that is true, and 1 where it was hidden and counts.
        Where every fused token is absent, what targets are like on the whole.
    Raises:
        ValueError: `drop_condition` out of range.
    Example:
        >>> decoder = MaskedTokenDecoder(TextTokenizer(vocabulary_size=9, max_tokens=4))
        >>> decoder(np.ones((2, 5, 8), "float32"), np.array([[2, 8], [3, 8]])).shape
        TensorShape([2, 5, 11])
        >>> decoder.generate(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 5])
    References:
        [Chang et al., 2022](https://arxiv.org/abs/2202.04200); several targets by one transformer, each attending to
        its own tokens only, as in [Mizrahi et al., 2023](https://arxiv.org/abs/2312.06647).
    """

    modality = ("Text", "Image", "Audio")
    preferred = False
    takes_target = True

    def __init__(self, tokenizer, transformer=None, drop_condition=0.1, dropout=0.1, **kwargs):
        # Labels are read in their 32 bits: another rounding would be another id.
        super().__init__(autocast=False, **kwargs)
        if not 0 <= drop_condition < 1:
            raise ValueError(
                f"MaskedTokenDecoder: drop_condition must be in [0, 1). Received: drop_condition={drop_condition}."
            )
        self.tokenizer = tokenizer
        self.tokenizer.trainable = False
        self.transformer = transformer or ContextTransformer(dropout=dropout, dtype=self.dtype_policy)
        self.drop_condition = drop_condition
        self.dropout = dropout
        self.supports_masking = True
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, inputs_shape, target_shape=None):
        dim, length, kinds = inputs_shape[-1], self.tokenizer.num_tokens, self.tokenizer.vocabulary_size
        if not self.tokenizer.built:
            self.tokenizer.build(target_shape)
        # Once more, for weights that have come since; a value that is there already would be set nowhere.
        self.tokenizer.trainable = True
        self.tokenizer.trainable = False
        if not self.transformer.built:
            self.transformer.build((None, None, dim), (None, None, dim))
        # As large as what attention adds: smaller places would be forgotten after one layer.
        start = {"dtype": self.dtype_policy, "embeddings_initializer": keras.initializers.RandomNormal(0.0, 0.5)}
        # The id after the last is that of a hidden token.
        self.embed = TokenEmbedding(kinds + 1, dim, name="embed", **start)
        self.embed.build((None, None))
        places = keras.initializers.RandomNormal(0.0, 0.5)
        self.place = self.add_weight(name="place", shape=(1, length, dim), initializer=places)
        even = keras.initializers.VarianceScaling(0.1)  # At first, all ids are about as likely.
        self.dense = keras.layers.Dense(kinds, kernel_initializer=even, name="logits", dtype="float32")
        self.dense.build((None, None, dim))

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        if training and self.drop_condition:
            mask = hide_rows(mask, self.drop_condition, self.seed_generator)
        ids, there = self._label(inputs, target, target_mask)
        hidden = self._hidden(ids) if training else ops.ones_like(there)
        logits = self._logits(ids, ~hidden & there, inputs, mask, training)
        told = ops.stack([ops.cast(ids, "float32"), ops.cast(hidden & there, "float32")], axis=-1)
        return ops.concatenate([logits, told], axis=-1)

    def _label(self, inputs, target, target_mask):
        """The ids of a label and which count; none where there is no label."""
        if target is None:
            ids = ops.zeros((ops.shape(inputs)[0], self.tokenizer.num_tokens), "int32")
            return ids, ids > 0
        ids, there = self.tokenizer.encode(target, target_mask)
        return ops.stop_gradient(ids), there

    def _hidden(self, ids):
        """Which tokens are hidden: a share of each row that is drawn, one at least."""
        rows = ops.shape(ids)[0]
        share = ops.cos(0.5 * math.pi * keras.random.uniform((rows, 1), seed=self.seed_generator))
        draws = keras.random.uniform(ops.shape(ids), seed=self.seed_generator)
        return (draws < share) | (draws == ops.min(draws, axis=1, keepdims=True))

    def _logits(self, ids, known, inputs, mask, training=False):
        kinds = self.tokenizer.vocabulary_size
        x = self.embed(ops.where(known, ids, kinds))
        x = x + ops.cast(self.place, x.dtype)
        context = ops.cast(hide(inputs, mask), self.compute_dtype)
        x = self.transformer(x, context, context_mask=mask, training=training)
        logits = self.dense(ops.cast(x, "float32"))
        never = self.tokenizer.never
        return ops.where(ops.arange(kinds) == never, NEVER, logits) if never else logits

    def generate(self, inputs, mask=None, seed=0, steps=12, temperature=None, choice_temperature=4.5, guidance=1.0):
        """Says a target for every row.

        Args:
            inputs: float tensor `(B, T, D)`.
            mask: bool tensor `(B, T)` or None.
            seed: int or int scalar tensor. Another one, another answer, where ids are drawn. Defaults to `0`.
            steps: int > 0. Rounds, see `unmask_tokens`. Defaults to `12`.
            temperature: float ≥ 0 or None. 0 takes the likeliest id. Defaults to `None`: 1 for pictures, else 0.
            choice_temperature: float ≥ 0, see `unmask_tokens`. Defaults to `4.5`.
            guidance: float ≥ 0. How far to go from what targets are like in general towards, and beyond, what they are
                like given the inputs; anything but 1 takes twice the work. Defaults to `1.0`: as learned.
        Returns:
            What `Pipeline.write` takes: int32 `(B, L)` of a text, float32 `(B, H, W, C)` of a picture, float32
            `(B, S)` of a sound.
        Raises:
            ValueError: a number out of range.
        """
        if guidance < 0:
            raise ValueError(f"generate: guidance must be ≥ 0. Received: guidance={guidance}. Do: leave it out.")
        inputs = ops.convert_to_tensor(inputs)
        if not self.built:
            self.build(inputs.shape)
        mask = mask_or_full(mask, inputs, 2)

        def predict(ids, known):
            logits = self._logits(ids, known, inputs, mask)
            if guidance == 1.0:
                return logits
            bare = self._logits(ids, known, inputs, ops.zeros_like(mask))
            return bare + guidance * (logits - bare)

        temperature = self.tokenizer.temperature if temperature is None else temperature
        drawing = {"temperature": temperature, "choice_temperature": choice_temperature, "seed": seed}
        ids = unmask_tokens(predict, ops.shape(inputs)[0], self.tokenizer.num_tokens, steps, **drawing)
        return self.tokenizer.decode(ids, seed=seed)

    def generated_spec(self, inputs):
        """What `generate` gives, as a symbolic tensor."""
        return self.tokenizer.decoded_spec(inputs.shape[0])

    def compute_mask(self, inputs, target=None, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, target_shape=None):
        return (inputs_shape[0], self.tokenizer.num_tokens, self.tokenizer.vocabulary_size + 2)

    def compute_output_spec(
        self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False
    ):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """Cross-entropy of the hidden tokens, with `label_smoothing` in [0, 1)."""
        return MaskedCrossentropy(label_smoothing)

    def default_metrics(self):
        """Accuracy of the hidden tokens."""
        return [MaskedTokenAccuracy()]

    def score(self, labels, weights, predictions):
        """The tokenizer's measure of what is generated."""
        return self.tokenizer.score(labels, weights, predictions)

    def get_config(self):
        config = {"tokenizer": part_config(self.tokenizer), "transformer": part_config(self.transformer)}
        return {**super().get_config(), **config, "drop_condition": self.drop_condition, "dropout": self.dropout}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("tokenizer", "transformer")}
        return cls(**{**config, **parts})

    @classmethod
    def takes(cls, spec):
        """Whether it can answer a target: one that is generated, and not of a class a pixel."""
        return spec.modality in cls.modality and "num_classes" not in spec.details

    @classmethod
    def from_spec(cls, spec, dropout, tokenizer=None, **options):
        """The decoder that suits what the pipeline says of the target.

        Raises:
            ValueError: a picture or a sound, and no trained tokenizer.
        """
        if tokenizer is None and spec.modality != "Text":
            raise ValueError(
                f"MaskedTokenDecoder: a target of {spec.modality} must have a trained tokenizer. "
                "Received: tokenizer=None. Do: mm.build(…, tokenizers={name: mm.fit_tokenizer(pipe, rows, name)})."
            )
        return cls(tokenizer or TextTokenizer.from_spec(spec), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        tokenizer, transformer = TextTokenizer(vocabulary_size=9, max_tokens=3), ContextTransformer(1, 2, 0.5)
        return cls(tokenizer, transformer, dropout=0.5), (5, 8), [2, 7, 8, 0]
