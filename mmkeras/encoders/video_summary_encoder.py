"""A clip in one token: frames by descriptions that nobody has to learn, then convolutions over time."""

import keras
from keras import ops

from mmkeras.component import component
from mmkeras.encoders.image_summary_encoder import describe_images
from mmkeras.layers.masking import hide, mask_or_full
from mmkeras.layers.sequence_summary import SequenceSummary


@component
class VideoSummaryEncoder(keras.layers.Layer):
    """Sums up a clip: each frame by edges, colours and a thumbnail, and what has changed since the frame before.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        frame_dim: int > 0. Width of a frame's features. Defaults to `128`.
        filters: sequence of int > 0. Channels of each convolution over time. Defaults to `(128,)`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.3`.
    Call arguments:
        inputs: float tensor `(B, F, H, W, C)` in [0, 1], H and W > 1.
        mask: bool tensor `(B, F)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Example:
        >>> VideoSummaryEncoder(dim=8)(np.ones((2, 5, 16, 16, 3), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        See `mmkeras.layers.image_descriptors` and `mmkeras.layers.SequenceSummary`.
    """

    modality = "Video"
    preferred = False
    summary = True

    def __init__(self, dim=64, frame_dim=128, filters=(128,), dropout=0.3, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.frame_dim = frame_dim
        self.filters = tuple(filters)
        self.dropout = dropout
        self.supports_masking = True

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        frame = keras.KerasTensor((1, *input_shape[2:]))
        self.described = describe_images(frame).shape[1]
        self.drop = keras.layers.Dropout(self.dropout, **options)
        self.look = keras.layers.Dense(self.frame_dim, activation="relu", name="look", **options)
        self.look.build((None, None, 2 * self.described))
        self.summary_of = SequenceSummary(
            self.dim, self.filters, kernel_size=3, stride=1, dropout=self.dropout, name="summary", **options
        )
        self.summary_of.build((None, None, self.frame_dim))

    def call(self, inputs, *, mask=None, training=False):
        mask = mask_or_full(mask, inputs, 2)
        frames = hide(ops.cast(inputs, "float32"), mask)
        flat = describe_images(ops.reshape(frames, (-1, *frames.shape[2:])))
        features = hide(ops.reshape(flat, (-1, ops.shape(frames)[1], self.described)), mask)
        moved = hide(features[:, 1:] - features[:, :-1], mask[:, 1:] & mask[:, :-1])
        both = ops.concatenate([features, ops.pad(moved, ((0, 0), (1, 0), (0, 0)))], axis=2)
        seen = self.look(self.drop(ops.cast(both, self.compute_dtype), training=training))
        return hide(
            self.summary_of(hide(seen, mask), mask=mask, training=training)[:, None], self.compute_mask(inputs, mask)
        )

    def compute_mask(self, inputs, mask=None):
        return ops.any(mask_or_full(mask, inputs, 2), axis=1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim)

    def get_config(self):
        config = {"dim": self.dim, "frame_dim": self.frame_dim, "filters": list(self.filters)}
        return {**super().get_config(), **config, "dropout": self.dropout}

    @classmethod
    def from_spec(cls, spec, dim, dropout, **options):
        return cls(dim=dim, **options)

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, frame_dim=8, filters=(8,)), ((4, 16, 12, 3), "float32", (4,))
