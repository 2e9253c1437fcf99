"""A target as a few integers, and back."""

from mmkeras.component import import_parts

_PARTS = import_parts(__name__, __path__)
globals().update(_PARTS)

__all__ = sorted(_PARTS)
