"""A sequence in one vector: how it is on the whole, and what convolutions find in it."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.layers.built_dense import built_dense, built_scale, scale_rows
from mmkeras.layers.masking import hide, mask_or_full, sequence_conv


@component
class SequenceSummary(keras.layers.Layer):
    """Sums up a sequence by its own means over stretches, and by convolutions pooled in the same way.

    y = W_s f(W f_s(x)) + W_c f(W f_c(conv(x))): f_s gives means over `parts` stretches of the real steps, which
    overlap, and the deviation from the mean; f_c these of the convolutions, and their largest values.

    Args:
        dim: int > 0. Width of the vector. Defaults to `64`.
        filters: sequence of int > 0. Channels of each convolution. Defaults to `(64, 96)`.
        kernel_size: int > 0, odd, in steps. Defaults to `5`.
        stride: int > 0. Of each convolution. Defaults to `2`.
        parts: int > 0. Stretches. Defaults to `4`.
        hidden_dim: int > 0. Width of the dense layers. Defaults to `128`.
        dropout: float in [0, 1). Share of features dropped in training after each layer. Defaults to `0.2`.
    Call arguments:
        inputs: float tensor `(B, T, C)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, D)`; zeros where every step is absent.
    Raises:
        ValueError: an even kernel.
    Example:
        >>> SequenceSummary(dim=8)(np.ones((2, 20, 3), "float32")).shape
        TensorShape([2, 8])
    References:
        Pooling over stretches as in [Lazebnik et al., 2006](https://doi.org/10.1109/CVPR.2006.68), along time; mean and
        deviation as in [Snyder et al., 2018](https://doi.org/10.1109/ICASSP.2018.8461375).
    """

    def __init__(
        self, dim=64, filters=(64, 96), kernel_size=5, stride=2, parts=4, hidden_dim=128, dropout=0.2, **kwargs
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(
                f"SequenceSummary: kernel_size must be odd. Received: kernel_size={kernel_size}. Do: {kernel_size + 1}."
            )
        self.dim = dim
        self.filters = tuple(filters)
        self.kernel_size = kernel_size
        self.stride = stride
        self.parts = parts
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options, channels = {"dtype": self.dtype_policy}, input_shape[-1]
        self.convs, self.norms = [], []
        self.scale_steps = built_scale(self, "scale_steps", (self.parts + 1) * channels)
        self.as_it_is = built_dense(self, "as_it_is", (self.parts + 1) * channels, self.hidden_dim, "relu")
        for place, width in enumerate(self.filters):
            conv = keras.layers.Conv1D(width, self.kernel_size, self.stride, name=f"conv_{place}", **options)
            norm = keras.layers.LayerNormalization(epsilon=1e-5, name=f"norm_{place}", **options)
            conv.build((None, None, channels))
            norm.build((None, None, width))
            self.convs.append(conv)
            self.norms.append(norm)
            channels = width
        self.scale_found = built_scale(self, "scale_found", (self.parts + 2) * channels)
        self.convolved = built_dense(self, "convolved", (self.parts + 2) * channels, self.hidden_dim, "relu")
        self.project = built_dense(self, "project", 2 * self.hidden_dim, self.dim)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        present = ops.any(mask, axis=1)

        def drop(values):
            return self.drop(values, training=training)

        def scaled(scale, values):
            return drop(scale_rows(scale, ops.concatenate(values, axis=1), present, training))

        x, real = ops.cast(hide(inputs, mask), self.compute_dtype), mask
        views = [self.as_it_is(scaled(self.scale_steps, stretches(x, real, self.parts)))]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x, real = sequence_conv(conv, x, real)
            x = drop(ops.relu(hide(norm(x), real)))
        largest = ops.max(x, axis=1)  # at least 0, which padding is
        views.append(self.convolved(scaled(self.scale_found, [*stretches(x, real, self.parts), largest])))
        return hide(self.project(drop(ops.concatenate(views, axis=1))), present)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "kernel_size": self.kernel_size}
        more = {"stride": self.stride, "parts": self.parts, "hidden_dim": self.hidden_dim, "dropout": self.dropout}
        return {**super().get_config(), **config, **more}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(8, filters=(8, 8), kernel_size=3, parts=2, hidden_dim=8), ((9, 6), "float32", (9,))


def stretches(values, mask, parts):
    """Means over `parts` overlapping stretches of the real steps, and the deviation from the mean of all.

    Args:
        values: float tensor `(B, T, C)`, zeros where masked.
        mask: bool tensor `(B, T)`.
        parts: int > 0.
    Returns:
        list of `parts` + 1 tensors `(B, C)`; zeros where every step is absent.
    """
    real = ops.cast(mask, "float32")
    count = ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)
    place = (ops.cumsum(real, axis=1) - 0.5) / count
    middles = (ops.arange(parts, dtype="float32") + 0.5) / parts
    shares = ops.relu(1.0 - ops.abs(place[:, None] - middles[:, None]) * parts) * real[:, None]
    shares = shares / ops.maximum(ops.sum(shares, axis=2, keepdims=True), 1e-6)
    # The mean of all is one more stretch, so that the values are read once.
    means = ops.matmul(ops.cast(ops.concatenate([shares, (real / count)[:, None]], axis=1), values.dtype), values)
    found = [means[:, part] for part in range(parts)]
    squares = ops.square(values - means[:, -1:])
    squares = ops.matmul(ops.cast(real / count, values.dtype)[:, None], squares)[:, 0]
    deviation = ops.sqrt(ops.cast(squares, "float32") + 1e-4)
    return [*found, ops.cast(hide(deviation, ops.any(mask, axis=1)), values.dtype)]
