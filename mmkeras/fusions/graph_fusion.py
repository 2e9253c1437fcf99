"""Modalities as the nodes of a graph that is learned."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.fusions.tokens import modality_vectors, shared_dim, with_length
from mmkeras.layers.masking import hide, masked_softmax
from mmkeras.layers.modality_dense import ModalityDense


@component
class GraphFusion(keras.layers.Layer):
    """Makes each modality a node; each node hears all nodes present, itself too, as much as its edges say.

    In each layer and head: h_i + P gelu(Σ_j a_ij S h_j), a_ij = softmax over the nodes j present of
    v · leaky_relu(R h_i + S h_j) + e_ij, with e_ij a learned strength of the edge j → i, the same for all rows.
    h_m = W_m LN(mean of the tokens of m) at first.

    Args:
        num_layers: int > 0. Rounds of messages. Defaults to `2`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). Share of each message dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D)`, one D for all.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        float tensor `(B, M, D)`, a node a modality in alphabetical order of names; zeros where absent, mask `(B, M)`.
        An absent modality sends nothing, and the strengths of the others add up to 1 without it.
    Raises:
        ValueError: no dict of tokens, modalities that differ in D, or D is no multiple of `num_heads`.
    Example:
        >>> GraphFusion()({"text": np.ones((2, 3, 8)), "image": np.ones((2, 4, 8))}).shape
        TensorShape([2, 2, 8])
    References:
        [Brody et al., 2021](https://arxiv.org/abs/2105.14491), GATv2. Differs: the graph is complete, with a learned
        strength of each edge; each layer adds to what was there.
    """

    def __init__(self, num_layers=2, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        dim = shared_dim(self, input_shape)
        if dim % self.num_heads:
            raise ValueError(
                f'GraphFusion "{self.name}": the width must be a multiple of num_heads. '
                f"Received: width={dim}, num_heads={self.num_heads}. Do: num_heads=1."
            )
        self.names = sorted(input_shape)
        count, options = len(self.names), {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.nodes = ModalityDense(dim, name="nodes", **options)
        self.send, self.receive, self.project = [], [], []
        self.judges, self.edges = [], []
        for number in range(self.num_layers):
            self.send.append(keras.layers.Dense(dim, use_bias=False, name=f"send_{number}", **options))
            self.receive.append(keras.layers.Dense(dim, name=f"receive_{number}", **options))
            self.project.append(keras.layers.Dense(dim, name=f"project_{number}", **options))
            heads = (self.num_heads, dim // self.num_heads)
            self.judges.append(self.add_weight(name=f"judge_{number}", shape=heads, initializer="glorot_uniform"))
            edges = (count, count, self.num_heads)
            self.edges.append(self.add_weight(name=f"edges_{number}", shape=edges, initializer="zeros"))
        self.final = keras.layers.LayerNormalization(epsilon=1e-5, name="final", **options)
        for part in (self.norm, self.nodes, *self.send, *self.receive, *self.project, self.final):
            part.build((None, count, dim))
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        return self._fuse(inputs, mask, training, [])

    def _fuse(self, inputs, mask, training, seen):
        vectors, present = modality_vectors(inputs, mask, self.names)
        nodes = self.nodes(self.norm(vectors), mask=present)
        for number in range(self.num_layers):
            told = self.project[number](ops.gelu(self._told(number, nodes, present, seen), approximate=False))
            nodes = nodes + self.drop(told, training=training)
        return hide(self.final(nodes), present)

    def _told(self, number, nodes, present, seen):
        """What each node hears in one layer, `(B, M, D)`; how much of it is whose, `(B, M, M, H)`, goes to `seen`."""
        heads = (-1, len(self.names), self.num_heads, nodes.shape[-1] // self.num_heads)
        sent = ops.reshape(self.send[number](nodes), heads)
        received = ops.reshape(self.receive[number](nodes), heads)
        pairs = ops.leaky_relu(received[:, :, None] + sent[:, None], 0.2)
        scores = ops.sum(pairs * ops.cast(self.judges[number], pairs.dtype), axis=-1)
        scores = scores + ops.cast(self.edges[number], scores.dtype)
        weights = masked_softmax(scores, present[:, None, :, None], axis=2)
        seen.append(weights)
        weights = ops.cast(weights, sent.dtype)
        return ops.reshape(ops.sum(weights[..., None] * sent[:, None], axis=2), (-1, *nodes.shape[1:]))

    def attention_scores(self, inputs, mask=None):
        """What each modality listens to, layer by layer, see `attention_maps`; a modality is one node."""
        seen, present = [], self.compute_mask(inputs, mask)
        self._fuse(inputs, mask, False, seen)
        layers = [ops.transpose(hide(weights, present), (0, 3, 1, 2)) for weights in seen]
        spots = {name: (place, place + 1) for place, name in enumerate(self.names)}
        return {"layers": layers, "places": spots, "outputs": list(range(len(spots)))}

    def compute_mask(self, inputs, mask=None):
        return modality_vectors(inputs, mask, self.names)[1]

    def compute_output_shape(self, input_shape):
        return with_length(input_shape, len(input_shape))

    def get_config(self):
        config = {"num_layers": self.num_layers, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**super().get_config(), **config}

    @classmethod
    def example(cls):
        """A tiny instance and its input shapes, for the conformance sweep."""
        return cls(num_heads=2, dropout=0.5), {"text": (5, 8), "image": (4, 8), "audio": (3, 8)}
