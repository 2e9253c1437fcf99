"""The tree as DESIGN and CONTRIBUTING say: imports point one way, a part is a file."""

import ast
import pathlib
import re
import sys

import keras
import pytest

import mmkeras

ROOT = pathlib.Path(mmkeras.__file__).parents[1]
FOLDERS = ("layers", "encoders", "fusions", "decoders", "losses", "metrics", "tokenizers", "alignment", "balance")
# What the parts in a folder may use of mmkeras, beside their own folder.
BELOW = {
    "layers": {"component"},
    "losses": {"component"},
    "metrics": {"component", "losses"},
    "encoders": {"component", "layers"},
    "fusions": {"component", "layers"},
    "decoders": {"component", "generation", "layers", "losses", "metrics", "tokenizers"},
    "tokenizers": {"component", "generation", "layers", "losses", "metrics"},
    "alignment": {"component", "layers"},
    "balance": {"component", "layers"},
}
# Libraries that a part does without where they are not installed.
OPTIONAL = {"metrics": {"sacrebleu", "rouge_score", "jiwer"}}
SHORT = 300
# Longer files, each with its reason.
LONG = {}
# Words that a paper spells its own way, as the file says them.
SPELLED = {"FiLM": "Film", "OGMGE": "OgmGe"}
FORBIDDEN = {"utils", "common", "core", "base", "misc", "helpers"}

SOURCES = sorted(file for package in ("mmkeras", "data_pipelines") for file in (ROOT / package).rglob("*.py"))
PARTS = [file for folder in FOLDERS for file in sorted((ROOT / "mmkeras" / folder).glob("*.py"))]


def name_of(file):
    return file.relative_to(ROOT).as_posix()


def sweep(files):
    return pytest.mark.parametrize("file", files, ids=name_of)


def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module


@sweep(PARTS)
def test_parts_import_keras_and_what_lies_below(file):
    folder = file.parent.name
    for module in imports(file):
        first, *rest = module.split(".")
        if first == "mmkeras":
            assert rest[0] in BELOW[folder] | {folder}, module
        else:
            assert first in {"keras", "numpy"} | OPTIONAL.get(folder, set()) | sys.stdlib_module_names, module


@sweep([file for file in SOURCES if name_of(file).startswith("data_pipelines/")])
def test_pipelines_do_not_know_of_models(file):
    assert not [module for module in imports(file) if module.split(".")[0] == "mmkeras"]


@sweep(PARTS)
def test_one_public_class_a_file_named_after_it(file):
    public = [node.name for node in tree(file).body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    assert len(public) <= 1
    for name in public:
        words = name
        for own, plain in SPELLED.items():
            words = words.replace(own, plain)
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", words)
        assert file.stem == words.lower()
        assert name in mmkeras.COMPONENTS


@sweep(PARTS)
def test_ids_are_looked_up_by_token_embedding(file):
    """Keras' own lookup gives Adam gradients in pieces on TensorFlow, see `TokenEmbedding`."""
    assert not [n.lineno for n in ast.walk(tree(file)) if isinstance(n, ast.Attribute) and n.attr == "Embedding"]


@sweep(SOURCES)
def test_nothing_is_asserted(file):
    assert not [node.lineno for node in ast.walk(tree(file)) if isinstance(node, ast.Assert)]


@sweep(SOURCES)
def test_files_are_short(file):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert (lines > SHORT) == (name_of(file) in LONG), lines


@sweep(SOURCES)
def test_files_say_what_they_are(file):
    assert ast.get_docstring(tree(file))
    assert file.stem not in FORBIDDEN


def test_the_registered_name_does_not_tell_the_file():
    for name, cls in mmkeras.COMPONENTS.items():
        assert keras.saving.get_registered_name(cls) == f"mmkeras>{name}"


def places(found):
    """Where in the source something is found: "file:line" of each node that `found` is true of."""
    return [f"{name_of(file)}:{node.lineno}" for file in SOURCES for node in ast.walk(tree(file)) if found(node)]


def test_masks_are_named_in_one_place():
    endings = ("_mask", "_target")
    written = places(lambda node: isinstance(node, ast.Constant) and node.value in endings)
    assert {place.split(":")[0] for place in written} == {"data_pipelines/naming.py"}


def test_one_loop_predicts():
    loops = places(lambda node: isinstance(node, ast.Attribute) and node.attr == "as_numpy_iterator")
    ours = [place.split(":")[0] for place in loops if place.startswith("mmkeras/")]
    assert ours == ["mmkeras/inference/seen_batches.py"]


# The stages, the lower before the higher: each imports what stands before it.
STAGES = {
    "data_pipelines": (
        *("naming", "field_spec", "files", "cells", "tokenization", "formats", "sources", "augmentation", "modalities"),
        *("pipeline_names", "guessing", "batches", "shards", "pipeline", "infer", "audit", "datasets", "builders"),
    ),
    "mmkeras": (
        *("component", "version", "layers", "losses", "metrics", "alignment", "balance", "generation", "tokenizers"),
        *(
            "encoders",
            "fusions",
            "decoders",
            "models",
            "inference",
            "exporting",
            "pages",
            "views",
            "explaining",
            "runs",
        ),
        *("runs", "reporting", "training", "comparing", "recipes", "commands", "cli", "__main__"),
    ),
}


@sweep(SOURCES)
def test_stages_import_downward(file):
    package, *path = file.relative_to(ROOT).with_suffix("").parts
    stages = STAGES[package]
    if path == ["__init__"]:
        return
    for module in imports(file):
        first, *rest = module.split(".")
        if first == package and rest:
            assert stages.index(rest[0]) <= stages.index(path[0]), module
