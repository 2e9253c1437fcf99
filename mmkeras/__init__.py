"""Multimodal deep learning with Keras 3: tables of mixed media → one trained, servable model."""

from mmkeras import decoders, encoders, fusions, layers, losses
from mmkeras.build import build
from mmkeras.compare import compare
from mmkeras.compile import compile
from mmkeras.component import COMPONENTS, component
from mmkeras.evaluate import evaluate
from mmkeras.export import export
from mmkeras.predict import predict
from mmkeras.report import report
from mmkeras.version import __version__

__all__ = [
    "COMPONENTS",
    "__version__",
    "build",
    "compare",
    "compile",
    "component",
    "decoders",
    "encoders",
    "evaluate",
    "export",
    "fusions",
    "layers",
    "losses",
    "predict",
    "report",
]
