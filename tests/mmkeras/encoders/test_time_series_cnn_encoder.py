import numpy as np
from reference import normal, shake

from data_pipelines.field_spec import FieldSpec
from mmkeras.encoders import AudioCNNEncoder, TimeSeriesCNNEncoder


def test_as_for_sound_but_for_its_scale():
    """AudioCNNEncoder is held against numpy; this reads inputs as they are."""
    series, sound = (cls(dim=8, filters=(4, 4)) for cls in (TimeSeriesCNNEncoder, AudioCNNEncoder))
    x = normal(2, 9, 6)
    series.build(x.shape)
    sound.build(x.shape)
    shake(series)
    sound.set_weights(series.get_weights())
    np.testing.assert_allclose(series(x), sound(x * 4 - 5), atol=1e-5)
    assert not np.allclose(series(x), sound(x))


def test_from_spec():
    layer = TimeSeriesCNNEncoder.from_spec(FieldSpec("TimeSeries", (), details={"channels": 3}), dim=16, dropout=0.3)
    assert (layer.dim, layer.filters, layer.dropout) == (16, (16, 16, 16), 0.3)
