"""Writes the files beside it, which later versions of mmkeras must still load, and answer alike.

It was run once, with version 0.1.0 at commit 498f2be, as `python tests/end_to_end/saved_before/write.py`, with Keras
3.15.1 and TensorFlow 2.21. The tests don't run it: `../test_saved_before.py` reads the files. With a later version it
would write other files, which is no use: what is renamed since stands in these under its former name.

- `table.csv` and `media/`: 8 rows of every modality, tiny; of two rows some cells are empty.
- `labels/`, `generated/`, `tokens/`: runs of every modality as input, of every default decoder, of tokens. Beside each
  `NAME.npz`, what the pipeline gives (x) and the model answers (y), and `NAME.json`, what `mm.predict` writes.
- `trained/`: a run of `mm.train`, with all files that it leaves.
- `generated.generator.keras`, `ensemble.keras`, `dual_encoder.keras` and one for each folder of parts, see `parts.py`.
- `objects.json`: losses, metrics and functions, with arguments and values.
- `shards/`: the table, as `Pipeline.prepare` writes it; `comparison.json`: the `results.json` of `mm.compare`.

Weights are multiples of 1/64 and archives are packed, which Keras itself doesn't do, for size alone.
"""

import json
import os
import pathlib
import re
import shutil
import tempfile
import zipfile

import keras
import numpy as np
import parts
from table import RATE, ROWS, SIDE, write_table

import mmkeras as mm
from data_pipelines import Audio, Category, Graph, Image, Number, Pipeline, Tags, Text, TimeSeries, Video
from mmkeras.training import run

HERE = pathlib.Path(__file__).parent
SOUND = {"seconds": 0.1, "sample_rate": RATE, "frame_seconds": 0.016, "hop_seconds": 0.008}
GENERATE = {"said": {"beams": 2}, "photo": {"steps": 2, "guidance": 1.5}, "voice": {"iterations": 2}}


def main():
    """Writes everything; stops where a registered class is in no file."""
    rows = write_table(HERE)
    labels(rows)
    generated(rows)
    tokens(rows)
    trained(rows)
    comparison(rows)
    dual_encoder(rows)
    for name, model in parts.models().items():
        stir(model)
        keep(model, name, parts.values_for(model))
    objects()
    for path in HERE.rglob("*.keras"):
        pack(path)
    require_all()


def labels(rows):
    """Every modality as input; a label, a number and tags; and shards of the same rows."""
    inputs = {
        "photo": Image(SIDE, augment={"flip": True}),
        "story": Text(max_tokens=6),
        "voice": Audio(**SOUND, mel_bins=6, augment={"gain": 3.0}),
        "wave": Audio(**SOUND, mel_bins=5, features="waveform"),
        "age": Number(augment={"jitter": 0.05}),
        "sizes": Number(columns=["width", "height"], scaling="standard"),
        "maker": Category(),
        "marks": Tags(min_count=1),
        "clip": Video(frames=2, size=SIDE),
        "load": TimeSeries(max_steps=6),
        "molecule": Graph(max_nodes=3),
    }
    targets = {"kind": Category(), "price": Number(), "topics": Tags(min_count=1)}
    pipe = Pipeline(inputs, targets, on_bad="mask").adapt(rows)
    keras.utils.set_random_seed(1)
    encoders = {
        "photo": mm.encoders.ImageCNNEncoder(parts.DIM, (8, 16), name="photo_encoder"),
        "clip": mm.encoders.VideoTubeletEncoder(parts.DIM, patch=4, num_layers=1, num_heads=2, name="clip_encoder"),
        "age": "NumberEncoder",
        "sizes": mm.encoders.NumberMLPEncoder(parts.DIM, hidden_dim=12, num_bins=3, name="sizes_encoder"),
        "story": "TextBagEncoder",
        "voice": "AudioCNNEncoder",
        "wave": "AudioCNNEncoder",
        "load": "TimeSeriesCNNEncoder",
        "molecule": "GraphConvolutionEncoder",
    }
    model = stir(mm.compile(mm.build(pipe.spec, encoders=encoders, dim=parts.DIM), pipe.spec, weight_decay=0.01))
    keep_run(model, pipe, rows, "labels")
    pipe.prepare(rows, HERE / "shards", rows_per_shard=4)


