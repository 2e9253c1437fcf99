"""Pictures: formats, fits, transparency, bounds, augmentation."""

import io
import resource
import struct

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import tensorflow as tf
from media_bytes import image_bytes, picture, png_bytes

from data_pipelines import CellContext, Image, Pipeline, read_table
from data_pipelines.field_spec import FieldSpec
from data_pipelines.formats.image import read_picture

PICTURE = picture(16, 12)
GREY = PICTURE[..., 0]
BYTES = CellContext(is_bytes=True)


class Decoder:
    """An `Image` and its graph, traced once: a file's bytes → array."""

    def __init__(self, **options):
        self.image = Image(**{"size": (16, 12), **options})
        self._decode = tf.function(self.image.decode, input_signature=[tf.TensorSpec([], tf.string)])

    def __call__(self, data):
        return self._decode(tf.constant(data)).numpy()


@pytest.fixture(scope="module")
def decode():
    return Decoder()


def grey(array):
    return np.repeat(array[..., None], 3, -1)


def over(colour, alpha, background=1.0):
    alpha = alpha[..., None] / 255
    return colour / 255 * alpha + background * (1 - alpha)


@pytest.mark.parametrize(
    ("form", "mode", "options", "error"),
    [
        ("PNG", "RGB", {}, 0),
        ("BMP", "RGB", {}, 0),
        ("WEBP", "RGB", {"lossless": True}, 0),
        ("WEBP", "RGB", {"quality": 95}, 0.06),
        ("JPEG", "RGB", {"quality": 97}, 0.04),
        ("JPEG", "RGB", {"quality": 97, "progressive": True}, 0.04),
        ("JPEG", "CMYK", {"quality": 97}, 0.06),
        ("GIF", "RGB", {}, 0.05),
        ("BMP", "P", {}, 0.05),
        ("PNG", "P", {}, 0.05),
    ],
)
def test_colour(decode, form, mode, options, error):
    image = PIL.Image.fromarray(PICTURE)
    data = image_bytes(image.quantize(256) if mode == "P" else image.convert(mode), form, **options)
    value = decode(data)
    assert value.shape == (16, 12, 3) and value.dtype == np.float32
    np.testing.assert_allclose(value, PICTURE / 255, atol=error + 1e-6)


@pytest.mark.parametrize(("form", "error"), [("PNG", 0), ("BMP", 0), ("GIF", 0), ("JPEG", 0.04)])
def test_grey(decode, form, error):
    np.testing.assert_allclose(decode(image_bytes(GREY, form)), grey(GREY) / 255, atol=error + 1e-6)


def test_black_and_white(decode):
    bits = GREY > 128
    data = image_bytes(PIL.Image.fromarray(GREY).point(lambda level: 255 * (level > 128), "1"), "PNG")
    np.testing.assert_array_equal(decode(data), grey(bits).astype("float32"))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits(decode, channels):
    deep = picture(16, 12, channels).astype(">u2") * 257
    data = png_bytes(12, 16, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], [row.tobytes() for row in deep])
    colour = deep[..., :3] if channels > 2 else grey(deep[..., 0])
    expected = over(colour // 257, deep[..., -1] // 257) if channels in (2, 4) else colour / 65535
    np.testing.assert_allclose(decode(data), expected, atol=0.005)


def test_transparent_parts_show_the_background(decode):
    dark = Decoder(background=0.25)
    clear = picture(16, 12, 4)
    for form in ("PNG", "WEBP"):
        data = image_bytes(clear, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}))
        np.testing.assert_allclose(decode(data), over(clear[..., :3], clear[..., 3]), atol=0.005)
        np.testing.assert_allclose(dark(data), over(clear[..., :3], clear[..., 3], 0.25), atol=0.005)
    pair = picture(16, 12, 2)
    expected = over(grey(pair[..., 0]), pair[..., 1], 0.25)
    np.testing.assert_allclose(dark(image_bytes(PIL.Image.fromarray(pair, "LA"))), expected, atol=0.005)


def test_a_transparent_palette_entry_shows_the_background():
    few = PIL.Image.fromarray(PICTURE).quantize(4)
    value = Decoder(background=0.25)(image_bytes(few, "PNG", transparency=2))
    clear = np.array(few) == 2
    assert clear.any() and not clear.all()
    np.testing.assert_allclose(value[clear], 0.25, atol=0.5 / 255)
    np.testing.assert_allclose(value[~clear], np.array(few.convert("RGB"))[~clear] / 255, atol=1e-6)


def test_the_unused_byte_of_a_bmp_is_no_transparency(decode):
    data = image_bytes(np.dstack([PICTURE, np.zeros((16, 12), "uint8")]), "BMP")
    np.testing.assert_allclose(decode(data), PICTURE / 255, atol=1e-6)


