"""Fingerprints meet what is nearly the same, and nothing else."""

import numpy as np
import pandas
import PIL.Image
import pytest
import soundfile
from media_bytes import image_bytes, sound_bytes

from data_pipelines import read_table
from data_pipelines.audit import audit
from data_pipelines.audit.fingerprints import near_pairs, picture_print, sound_print
from data_pipelines.datasets import folder


def noise(seed, size=(6, 8)):
    """A picture of large soft spots, 96 × 128."""
    spots = PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), "uint8"))
    return spots.resize((128, 96), PIL.Image.Resampling.BICUBIC)


def prompt(place):
    with open(f"{folder('prompts')}/recordings/it/{place}.ogg", "rb") as file:
        return soundfile.read(file)


def test_pictures_that_are_nearly_the_same_are_found_across_splits():
    pictures = [image_bytes(noise(seed)) for seed in range(20)]
    again = [image_bytes(noise(3).resize((64, 48)), "JPEG", quality=60), image_bytes(noise(7), "WEBP", quality=60)]
    flat = [image_bytes(PIL.Image.new("RGB", (32, 32), (20 * k, 90, 90))) for k in range(6)]
    frame = pandas.DataFrame({"photo": [*pictures, *again, *flat], "split": ["train"] * 20 + ["test"] * 8})
    report = audit(read_table(frame))
    found = report["duplicates"]["media"]["photo"]
    assert {tuple(pair["rows"]) for pair in found["pairs"]} == {(3, 20), (7, 21)} and found["across"] == 2
    assert "photo: 2 pairs of the same or nearly the same lie in two splits" in report["warnings"]


def test_a_picture_of_one_colour_has_no_fingerprint():
    assert picture_print(np.full((8, 9, 3), 200.0)) is None
    assert picture_print(np.full((8, 9, 3), 200.0) + np.random.default_rng(0).normal(size=(8, 9, 3))) is None


def test_bits_of_a_picture_by_hand():
    small = np.zeros((8, 9, 3))
    small[:, ::2] = 100.0
    code, sketch = picture_print(small)
    assert np.unpackbits(np.array([code]).view("uint8")).tolist() == [1, 0] * 32
    assert sketch.reshape(8, 9, 3)[0, :2].tolist() == [[100] * 3, [0] * 3]


def test_sounds_are_the_same_at_another_rate_level_and_format():
    sounds = [prompt(name) for name in ("activated", "conf-getpin", "vm-password", "dir-firstlast")]
    prints = [sound_print(samples, rate) for samples, rate in sounds]
    samples, rate = sounds[1]
    louder = np.repeat(samples, 2)[1:] / 2 + np.repeat(samples, 2)[:-1] / 2
    prints.append(sound_print(0.3 * louder, 2 * rate))
    codes, sketches = zip(*prints, strict=True)
    assert [pair[:2] for pair in near_pairs(np.array(codes), np.stack(sketches), 0.15)] == [(1, 4)]


@pytest.mark.parametrize("samples", [np.zeros(8000), np.full(8000, 1e-5), np.ones(20), np.zeros(0)])
def test_silence_and_scraps_have_no_fingerprint(samples):
    assert sound_print(samples, 8000) is None


def test_recordings_in_a_table():
    sounds = [prompt(name) for name in ("activated", "conf-getpin", "vm-password")]
    cells = [sound_bytes(samples, rate) for samples, rate in sounds]
    cells += [sound_bytes(0.5 * sounds[0][0], sounds[0][1], form="OGG", subtype="VORBIS"), cells[2]]
    found = audit(read_table(pandas.DataFrame({"voice": cells, "x": range(5)})))["duplicates"]["media"]["voice"]
    assert [pair["rows"] for pair in found["pairs"]] == [[0, 3]] and found["across"] == 0


def test_near_pairs_are_those_that_comparing_all_with_all_finds():
    chance = np.random.default_rng(0)
    codes = chance.integers(0, 2**63, 3000).astype("uint64")
    flips = np.array([sum(1 << int(bit) for bit in chance.permutation(64)[: k % 10]) for k in range(300)], "uint64")
    codes[300:600] = codes[:300] ^ flips
    sketches = chance.integers(0, 255, (3000, 12)).astype("uint8")
    sketches[300:600] = sketches[:300]
    bits = np.unpackbits(codes.view("uint8").reshape(-1, 8), axis=1)
    apart = np.stack([(bits[:600] != row).sum(1) for row in bits[:600]])
    expected = {(a, b) for a, b in zip(*np.nonzero(np.triu(apart <= 7, 1)), strict=True)}
    found = {pair[:2] for pair in near_pairs(codes, sketches, 0.1)}
    assert found == expected and len(found) == 240
