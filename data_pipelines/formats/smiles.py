"""Molecules written as SMILES → graphs as `Graph` reads them; needs RDKit, before the pipeline and never inside it."""

import json


def graph_from_smiles(smiles):
    """Writes a molecule as a graph: an atom is a node, a bond an edge of its kind.

    The name of an atom is its symbol, small where it is aromatic, with the hydrogens on it and its charge: `CH3`,
    `cH`, `NH4+`. Isotopes and the arrangement in space are left out.

    Args:
        smiles: str. Text that is no molecule stays as it is, `""` too: the pipeline names it as a bad cell, or absent.
    Returns:
        str, a cell of `Graph`.
    Raises:
        ImportError: RDKit is not installed.
    Example:
        >>> graph_from_smiles("CC=O")
        '{"nodes": ["CH3", "CH", "O"], "edges": [[0, 1, "single"], [1, 2, "double"]]}'
    """
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise ImportError(
            'graph_from_smiles: RDKit must be installed to read SMILES. Do: pip install "mmkeras[graph]".'
        ) from error
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not smiles.strip():
        return smiles
    bonds = [
        [bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), str(bond.GetBondType()).lower()] for bond in molecule.GetBonds()
    ]
    return json.dumps({"nodes": [_atom(atom) for atom in molecule.GetAtoms()], "edges": bonds})


def _atom(atom):
    symbol = atom.GetSymbol().lower() if atom.GetIsAromatic() else atom.GetSymbol()
    hydrogens = {0: "", 1: "H"}.get(atom.GetTotalNumHs(), f"H{atom.GetTotalNumHs()}")
    charge = ("+" if atom.GetFormalCharge() > 0 else "-") * abs(atom.GetFormalCharge())
    return symbol + hydrogens + charge
