"""One file a modality; a new file that decorates its class with `@modality` is found by itself."""

import importlib
import pkgutil

from data_pipelines.modalities.modality import MODALITIES, CellContext, Modality, from_config, modality

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

globals().update(MODALITIES)

__all__ = ["CellContext", "MODALITIES", "Modality", "from_config", "modality", *sorted(MODALITIES)]
