"""A sound in one token, by convolutions over time and pitch."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.encoders.sound_levels import levelled
from mmkeras.layers.built_dense import built_dense, built_scale, scale_rows
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.sequence_summary import stretches

STEM, KERNEL = 5, 3


@component
class AudioSummaryEncoder(keras.layers.Layer):
    """Sums up log-mel frames as an image of time and pitch: a CNN, read stretch by stretch, and mean spectra.

    t = W [relu(V f(CNN(x))); relu(U g(x))]: f gives the means over `parts` stretches of time, the deviation and the
    largest values of what the CNN finds at each pitch; g the means and the deviation of the frames themselves. The
    first convolution has a stride of two, and the largest of two neighbouring pitches goes on: a voice a little higher
    or lower is the same word.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        filters: sequence of int > 0. Channels of each convolution. Defaults to `(16, 32, 64)`.
        parts: int > 0. Stretches of time. Defaults to `8`.
        hidden_dim: int > 0. Width of the dense layers. Defaults to `128`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.3`.
        normalize: bool. Whether each recording loses its own mean level and spread, as in `AudioCNNEncoder`.
            Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, log-mel frames.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Raises:
        ValueError: no filters.
    Example:
        >>> AudioSummaryEncoder(dim=8)(np.ones((2, 20, 40), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        Convolutions over spectra as in [Sainath and Parada, 2015](https://doi.org/10.21437/Interspeech.2015-352);
        pooling over stretches as in `mmkeras.layers.SequenceSummary`.
    """

    modality = "Audio"
    preferred = False
    summary = True

    def __init__(self, dim=64, filters=(16, 32, 64), parts=8, hidden_dim=128, dropout=0.3, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not filters:
            raise ValueError("AudioSummaryEncoder: there must be filters. Received: filters=(). Do: (16, 32, 64).")
        self.dim = dim
        self.filters = tuple(filters)
        self.parts = parts
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.normalize = normalize
        self.supports_masking = True

    def build(self, input_shape):
        options, channels, pitches = {"dtype": self.dtype_policy}, 1, input_shape[-1]
        self.convs = []
        for place, width in enumerate(self.filters):
            kernel, stride = (KERNEL, 1) if place else (STEM, 2)
            conv = keras.layers.Conv2D(width, kernel, stride, activation="relu", name=f"conv_{place}", **options)
            conv.build((None, None, None, channels))
            self.convs.append(conv)
            channels, pitches = width, -(-pitches // (2 if place else 4))
        self.found = pitches * channels
        self.scale_frames = built_scale(self, "scale_frames", (self.parts + 1) * input_shape[-1])
        self.scale_found = built_scale(self, "scale_found", (self.parts + 2) * self.found)
        self.as_it_is = built_dense(self, "as_it_is", (self.parts + 1) * input_shape[-1], self.hidden_dim, "relu")
        self.convolved = built_dense(self, "convolved", (self.parts + 2) * self.found, self.hidden_dim, "relu")
        self.project = built_dense(self, "project", 2 * self.hidden_dim, self.dim)
        self.drop = keras.layers.Dropout(self.dropout, **options)

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        present = ops.any(mask, axis=1)

        def drop(values):
            return self.drop(values, training=training)

        def scaled(scale, values):
            return drop(scale_rows(scale, ops.concatenate(values, axis=1), present, training))

        frames = levelled(ops.cast(hide(inputs, mask), self.compute_dtype), mask, self.normalize)
        frames = hide(frames, mask)
        views = [self.as_it_is(scaled(self.scale_frames, stretches(frames, mask, self.parts)))]
        x, real = frames[..., None], mask
        for place, conv in enumerate(self.convs):
            x, real = self._convolved(conv, x, real, 2 if place else 1)
        x = ops.reshape(x, (ops.shape(x)[0], -1, self.found))
        found = [*stretches(x, real, self.parts), ops.max(x, axis=1)]  # at least 0, which padding is
        views.append(self.convolved(scaled(self.scale_found, found)))
        token = self.project(drop(ops.concatenate(views, axis=1)))
        return hide(token[:, None], self.compute_mask(inputs, mask))

    def _convolved(self, conv, x, real, steps):
        """One convolution, padded alike on all sides so that a batch's length moves nothing, pooled by two in pitch."""
        side = conv.kernel_size[0] // 2
        x = conv(ops.pad(x, ((0, 0), (side, side), (side, side), (0, 0))))
        real = real[:, :: conv.strides[0]]
        size = (steps, 2)
        x = ops.max_pool(hide(x, real), size, size, padding="same", data_format="channels_last")
        if steps > 1:
            real = ops.cast(real, "float32")[..., None]
            real = ops.max_pool(real, steps, steps, padding="same", data_format="channels_last")[..., 0] > 0
        return x, real

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "filters": list(self.filters), "parts": self.parts, "hidden_dim": self.hidden_dim}
        return {**super().get_config(), **config, "dropout": self.dropout, "normalize": self.normalize}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        """The encoder that suits what the pipeline says of the sound."""
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), parts=2, hidden_dim=8, normalize=True), ((9, 6), "float32", (9,))
