"""Series by a recurrent network."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.masking import hide, mask_or_full, sequence_conv

CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@component
class TimeSeriesLSTMEncoder(keras.layers.Layer):
    """Joins neighbouring steps by one strided convolution and reads them in both directions.

    Args:
        dim: int > 1, even. Width of a token; each direction gives half. Defaults to `64`.
        stride: int > 0. Steps a token. Defaults to `4`.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        dropout: float in [0, 1). Defaults to `0.1`.
        num_layers: int > 0. How often it is read, each time what the reading before gave. Defaults to `1`.
    Call arguments:
        inputs: float tensor `(B, T, C)`; gaps are flagged by channels of their own, as `TimeSeries` gives them.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T / stride, rounded up, zeros where masked; the mask becomes `(B, T′)`.
    Raises:
        ValueError: an odd `dim`, an unknown `cell`, `num_layers` < 1.
    Example:
        >>> TimeSeriesLSTMEncoder(dim=8)(np.ones((2, 20, 6), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Graves et al., 2013](https://arxiv.org/abs/1303.5778). Differs: the convolution in front.
    """

    modality = "TimeSeries"
    preferred = False

    def __init__(self, dim=64, stride=4, cell="lstm", dropout=0.1, num_layers=1, **kwargs):
        super().__init__(**kwargs)
        if dim % 2:
            raise ValueError(f"{type(self).__name__}: dim must be even. Received: dim={dim}. Do: dim={dim + 1}.")
        if cell not in CELLS:
            raise ValueError(
                f"{type(self).__name__}: cell must be one of {list(CELLS)}. Received: cell={cell!r}. Do: cell='lstm'."
            )
        if num_layers < 1:
            raise ValueError(
                f"{type(self).__name__}: num_layers must be > 0. Received: num_layers={num_layers}. Do: num_layers=1."
            )
        self.dim = dim
        self.cell = cell
        self.stride = stride
        self.dropout = dropout
        self.num_layers = num_layers
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        shape = (None, None, self.dim)
        kernel_size = 2 * (self.stride // 2) + 1
        self.join = keras.layers.Conv1D(self.dim, kernel_size, self.stride, activation="gelu", name="join", **options)
        self.join.build((None, None, input_shape[-1]))
        self.drop = keras.layers.Dropout(self.dropout, **options)
        # The first has a name of its own: files of models saved with one layer keep loading.
        self.reader, *self.rereaders = [self._reader(place) for place in range(self.num_layers)]
        for reader in (self.reader, *self.rereaders):
            reader.build(shape)

    def _reader(self, place):
        options = {"dtype": self.dtype_policy}
        cell = CELLS[self.cell](self.dim // 2, return_sequences=True, **options)
        return keras.layers.Bidirectional(cell, name=f"lstm_{place}" if place else "lstm", **options)

    def centred(self, inputs, mask):
        """Inputs near to zero mean and unit spread, as `TimeSeries` gives them."""
        return inputs

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        steps = self.centred(ops.cast(hide(inputs, mask), self.compute_dtype), mask)
        tokens, mask = sequence_conv(self.join, steps, mask)
        for reader in (self.reader, *self.rereaders):
            tokens = self.drop(tokens, training=training)
            tokens = hide(reader(tokens, mask=mask, training=training), mask)
        return tokens

    def compute_mask(self, inputs, mask=None):
        return mask_or_full(mask, inputs, 2)[:, :: self.stride]

    def compute_output_shape(self, input_shape):
        length = None if input_shape[1] is None else -(-input_shape[1] // self.stride)
        return (input_shape[0], length, self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "stride": self.stride,
            "cell": self.cell,
            "dropout": self.dropout,
            "num_layers": self.num_layers,
        }

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the series."""
        return cls(dim=dim, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, stride=2, num_layers=2, dropout=0.5), ((9, 6), "float32", (9,))
