"""Alignment as an extra objective of a model that does something else."""

import keras

from mmkeras.alignment.contrastive_alignment import ContrastiveAlignment
from mmkeras.component import component
from mmkeras.layers.unit_embedding import UnitEmbedding


@component
class TokenAlignment(keras.layers.Layer):
    """Gives tokens back unchanged, and adds a loss that draws the pooled tokens of a row's modalities together.

    It stands between encoders and fusion: each modality is pooled and projected to an embedding of length 1, on which
    `ContrastiveAlignment` works. Nothing of it is needed once the model is trained.

    Args:
        dim: int > 0. Width of the embeddings. Defaults to `64`.
        loss: `"infonce"` or `"sigmoid"`. Defaults to `"infonce"`.
        anchor: str or None. The modality that every other one is compared with. Defaults to `None`: all pairs.
        weight: float > 0. Of the loss. Defaults to `0.1`.
    Call arguments:
        inputs: dict name → float tensor `(B, T_m, D_m)`.
        mask: dict name → bool tensor `(B, T_m)` or None; True = real token.
    Returns:
        dict of the same tokens.
    Example:
        >>> tokens = {"picture": np.ones((2, 4, 8), "float32"), "title": np.ones((2, 3, 8), "float32")}
        >>> aligned = TokenAlignment(dim=4)(tokens)
        >>> aligned["title"].shape
        TensorShape([2, 3, 8])
    References:
        [Li et al., 2021](https://arxiv.org/abs/2107.07651), align before fuse. Differs: no momentum model, no memory.
    """

    passes_through = True  # outside training it gives its dict back

    def __init__(self, dim=64, loss="infonce", anchor=None, weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.align = ContrastiveAlignment(loss, anchor=anchor, weight=weight, name="align")
        self.supports_masking = True

    def build(self, input_shape):
        self.embed = {}
        for name, shape in sorted(input_shape.items()):
            self.embed[name] = UnitEmbedding(self.dim, dtype="float32", name=f"{name}_embedding")
            self.embed[name].build(shape)
        self.align.build({name: (shape[0], self.dim) for name, shape in input_shape.items()})

    def call(self, inputs, *, mask=None):
        masks = {name: mask and mask[name] for name in inputs}
        embeddings = {name: self.embed[name](inputs[name], mask=masks[name]) for name in inputs}
        shown = {name: self.embed[name].compute_mask(inputs[name], masks[name]) for name in inputs}
        self.align(embeddings, mask=shown)
        return inputs

    def compute_mask(self, inputs, mask=None):
        return mask

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, mask=None):
        return {name: keras.KerasTensor(value.shape, self.compute_dtype) for name, value in inputs.items()}

    def get_config(self):
        own = {name: getattr(self.align, name) for name in ("loss", "anchor", "weight")}
        return {**super().get_config(), "dim": self.dim, **own}
