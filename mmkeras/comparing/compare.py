"""Is fusion worth it? Every input alone and every fusion, over seeds, on the same rows."""

import glob
import json
import os
import shutil

import keras

from data_pipelines.files.held_folder import held_folder
from data_pipelines.files.whole_file import write_json
from data_pipelines.naming import MASK, TARGET, plain_name, plain_names
from mmkeras import fusions
from mmkeras.comparing import fingerprint
from mmkeras.comparing.comparison import SINGLE, summarise
from mmkeras.comparing.comparison_report import PAGE
from mmkeras.comparing.trial import SCORES, TRAINING, judge, stage_of, train
from mmkeras.inference.subset_model import SubsetModel
from mmkeras.models.generator import answering
from mmkeras.training.not_finite_error import NotFiniteError

BASELINE, LATE = "TokenTransformer", "LateFusion"
USUAL = ("ConcatFusion", "GatedFusion", "CrossAttentionFusion", "BottleneckFusion")
RESULTS = "results.json"


def compare(
    pipe, rows, folder, target=None, fusions=USUAL, seeds=5, parts=None, training=None, robust=True, progress=None
):
    """Trains every input alone, TokenTransformer, LateFusion and the chosen fusions, and says what fusing is worth.

    All systems see the same rows, decoded once, and are trained as `mm.train(schedule="cosine")` does it, by the same
    `TrainingStage`. Each run is kept in `runs/NAME-SEED`, a folder for `mmkeras predict` as well; started again, only
    runs that are missing, or whose data or options have changed, are done. `results.json` holds all figures, which
    `mmkeras.comparing.comparison` explains; a page of older ones is removed, see `comparison_report`.

    Args:
        pipe: adapted `Pipeline` with at least two inputs.
        rows: dict `"train"`, `"val"`, `"test"` → `Rows`.
        folder: path, made if it is not there.
        target: str. Name or column that the score is of. Defaults to `None`: the first; all targets are trained.
        fusions: sequence of names, `"all"`, or dict name → name or callable that makes the layer. Defaults to four
            usual ones.
        seeds: int > 0. Trainings of each system. Defaults to `5`.
        parts: callable (spec) → dict of options of `mmkeras.build`, anew at each call; parts of inputs that a system
            does not have are left out, and so is a fusion. Defaults to `None`: the usual parts.
        training: dict of `epochs`, `batch_size`, `learning_rate`, `weight_decay`, `label_smoothing`, `clipnorm`,
            `ema_momentum`, `patience`, `warmup`, see `Choices`. Defaults to `None`: `comparing.trial.TRAINING`.
        robust: bool. Also measures under corruptions. Defaults to `True`.
        progress: callable (runs done, runs in all, name of the next) or None. Defaults to `None`.
    Returns:
        dict, JSON-ready, as in `results.json`; `["verdict"]` is the sentence to act on.
    Raises:
        ValueError: fewer than two inputs, an unknown target, fusion or training option, one out of range, a part
            without rows, no seed, or (`NotFiniteError`) a system whose loss is NaN or infinite.
    Example:
        >>> compare(pipe, {"train": train, "val": val, "test": test}, "comparison/")["verdict"]
    """
    target = _checked_target(pipe, target)
    training = _checked_training(training)
    _check(pipe, rows, seeds)
    stage = stage_of(training, len(rows["train"]))
    systems = _systems(pipe, fusions)
    folder = os.fspath(folder)
    with held_folder("compare", folder):
        data = _Data(pipe, rows, os.path.join(folder, "cache"), stage.chosen.batch_size)
        plan = [(name, seed) for seed in range(seeds) for name in systems]
        runs = {name: [] for name in systems}
        for done, (name, seed) in enumerate(plan):
            if progress:
                progress(done, len(plan), f"{name}, seed {seed}")
            place = os.path.join(folder, "runs", f"{_file_name(name)}-{seed}")
            runs[name].append(_run(data, place, name, systems[name], seed, target, parts, training, stage, robust))
        if progress:
            progress(len(plan), len(plan), "")
        results = summarise(runs, pipe, target, {"seeds": seeds, "training": training, "rows": data.sizes})
        write_json(os.path.join(folder, RESULTS), results, page=os.path.join(folder, PAGE))
    return results


def _checked_target(pipe, target):
    target = plain_name(target) if target else next(iter(pipe.targets), None)
    if target not in pipe.targets:
        titles = list(pipe.titles("targets").values())
        raise ValueError(f"compare: target must be one of {titles}. Received: target={target!r}.")
    kind = type(pipe.targets[target]).__name__
    if kind not in SCORES:
        raise ValueError(
            f"compare: the target must be one of {sorted(SCORES)}. Received: target={target!r}, a {kind}. "
            "Do: name another target."
        )
    return target


def _checked_training(training):
    unknown = sorted(set(training or {}) - set(TRAINING))
    if unknown:
        raise ValueError(f"compare: training knows {sorted(TRAINING)}. Received: {unknown}.")
    return {**TRAINING, **(training or {})}


def _check(pipe, rows, seeds):
    if len(pipe.inputs) < 2:
        raise ValueError(
            f"compare: there must be two inputs or more. Received: {list(pipe.inputs)}. Do: there is nothing to fuse."
        )
    if seeds < 1:
        raise ValueError(f"compare: seeds must be > 0. Received: seeds={seeds}. Do: seeds=5.")
    for part in ("train", "val", "test"):
        if not len(rows.get(part, ())):
            raise ValueError(f"compare: every part must have rows. Received: no {part} rows.")


