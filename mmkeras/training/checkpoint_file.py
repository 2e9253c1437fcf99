"""One file with all that a training consists of at one moment: facts as JSON, variables as arrays."""

import io
import json
import os
import zipfile

import keras
import numpy as np

from data_pipelines.files.whole_file import whole_file
from mmkeras.runs.run_marks import damaged, require_whole

STATE = "state.json"


class CheckpointFile:
    """An archive of arrays, each with its checksum, which `numpy.load` reads too. No pickle.

    Args:
        path: where it shall stand. The one before stands there until the new one is whole.
    """

    def __init__(self, path):
        self.path = os.fspath(path)

    def write(self, state, groups):
        """Writes facts and variables.

        Args:
            state: dict, JSON-ready.
            groups: dict name → list of Keras variables.
        """
        shapes = {name: [_described(variable) for variable in variables] for name, variables in groups.items()}
        with whole_file(self.path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(STATE, json.dumps({**state, "shapes": shapes}))
            for name, variables in groups.items():
                for place, variable in enumerate(variables):
                    with archive.open(f"{name}/{place}.npy", "w", force_zip64=True) as member:
                        array = _plain(keras.ops.convert_to_numpy(variable))
                        np.lib.format.write_array(member, array, allow_pickle=False)

    def read(self):
        """The facts, once the whole file is known to be as it was written.

        Raises:
            ValueError: it is not there, or damaged.
        """
        require_whole(self.path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                return json.loads(archive.read(STATE))
        except (KeyError, ValueError) as error:
            raise damaged(self.path, error) from error

    def restore(self, groups):
        """Gives variables the values that they had; none, where one of them does not fit.

        Args:
            groups: as in `write`.
        Raises:
            ValueError: there are other variables now, or they have other shapes.
        """
        shapes = self.read()["shapes"]
        for name, variables in groups.items():
            self._require_alike(name, shapes.get(name, []), [_described(variable) for variable in variables])
        with zipfile.ZipFile(self.path) as archive:
            for name, variables in groups.items():
                for place, variable in enumerate(variables):
                    array = np.load(io.BytesIO(archive.read(f"{name}/{place}.npy")), allow_pickle=False)
                    variable.assign(array.view(keras.ops.convert_to_numpy(variable).dtype))

    def _require_alike(self, group, then, now):
        pairs = [*zip(then, now, strict=False)]
        other = next((pair for pair in pairs if pair[0] != pair[1]), (len(then), len(now)))
        if then != now:
            raise ValueError(
                f"run: a model goes on with the variables that it had. Received: {group} {other[1]}, but {other[0]} in "
                f"{self.path!r}. Do: build and compile the model as before."
            )


def _described(variable):
    return [list(variable.shape), str(keras.backend.standardize_dtype(variable.dtype))]


def _plain(array):
    """An array of a type that the format knows: those of machine learning alone, such as bfloat16, as integers."""
    return array.view(f"uint{8 * array.dtype.itemsize}") if array.dtype.kind == "V" else array
