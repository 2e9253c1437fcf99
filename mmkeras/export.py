"""One SavedModel that takes raw bytes, strings and numbers and gives answers."""

import json
import os
import re
import tempfile

import keras

from mmkeras.convert import convert

FORMATS = ("saved_model", "onnx", "litert")
PYTHON_OPS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def export(model, pipe, path, format="saved_model"):
    """Writes a SavedModel with the pipeline's preprocessing in front and its labels behind, or the network alone.

    `serving_default` takes the input columns by their names: media as encoded bytes (JPEG, PNG, GIF, BMP or WebP;
    recordings WAV of any bit depth and rate), text as strings, numbers as floats; `""` and NaN mean absent, and bytes
    that cannot be decoded count as absent. A column whose name is no plain ASCII word goes by another, which
    `assets/columns.json` tells. It gives each target by its name, `NAME_probabilities` for categories and tags, and
    `NAME_present` (bool) for every input: whether the row had it. Labels lie in `assets/NAME_classes.txt`.
    It needs TensorFlow alone: neither Keras nor mmkeras.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        path: folder to write.
        format: `"saved_model"`, or `"onnx"` or `"litert"`: the network without preprocessing, see `mmkeras.convert`.
            Defaults to `"saved_model"`.
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
    if format != "saved_model":
        return convert(model, pipe, path, format)
    import tensorflow as tf

    module = tf.Module()
    module.model = model
    module.tables = [m.table for m in (*pipe.inputs.values(), *pipe.targets.values()) if hasattr(m, "table")]
    signature = pipe.signature()

    @tf.function(input_signature=[signature], autograph=False)
    def serve(served):
        x = pipe.preprocess(served)
        answers = pipe.write(model(x, training=False))
        return {**answers, **{f"{pipe.title(name)}_present": _any(tf, x[f"{name}_mask"]) for name in pipe.inputs}}

    module.serve = serve
    concrete = serve.get_concrete_function()
    _refuse_python(concrete)
    with tempfile.TemporaryDirectory() as folder:
        module.assets = [tf.saved_model.Asset(file) for file in _asset_files(pipe, folder)]
        tf.saved_model.save(module, os.fspath(path), signatures={"serving_default": _by_keyword(tf, serve, signature)})
    return path


def _served_names(signature):
    """Names that TensorFlow takes for inputs of a signature → columns."""
    from data_pipelines.naming import plain_name

    return {re.sub(r"\W", "_", plain_name(column)): column for column in signature}


def _by_keyword(tf, serve, signature):
    """The same function with one keyword argument a column, as signatures want it."""
    words = _served_names(signature)
    if len(words) < len(signature):
        raise ValueError(
            f"export: columns must differ in letters or digits. Received: {list(signature)}. Do: rename one."
        )
    specs = {word: tf.TensorSpec([None], signature[column].dtype, name=word) for word, column in words.items()}
    by_word = tf.function(
        lambda **served: serve({words[word]: value for word, value in served.items()}), autograph=False
    )
    return by_word.get_concrete_function(**specs)


def _any(tf, mask):
    return mask if mask.shape.rank == 1 else tf.reduce_any(mask, axis=1)


def _asset_files(pipe, folder):
    for name, facts in pipe.spec["targets"].items():
        if facts.get("classes"):
            file = os.path.join(folder, f"{pipe.title(name).replace(os.sep, '_')}_classes.txt")
            with open(file, "w", encoding="utf-8") as out:
                out.write("\n".join(facts["classes"]) + "\n")
            yield file
    file = os.path.join(folder, "columns.json")
    with open(file, "w", encoding="utf-8") as out:
        json.dump(_served_names(pipe.signature()), out, ensure_ascii=False, indent=1)
    yield file


def _refuse_python(concrete):
    graph = concrete.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    found = sorted({node.op for node in nodes if node.op in PYTHON_OPS})
    if found:
        raise ValueError(
            "export: the graph must hold no Python function, since no other process could run it. "
            f"Received: {found}. Do: use keras.ops or TensorFlow ops in your layers and modalities."
        )
