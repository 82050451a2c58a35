from pathlib import Path

import duckdb
import pytest

from store.artifacts import Artifacts
from store.atlas.shelf import make_atlas_shelf
from store.errors import NotFound
from store.vocabulary import Kind
from tests.factories import SHOWN, make_store


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    root = Path(tmp_path_factory.mktemp("shelf"))
    make_store(root, n_images=8, shown=SHOWN)
    return Artifacts(root)


def test_an_atlas_is_opened_once_and_the_longest_unused_is_closed(artifacts: Artifacts) -> None:
    first, second, third = (atlas.digest for atlas in artifacts.list(Kind.ATLAS))
    shelf = make_atlas_shelf(artifacts, n_open=2)
    for digest in (first, second, first, third):
        with shelf.reading(digest) as shelved:
            assert shelved.atlas.digest == digest
            assert shelved.concepts.n == shelved.atlas.n_concepts
    assert shelf.digests == (first, third)
    assert shelf.n_opened == 3
    shelf.close()
    assert shelf.digests == ()


def test_an_atlas_that_is_being_read_stays_open(artifacts: Artifacts) -> None:
    first, second, _ = (atlas.digest for atlas in artifacts.list(Kind.ATLAS))
    shelf = make_atlas_shelf(artifacts, n_open=1)
    with shelf.reading(first) as held:
        with shelf.reading(second):
            pass
        assert held.atlas.concept(0)["concept"] == 0
        assert held.atlas.badges(3)
    assert shelf.digests == (first,)
    with shelf.reading(second):
        pass
    with pytest.raises(duckdb.Error):
        held.atlas.badges(3)
    shelf.close()


def test_an_unknown_digest_is_named(artifacts: Artifacts) -> None:
    with pytest.raises(NotFound, match="atlas"), make_atlas_shelf(artifacts).reading("0" * 64):
        pass
