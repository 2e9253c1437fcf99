"""The commands of `mmkeras`: one file each, which joins the application by being here."""

import importlib
import pkgutil

from mmkeras.commands.app import app

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["app"]