def _systems(pipe, chosen):
    """Dict name → (inputs, fusion): singles, the baseline, late fusion, the rest."""
    if chosen == "all":
        chosen = fusions.__all__
    chosen = dict(chosen) if isinstance(chosen, dict) else {name: name for name in chosen}
    unknown = [value for value in chosen.values() if isinstance(value, str) and value not in fusions.__all__]
    if unknown:
        raise ValueError(f"compare: fusions must be among {fusions.__all__}. Received: {unknown}.")
    singles = {f"{SINGLE}{title}": ((name,), None) for name, title in pipe.titles("inputs").items()}
    fused = {BASELINE: BASELINE, LATE: LATE, **chosen}
    return {**singles, **{name: (tuple(pipe.inputs), fusion) for name, fusion in fused.items()}}


def _file_name(system):
    """A system's name as that of a folder, whatever letters a column has."""
    if system.startswith(SINGLE):
        return f"only_{plain_name(system.removeprefix(SINGLE))}"
    return system.replace(" ", "_")


class _Data:
    """Batches of all parts, decoded once into files."""

    def __init__(self, pipe, rows, folder, batch_size):
        self.pipe, self.rows, self.folder, self.batch_size = pipe, rows, folder, batch_size
        self.sizes = {part: len(found) for part, found in rows.items()}
        self.fingerprints = {part: fingerprint.of_rows(pipe, found) for part, found in rows.items()}
        self.state = fingerprint.of_values(
            {part: {n: [m.get_config(), m.state()] for n, m in found.items()} for part, found in self._modalities()}
        )
        self.decoded = set()
        self.calm = {}

    def _modalities(self):
        return (("inputs", self.pipe.inputs), ("targets", self.pipe.targets))

    def batches(self, part, inputs, seed=None):
        """Batches of a part with some of the inputs, and with the labels that decoders follow in training.

        With a seed they are for training; else all systems share one data set, for it takes seconds to make.
        """
        if seed is not None:
            dataset = self._read(part, training=True, seed=seed)
        else:
            if part not in self.calm:
                self.calm[part] = self._read(part)
            dataset = self.calm[part]
        names = {*inputs, *(target + TARGET for target in self.pipe.targets)}
        return dataset.map(
            lambda x, y, w: ({n: value for n, value in x.items() if n.removesuffix(MASK) in names}, y, w)
        )

    def _read(self, part, path=None, **options):
        policy = "mask" if part != "train" else None
        return self.pipe.batches(
            self.rows[part], self.batch_size, cache=path or self._decoded(part), on_bad=policy, **options
        )

    def _decoded(self, part):
        """What the names of the files of decoded rows begin with, which are whole."""
        key = fingerprint.of_values(self.fingerprints[part], self.state)
        path = os.path.join(self.folder, f"{part}-{key}", "rows")
        if part not in self.decoded:
            if not glob.glob(f"{glob.escape(path)}-*.index"):
                shutil.rmtree(os.path.dirname(path), ignore_errors=True)
                os.makedirs(os.path.dirname(path))
                for _ in self._read(part, path):
                    continue
            self.decoded.add(part)
        return path


def _run(data, place, name, system, seed, target, parts, training, stage, robust):
    """The result of one training: read where it is there, else made."""
    from mmkeras.version import __version__

    inputs, fusion = system
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    pipe = _narrowed(data.pipe, inputs)
    options = _options(pipe, parts, fusion)
    known = [data.fingerprints, data.state, name, options, seed, target, training, robust]
    mark = fingerprint.of_values(*known, __version__, keras.__version__, keras.backend.backend())
    path = os.path.join(place, "result.json")
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["fingerprint"] == mark:
            return found
    import mmkeras as mm

    model = mm.build(pipe.spec, **options)
    batches, judged = data.batches("train", inputs, seed), data.batches("val", inputs)
    try:
        cost = train(model, pipe, batches, judged, stage, place)
    except NotFiniteError as stop:
        raise _of_system(stop, name, seed) from None
    asked = SubsetModel(answering(model, target), pipe.inputs)
    chosen_by = judge(asked, pipe, judged, target, robust=False)
    scores = judge(asked, pipe, data.batches("test", inputs), target, robust)
    validation = sum(chosen_by["rows"]) / max(1, len(chosen_by["rows"]))
    result = {"fingerprint": mark, "system": name, "seed": seed, **cost, "validation": validation, **scores}
    write_json(path, result)
    return result


def _of_system(stop, name, seed):
    """The error of a training that was stopped, with the system that it was of."""
    message = (
        "compare: the loss of every system must be a finite number. "
        f"Received: NaN or infinity in {name!r}, seed {seed}, {stop.place}; {stop.found}. "
        "Do: a smaller learning_rate in training, or other rows; runs that are finished are not trained again."
    )
    return NotFiniteError(message, stop.epoch, stop.batch, stop.rows, stop.found)


def _narrowed(pipe, inputs):
    """The same pipeline with some of its inputs."""
    from data_pipelines import Pipeline

    narrow = Pipeline({name: pipe.inputs[name] for name in inputs}, pipe.targets, on_bad=pipe.on_bad)
    narrow.adapted = True
    return narrow


def _options(pipe, parts, fusion):
    """Options of `build` for a system."""
    options = dict(parts(pipe.spec)) if parts else {}
    options.pop("fusion", None)
    encoders = plain_names(options.get("encoders") or {})
    options["encoders"] = {n: part for n, part in encoders.items() if n in pipe.inputs}
    if fusion is not None:
        options["fusion"] = fusion() if callable(fusion) else fusion
    return options
