"""Fused tokens → one picture, the likeliest."""

import keras

from mmkeras.component import component
from mmkeras.layers.masking import mask_or_full
from mmkeras.layers.picture_grid import PictureGrid, filters_for
from mmkeras.losses.likeness import mean_likeness, psnr
from mmkeras.losses.picture_loss import PictureLoss


@component
class ImageCNNDecoder(keras.layers.Layer):
    """Draws the picture that the tokens tell, by queries and convolutions; one answer, without chance.

    For pictures that the inputs determine: repaired, coloured, cleaned. Where many would do, it gives their blurred
    middle; `ImageFlowDecoder` gives one of them.

    Args:
        shape: (H, W, C) of the picture, any H and W.
        filters: sequence of int > 0, multiples of 8. See `PictureGrid`. Defaults to `(128, 64, 32)`.
        num_heads: int > 0, a divisor of D. Defaults to `4`.
        dropout: float in [0, 1). See `AttentionBlock`. Defaults to `0.1`.
        l1: float ≥ 0. Weight of the mean absolute error in the default loss, see `PictureLoss`. Defaults to `1.0`.
        l2: float ≥ 0. Weight of the mean squared error. Defaults to `0.0`.
        ssim: float ≥ 0. Weight of 1 − SSIM. Defaults to `0.1`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float32 tensor `(B, H, W, C)` in [0, 1]; where every token is absent, what pictures look like on the average.
    Example:
        >>> ImageCNNDecoder(shape=(12, 10, 3))(np.ones((2, 5, 8), "float32")).shape
        TensorShape([2, 12, 10, 3])
    """

    modality = "Image"
    preferred = False

    def __init__(self, shape, filters=(128, 64, 32), num_heads=4, dropout=0.1, l1=1.0, l2=0.0, ssim=0.1, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.filters = tuple(filters)
        self.num_heads = num_heads
        self.dropout = dropout
        self.weighed = {"l1": l1, "l2": l2, "ssim": ssim}
        self.supports_masking = True

    def build(self, input_shape):
        height, width, channels = self.shape
        self.grid = PictureGrid(
            height, width, self.filters, self.num_heads, self.dropout, name="grid", dtype=self.dtype_policy
        )
        self.grid.build(input_shape)
        self.pixels = keras.layers.Conv2D(
            channels, 3, padding="same", activation="sigmoid", name="pixels", dtype="float32"
        )
        self.pixels.build(self.grid.compute_output_shape(input_shape))

    def call(self, inputs, *, mask=None, training=False):
        return self.pixels(self.grid(inputs, mask=mask_or_full(mask, inputs, 2), training=training))

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def compute_output_spec(self, inputs, mask=None, training=False):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def default_loss(self, label_smoothing=0.0):
        """The mix of `l1`, `l2` and `ssim`; `label_smoothing` has no meaning here."""
        return PictureLoss(**self.weighed)

    def default_metrics(self):
        """Peak signal-to-noise ratio in dB."""
        return [keras.metrics.MeanMetricWrapper(psnr, name="psnr")]

    @staticmethod
    def score(labels, weights, predictions):
        """PSNR in dB and SSIM, means over pictures, of arrays `(N, H, W, C)`, `(N,)`, `(N, H, W, C)`."""
        return mean_likeness(labels, weights, predictions)

    def get_config(self):
        config = {
            "shape": list(self.shape),
            "filters": list(self.filters),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            **self.weighed,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target: queries for about 8 × 8 places."""
        options.setdefault("filters", filters_for(spec.shape))
        return cls(shape=spec.shape, dropout=dropout, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        picture = [[[0.1 * x, 0.2 * y, 0.5] for x in range(5)] for y in range(3)]
        return cls(shape=(3, 5, 3), filters=(8,), num_heads=2, dropout=0.5), (5, 8), picture
