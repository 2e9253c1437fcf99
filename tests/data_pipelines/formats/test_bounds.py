"""What one cell may take: each bound holds where it says, is told in words, and can be raised."""

import io

import hostile_cells
import numpy as np
import pandas
import PIL.Image
import pytest
import tensorflow as tf
from media_bytes import image_bytes, picture, tone, wav_bytes

from data_pipelines import (
    Audio,
    Category,
    CellContext,
    Graph,
    Image,
    Pipeline,
    Tags,
    Text,
    TimeSeries,
    Video,
    read_table,
)
from data_pipelines.formats.audio import transcode_to_wav
from data_pipelines.formats.gif import first_frame
from data_pipelines.formats.image import read_picture
from data_pipelines.formats.image_bounds import PictureBounds, jpeg_size
from data_pipelines.formats.wav import read_wav

BYTES = CellContext(is_bytes=True)
GRAPH = '{"nodes": ["C", "O"], "edges": [[0, 1]]}'
CLIP = hostile_cells.npy((4, 8, 8, 3), bytes(768))
DEEP = hostile_cells.png(16, 12, 16)
CLEAR = image_bytes(picture(12, 16, 4))
WEBP = image_bytes(picture(12, 16), "WEBP", lossless=True)
PLAIN = image_bytes(picture(12, 16))
# Modality, bytes that just fit, their cell, what is said with one byte less.
LIGHT = [
    (Image, 3 * 192 + 12 * 16 * 64, PLAIN, "12 × 16 pixels take 12864 bytes to decode, more than max_bytes=12863"),
    (Image, 6 * 192 + 12 * 16 * 64, DEEP, "12 × 16 pixels take 13440 bytes to decode, more than max_bytes=13439"),
    (Image, 10 * 192 + 12 * 16 * 64, CLEAR, "take 14208 bytes to decode, more than max_bytes=14207"),
    (Image, 14 * 192 + 12 * 16 * 64, WEBP, "take 14976 bytes to decode, more than max_bytes=14975"),
    (Audio, 4 * 800, wav_bytes(tone(440, 0.1)), "3200 bytes of samples are more than max_bytes = 3199"),
    (Audio, 4 * 800, wav_bytes(tone(440, 0.1), bits=24), "3200 bytes of samples are more than max_bytes = 3199"),
    (Video, 3 * 8 * 64 + 12 * 4 * 64 * 8, CLIP, "takes more memory to read than max_bytes = 26111"),
    (TimeSeries, 128 * 7, b"1,2;3,4", "a series of 7 bytes of text takes more memory to read than max_bytes = 895"),
    (
        TimeSeries,
        24 * 4,
        hostile_cells.npy((2, 2), bytes(4)),
        "a series of 4 numbers takes more memory to read than max_bytes = 95",
    ),
]


def adapted(modality):
    if isinstance(modality, TimeSeries):
        modality.set_state({"means": [0.0, 0.0], "deviations": [1.0, 1.0], "interval": 1.0})
    return modality


def is_read(modality, cell):
    if not modality.media:
        return bool(modality.encode([tf.constant([cell])])[1].numpy().any())
    return modality.reason([cell], BYTES) == "it was unreadable a moment ago"


@pytest.mark.parametrize(("kind", "size", "cell", "why"), LIGHT, ids=range(len(LIGHT)))
def test_memory_is_bounded_to_the_byte(kind, size, cell, why):
    assert is_read(adapted(kind(max_bytes=size)), cell)
    strict = adapted(kind(max_bytes=size - 1))
    assert not is_read(strict, cell)
    assert why in strict.reason([cell], BYTES)
    assert kind(**{k: v for k, v in strict.get_config().items() if k != "modality"}).max_bytes == size - 1


def test_masks_are_bounded_too():
    mask = image_bytes(np.zeros((12, 16), "uint8"))
    assert is_read(Image(8, classes=2, max_bytes=1920), mask)
    strict = Image(8, classes=2, max_bytes=1919)
    assert not is_read(strict, mask)
    assert "pixels of a mask take more to decode than max_bytes = 1919" in strict.reason([mask], BYTES)


def test_a_clip_of_large_frames_is_a_bad_cell():
    assert is_read(Video(max_pixels=64), CLIP) and not is_read(Video(max_pixels=63), CLIP)
    assert "more pixels a frame than max_pixels = 63" in Video(max_pixels=63).reason([CLIP], BYTES)


