"""Bad cells: raised with a name and a reason, or counted."""

import collections
import re

EXAMPLES = 20
POLICIES = ("raise", "mask", "drop")


def checked_policy(policy):
    """The policy itself, where it is one.

    Raises:
        ValueError: it is none.
    """
    if policy not in POLICIES:
        raise ValueError(f"Pipeline: on_bad must be one of {POLICIES}. Received: on_bad={policy!r}. Do: on_bad='mask'.")
    return policy


def bad_cell(modality, name, table, columns, row, reason):
    """The message about a cell that cannot be read; one that breaks a bound may be right."""
    bound = re.search(r"\bmax_\w+", reason)
    return (
        f'{modality.kind} "{name}": a cell must hold what its modality reads. Received: table '
        f'"{table}", column {", ".join(columns)!r}, row {row}: {reason}. '
        f"Do: {f'raise {bound[0]}, ' if bound else ''}mend the cell, empty it, or say on_bad='mask' or 'drop'."
    )


class Problems:
    """Counts cells that were masked and rows that were dropped, each once however many epochs they are met in.

    Attributes:
        masked: dict column → number of cells that were made absent.
        unknown: dict column → number of cells of inputs that hold only labels that training rows never had; they are
            answered as rare labels are.
        dropped: int. Rows left out.
        examples: list of the first messages.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        """Forgets all of them."""
        self._masked = collections.defaultdict(set)
        self._unknown = collections.defaultdict(set)
        self._dropped = set()
        self.examples = []

    def mask(self, column, row, message):
        """Notes that the cell was made absent."""
        if row not in self._masked[column]:
            self._masked[column].add(row)
            self.examples = [*self.examples, message][:EXAMPLES]

    def unknown_cell(self, column, row):
        """Notes that nothing in the cell was known."""
        self._unknown[column].add(row)

    def drop(self, row, message):
        """Notes that the row was left out."""
        if row not in self._dropped:
            self._dropped.add(row)
            self.examples = [*self.examples, message][:EXAMPLES]

    @property
    def masked(self):
        return {column: len(rows) for column, rows in sorted(self._masked.items()) if rows}

    @property
    def unknown(self):
        return {column: len(rows) for column, rows in sorted(self._unknown.items()) if rows}

    @property
    def dropped(self):
        return len(self._dropped)

    def counts(self):
        """JSON-ready: `{"masked": {column: n}, "dropped": n}`, and `"unknown": {column: n}` where there are some."""
        unknown = {"unknown": self.unknown} if self.unknown else {}
        return {"masked": self.masked, "dropped": self.dropped, **unknown}