def generated(rows):
    """Text, picture, mask, sound and series as targets, and the model that generates, with options."""
    inputs = {"age": Number(), "story": Text(max_tokens=6)}
    pipe = Pipeline(inputs, {**media_targets(), "kind": Category(), "load": TimeSeries(max_steps=3)}, on_bad="mask")
    pipe.adapt(rows)
    keras.utils.set_random_seed(2)
    known = {"photo": mm.decoders.ImageFlowDecoder((SIDE, SIDE, 3), widths=(8, 8), name="photo")}
    known["regions"] = mm.decoders.ImageSegmentationDecoder((SIDE, SIDE), 2, filters=(8,), num_heads=2, name="regions")
    model = stir(mm.compile(mm.build(pipe.spec, decoders=known, dim=parts.DIM), pipe.spec))
    keep_run(model, pipe, rows, "generated")
    keep(mm.generator(model, GENERATE, seed=5), "generated.generator", shown(model, pipe, rows))


def media_targets():
    """A text, a picture, a mask and a sound."""
    targets = {"said": Text(max_tokens=5), "photo": Image(SIDE), "regions": Image(SIDE, classes=2)}
    return {**targets, "voice": Audio(**SOUND, mel_bins=6)}


def tokens(rows):
    """One transformer for a text, a picture, a sound and a label."""
    targets = {name: target for name, target in media_targets().items() if name != "regions"}
    inputs = {"age": Number(), "maker": Category()}
    pipe = Pipeline(inputs, {**targets, "kind": Category()}, on_bad="mask").adapt(rows)
    keras.utils.set_random_seed(3)
    known = pipe.spec["targets"]
    sizes = {"photo": {"levels": (3, 2), "filters": (4,)}, "voice": {"levels": (3, 2), "filters": (4, 4)}}
    sound = {key: known["voice"][key] for key in ("mel_bins", "sample_rate", "frame", "hop")}
    sizes["voice"]["vocoder"] = mm.layers.NeuralVocoder(**sound, width=6, num_layers=1, kernel_size=3)
    kinds = {"photo": mm.tokenizers.ImageTokenizer, "voice": mm.tokenizers.AudioTokenizer}
    tokenizers = {name: kind.from_spec(known[name], **sizes[name]) for name, kind in kinds.items()}
    transformer = mm.layers.ContextTransformer(1, 2, 0.1, name="transformer")
    model = mm.build(pipe.spec, decoder=transformer, tokenizers=tokenizers, dim=parts.DIM)
    keep_run(stir(mm.compile(model, pipe.spec)), pipe, rows, "tokens")


def trained(rows):
    """A run that was trained, with its optimizer, history, choices and rows; an ensemble of it with another."""
    targets = {"kind": Category(), "price": Number()}
    pipe = Pipeline({"age": Number(), "maker": Category(), "story": Text()}, targets, on_bad="mask")
    folder = HERE / "trained"
    made = mm.train(
        rows,
        output=folder,
        pipeline=pipe,
        parts={"dim": parts.DIM, "encoders": {"story": "TextBagEncoder", "age": "NumberEncoder"}},
        validation=rows,
        test=rows,
        epochs=2,
        batch_size=4,
        seed=1,
        verbose=0,
    )
    keep_answers(made.model, made.pipe, rows, "trained")
    stirred = stir(keras.models.clone_model(made.model))
    keep(mm.ensemble([made.model, stirred]), "ensemble", shown(stirred, made.pipe, rows))


def comparison(rows):
    """The results of a comparison of two inputs."""
    pipe = Pipeline({"age": Number(), "maker": Category()}, {"kind": Category()}, on_bad="mask").adapt(rows)
    options = {"fusions": ("ConcatFusion",), "seeds": 2, "training": {"epochs": 1, "batch_size": 4}}
    options["parts"] = lambda spec: {"dim": parts.DIM}
    with tempfile.TemporaryDirectory() as folder:
        mm.compare(pipe, dict.fromkeys(("train", "val", "test"), rows), folder, **options)
        shutil.copy(os.path.join(folder, "results.json"), HERE / "comparison.json")


def dual_encoder(rows):
    """A model that embeds two inputs; its pipeline beside it."""
    pipe = Pipeline({"age": Number(), "story": Text(max_tokens=6)}, on_bad="mask").adapt(rows)
    pipe.save(HERE / "dual_encoder.pipeline.json")
    keras.utils.set_random_seed(4)
    encoders = {"story": "TextBagEncoder", "age": "NumberEncoder"}
    model = stir(mm.build_dual_encoder(pipe.spec, encoders=encoders, dim=6, token_dim=parts.DIM))
    keep(model, "dual_encoder", shown(model, pipe, rows))


