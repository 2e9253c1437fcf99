"""Docstrings of components say what is true: every argument is named, every example runs."""

import doctest
import inspect
import re
import textwrap

import keras
import numpy as np
import pytest

import mmkeras

CLASSES = list(mmkeras.COMPONENTS.values())
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Called like this by every fusion, encoder, decoder and layer.
CALL_CONTEXT = {"self", "training"}


def sweep(chosen=CLASSES):
    return pytest.mark.parametrize("cls", chosen, ids=lambda cls: cls.__name__)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="examples print TensorFlow's shapes")
@sweep()
def test_examples_run(cls):
    known = {"np": np, "keras": keras, **mmkeras.COMPONENTS}
    body = textwrap.dedent(text_of(cls, "Example"))
    test = doctest.DocTestParser().get_doctest(body, known, cls.__name__, inspect.getsourcefile(cls), 0)
    assert test.examples
    said = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append)
    assert not said, "".join(said)


def text_of(cls, title):
    """The body of a section of the docstring."""
    body = re.search(rf"^{title}:\n(.*?)(?=^\S|\Z)", inspect.getdoc(cls), re.DOTALL | re.MULTILINE)
    return body[1] if body else ""


def section(cls, title):
    """The names that a section explains."""
    return re.findall(r"^    (\w+):", text_of(cls, title), re.MULTILINE)


def parameters(function):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind in kinds]


@sweep()
def test_every_argument_is_explained(cls):
    assert section(cls, "Args") == [name for name in parameters(cls.__init__) if name not in ("self", "name")]
    call = cls.update_state if issubclass(cls, keras.metrics.Metric) else cls.call
    assert section(cls, "Call arguments") == [name for name in parameters(call) if name not in CALL_CONTEXT]


@sweep()
def test_what_raises_says_so(cls):
    source = "".join(inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("mmkeras."))
    raises = "raise ValueError" in source or "shared_dim(" in source
    assert raises == ("ValueError" in section(cls, "Raises"))
