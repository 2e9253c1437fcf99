"""Spec → a functional `keras.Model` that gives each input an embedding, trained by contrast alone."""

import keras

from data_pipelines.naming import MASK, plain_name, plain_names
from mmkeras.alignment import ContrastiveAlignment
from mmkeras.layers import UnitEmbedding
from mmkeras.models.build import encode_inputs

EMBEDDING = "_embedding"


def build_dual_encoder(
    spec,
    inputs=None,
    encoders=None,
    dim=64,
    token_dim=64,
    loss="infonce",
    anchor=None,
    temperature=None,
    dropout=0.1,
    name="dual_encoder",
):
    """Builds a functional model that embeds two inputs or more where they can be compared.

    Its loss is inside: `model.compile(optimizer)` without a loss, then `model.fit(pipe.batches(…))`. Targets in the
    batches are left alone. A row that lacks an input takes no part in any pair with it.

    Args:
        spec: dict. `Pipeline.spec`.
        inputs: names of the inputs to embed, two or more. Defaults to `None`: all. Others in a batch are not looked at.
        encoders: dict input → layer or name of an encoder, for those that shall not be the default.
        dim: int > 0. Width D of the embeddings. Defaults to `64`.
        token_dim: int > 0. Width of the tokens of default encoders. Defaults to `64`.
        loss: `"infonce"`, `"sigmoid"` or a `ContrastiveAlignment` layer. Defaults to `"infonce"`.
        anchor: str or None. The input that every other one is compared with. Defaults to `None`: all pairs.
        temperature: float >= 0.01 or None, see `ContrastiveAlignment`. Defaults to `None`.
        dropout: float in [0, 1). Of default encoders. Defaults to `0.1`.
        name: str. Defaults to `"dual_encoder"`.
    Returns:
        `keras.Model`. In: dict name → tensor, name + `"_mask"` → bool. Out: dict name → float32 `(B, dim)` of length 1;
        zeros where the row lacks the input.
    Raises:
        ValueError: fewer than two inputs, or names that the spec does not have.
    Example:
        >>> model = build_dual_encoder(pipe.spec, inputs=("picture", "title"), encoders={"title": "TextBagEncoder"})
        >>> model.compile("adam")
        >>> model.fit(pipe.batches(train, 128, training=True), validation_data=pipe.batches(val, 128), epochs=20)
    """
    inputs, encoders = tuple(spec["inputs"] if inputs is None else plain_names(inputs)), plain_names(encoders)
    anchor = anchor and plain_name(anchor)
    unknown = sorted({*inputs, *(encoders or {})} - set(spec["inputs"]))
    if unknown or len(set(inputs)) < 2:
        raise ValueError(
            "build_dual_encoder: inputs must be two or more of the spec. "
            f"Received: inputs={inputs}, unknown={unknown}. Do: of {list(spec['inputs'])}."
        )
    given, tokens = encode_inputs(spec, encoders or {}, token_dim, dropout, only=inputs)
    embeddings = {
        column: UnitEmbedding(dim, dtype="float32", name=column + EMBEDDING)(value) for column, value in tokens.items()
    }
    if isinstance(loss, str):
        loss = ContrastiveAlignment(loss, anchor=anchor, temperature=temperature, name="alignment")
    return keras.Model(given, loss(embeddings), name=name)


def single_encoder(model, name):
    """The part of a dual encoder that embeds one input, with the same weights and nothing of the others.

    Args:
        model: `keras.Model` from `build_dual_encoder`.
        name: str. An input.
    Returns:
        `keras.Model`. In: dict of `name` and name + `"_mask"`. Out: float32 `(B, dim)`.
    Raises:
        ValueError: the model does not embed such an input.
    Example:
        >>> vectors = single_encoder(model, "title").predict_on_batch({"title": ids, "title_mask": ids != 0})
    """
    name = plain_name(name)
    layer = next((layer for layer in model.layers if layer.name == name + EMBEDDING), None)
    if layer is None:
        raise ValueError(
            f"single_encoder: the model must embed the input. Received: name={name!r}. Do: of {list(embedded(model))}."
        )
    given = {key: model.input[key] for key in (name, name + MASK)}
    return keras.Model(given, layer.output, name=f"{name}_encoder_alone")


def embedded(model):
    """Names of the inputs that a dual encoder embeds, in order; none for another model."""
    names = [layer.name.removesuffix(EMBEDDING) for layer in model.layers if isinstance(layer, UnitEmbedding)]
    return [name for name in names if isinstance(model.output, dict) and name in model.output]
