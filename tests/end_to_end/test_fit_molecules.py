"""Measured activities of the 1,017 molecules that come with RDKit: bonds tell more of them than the atoms alone."""

import pathlib

import keras
import pandas as pd
import pytest
import rdkit

import mmkeras as mm
from data_pipelines import Graph, Number, Pipeline, read_table
from data_pipelines.formats.smiles import graph_from_smiles

FOLDER = pathlib.Path(rdkit.__file__).parent / "Contrib" / "FreeWilson" / "data"


@pytest.fixture(scope="module")
def rows():
    smiles = pd.read_csv(FOLDER / "CHEMBL2321810.smi", sep=" ", names=["smiles", "Name"])
    table = smiles.merge(pd.read_csv(FOLDER / "CHEMBL2321810_act.csv"), on="Name").astype(str)
    assert len(table) == 1017
    table = table.sample(frac=1, random_state=0, ignore_index=True)
    return read_table(pd.DataFrame({"molecule": table["smiles"].map(graph_from_smiles), "activity": table["Act"]}))


@pytest.fixture(scope="module")
def split(rows):
    train, test = rows.split(0.8, 0.2)
    return Pipeline({"molecule": Graph(max_nodes=48)}, {"activity": Number()}).adapt(train), train, test


def explained(split, encoder, **options):
    """R² on molecules not seen in training."""
    pipe, train, test = split
    keras.utils.set_random_seed(0)
    channels = pipe.spec["inputs"]["molecule"]["num_edge_channels"]
    encoder = encoder(num_edge_channels=channels, dim=32, name="molecule_encoder", **options)
    model = mm.compile(mm.build(pipe.spec, encoders={"molecule": encoder}, dim=32), pipe.spec, learning_rate=3e-3)
    model.fit(pipe.batches(train, 64, training=True, cache=True), epochs=15, verbose=0, shuffle=False)
    return mm.evaluate(model, pipe, test)["targets"]["activity"]["r2"]


@pytest.mark.slow
def test_bonds_tell_more_than_atoms(split):
    atoms = explained(split, mm.encoders.GraphConvolutionEncoder, num_layers=0)
    for encoder in (mm.encoders.GraphAttentionEncoder, mm.encoders.GraphConvolutionEncoder):
        assert explained(split, encoder) > max(0.42, atoms + 0.05), encoder.__name__
