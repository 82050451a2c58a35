"""Two dictionaries by name: unknown ones, and activations that are gone, are told with what to run."""

import pytest

from store.artifacts import Artifacts
from store.catalog.session import Catalog
from store.errors import InvalidInput, NotFound
from tests.worker.chains import make_chain, record
from worker.aligning import find_pair


def test_what_two_names_mean(artifacts: Artifacts, catalog: Catalog) -> None:
    one, other = make_chain(artifacts), make_chain(artifacts, seed=1)
    record(catalog, one, with_atlas=False)
    record(catalog, other, slug="other", with_atlas=False)
    pair = find_pair(("other", "small"), artifacts, catalog)
    assert [artifact.digest for artifact in pair.dictionaries] == [other.dictionary.digest, one.dictionary.digest]
    assert {artifact.digest for artifact in pair.activations} == {one.activations.digest}
    with pytest.raises(NotFound, match="No dictionary named 'nothing'"):
        find_pair(("small", "nothing"), artifacts, catalog)
    with pytest.raises(InvalidInput, match="the same dictionary"):
        find_pair(("small", "small"), artifacts, catalog)


def test_activations_that_are_gone_are_told_with_the_command(artifacts: Artifacts, catalog: Catalog) -> None:
    one, other = make_chain(artifacts), make_chain(artifacts, seed=1)
    record(catalog, one, with_atlas=False)
    record(catalog, other, slug="other", with_atlas=False)
    artifacts.remove(one.activations)
    with pytest.raises(NotFound) as fault:
        find_pair(("small", "other"), artifacts, catalog)
    assert one.activations.digest[:12] in str(fault.value)
    assert "`conceptoscope extract drawn --model tiny --layer last`" in str(fault.value)


def test_dictionaries_of_different_collections_are_told(artifacts: Artifacts, catalog: Catalog) -> None:
    one, other = make_chain(artifacts), make_chain(artifacts, listing="other photos", seed=1)
    record(catalog, one, with_atlas=False)
    record(catalog, other, slug="other", with_atlas=False)
    with pytest.raises(InvalidInput, match="'small' was learned from the collection") as fault:
        find_pair(("small", "other"), artifacts, catalog)
    assert "conceptoscope train" in str(fault.value)
