"""How the bundled data sets are learned: what the benchmarks measure."""

import os

SIZES = ("width", "height", "aspect", "bytes")
COUNTS = ("n_path", "n_group", "n_shape", "n_gradient", "n_color", "n_text", "n_stroke")


class Recipe:
    """A table, what is read from it, and how a model learns it.

    Args:
        name: str. Of its folder.
        title: str. For people.
        table: tuple (data set, file).
        inputs: callable without arguments → dict name → modality, anew at each call.
        targets: callable without arguments → dict name → modality.
        parts: callable (spec) → options of `mmkeras.build`.
        epochs, batch_size, learning_rate, weight_decay, label_smoothing, clipnorm, ema_momentum: see `Choices`. The
            learning rate follows a cosine; with running means, the last weights are kept, else the best.
        chance: float. The score that knows nothing.
    """

    def __init__(
        self,
        name,
        title,
        table,
        inputs,
        targets,
        parts,
        epochs,
        chance,
        batch_size=32,
        learning_rate=2e-3,
        weight_decay=1e-4,
        label_smoothing=0.0,
        clipnorm=None,
        ema_momentum=None,
    ):
        self.name = name
        self.title = title
        self.table = table
        self.inputs = inputs
        self.targets = targets
        self.parts = parts
        self.epochs = epochs
        self.chance = chance
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.clipnorm = clipnorm
        self.ema_momentum = ema_momentum

    def rows(self):
        """Rows by split: `train`, `val`, `test`."""
        from data_pipelines import read_table
        from data_pipelines.datasets import folder

        rows = read_table(os.path.join(folder(self.table[0]), self.table[1]))
        return {split: rows.where(split=split) for split in ("train", "val", "test")}

    def train(self, folder, seed=0, only=None, epochs=None, refit=False, verbose="auto"):
        """Trains a model on the training rows by `mmkeras.train`, without evaluation.

        With `only`, the model has these inputs alone. With `refit`, it learns from the validation rows as well: they
        have had their say in the recipe, and judge nothing here. A run that is in the folder is replaced.

        Returns:
            tuple (model, pipeline, rows by split).
        """
        import mmkeras as mm
        from data_pipelines import Pipeline

        rows = self.rows()
        inputs = {name: modality for name, modality in self.inputs().items() if only is None or name in only}
        trained = mm.train(
            rows["train"],
            output=folder,
            pipeline=Pipeline(inputs, self.targets()),
            validation=rows["val"],
            test=rows["test"],
            parts=lambda spec: self._parts_of(spec, inputs),
            seed=seed,
            refit=refit,
            overwrite=True,
            verbose=verbose,
            evaluate=False,
            epochs=epochs or self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            ema_momentum=self.ema_momentum or 0.0,
            schedule="cosine",
            warmup=0.1,
            clipnorm=self.clipnorm,
            keep="last" if self.ema_momentum or refit else "best",
            monitor=None,
        )
        return trained.model, trained.pipe, rows

    def _parts_of(self, spec, inputs):
        """Options of `mmkeras.build`, without the parts of inputs that are left out."""
        options = self.parts(spec)
        if len(inputs) == 1:
            options.pop("fusion", None)
        options["encoders"] = {k: v for k, v in options.get("encoders", {}).items() if k in inputs}
        return options


def _clipart():
    from data_pipelines import Category, Image, Number, Text

    vary = {"flip": True, "zoom": 0.1, "shift": 0.06, "rotate": 0.01, "brightness": 0.06, "contrast": 0.1}

    def inputs():
        return {
            "picture": Image(48, augment=vary),
            "title": Text("ngram"),
            "numbers": Number(columns=(*SIZES, *COUNTS)),
            "creator": Category(min_count=3),
        }

    def parts(spec):
        from mmkeras.encoders import ImageHistogramEncoder, NumberMLPEncoder

        dim = 96
        picture = ImageHistogramEncoder(dim=dim, mirror=True, name="picture_encoder")
        numbers = NumberMLPEncoder(dim=dim, num_bins=32, name="numbers_encoder")
        encoders = {"picture": picture, "title": "TextBagEncoder", "numbers": numbers}
        return {"encoders": encoders, "fusion": "SumFusion", "dim": dim, "modality_dropout": 0.2}

    return Recipe(
        name="clipart",
        title="drawing + title + numbers + creator → category",
        table=("clipart", "table.csv"),
        inputs=inputs,
        targets=lambda: {"category": Category()},
        parts=parts,
        epochs=40,
        chance=1 / 14,
        batch_size=64,
        weight_decay=1.0,
        label_smoothing=0.1,
        clipnorm=1.0,
        ema_momentum=0.995,
    )


def _language():
    from data_pipelines import Audio, Category

    return Recipe(
        name="language",
        title="speech → language",
        table=("prompts", "table.csv"),
        inputs=lambda: {"recording": Audio(seconds=5, sample_rate=8000)},
        targets=lambda: {"language": Category()},
        parts=lambda spec: {},
        epochs=6,
        chance=0.5,
        label_smoothing=0.1,
        ema_momentum=0.99,
    )


def _match():
    import mmkeras as mm
    from data_pipelines import Audio, Category, Text

    def inputs():
        return {
            "recording": Audio(seconds=5, sample_rate=8000),
            "transcript": Text("character", max_tokens=96),
        }

    def parts(spec):
        audio_encoder = mm.encoders.AudioCNNEncoder(64, filters=(32, 64, 64), dropout=0.2, name="recording_encoder")
        encoders, fusions = {"recording": audio_encoder}, mm.fusions
        if "transcript" in spec["inputs"]:
            encoders["transcript"] = mm.encoders.TextTransformerEncoder.from_spec(
                spec["inputs"]["transcript"], dim=64, dropout=0.2, num_layers=1, name="transcript_encoder"
            )
        return {
            "encoders": encoders,
            "fusion": fusions.AttentionFusion(queries=("transcript",), dropout=0.2, name="fusion"),
            "decoders": {"match": mm.decoders.CategoryDecoder(2, pooling="mean", dropout=0.2, name="match")},
            "modality_dropout": 0.0,
        }

    return Recipe(
        name="match",
        title="speech + transcript → is this what is said?",
        table=("prompts", "pairs.csv"),
        inputs=inputs,
        targets=lambda: {"match": Category()},
        parts=parts,
        epochs=10,
        chance=0.5,
    )


def recipes():
    """The recipes of the bundled data sets, by name."""
    return {recipe.name: recipe for recipe in (_clipart(), _language(), _match())}
