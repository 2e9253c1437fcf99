"""Fused tokens → a text, by a Transformer that remembers what it has read of it."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.generation.text_output import TextOutput, shifted
from mmkeras.layers.decoder_block import DecoderBlock
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.position_encoding import PositionEncoding
from mmkeras.layers.token_embedding import TokenEmbedding


@component
class TextTransformerDecoder(TextOutput):
    """Says a text token by token, each told those before it and looking at the fused tokens.

    Args:
        vocabulary_size: int > 3. Ids in all: padding 0, unknown 1, tokens, the end.
        max_tokens: int > 0. Most tokens that it says, without the end. Defaults to `128`.
        num_layers: int > 0. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        target: int tensor `(B, L)`, the text's ids with its end, or None: nothing is said yet.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor `(B, L)` or None: what is not 0.
    Returns:
        float32 tensor `(B, L, K)`: logits of each id, told the fused tokens and the ids before it; −1e9 for padding
        and unknown. Where every fused token is absent, what texts are like on the whole.
    Raises:
        ValueError: a number out of range.
    Example:
        >>> decoder = TextTransformerDecoder(vocabulary_size=9, max_tokens=4)
        >>> decoder(np.ones((2, 5, 8), "float32"), np.array([[2, 8], [3, 8]])).shape
        TensorShape([2, 2, 9])
        >>> decoder.generate(np.ones((2, 5, 8), "float32"), beams=2).shape
        TensorShape([2, 5])
    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), the decoder; see `DecoderBlock`.
    """

    preferred = True

    def __init__(self, vocabulary_size, max_tokens=128, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(vocabulary_size, max_tokens, **kwargs)
        if num_layers < 1:
            raise ValueError(f"TextTransformerDecoder: num_layers must be > 0. Received: num_layers={num_layers}.")
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout

    def build(self, inputs_shape, target_shape=None):
        dim, options = inputs_shape[-1], {"dtype": self.dtype_policy}
        self.embed = TokenEmbedding(self.vocabulary_size, dim, name="embed", **options)
        self.place = PositionEncoding(name="place", **options)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.blocks = [
            DecoderBlock(self.num_heads, dropout=self.dropout, name=f"block_{number}", **options)
            for number in range(self.num_layers)
        ]
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        for part in (self.place, self.final):
            part.build((None, None, dim))
        self.embed.build((None, None))
        for block in self.blocks:
            block.build((None, None, dim), inputs_shape)
        self.build_logits(dim)

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        real = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        before, said = shifted(inputs, target, target_mask)
        x = self.drop(self.place(self.embed(before)), training=training)
        for block in self.blocks:
            x = block(x, inputs, mask=said, context_mask=real, training=training)
        return self.logits(self.final(x), said)

    def steps(self, inputs, mask):
        """What `TextOutput.generate` needs: a step and what it remembers at first."""
        asked = [block.context_of(inputs, mask) for block in self.blocks]
        kept = [block.empty(inputs, self.max_tokens + 1) for block in self.blocks]

        def step(ids, kept, index):
            x = self.place.at(self.embed(ids[:, None]), ops.cast(index, "float32")[None])
            left = []
            for block, of_block, memory in zip(self.blocks, asked, kept, strict=True):
                x, memory = block.step(x, memory, index, of_block)
                left.append(memory)
            return self.logits(self.final(x))[:, 0], left

        return step, kept

    def get_config(self):
        config = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(9, max_tokens=3, num_layers=1, num_heads=2, dropout=0.5), (5, 8), [2, 7, 8, 0]
