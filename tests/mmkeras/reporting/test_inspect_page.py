"""The page of `mmkeras inspect`: safe, whole, and showing what is broken and what comes twice."""

import io
import json
import re
import sys

import numpy as np
import pandas
import PIL.Image
import pytest
import tensorflow as tf

from data_pipelines import read_table
from data_pipelines.audit import audit
from mmkeras.commands.console import in_words
from mmkeras.reporting.inspect_page import inspect_page

SCRIPT = "<script>alert(1)</script>"


def spots(seed):
    pixels = PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (5, 6, 3), "uint8"))
    return pixels.resize((60, 50), PIL.Image.Resampling.BICUBIC)


def write_table(folder):
    """Chinese texts with a script among them, pictures of which one is twice, sounds, series; lost and broken files."""
    lines = []
    for place in range(24):
        spots(place).save(folder / f"{place}.png")
        samples = np.sin(np.arange(4000) * (0.1 + place / 50)).astype("float32")[:, None]
        (folder / f"{place}.wav").write_bytes(tf.audio.encode_wav(samples, 8000).numpy())
        text = f"第{place}张图片，一只猫在睡觉。{SCRIPT}"
        series = " ".join(str(place + step) for step in range(6 + place))
        lines.append(
            [
                f"{place}.png",
                f"{place}.wav",
                text,
                series,
                ("猫", "狗", SCRIPT)[place % 3],
                "train" if place < 18 else "test",
            ]
        )
    spots(2).save(folder / "20.png", "JPEG", quality=70)
    (folder / "4.png").write_bytes(b"no picture " + SCRIPT.encode())
    lines[5][0], lines[6][1] = f"{SCRIPT}.png", "lost.wav"
    lines[7][:2] = ["", ""]
    frame = pandas.DataFrame(lines, columns=["图片", "声音", "说明", "series", "种类", "split"])
    frame.to_csv(folder / "表.csv", index=False)
    return read_table(folder / "表.csv")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    rows = write_table(folder)
    report = audit(rows, ["种类"])
    with open(inspect_page(rows, report, folder / "page.html", ["种类"]), encoding="utf-8") as file:
        return file.read(), report


def test_what_users_wrote_is_text_and_never_markup(made):
    page, _ = made
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page and not re.search(r"(src|href)=\"(?!data:|#)", page)


def test_every_section_is_there(made):
    page, report = made
    assert report["unreadable"]["图片"][0]["row"] == 6
    for warning in report["warnings"]:
        assert warning.split(":")[0] in page
    assert "there is no file" in page and "row 8:" in page and "狗" in page
    assert page.count("<audio") >= 8 and page.count('class="thumb"') >= 8 and page.count('class="bars"') >= 4
    assert "lie in two splits" in page and "pairing across" in page


def test_near_pairs_stand_side_by_side(made):
    page, report = made
    assert [pair["rows"] for pair in report["duplicates"]["media"]["图片"]["pairs"]] == [[4, 22]]
    pairing = re.search(r'<div class="pairing across">.*?</div>', page, re.DOTALL)[0]
    assert "row 4" in pairing and "row 22" in pairing and pairing.count("<img") == 2


def test_the_json_of_the_page_is_the_report(made):
    page, report = made
    from markupsafe import Markup

    told = re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1]
    assert json.loads(Markup(told).unescape()) == report


def test_clips_and_graphs_and_bytes(tmp_path):
    clip = io.BytesIO()
    np.save(clip, np.full((3, 8, 8, 3), 200, "uint8"))
    names = []
    for place in range(4):
        (tmp_path / f"{place}.mp4").write_bytes(clip.getvalue())
        names.append(f"{place}.mp4")
    graphs = [json.dumps({"nodes": ["C", SCRIPT], "edges": [[0, 1]]})] * 4
    pictures = [tf.io.encode_png(np.full((9, 9, 3), 60 * place, "uint8")).numpy() for place in range(4)]
    rows = read_table(pandas.DataFrame({"clip": names, "graph": graphs, "photo": pictures}), tmp_path)
    inspect_page(rows, audit(rows), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count('class="strip"') == 4 and "3 frames" in page and "&#34;nodes&#34;" in page
    assert "<script" not in page and 'class="thumb"' in page


def test_without_jinja2(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r'pip install "mmkeras\[inspect\]"'):
        inspect_page(None, {}, "x.html")


def test_figures_in_words():
    facts = {"seconds": {"min": 1.0, "median": 2.5, "max": 4.0, "bins": {}}, "format": {"WAV": 3, "MP3": 1}}
    assert in_words(facts) == "seconds 1 … 2.5 … 4; format WAV, MP3"
