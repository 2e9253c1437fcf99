"""Fused tokens → a text, by an LSTM that looks back at them at every word."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.generation.text_output import TextOutput, shifted
from mmkeras.layers.masking import hide, mask_or_full, masked_mean, masked_softmax
from mmkeras.layers.token_embedding import TokenEmbedding

ATTENTIONS = ("additive", "dot")


@component
class TextLSTMDecoder(TextOutput):
    """Says a text token by token: an LSTM reads those before, and what it thinks of them asks the fused tokens.

    h_l = LSTM(embedding of the id before, h_{l−1}), begun with tanh(W x̄) of the tokens' mean;
    a_lt = softmax over real t of e(W_q h_l, W_k x_t); logits = V tanh(W_j [h_l; Σ_t a_lt x_t]).

    - `"additive"`: e(q, k) = v · tanh(q + k).
    - `"dot"`: e(q, k) = q · k / √D.

    Args:
        vocabulary_size: int > 3. Ids in all: padding 0, unknown 1, tokens, the end.
        max_tokens: int > 0. Most tokens that it says, without the end. Defaults to `128`.
        attention: one of the above. Defaults to `"additive"`.
        dropout: float in [0, 1). Share of the embeddings and of the last features dropped in training.
            Defaults to `0.1`.
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
        ValueError: a number out of range, an unknown `attention`.
    Example:
        >>> decoder = TextLSTMDecoder(vocabulary_size=9, max_tokens=4)
        >>> decoder(np.ones((2, 5, 8), "float32"), np.array([[2, 8], [3, 8]])).shape
        TensorShape([2, 2, 9])
        >>> decoder.generate(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 5])
    References:
        [Luong et al., 2015](https://arxiv.org/abs/1508.04025), global attention; `"additive"` is the score of
        [Bahdanau et al., 2014](https://arxiv.org/abs/1409.0473). Differs: attention stands behind the LSTM, which
        thereby reads a whole text at once; what was looked at is not fed into the next step.
    """

    def __init__(self, vocabulary_size, max_tokens=128, attention="additive", dropout=0.1, **kwargs):
        super().__init__(vocabulary_size, max_tokens, **kwargs)
        if attention not in ATTENTIONS:
            raise ValueError(
                f"TextLSTMDecoder: attention must be one of {ATTENTIONS}. Received: attention={attention!r}."
            )
        self.attention = attention
        self.dropout = dropout

    def build(self, inputs_shape, target_shape=None):
        dim, options = inputs_shape[-1], {"dtype": self.dtype_policy}
        self.embed = TokenEmbedding(self.vocabulary_size, dim, name="embed", **options)
        self.reader = keras.layers.LSTM(dim, return_sequences=True, name="reader", **options)
        self.first = keras.layers.Dense(2 * dim, activation="tanh", name="first", **options)
        self.query = keras.layers.Dense(dim, use_bias=False, name="query", **options)
        self.key = keras.layers.Dense(dim, use_bias=False, name="key", **options)
        self.join = keras.layers.Dense(dim, activation="tanh", name="join", **options)
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.embed.build((None, None))
        for part in (self.reader, self.query, self.key):
            part.build((None, None, dim))
        self.first.build((None, dim))
        self.join.build((None, None, 2 * dim))
        if self.attention == "additive":
            self.weigh = self.add_weight(name="weigh", shape=(dim,), initializer="glorot_uniform")
        self.build_logits(dim)

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        real = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        before, said = shifted(inputs, target, target_mask)
        tokens = hide(inputs, real)
        read = self._read(tokens, real, before, training)
        features = self._joined(read, tokens, self._looks(read, self.key(tokens), real))
        return self.logits(self.drop(features, training=training), said)

    def attention_scores(self, inputs, target, mask=None):
        """What it looks at before each token of a text.

        Args:
            inputs: float tensor `(B, T, D)`, fused tokens.
            target: int tensor `(B, L)`, the text's ids.
            mask: bool tensor `(B, T)` or None.
        Returns:
            float tensor `(B, L, T)` that sums to 1 over real tokens, 0 elsewhere and after the text.
        """
        real = mask_or_full(mask, inputs, 2)
        before, said = shifted(inputs, target, None)
        tokens = hide(inputs, real)
        return hide(self._looks(self._read(tokens, real, before), self.key(tokens), real), said)

    def steps(self, inputs, mask):
        """What `TextOutput.generate` needs: a step and what it remembers at first."""
        tokens = hide(inputs, mask)
        keys = self.key(tokens)

        def step(ids, kept, index):
            read, kept = self.reader.cell(self.embed(ids), kept)
            read = read[:, None]
            return self.logits(self._joined(read, tokens, self._looks(read, keys, mask)))[:, 0], kept

        return step, self._begin(tokens, mask)

    def _begin(self, tokens, real):
        """The state before the first token."""
        return ops.split(self.first(masked_mean(tokens, real)), 2, axis=-1)

    def _read(self, tokens, real, before, training=False):
        """The LSTM's outputs for the ids before each, `(B, L, D)`."""
        embedded = self.drop(self.embed(before), training=training)
        return self.reader(embedded, initial_state=self._begin(tokens, real))

    def _looks(self, read, keys, real):
        """How much of each token is looked at, `(B, L, T)`."""
        query = self.query(read)
        if self.attention == "additive":
            sums = ops.tanh(query[:, :, None] + keys[:, None])
            scores = ops.sum(sums * ops.cast(self.weigh, sums.dtype), axis=-1)
        else:
            scores = ops.matmul(query, ops.transpose(keys, (0, 2, 1))) * keys.shape[-1] ** -0.5
        return ops.cast(masked_softmax(scores, real[:, None]), self.compute_dtype)

    def _joined(self, read, tokens, weights):
        """What is read, joined with what it looks at."""
        return self.join(ops.concatenate([read, ops.matmul(weights, tokens)], axis=-1))

    def get_config(self):
        return {**super().get_config(), "attention": self.attention, "dropout": self.dropout}

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        return cls(9, max_tokens=3, dropout=0.5), (5, 8), [2, 7, 8, 0]
