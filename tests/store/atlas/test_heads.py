"""Predicted classes of an atlas, read."""

import pytest

from store.artifacts import Artifacts
from store.atlas.reader import Atlas
from store.errors import NotFound
from store.vocabulary import Kind
from tests.factories import SHOWN, UNIVERSAL, make_store
from tests.head_tables import NAMES


@pytest.fixture(scope="module")
def atlases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Atlas, Atlas]:
    root = tmp_path_factory.mktemp("heads")
    make_store(root, n_images=24, shown=(SHOWN[0], UNIVERSAL))
    one, other = (Atlas(artifact) for artifact in Artifacts(root).list(Kind.ATLAS))
    return (other, one) if one.is_universal else (one, other)


def test_a_predicted_class_has_concepts_and_curves(atlases: tuple[Atlas, Atlas]) -> None:
    atlas = atlases[0]
    classes = atlas.head_classes()
    assert [row["n_images"] for row in classes] == sorted((row["n_images"] for row in classes), reverse=True)
    assert len(classes) >= 2
    for row in classes:
        assert row["name"] == NAMES[row["output"]]
        assert atlas.head_class(row["output"]) == row
        concepts = atlas.head_concepts(row["output"])
        assert [c["rank"] for c in concepts] == list(range(len(concepts)))
        assert row["bias"] + row["residual"] + sum(c["importance"] for c in concepts) == pytest.approx(row["logit"])
        steps = [(c["walk"], c["ordering"], c["step"]) for c in atlas.head_curves(row["output"])]
        assert steps == sorted(steps)
        assert steps[-1][2] > 3
    strongest = atlas.head_concepts(classes[0]["output"])[0]
    found = atlas.concept_outputs(strongest["concept"])
    assert classes[0]["output"] in [row["output"] for row in found]
    assert [abs(row["contrast"]) for row in found] == sorted((abs(row["contrast"]) for row in found), reverse=True)


def test_no_such_class_and_no_head(atlases: tuple[Atlas, Atlas]) -> None:
    with pytest.raises(NotFound, match="No predicted class named '99'"):
        atlases[0].head_class(99)
    with pytest.raises(NotFound, match="concept"):
        atlases[0].concept_outputs(10_000)
    assert atlases[1].head_classes() == []
