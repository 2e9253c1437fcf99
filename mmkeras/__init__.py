"""Multimodal deep learning with Keras 3: tables of mixed media → one trained, servable model."""

from mmkeras import alignment, balance, decoders, encoders, fusions, layers, losses, metrics, tokenizers
from mmkeras.build import build
from mmkeras.compare import compare
from mmkeras.compile import compile
from mmkeras.component import COMPONENTS, component
from mmkeras.dual_encoder import build_dual_encoder, single_encoder
from mmkeras.embed import embed
from mmkeras.ensemble import ensemble
from mmkeras.evaluate import evaluate
from mmkeras.explain import explain
from mmkeras.export import export
from mmkeras.fit_tokenizer import fit_tokenizer
from mmkeras.fit_vocoder import fit_vocoder
from mmkeras.generate import generate
from mmkeras.generator import generator
from mmkeras.predict import predict
from mmkeras.preference import preference
from mmkeras.report import report
from mmkeras.retrieval import retrieval_scores, retrieve
from mmkeras.training.train import train
from mmkeras.version import __version__
from mmkeras.zero_shot import zero_shot

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
