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
    """The config of a layer inside another's, the same before and after it is built.

    It is the very dict that Keras made: in a file, Keras marks it where a second layer has the same part.
    """
    config = keras.saving.serialize_keras_object(part)
    config.pop("build_config", None)
    return config
