"""What the Hugging Face `datasets` package writes beside its columns: which whole numbers are names of classes."""

import json
import os


def hf_features(schema, folder):
    """The features of a table written by `datasets`: dict column → JSON; empty for any other table.

    Args:
        schema: pyarrow schema; its metadata come first.
        folder: str. Where a `dataset_info.json` may lie.
    """
    written = (schema.metadata or {}).get(b"huggingface")
    if written:
        return json.loads(written).get("info", {}).get("features") or {}
    path = os.path.join(folder, "dataset_info.json")
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file).get("features") or {}


def with_names(feature):
    """A callable that puts the names of classes in the place of their numbers, or None where there are none to put.

    Args:
        feature: JSON of one feature; what it holds inside, lists and records, is looked through too.
    """
    if isinstance(feature, list):
        return _for_items(with_names(feature[0]))
    if not isinstance(feature, dict):
        return None
    kind = feature.get("_type")
    if kind == "ClassLabel":
        names = feature.get("names") or []
        return lambda number: names[number] if number is not None and 0 <= number < len(names) else _unnamed(number)
    if kind == "Sequence" and isinstance(feature["feature"], dict) and "_type" not in feature["feature"]:
        # Records in a list are stored as a record of lists.
        return with_names({key: [inner] for key, inner in feature["feature"].items()})
    if isinstance(kind, str) and "feature" in feature:
        return _for_items(with_names(feature["feature"]))
    if isinstance(kind, str):
        return None
    return _for_record({key: with_names(inner) for key, inner in feature.items()})


def _unnamed(number):
    """A class of which only the number is known; `datasets` writes −1 for a label that is missing."""
    return None if number is None or number < 0 else number


def _for_items(name):
    return name and (lambda values: values if values is None else [name(value) for value in values])


def _for_record(inner):
    if not any(inner.values()):
        return None
    return lambda record: record and {key: inner[key](value) if inner[key] else value for key, value in record.items()}
