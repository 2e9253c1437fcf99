"""One SavedModel that takes raw bytes, strings and numbers and gives answers."""

import itertools
import json
import keyword
import os
import re
import tempfile

import keras

from data_pipelines.files.whole_file import check_folder
from data_pipelines.files.whole_folder import whole_folder
from data_pipelines.naming import MASK
from data_pipelines.pipeline_names import check_answers
from mmkeras.exporting.convert import convert
from mmkeras.models.dual_encoder import embedded, single_encoder
from mmkeras.models.generator import generator

FORMATS = ("saved_model", "onnx", "litert")
BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
LONGEST_STEM = 200  # bytes of a file's name; most systems take 255
PYTHON_OPS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def export(model, pipe, path, format="saved_model", generate=None, seed=0):
    """Writes a SavedModel with the pipeline's preprocessing in front and its labels behind, or the network alone.

    `serving_default` takes the input columns by their names: media as encoded bytes (JPEG, PNG, GIF, BMP or WebP;
    recordings WAV of any bit depth and rate), text as strings, numbers as floats (float64 where float32
    would make training values alike, as the signature tells); `""` and NaN mean absent, and bytes
    that cannot be decoded count as absent. A column whose name is no plain ASCII word goes by another, which
    `assets/columns.json` tells. It gives each target by its name, `NAME_probabilities` for categories and tags, and
    `NAME_present` (bool) for every input: whether the row had it. Labels lie in `assets/NAME_classes.txt`, one
    a line in the order of the probabilities; a backslash in a label is written there as `\\\\`, a line break as `\\n`,
    `\\r` or, of the rarer ones, as in JSON.
    Generated targets come as texts and as the bytes of PNG and WAV files.
    It needs TensorFlow alone: neither Keras nor mmkeras.

    A dual encoder gives `NAME_embedding` and `NAME_present`, and has a signature more for each input it embeds:
    `embed_NAME` takes that input's columns alone and gives `embedding`, `(B, D)` of length 1 (zeros where absent), and
    `present`.

    Args:
        model: `keras.Model` from `build` or `build_dual_encoder`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        path: folder to write.
        format: `"saved_model"`, or `"onnx"` or `"litert"`: the network without preprocessing, see
            `mmkeras.exporting.convert`. Defaults to `"saved_model"`.
        generate: dict target → options of its decoder's `generate`, such as `{"caption": {"beams": 4}}`, which the
            file keeps. Defaults to `None`: theirs.
        seed: int. For all that is drawn, the same at every call. Defaults to `0`.
    Returns:
        The path.
    Raises:
        ImportError: a converter is not installed.
        ValueError: an unknown format, another backend than TensorFlow, or a graph with Python functions inside, which
            no other process could run.
    Example:
        >>> export(model, pipe, "saved_model/")
        >>> serve = tf.saved_model.load("saved_model/").signatures["serving_default"]
        >>> serve(photo=tf.constant([open("cat.jpg", "rb").read()]), story=tf.constant(["…"]))
    """
    if format not in FORMATS:
        raise ValueError(f"export: format must be one of {FORMATS}. Received: format={format!r}. Do: 'saved_model'.")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "export: a SavedModel is written by the TensorFlow backend. "
            f"Received: backend={keras.backend.backend()!r}. Do: save the model as .keras, load it with "
            "KERAS_BACKEND=tensorflow, export there."
        )
    check_folder("export", path)
    check_answers(pipe.inputs, pipe.targets)
    model = generator(model, generate, seed)
    if format != "saved_model":
        return convert(model, pipe, path, format)
    import tensorflow as tf

    module = tf.Module()
    module.model = model
    # Keras shows TensorFlow the layers of a list, but not those of a list within a list.
    module.weights = list(model.variables)
    module.tables = [m.table for m in (*pipe.inputs.values(), *pipe.targets.values()) if hasattr(m, "table")]
    signature = pipe.signature()

    @tf.function(input_signature=[signature], autograph=False)
    def serve(served):
        x = pipe.preprocess(served)
        given = model(x, training=False)
        embeddings = {f"{pipe.title(name)}_embedding": given[name] for name in embedded(model)}
        answers = embeddings or pipe.write(given)
        return {**answers, **{f"{pipe.title(name)}_present": _any(tf, x[name + MASK]) for name in pipe.inputs}}

    module.serve = serve
    signatures = {"serving_default": _by_keyword(tf, serve, signature), **_embedders(tf, module, model, pipe)}
    for concrete in signatures.values():
        _refuse_python(concrete)
    with tempfile.TemporaryDirectory() as folder, whole_folder("export", path, last="saved_model.pb") as unfinished:
        module.assets = [tf.saved_model.Asset(file) for file in _asset_files(pipe, folder)]
        tf.saved_model.save(module, unfinished, signatures=signatures)
    return path