def objects():
    """Losses with their examples, metrics and functions with values that suit them."""
    from mmkeras.losses.likeness import psnr, ssim

    losses = [c for c in mm.COMPONENTS.values() if c.__module__.startswith("mmkeras.losses.")]
    cases = [cls.example() for cls in losses]
    examples = {type(loss).__name__: (labels, told) for loss, labels, told in cases}
    metrics = {"MaskedTokenAccuracy": "MaskedCrossentropy", "Perplexity": "TokenCrossentropy"}
    metrics |= {"TokenAccuracy": "TokenCrossentropy", "TooLong": "CTCLoss"}
    cases += [(getattr(mm.metrics, metric)(), *examples[loss]) for metric, loss in metrics.items()]
    functions = {"mmkeras>median_error": "PinballLoss", "mmkeras>pixel_accuracy": "PixelCrossentropy"}
    known = keras.saving.get_custom_objects()
    cases += [(known[name], *examples[loss]) for name, loss in functions.items()]
    cases += [(function, *examples["PictureLoss"]) for function in (psnr, ssim)]
    kept = []
    for case, labels, told in cases:
        value = case(np.array(labels), keras.ops.convert_to_tensor(told, "float32"))
        value = keras.ops.convert_to_numpy(value).tolist()
        saved = keras.saving.serialize_keras_object(case)
        kept.append({"object": saved, "labels": labels, "predictions": told, "value": value})
    write_json("objects.json", kept)


def stir(model):
    """Moves all weights away from where they began, to multiples of 1/64."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        if keras.backend.standardize_dtype(weight.dtype) == "float32":
            noise = random.normal(scale=0.1, size=weight.shape)
            noise = noise if weight.trainable else np.abs(noise)  # variances stay above 0
            weight.assign(np.round(64 * (keras.ops.convert_to_numpy(weight) + noise)) / 64)
    return model


def keep_run(model, pipe, rows, name):
    """A run's folder, what its model takes and gives, and what it answers."""
    run.save(model, pipe, HERE / name, overwrite=True)
    keep_answers(model, pipe, rows, name)


def keep_answers(model, pipe, rows, name):
    """What a run's model takes and gives, and what it answers; of media, their first bytes."""
    keep_values(mm.generator(model), name, shown(model, pipe, rows))
    (answers,) = mm.predict(model, pipe, rows)
    kept = {column: [plain(cell) for cell in cells.tolist()] for column, cells in answers.items()}
    write_json(f"{name}.json", kept)


def plain(cell):
    """A cell of an answer, JSON-ready."""
    return cell[:4].decode("latin-1") if isinstance(cell, bytes) else cell


def shown(model, pipe, rows):
    """All rows, as a model that needs no labels takes them."""
    x = next(pipe.batches(rows, ROWS, with_targets=False).as_numpy_iterator())
    return {name: value for name, value in x.items() if name in model.input}


def keep(model, name, x):
    """A model's file, and what it takes and gives."""
    model.save(HERE / f"{name}.keras")
    keep_values(model, name, x)


def keep_values(model, name, x):
    """Inputs as `x/NAME`, outputs as `y/NAME`, and the sums of all weights, in order of size."""
    y = {key: np.asarray(value) for key, value in model.predict_on_batch(x).items()}
    sums = [float(keras.ops.convert_to_numpy(w).astype("float64").sum()) for w in model.weights if "float" in w.dtype]
    values = {**{f"x/{key}": value for key, value in x.items()}, **{f"y/{key}": value for key, value in y.items()}}
    np.savez_compressed(HERE / f"{name}.npz", sums=np.sort(sums), **values)


def write_json(name, value):
    """Writes JSON beside this file."""
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def pack(path):
    """Writes an archive anew, with its members packed."""
    with zipfile.ZipFile(path) as archive:
        members, comment = {name: archive.read(name) for name in archive.namelist()}, archive.comment
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.comment = comment
        for name, data in members.items():
            archive.writestr(name, data)


def require_all():
    """Refuses to have left out a class or function that this version registers; writes their names."""
    texts = [(HERE / "objects.json").read_text(encoding="utf-8")]
    for path in HERE.rglob("*.keras"):
        with zipfile.ZipFile(path) as archive:
            texts.append(archive.read("config.json").decode())
    known = sorted(name for name in keras.saving.get_custom_objects() if name.startswith("mmkeras>"))
    found = set(re.findall(r'"(mmkeras>\w+)"', "".join(texts)))
    if set(known) - found:
        raise ValueError(f"write: every class must be in a file. Received: none with {sorted(set(known) - found)}.")
    write_json("registered.json", known)


if __name__ == "__main__":
    main()
