"""Graphs by sums over neighbours."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.graph_parts import node_features, split_nodes
from mmkeras.layers.masking import hide, mask_or_full


@component
class GraphConvolutionEncoder(keras.layers.Layer):
    """Makes one token of each node; in every layer it takes in its neighbours, less from those that have many.

    x + relu(D^−½ A D^−½ LN(x) W + b), with A_ij = 2 σ(s·e_ij) where there is an edge, one more on the diagonal, and D
    its sums. With s = 0, as at the start, every edge counts as 1.

    Args:
        num_edge_channels: int > 0. E, the channels of an edge.
        dim: int > 0. Width of a token. Defaults to `64`.
        num_layers: int >= 0. As many edges away a node can hear. Defaults to `3`.
        dropout: float in [0, 1). Share of what a layer adds, dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, N, C + N·E)`: a node's features, then its edges; an edge is there where a channel is
            not 0.
        mask: bool tensor `(B, N)` or None; False = no such node. Its edges count for nobody.
    Returns:
        float tensor `(B, N, D)`, zeros where masked. A node without neighbours takes in itself.
    Raises:
        ValueError: `num_edge_channels` < 1, or inputs of another shape.
    Example:
        >>> GraphConvolutionEncoder(num_edge_channels=1, dim=8)(np.ones((2, 5, 3 + 5), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Kipf and Welling, 2017](https://arxiv.org/abs/1609.02907). Differs: an edge has a learned strength in (0, 2),
        the same in all layers; one-way edges are weighed by the sums of the row and of the column; pre-norm and a
        residual around each layer.
    """

    modality = "Graph"
    preferred = False

    def __init__(self, num_edge_channels, dim=64, num_layers=3, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_edge_channels < 1:
            raise ValueError(
                "GraphConvolutionEncoder: num_edge_channels must be > 0. "
                f"Received: num_edge_channels={num_edge_channels}. Do: take it from pipe.spec."
            )
        self.num_edge_channels = num_edge_channels
        self.dim = dim
        self.num_layers = num_layers
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        width = node_features(self, input_shape, self.num_edge_channels)
        shape, options = (*input_shape[:2], self.dim), {"dtype": self.dtype_policy}
        self.embed = keras.layers.Dense(self.dim, name="embed", **options)
        self.embed.build((*input_shape[:2], width))
        if self.num_layers:
            self.strength = self.add_weight(name="strength", shape=(self.num_edge_channels,), initializer="zeros")
        self.norms, self.kernels = [], []
        for place in range(self.num_layers):
            self.norms.append(keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options))
            self.kernels.append(keras.layers.Dense(self.dim, name=f"kernel_{place}", **options))
        for layer in (*self.norms, *self.kernels):
            layer.build(shape)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        features, edges, linked = split_nodes(inputs, mask, self.num_edge_channels)
        tokens = self.embed(features)
        if self.num_layers:
            shares = ops.cast(self._shares(edges, linked), tokens.dtype)
        for norm, kernel in zip(self.norms, self.kernels, strict=True):
            added = ops.relu(kernel(ops.matmul(shares, norm(tokens))))
            tokens = tokens + self.drop(added, training=training)
        return hide(tokens, mask)

    def _shares(self, edges, linked):
        """D^−½ A D^−½ in float32 `(B, N, N)`."""
        strength = ops.einsum("bije,e->bij", ops.cast(edges, "float32"), ops.cast(self.strength, "float32"))
        weights = hide(2 * ops.sigmoid(strength), linked) + ops.eye(linked.shape[-1])
        return weights * ops.rsqrt(ops.sum(weights, axis=2)[:, :, None] * ops.sum(weights, axis=1)[:, None, :])

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.dim)

    def get_config(self):
        config = {"num_edge_channels": self.num_edge_channels, "dim": self.dim, "num_layers": self.num_layers}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the graphs."""
        return cls(num_edge_channels=spec["num_edge_channels"], dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape (N = 4, C = 5, E = 2), dtype and mask shape, for the conformance sweep."""
        return cls(num_edge_channels=2, dim=8, num_layers=2, dropout=0.5), ((4, 5 + 4 * 2), "float32", (4,))
