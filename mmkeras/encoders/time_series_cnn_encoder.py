"""Series by convolutions over time."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, sequence_conv
from mmkeras.layers.position_encoding import PositionEncoding
from mmkeras.layers.relative_position import RelativePosition


@component
class TimeSeriesCNNEncoder(keras.layers.Layer):
    """Turns the steps of a series into fewer tokens by strided convolutions over time.

    Each stage: convolution, layer norm, GELU; the first ones halve the number of tokens.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        filters: sequence of int > 0. Channels of each stage. Defaults to `(64, 64, 64)`.
        kernel_size: int > 0, odd, in steps. Defaults to `5`.
        stride: int > 0. Of each stage. Defaults to `2`.
        use_position: bool. Whether tokens carry their place. Defaults to `True`.
        dropout: float in [0, 1). Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, C)`; gaps are flagged by channels of their own, as `TimeSeries` gives them.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T over strideⁿ, rounded up, zeros where masked; the mask becomes `(B, T′)`.
    Raises:
        ValueError: an even kernel.
    Example:
        >>> TimeSeriesCNNEncoder(dim=8, filters=(8, 8))(np.ones((2, 20, 6), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Wang et al., 2017](https://arxiv.org/abs/1611.06455). Differs: strides, layer norms in place of batch norms,
        tokens in place of one average; padding is zero at every stage, so it cannot move a real token.
    """

    modality = "TimeSeries"
    preferred = True

    def __init__(self, dim=64, filters=(64, 64, 64), kernel_size=5, stride=2, use_position=True, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"{type(self).__name__}: kernel_size must be odd. Received: kernel_size={kernel_size}. Do: 5."
            )
        self.dim = dim
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.stride = stride
        self.use_position = use_position
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        self.convs, self.norms, channels = [], [], input_shape[-1]
        for place, width in enumerate(self.filters):
            conv = keras.layers.Conv1D(width, self.kernel_size, self.stride, name=f"conv_{place}", **options)
            norm = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            conv.build((None, None, channels))
            norm.build((None, None, width))
            self.convs.append(conv)
            self.norms.append(norm)
            channels = width
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.project = keras.layers.Dense(self.dim, name="project", **options)
        self.project.build((None, None, channels))
        self.positions = []
        if self.use_position:
            self.positions = [PositionEncoding(name="place", **options), RelativePosition(name="share", **options)]
        for position in self.positions:
            position.build((None, None, self.dim))

    def centred(self, inputs, mask):
        """Inputs near to zero mean and unit spread, as `TimeSeries` gives them."""
        return inputs

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        x = self.centred(ops.cast(hide(inputs, mask), self.compute_dtype), mask)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x, mask = sequence_conv(conv, x, mask)
            x = self.drop(ops.gelu(norm(x)), training=training)
        tokens = self.project(x)
        for position in self.positions:
            tokens = position(tokens, mask=mask)
        return hide(tokens, mask)

    def compute_mask(self, inputs, mask=None):
        mask = mask_or_full(mask, inputs, 2)
        for _ in self.filters:
            mask = mask[:, :: self.stride]
        return mask

    def compute_output_shape(self, input_shape):
        length = input_shape[1]
        for _ in self.filters:
            length = None if length is None else -(-length // self.stride)
        return (input_shape[0], length, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "kernel_size": self.kernel_size}
        more = {"stride": self.stride, "use_position": self.use_position, "dropout": self.dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the series."""
        return cls(dim=dim, filters=(dim, dim, dim), dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), kernel_size=3, dropout=0.5), ((9, 6), "float32", (9,))