@pytest.mark.parametrize(
    ("options", "each"), [({}, 3), ({"subsampling": 0}, 6), ({"subsampling": 1}, 4), ({"progressive": False}, 0)]
)
def test_a_progressive_jpeg_counts_as_what_it_is_unpacked_to(options, each):
    data = image_bytes(picture(160, 320), "JPEG", **{"progressive": True, **options})
    size = jpeg_size(data, PictureBounds(10**6, 1), (20, 20))
    assert float(size.bytes) == 3 * 40 * 80 + 12 * 20 * 80 + each * 160 * 320


def test_a_photo_of_50_megapixels_is_read():
    data = image_bytes(PIL.Image.new("RGB", (8660, 5774), (200, 100, 50)), "JPEG", progressive=True)
    assert is_read(Image(64), data)


@pytest.mark.parametrize(
    "data",
    [hostile_cells.jpeg(1000, 3300), hostile_cells.png(8, 8, before=hostile_cells.texts(70))],
    ids=["scans", "texts"],
)
def test_a_picture_of_too_many_parts_is_a_bad_cell(data):
    assert "it has more parts than a picture needs: more than 32 scans of a JPEG" in Image().reason([data], BYTES)
    assert not is_read(Image(), data)


def test_a_few_packed_texts_are_none_too_many():
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype="uint8")
    data = image_bytes(noise)
    assert len(data) > 2**18
    assert is_read(Image(), data[:33] + hostile_cells.texts(2) + data[33:])


@pytest.mark.parametrize("side", [7, 60, 300])
@pytest.mark.parametrize("options", [{}, {"comment": b"c" * 700}, {"interlace": 0}, {"optimize": True}])
def test_a_gif_is_cut_behind_its_first_frame(side, options):
    noise = np.random.default_rng(0).integers(0, 256, (3, side, side), dtype="uint8")
    frames = [PIL.Image.fromarray(frame) for frame in noise]
    data = image_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:], **options)
    cut, sides = first_frame(tf.constant(data))
    assert sides.numpy().tolist() == [side, side]
    assert len(cut.numpy()) < len(data)
    np.testing.assert_array_equal(tf.io.decode_image(cut), tf.io.decode_image(data)[:1])
    np.testing.assert_array_equal(read_picture(data, 10**6, 1.0), tf.io.decode_image(data)[0])


@pytest.mark.parametrize("data", [b"", b"GIF8", b"GIF89a" + bytes(7), b"GIF89a" + b"\xff" * 300])
def test_bytes_that_are_no_gif_have_no_frame(data):
    assert first_frame(tf.constant(data))[1].numpy().tolist() == [0, 0]


def test_a_frame_larger_than_its_canvas_counts():
    data = hostile_cells.gif((10, 10), (40, 30), hostile_cells.black(1200))
    assert is_read(Image(max_pixels=1200), data)
    assert Image(max_pixels=1199).reason([data], BYTES) == (
        "10 × 10 pixels, with a frame of 30 × 40, are more than max_pixels=1199"
    )


def test_chunks_before_the_samples_are_counted():
    assert is_read(Audio(), hostile_cells.wav(before=hostile_cells.EMPTY_CHUNKS * 998))
    data = hostile_cells.wav(before=hostile_cells.EMPTY_CHUNKS * 1000)
    assert Audio().reason([data], BYTES) == "the WAV file has more than 1000 chunks before its samples"


def test_only_the_seconds_wanted_are_decoded():
    samples = tone(440, 3.0)
    for data in (wav_bytes(samples), wav_bytes(samples, bits=24)):
        whole, rate = read_wav(data)
        part = read_wav(data, 0.5)[0]
        assert len(whole) == 24000 and len(part) == 4000 and rate == 8000
        np.testing.assert_array_equal(part, whole[:4000])


def test_long_sounds_in_other_containers_are_cut(monkeypatch):
    monkeypatch.setattr("data_pipelines.formats.audio.LONGEST_SOUND", 1000)
    sound = io.BytesIO()
    import soundfile

    soundfile.write(sound, np.stack([tone(440, 1.0)] * 2, 1), 8000, format="FLAC")
    assert len(read_wav(transcode_to_wav(sound.getvalue()))[0]) == 500


@pytest.mark.parametrize("modality", [Video(), TimeSeries()])
def test_a_header_of_an_array_is_bounded(modality):
    adapted(modality)
    shape, body = ((4, 8, 8, 3), bytes(768)) if isinstance(modality, Video) else ((2, 2), bytes(4))
    assert is_read(modality, hostile_cells.npy(shape, body, spaces=9000))
    data = hostile_cells.npy(shape, body, spaces=10_000)
    assert "the header of an array may have 10000 bytes, not 100" in modality.reason([data], BYTES)


