"""Predicted classes of an atlas, read."""

import io
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.artifacts import Artifact, Artifacts
from store.atlas.reader import Atlas
from store.atlas.schema import FILE, OLDEST, SCHEMA
from store.catalog.dictionaries import get_dictionary, switch_atlas
from store.catalog.session import Catalog
from store.errors import NotFound, OlderFormat
from store.specs import AtlasSpec
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
    assert [row["output"] for row in atlas.outputs] == [row["output"] for row in classes]
    shared = atlas.outputs_alike(classes[0]["output"])
    assert classes[0]["output"] not in shared
    assert shared == {
        other: pytest.approx(atlas.outputs_alike(other)[classes[0]["output"]]) for other in shared
    }  # the same from either side
    strongest = atlas.head_concepts(classes[0]["output"])[0]
    found = atlas.concept_outputs(strongest["concept"])
    assert classes[0]["output"] in [row["output"] for row in found]
    assert [abs(row["contrast"]) for row in found] == sorted((abs(row["contrast"]) for row in found), reverse=True)


def as_of_version(artifacts: Artifacts, artifact: Artifact, version: int) -> Artifact:
    """An atlas as an older program wrote it: without the tables and columns that were added since."""
    with artifacts.draft(Kind.ATLAS, AtlasSpec(seed=version), inputs={"older": artifact.digest}) as draft:
        shutil.copyfile(artifact.file(FILE), draft.path / FILE)
        with duckdb.connect(str(draft.path / FILE)) as older:
            for table in ("head_image", "head_group"):
                older.execute(f"DROP TABLE {table}")
            for column in ("firing_x", "firing_y"):
                older.execute(f"ALTER TABLE concept DROP COLUMN {column}")
            older.execute("UPDATE schema_version SET version = ?", [version])
        return artifacts.publish(draft)


def test_an_atlas_of_the_version_before_is_read_without_what_was_added(tmp_path: Path) -> None:
    settings = make_store(tmp_path, n_images=12, shown=SHOWN[:1])
    artifacts = Artifacts(settings.store)
    (artifact,) = artifacts.list(Kind.ATLAS)
    older = as_of_version(artifacts, artifact, OLDEST)
    atlas = Atlas(older)
    (first, *_) = atlas.outputs
    assert first["n_main"] is None or first["n_main"] >= 1
    assert atlas.output_images([first["output"]]) == atlas.output_groups(first["output"]) == []
    atlas.close()
    with Catalog(settings.catalog_url).session() as session:
        switch_atlas(session, get_dictionary(session, SHOWN[0].slug), digest=older.digest, headline={})
    with TestClient(make_app(settings)) as client:
        page = client.get(f"/d/{SHOWN[0].slug}/classes/{first['output']}")
        assert (page.status_code, "is not in this atlas" in page.text) == (200, True)
        assert client.get(f"/d/{SHOWN[0].slug}/classes").status_code == 200
        assert "Fires together" not in client.get(f"/d/{SHOWN[0].slug}/map").text
        told = client.get(f"/d/{SHOWN[0].slug}/map?layout=firing")
        assert (told.status_code, f"conceptoscope atlas {SHOWN[0].slug}" in told.text) == (400, True)
        api = f"/api/v1/dictionaries/{SHOWN[0].slug}"
        for part in ("map", "map.bin", "map.png"):
            answer = client.get(f"{api}/{part}?layout=firing")
            assert (answer.status_code, "index its dictionary again" in answer.text) == (400, True)
        assert [one["key"] for one in client.get(f"{api}/map?points=0").json()["data"]["layouts"]] == ["atoms"]
        assert client.get(f"{api}/concepts/0").json()["data"]["card"]["firing_x"] is None
        assert client.get(f"{api}/concepts?format=csv&limit=5").status_code == 200
        for table in SCHEMA.tables:
            sent = client.get(f"{api}/export/{table.name}.parquet")
            assert pq.read_schema(io.BytesIO(sent.content)).names == [one.name for one in table.columns]
        assert client.get(f"/m/{older.digest}/map/1/firing/light.png").status_code == 404
    with pytest.raises(OlderFormat, match="conceptoscope atlas"):
        Atlas(as_of_version(artifacts, artifact, OLDEST - 1))


def test_no_such_class_and_no_head(atlases: tuple[Atlas, Atlas]) -> None:
    with pytest.raises(NotFound, match="No predicted class named '99'"):
        atlases[0].head_class(99)
    with pytest.raises(NotFound, match="concept"):
        atlases[0].concept_outputs(10_000)
    assert atlases[1].head_classes() == []