def test_a_bmp_from_the_top_down(decode):
    data = bytearray(image_bytes(PICTURE[::-1].copy(), "BMP"))
    data[22:26] = struct.pack("<i", -16)
    np.testing.assert_allclose(decode(bytes(data)), PICTURE / 255, atol=1e-6)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_its_first_frame(decode, form):
    frames = [PIL.Image.fromarray(grey(frame)) for frame in (GREY, 255 - GREY, GREY // 2)]
    options = {"lossless": True} if form == "WEBP" else {}
    data = image_bytes(frames[0], form, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_allclose(decode(data), grey(GREY) / 255, atol=1e-6)


def test_a_picture_of_the_wanted_size_is_not_touched(decode):
    np.testing.assert_allclose(decode(image_bytes(PICTURE)), PICTURE / 255, atol=1e-7)


def fitted(array, **options):
    return Image(**options).decode(tf.constant(image_bytes(array.astype("uint8")))).numpy()


def photo(height, width):
    """A smooth picture with some grain, as JPEG bytes."""
    down, right = np.mgrid[:height, :width] / max(height, width)
    grain = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    waves = 128 + 100 * np.stack([np.sin(9 * down), np.cos(7 * right), np.sin(5 * (down + right))], -1)
    return image_bytes(np.clip(waves + grain, 0, 255).astype("uint8"), "JPEG", quality=90)


@pytest.mark.parametrize(
    ("sides", "reduction"), [((63, 80), 1), ((64, 80), 2), ((127, 400), 2), ((128, 160), 4), ((900, 300), 8)]
)
def test_a_large_jpeg_shrinks_while_it_is_decoded(sides, reduction):
    data = tf.constant(photo(*sides))
    whole, reduced = read_picture(data, 10**6, 1.0), read_picture(data, 10**6, 1.0, (16, 12))
    assert whole.shape == (*sides, 3)
    assert reduced.shape == (*(-(-side // reduction) for side in sides), 3)
    wanted, got = (tf.image.resize(pixels, (16, 12), antialias=True) for pixels in (whole, reduced))
    assert np.abs(wanted - got).mean() < 1.5


def test_a_large_jpeg_is_turned_upright_when_it_shrank(decode):
    data = photo(300, 200)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    turned = io.BytesIO()
    PIL.Image.open(io.BytesIO(data)).transpose(PIL.Image.Transpose.ROTATE_90).save(turned, "JPEG", exif=exif)
    assert np.abs(decode(turned.getvalue()) - decode(data)).mean() < 0.01


def test_stretch_averages_over_what_falls_into_a_pixel():
    halves = fitted(np.repeat([[0] * 40 + [100] * 40], 30, 0), size=(1, 2))
    np.testing.assert_allclose(halves[0, :, 0], [0, 100 / 255], atol=0.06)
    np.testing.assert_allclose(fitted(np.indices((64, 64)).sum(0) % 2 * 255, size=8), 0.5, atol=0.02)


def test_pad_keeps_the_aspect_between_black_borders():
    value = fitted(np.full((10, 40), 255), size=20, fit="pad")[..., 0]
    np.testing.assert_allclose(value, np.pad(np.ones((5, 20)), ((7, 8), (0, 0))), atol=1e-6)


def test_crop_keeps_the_aspect_and_the_centre():
    wide = np.zeros((10, 40))
    wide[:, 15:25] = 200
    np.testing.assert_allclose(fitted(wide, size=5, fit="crop"), 200 / 255, atol=1e-6)
    np.testing.assert_allclose(fitted(wide.T, size=(4, 8), fit="crop"), 200 / 255, atol=1e-6)


def bomb(form):
    """A file whose header promises 30,000 × 30,000 pixels; the PNG keeps the promise, out of 110 kB."""
    side = 30_000
    small = bytearray(image_bytes(GREY if form in ("GIF", "JPEG") else PICTURE, "PNG" if form == "PNG" else form))
    if form == "PNG":
        return png_bytes(side, side, 1, 0, (bytes(side // 8) for _ in range(side)))
    if form == "JPEG":
        place = small.index(b"\xff\xc0") + 5
        small[place : place + 4] = struct.pack(">HH", side, side)
    elif form == "GIF":
        small[6:10] = struct.pack("<HH", side, side)
    elif form == "BMP":
        small[18:26] = struct.pack("<ii", side, side)
    else:
        body = b"VP8X" + struct.pack("<II", 10, 0) + 2 * struct.pack("<I", side - 1)[:3] + bytes(small[12:])
        small = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    return bytes(small)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_too_many_pixels_are_refused_before_they_are_decoded(decode, form):
    data = bomb(form)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert decode.image.reason([data], BYTES) == "30000 × 30000 pixels are more than max_pixels=100000000"


def test_the_bound_is_the_number_of_pixels():
    just, under = Decoder(max_pixels=192), Image(16, max_pixels=191)
    for form in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        data = image_bytes(GREY if form in ("GIF", "JPEG") else PICTURE, form)
        assert just(data).shape == (16, 12, 3)
        assert under.reason([data], BYTES) == "16 × 12 pixels are more than max_pixels=191"


PNG = image_bytes(PICTURE)
JPEG = image_bytes(PICTURE, "JPEG")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x", "this is no JPEG, PNG, GIF, BMP or WebP picture"),
        (b"just a text, longer than any header could be", "this is no JPEG, PNG, GIF, BMP or WebP picture"),
        (b"\x89P", None),
        (PNG[:20], None),
        (PNG[: len(PNG) // 2], "Invalid PNG data, size"),
        (JPEG[:3], None),
        (JPEG[: len(JPEG) // 2], "Invalid JPEG data"),
        (b"GIF89a" + b"\0" * 40, None),
        (b"BM" + b"\1" * 40, None),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 40, "this is no JPEG, PNG, GIF, BMP or WebP picture"),
        (image_bytes(PICTURE, "WEBP")[:60], None),
        (image_bytes(PICTURE, "GIF")[:60], None),
        (image_bytes(PICTURE, "BMP")[:60], None),
        (image_bytes(PICTURE, "TIFF"), "this is no JPEG, PNG, GIF, BMP or WebP picture"),
    ],
)
def test_broken_files_say_what_is_wrong(decode, data, reason):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(data)
    said = decode.image.reason([data], BYTES)
    assert said.startswith(reason or "") and "node" not in said and "[" not in said and len(said) > 10


def training_batch(rows, augment, training=True):
    pipe = Pipeline({"photo": Image((16, 12), augment=augment)}).adapt(rows)
    return next(iter(pipe.batches(rows, 64, training=training)))[0]


@pytest.fixture(scope="module")
def rows():
    return read_table(pd.DataFrame({"photo": [image_bytes(PICTURE)] * 31 + [b""]}))


AUGMENT = {"flip": True, "shift": 0.1, "zoom": 0.1, "rotate": 0.05, "brightness": 0.2, "contrast": 0.2}


def test_augmentation_happens_in_training_only(rows):
    plain = training_batch(rows, AUGMENT, training=False)
    np.testing.assert_allclose(plain["photo"][:31], np.repeat(PICTURE[None] / 255, 31, 0), atol=1e-6)
    x = training_batch(rows, AUGMENT)
    value, mask = x["photo"].numpy(), x["photo_mask"].numpy()
    assert value.shape == (32, 16, 12, 3) and mask.sum() == 31
    assert value.min() >= 0 and value.max() <= 1 and not value[~mask].any()
    assert all(np.abs(row - PICTURE / 255).max() > 0.01 for row in value[mask])
    assert len(np.unique(value[mask].sum((1, 2, 3)))) == 31


def test_augmentation_follows_the_seed_and_differs_from_pass_to_pass(rows):
    pipe = Pipeline({"photo": Image((16, 12), augment=AUGMENT)}).adapt(rows)

    def two_passes(seed):
        data = pipe.batches(rows, 8, training=True, seed=seed)
        tf.random.uniform([3])  # what is drawn elsewhere is of no account
        return [np.concatenate([x["photo"] for x, _, _ in data.as_numpy_iterator()]) for _ in range(2)]

    (first, second), again, other = two_passes(3), two_passes(3), two_passes(4)
    np.testing.assert_array_equal(np.stack([first, second]), np.stack(again))
    for different in (second, other[0], np.roll(first, 8, 0)):
        shown = first.any((1, 2, 3)) & different.any((1, 2, 3))
        assert shown.sum() > 25 and (np.abs(first - different)[shown].max((1, 2, 3)) > 0.01).all()


def test_a_flip_is_the_picture_or_its_mirror(rows):
    x = training_batch(rows, {"flip": True})
    real = x["photo"].numpy()[x["photo_mask"].numpy()]
    straight = np.isclose(real, PICTURE / 255, atol=1e-5).all((1, 2, 3))
    mirrored = np.isclose(real, PICTURE[:, ::-1] / 255, atol=1e-5).all((1, 2, 3))
    assert (straight ^ mirrored).all() and 5 < straight.sum() < 26


def test_augmentations_of_no_size_change_nothing(rows):
    assert (
        Image(8, augment={"flip": False, "shift": 0})
        .augment(tf.ones([1, 8, 8, 3]), tf.constant([True]), tf.constant([0, 0]))
        .numpy()
        .all()
    )


def test_spec_and_config():
    image = Image((4, 6), fit="pad", background=0.5, augment={"flip": True}, max_pixels=99, column="c")
    assert image.spec() == FieldSpec("Image", (4, 6, 3)) and image.columns("photo") == ("c",)
    config = image.get_config()
    assert Image(**{key: value for key, value in config.items() if key != "modality"}).get_config() == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, r"size must be one or two sides > 0. Received: size=\(0, 0\)"),
        ({"size": (8, 8, 3)}, r"size must be one or two sides > 0. Received: size=\(8, 8, 3\)"),
        ({"fit": "squash"}, "fit must be one of .* Received: fit='squash'"),
        ({"augment": {"blur": 1}}, r"augment knows flip, .* Received: \['blur'\]"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Image(**options)
