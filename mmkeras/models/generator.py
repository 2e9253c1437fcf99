"""The model that generates, out of the one that was trained to."""

import keras

from data_pipelines.naming import MASK, TARGET, plain_names
from mmkeras.component import component


def generator(model, options=None, seed=0):
    """Makes a model that needs no labels: what a decoder was told in training, it says for itself.

    Args:
        model: functional `keras.Model` whose decoders are named after their targets, as from `build`.
        options: dict target → dict of arguments of its decoder's `generate`, such as `{"caption": {"beams": 4}}`.
            Defaults to `None`: theirs.
        seed: int. For all that is drawn. Defaults to `0`.
    Returns:
        `keras.Model`, functional, with the same weights. In: the inputs and their masks. Out: dict target → what
        `Pipeline.write` takes. The model itself, where no decoder generates and none is shown labels.
    Raises:
        ValueError: options of a target whose decoder does not generate.
    Example:
        >>> texts = pipe.write(generator(model, {"caption": {"beams": 4}}).predict_on_batch(x))["caption"]
    """
    generating, options = generating_decoders(model), plain_names(options or {})
    unknown = sorted(set(options) - set(generating))
    if unknown:
        raise ValueError(
            f"generator: options must name targets that are generated. Received: {unknown}. Do: of {list(generating)}."
        )
    if not generating and not _follows_labels(model):
        return model
    outputs = dict(model.output)
    for name, decoder in generating.items():
        told = Generation(decoder, seed, options.get(name), name=f"{name}_generation")
        tokens, mask = _looked_at(decoder)
        outputs[name] = told(tokens) if mask is None else told(tokens, mask=mask)
    return keras.Model(shown(model.input, outputs), outputs, name=f"{model.name}_generator")


def _follows_labels(model):
    """Whether a model has inputs for labels, which nobody has who asks it, though no decoder may look at them."""
    both = isinstance(model.input, dict) and isinstance(model.output, dict)
    return both and len(shown(model.input, model.output)) < len(model.input)


def answering(model, target):
    """The part of a model from `build` that answers one target: labels that other decoders follow are not asked for."""
    return keras.Model(shown(model.input, model.output), {target: model.output[target]}, name=model.name)


def generating_decoders(model):
    """The decoders of a model that generate, by target."""
    names = model.output if isinstance(model.output, dict) else {}
    layers = {layer.name: layer for layer in model.layers}
    return {name: layers[name] for name in names if hasattr(layers.get(name), "generate")}


def draw_on(model):
    """Lets a model from `generator` draw anew."""
    for layer in model.layers:
        if isinstance(layer, Generation):
            layer.draw_on()


def shown(inputs, targets):
    """The inputs of a model, dict name → value, that are no labels of its targets."""
    labels = {target + TARGET for target in targets}
    return {name: value for name, value in inputs.items() if name.removesuffix(MASK) not in labels}


def _looked_at(decoder):
    """The tokens that a decoder was called with, and their mask.

    The mask comes from the call, not from the tokens: in a model read from a file theirs is another, made anew under
    names that the file's has already.
    """
    tokens, masks = decoder.input, decoder._inbound_nodes[0].arguments.kwargs
    tokens = tokens[0] if isinstance(tokens, (list, tuple)) else tokens
    return tokens, masks.get("mask") if masks.get("inputs_mask") is None else masks["inputs_mask"]


@component
class Generation(keras.layers.Layer):
    """A decoder that generates, as a layer of a functional model.

    Args:
        decoder: layer with `generate`.
        seed: int. It is kept in a variable, `draw_on` moves it. Defaults to `0`.
        options: dict of arguments of `generate` or None. Defaults to `None`: its defaults.
    Call arguments:
        inputs: float tensor `(B, T, D)`, fused tokens.
        mask: bool tensor `(B, T)` or None.
    Returns:
        What the decoder's `generate` gives.
    Example:
        >>> decoder = TextTransformerDecoder(vocabulary_size=9, max_tokens=4)
        >>> Generation(decoder)(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 5])
    """

    def __init__(self, decoder, seed=0, options=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.decoder = decoder
        self.seed = seed
        self.options = dict(options or {})
        self.supports_masking = True

    def build(self, input_shape):
        drawn = keras.initializers.Constant(self.seed)
        self.drawn = self.add_weight(name="seed", shape=(), initializer=drawn, dtype="int32", trainable=False)
        if not self.decoder.built:
            self.decoder.build(input_shape)

    def call(self, inputs, *, mask=None):
        seed = keras.ops.convert_to_tensor(self.drawn)
        return self.decoder.generate(inputs, mask=mask, seed=seed, **self.options)

    def draw_on(self):
        """Takes the next seed: another batch shall not draw the same."""
        self.drawn.assign(self.drawn + 1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_spec(self, inputs, mask=None):
        return self.decoder.generated_spec(inputs)

    def get_config(self):
        decoder = keras.saving.serialize_keras_object(self.decoder)
        return {**super().get_config(), "decoder": decoder, "seed": self.seed, "options": self.options}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "decoder": keras.saving.deserialize_keras_object(config["decoder"])})
