"""A tf.data service in processes of its own: every row once, bad cells told as ever."""

import re
import subprocess
import sys

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

from data_pipelines import Audio, Category, Image, Number, Pipeline, Text, read_table
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
    keras.utils.set_random_seed(0)
    batches = pipe.batches(rows, 8, training=True, service=address)
    orders = []
    for _ in range(2):
        seen = []
        for x, y, _ in batches:
            for place, grey in enumerate(x["picture"][:, 0, 0, 0].numpy().tolist()):
                number = round(grey * 255 / 5)
                seen.append(number)
                assert pipe.inputs["text"].vocabulary[int(x["text"][place, 0]) - 2] == f"w{number}"
                assert pipe.targets["kind"].classes[int(y["kind"][place])] == ("even" if number % 2 == 0 else "odd")
        assert sorted(seen) == list(range(COUNT))
        orders.append(seen)
    assert orders[0] != orders[1]


def test_a_model_fits_from_the_service(rows, pipe, address):
    import mmkeras as mm

    keras.utils.set_random_seed(0)
    model = mm.build(pipe.spec, dim=8)
    mm.compile(model, pipe.spec)
    history = model.fit(
        pipe.batches(rows, 8, training=True, service=address, cache=True), epochs=2, shuffle=False, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


def test_workers_draw_other_parts_in_every_pass(address, tmp_path):
    count, rate, length = 12, 8000, 4000
    for number in range(count):
        samples = (np.arange(length) / length - 0.5 + number) / count  # tells the recording and the place in it
        (tmp_path / f"{number}.wav").write_bytes(tf.audio.encode_wav(samples[:, None].astype("float32"), rate).numpy())
    frame = pandas.DataFrame({"sound": [f"{n}.wav" for n in range(count)], "kind": [f"k{n:02}" for n in range(count)]})
    table = read_table(frame, tmp_path)
    sound = Audio(seconds=0.1, sample_rate=rate, features="waveform", crop="random")
    cropped = Pipeline({"sound": sound}, {"kind": Category()}).adapt(table)
    passes = []
    for batches in [cropped.batches(table, 4, training=True, service=address)] * 2:
        starts = {}
        for x, y, _ in batches:
            for samples, kind in zip(x["sound"].numpy(), y["kind"].numpy().tolist(), strict=True):
                place = samples * count + 0.5 - kind
                assert len(samples) == 800 and place.min() >= 0 and place.max() <= 1
                starts[kind] = round(float(place[0]), 3)
        assert len(starts) == count
        passes.append(starts)
    assert len(set(passes[0].values())) > count // 2
    assert sum(passes[0][kind] == passes[1][kind] for kind in range(count)) < count // 2


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