def test_a_text_is_cut_before_it_is_split():
    text = Text("character", max_tokens=9, max_characters=4)
    text.adapt([(np.array(["abcdefgh猫犬"], object),)])
    assert text.seen["longest"] == 10, "adapt tells how long texts are"
    cut = lambda *texts: [[t.decode() for t in row] for row in text.tokenize(tf.constant(texts)).to_list()]  # noqa: E731
    assert cut("abcdef", "猫犬猫犬猫", "ab", "") == [[*"abcd"], [*"猫犬猫犬"], ["a", "b"], []]
    assert cut(b"\x80" * 20 + b"a") == [[]] and cut("猫犬猫".encode()[:-1]) == [["猫", "犬"]]
    assert Text(max_tokens=200).tokenize(tf.constant(["a " * 30_000])).row_lengths().numpy() == 200
    assert Text("character", max_tokens=30_000).tokenize(tf.constant(["a" * 50_000])).shape[0] == 1


def test_a_graph_of_too_many_characters_is_a_bad_cell():
    graph = Graph(max_characters=len(GRAPH) - 1)
    graph.adapt([([GRAPH],)])
    assert not is_read(graph, GRAPH)
    assert graph.reason([GRAPH.encode()], BYTES) == "40 characters are more than max_characters=39"
    graph.max_characters = len(GRAPH)
    assert is_read(graph, GRAPH)


def test_tags_are_cut_as_an_input_and_refused_where_they_are_too_long():
    tags = Tags(min_count=1, max_labels=2, max_characters=7)
    tags.adapt([(np.array(["a|b|c", "猫"], object),)])
    value, mask, bad = tags.encode_row(
        [tf.constant(["c|a|b|a", "a|a|a|a", "猫|猫|猫|猫", "a|b|c|a|", "b"])], CellContext()
    )
    assert value.numpy().tolist() == [[3, 1], [1, 0], [4, 0], [0, 0], [2, 0]]
    assert mask.numpy().sum(1).tolist() == [2, 1, 1, 0, 1]
    assert bad.numpy().tolist() == [False, False, False, True, False]
    assert tags.reason([b"a|b|c|a|"], CellContext()) == "8 characters are more than max_characters=7"
    hot, weight, bad = tags.encode_target([tf.constant(["c|a|b|a", "a|b|c|a|"])], CellContext())
    assert hot.numpy().tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]
    assert weight.numpy().tolist() == [1, 0] and bad.numpy().tolist() == [False, True]


def test_a_cell_beyond_its_bound_is_an_error_in_training_and_counted_under_mask():
    frame = pandas.DataFrame({"marks": ["a|b", "a", "a|" * 20], "kind": ["x", "y", "x"]})
    pipe = Pipeline({"marks": Tags(min_count=1, max_characters=30)}, {"kind": Category()}).adapt(read_table(frame))
    message = r'Tags "marks": .*column \'marks\', row 2: 40 .* max_characters=30. Do: raise max_characters, mend'
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(pipe.batches(read_table(frame), 3))
    ((x, _, _),) = pipe.batches(read_table(frame), 3, on_bad="mask").as_numpy_iterator()
    assert x["marks_mask"].tolist() == [[True, True], [True, False], [False, False]]
    assert pipe.problems.masked == {"marks": 1}


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (
            lambda: Image(max_bytes=0),
            "Image: max_pixels and max_bytes must be > 0. Received: max_pixels=100000000, max",
        ),
        (lambda: Video(max_pixels=0), "Video: max_pixels and max_bytes must be > 0. Received: max_pixels=0"),
        (lambda: Audio(max_bytes=0), "Audio: max_bytes must be > 0. Received: max_bytes=0"),
        (lambda: TimeSeries(max_bytes=0), "must be > 0. Received: max_steps=512, max_bytes=0"),
        (lambda: Text(max_characters=0), "Text: max_characters must be > 0. Received: max_characters=0"),
        (lambda: Graph(max_characters=0), "Graph: max_characters must be > 0. Received: max_characters=0"),
        (lambda: Tags(max_labels=0), "Received: max_labels=0, max_characters=100000"),
        (lambda: Tags(max_characters=0), "Received: max_labels=200, max_characters=0"),
    ],
)
def test_wrong_bounds(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()
