"""Spec + parts → one functional `keras.Model`."""

import keras

from data_pipelines.naming import MASK, TARGET, plain_names
from mmkeras import decoders, encoders, fusions
from mmkeras.balance import GradNorm, LabelledModel, UncertaintyWeighting
from mmkeras.generation.sound_output import sizes_in
from mmkeras.layers import ContextTransformer, LogMel, ModalityDropout, TokenQuery

BALANCES = ("GradNorm", "UncertaintyWeighting")


def build(
    spec,
    fusion=None,
    encoders=None,
    decoders=None,
    dim=64,
    dropout=0.1,
    modality_dropout=None,
    before_fusion=None,
    balance=None,
    decoder=None,
    tokenizers=None,
    name="mmkeras",
):
    """Builds a functional model: an encoder an input, one fusion, a decoder a target.

    Args:
        spec: dict. `Pipeline.spec`.
        fusion: a layer that keeps the fusion contract, the name of one, or None. Defaults to `None`: where every target
            is a label or a number, `SumFusion`, with a joint vote where there are several inputs; else, and with
            `before_fusion` or `decoder`, `TokenTransformer`.
        encoders: dict input → layer or name of an encoder, for those that shall not be the default: with `SumFusion`,
            one that sums its input up in a token, where there is one; else one that gives many tokens.
        decoders: dict target → layer or name of a decoder, for those that shall not be the default: the one that goes
            with the fusion (its `companions`), else the preferred one of the modality.
        dim: int > 0. Width D of the tokens of default encoders. Defaults to `64`.
        dropout: float in [0, 1). Of default parts. Defaults to `0.1`.
        modality_dropout: float in [0, 1). Chance that a present modality is hidden, a row at a time, in training; never
            all of a row. Defaults to `None`: `0.03` with the default `SumFusion`, where every input votes by itself in
            any case, else `0.1`; with one input there is nothing to hide.
        before_fusion: a layer that takes the encoders' tokens, dict input → `(B, T, D)`, and gives such a dict: an
            extra objective (`mmkeras.alignment.TokenAlignment`), or balance. Defaults to `None`.
        balance: how much each of several targets counts in training, learned: `"UncertaintyWeighting"`, by how
            uncertain the model is of it, or `"GradNorm"`, by how long its gradient is. Defaults to `None`: as the
            `loss_weights` of `compile` say.
        decoder: `"tokens"`, or a `mmkeras.layers.ContextTransformer`: one transformer for all targets that `decoders`
            does not name. It says texts, pictures and sounds in tokens that were hidden (`MaskedTokenDecoder`), and is
            asked for categories, tags and numbers. Defaults to `None`: a decoder for each target.
        tokenizers: dict target → what `fit_tokenizer` gave, for pictures and sounds in tokens. Defaults to `None`.
        name: str. Defaults to `"mmkeras"`.
    Returns:
        `keras.Model`. In: dict name → tensor, name + `"_mask"` → bool; labels that a decoder follows in training, as
        target + `"_target"`. Out: dict target → prediction; what decoders generate, `mmkeras.generator` gives.
    Raises:
        ValueError: no targets, a part for a name that is not there, an unknown part, a modality without a part, an
            unknown balance or one of a single target, a picture or a sound in tokens without a tokenizer.
    Example:
        >>> model = build(pipe.spec, fusion="AttentionFusion", encoders={"story": "TextLSTMEncoder"})
    """
    if not spec["targets"]:
        raise ValueError("build: there must be a target. Received: targets={}. Do: Pipeline(targets={…}).")
    encoders, decoders, tokenizers = map(plain_names, (encoders, decoders, tokenizers))
    chosen = {"inputs": encoders or {}, "targets": {**(tokenizers or {}), **(decoders or {})}}
    for part, parts in chosen.items():
        unknown = sorted(set(parts) - set(spec[part]))
        if unknown:
            raise ValueError(
                f"build: parts must be for {part} of the spec. Received: {unknown}. Do: of {list(spec[part])}."
            )
    shared = _transformer(decoder, tokenizers, dropout, free_name("transformer", spec))
    fuse, votes = _fusion(fusion, dropout, free_name("fusion", spec)), False
    if fuse is None:
        votes = before_fusion is None and decoder is None and _only_pooled(spec["targets"], decoders or {})
        fuse = _default_fusion(spec, votes, dim, dropout, free_name("fusion", spec))
    if modality_dropout is None:
        modality_dropout = 0.03 if votes else 0.1
    summary = getattr(fuse, "summary", False)
    inputs, tokens = encode_inputs(spec, chosen["inputs"], dim, dropout, modality_dropout, summary=summary)
    if before_fusion is not None:
        tokens = before_fusion(tokens)
    fused, companions = fuse(tokens), getattr(fuse, "companions", {})
    handed, outputs = _handed_out(fused, spec, balance), {}
    for target, field in spec["targets"].items():
        given, seen = (decoders or {}).get(target), handed[target]
        if given is None and shared is not None:
            given, seen = _by_tokens(target, field, seen, shared, (tokenizers or {}).get(target), dropout)
        given = given or companions.get(field.modality)
        # Of one token there is nothing to choose, and a score of it could learn nothing.
        pooling = "mean" if seen.shape[1] == 1 else None
        layer = _part(given, _DECODERS, field, target, pooling=pooling, dropout=dropout)
        shown, mask = _label_inputs(target, field.label)
        inputs.update({value.name: value for value in (shown, mask) if value is not None})
        if getattr(layer, "takes_target", False):
            # Keras hands this mask over too, but keeps no note of it, which `generator` needs in a model from a file.
            real = getattr(seen, "_keras_mask", None)
            outputs[target] = layer(seen, shown, inputs_mask=real, target_mask=mask)
        else:
            outputs[target] = layer(seen)
    kinds = {"UncertaintyWeighting": UncertaintyWeighting, "GradNorm": LabelledModel}
    return kinds.get(balance, keras.Model)(inputs, outputs, name=name)


