"""Fused tokens → a text, by a Transformer whose tokens also learn to be heard in order."""

from keras import ops

from mmkeras.component import component
from mmkeras.decoders.ctc_decoder import CTCDecoder
from mmkeras.decoders.text_transformer_decoder import TextTransformerDecoder
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.losses.ctc_loss import CTCLoss


@component
class CTCAttentionDecoder(TextTransformerDecoder):
    """`TextTransformerDecoder`, with a second objective for the fused tokens: CTC, which ties them to time.

    Attention alone has to find out that speech goes from left to right; CTC knows. What is said comes from the
    Transformer; the head that hears is for training only.

    Args:
        vocabulary_size: int > 3. Ids in all: padding 0, unknown 1, tokens, the end.
        max_tokens: int > 0. Most tokens that it says, without the end. Defaults to `128`.
        num_layers: int > 0. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
        ctc_weight: float > 0. Of the CTC loss, in nats a symbol, beside the Transformer's. Defaults to `0.5`.
    Call arguments:
        inputs: float tensor `(B, T, D)`, in the order of time.
        target: int tensor `(B, L)`, the text's ids with its end, or None: nothing is said yet.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor `(B, L)` or None: what is not 0.
    Returns:
        float32 tensor `(B, L, K)`, see `TextTransformerDecoder`. Where there is a target, the CTC loss of its texts is
        added to the model's; rows without a text count for nothing, weights of rows do not count.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> decoder = CTCAttentionDecoder(vocabulary_size=9, max_tokens=4)
        >>> decoder(np.ones((2, 5, 8), "float32"), np.array([[2, 8], [3, 8]])).shape
        TensorShape([2, 2, 9])
    References:
        [Watanabe et al., 2017](https://doi.org/10.1109/JSTSP.2017.2763455), hybrid CTC/attention. Differs: CTC helps to
        learn, and has no say in what is generated.
    """

    preferred = False

    def __init__(
        self, vocabulary_size, max_tokens=128, num_layers=2, num_heads=4, dropout=0.1, ctc_weight=0.5, **kwargs
    ):
        super().__init__(vocabulary_size, max_tokens, num_layers, num_heads, dropout, **kwargs)
        if not ctc_weight > 0:
            raise ValueError(
                f"CTCAttentionDecoder: ctc_weight must be > 0. Received: ctc_weight={ctc_weight}. "
                "Do: TextTransformerDecoder."
            )
        self.ctc_weight = ctc_weight

    def build(self, inputs_shape, target_shape=None):
        super().build(inputs_shape, target_shape)
        self.hear = CTCDecoder(self.vocabulary_size, dropout=self.dropout, name="hear", dtype=self.dtype_policy)
        self.hear.build(inputs_shape)

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        mask = inputs_mask if mask is None else mask
        if target is not None:
            frames = self.hear(inputs, mask=mask_or_full(mask, inputs, 2), training=training)
            self.add_loss(self.ctc_weight * self._unheard(target, target_mask, frames))
        return super().call(inputs, target, mask=mask, target_mask=target_mask, training=training)

    def _unheard(self, target, target_mask, frames):
        """The CTC loss by the number of symbols, over the rows that have any."""
        ids = ops.cast(target, "int32")
        ids = ids if target_mask is None else hide(ids, ops.cast(target_mask, "bool"))
        symbols = ops.sum(ops.cast((ids > 0) & (ids < self.end), "float32"), axis=1)
        losses = CTCLoss(reduction=None, dtype="float32")(ids, frames)
        return ops.sum(ops.where(symbols > 0, losses, 0.0)) / ops.maximum(ops.sum(symbols), 1.0)

    def get_config(self):
        return {**super().get_config(), "ctc_weight": self.ctc_weight}
