"""Graphs: nodes that are named or carry numbers, and edges between them, written as JSON."""

import collections

import numpy as np
import tensorflow as tf

from data_pipelines.augmentation.graphs import GRAPHS, vary_graphs
from data_pipelines.augmentation.settings import checked_augment
from data_pipelines.cells.labels import label_table, strip
from data_pipelines.cells.media_cells import is_longer, longer
from data_pipelines.cells.moments import joined_moments
from data_pipelines.field_spec import FieldSpec
from data_pipelines.formats.graph_text import (
    NOTHING,
    WIDEST,
    carrying,
    edge_width,
    graph_pattern,
    node_width,
    read_graph,
    split_edges,
    split_graph,
    split_names,
    split_numbers,
)
from data_pipelines.modalities.modality import Modality, modality


@modality
class Graph(Modality):
    """A graph: N places for nodes, and E channels for the edge between any two of them.

    A cell is `{"nodes": ["C", "O", "H"], "edges": [[0, 1], [1, 2, "double"]]}`, or, with numbers,
    `{"nodes": [[0.5, 2], [1, 3.5]], "edges": [[0, 1, 0.25]]}`. The grammar:

    - Two lists, `"nodes"` and `"edges"`, in either order and nothing beside them. Both may be empty.
    - A node is a name, or a list of numbers: the same for all nodes of a column, and equally many numbers.
    - An edge is `[from, to]`, places in the list of nodes from 0. It may carry a kind, `[0, 1, "double"]`, or
      numbers, `[0, 1, 0.25]`: the same for all edges of a column that carry something.
    - A name or kind is any text but `""`, without quotes, backslashes and `\\u` escapes
      (in Python: `json.dumps(graph, ensure_ascii=False)`). A number is finite.

    An edge that is given twice has the larger value in each channel. Numbers are standardised over training rows.

    Args:
        max_nodes: int > 0. N. A graph of more nodes is a bad cell: cut short it would be another graph.
            Defaults to `64`.
        directed: bool. True: an edge leads one way. False: both ways. Defaults to `False`.
        max_names: int > 0. Most node names, and most edge kinds, kept by frequency. Defaults to `100`.
        min_count: int > 0. Names and kinds seen less often in training rows count as unknown. Defaults to `1`.
        max_characters: int > 0. A longer text is a bad cell, and is not read: it bounds the edges, which may be given
            more than once. Defaults to `1_000_000`.
        augment: None or dict, in training only: `node_dropout` and `edge_dropout` (share of nodes, and of edges, that
            are left out; one node always stays) and `jitter` (standard deviation of noise on the numbers of nodes;
            none on names). Defaults to `None`.
        column: str or None. The table's column. Defaults to `None`: the modality's name.
    Batch:
        float32 `(B, N, C + N·E)`, mask bool `(B, N)`, zeros where there is no node. First the C features of a node:
        its numbers, or 1 at its name, with channel 0 for unknown names. Then, for each node that it may hear from,
        E channels of the edge from there: 1 where there is an edge, then 1 at its kind, or its numbers.
        An edge of an unknown kind has its first channel only. An empty cell and a graph without nodes are absent.
    Raises:
        ValueError: numbers below 1, a wrong `augment`, no graph in training rows, more than 200 numbers a node or edge.
    Example:
        >>> graph = Graph(max_nodes=3)
        >>> graph.adapt([(['{"nodes": ["C", "O"], "edges": [[0, 1]]}'],)])
        >>> graph.spec().shape
        (3, 6)
    """

    def __init__(
        self,
        max_nodes=64,
        directed=False,
        max_names=100,
        min_count=1,
        max_characters=1_000_000,
        augment=None,
        column=None,
    ):
        super().__init__(column)
        if max_characters < 1:
            raise ValueError(
                f"Graph: max_characters must be > 0. Received: max_characters={max_characters}. Do: leave it out."
            )
        if max_nodes < 1 or max_names < 1 or min_count < 1:
            raise ValueError(
                "Graph: max_nodes, max_names and min_count must be > 0. Received: "
                f"max_nodes={max_nodes}, max_names={max_names}, min_count={min_count}. Do: leave them out."
            )
        self.max_nodes = int(max_nodes)
        self.directed = bool(directed)
        self.max_names = int(max_names)
        self.min_count = int(min_count)
        self.max_characters = int(max_characters)
        self.augment_with = checked_augment("Graph", augment, GRAPHS, "'edge_dropout': 0.1")
        self.nodes = self.edges = None

    def adapt(self, chunks):
        nodes, edges = _Parts(), _Parts()
        for (cells,) in chunks:
            for cell in cells:
                try:
                    found = read_graph(_decoded(cell))
                except ValueError:
                    continue
                nodes.add(found[0], node_width, lambda node: node)
                edges.add(found[1], edge_width, lambda edge: edge[2] if isinstance(edge[2], str) else edge[2:])
        if not nodes.widths:
            raise ValueError(
                "Graph: some training row must hold a graph with a node. Received: none. "
                'Do: write cells like \'{"nodes": ["C", "O"], "edges": [[0, 1]]}\'.'
            )
        self.set_state(
            {part: seen.facts(self.max_names, self.min_count) for part, seen in zip(PARTS, (nodes, edges), strict=True)}
        )

    def state(self):
        return {"nodes": self.nodes, "edges": self.edges}

    def set_state(self, state):
        self.nodes, self.edges = dict(state["nodes"]), dict(state["edges"])
        self.pattern = graph_pattern(self.nodes["width"], self.edges["width"])
        self.table = [label_table(part["names"]) for part in (self.nodes, self.edges)]

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def encode(self, served):
        long = is_longer(served[0], self.max_characters)
        text = strip(tf.where(long, "", served[0]))
        fits = tf.strings.regex_full_match(text, self.pattern)
        bad = long | (~fits & (text != ""))
        node_text, edge_text = split_graph(tf.where(fits, text, NOTHING), self.pattern)
        nodes, counts = self._read_nodes(node_text)
        graphs, places, channels = self._read_edges(edge_text)
        wrong = tf.reduce_any(places >= tf.gather(counts, graphs)[:, None], 1) | ~_finite(channels)
        bad |= tf.math.unsorted_segment_max(tf.cast(wrong, tf.int32), graphs, tf.size(bad)) > 0
        bad |= (counts > self.max_nodes) | ~_finite(tf.reshape(nodes, (-1, self.max_nodes * nodes.shape[-1])))
        keep = ~tf.gather(bad, graphs)
        adjacency = self._place(*(tf.boolean_mask(part, keep) for part in (graphs, places, channels)), tf.size(bad))
        nodes = tf.where(bad[:, None, None], 0.0, nodes)
        value = tf.concat([nodes, adjacency], -1)
        mask = tf.sequence_mask(tf.where(bad, 0, counts), self.max_nodes)
        return tf.ensure_shape(value, (None, *self.spec().shape)), tf.ensure_shape(mask, (None, self.max_nodes)), bad

    def _read_nodes(self, text):
        """Features `(B, N, C)` and the number of nodes int32 `(B,)`."""
        width = self.nodes["width"]
        if not width:
            places = tf.ragged.map_flat_values(self.table[0].lookup, split_names(text)) + 1
            hot = tf.one_hot(places.to_tensor(-1, shape=[None, self.max_nodes]), self._features())
            return hot, tf.cast(places.row_lengths(), tf.int32)
        numbers = split_numbers(text)
        counts = numbers.row_lengths() // width
        scaled = _scaled(tf.reshape(numbers.flat_values, (-1, width)), self.nodes)
        rows = tf.RaggedTensor.from_row_lengths(scaled, counts)
        return rows.to_tensor(0.0, shape=[None, self.max_nodes, width]), tf.cast(counts, tf.int32)

    def _read_edges(self, text):
        """All edges of the batch: the graph int32 `(L,)`, the two nodes `(L, 2)` and the channels `(L, E)` of each."""
        width = self.edges["width"]
        graphs, places, carried = split_edges(text, width)
        if width:
            numbers = split_numbers(tf.where(carried == "", ", ".join(["nan"] * width), carried))
            numbers = _scaled(tf.reshape(numbers.flat_values, (-1, width)), self.edges)
            more = tf.where((carried == "")[:, None], 0.0, numbers)
        else:
            more = tf.one_hot(self.table[1].lookup(carried), self._channels() - 1)
        return tf.cast(graphs, tf.int32), places, tf.concat([tf.ones((tf.shape(more)[0], 1)), more], 1)

    def _place(self, graphs, places, channels, count):
        """The channels of edges `(L, E)` at `[graph, to, from]` of `(B, N, N·E)`."""
        ways = [tf.reverse(places, [1])] if self.directed else [tf.reverse(places, [1]), places]
        where = tf.concat([tf.concat([graphs[:, None], way], 1) for way in ways], 0)
        shape = (count, self.max_nodes, self.max_nodes, self._channels())
        lowest = tf.fill(shape, tf.float32.min)
        filled = tf.tensor_scatter_nd_max(lowest, where, tf.concat([channels] * len(ways), 0))
        return tf.reshape(tf.where(filled == lowest, 0.0, filled), (count, self.max_nodes, -1))

    def vary(self, value, mask, seed):
        if not self.augment_with:
            return value, mask
        size, channels = self.max_nodes, self._channels()
        nodes, edges = tf.split(value, [self._features(), size * channels], -1)
        edges = tf.reshape(edges, (-1, size, size, channels))
        kinds = {"numbers": self.nodes["width"] > 0, "directed": self.directed}
        nodes, edges, mask = vary_graphs(nodes, edges, mask, seed, **kinds, **self.augment_with)
        varied = tf.concat([nodes, tf.reshape(edges, (-1, size, size * channels))], -1)
        return tf.ensure_shape(varied, value.shape), mask

    def augment(self, value, mask, seed):
        return self.vary(value, mask, seed)[0]

    def reason(self, cells, context):
        if long := longer(cells[0], self.max_characters, "max_characters"):
            return long
        try:
            nodes, edges = read_graph(_decoded(cells[0]))
        except ValueError as error:
            return str(error)
        if len(nodes) > self.max_nodes:
            return f"{len(nodes)} nodes are more than max_nodes={self.max_nodes}"
        for part, known, widths in (
            ("nodes", self.nodes["width"], {node_width(node) for node in nodes}),
            ("edges", self.edges["width"], {edge_width(edge) for edge in edges} - {None}),
        ):
            for width in sorted(widths - {known}):
                return f"its {part} carry {carrying(width)}, those of the training rows {carrying(known)}"
        return "it is not written as Graph's grammar says, or a number is too large"

    def _features(self):
        return self.nodes["width"] or 1 + len(self.nodes["names"])

    def _channels(self):
        return 1 + (self.edges["width"] or len(self.edges["names"]))

    def spec(self):
        details, width = {}, None
        if self.nodes is not None:
            details = {"num_features": self._features(), "num_edge_channels": self._channels()}
            width = details["num_features"] + self.max_nodes * details["num_edge_channels"]
        shape = (self.max_nodes, width)
        return FieldSpec("Graph", shape, "float32", shape[:1], self.max_nodes, details=details)

    def get_config(self):
        config = {"max_nodes": self.max_nodes, "directed": self.directed, "max_names": self.max_names}
        more = {"max_characters": self.max_characters, "augment": self.augment_with or None}
        return {**super().get_config(), **config, "min_count": self.min_count, **more}


