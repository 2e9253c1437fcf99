"""Fused tokens → a text in the order of the tokens, as speech and handwriting want it."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.decoders.ctc_search import beam_search, greedy_search, pack_left
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.losses.ctc_loss import NEVER, CTCLoss
from mmkeras.metrics.error_rates import character_error_rate, word_error_rate
from mmkeras.metrics.too_long import TooLong


@component
class CTCDecoder(keras.layers.Layer):
    """Says of each token which symbol is heard in it, or none: the blank, id 0.

    Real tokens first go to the front, since a modality's padding may stand between them. Suits one input whose tokens
    follow time, or several of which all but one come after it. The end of a text is where the tokens end.

    Args:
        vocabulary_size: int > 2. Ids of the target: padding, unknown, symbols and the end, which is never said.
        upsample: int > 0. Frames that a token gives, each with a symbol or the blank, for encoders that leave fewer
            tokens than texts have symbols (see `metrics.TooLong`). Defaults to `1`.
        dropout: float in [0, 1). Share of the features of a token dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, upsample · T, vocabulary_size − 1)`, log-probabilities; a frame that is padding says
        "blank" (0, all else −1e9) and stands behind the real ones; the mask tells those. A row in which every token is
        absent says blanks only: the empty text.
    Raises:
        ValueError: `vocabulary_size` < 3, `upsample` < 1, or in `generate`, `beams` < 1.
    Example:
        >>> CTCDecoder(vocabulary_size=10)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 5, 9])
    References:
        [Graves et al., 2006](https://www.cs.toronto.edu/~graves/icml_2006.pdf).
    """

    modality = "Text"
    preferred = False

    def __init__(self, vocabulary_size, upsample=1, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if vocabulary_size < 3 or upsample < 1:
            raise ValueError(
                "CTCDecoder: vocabulary_size must be > 2 and upsample > 0. Received: "
                f"vocabulary_size={vocabulary_size}, upsample={upsample}. Do: upsample=1."
            )
        self.vocabulary_size = vocabulary_size
        self.upsample = upsample
        self.dropout = dropout
        self.supports_masking = True

    @property
    def num_classes(self):
        """The blank, the unknown symbol and all symbols: every id but the end."""
        return self.vocabulary_size - 1

    def build(self, input_shape):
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(self.upsample * self.num_classes, name="dense", dtype="float32")
        self.dense.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        order = pack_left(mask)
        tokens = ops.take_along_axis(hide(inputs, mask), order[..., None], axis=1)
        logits = self.dense(self.drop(tokens, training=training))
        frames = ops.reshape(logits, (-1, self.upsample * ops.shape(logits)[1], self.num_classes))
        padding = ops.where(ops.arange(self.num_classes) == 0, 0.0, NEVER)
        return ops.where(self._frame_mask(mask)[..., None], ops.log_softmax(frames), padding)

    def _frame_mask(self, mask):
        """`(B, T)` → `(B, upsample · T)`, the real ones first."""
        place = ops.cumsum(ops.ones_like(mask, dtype="int32"), axis=1)
        packed = place <= ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
        return ops.repeat(packed, self.upsample, axis=1)

    def compute_mask(self, inputs, mask=None):
        return self._frame_mask(mask_or_full(mask, inputs, 2))

    def compute_output_shape(self, input_shape):
        length = None if input_shape[1] is None else self.upsample * input_shape[1]
        return (input_shape[0], length, self.num_classes)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def generate(self, inputs, mask=None, seed=0, beams=1):
        """The text that is heard.

        Args:
            inputs, mask: see the call.
            seed: int. Without meaning here: nothing is drawn.
            beams: int > 0. Texts kept at each frame; 1 takes the likeliest symbol of each frame. More is slower and
                finds likelier texts, which need not be better ones. Defaults to `1`.
        Returns:
            int32 tensor `(B, upsample · T)`: ids, then zeros.
        """
        if beams < 1:
            raise ValueError(f"CTCDecoder: beams must be > 0. Received: beams={beams}. Do: beams=1.")
        frames = self(inputs, mask=mask)
        return greedy_search(frames) if beams == 1 else beam_search(frames, beams)

    def generated_spec(self, inputs):
        """The symbolic tensor that `generate` gives."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape)[:2], "int32")

    def default_loss(self, label_smoothing=0.0):
        """The CTC loss; `label_smoothing` has no meaning here."""
        return CTCLoss()

    def default_metrics(self):
        """The share of texts that are too long for their frames, which the loss leaves out."""
        return [TooLong()]

    @staticmethod
    def score(labels, weights, predictions):
        """Error rates of characters and words, and the share of texts without an error, of arrays of str `(N,)`."""
        texts, told = np.asarray(labels)[weights > 0], np.asarray(predictions)[weights > 0]
        return {
            "cer": character_error_rate(texts, told),
            "wer": word_error_rate(texts, told),
            "exact_match": float(np.mean([a.split() == b.split() for a, b in zip(texts, told, strict=True)])),
        }

    def get_config(self):
        config = {"vocabulary_size": self.vocabulary_size, "upsample": self.upsample, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target."""
        return cls(vocabulary_size=spec["vocabulary_size"], dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(vocabulary_size=6, upsample=2, dropout=0.5), (5, 8), [2, 2, 4, 5, 0, 0]
