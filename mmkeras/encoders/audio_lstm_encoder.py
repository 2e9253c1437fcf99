"""Log-mel frames by an LSTM."""

from mmkeras.component import component
from mmkeras.encoders.sound_levels import levelled
from mmkeras.encoders.time_series_lstm_encoder import TimeSeriesLSTMEncoder


@component
class AudioLSTMEncoder(TimeSeriesLSTMEncoder):
    """Joins neighbouring log-mel frames by one strided convolution and reads them in both directions.

    Args:
        dim: int > 1, even. Width of a token; each direction gives half. Defaults to `64`.
        stride: int > 0. Frames a token. Defaults to `4`.
        cell: `"lstm"` or `"gru"`. Defaults to `"lstm"`.
        dropout: float in [0, 1). Defaults to `0.1`.
        num_layers: int > 0. How often it is read, each time what the reading before gave. Defaults to `1`.
        normalize: bool. See `AudioCNNEncoder`. Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, log-mel frames.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T / stride, rounded up, zeros where masked; the mask becomes `(B, T′)`.
    Raises:
        ValueError: an odd `dim`, an unknown `cell`, `num_layers` < 1.
    Example:
        >>> AudioLSTMEncoder(dim=8)(np.ones((2, 20, 40), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        [Graves et al., 2013](https://arxiv.org/abs/1303.5778). Differs: the convolution in front.
    """

    modality = "Audio"
    preferred = False

    def __init__(self, dim=64, stride=4, cell="lstm", dropout=0.1, num_layers=1, normalize=False, **kwargs):
        super().__init__(dim, stride, cell, dropout, num_layers, **kwargs)
        self.normalize = normalize

    def centred(self, inputs, mask):
        """Inputs near to zero mean and unit spread."""
        return levelled(inputs, mask, self.normalize)

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}
