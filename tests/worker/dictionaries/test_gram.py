"""The table of atoms' products follows its atoms."""

import torch
from torch import nn

from worker.dictionaries.gram import GramCache


def test_the_table_is_made_once_for_atoms_that_stay() -> None:
    atoms, cache = torch.randn(5, 3), GramCache()
    table = cache.table(atoms)
    torch.testing.assert_close(table, atoms @ atoms.t())
    assert cache.table(atoms) is table


def test_the_table_follows_every_change() -> None:
    atoms, cache = nn.Parameter(torch.randn(5, 3)), GramCache()
    assert not cache.table(atoms).requires_grad
    for change in ("copy", "row", "load", "another"):
        before = cache.table(atoms).clone()
        if change == "load":
            holder = nn.ParameterList([atoms])
            holder.load_state_dict({"0": torch.randn(5, 3)})
        elif change == "another":
            atoms = nn.Parameter(torch.randn(5, 3))
        else:
            with torch.no_grad():
                (atoms if change == "copy" else atoms[2]).mul_(1.5)
        table = cache.table(atoms)
        assert not torch.equal(table, before), change
        torch.testing.assert_close(table, (atoms @ atoms.t()).detach())
