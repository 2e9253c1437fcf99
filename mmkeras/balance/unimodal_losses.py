"""A loss of each modality's own, beside that of the whole model."""

import keras

from mmkeras.balance.unimodal_heads import UnimodalHeads, crossentropy, labels_and_weights, present_rows, weighted_mean
from mmkeras.component import component


@component
class UnimodalLosses(keras.layers.Layer):
    """Gives tokens back unchanged, and adds a loss for each modality alone.

    A linear head on the mean of a modality's tokens tells the classes; its cross-entropy, over the rows that have the
    modality and a label, trains the head and the encoder. Only in training, in a `LabelledModel`; elsewhere it does
    nothing.

    Args:
        target: str. The category target whose labels count.
        num_classes: int > 1.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None.
    Returns:
        dict of the same tokens.
    Example:
        >>> tokens = {"picture": np.ones((2, 4, 8), "float32"), "title": np.ones((2, 3, 8), "float32")}
        >>> UnimodalLosses("kind", num_classes=3)(tokens)["title"].shape
        TensorShape([2, 3, 8])
    """

    # Whether `balanced` is called in evaluation too.
    sees_evaluation = False

    def __init__(self, target, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.target = target
        self.heads = UnimodalHeads(num_classes, name="heads")
        self.supports_masking = True
        self.told = (None, None)

    def tell(self, labels, weights):
        """Labels of the batch to come, from `LabelledModel`."""
        self.told = (labels, weights)

    def build(self, input_shape):
        self.heads.build(input_shape)

    def call(self, inputs, *, mask=None, training=False):
        if self.told[0] is None or not (training or self.sees_evaluation):
            return inputs
        labels, weights = labels_and_weights(*self.told)
        count = {name: rows * weights for name, rows in present_rows(inputs, mask).items()}
        return self.balanced(inputs, mask, labels, count, training)

    def balanced(self, inputs, mask, labels, count, training):
        """The same tokens, their gradients changed; adds the losses.

        Args:
            inputs, mask: as in `call`.
            labels: int tensor `(B,)`.
            count: dict name → float tensor `(B,)`, the weight of a row, 0 where it lacks the modality or a label.
            training: bool.
        Returns:
            dict of tokens.
        """
        self.add_loss(sum(self.losses_of(self.heads(inputs, mask=mask), labels, count).values()))
        return inputs

    def losses_of(self, logits, labels, count):
        """Dict name → the mean cross-entropy of a modality's head; 0 where no row counts."""
        return {name: weighted_mean(crossentropy(each, labels), count[name]) for name, each in logits.items()}

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, mask=None, training=False):
        return {name: keras.KerasTensor(value.shape, self.compute_dtype) for name, value in inputs.items()}

    def get_config(self):
        return {**super().get_config(), "target": self.target, "num_classes": self.heads.num_classes}
