"""Keeps modalities, and targets, from outrunning each other in training."""

from mmkeras.component import import_parts

_PARTS = import_parts(__name__, __path__)
globals().update(_PARTS)

__all__ = sorted(_PARTS)
