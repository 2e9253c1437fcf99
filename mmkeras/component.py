"""How parts are found: a decorator on the class, a look through the folder."""

import importlib
import pkgutil

import keras

PACKAGE = "mmkeras"
COMPONENTS = {}


def component(cls):
    """Registers a part as `mmkeras>Name`, so that files may move without breaking saved models, and for the sweep."""
    COMPONENTS[cls.__name__] = cls
    return keras.saving.register_keras_serializable(PACKAGE)(cls)


def import_parts(folder, path):
    """Imports every module of a folder of parts; gives the components defined there, by name."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{folder}.{module.name}")
    return {name: cls for name, cls in COMPONENTS.items() if cls.__module__.startswith(f"{folder}.")}


def part_config(part):
    """The config of a layer inside another's: the same before and after it is built, marked as shared in a file.

    While a model is saved, Keras marks what it meets a second time, but of the first it keeps a copy without the mark:
    read back, the first layer would have a part of its own. So a part is met twice here.
    """
    keras.saving.serialize_keras_object(part)
    config = keras.saving.serialize_keras_object(part)
    config.pop("build_config", None)
    return config
