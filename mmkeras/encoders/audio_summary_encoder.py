"""A recording in one token, by its spectrum over stretches of it and by convolutions over time."""

from mmkeras.component import component
from mmkeras.encoders.sound_levels import levelled
from mmkeras.encoders.time_series_summary_encoder import TimeSeriesSummaryEncoder


@component
class AudioSummaryEncoder(TimeSeriesSummaryEncoder):
    """Sums up log-mel frames by `SequenceSummary`: mean spectra of stretches, and convolutions.

    Args:
        dim: int > 0. Width of the token. Defaults to `64`.
        filters: sequence of int > 0. Channels of the convolutions. Defaults to `(64, 96)`.
        num_kernels: int >= 0. Random kernels beside them, see `TimeSeriesSummaryEncoder`. Defaults to `0`.
        dropout: float in [0, 1). Share of features dropped in training. Defaults to `0.2`.
        normalize: bool. Whether each recording loses its own mean level and spread, as in `AudioCNNEncoder`.
            Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, log-mel frames.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, 1, D)`, zeros in an absent row; the mask becomes `(B, 1)`.
    Example:
        >>> AudioSummaryEncoder(dim=8)(np.ones((2, 20, 40), "float32")).shape
        TensorShape([2, 1, 8])
    References:
        See `mmkeras.layers.SequenceSummary`.
    """

    modality = "Audio"

    def __init__(self, dim=64, filters=(64, 96), num_kernels=0, dropout=0.2, normalize=False, **kwargs):
        super().__init__(dim, filters, num_kernels, dropout, **kwargs)
        self.normalize = normalize

    def centred(self, inputs, mask):
        """Inputs near to zero mean and unit spread."""
        return levelled(inputs, mask, self.normalize)

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}

    @classmethod
    def example(cls):
        """A tiny instance with input shape, dtype and mask shape, for the conformance sweep."""
        return cls(dim=8, filters=(8, 8), normalize=True), ((9, 6), "float32", (9,))
