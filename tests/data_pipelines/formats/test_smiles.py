"""Molecules as graphs: RDKit's own list of 5,000, and the cells that are none."""

import json
import pathlib
import sys

import numpy as np
import pytest
import rdkit
import tensorflow as tf
from rdkit import Chem

from data_pipelines import Graph
from data_pipelines.formats.smiles import graph_from_smiles

NCI = pathlib.Path(rdkit.__file__).parent / "Data" / "NCI" / "first_5K.smi"


@pytest.mark.parametrize(
    ("smiles", "nodes", "edges"),
    [
        ("CC=O", ["CH3", "CH", "O"], [[0, 1, "single"], [1, 2, "double"]]),
        ("[NH4+]", ["NH4+"], []),
        ("[O-2]", ["O--"], []),
        ("C1=CC=CS1", ["cH", "cH", "cH", "cH", "s"], [[n, (n + 1) % 5, "aromatic"] for n in range(5)]),
        ("[Na+].[Cl-]", ["Na+", "Cl-"], []),
        ("[13CH3]O", ["CH3", "OH"], [[0, 1, "single"]]),
    ],
)
def test_atoms_and_bonds(smiles, nodes, edges):
    assert json.loads(graph_from_smiles(smiles)) == {"nodes": nodes, "edges": edges}


@pytest.mark.parametrize("text", ["", "  ", "no molecule", "C1CC", "CX"])
def test_what_is_no_molecule_stays(text):
    assert graph_from_smiles(text) == text


def test_without_rdkit(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(
        ImportError, match=r'RDKit must be installed to read SMILES. Do: pip install "mmkeras\[graph\]"'
    ):
        graph_from_smiles("C")


def test_500_molecules():
    """Bonds and hydrogens in the tensor are those of the molecules."""
    smiles = [line.split()[0] for line in NCI.read_text().splitlines()[::10]]
    cells = [graph_from_smiles(each) for each in smiles]
    graph = Graph(max_nodes=64)
    graph.adapt([(np.array(cells, object),)])
    value, mask, bad = (part.numpy() for part in graph.encode([tf.constant(cells)]))
    names, kinds = ["?", *graph.nodes["names"]], graph.edges["names"]
    checked = 0
    for text, nodes, shown, wrong in zip(smiles, value, mask, bad, strict=True):
        molecule = Chem.MolFromSmiles(text)
        if molecule is None:
            assert wrong
            continue
        count = molecule.GetNumAtoms()
        assert wrong == (count > 64)
        if wrong:
            continue
        assert shown.tolist() == [place < count for place in range(64)]
        edges = nodes[:, len(names) :].reshape(64, 64, 1 + len(kinds))
        np.testing.assert_array_equal(edges[:count, :count, 0], Chem.GetAdjacencyMatrix(molecule))
        assert edges[..., 0].sum() == 2 * molecule.GetNumBonds() == edges[..., 1:].sum()
        for atom, node in zip(molecule.GetAtoms(), nodes, strict=False):
            assert names[node[: len(names)].argmax()].lower().startswith(atom.GetSymbol().lower())
        for bond in molecule.GetBonds():
            channels = edges[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), 1:]
            assert kinds[channels.argmax()] == str(bond.GetBondType()).lower()
        checked += 1
    assert checked > 450
