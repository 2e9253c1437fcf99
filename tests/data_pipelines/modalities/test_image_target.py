"""Pictures as answers: masks whose pixels are classes, and PNG written of what a model gives."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from media_bytes import image_bytes, picture, png_bytes

from data_pipelines import CellContext, Image
from data_pipelines.field_spec import FieldSpec, LabelSpec

RANDOM = np.random.default_rng(0)
BYTES = CellContext(is_bytes=True)


def numbers(count, height=7, width=9):
    """Random classes, each of them somewhere."""
    drawn = RANDOM.integers(0, count, height * width)
    drawn[:2] = 0, count - 1
    return drawn.reshape(height, width).astype("uint8")


def palette(array, bits, **options):
    image = PIL.Image.fromarray(array, "P")
    image.putpalette(RANDOM.integers(0, 256, 3 * 2**bits).astype("uint8").tobytes())
    return image_bytes(image, bits=bits, **options)


def decoded(data, size, **options):
    image = Image(size, **{"classes": 256, **options})
    return tf.function(image.decode, input_signature=[tf.TensorSpec([], tf.string)])(tf.constant(data)).numpy()


def why(data, **options):
    return Image((7, 9), **{"classes": 4, **options}).why_broken(data)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("clear", [{}, {"transparency": 0}], ids=["opaque", "clear"])
def test_a_palette_gives_places_not_colours(bits, clear):
    mask = numbers(2**bits)
    data = palette(mask, bits, **clear)
    assert data[24] == bits and data[25] == 3 and (b"tRNS" in data) == bool(clear)
    np.testing.assert_array_equal(decoded(data, (7, 9)), mask)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_mask_gives_its_values(bits):
    mask = numbers(2 ** min(bits, 8))
    if bits == 16:
        rows = [line.astype(">u2").tobytes() for line in mask]
    else:
        spread = np.unpackbits(mask[..., None], axis=2)[..., 8 - bits :]
        rows = [np.packbits(line.ravel()).tobytes() for line in spread]
    given = decoded(png_bytes(9, 7, bits, 0, rows), (7, 9))
    np.testing.assert_array_equal(given, mask)
    assert given.dtype == np.int32


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_resizing_makes_no_new_classes(fit):
    mask = np.zeros((12, 12), "uint8")
    mask[:, 6:] = 200
    given = decoded(image_bytes(mask), (4, 6), fit=fit)
    assert set(np.unique(given)) == {0, 200}
    if fit == "stretch":
        np.testing.assert_array_equal(given, np.repeat([[0, 0, 0, 200, 200, 200]], 4, 0))


def test_larger_by_whole_steps_repeats_pixels():
    mask = numbers(5)
    np.testing.assert_array_equal(decoded(image_bytes(mask), (14, 27)), mask.repeat(2, 0).repeat(3, 1))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (image_bytes(numbers(5)), r"4 is no class; numbers of pixels must be below classes = 4"),
        (image_bytes(picture()), "a mask must be a PNG whose pixels are numbers, grey or with a palette"),
        (image_bytes(numbers(3), "JPEG"), "a mask must be a PNG"),
        (b"", "a mask must be a PNG"),
        (image_bytes(numbers(3))[:50], "Invalid PNG data"),
    ],
    ids=["class", "colours", "jpeg", "nothing", "cut"],
)
def test_what_is_no_mask_says_so(data, said):
    assert said in why(data)


def test_too_many_pixels_are_refused_before_they_are_decoded():
    assert "7 9 pixels are more than max_pixels = 60" in why(image_bytes(numbers(3)), max_pixels=60)


def test_a_batch_of_masks_loses_only_the_broken_ones():
    cells = [palette(numbers(4), 2), b"", image_bytes(numbers(9))]
    value, mask, bad = Image((7, 9), classes=4).encode([tf.constant(cells)])
    assert value.shape == (3, 7, 9) and value.dtype == tf.int32
    np.testing.assert_array_equal(mask, [True, False, False])
    np.testing.assert_array_equal(bad, [False, False, True])
    assert value[0].numpy().max() == 3 and not value[1:].numpy().any()


def test_shards_keep_masks_as_they_are():
    data = palette(np.kron(numbers(4), np.ones((20, 20), "uint8")), 2)
    assert Image((7, 9), classes=4).prepare(data) == (data, False)


def test_masks_are_answers_only():
    assert not Image(classes=4).as_input and Image().as_input and Image().as_target
    assert Image((4, 6), classes=4).spec() == FieldSpec("Image", (4, 6), "int32", details={"num_classes": 4})
    assert Image((4, 6), classes=4).get_config()["classes"] == 4


@pytest.mark.parametrize(("options", "shape", "dtype"), [({}, [4, 6, 3], "float32"), ({"classes": 4}, [4, 6], "int32")])
def test_labels_are_shown_in_training(options, shape, dtype):
    image = Image((4, 6), **options)
    assert image.label_as_input and image.target_spec().label == LabelSpec(shape, dtype, as_input=True)
    data = image_bytes(numbers(4)) if options else image_bytes(picture(4, 6))
    label, weight, bad = image.encode_target([tf.constant([data, b"", b"broken"])], BYTES)
    assert label.shape == (3, *shape) and label.dtype == dtype
    np.testing.assert_array_equal(weight, [1, 0, 0])
    np.testing.assert_array_equal(image.label_mask(label, weight), [True, False, False])
    np.testing.assert_array_equal(bad, [False, False, True])
    assert not label[1:].numpy().any()


@pytest.mark.parametrize("classes", [1, 257])
def test_classes_out_of_range(classes):
    with pytest.raises(ValueError, match=f"classes must be in 2 … 256. Received: classes={classes}"):
        Image(classes=classes)


def opened(data):
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def test_pictures_are_written_as_png_and_read_again():
    pictures = np.stack([picture(6, 5) / 255, np.full((6, 5, 3), 2.0), np.full((6, 5, 3), -1.0)]).astype("float32")
    image = Image((6, 5))
    write = tf.function(lambda given: image.write("photo", given)["photo"])
    files = write(tf.constant(pictures)).numpy()
    np.testing.assert_array_equal(opened(files[0]), picture(6, 5))
    assert opened(files[1]).min() == 255 and opened(files[2]).max() == 0
    value, mask, bad = image.encode([tf.constant(files)])
    np.testing.assert_allclose(value, np.clip(pictures, 0, 1), atol=1e-6)
    assert mask.numpy().all() and not bad.numpy().any()


def test_masks_are_written_as_grey_png_of_the_likeliest_class():
    mask = numbers(4)
    image = Image((7, 9), classes=4)
    (file,) = image.write("mask", tf.one_hot(mask[None], 4) * 0.5 + 0.1)["mask"].numpy()
    np.testing.assert_array_equal(opened(file), mask)
    np.testing.assert_array_equal(image.encode([tf.constant([file])])[0][0], mask)


@pytest.mark.parametrize(("image", "shape"), [(Image(4), (4, 4, 3)), (Image(4, classes=3), (4, 4, 3))])
def test_a_batch_without_rows_is_written_too(image, shape):
    write = tf.function(lambda given: image.write("photo", given), input_signature=[tf.TensorSpec([None, *shape])])
    assert write(tf.zeros([0, *shape]))["photo"].shape == (0,)
