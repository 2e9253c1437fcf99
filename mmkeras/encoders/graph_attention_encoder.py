"""Graphs by attention between neighbours."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.graph_parts import node_features, split_nodes, with_loops
from mmkeras.layers.masking import hide, mask_or_full, masked_softmax

SLOPE = 0.2


@component
class GraphAttentionEncoder(keras.layers.Layer):
    """Makes one token of each node; in every layer it attends to its neighbours and to itself.

    α_ij = softmax over the neighbours j of LeakyReLU(r·Wx_i + s·Wx_j + t·e_ij); x_i + elu(Σ_j α_ij (Wx_j + Ve_ij)),
    with x normalised in front.

    Args:
        num_edge_channels: int > 0. E, the channels of an edge.
        dim: int > 0, a multiple of `num_heads`. Width of a token. Defaults to `64`.
        num_layers: int >= 0. As many edges away a node can hear. Defaults to `3`.
        num_heads: int > 0. Defaults to `4`.
        dropout: float in [0, 1). Share dropped in training, of attention weights and of what a layer adds.
            Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, N, C + N·E)`: a node's features, then its edges; an edge is there where a channel is
            not 0.
        mask: bool tensor `(B, N)` or None; False = no such node. Its edges count for nobody.
    Returns:
        float tensor `(B, N, D)`, zeros where masked. A node without neighbours hears itself.
    Raises:
        ValueError: `num_edge_channels` < 1, `dim` no multiple of `num_heads`, or inputs of another shape.
    Example:
        >>> GraphAttentionEncoder(num_edge_channels=1, dim=8)(np.ones((2, 5, 3 + 5), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Veličković et al., 2018](https://arxiv.org/abs/1710.10903). Differs: edges have channels, which enter the
        scores and what is heard; pre-norm and a residual around each layer, the same width in all of them.
    """

    modality = "Graph"
    preferred = True

    def __init__(self, num_edge_channels, dim=64, num_layers=3, num_heads=4, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_edge_channels < 1 or dim % num_heads:
            raise ValueError(
                "GraphAttentionEncoder: num_edge_channels must be > 0, dim a multiple of num_heads. Received: "
                f"num_edge_channels={num_edge_channels}, dim={dim}, num_heads={num_heads}. "
                "Do: take the first from pipe.spec."
            )
        self.num_edge_channels = num_edge_channels
        self.dim = dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        width = node_features(self, input_shape, self.num_edge_channels)
        shape, options = (*input_shape[:2], self.dim), {"dtype": self.dtype_policy}
        self.embed = keras.layers.Dense(self.dim, name="embed", **options)
        self.embed.build((*input_shape[:2], width))
        self.blocks = [
            _NeighbourAttention(self.num_edge_channels, self.num_heads, self.dropout, name=f"block_{place}", **options)
            for place in range(self.num_layers)
        ]
        for block in self.blocks:
            block.build(shape)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        features, edges, linked = split_nodes(inputs, mask, self.num_edge_channels)
        linked, tokens = with_loops(linked, mask), self.embed(features)
        for block in self.blocks:
            tokens = block(tokens, edges, linked, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.dim)

    def get_config(self):
        config = {"num_edge_channels": self.num_edge_channels, "dim": self.dim, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "num_heads": self.num_heads, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the graphs."""
        return cls(num_edge_channels=spec["num_edge_channels"], dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape (N = 4, C = 5, E = 2), dtype and mask shape, for the conformance sweep."""
        layer = cls(num_edge_channels=2, dim=8, num_layers=2, num_heads=2, dropout=0.5)
        return layer, ((4, 5 + 4 * 2), "float32", (4,))


class _NeighbourAttention(keras.layers.Layer):
    """One layer of it, with norm and residual."""

    def __init__(self, num_edge_channels, num_heads, dropout, **kwargs):
        super().__init__(**kwargs)
        self.num_edge_channels = num_edge_channels
        self.num_heads = num_heads
        self.dropout = dropout

    def build(self, input_shape):
        dim, heads, channels = input_shape[-1], self.num_heads, self.num_edge_channels
        options = {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm", **options)
        self.project = keras.layers.Dense(dim, use_bias=False, name="project", **options)
        for layer in (self.norm, self.project):
            layer.build(input_shape)
        self.hear = self.add_weight(name="hear", shape=(dim // heads, heads))
        self.speak = self.add_weight(name="speak", shape=(dim // heads, heads))
        self.edge_scores = self.add_weight(name="edge_scores", shape=(channels, heads))
        self.edge_values = self.add_weight(name="edge_values", shape=(channels, dim))
        self.bias = self.add_weight(name="bias", shape=(dim,), initializer="zeros")
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, tokens, edges, linked, training=False):
        places, heads, size = tokens.shape[1], self.num_heads, tokens.shape[-1] // self.num_heads
        heard = ops.reshape(self.project(self.norm(tokens)), (-1, places, heads, size))
        scores = ops.einsum("bihd,dh->bhi", heard, self.hear)[..., None]
        scores = scores + ops.einsum("bjhd,dh->bhj", heard, self.speak)[:, :, None, :]
        scores = scores + ops.einsum("bije,eh->bhij", edges, self.edge_scores)
        weights = masked_softmax(ops.leaky_relu(scores, SLOPE), linked[:, None])
        weights = self.drop(ops.cast(weights, heard.dtype), training=training)
        values = ops.reshape(self.edge_values, (self.num_edge_channels, heads, size))
        carried = ops.einsum("bhij,bije->bhie", weights, edges)
        mixed = ops.einsum("bhij,bjhd->bihd", weights, heard) + ops.einsum("bhie,ehd->bihd", carried, values)
        added = ops.elu(ops.reshape(mixed, (-1, places, heads * size)) + self.bias)
        return tokens + self.drop(added, training=training)
