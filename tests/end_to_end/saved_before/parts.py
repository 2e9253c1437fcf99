"""One functional model for each folder of parts, every class in it with tiny sizes; for `write.py`."""

import keras
import numpy as np

import mmkeras as mm
from mmkeras import decoders, encoders, fusions, layers, tokenizers
from mmkeras.alignment import ContrastiveAlignment, TokenAlignment
from mmkeras.balance import (
    OGMGE,
    GradientBlend,
    GradNorm,
    LabelledModel,
    MMPareto,
    UncertaintyWeighting,
    UnimodalHeads,
    UnimodalLosses,
)
from mmkeras.models.generator import Generation

ROWS, DIM = 3, 8
TOKENS = {"text": (5, DIM), "image": (4, DIM), "audio": (3, DIM)}
SOUND = {"mel_bins": 3, "sample_rate": 8000, "frame": 16, "hop": 8}
# Arguments that the examples of these classes leave at their defaults.
LONGER = {
    "AttentionBlock": {"num_heads": 2, "hidden_dim": 12},
    "ConcatFusion": {"hidden_dim": 12},
    "CrossAttentionFusion": {"num_layers": 1, "num_heads": 2},
    "DecoderBlock": {"num_heads": 2, "hidden_dim": 12},
    "ExpertMixture": {"num_experts": 3, "hidden_dim": 12},
    "GraphFusion": {"num_layers": 1, "num_heads": 2},
    "ImageHistogramEncoder": {"dim": DIM, "hidden_dim": 12},
    "ImageSummaryEncoder": {"dim": DIM, "filters": (4, 4), "hidden_dim": 6},
    "MixtureFusion": {"num_experts": 3, "top_k": 1, "num_heads": 2},
}
SMALLER = {
    "ImageHistogramEncoder": (16, 16, 3),
    "ImageSummaryEncoder": (8, 8, 3),
    "VideoSummaryEncoder": (4, 8, 8, 3),
}
UNLIKE_OTHERS = ("AnswerMean", "ModalityDropout")  # `write.py` has models with them
GENERATE = {
    "AudioFlowDecoder": {"steps": 2, "guidance": 1.5, "temperature": 0.9},
    "AudioMelDecoder": {"iterations": 2},
    "CTCDecoder": {"beams": 3},
    "CTCAttentionDecoder": {"beams": 3, "length_penalty": 3.0},
    "ImageFlowDecoder": {"steps": 2, "guidance": 1.5},
    "MaskedTokenDecoder": {"steps": 2, "guidance": 1.5},
    "MaskedTokenDecoderOfAudio": {"steps": 2, "guidance": 1.5},
    "MaskedTokenDecoderOfImages": {"steps": 2, "guidance": 1.5},
    "TextLSTMDecoder": {"beams": 2},
    "TextTransformerDecoder": {"beams": 2, "length_penalty": 0.8},
}


def models():
    """Dict file name → model. Inputs are named after classes or modalities, masks end in `_mask`."""
    keras.utils.set_random_seed(0)
    return {
        "encoders": one_by_one(encoders),
        "layers": one_by_one(layers),
        "fusions": over_tokens(fusions),
        "decoders": with_generation(),
        "tokenizers": there_and_back(),
        "balance": balanced(),
        "weighting": weighted(),
    }


