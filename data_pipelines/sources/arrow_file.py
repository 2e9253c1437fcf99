"""One parquet or arrow file: its columns, and its rows in batches."""

import contextlib
import os

NO_PYARROW = 'read_table: parquet and arrow files need pyarrow. Do: pip install "mmkeras[parquet]"'
WHOLE_FILE = b"ARROW1"


class ArrowFile:
    """A parquet file, an arrow file (Feather too), or an arrow stream as the `datasets` package writes it.

    Args:
        path: str.
    Attributes:
        schema: pyarrow schema.
        count: int or None. Its rows, where the file says so at its end; a stream does not.
    Raises:
        ValueError: no such file.
        ImportError: there is no pyarrow.
    """

    def __init__(self, path):
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ImportError(NO_PYARROW) from error
        self.path = path
        self.is_parquet = path.lower().endswith(".parquet")
        self.count = None
        with self._opened() as file:
            self.schema = file.schema_arrow if self.is_parquet else file.schema
            if self.is_parquet:
                self.count = file.metadata.num_rows

    def batches(self, columns, size):
        """Yields pyarrow record batches of so many rows at the most, in order, of these columns alone."""
        with self._opened(columns) as file:
            if self.is_parquet:
                several = file.iter_batches(size, columns=columns)
            else:
                several = (file.get_batch(n) for n in range(file.num_record_batches)) if self._is_whole() else file
            for batch in several:
                # Places in a damaged file may lead out of its memory, where reading would end the process.
                batch.validate(full=True)
                yield from (batch.slice(start, size) for start in range(0, batch.num_rows, size))

    @contextlib.contextmanager
    def _opened(self, columns=None):
        """A reader; what pyarrow says of a broken file becomes a ValueError."""
        import pyarrow as arrow
        import pyarrow.parquet

        kind = "parquet" if self.is_parquet else "arrow"
        try:
            # Not mapped into memory: pages once read would count as the process's own.
            with arrow.OSFile(self.path) as file:
                if self.is_parquet:
                    # Read ahead, all row groups passed would stay in memory.
                    yield arrow.parquet.ParquetFile(file, pre_buffer=False)
                    return
                options = None
                if columns is not None:
                    options = arrow.ipc.IpcReadOptions(included_fields=[self.schema.names.index(c) for c in columns])
                open_it = arrow.ipc.open_file if self._is_whole() else arrow.ipc.open_stream
                yield open_it(file, options=options)
        except (arrow.ArrowException, OSError) as error:
            raise ValueError(
                f'read_table "{os.path.basename(self.path)}": this is no {kind} file, or a damaged one. '
                f"Received: {self.path!r} ({error}). Do: put it back from a copy, or write it anew."
            ) from error

    def _is_whole(self):
        with open(self.path, "rb") as file:
            return file.read(len(WHOLE_FILE)) == WHOLE_FILE
