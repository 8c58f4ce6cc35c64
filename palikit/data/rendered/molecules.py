"""Molecules put together from rings, links and groups, drawn by RDKit, with their SMILES.

    {"image": ..., "prefix": "smiles", "suffix": "Cc1ccncc1O"}

Every molecule is a real one by RDKit's rules of valence; its SMILES is RDKit's canonical one.
Drawings differ in turn, width of bonds, size of letters and colour, and double bonds of rings may
stand at either side.
"""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from .drawing import Drawing, need, pick

__all__ = ["PREFIX", "draw"]

PREFIX = "smiles"
"""As `palikit eval molscribe_chemdraw` asks."""

RINGS = (
    "c1ccccc1 c1ccncc1 c1ccoc1 c1ccsc1 c1cnc[nH]1 C1CCCCC1 C1CCNCC1 C1CCOCC1 C1CCCC1 "
    "c1ccc2ccccc2c1 c1ccc2[nH]ccc2c1 C1CNCCN1 C1CC1 c1cncnc1"
).split()
LINKS = "C CC O N C(=O)N C(=O)O S(=O)(=O) CCO C=C C#C".split()
GROUPS = "C CC C(C)C O OC N N(C)C F Cl Br C#N C(=O)O C(=O)C C(F)(F)F [N+](=O)[O-] S".split()


def draw(rng: np.random.Generator, side: int) -> Drawing:
    """One molecule of one or two rings."""
    chem = need("rdkit.Chem")
    molecule = _molecule(chem, rng)
    image = _render(chem, molecule, side, rng)
    return Drawing(image, {"prefix": PREFIX, "suffix": chem.MolToSmiles(molecule)})


def _molecule(chem: Any, rng: np.random.Generator) -> Any:
    molecule = chem.MolFromSmiles(pick(rng, RINGS))
    if rng.random() < 0.4:
        molecule = _joined(chem, molecule, chem.MolFromSmiles(pick(rng, LINKS)), rng)
        molecule = _joined(chem, molecule, chem.MolFromSmiles(pick(rng, RINGS)), rng)
    for _ in range(int(rng.integers(1, 4))):
        molecule = _joined(chem, molecule, chem.MolFromSmiles(pick(rng, GROUPS)), rng)
    return molecule


def _joined(chem: Any, one: Any, other: Any, rng: np.random.Generator) -> Any:
    """Both as one, by a single bond from an atom that has a hydrogen to the other's first such."""
    free = [atom.GetIdx() for atom in one.GetAtoms() if atom.GetTotalNumHs() > 0]
    ends = [atom.GetIdx() for atom in other.GetAtoms() if _can_join(atom)]
    if not free or not ends:
        return one
    grown = chem.RWMol(chem.CombineMols(one, other))
    start, end = pick(rng, free), one.GetNumAtoms() + ends[0]
    grown.AddBond(start, end, chem.BondType.SINGLE)
    for index in (start, end):
        atom = grown.GetAtomWithIdx(index)
        # A hydrogen that is written ([nH]) is one that the new bond takes the place of.
        atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))
    return grown.GetMol() if chem.SanitizeMol(grown, catchErrors=True) == 0 else one


def _can_join(atom: Any) -> bool:
    return atom.GetTotalNumHs() > 0 or (atom.GetSymbol() in ("N", "S") and atom.GetFormalCharge())


def _render(chem: Any, molecule: Any, side: int, rng: np.random.Generator) -> Image.Image:
    drawing = need("rdkit.Chem.Draw.rdMolDraw2D")
    canvas = drawing.MolDraw2DCairo(side, side)
    options = canvas.drawOptions()
    options.rotate = float(rng.uniform(0, 360))
    options.padding = float(rng.uniform(0.04, 0.12))
    options.bondLineWidth = max(1.0, side / 224) * float(rng.uniform(0.8, 2.2))
    options.multipleBondOffset = float(rng.uniform(0.12, 0.2))
    options.minFontSize = max(6, side // 22)
    if rng.random() < 0.5:
        options.useBWAtomPalette()
    need("rdkit.Chem.rdDepictor").Compute2DCoords(molecule)
    drawing.PrepareAndDrawMolecule(canvas, molecule)
    canvas.FinishDrawing()
    return Image.open(BytesIO(canvas.GetDrawingText())).convert("RGB")
