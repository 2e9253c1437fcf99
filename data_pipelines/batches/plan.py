"""The stations of a data set of batches: drawn, encoded, cached, grouped, padded, varied, weighed."""

import functools
import os

import tensorflow as tf

from data_pipelines.augmentation.seeds import seed_rows
from data_pipelines.batches.augmented import augment_batches
from data_pipelines.batches.cache import keep_files, open_kept
from data_pipelines.batches.order import draw, draw_decoded, most_mixed
from data_pipelines.batches.padding import (
    batch_by_budget,
    batch_by_length,
    batch_rows,
    few_shapes,
    one_shape,
    trim_rows,
)
from data_pipelines.batches.row_digest import batches_digest
from data_pipelines.batches.row_encoder import BatchEncoder
from data_pipelines.batches.service import distributed, mixed
from data_pipelines.batches.weights import class_weights
from data_pipelines.naming import without_inputs
from data_pipelines.sources.source import WEIGHT

BY_PASS, FEW = "by pass", "few"


class BatchPlan:
    """How one call of `Pipeline.batches` goes from rows to batches; see there for the arguments.

    Args:
        pipe: adapted `Pipeline`.
        rows: `Rows`.
        policy: `"raise"`, `"mask"` or `"drop"`.
        options: the other arguments of `Pipeline.batches`, by name.
    """

    def __init__(self, pipe, rows, policy, **options):
        self.pipe = pipe
        self.rows = rows
        self.policy = policy
        self.options = options
        self.batch_size = options["batch_size"]
        self.training = options["training"]
        self.seed = options["seed"]
        self.endless = options["endless"]
        self.by_length = self.training and (options["bucket_by_length"] or options["token_budget"] is not None)
        self._check()
        self.targets = pipe.targets if options["with_targets"] else {}
        self.class_weights = (
            class_weights(pipe.targets, options["class_weight"]) if self.training and self.targets else {}
        )
        columns = dict.fromkeys([*pipe.input_columns(), *(pipe.target_columns() if self.targets else [])])
        inputs = keep_files(pipe.inputs) if options["cache"] else pipe.inputs
        self.encoder = BatchEncoder(
            inputs,
            self.targets,
            rows,
            list(columns),
            policy,
            pipe.problems,
            with_rows=options["with_rows"],
            count_unknown=not self.training,
        )

    def _check(self):
        rows, options, inputs = self.rows, self.options, self.pipe.inputs
        if self.batch_size < 1:
            raise ValueError(
                f"Pipeline.batches: batch_size must be > 0. Received: batch_size={self.batch_size}. Do: 32."
            )
        unknown = sorted(set(options["absent"]) - set(inputs))
        if unknown:
            raise ValueError(
                f"Pipeline.batches: absent must name inputs. Received: {unknown}. "
                f"Do: of {list(self.pipe.titles('inputs').values())}."
            )
        if not len(rows):
            raise ValueError(f'Pipeline.batches: there must be rows. Received: 0 rows of "{rows.source.name}".')
        if (self.endless or options["first_step"] or options["service"]) and not self.training:
            raise ValueError(
                "Pipeline.batches: endless, first_step and service are for training. Received: training=False. "
                "Do: leave them out, or training=True."
            )
        if self.endless not in (False, True, BY_PASS):
            raise ValueError(
                f'Pipeline.batches: endless must be False, True or "{BY_PASS}". Received: endless={self.endless!r}. '
                "Do: True."
            )
        if options["static_shapes"] not in (False, True, FEW):
            raise ValueError(
                f'Pipeline.batches: static_shapes must be False, True or "{FEW}". '
                f"Received: static_shapes={options['static_shapes']!r}. Do: True."
            )
        if options["first_step"] and not self.endless and options["first_step"] % self.steps:
            raise ValueError(
                "Pipeline.batches: unless endless, training goes on at the start of an epoch. Received: "
                f"first_step={options['first_step']}, {self.steps} steps an epoch. Do: a multiple, or endless=True."
            )
        if options["service"] is not None and (self.endless or options["first_step"] or rows.weighted):
            raise ValueError(
                "Pipeline.batches: a service gives rows in no fixed order, so it has no steps to go on at, no passes "
                f"without end and no weights. Received: endless={self.endless}, first_step={options['first_step']}, "
                f"weighted={rows.weighted}. Do: leave out one of both."
            )
        if options["first_step"] and self.by_length:
            raise ValueError(
                "Pipeline.batches: rows of like length meet in an order that no step can be found in. Received: "
                f"first_step={options['first_step']} with bucket_by_length or token_budget. Do: leave out one of both."
            )
        if (self.endless or options["first_step"]) and self.policy == "drop":
            raise ValueError(
                "Pipeline.batches: endless and first_step count rows, and rows that are dropped are not known before. "
                "Received: on_bad='drop'. Do: on_bad='mask'."
            )

    @property
    def steps(self):
        """Batches in a pass."""
        whole = self.options["static_shapes"] is True and self.training
        return len(self.rows) // self.batch_size if whole else -(-len(self.rows) // self.batch_size)

    def dataset(self):
        """`tf.data.Dataset` of `(x, y, w)`, or of `x`."""
        first = self.options["first_step"]
        if self.endless is True:
            dataset = self._from(0, first)
        else:
            passes, step = divmod(first, max(1, self.steps))
            dataset = self._from(passes, step)
        if self.endless == BY_PASS:
            dataset = dataset.concatenate(self._from(passes + 1, 0).repeat()) if step else dataset.repeat()
        return self._counted(dataset).prefetch(2)

    def _from(self, passes, step):
        """The data set from a step of a pass on, where `passes` passes were made before: to its end, or without one."""
        options, row = self.options, step * self.batch_size
        dataset = self._cached(passes, row) if options["cache"] else self._encoded(self._drawn(passes, row))
        if self.by_length:
            dataset = dataset if options["cache"] else trim_rows(dataset.unbatch(), self.pipe.inputs)
            dataset = self._by_length(dataset)
        elif options["cache"]:
            dataset = batch_rows(dataset, self.batch_size)
        if options["static_shapes"] == FEW and self.training:
            dataset = few_shapes(dataset, self.pipe.inputs, self.targets, self.batch_size)
        elif options["static_shapes"]:
            few = options["static_shapes"] == FEW
            dataset = one_shape(dataset, self.pipe.inputs, self.targets, self.batch_size, self.training, rounded=few)
        return self._finished(dataset, passes, step)

    def _drawn(self, passes, row):
        encoder = self.encoder
        cropped = any(modality.crop for modality in self.pipe.inputs.values())
        if self.options["service"] is not None:
            rows = self.rows.dataset(encoder.columns, encoder.media_columns)
            rows = mixed(rows, most_mixed(self.rows))
            return seed_rows(rows) if cropped else rows
        if self.training:
            arguments = {"seed": self.seed, "first_row": passes * len(self.rows) + row, "endless": self.endless is True}
            rows = draw(self.rows, encoder.columns, encoder.media_columns, **arguments)
            return seed_rows(rows, self.seed, passes, row) if cropped else rows
        return self.rows.dataset(encoder.columns, encoder.media_columns)

    def _encoded(self, raw):
        service = self.options["service"]
        if service is None:
            return self.encoder.apply(raw, self.batch_size)
        batches = distributed(self.encoder.encode(raw.batch(self.batch_size)), service, self.rows)
        # Every worker has a last batch of its own; met again, rows make the number of batches that Keras expects.
        return batch_rows(trim_rows(self.encoder.judge(batches).unbatch(), self.pipe.inputs), self.batch_size)

    def _cached(self, passes, row):
        """Decoded rows, one by one, from a cache that the first pass fills; drawn anew in every pass of training."""
        if not self.training:
            return open_kept(self._cache, self.pipe.inputs)
        first, endless, in_memory = passes * len(self.rows) + row, self.endless is True, self.options["cache"] is True
        drawn = draw_decoded(self._cache, self.rows, self.seed, first, endless, in_memory)
        return open_kept(drawn, self.pipe.inputs, self.seed, passes, row)

    @functools.cached_property
    def _cache(self):
        encoder, cache = self.encoder, self.options["cache"]
        columns = [*encoder.columns, *([WEIGHT] if self.training and self.rows.weighted else [])]
        encoded = self._encoded(self.rows.dataset(columns, encoder.media_columns))
        trimmed = trim_rows(encoded.unbatch(), self.pipe.inputs)
        if self.options["with_rows"]:  # a cache that others fill holds none
            return trimmed
        path = ""
        if cache is not True:
            parts = (self.pipe.inputs, self.targets)
            digest = batches_digest(self.rows, columns, encoder.media_columns, *parts, self.policy)
            path = f"{os.fspath(cache)}-{digest}"
        return trimmed.cache(path)

    def _by_length(self, dataset):
        budget = self.options["token_budget"]
        if budget is None:
            return batch_by_length(dataset, self.pipe.inputs, self.batch_size, self.seed)
        return batch_by_budget(dataset, self.pipe.inputs, self.batch_size, budget)

    def _finished(self, dataset, passes, step):
        """Varied, weighed, with inputs hidden, without targets, as far as wanted."""
        if self.training:
            dataset = augment_batches(dataset, self.pipe.inputs, self.seed, passes, step)
        if self.class_weights:
            dataset = dataset.map(self._weigh, tf.data.AUTOTUNE)
        if self.options["absent"]:
            dataset = dataset.map(self._hide, tf.data.AUTOTUNE)
        return dataset if self.options["with_targets"] else dataset.map(lambda x, y, w: x)

    def _counted(self, dataset):
        """Tells Keras the number of steps, where it is known before."""
        if self.endless:
            return dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        unknown = self.options["token_budget"] is not None and self.training
        if self.policy == "drop" or unknown:
            return dataset
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps))

    def _weigh(self, x, y, w):
        weights = self.class_weights
        return x, y, {n: w[n] * tf.gather(weights[n], y[n]) if n in weights else w[n] for n in w}

    def _hide(self, x, y, w):
        return without_inputs(x, self.options["absent"], tf.zeros_like), y, w