def encode_inputs(spec, encoders, dim, dropout, modality_dropout=0.0, only=None, summary=False):
    """The first half of a functional model: an encoder an input.

    Args:
        spec: dict. `Pipeline.spec`.
        encoders: dict input → layer or name of an encoder, for those that shall not be the default.
        dim, dropout, modality_dropout: see `build`.
        only: names of the inputs to encode; the others are taken and not looked at. Defaults to `None`: all.
        summary: bool. Whether default encoders are those that sum an input up in one token. Defaults to `False`.
    Returns:
        tuple of the symbolic inputs, masks included, and the tokens, input → `(B, T, D)`.
    """
    fields = spec["inputs"]
    inputs = {name: keras.Input(field.shape, dtype=field.dtype, name=name) for name, field in fields.items()}
    masks = {name: keras.Input(field.mask_shape, dtype="bool", name=name + MASK) for name, field in fields.items()}
    shown = masks
    if modality_dropout and len(masks) > 1:
        shown = ModalityDropout(modality_dropout, name=free_name("modality_dropout", spec))(masks)
    tokens = {}
    for column, field in fields.items():
        if only is not None and column not in only:
            continue
        values, mask = inputs[column], shown[column]
        if field.details.get("features") == "waveform":
            values = LogMel(**sizes_in(field), name=free_name(f"{column}_log_mel", spec))(values, mask=mask)
            mask = None
        name = free_name(f"{column}_encoder", spec)
        part = _part(encoders.get(column), _ENCODERS, field, name, summary, dim=dim, dropout=dropout)
        tokens[column] = part(values) if mask is None else part(values, mask=mask)
    return {**inputs, **{name + MASK: mask for name, mask in masks.items()}}, tokens


def free_name(name, spec):
    """A layer's name, or a longer one where an input or target of the spec is called so."""
    masked = [*spec["inputs"], *(target + TARGET for target in spec["targets"])]
    taken = {*masked, *(other + MASK for other in masked), *spec["targets"]}
    while name in taken:
        name += "_layer"
    return name


_ENCODERS = {name: getattr(encoders, name) for name in encoders.__all__}
_DECODERS = {name: getattr(decoders, name) for name in decoders.__all__}
_FUSIONS = {name: getattr(fusions, name) for name in fusions.__all__}


def _label_inputs(target, label):
    """Where a model is shown a target's label and its mask, whether or not its decoder looks at them."""
    if not label.as_input:
        return None, None
    name = target + TARGET
    shown = keras.Input(label.shape, dtype=label.dtype, name=name)
    return shown, keras.Input(label.mask_shape, dtype="bool", name=name + MASK)


