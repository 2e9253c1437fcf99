"""A graph in one token: what it is made of, and what its nodes hear from their neighbours."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.built_dense import built_dense, built_scale, scale_rows
from mmkeras.layers.graph_parts import node_features, split_nodes
from mmkeras.layers.masking import hide, mask_or_full, masked_mean

DEGREES = 5  # nodes with 0, 1, 2, 3, and more neighbours


@component
class GraphSummaryEncoder(keras.layers.Layer):
    """Sums up a graph by counts that nobody has to learn, and by sums over nodes that have heard their neighbours.

    t = W [relu(V f(x)); relu(U g(x))]: f gives the sums of the nodes' features, those of nodes with so many neighbours,
    and of the edges; g the sums, means and largest values of h_0 … h_L, with h_l = relu(W_l [h_{l−1}; m_l]) and
    m_i = log₂(1 + d_i) / d_i · Σ_j e_ij ⊗ h_j over the d_i neighbours of a node. Sums tell a large graph from a small
    one, which means cannot.

    Args:
        num_edge_channels: int > 0. E, the channels of an edge.
        dim: int > 0. Width of the token. Defaults to `64`.
        num_layers: int >= 0. As many edges away a node can hear. Defaults to `3`.
        node_dim: int > 0. Width of a node. Defaults to `64`.
        hidden_dim: int > 0. Width of the dense layers. Defaults to `128`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, N, C + N·E)`: a node's features, then its edges; an edge is there where a channel is
            not 0.
        mask: bool tensor `(B, N)` or None; False = no such node. Its edges count for nobody.
    Returns:
        float tensor `(B, 1, D)`, zeros in a row without nodes; the mask becomes `(B, 1)`.
    Raises:
        ValueError: `num_edge_channels` < 1, or inputs of another shape.
    Example:
        >>> GraphSummaryEncoder(num_edge_channels=1, dim=8)(np.ones((2, 5, 3 + 5), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        [Xu et al., 2019](https://arxiv.org/abs/1810.00826), sums over nodes of every layer; [Corso et al.,
        2020](https://arxiv.org/abs/2004.05718), the logarithm of the number of neighbours. Differs: the counts beside
        them, and a message for each channel of an edge.
    """

    modality = "Graph"
    preferred = False
    summary = True

    def __init__(self, num_edge_channels, dim=64, num_layers=3, node_dim=64, hidden_dim=128, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if num_edge_channels < 1:
            raise ValueError(
                "GraphSummaryEncoder: num_edge_channels must be > 0. "
                f"Received: num_edge_channels={num_edge_channels}. Do: take it from pipe.spec."
            )
        self.num_edge_channels = num_edge_channels
        self.dim = dim
        self.num_layers = num_layers
        self.node_dim = node_dim
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        width, edges = node_features(self, input_shape, self.num_edge_channels), self.num_edge_channels
        self.embed = built_dense(self, "embed", width, self.node_dim, "relu")
        self.kernels = [
            built_dense(self, f"kernel_{place}", (1 + edges) * self.node_dim, self.node_dim, "relu")
            for place in range(self.num_layers)
        ]
        counted, found = (1 + DEGREES) * width + edges + 1, 3 * (1 + self.num_layers) * self.node_dim
        self.scale_counted = built_scale(self, "scale_counted", counted)
        self.scale_found = built_scale(self, "scale_found", found)
        self.count = built_dense(self, "count", counted, self.hidden_dim, "relu")
        self.read = built_dense(self, "read", found, self.hidden_dim, "relu")
        self.project = built_dense(self, "project", 2 * self.hidden_dim, self.dim)
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        present = ops.any(mask, axis=1)
        features, edges, linked = split_nodes(inputs, mask, self.num_edge_channels)
        degree = ops.sum(ops.cast(linked, "float32"), axis=2)

        def view(dense, scale, values):
            values = ops.cast(ops.concatenate(values, axis=1), self.compute_dtype)
            return self.drop(dense(scale_rows(scale, values, present, training)), training=training)

        views = [
            view(self.count, self.scale_counted, _counts(features, edges, degree, mask)),
            view(self.read, self.scale_found, self._found(features, edges, degree, mask)),
        ]
        token = self.project(ops.concatenate(views, axis=1))
        return hide(token[:, None], self.compute_mask(inputs, mask))

    def _found(self, features, edges, degree, mask):
        """Sums, means and largest values of the nodes, before and after each message."""
        nodes, found = hide(self.embed(ops.cast(features, self.compute_dtype)), mask), []
        share = (
            ops.cast(edges, "float32") * (ops.log(1.0 + degree) / (0.6931 * ops.maximum(degree, 1.0)))[..., None, None]
        )
        share, shape = ops.cast(share, self.compute_dtype), (-1, nodes.shape[1], edges.shape[-1] * self.node_dim)
        for kernel in (None, *self.kernels):
            if kernel is not None:
                heard = ops.reshape(ops.einsum("bije,bjd->bied", share, nodes), shape)
                nodes = hide(kernel(ops.concatenate([nodes, heard], axis=-1)), mask)
            total = ops.sum(ops.cast(nodes, "float32"), axis=1)
            found += [total, ops.cast(masked_mean(nodes, mask), "float32"), ops.cast(ops.max(nodes, axis=1), "float32")]
        return found

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"num_edge_channels": self.num_edge_channels, "dim": self.dim, "num_layers": self.num_layers}
        more = {"node_dim": self.node_dim, "hidden_dim": self.hidden_dim, "dropout": self.dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the graphs."""
        return cls(num_edge_channels=spec["num_edge_channels"], dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape (N = 4, C = 5, E = 2), dtype and mask shape, for the conformance sweep."""
        options = {"dim": 8, "num_layers": 2, "node_dim": 8, "hidden_dim": 8, "dropout": 0.5}
        return cls(num_edge_channels=2, **options), ((4, 5 + 4 * 2), "float32", (4,))


def _counts(features, edges, degree, mask):
    """Sums of features, also of nodes with so many neighbours, of edges, and the number of nodes: `(B, …)` each."""
    features, real = ops.cast(features, "float32"), ops.cast(mask, "float32")
    found = [ops.sum(real, axis=1, keepdims=True), ops.sum(ops.cast(edges, "float32"), axis=(1, 2))]
    found.append(ops.sum(features, axis=1))
    for count in range(DEGREES):
        those = degree >= count if count == DEGREES - 1 else degree == count
        found.append(ops.einsum("bn,bnc->bc", ops.cast(those, "float32"), features))
    return found
