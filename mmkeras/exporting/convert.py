"""The network alone as one ONNX or LiteRT file, for devices without TensorFlow, and proof that it answers alike."""

import contextlib
import keyword
import logging
import os
import re
import tempfile

import keras
import numpy as np

from data_pipelines.files.whole_file import write_json
from data_pipelines.files.whole_folder import whole_folder

TOLERANCE = 1e-4
NEEDS = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}


def convert(model, pipe, path, format):
    """Writes the network behind the preprocessing, runs the file, and refuses it where its answers differ.

    Neither format has ops that decode pictures or cut strings, so the file takes a batch's `x`: tensors and masks by
    name, as `Pipeline.batches` gives them. Beside it lie `pipeline.json`, from which `Pipeline.load` makes them, and
    `outputs.json`: of each target its `output` in the file, its classes and what else is known of it.

    Args:
        model: `keras.Model` from `build`, or one that takes and gives the same dicts.
        pipe: adapted `Pipeline`.
        path: folder to write.
        format: `"onnx"` → `model.onnx`, batches of any size; `"litert"` → `model.tflite`, one row at a time.
    Returns:
        The path.
    Raises:
        ImportError: the converter is not installed.
        ValueError: the format lacks an op that the network has, or does not take the name of an input; or answers
            differ by more than 1e-4.
    Example:
        >>> convert(model, pipe, "device/", "onnx")
        >>> onnxruntime.InferenceSession("device/model.onnx").run(None, x)
    """
    _require(format)
    if format == "litert":
        _require_words(pipe)
    write, load = {"onnx": (_write_onnx, _load_onnx), "litert": (_write_litert, _load_litert)}[format]
    name = {"onnx": "model.onnx", "litert": "model.tflite"}[format]
    cases = _cases(model)
    with whole_folder("export", path, last=name) as unfinished:
        file = os.path.join(unfinished, name)
        try:
            with _quietly():
                write(model, file)
            answer = load(file)
            answers = [answer(x) for x in cases]
        except OSError:  # the disk is full, which says nothing of the network
            raise
        except Exception as error:  # Converters and runtimes raise whatever they like.
            raise ValueError(
                f"export: {format} cannot hold this network ({_first_line(error)}). Received: {model.name!r}. "
                "Do: format='saved_model', which holds every op."
            ) from error
        _compare(model, cases, answers)
        pipe.save(os.path.join(unfinished, "pipeline.json"))
        facts = {pipe.title(name): {"output": name, **field.to_json()} for name, field in pipe.spec["targets"].items()}
        write_json(os.path.join(unfinished, "outputs.json"), facts)
    return path


def _require(format):
    for module in NEEDS[format]:
        try:
            __import__(module)
        except ImportError as error:
            raise ImportError(f'export: {format} needs {module}. Do: pip install "mmkeras[{format}]"') from error


def _require_words(pipe):
    """Refuses inputs that the signature of a LiteRT file cannot name."""
    odd = [n for n in pipe.inputs if not n.isidentifier() or keyword.iskeyword(n) or n == "self"]
    if odd:
        words = [re.sub(r"\W", "_", f"column_{name}") for name in odd]
        raise ValueError(
            "export: litert takes names of inputs that Python takes for arguments. "
            f"Received: {[pipe.title(name) for name in odd]}. "
            f"Do: call the columns {words} and train again, or format='onnx'."
        )


def _function(model, batch):
    """The network as a TensorFlow function of one dict, with its signature.

    The dict's own name is none that an input can have: TensorFlow would call an input of that name otherwise.
    """
    import tensorflow as tf

    signature = {t.name: tf.TensorSpec([batch, *t.shape[1:]], t.dtype, name=t.name) for t in model.inputs}
    call = tf.function(lambda _given: model(_given, training=False), input_signature=[signature], autograph=False)
    return call, signature


def _write_onnx(model, file):
    import tf2onnx

    call, signature = _function(model, None)
    handlers = {"Erfc": (_erfc, [])}
    tf2onnx.convert.from_function(
        call, input_signature=[signature], opset=18, custom_op_handlers=handlers, output_path=file
    )


def _erfc(graph, node, name, args):
    """1 − erf, which ONNX has, for GELU's erfc, which it lacks."""
    source, result = node.input[0], node.output[0]
    shape, dtype = graph.get_shape(result), graph.get_dtype(result)
    graph.remove_node(node.name)
    one = graph.make_const(f"{name}/one", np.array(1.0, "float32"))
    erf = graph.make_node("Erf", [source])
    graph.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=[result], shapes=[shape], dtypes=[dtype])


def _load_onnx(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    wanted = [put.name for put in session.get_inputs()]
    return lambda x: dict(zip(names, session.run(names, {name: x[name] for name in wanted}), strict=True))


def _write_litert(model, file):
    """Weights go in as constants: LiteRT 2.3 does not find variables again."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    call, signature = _function(model, 1)
    concrete = call.get_concrete_function()
    frozen = convert_variables_to_constants_v2(concrete)
    places = [tensor.name.split(":")[0] for tensor in frozen.inputs]
    names = sorted(concrete.structured_outputs)
    named = tf.function(
        lambda **x: dict(zip(names, frozen(*(x[name] for name in places)), strict=True)), autograph=False
    )
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(tf.Module(), folder, named.get_concrete_function(**signature), options)
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    with open(file, "wb") as out:
        out.write(content)


def _load_litert(file):
    from ai_edge_litert.interpreter import Interpreter

    with open(file, "rb") as content:
        runner = Interpreter(model_content=content.read()).get_signature_runner()
    return lambda x: runner(**x)


def _cases(model):
    """A row that has everything, one that lacks something and one that has nothing."""
    random = np.random.default_rng(0)
    return [{t.name: _values(t, random, share) for t in model.inputs} for share in (1.0, 0.5, 0.0)]


def _compare(model, cases, answers):
    for x, given in zip(cases, answers, strict=True):
        wanted = keras.tree.map_structure(keras.ops.convert_to_numpy, model(x, training=False))
        for name, value in wanted.items():
            worst = np.max(np.abs(np.asarray(given[name]) - value))
            if not worst <= TOLERANCE:
                raise ValueError(
                    f"export: the file must answer as the model does, within {TOLERANCE}. Received: a difference of "
                    f"{worst:.3g} in {name!r}. Do: format='saved_model'."
                )


def _values(tensor, random, share):
    shape = [1, *(7 if size is None else size for size in tensor.shape[1:])]
    if tensor.dtype == "bool":
        # Padding stands behind, as in every batch.
        return np.broadcast_to(np.arange(shape[-1]) < round(share * shape[-1]), shape).copy()
    if "int" in tensor.dtype:
        return random.integers(0, 2, shape).astype(tensor.dtype)
    return random.random(shape).astype(tensor.dtype)


@contextlib.contextmanager
def _quietly():
    """Converters log every op; what matters of it comes as an error."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