def _embedders(tf, module, model, pipe):
    """A function for each input that a dual encoder embeds."""
    module.encoders = {name: single_encoder(model, name) for name in embedded(model)}
    return {
        f"embed_{next(iter(_served_names({pipe.title(name): None})))}": _embedder(tf, encoder, name, pipe)
        for name, encoder in module.encoders.items()
    }


def _embedder(tf, encoder, name, pipe):
    modality = pipe.inputs[name]
    columns = modality.columns(name)
    signature = {column: tf.TensorSpec([None], modality.served_dtype(), name=column) for column in columns}

    def serve(served):
        value, mask, _ = modality.encode([served[column] for column in columns])
        given = encoder({name: value, name + MASK: mask}, training=False)
        return {"embedding": given, "present": _any(tf, mask)}

    return _by_keyword(tf, serve, signature)


def _served_names(signature):
    """Names that TensorFlow takes for inputs of a signature → columns: words that Python takes for arguments."""
    from data_pipelines.naming import plain_name

    words = {}
    for column in signature:
        word = re.sub(r"\W", "_", plain_name(column))
        word = word if word[0].isalpha() else f"column_{word}"
        word = f"{word}_" if keyword.iskeyword(word) or word == "self" else word
        numbered = (f"{word}_{number}" for number in itertools.count(2))
        words[next(free for free in itertools.chain([word], numbered) if free not in words)] = column
    return words


def _by_keyword(tf, serve, signature):
    """The same function with one keyword argument a column, as signatures want it."""
    words = _served_names(signature)
    specs = {word: tf.TensorSpec([None], signature[column].dtype, name=word) for word, column in words.items()}
    by_word = tf.function(
        lambda **served: serve({words[word]: value for word, value in served.items()}), autograph=False
    )
    return by_word.get_concrete_function(**specs)


def _any(tf, mask):
    return mask if mask.shape.rank == 1 else tf.reduce_any(mask, axis=1)


def _asset_files(pipe, folder):
    for name, field in pipe.spec["targets"].items():
        if field.details.get("classes"):
            file = _free_file(folder, pipe.title(name), "_classes.txt")
            with open(file, "w", encoding="utf-8", newline="\n") as out:
                out.writelines(f"{_in_one_line(label)}\n" for label in field["classes"])
            yield file
    file = os.path.join(folder, "columns.json")
    with open(file, "w", encoding="utf-8") as out:
        json.dump(_served_names(pipe.signature()), out, ensure_ascii=False, indent=1)
    yield file


def _free_file(folder, title, ending):
    """A file for a target: named after it, as far as files can be."""
    stem = re.sub(r"[/\\\0]", "_", title).encode("utf-8")[:LONGEST_STEM].decode("utf-8", "ignore")
    stems = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
    return next(file for file in (os.path.join(folder, s + ending) for s in stems) if not os.path.exists(file))


def _in_one_line(label):
    """A label without the characters at which some reader begins a new line, which would shift all that follow."""
    return re.sub(f"[\\\\{BREAKS}]", lambda found: json.dumps(found[0])[1:-1], label)


def _refuse_python(concrete):
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = sorted({node.op for node in nodes if node.op in PYTHON_OPS})
    if found:
        raise ValueError(
            "export: the graph must hold no Python function, since no other process could run it. "
            f"Received: {found}. Do: use keras.ops or TensorFlow ops in your layers and modalities."
        )
