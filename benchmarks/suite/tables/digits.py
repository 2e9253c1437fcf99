"""Handwritten digits, 8 × 8 grey pixels → which of 10.

1,797 rows, PNG. From scikit-learn's `load_digits`, the test part of UCI's "Optical recognition of handwritten digits"
(Alpaydin and Kaynak, 1998), CC-BY-4.0.
"""

import os

import pandas as pd
import PIL.Image
from sklearn.datasets import load_digits

from suite.writing import at_most, media_folder, share_out, write_parts

TARGET, METRIC = "digit", "accuracy"


def write(folder, limit=None):
    digits = load_digits()
    media_folder(folder, "scans")
    frame = pd.DataFrame({"place": range(len(digits.target)), "digit": digits.target})
    frame = at_most(frame, limit, frame.digit)
    frame.insert(0, "scan", [f"scans/{place:04d}.png" for place in frame.place])
    for name, place in zip(frame.scan, frame.place, strict=True):
        pixels = (digits.images[place] * 255 / 16).round().astype("uint8")
        PIL.Image.fromarray(pixels).save(os.path.join(folder, name))
    return write_parts(folder, frame.drop(columns="place"), share_out(frame.digit))
