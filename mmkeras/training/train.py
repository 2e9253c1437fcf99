"""A table in, a trained model out: the one way in which a model is fitted by default."""

import csv
import os
import shutil
import sys

import keras

from mmkeras.inference.evaluate import watched
from mmkeras.models.build import build
from mmkeras.reporting.report_rows import ReportRows
from mmkeras.runs.run_folder import CHOICES, RunFolder
from mmkeras.runs.run_marks import read_json
from mmkeras.training import run as runs
from mmkeras.training.cache_choice import row_cache
from mmkeras.training.choices import COSINE, Choices
from mmkeras.training.execution import Execution
from mmkeras.training.label_check import label_remarks
from mmkeras.training.row_parts import TEST, TRAIN, VALIDATION, require_columns, row_parts
from mmkeras.training.seen_rows import with_seen
from mmkeras.training.time_budget import TimeBudget
from mmkeras.training.trained_run import TrainedRun
from mmkeras.training.training_stage import TrainingStage


def train(
    rows,
    targets=(),
    output="run",
    inputs=None,
    ignore=(),
    pipeline=None,
    validation=None,
    test=None,
    by=None,
    parts=None,
    minutes=None,
    seed=0,
    class_weight=None,
    refit=False,
    resume=False,
    overwrite=False,
    save_every=None,
    on_bad="raise",
    verbose="auto",
    show=None,
    evaluate=True,
    **choices,
):
    """Trains a model on a table and keeps the run in a folder.

    Columns are guessed, parts are built, and the model learns until its validation loss no longer improves: then the
    learning rate falls to nearly 0, over a fifth as many epochs as there were, and training ends. What is validated and
    kept is the running mean of the weights. With `schedule="cosine"`, it learns for all epochs instead, along a cosine.
    Everything chosen stands in `choices.json` of the run.

    Args:
        rows: `Rows`, or the path of a table.
        targets: names of columns to predict; with `pipeline`, it names them. Defaults to `()`.
        output: path of the run's folder. Defaults to `"run"`.
        inputs: names of columns to predict from. Defaults to `None`: all useful ones.
        ignore: names of columns to leave out. Defaults to `()`.
        pipeline: `Pipeline`, adapted or not, in place of guesses. Defaults to `None`.
        validation: `Rows` or path of a table to choose by. Defaults to `None`: the rows that a column of
            train/val/test names, else a tenth, by a hash of the first columns that tell the rows apart.
        test: the same to judge by. Defaults to `None`: the same; where validation rows are given alone, these.
        by: str. A column whose equal cells stay in one part, such as an owner, where parts are cut by hash.
            Defaults to `None`.
        parts: dict of arguments of `build`, such as `{"fusion": "GatedFusion"}`, or a callable spec → dict.
            Defaults to `None`.
        minutes: float > 0. Training ends so early, within an epoch too, that validation and evaluation end after so
            many; what is hidden in turn is not evaluated where no time is left. Defaults to `None`.
        seed: int. Of weights and the order of rows. Defaults to `0`.
        class_weight: see `Pipeline.batches`. Defaults to `None`.
        refit: bool. Then trains once more on training and validation rows, with as many epochs, and their learning
            rates, as were best; with `keep="last"`, which chooses nothing, once, on both. Defaults to `False`.
        resume, overwrite, save_every: see `mmkeras.training.run.fit`.
        on_bad: policy for bad cells in training, see `Pipeline`. Defaults to `"raise"`.
        verbose: as in `model.fit`; 0 also says nothing of how rows were parted. Defaults to `"auto"`.
        show: callable (pipeline, parts), called before training. Defaults to `None`.
        evaluate: bool. Whether the model is evaluated on the test rows, for `metrics.json`. Defaults to `True`.
        choices: `batch_size`, `epochs`, `patience`, `learning_rate`, `weight_decay`, `label_smoothing`,
            `ema_momentum`, `schedule`, `warmup`, `clipnorm`, `keep`, `monitor`, see `Choices`; `jit_compile`,
            `steps_per_execution`, `dtype`, `cache`, see `Execution`.
    Returns:
        `TrainedRun`: `model`, `pipe`, `folder`, `parts`, `choices`, `metrics`.
    Raises:
        ValueError: no targets, a part without rows, rows without the columns, or (`NotFiniteError`) a loss that is
            NaN or infinite.
    Example:
        >>> run = train("table.csv", targets=["category"], output="run/")
        >>> run.metrics["targets"]["category"]["accuracy"]
    """
    if minutes is not None and minutes <= 0:
        raise ValueError(f"train: minutes must be > 0. Received: minutes={minutes}. Do: minutes=5.")
    budgets = [TimeBudget(minutes and share * minutes) for share in ((0.5, 1.0) if refit else (1.0,))]
    rows, validation, test = (_rows(table) for table in (rows, validation, test))
    found = row_parts(rows, validation, test, by)
    noted = {"remarks": []}

    def remark(*remarks):
        noted["remarks"] += remarks
        for words in remarks if verbose != 0 else ():
            print(words, file=sys.stderr)

    remark(*found.remarks)
    if refit and found[VALIDATION] is found[TEST]:
        raise ValueError(
            "train: refit must leave rows to judge by. Received: one part for choosing and testing. "
            "Do: name some rows val and others test, or give both tables."
        )
    pipe = pipeline or _guessed(rows, targets, inputs, ignore, on_bad)
    require_columns(found, [*pipe.input_columns(), *pipe.target_columns()])

    def learn(part, judged, folder, stage, budget):
        chosen = stage.chosen
        keras.utils.set_random_seed(seed)
        if not pipe.adapted or refit:
            pipe.adapt(part)
        if judged is not None:
            remark(*label_remarks(pipe, part, judged))
        if show is not None:
            show(pipe, {**found, TRAIN: part, VALIDATION: judged or ()})
        options = parts(pipe.spec) if callable(parts) else dict(parts or {})
        with execution.policy():
            model = build(pipe.spec, **options)
            options = execution.compiled(pipe, chosen.steps if save_every is None else 1)
            model = stage.compile(model, pipe, **options)
        kept = {"resume": resume, "overwrite": overwrite, "save_every": save_every, "verbose": verbose}
        known = [part, *([] if judged is None else [judged])]
        with row_cache(pipe, known, folder, execution.cache, budget.left) as (cache, facts):
            noted.update(facts, **execution.facts(model))
            budget.require_time()
            budget.after = (len(judged or ()) / 2 + (len(found[TEST]) if evaluate else 0)) / chosen.batch_size
            runs.fit(
                model,
                pipe,
                part,
                judged,
                folder,
                batch_size=chosen.batch_size,
                seed=seed,
                class_weight=class_weight,
                cache=cache,
                choices={**chosen.facts(), **noted},
                **stage.fit_options([budget]),
                **kept,
            )
        if budget.ended:
            remark(budget.ended)
            path = RunFolder(folder).path(CHOICES)
            runs.write_json(path, {**read_json(path), "remarks": noted["remarks"]})
        return model

    execution, choices = Execution.taken_from(choices)
    stage = TrainingStage(Choices(len(found[TRAIN]), **choices))
    chooses = refit and stage.chosen.keep == "best"
    first = os.path.join(output, "chosen") if chooses else output
    if chooses or not refit:
        model = learn(found[TRAIN], found[VALIDATION], first, stage, budgets[0])
    if refit:
        both = found[TRAIN].union(found[VALIDATION])
        if chooses:
            choices["batch_size"] = stage.chosen.batch_size
            stage = _as_long_as_best(both, choices, runs.best_epoch(model, pipe, first, stage.chosen.monitor), first)
        else:
            stage = TrainingStage(Choices(len(both), **choices))
        model = learn(both, None, output, stage, budgets[-1])
    if overwrite and not chooses:  # what a refit was chosen by, of a run before
        shutil.rmtree(os.path.join(output, "chosen"), ignore_errors=True)
    facts = {**stage.chosen.facts(), **noted}
    if not evaluate:
        return TrainedRun(model, pipe, os.fspath(output), found, facts)
    report_rows = ReportRows(pipe, found[TEST])
    subsets = minutes is None or budgets[-1].left > 0
    metrics = watched(model, pipe, found[TEST], report_rows.add, subsets=subsets)
    metrics = with_seen(metrics, RunFolder(output), pipe, found[TEST])
    runs.write_metrics(metrics, output)
    return TrainedRun(model, pipe, os.fspath(output), found, facts, metrics, report_rows)


def _rows(table):
    """Rows of a table that is named by its path."""
    from data_pipelines import read_table

    return read_table(os.fspath(table)) if isinstance(table, (str, os.PathLike)) else table


def _guessed(rows, targets, inputs, ignore, on_bad):
    from data_pipelines import Pipeline
    from data_pipelines.infer import infer

    targets = [targets] if isinstance(targets, str) else list(targets)
    if not targets:
        raise ValueError("train: there must be a target. Received: targets=(). Do: targets=['category'].")
    return Pipeline(*infer(rows, targets, inputs, ignore), on_bad=on_bad)


def _as_long_as_best(rows, choices, best, folder):
    """The stage of a training on more rows, which ends after as many epochs as were best."""
    if choices.get("schedule") == COSINE:
        return TrainingStage(Choices(len(rows), **choices), epochs=best)
    with open(os.path.join(folder, runs.HISTORY), newline="", encoding="utf-8") as file:
        rates = [float(line["learning_rate"]) for line in csv.DictReader(file)][:best]
    return TrainingStage(Choices(len(rows), **{**choices, "epochs": best}), rates=rates)
