"""Graphs written as JSON: a grammar that a regular expression decides, and the same read in Python, with reasons."""

import json

import tensorflow as tf

SPACE = r"[ \t\r\n]*"
COMMA = rf"{SPACE},{SPACE}"
PLACE = r"(?:0|[1-9][0-9]{0,8})"
NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# Every character but the quote, the backslash and what JSON keeps out of strings.
NAME = r"[^\"\\\x00-\x1f]+"
NOTHING = '{"nodes": [], "edges": []}'
END = "\x01"
WIDEST = 200
LARGEST = 3e38


def graph_pattern(width, edge_width):
    """The regular expression of a graph whose nodes and edges carry so many numbers, 0 = names.

    Its groups are the nodes and the edges, in either order: 1 and 2, or 4 and 3.
    """
    edge = rf"\[{SPACE}{PLACE}{COMMA}{PLACE}(?:{_edge_tail(edge_width)})?{SPACE}\]"
    nodes = rf'"nodes"{SPACE}:{SPACE}\[{SPACE}({_listed(_node(width))}){SPACE}\]'
    edges = rf'"edges"{SPACE}:{SPACE}\[{SPACE}({_listed(edge)}){SPACE}\]'
    orders = (rf"\{{{SPACE}{first}{COMMA}{second}{SPACE}\}}" for first, second in ((nodes, edges), (edges, nodes)))
    return rf"(?:{'|'.join(orders)})"


def split_graph(text, pattern):
    """Texts `(B,)` that keep the pattern → the texts of their nodes and of their edges."""
    return tuple(tf.strings.regex_replace(text, f"^{pattern}$", rewrite) for rewrite in (r"\1\4", r"\2\3"))


def split_names(text):
    """`"C", "N"` → a ragged tensor of names `(B, None)`."""
    return _pieces(tf.strings.regex_replace(text, rf'"({NAME})"[ \t\r\n,]*', rf"\1{END}"))


def split_numbers(text):
    """`[1, 2], [3, 4]` → a ragged tensor of all numbers, float32 `(B, None)`."""
    pieces = tf.strings.split(tf.strings.regex_replace(text, r"[\[\], \t\r\n]+", " "))
    return tf.ragged.map_flat_values(tf.strings.to_number, pieces)


def split_edges(text, edge_width):
    """`[0, 1], [1, 2, "double"]` → graph of each edge `(L,)`, its two nodes int32 `(L, 2)`, what it carries `(L,)`."""
    carried = rf"((?:{_edge_tail(edge_width)})?)" if edge_width else rf'(?:{COMMA}"({NAME})")?'
    edge = rf"\[{SPACE}({PLACE}){COMMA}({PLACE}){carried}{SPACE}\][ \t\r\n,]*"
    pieces = _pieces(tf.strings.regex_replace(text, edge, rf"\1{END}\2{END}\3{END}"))
    fields = tf.reshape(pieces.flat_values, (-1, 3))
    return pieces.value_rowids()[::3], tf.strings.to_number(fields[:, :2], tf.int32), fields[:, 2]


def read_graph(text):
    """Reads a graph in Python.

    Returns:
        tuple (nodes, edges): nodes are names, or lists of numbers; edges are `[place, place, *carried]`.
    Raises:
        ValueError: in words, why it is none.
    """
    if "\\" in text:
        raise ValueError("it has a backslash: write names as they are, json.dumps(graph, ensure_ascii=False)")
    try:
        graph = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    lists = isinstance(graph, dict) and set(graph) == {"nodes", "edges"}
    if not lists or not all(isinstance(part, list) for part in graph.values()):
        raise ValueError('it is not {"nodes": […], "edges": […]}, both lists and nothing beside them')
    nodes, edges = graph["nodes"], graph["edges"]
    for place, node in enumerate(nodes):
        _check_carried(f"node {place}", node)
    widths = {node_width(node) for node in nodes}
    if len(widths) > 1:
        raise ValueError(f"its nodes are not alike: {' and '.join(map(carrying, sorted(widths)))}")
    for edge in edges:
        _check_edge(edge, len(nodes))
    return nodes, edges


def graph_size(text):
    """How many nodes a text has that is a graph; None for any other."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        return len(read_graph(text)[0])
    except ValueError:
        return None


def node_width(node):
    """How many numbers a node carries, 0 for a name."""
    return 0 if isinstance(node, str) else len(node)


def edge_width(edge):
    """How many numbers an edge carries, 0 for a kind, None for nothing."""
    carried = edge[2:]
    return None if not carried else 0 if isinstance(carried[0], str) else len(carried)


def carrying(width):
    """In words, what carries so many numbers."""
    return "names" if width == 0 else f"{width} number{'s' * (width > 1)}"


def _check_edge(edge, count):
    places = edge[:2] if isinstance(edge, list) else []
    if len(places) < 2 or not all(type(place) is int for place in places):
        raise ValueError(f"an edge is [from, to], [from, to, kind] or [from, to, numbers …], not {_short(edge)}")
    for place in places:
        if not 0 <= place < count:
            raise ValueError(f"the edge {_short(edge)} goes to node {place}, and there are {count}, from 0")
    if edge[2:]:
        named = len(edge) == 3 and isinstance(edge[2], str)
        _check_carried(f"the edge {_short(edge)}", edge[2] if named else edge[2:])


def _check_carried(who, carried):
    if not isinstance(carried, (str, list)) or not carried:
        raise ValueError(f"{who} must carry a name or numbers, not {_short(carried)}")
    for value in carried if isinstance(carried, list) else ():
        if type(value) not in (int, float):
            raise ValueError(f"{who} holds {_short(value)}, which is no number")
        if not abs(value) <= LARGEST:
            raise ValueError(f"{who} holds {_short(value)}, which is no finite number")


def _short(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _listed(item):
    return rf"(?:{item}(?:{COMMA}{item})*)?"


def _node(width):
    return rf"\[{SPACE}{NUMBER}(?:{COMMA}{NUMBER}){{{width - 1}}}{SPACE}\]" if width else f'"{NAME}"'


def _edge_tail(edge_width):
    return rf"(?:{COMMA}{NUMBER}){{{edge_width}}}" if edge_width else rf'{COMMA}"{NAME}"'


def _pieces(text):
    """Cuts at `END`, which stands behind every piece."""
    return tf.strings.split(text, END)[:, :-1]
