"""Long documents: what a Python function says of itself → the field of mathematics it belongs to.

1,500 documents of 40 to 3,000 words in 14 fields, 9 : 1 out of balance. The docstrings of public functions, classes and
methods of SciPy, scikit-learn and scikit-image (BSD-3-Clause each), as installed; names of packages and of fields are
taken out, and so are lines that import something.
"""

import importlib
import inspect
import re

import pandas as pd

from suite.writing import at_most, share_out, write_parts

TARGET, METRIC = "field", "macro_f1"
FIELDS = {
    "scipy": ["stats", "signal", "linalg", "optimize", "ndimage", "special", "interpolate"],
    "sklearn": ["cluster", "ensemble", "linear_model", "metrics", "preprocessing"],
    "skimage": ["measure", "morphology"],
}
SHORTEST = 40
NAMES = re.compile(
    rf"\b(?:sp|np|scipy|numpy|sklearn|skimage|scikit|{'|'.join(name for names in FIELDS.values() for name in names)})\b"
)


def write(folder, limit=None):
    rows = [
        (text, f"{package}.{field}") for package in FIELDS for field in FIELDS[package] for text in told(package, field)
    ]
    frame = pd.DataFrame(rows, columns=["document", "field"]).drop_duplicates("document", keep=False)
    frame = at_most(frame, limit, frame.field)
    return write_parts(folder, frame, share_out(frame.field, shares={"train": 0.6, "validation": 0.15, "test": 0.25}))


def told(package, field):
    """The documents of a field, each once."""
    module = importlib.import_module(f"{package}.{field}")
    objects = [getattr(module, name) for name in module.__all__ if not name.startswith("_")]
    methods = [
        part for thing in objects if inspect.isclass(thing) for name, part in vars(thing).items() if name[0] != "_"
    ]
    documents = (inspect.getdoc(thing) for thing in [*objects, *methods] if callable(thing))
    cleaned = (clean(document) for document in documents if document)
    return list(dict.fromkeys(document for document in cleaned if len(document.split()) >= SHORTEST))


def clean(document):
    """Without what would tell the field by its name."""
    lines = [line for line in document.splitlines() if not re.search(r"\bimport\b", line)]
    return re.sub(r"\s+", " ", NAMES.sub("", "\n".join(lines))).strip()
