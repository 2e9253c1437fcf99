"""What several models answer, as one answer."""

import keras

from mmkeras.component import component, part_config


@component
class AnswerMean(keras.layers.Layer):
    """The mean of predictions, which are scored, and learned from, as those of the decoder that gave them.

    Args:
        decoder: layer that gave the predictions, or one of the same config; its weights are not taken over.
    Call arguments:
        inputs: list of float tensors of one shape: probabilities, numbers, quantiles, pixels.
    Returns:
        float tensor of that shape.
    Raises:
        ValueError: a decoder that generates, or is shown labels: means of texts or drawn pictures are neither.
    Example:
        >>> mean = AnswerMean(CategoryDecoder(num_classes=2))
        >>> mean([np.array([[0.2, 0.8]]), np.array([[0.4, 0.6]])]).shape
        TensorShape([1, 2])
    """

    def __init__(self, decoder, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if hasattr(decoder, "generate") or getattr(decoder, "takes_target", False):
            raise ValueError(
                "AnswerMean: what a decoder generates has no mean. "
                f"Received: decoder={type(decoder).__name__}. Do: ensemble models of categories, tags, numbers."
            )
        self.decoder = type(decoder).from_config(decoder.get_config())
        self.default_loss = self.decoder.default_loss
        self.default_metrics = self.decoder.default_metrics
        self.score = self.decoder.score

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return sum(keras.ops.cast(each, "float32") for each in inputs) / len(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "decoder": part_config(self.decoder)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "decoder": keras.saving.deserialize_keras_object(config["decoder"])})