def values_for(model):
    """Values for every input of a model, which are multiples of 1/16; of the last row, one step only is real."""
    random, values = np.random.default_rng(1), {}
    for name, given in model.input.items():
        shape = (ROWS, *given.shape[1:])
        if name.endswith("_mask"):
            steps = shape[1] if len(shape) > 1 else 1
            lengths = np.array([steps, (steps + 1) // 2, 1 if len(shape) > 1 else 0])
            mask = np.arange(steps)[None] < lengths[:, None]
            values[name] = mask if len(shape) > 1 else mask[:, 0]
        elif str(given.dtype).startswith("int"):
            values[name] = random.integers(0, 3, shape).astype(given.dtype)
        else:
            values[name] = (random.integers(0, 17, shape) / 16).astype("float32")
    return values


def one_by_one(folder):
    """Encoders or layers, each with an input and a mask of its own."""
    inputs, outputs = {}, {}
    for name in _classes(folder):
        cls = mm.COMPONENTS[name]
        layer, (shape, dtype, mask) = cls.example()
        layer = cls(**LONGER[name]) if name in LONGER else layer
        inputs[name] = keras.Input(SMALLER.get(name, shape), dtype=dtype, name=name)
        inputs[f"{name}_mask"] = keras.Input(mask, dtype="bool", name=f"{name}_mask")
        outputs[name] = layer(inputs[name], mask=inputs[f"{name}_mask"])
    return keras.Model(inputs, outputs, name="parts")


def over_tokens(folder):
    """Fusions of the same three modalities."""
    tokens, masks = _tokens()
    outputs = {}
    for name in _classes(folder):
        cls = mm.COMPONENTS[name]
        layer = cls(**LONGER[name]) if name in LONGER else cls.example()[0]
        outputs[name] = layer(tokens, mask=masks)
    return keras.Model({**tokens, **_named(masks)}, outputs, name="parts")


def with_generation():
    """Decoders of the same tokens, and what those that generate say with options that are not the defaults."""
    tokens, mask = keras.Input(TOKENS["text"], name="tokens"), keras.Input((5,), dtype="bool", name="tokens_mask")
    inputs, outputs = {"tokens": tokens, "tokens_mask": mask}, {}
    for name, (layer, label) in _decoders().items():
        if getattr(layer, "takes_target", False):
            target = keras.Input(label.shape, dtype=label.dtype.name, name=f"{name}_target")
            inputs[target.name] = target
            outputs[name] = layer(tokens, target, inputs_mask=mask)
        else:
            outputs[name] = layer(tokens, mask=mask)
        if hasattr(layer, "generate"):
            said = Generation(layer, seed=3, options=GENERATE[name], name=f"{name}_generation")
            outputs[f"{name}_generated"] = said(tokens, mask=mask)
    return keras.Model(inputs, outputs, name="parts")


def _decoders():
    """Dict name → decoder and a label of its target."""
    known = {}
    for name in _classes(decoders):
        layer, _, label = mm.COMPONENTS[name].example()
        label = np.array(label)
        known[name] = layer, label.astype("int32" if label.dtype.kind == "i" else "float32")
    vocoder = layers.NeuralVocoder(**SOUND, width=6, num_layers=1, kernel_size=3)
    sizes = {"most": 12, **SOUND, "width": 16, "num_layers": 1, "kernel_size": 3, "segment": 5}
    flow = decoders.ImageFlowDecoder((3, 5, 3), widths=(8, 8), patch=2, dropout=0.1)
    known["ImageFlowDecoder"] = flow, known["ImageFlowDecoder"][1]
    known["AudioFlowDecoder"] = decoders.AudioFlowDecoder(**sizes, vocoder=vocoder), known["AudioFlowDecoder"][1]
    known["TextTransformerDecoder"] = decoders.TextTransformerDecoder(9, 3, 2, 2), known["TextTransformerDecoder"][1]
    options = {"drop_condition": 0.2, "dropout": 0.3}
    images = tokenizers.ImageTokenizer((8, 4, 3), (3, 2), (4,))
    for kind, tokenizer, shape in (("Audio", _audio_tokenizer(), (10, 4)), ("Images", images, (8, 4, 3))):
        label = np.zeros(shape, "float32")
        transformer = layers.ContextTransformer(1, 2, 0.5)
        known[f"MaskedTokenDecoderOf{kind}"] = decoders.MaskedTokenDecoder(tokenizer, transformer, **options), label
    return known


def _audio_tokenizer():
    vocoder = layers.NeuralVocoder(**SOUND, width=6, num_layers=1, kernel_size=3)
    return tokenizers.AudioTokenizer(10, **SOUND, levels=(3, 2), filters=(4, 4), vocoder=vocoder)


def there_and_back():
    """Tokenizers, each with labels of its own."""
    inputs, outputs = {}, {}
    for name in _classes(tokenizers):
        layer, label, mask = mm.COMPONENTS[name].example()
        layer = _audio_tokenizer() if name == "AudioTokenizer" else layer
        inputs[name] = keras.Input(label.shape, dtype=label.dtype.name, name=name)
        inputs[f"{name}_mask"] = keras.Input(mask, dtype="bool", name=f"{name}_mask")
        outputs[name] = layer(inputs[name], mask=inputs[f"{name}_mask"])
    return keras.Model(inputs, outputs, name="parts")


def balanced():
    """Everything that stands between encoders, fusion and decoders in a `LabelledModel`."""
    tokens, masks = _tokens()
    outputs, between = {}, tokens
    for layer in (
        OGMGE("kind", 3, alpha=0.4, seed=7),
        MMPareto("kind", 3, gamma=1.2),
        GradientBlend("kind", 3),
        UnimodalLosses("kind", 3),
        TokenAlignment(dim=6, loss="sigmoid", anchor="text", weight=0.2),
    ):
        between = layer(between, mask=masks)
    embeddings = {name: layers.UnitEmbedding(6, name=f"{name}_unit")(value) for name, value in between.items()}
    embeddings = ContrastiveAlignment("sigmoid", temperature=0.2, bias=-5.0)(embeddings)
    outputs.update({f"{name}_embedding": value for name, value in embeddings.items()})
    heads = UnimodalHeads(3, name="alone")(between, mask=masks)
    outputs.update({f"{name}_alone": value for name, value in heads.items()})
    fused = fusions.ConcatFusion(hidden_dim=12)(between, mask=masks)
    handed = GradNorm(["kind", "price"], alpha=1.2)(fused)
    outputs["kind"] = decoders.CategoryDecoder(3, name="kind")(handed["kind"])
    outputs["price"] = decoders.NumberDecoder(name="price")(handed["price"])
    return LabelledModel({**tokens, **_named(masks)}, outputs, name="balance")


def weighted():
    """A model of two targets that weighs their losses."""
    tokens, masks = _tokens()
    fused = fusions.SumFusion(joint_dim=4)(tokens, mask=masks)
    kind, price = decoders.CategoryDecoder(3, name="kind")(fused), decoders.NumberDecoder(name="price")(fused)
    return UncertaintyWeighting({**tokens, **_named(masks)}, {"kind": kind, "price": price}, name="weighting")


def _classes(folder):
    """Names of the components that a folder defines, but for those that need inputs of their own."""
    names = [n for n, cls in mm.COMPONENTS.items() if cls.__module__.startswith(f"{folder.__name__}.")]
    return sorted(name for name in names if name not in UNLIKE_OTHERS)


def _tokens():
    tokens = {name: keras.Input(shape, name=name) for name, shape in TOKENS.items()}
    return tokens, {name: keras.Input(shape[:1], dtype="bool", name=f"{name}_mask") for name, shape in TOKENS.items()}


def _named(masks):
    return {f"{name}_mask": mask for name, mask in masks.items()}
