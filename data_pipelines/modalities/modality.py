"""What a modality is: the contract between a column of a table and a tensor of a batch."""

import dataclasses

from data_pipelines.field_spec import LabelSpec

MODALITIES = {}


def modality(cls):
    """Makes a modality known by its class name, for specs in JSON and for column guessing."""
    MODALITIES[cls.__name__] = cls
    return cls


def from_config(config):
    """Builds a modality from what `Modality.get_config` gave.

    Args:
        config: dict with the class name under `"modality"` and its constructor's arguments.
    Raises:
        ValueError: the name is unknown or missing, or an argument is.
    """
    config = dict(config)
    name = config.pop("modality", None)
    if name not in MODALITIES:
        known = ", ".join(sorted(MODALITIES))
        raise ValueError(
            f"spec: a modality must be one of {known}. Received: modality={name!r}. Do: write one of them."
        )
    try:
        return MODALITIES[name](**config)
    except TypeError as error:
        raise ValueError(f"spec: {name} does not take these arguments ({error}). Received: {config}.") from error


class Modality:
    """A kind of media or value, and how its cells become tensors and predictions become answers again.

    A cell travels in three forms. In a *row* it is a string (a path, a text, a number written out) or bytes. In the
    *served form* it is what an exported model takes: bytes, a string or a float, with `""` and NaN for absent.
    In a *batch* it is a tensor with a mask, True = real.

    Args:
        column: str or None. The table's column. Defaults to `None`: the name the pipeline gives this modality.

    A subclass gives, where it makes sense: `parse` (row → served), `encode` (served → tensor and mask),
    `encode_target` (served → label and weight), `write` (prediction → answer), `adapt`/`state`/`set_state` (what it
    learns from training rows) and `spec` (what a model must know of it). All but `adapt` and `reason` run in a
    TensorFlow graph; `encode`, `write` and `augment` are free of Python functions, so that they can be exported.

    Where answers are generated, `label_as_input` is True: in training the model sees the label too, under the target's
    name and `"_target"`. Such a modality gives `label` (value and mask → label and weight), `label_mask`, `label_spec`.
    """

    media = False
    as_input = True
    as_target = False
    label_as_input = False
    answers_too = ()  # endings of the names of answers that `predict` or an exported model give beside the target's
    ending = None  # of the files that its answers are the bytes of
    augment_with = {}  # how training batches are varied: name → number
    crop = None  # "random" where training takes another part of a long cell every time
    most = None  # steps that a sequence has in a batch at the most
    on_bad = None  # a policy of its own for bad cells: "mask"
    part_names = ()  # of the values of a row, where they are a fixed number of measures of one cell
    least = 1  # steps that a sequence has in a batch, even where it is absent from every row

    def __init__(self, column=None):
        self.column = column

    @property
    def kind(self):
        """What specs and messages call it."""
        return type(self).__name__

    def columns(self, name):
        """The table columns that this modality reads, when the pipeline calls it `name`."""
        return (self.column or name,)

    def adapt(self, chunks):
        """Learns from training cells. `chunks` yields tuples of object arrays, one array a column."""

    def served_dtype(self):
        """The dtype name of a served cell: `"string"`, `"float32"` or `"float64"`."""
        return "string"

    def parse(self, cells, context):
        """Turns row cells into the served form.

        Args:
            cells: list of string tensors `(B,)`, one a column.
            context: `CellContext` that knows whether media cells are paths or bytes.
        Returns:
            tuple (list of served tensors `(B,)`, bad): bad is a bool tensor `(B,)`, True where a cell breaks a rule.
        """
        raise NotImplementedError

    def encode(self, served):
        """Turns served cells into `(value, mask, bad)`."""
        raise NotImplementedError

    def encode_row(self, cells, context):
        """Turns row cells into `(value, mask, bad)`: `parse`, then `encode`."""
        served, unparsed = self.parse(cells, context)
        value, mask, bad = self.encode(served)
        return value, mask, bad | unparsed

    def unknown(self, cells, value, mask):
        """Which cells of an input hold only what training rows never had: bool `(B,)`, or None where nothing can be."""
        return None

    def is_new(self, cells):
        """Whether such a cell shall be counted; called outside the graph. Not what was left out of training rows."""
        return True

    def encode_target(self, cells, context):
        """Turns row cells into `(label, weight, bad)`; a missing label has weight 0 and a harmless placeholder."""
        value, mask, bad = self.encode_row(cells, context)
        return *self.label(value, mask), bad

    def label(self, value, mask):
        """Turns what `encode` gives into a target's label and weight `(B,)`."""
        raise TypeError(f"{type(self).__name__}: it cannot be a target yet. Do: use it as an input.")

    def label_mask(self, label, weight):
        """Which parts of a label are real: bool `(B, T)`, or `(B,)` where all of it or nothing is."""
        return weight > 0

    def label_spec(self):
        """The `LabelSpec` of what `label` gives."""
        return LabelSpec(self.spec().shape, as_input=self.label_as_input)

    def augment(self, value, mask, seed):
        """Varies a training batch; `seed`, int32 `(2,)`, decides all that is random. The default changes nothing."""
        return value

    def vary(self, value, mask, seed):
        """`augment` with the mask that belongs to what it gives: tuple (value, mask)."""
        return self.augment(value, mask, seed), mask

    @property
    def remark(self):
        """What people should know of the training rows; the default says nothing."""
        return ""

    def units(self, values):
        """Labels or predictions as arrays in the target's own units; the default changes nothing."""
        return values

    def write(self, name, prediction):
        """Turns a prediction tensor into answers: dict of output name → tensor."""
        raise TypeError(f"{type(self).__name__}: it cannot be a target yet. Do: use it as an input.")

    def reason(self, cells, context):
        """Says in words why a bad cell is bad; called outside the graph, on bad cells only."""
        return "it cannot be read"

    def spec(self):
        """The `FieldSpec` of an input: what its encoder must know."""
        raise NotImplementedError

    def target_spec(self):
        """The `FieldSpec` of a target: what its decoder must know."""
        return dataclasses.replace(self.spec(), label=self.label_spec())

    def state(self):
        """What `adapt` learned, JSON-ready."""
        return {}

    def set_state(self, state):
        """Takes back what `state` gave."""

    def get_config(self):
        """The constructor's arguments, JSON-ready, with the class name under `"modality"`."""
        return {"modality": type(self).__name__, "column": self.column}


class CellContext:
    """Where the cells of one column come from.

    Args:
        is_bytes: bool. True where media cells hold the encoded bytes themselves, False where they hold full paths.
    """

    def __init__(self, is_bytes=False):
        self.is_bytes = is_bytes
