"""Multimodal deep learning with Keras 3: tables of mixed media → one trained, servable model."""

from mmkeras import alignment, balance, decoders, encoders, fusions, layers, losses, metrics, tokenizers
from mmkeras.comparing.compare import compare
from mmkeras.component import COMPONENTS, component
from mmkeras.explaining.explain import explain
from mmkeras.exporting.export import export
from mmkeras.inference.embed import embed
from mmkeras.inference.evaluate import evaluate
from mmkeras.inference.generate import generate
from mmkeras.inference.predict import predict
from mmkeras.inference.preference import preference
from mmkeras.inference.retrieval import retrieval_scores, retrieve
from mmkeras.inference.zero_shot import zero_shot
from mmkeras.models.build import build
from mmkeras.models.dual_encoder import build_dual_encoder, single_encoder
from mmkeras.models.ensemble import ensemble
from mmkeras.models.generator import generator
from mmkeras.reporting.report import report
from mmkeras.training.compile import compile
from mmkeras.training.fit_tokenizer import fit_tokenizer
from mmkeras.training.fit_vocoder import fit_vocoder
from mmkeras.training.train import train
from mmkeras.version import __version__

__all__ = [
    "COMPONENTS",
    "__version__",
    "alignment",
    "balance",
    "build",
    "build_dual_encoder",
    "compare",
    "compile",
    "component",
    "decoders",
    "embed",
    "encoders",
    "ensemble",
    "evaluate",
    "explain",
    "export",
    "fit_tokenizer",
    "fit_vocoder",
    "fusions",
    "generate",
    "generator",
    "layers",
    "losses",
    "metrics",
    "predict",
    "preference",
    "report",
    "retrieval_scores",
    "retrieve",
    "single_encoder",
    "tokenizers",
    "train",
    "zero_shot",
]
