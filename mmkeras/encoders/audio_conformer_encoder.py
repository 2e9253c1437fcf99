"""Log-mel frames by convolutions and attention in turn."""

import keras

from mmkeras.component import component
from mmkeras.encoders.audio_cnn_encoder import AudioCNNEncoder
from mmkeras.layers.conformer_block import ConformerBlock
from mmkeras.layers.masking import hide


@component
class AudioConformerEncoder(keras.layers.Layer):
    """Halves the frames by convolutions and lets what is left attend and convolve, block by block.

    Args:
        dim: int > 0, a multiple of `num_heads`. Width of a token. Defaults to `64`.
        num_layers: int > 0. Conformer blocks. Defaults to `2`.
        num_heads: int > 0. Defaults to `4`.
        kernel_size: int > 0, odd, in tokens. Of the blocks' convolutions. Defaults to `15`.
        stride: 1, 2, 4 or another power of two. Frames a token. Defaults to `4`.
        dropout: float in [0, 1). Defaults to `0.1`.
        normalize: bool. See `AudioCNNEncoder`. Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, log-mel frames.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T / stride, rounded up, zeros where masked; the mask becomes `(B, T′)`.
    Raises:
        ValueError: a stride that is no power of two; `ConformerBlock`'s errors.
    Example:
        >>> AudioConformerEncoder(dim=8)(np.ones((2, 20, 40), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Gulati et al., 2020](https://arxiv.org/abs/2005.08100). Differs: see `ConformerBlock`; the convolutions in
        front go over time alone, each followed by layer norm and GELU.
    """

    modality = "Audio"
    preferred = False

    def __init__(
        self, dim=64, num_layers=2, num_heads=4, kernel_size=15, stride=4, dropout=0.1, normalize=False, **kwargs
    ):
        super().__init__(**kwargs)
        if stride < 1 or stride & (stride - 1):
            raise ValueError(
                f"AudioConformerEncoder: stride must be a power of two. Received: stride={stride}. Do: stride=4."
            )
        self.dim = dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.kernel_size = kernel_size
        self.stride = stride
        self.dropout = dropout
        self.normalize = normalize
        self.supports_masking = True

    def build(self, input_shape):
        filters = (self.dim,) * (self.stride.bit_length() - 1)
        options = {"dropout": self.dropout, "dtype": self.dtype_policy}
        self.stem = AudioCNNEncoder(self.dim, filters, kernel_size=3, normalize=self.normalize, name="stem", **options)
        self.stem.build(input_shape)
        block = {"num_heads": self.num_heads, "kernel_size": self.kernel_size, **options}
        self.blocks = [ConformerBlock(name=f"block_{place}", **block) for place in range(self.num_layers)]
        for layer in self.blocks:
            layer.build((None, None, self.dim))

    def call(self, inputs, *, mask=None, training=False):
        tokens = self.stem(inputs, mask=mask, training=training)
        mask = self.stem.compute_mask(inputs, mask)
        for layer in self.blocks:
            tokens = layer(tokens, mask=mask, training=training)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        return self.stem.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape):
        length = None if input_shape[1] is None else -(-input_shape[1] // self.stride)
        return (input_shape[0], length, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "num_layers": self.num_layers, "num_heads": self.num_heads}
        more = {"kernel_size": self.kernel_size, "stride": self.stride, "dropout": self.dropout}
        more["normalize"] = self.normalize
        return {**super().get_config(), **config, **more}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the recording."""
        return cls(dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        layer = cls(dim=8, num_layers=2, num_heads=2, kernel_size=3, stride=2, dropout=0.5)
        return layer, ((9, 6), "float32", (9,))