def _transformer(decoder, tokenizers, dropout, name):
    """The transformer that targets share, or None."""
    if isinstance(decoder, ContextTransformer):
        return decoder
    if decoder not in (None, "tokens") or (tokenizers and decoder is None):
        raise ValueError(
            'build: decoder must be "tokens" or a ContextTransformer, with tokenizers in any case. '
            f'Received: decoder={decoder!r}, tokenizers={tokenizers}. Do: decoder="tokens".'
        )
    return None if decoder is None else ContextTransformer(dropout=dropout, name=name)


def _by_tokens(target, field, fused, shared, tokenizer, dropout):
    """A target's decoder over the shared transformer, None for its usual one, and the tokens that it looks at."""
    if getattr(_chosen(None, _DECODERS, field, target), "pools", False):
        return None, TokenQuery(shared, name=f"{target}_query")(fused)
    by_tokens = _DECODERS["MaskedTokenDecoder"]
    if by_tokens.takes(field):
        options = {"tokenizer": tokenizer, "transformer": shared, "name": target}
        return by_tokens.from_spec(field, dropout, **options), fused
    return None, fused


def _handed_out(fused, spec, balance):
    """The fused tokens for each target's decoder."""
    targets = spec["targets"]
    if balance is None:
        return dict.fromkeys(targets, fused)
    if balance not in BALANCES or len(targets) < 2:
        raise ValueError(
            f"build: balance must be one of {BALANCES}, of two targets or more. "
            f"Received: balance={balance!r}, targets={list(targets)}. Do: leave it out."
        )
    if balance == "UncertaintyWeighting":
        return dict.fromkeys(targets, fused)
    return GradNorm(list(targets), name=free_name("grad_norm", spec))(fused)


def _modalities(cls):
    return (cls.modality,) if isinstance(cls.modality, str) else cls.modality


def _part(given, known, field, name, summary=False, pooling=None, **options):
    """The layer given, the one of that name, or the preferred one for the modality."""
    part = _chosen(given, known, field, name, summary)
    if not isinstance(part, type):
        return part
    if pooling and getattr(part, "pools", False):
        options["pooling"] = pooling
    return part.from_spec(field, name=name, **options)


def _chosen(given, known, field, name, summary=False):
    """The layer given, or the class of that name, or the preferred one: with `summary`, one that gives one token."""
    if given is not None and not isinstance(given, str):
        return given
    fitting = {key: cls for key, cls in known.items() if field.modality in _modalities(cls)}
    fitting = fitting or {key: cls for key, cls in known.items() if field.like in _modalities(cls)}
    if given is None:
        preferred = [cls for cls in fitting.values() if cls.preferred]
        if summary:
            preferred = [cls for cls in fitting.values() if getattr(cls, "summary", False)] or preferred
        if not preferred:
            raise ValueError(f"build: there is no default part for {field.modality}. Received: {name!r}. Do: give one.")
        return preferred[0]
    if given not in fitting:
        raise ValueError(f"build: a part for {field.modality} must be one of {sorted(fitting)}. Received: {given!r}.")
    return fitting[given]


def _only_pooled(targets, chosen):
    """Whether every target is answered from all tokens pooled."""
    parts = [_chosen(chosen.get(target), _DECODERS, field, target) for target, field in targets.items()]
    return all(getattr(part, "pools", False) for part in parts)


def _default_fusion(spec, votes, dim, dropout, name):
    if not votes:
        return fusions.TokenTransformer(dropout=dropout, name=name)
    options = {"joint_dim": 2 * dim if len(spec["inputs"]) > 1 else 0, "name": name}
    preferred = [_chosen(None, _DECODERS, field, target) for target, field in spec["targets"].items()]
    if all(getattr(decoder, "regresses", False) for decoder in preferred):
        options["dropout"] = 0.0  # it would shift the spread of what a regression answers
    return fusions.SumFusion(**options)


def _fusion(given, dropout, name):
    if given is None:
        return None
    if not isinstance(given, str):
        return given
    if given not in _FUSIONS:
        raise ValueError(f"build: fusion must be one of {sorted(_FUSIONS)}. Received: fusion={given!r}.")
    return _FUSIONS[given](dropout=dropout, name=name)
