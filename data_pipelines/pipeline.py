"""From rows to batches, and from raw values to the same tensors in an exported model."""

import json
import math

import tensorflow as tf

from data_pipelines.batches.bad_cells import Problems, checked_policy
from data_pipelines.batches.plan import BatchPlan
from data_pipelines.cells.column_cells import ColumnCells
from data_pipelines.cells.media_cells import in_words
from data_pipelines.field_spec import spec_json
from data_pipelines.files.whole_file import write_json
from data_pipelines.modalities import Modality, from_config
from data_pipelines.modalities.media import check_shared_media
from data_pipelines.naming import MASK, plain_names, title_of
from data_pipelines.pipeline_names import check_answers, check_parts
from data_pipelines.shards.prepare import prepare


class Pipeline:
    """Turns rows of mixed media into `(x, y, w)` batches, with a mask for whatever is absent.

    Args:
        inputs: dict name → modality. What the model sees. A name stands for the table's column of that name, unless
            the modality says otherwise (`Image(column="photo_path")`).
        targets: dict name → modality. What the model learns to say. Defaults to `None`: nothing.
        on_bad: `"raise"` (an error that names table, column, row and reason), `"mask"` (the cell becomes absent, a
            target's weight 0; counted) or `"drop"` (the row is left out; counted). Defaults to `"raise"`.

    Attributes:
        spec: dict, JSON-ready. What `mmkeras.build` must know.
        problems: `Problems`. Counts of cells masked and rows dropped so far.

    Raises:
        ValueError: no inputs, a name that is used twice or ends in `_mask`, an unknown policy, a target whose name
            another answer has too, such as `rain_present` beside the input `rain`.
    Example:
        >>> pipe = Pipeline(
        ...     inputs={"photo": Image(64), "story": Text()},
        ...     targets={"breed": Category()},
        ... ).adapt(train)
        >>> model.fit(pipe.batches(train, 32, training=True))
    """

    def __init__(self, inputs, targets=None, on_bad="raise"):
        self._set_up(inputs, targets, on_bad)
        check_answers(self.inputs, self.targets)

    def _set_up(self, inputs, targets, on_bad):
        self.inputs = dict(inputs)
        self.targets = dict(targets or {})
        self.on_bad = checked_policy(on_bad)
        self.adapted = False
        self.problems = Problems()
        check_parts(self.inputs, self.targets)

    def input_columns(self):
        """The table columns that the inputs read, in order, each once."""
        return list(dict.fromkeys(c for name, m in self.inputs.items() for c in m.columns(name)))

    def target_columns(self):
        """The table columns that the targets read, in order, each once."""
        return list(dict.fromkeys(c for name, m in self.targets.items() for c in m.columns(name)))

    def title(self, name):
        """What people call an input or target: its column, where the name is made from that."""
        return title_of(name, (self.inputs.get(name) or self.targets[name]).column)

    def titles(self, part):
        """Dict name → what people call it, of `"inputs"` or `"targets"`."""
        return {name: self.title(name) for name in getattr(self, part)}

    def adapt(self, rows):
        """Learns vocabularies, means and classes from training rows; media are not opened.

        Returns:
            The pipeline itself.
        Raises:
            ValueError: a column that is not there, or one that nothing can be learned from.
        """
        rows.require([*self.input_columns(), *self.target_columns()])
        if not len(rows):
            raise ValueError(f'Pipeline.adapt: there must be training rows. Received: 0 rows of "{rows.source.name}".')
        for name, modality in (*self.inputs.items(), *self.targets.items()):
            if type(modality).adapt is not Modality.adapt:
                columns = modality.columns(name)
                media = dict.fromkeys(columns, modality.locate) if modality.media else {}
                try:
                    modality.adapt(ColumnCells(rows, columns, media))
                except ValueError as error:
                    raise ValueError(f'"{self.title(name)}" of "{rows.source.name}": {error}') from error
        for name, modality in self.targets.items():
            if hasattr(modality, "check_target"):
                modality.check_target(self.title(name))
            elif modality.media:
                self._require_cells(rows, name, modality)
        self.adapted = True
        return self

    def _require_cells(self, rows, name, modality):
        """Refuses a target of media that no training row has; as soon as one is found, no further row is read."""
        (column,) = modality.columns(name)
        for chunk in rows.chunks((column,)):
            if any(cell if isinstance(cell, bytes) else str(cell).strip() for cell in chunk[column]):
                return
        raise ValueError(
            f'{type(modality).__name__} "{self.title(name)}": some training row must have the target. '
            f'Received: only empty cells in "{column}" of "{rows.source.name}". Do: another target, or other rows.'
        )

    @property
    def spec(self):
        """What a model must know of the data: `{"inputs": {name: FieldSpec}, "targets": {name: FieldSpec}}`."""
        self._require_adapted("spec")
        return {
            "inputs": {name: modality.spec() for name, modality in self.inputs.items()},
            "targets": {name: modality.target_spec() for name, modality in self.targets.items()},
        }

    def batches(
        self,
        rows,
        batch_size=32,
        training=False,
        seed=0,
        class_weight=None,
        on_bad=None,
        cache=False,
        absent=(),
        with_targets=True,
        bucket_by_length=False,
        token_budget=None,
        static_shapes=False,
        endless=False,
        first_step=0,
        service=None,
        with_rows=False,
    ):
        """A `tf.data.Dataset` of `(x, y, w)`.

        Args:
            rows: `Rows`.
            batch_size: int > 0. Rows in a batch. Defaults to `32`.
            training: bool. Shuffles anew every epoch, augments, crops and weighs classes. Defaults to `False`: rows in
                order.
            seed: int. For the order of rows, crops and augmentation: the same batches every time. Defaults to `0`.
            class_weight: None, `"balanced"` for every category target, or dict target → `"balanced"` or dict
                label → weight; folded into `w` in training, since Keras refuses `model.fit(class_weight=…)` beside the
                weights of batches. Defaults to `None`.
            on_bad: None or a policy of its own, see `Pipeline`. Defaults to `None`: the pipeline's.
            cache: bool or path. Keeps decoded rows, in memory or in files at the path, so that later epochs decode
                nothing but inputs with a `crop`, which are kept as their files are; from files, rows are mixed as far
                as 128 MiB of them reach. The files' names end in a digest of the rows, the media (size and time), the
                modalities and the policy: of anything else, others are made. Defaults to `False`.
            absent: names of inputs to hide, for measuring what each is worth. Defaults to `()`.
            with_targets: bool. False gives `x` alone and reads no target column. Defaults to `True`.
            bucket_by_length: bool. In training, rows of like length share a batch, so that less of it is padding.
                Defaults to `False`.
            token_budget: int > 0 or None. In training, rows of like length share a batch that holds at most so many
                steps (tokens, frames, samples) with its padding, and at most `batch_size` rows. Defaults to `None`.
            static_shapes: bool or `"few"`. Pads every sequence to its modality's longest, and in training leaves out a
                last batch of fewer rows: one shape, as TPUs and XLA want it. `"few"`: in training, all sequences of a
                batch to a quarter, a half or all of their longest, and no row is left out: three shapes, of which
                short batches are cheap; rows of weight 0, with nothing in them, fill up the last batch.
                Defaults to `False`.
            endless: bool or `"by pass"`. Training passes without an end, whole batches all of them, for
                `steps_per_epoch`; `"by pass"`: no batch reaches into the next pass, so that the last of each has the
                rest of its rows, as without `endless`. Defaults to `False`: one pass.
            first_step: int >= 0. The step to go on at, counted over all passes: what comes is what would have come
                there without a break. Rows before it are not decoded. Whole passes unless `endless`; not with rows of
                like length. Defaults to `0`.
            service: str or None. `"grpc://host:port"` of a tf.data service, whose workers decode and encode in
                training; see `mmkeras data-service`. Each row comes once a pass, in an order and cropped in a way that
                `seed` does not decide.
                Defaults to `None`: this process.
            with_rows: bool. Adds the rows' numbers in the table to w, as `_row`, to look at. Defaults to `False`.
        Returns:
            `tf.data.Dataset`. x: dict name → value, name + `"_mask"` → bool; y: dict target → label;
            w: dict target → float32 weight `(B,)`, 0 where the label is missing. Labels that a decoder follows in
            training (texts, media) are in x too, as name + `"_target"`, with a mask.
        Raises:
            ValueError: columns that are not there, wrong arguments, or no rows. While batches are drawn, under
                `"raise"`: `tf.errors.InvalidArgumentError` that carries the message.
        """
        self._require_adapted("batches")
        plan = BatchPlan(
            self,
            rows,
            checked_policy(on_bad or self.on_bad),
            batch_size=batch_size,
            training=training,
            seed=seed,
            class_weight=plain_names(class_weight) if isinstance(class_weight, dict) else class_weight,
            cache=cache,
            absent=plain_names(absent),
            with_targets=with_targets,
            bucket_by_length=bucket_by_length,
            token_budget=token_budget,
            static_shapes=static_shapes,
            endless=endless,
            first_step=first_step,
            service=service,
            with_rows=with_rows,
        )
        return plan.dataset()

    def prepare(self, rows, folder, on_bad=None, **options):
        """Decodes media once and writes rows to shards for `read_shards`, see `data_pipelines.shards.prepare`."""
        policy = checked_policy(on_bad or self.on_bad)
        media = {name: modality for name, modality in self.targets.items() if modality.media}
        return prepare(rows, {**self.inputs, **media}, folder, self.problems, on_bad=policy, **options)

    def signature(self):
        """The exported model's inputs: dict column → `tf.TensorSpec` of the served form."""
        check_shared_media(self.inputs)
        return {
            column: tf.TensorSpec([None], modality.served_dtype(), name=column)
            for name, modality in self.inputs.items()
            for column in modality.columns(name)
        }

    def preprocess(self, served):
        """Turns served values into a batch's `x`: the same graph for training rows and in an exported model.

        Args:
            served: dict column → tensor `(B,)`: media as bytes, text as strings, numbers as floats; `""` and NaN mean
                absent. A cell that cannot be decoded is absent.
        Returns:
            dict name → value, name + `"_mask"` → bool.
        """
        self._require_adapted("preprocess")
        x = {}
        for name, modality in self.inputs.items():
            x[name], x[name + MASK], _ = modality.encode([served[column] for column in modality.columns(name)])
        return x

    def write(self, predictions):
        """Turns a model's output tensors into answers: labels, numbers, texts."""
        answers = {}
        for name, modality in self.targets.items():
            answers.update(modality.write(self.title(name), predictions[name]))
        return answers

    def save(self, path):
        """Writes the adapted pipeline to a JSON file, which is whole or as it was before."""
        self._require_adapted("save")
        parts = {
            part: {name: {"config": m.get_config(), "state": m.state()} for name, m in modalities.items()}
            for part, modalities in (("inputs", self.inputs), ("targets", self.targets))
        }
        write_json(path, {"on_bad": self.on_bad, **parts})

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Raises:
            ValueError: the file is no saved pipeline.
        """
        try:
            with open(path, encoding="utf-8") as file:
                return cls._of(json.load(file))
        except (OSError, ImportError):
            raise
        except Exception as error:  # a damaged file may hold any value in place of any other
            raise ValueError(
                f"Pipeline.load: the file must be a saved pipeline. Received: {path!r} ({in_words(str(error))}). "
                "Do: put it back from a copy, or adapt and save anew."
            ) from error

    @classmethod
    def _of(cls, saved):
        """The pipeline of what `save` wrote, which has read a row of empty cells: damage shows now, not in a model."""
        kinds = ("inputs", "targets")
        parts = [{name: from_config(entry["config"]) for name, entry in saved[part].items()} for part in kinds]
        pipe = cls.__new__(cls)  # names of answers that met were not refused before
        pipe._set_up(*parts, saved["on_bad"])
        for part, modalities in zip(kinds, parts, strict=True):
            for name, modality in modalities.items():
                if saved[part][name]["state"]:
                    modality.set_state(saved[part][name]["state"])
        pipe.adapted = True
        json.dumps(spec_json(pipe.spec))
        if not all(isinstance(column, str) for column in [*pipe.input_columns(), *pipe.target_columns()]):
            raise TypeError("a column that is no text")
        for name, modality in pipe.inputs.items():
            modality.encode([_empty(modality.served_dtype()) for _ in modality.columns(name)])
        return pipe

    def _require_adapted(self, verb):
        if not self.adapted:
            raise ValueError(f"Pipeline.{verb}: the pipeline must be adapted first. Do: pipe.adapt(train).")


def _empty(dtype):
    """One absent cell, as an exported model takes it."""
    return tf.constant([""]) if dtype == tf.string else tf.constant([math.nan], dtype)
