"""Log-mel frames by convolutions over time."""

from mmkeras.component import component
from mmkeras.encoders.sound_levels import levelled
from mmkeras.encoders.time_series_cnn_encoder import TimeSeriesCNNEncoder


@component
class AudioCNNEncoder(TimeSeriesCNNEncoder):
    """Turns log-mel frames into fewer tokens by strided convolutions over time.

    Each stage: convolution, layer norm, GELU; the first ones halve the number of tokens.

    Args:
        dim: int > 0. Width of a token. Defaults to `64`.
        filters: sequence of int > 0. Channels of each stage. Defaults to `(64, 64, 64)`.
        kernel_size: int > 0, odd, in frames. Defaults to `5`.
        stride: int > 0. Of each stage. Defaults to `2`.
        use_position: bool. Whether tokens carry their place. Defaults to `True`.
        dropout: float in [0, 1). Defaults to `0.1`.
        normalize: bool. Whether each recording loses its own mean level and spread, so that a quiet one and a loud
            one look alike; else frames are brought near to zero by fixed numbers, and loudness stays. Of use where
            rooms, microphones or speakers differ and loudness says nothing. Defaults to `False`.
    Call arguments:
        inputs: float tensor `(B, T, C)`, log-mel frames.
        mask: bool tensor `(B, T)` or None.
    Returns:
        float tensor `(B, T′, D)`, T′ = T over strideⁿ, rounded up, zeros where masked; the mask becomes `(B, T′)`.
    Raises:
        ValueError: an even kernel.
    Example:
        >>> AudioCNNEncoder(dim=8, filters=(8, 8))(np.ones((2, 20, 40), "float32")).shape
        TensorShape([2, 5, 8])
    References:
        The convolutional stem of [Radford et al., 2022](https://arxiv.org/abs/2212.04356). Differs: padding is zero at
        every stage, so it cannot move a real token.
    """

    modality = "Audio"
    preferred = True

    def __init__(
        self,
        dim=64,
        filters=(64, 64, 64),
        kernel_size=5,
        stride=2,
        use_position=True,
        dropout=0.1,
        normalize=False,
        **kwargs,
    ):
        super().__init__(dim, filters, kernel_size, stride, use_position, dropout, **kwargs)
        self.normalize = normalize

    def centred(self, inputs, mask):
        """Inputs near to zero mean and unit spread."""
        return levelled(inputs, mask, self.normalize)

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}
