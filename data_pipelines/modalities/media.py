"""What pictures and recordings share: cells are files or bytes, decoded one by one, any of which may be broken."""

import functools

import tensorflow as tf

from data_pipelines.cells.media_cells import decode_cells, full_path, read_cell, unreadable
from data_pipelines.modalities.modality import CellContext, Modality


class Media(Modality):
    """A modality whose cells are encoded media.

    A subclass gives `empty` (what an absent cell decodes to), `decode` (bytes → tensor) and `collate` (a batch of
    decoded cells → value and mask); `as_served` too, where files come in containers that only Python can open.
    """

    media = True

    @property
    def empty(self):
        """Float tensor of the shape that `decode` gives; of length 0 along the first axis where cells differ in it."""
        raise NotImplementedError

    def decode(self, data):
        """Decodes the bytes of one cell, scalar string → float tensor; raises in the graph on a broken one."""
        raise NotImplementedError

    def locate(self, cell, media_root):
        """A row cell with its path made whole."""
        return full_path(cell, media_root)

    def read(self, cell, context):
        """The bytes of a scalar row cell."""
        return read_cell(cell, context)

    def as_served(self, data):
        """Turns a file's bytes into those that an exported model takes; the default changes nothing."""
        return data

    def open(self, data, seed=None):
        """Decodes a file's bytes; of those longer than wanted the beginning, or, where `crop` says so, a drawn part.

        Args:
            data: scalar string, as files have it.
            seed: int32 `(2,)`, which draws the part in training, or None. Defaults to `None`: the beginning.
        """
        return self.decode(self.as_served(data))

    def open_whole(self, data):
        """The same of the beginning, after a look at every part that training may draw."""
        return self.open(data)

    def kept(self, data):
        """What a cache keeps of a file of which training draws parts: bytes that `open` reads as it reads the file."""
        return self.as_served(data)

    def prepare(self, data):
        """Turns a file's bytes into those that shards keep, read faster or where this machine's libraries are not.

        Args:
            data: bytes of a whole file.
        Returns:
            tuple (bytes, fitted): `as_served` and `decode` read the bytes as they read the file; fitted is True where
            they are made for the arguments in `prepared_for` and suit no others.
        Raises:
            ValueError, tf.errors.OpError: the file cannot be decoded.
        """
        self._decode_file(tf.constant(data))
        return data, False

    def prepared_for(self):
        """The arguments that bytes from `prepare` depend on where they are fitted, JSON-ready."""
        return {}

    def collate(self, value, lengths, present):
        """Turns decoded cells `(B, …)`, their lengths and presence `(B,)` into value and mask; here, of sequences."""
        short = tf.maximum(0, self.least - tf.shape(value)[1])
        value = tf.pad(value, [[0, 0], [0, short], *([[0, 0]] * (value.shape.rank - 2))])
        return value, tf.sequence_mask(tf.where(present, lengths, 0), tf.shape(value)[1])

    def decode_cell(self, cell, context, seed=None):
        """Reads and decodes one row cell: (value, length along its first axis); an absent cell gives `empty`."""
        read = lambda: self._open_file(self.read(cell, context), seed)  # noqa: E731
        value = tf.cond(tf.equal(cell, ""), lambda: self.empty, read)
        return tf.ensure_shape(value, [self.empty.shape[0] or None, *self.empty.shape[1:]]), tf.shape(value)[0]

    def parse(self, cells, context):
        return [cells[0]], tf.zeros_like(cells[0], tf.bool)

    def encode_row(self, cells, context, seeds=None):
        return self._encode(cells[0], lambda cell, *seed: self._open_file(self.read(cell, context), *seed), seeds)

    def check_row(self, cells, context):
        """`encode_row` of the beginnings, where a cell is bad if any part of it is."""
        return self._encode(cells[0], lambda cell: self._decode_file(self.read(cell, context)))

    def encode(self, served):
        return self._encode(served[0], self.decode)

    def _encode(self, cells, decode, seeds=None):
        value, lengths, bad = decode_cells(cells, decode, self.empty, seeds)
        return *self.collate(value, lengths, (cells != "") & ~bad), bad

    def reason(self, cells, context):
        return unreadable(cells[0], context, self._decode_file)

    def why_broken(self, data):
        """What `decode` says of bytes that it cannot read."""
        return unreadable(data, CellContext(is_bytes=True), self._decode_file)

    @functools.cached_property
    def _open_file(self):
        """`open` as one graph, traced once for the datasets of training, validation and test rows."""
        return tf.function(self.open, autograph=False)

    @functools.cached_property
    def _decode_file(self):
        """`open_whole` as one graph, traced once for all broken cells."""
        return tf.function(self.open_whole, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def check_shared_media(inputs):
    """Refuses one column for different media: what a served model takes for it could only be one of them."""
    kinds = {}
    for name, modality in inputs.items():
        if not modality.media:
            continue
        own, (column,) = type(modality), modality.columns(name)
        if kinds.setdefault(column, own) is not own:
            raise ValueError(
                f"Pipeline.signature: a served column holds one kind of bytes. Received: {column!r} as "
                f"{kinds[column].__name__} and {own.__name__}. Do: name the files in a second column."
            )
