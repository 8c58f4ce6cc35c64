"""Molecules: whether two SMILES spell the same one.

    smiles_match("OCC", "CCO")                    # 1.0: ethanol from either end
    canonical_smiles("C1=CC=CC=C1")               # "c1ccccc1"
    canonical_smiles("C1CC")                      # None: the ring is not closed

As MolScribe's evaluator (Qian et al. 2023): both sides through RDKit's canonical form, R groups as
numbered wildcards ([R1] is [1*], [R] is *). 0 or 1; published as a percentage.
"""

import re
from importlib import import_module
from typing import Any

from palikit.errors import MissingExtraError

__all__ = ["canonical_smiles", "smiles_match"]

R_GROUP = re.compile(r"\[R(\d*)('*)\]")


def smiles_match(prediction: str, answer: str) -> float:
    """1 where both are the same molecule, stereochemistry included, else 0.

    A side that is no valid molecule is compared as it stands.

    Raises:
        MissingExtraError: RDKit is not installed.
    """
    told, right = canonical_smiles(prediction), canonical_smiles(answer)
    if told is None or right is None:
        return float(prediction == answer)
    return float(told == right)


def canonical_smiles(text: str) -> str | None:
    """RDKit's spelling of a molecule; None where it is none.

    Raises:
        MissingExtraError: RDKit is not installed.
    """
    chem, quiet = _rdkit()
    with quiet():
        molecule = chem.MolFromSmiles(_with_wildcards(text)) if text else None
    return None if molecule is None else str(chem.MolToSmiles(molecule))


def _with_wildcards(text: str) -> str:
    return R_GROUP.sub(lambda found: f"[{found.group(1)}*]", text)


def _rdkit() -> Any:
    try:
        chem, base = import_module("rdkit.Chem"), import_module("rdkit.rdBase")
    except ImportError as error:
        raise MissingExtraError(
            "comparing molecules needs rdkit, which is not installed: pip install 'palikit[rdkit]'"
        ) from error
    return chem, base.BlockLogs
