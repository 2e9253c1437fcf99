import re

import keras
import pytest

from mmkeras import fusions

PARTS = [getattr(fusions, name) for name in fusions.__all__]


@pytest.mark.parametrize("cls", PARTS)
def test_one_width_for_all(cls):
    rule = f'{cls.__name__} "fuse": modalities must share the last axis. '
    received = "Received: image=(None, 16, 64), text=(None, None, 32). Do: give all encoders dim=64."
    with pytest.raises(ValueError, match=re.escape(rule + received)):
        cls(name="fuse")({"text": keras.Input((None, 32)), "image": keras.Input((16, 64))})


@pytest.mark.parametrize("cls", PARTS)
def test_tokens_not_vectors(cls):
    rule = f'{cls.__name__} "fuse": every modality must be tokens (B, T, D). '
    rule += "Received: image=(None, 16), text=(None, 3, 16). "
    with pytest.raises(ValueError, match=re.escape(rule + "Do: call an encoder first.")):
        cls(name="fuse")({"text": keras.Input((3, 16)), "image": keras.Input((16,))})


@pytest.mark.parametrize("cls", PARTS)
def test_a_dict_not_a_tensor(cls):
    rule = f'{cls.__name__} "fuse": it must be called on a dict name → tokens (B, T, D)'
    with pytest.raises(ValueError, match=re.escape(rule) + ".*" + re.escape("Received: (None, 3, 16).")):
        cls(name="fuse")(keras.Input((3, 16)))
