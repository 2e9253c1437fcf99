"""Chooses modalities for a table."""

import itertools

from data_pipelines.guessing.guess import guess_columns
from data_pipelines.modalities import MODALITIES, from_config
from data_pipelines.naming import plain_name


def infer(rows, targets, inputs=None, ignore=()):
    """Chooses modalities for a table: the inputs are all useful columns but the targets.

    Columns of plain numbers become one group named `numbers`; columns that are constant, empty, identifiers or a split
    are left out, see `left_out`. An identifier that `inputs` names is a text, or a number where it is a
    whole number.

    Args:
        rows: `Rows`.
        targets: sequence of str. Columns to predict.
        inputs: sequence of str or None. Columns to predict from. Defaults to `None`: all useful ones.
        ignore: sequence of str. Columns to leave out. Defaults to `()`.
    Returns:
        tuple (inputs, targets) of dicts name → modality, as `Pipeline` takes them.
    Raises:
        ValueError: a column that is not there, a target that is empty or cannot be predicted, no input left, or two
            columns whose names differ in nothing that Keras could tell apart.
    Example:
        >>> pipe = Pipeline(*infer(rows, targets=["category"])).adapt(train)
    """
    rows.require([*targets, *(inputs or ()), *ignore])
    _check_names([*targets, *(inputs or (column for column in rows.columns if column not in ignore))])
    guesses = guess_columns(rows, targets)
    chosen, numbers = {}, []
    for column, guess in guesses.items():
        if column in targets or column in ignore or (inputs is not None and column not in inputs):
            continue
        if guess.kind == "Number" and not guess.config:
            numbers.append(column)
        elif guess.kind in MODALITIES:
            chosen[plain_name(column)] = guess.modality(_own_column(column))
        elif inputs is not None and guess.kind == "identifier":
            chosen[plain_name(column)] = from_config(
                {"modality": "Text", **guess.config, "column": _own_column(column)}
            )
        elif inputs is not None:
            raise ValueError(f"infer: an input must hold something to learn from. Received: {column!r}, {guess.why}.")
    if len(numbers) == 1:
        chosen[plain_name(numbers[0])] = guesses[numbers[0]].modality(_own_column(numbers[0]))
    elif numbers:
        taken = {*chosen, *map(plain_name, targets)}
        groups = itertools.chain(["numbers", "other_numbers"], (f"numbers_{place}" for place in itertools.count(2)))
        group = next(name for name in groups if name not in taken)
        chosen[group] = from_config({"modality": "Number", "columns": numbers})
    if not chosen:
        raise ValueError(f"infer: some column must be of use as an input. Received: {list(rows.columns)}.")
    return chosen, {plain_name(column): _target(column, guesses[column]) for column in targets}


def left_out(rows, pipe):
    """Says which columns a pipeline does not read since nothing was seen in them, why, and how they could be inputs.

    Args:
        rows: `Rows`.
        pipe: `Pipeline`.
    Returns:
        list of str, a sentence for each such column.
    """
    read = [*pipe.input_columns(), *pipe.target_columns()]
    rest = guess_columns(rows.without(*(column for column in rows.columns if column in read)))
    ways = {"identifier": ". To include it, name it with all inputs (--input), or as Text or Category in a spec"}
    return [
        f"{column} is left out: {guess.why}{ways.get(guess.kind, '')}"
        for column, guess in rest.items()
        if guess.kind not in MODALITIES and guess.kind != "split"
    ]


def _target(column, guess):
    if guess.kind in ("empty", "constant"):
        raise ValueError(f"infer: a target must have different values. Received: {column!r}, {guess.why}. Do: another.")
    if guess.kind in ("identifier", "split"):
        return from_config({"modality": "Category", "column": _own_column(column)})
    modality = guess.modality(_own_column(column))
    if not modality.as_target:
        raise ValueError(
            f"infer: {guess.kind} cannot be a target yet. Received: {column!r}, {guess.why}. Do: use it as an input."
        )
    return modality


def _check_names(columns):
    seen = {}
    for column in columns:
        other = seen.setdefault(plain_name(column), column)
        if other != column:
            raise ValueError(
                "infer: columns must differ in letters or digits. "
                f"Received: {other!r} and {column!r}. Do: rename one, or leave it out by ignore."
            )


def _own_column(column):
    """What a modality must be told of its column: nothing where its name says it."""
    return None if plain_name(column) == column else column


def describe(modality):
    """A modality in a few words, for tables."""
    given = {k: v for k, v in modality.get_config().items() if v is not None and k not in ("modality", "column")}
    default = type(modality)().get_config()
    words = [f"{key}={value}" for key, value in given.items() if default.get(key) != value]
    told = f"{type(modality).__name__}({', '.join(words)})"
    return f"{told}; {modality.remark}" if modality.remark else told