PARTS = ("nodes", "edges")


class _Parts:
    """Counts what nodes or edges carry: names, or numbers with their mean and spread, by how many they are."""

    def __init__(self):
        self.widths = collections.Counter()
        self.names = collections.Counter()
        self.moments = {}

    def add(self, parts, width_of, carried_of):
        """Takes the nodes or edges of one graph."""
        carried = [(width_of(part), part) for part in parts if width_of(part) is not None]
        self.widths.update({width for width, _ in carried})
        self.names.update(carried_of(part) for width, part in carried if width == 0)
        for width in {width for width, _ in carried if width}:
            values = np.array([carried_of(part) for own, part in carried if own == width], "float64")
            self.moments[width] = joined_moments(self.moments.get(width), values)

    def facts(self, max_names, min_count):
        """What most graphs carry, JSON-ready."""
        width = min(self.widths, key=lambda width: (-self.widths[width], width), default=0)
        if width > WIDEST:
            raise ValueError(
                f"Graph: a node or edge must carry at most {WIDEST} numbers. Received: {width}. Do: leave some out."
            )
        frequent = sorted((-n, name) for name, n in self.names.items() if n >= min_count and not width)
        facts = {"width": width, "names": sorted(name for _, name in frequent[:max_names])}
        if width:
            count, mean, spread = self.moments[width]
            deviation = np.sqrt(spread / count)
            facts |= {"means": mean.tolist(), "deviations": np.where(deviation > 0, deviation, 1.0).tolist()}
        return facts


def _scaled(values, facts):
    return (values - tf.constant(facts["means"], tf.float32)) / tf.constant(facts["deviations"], tf.float32)


def _finite(values):
    """Whether all are finite along the last axis."""
    return tf.reduce_all(tf.math.is_finite(values), -1)


def _decoded(cell):
    return (cell.decode("utf-8") if isinstance(cell, bytes) else str(cell)).strip()
