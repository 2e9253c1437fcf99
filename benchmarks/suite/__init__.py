"""Tables that nobody tuned a default for, each with two opponents: hand-written Keras and scikit-learn.

`all_tables()` gives them by name. A table is a module of `suite/tables`:

- its docstring says what the rows are, where they come from and under what licence;
- `TARGET`, `METRIC`: the column to predict, and `"accuracy"`, `"macro_f1"`, `"micro_f1"` or `"r2"`;
- `write(folder, limit=None)` writes `train.csv`, `validation.csv`, `test.csv` and the media they name, and returns
  `Parts` of the three paths. `limit`: about so many rows in all, to try things out;
- `keras_opponent(train, validation, epochs, callbacks)` and `sklearn_opponent(train, validation)` take pandas frames,
  run in the table's folder, and return a function frame → answers.

Example:
    >>> table = all_tables()["digits"]
    >>> parts = table.write("/tmp/digits")
    >>> parts.train
    '/tmp/digits/train.csv'
"""

import importlib
import pkgutil


def all_tables():
    """Every table of the suite.

    Returns:
        dict name → module, in order of the alphabet.
    """
    package = importlib.import_module(f"{__name__}.tables")
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
