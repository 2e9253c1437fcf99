"""JPEGs that say how the camera was held."""

import io
import struct

import numpy as np
import pandas as pd
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf
from media_bytes import image_bytes, picture

from data_pipelines import Category, Image, Pipeline, read_table
from data_pipelines.formats.image import read_picture

PICTURE = picture(16, 12)
ORIENTED = 0x0112, 3, 1, 6


@pytest.fixture(scope="module")
def decode():
    read = tf.function(lambda data: read_picture(data, 10**6, 1.0), input_signature=[tf.TensorSpec([], tf.string)])
    return lambda data: read(tf.constant(data)).numpy()


def exif(order, *entries, place=8, count=None, end=b"\0\0\0\0"):
    """An Exif block of `(tag, type, count, value)` entries; shorts stand at the start of a value's four bytes."""
    way = "<" if order == b"II" else ">"
    body = [struct.pack(way + "HHI", *entry[:3]) + struct.pack(way + "HH", entry[3], 0) for entry in entries]
    head = order + struct.pack(way + "HI", 42, place) + b"\0" * (place - 8)
    return b"Exif\0\0" + head + struct.pack(way + "H", len(entries) if count is None else count) + b"".join(body) + end


def segment(code, body):
    return b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments):
    data = image_bytes(PICTURE, "JPEG", quality=95, subsampling=0)
    return data[:2] + b"".join(segments) + data[2:]


def upright(data):
    return np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))).convert("RGB")).astype(int)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_as_pillow_turns(decode, orientation):
    little = PIL.Image.Exif()
    little[0x010F], little[0x0112], little[0x0131] = "a maker of cameras", orientation, "some software"
    big = exif(b"MM", (0x0100, 3, 1, 12), (0x0112, 3, 1, orientation), place=12)
    for data in (image_bytes(PICTURE, "JPEG", quality=95, subsampling=0, exif=little), jpeg(segment(0xE1, big))):
        expected = upright(data)
        assert expected.shape == ((12, 16, 3) if orientation > 4 else (16, 12, 3))
        np.testing.assert_allclose(decode(data), expected, atol=8)


def test_other_segments_may_come_before(decode):
    others = [
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"x" * 5000),
        segment(0xFE, b"said"),
        segment(0xE2, b""),
    ]
    data = jpeg(*others, segment(0xE1, exif(b"II", ORIENTED)))
    np.testing.assert_allclose(decode(data), upright(data), atol=8)
    assert decode(data).shape == (12, 16, 3)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        exif(b"II", ORIENTED)[:20],
        exif(b"II", ORIENTED)[:24],
        exif(b"XX", ORIENTED),
        exif(b"II", ORIENTED).replace(b"II*", b"II+"),
        exif(b"MM", (0x0112, 3, 1, 9)),
        exif(b"MM", (0x0112, 3, 1, 0)),
        exif(b"II", (0x0112, 2, 1, 6)),
        exif(b"II", count=65535),
        exif(b"II"),
        exif(b"II", ORIENTED)[:10] + b"\xff" * 4 + exif(b"II", ORIENTED)[14:],
    ],
    ids=["empty", "cut", "cut entry", "order", "magic", "nine", "nought", "type", "count", "none", "place"],
)
def test_a_damaged_block_leaves_the_picture_as_it_is(decode, block):
    np.testing.assert_array_equal(decode(jpeg(segment(0xE1, block))), decode(jpeg()))


@pytest.mark.parametrize("after", [b"\xff\xe1\0\0", b"\xff\xe1\0\1"])
def test_a_segment_without_a_size_ends_the_search(decode, after):
    whole = jpeg(*[segment(0xE0, b"")] * 3)
    np.testing.assert_array_equal(decode(whole), decode(jpeg()))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(whole[:14] + after)


def test_a_cut_picture_is_broken_whatever_its_exif_says(decode):
    data = jpeg(segment(0xE1, exif(b"II", ORIENTED)))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(data[:60])


class Turned(tf.Module):
    """A pipeline's graph as an exported model holds it."""

    def __init__(self, pipe):
        super().__init__()
        self.serve = tf.function(pipe.preprocess, input_signature=[pipe.signature()])


def test_tables_and_exported_models_turn_alike(tmp_path):
    data = jpeg(segment(0xE1, exif(b"II", ORIENTED)))
    rows = read_table(pd.DataFrame({"photo": [data] * 2, "kind": ["cat", "dog"]}))
    pipe = Pipeline({"photo": Image((12, 16))}, {"kind": Category()}).adapt(rows)
    tf.saved_model.save(Turned(pipe), str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).serve({"photo": tf.constant([data])})
    x, _, _ = next(iter(pipe.batches(rows, 1)))
    for batch in (x, served):
        np.testing.assert_allclose(batch["photo"], upright(data)[None] / 255, atol=8 / 255)
