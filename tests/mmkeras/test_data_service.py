"""A tf.data service in processes of its own: every row once, bad cells told as ever."""

import re
import subprocess
import sys

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Category, Image, Number, Pipeline, Text, read_table
from data_pipelines.sources import source as source_module

COUNT = 40


@pytest.fixture(scope="module")
def address():
    """A dispatcher and two workers, started as a user does."""
    command = [sys.executable, "-c", "from mmkeras.cli import main; main()", "data-service", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if found := re.search(r"2 workers of (grpc://\S+);", line):
                break
        yield found.group(1)
        process.terminate()
        process.wait(20)
        assert process.returncode == 0


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    for number in range(COUNT):
        picture = np.full((8, 8, 3), 5 * number, "uint8")
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(picture).numpy())
    places = list(range(COUNT))
    frame = pandas.DataFrame(
        {"picture": [f"{n}.png" for n in places], "text": [f"w{n}" for n in places], "number": places}
    )
    frame["kind"] = ["even" if n % 2 == 0 else "odd" for n in places]
    return read_table(frame, folder)


@pytest.fixture(scope="module")
def pipe(rows):
    inputs = {"picture": Image(8), "text": Text(), "number": Number()}
    return Pipeline(inputs, {"kind": Category()}).adapt(rows)


def test_every_row_comes_exactly_once(rows, pipe, address):
    batches = pipe.batches(rows, 8, training=True, service=address)
    for _ in range(2):
        seen = []
        for x, y, _ in batches:
            for place, grey in enumerate(x["picture"][:, 0, 0, 0].numpy().tolist()):
                number = round(grey * 255 / 5)
                seen.append(number)
                assert pipe.inputs["text"].vocabulary[int(x["text"][place, 0]) - 2] == f"w{number}"
                assert pipe.targets["kind"].classes[int(y["kind"][place])] == ("even" if number % 2 == 0 else "odd")
        assert sorted(seen) == list(range(COUNT))


def test_a_model_fits_from_the_service(rows, pipe, address):
    import mmkeras as mm

    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8)
    mm.compile(model, pipe.spec)
    history = model.fit(
        pipe.batches(rows, 8, training=True, service=address, cache=True), epochs=2, shuffle=False, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


def test_bad_cells_are_told_and_counted(rows, pipe, address, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    frame = pandas.DataFrame({"picture": ["bad.png", ""], "text": "w1", "number": 1, "kind": "odd"})
    broken = read_table(frame, tmp_path)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"column 'picture', row 0: .*"):
        list(pipe.batches(broken, 2, training=True, service=address))
    (x, _, _) = next(iter(pipe.batches(broken, 2, training=True, service=address, on_bad="mask")))
    assert x["picture_mask"].numpy().tolist() == [False, False] and pipe.problems.masked == {"picture": 1}


def test_streamed_tables_are_refused(pipe, tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "HELD", 1)
    path = tmp_path / "long.csv"
    path.write_text("picture,text,number,kind\n,a,1,odd\n,b,2,even\n")
    with pytest.raises(ValueError, match=r'Received: "long.csv", which is streamed'):
        pipe.batches(read_table(path), 2, training=True, service="grpc://localhost:1")
