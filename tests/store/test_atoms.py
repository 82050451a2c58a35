"""Atoms from weights files alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from store.atoms import WEIGHTS, read_atom
from store.errors import Damaged, NotFound
from store.methods import TopKSpec
from worker.dictionaries.files import save_dictionary
from worker.dictionaries.registry import make_dictionary


def test_atoms_of_whitened_dictionaries_are_in_raw_space(tmp_path: Path) -> None:
    torch.manual_seed(0)
    dictionary = make_dictionary(TopKSpec(n_concepts=8, n_active=2, whiten=True), 6)
    with torch.no_grad():
        dictionary.decoder.copy_(torch.nn.functional.normalize(torch.randn(8, 6), dim=1))  # type: ignore[union-attr]
        dictionary.colouring.copy_(torch.randn(6, 6))  # type: ignore[union-attr]
    save_dictionary(dictionary, tmp_path)
    read = np.stack([read_atom(tmp_path / WEIGHTS, concept) for concept in range(8)])
    np.testing.assert_allclose(read, dictionary.atoms.detach().numpy(), atol=1e-6)


def test_what_is_no_atom_is_told(tmp_path: Path) -> None:
    save_file({"decoder": np.ones((3, 2), dtype=np.float32)}, tmp_path / "some")
    with pytest.raises(NotFound, match="0 to 2"):
        read_atom(tmp_path / "some", 3)
    save_file({"other": np.ones((3, 2), dtype=np.float32)}, tmp_path / "none")
    with pytest.raises(Damaged, match="no atoms"):
        read_atom(tmp_path / "none", 0)
