"""Annotations move by a file, survive a backup, and stay when an atlas is built again."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.main import make_app
from store.annotation_file import import_annotations, write_annotations
from store.annotations import ConceptKey
from store.artifacts import Artifacts
from store.backup import back_up
from store.catalog.comments import add_comment, list_comments
from store.catalog.dictionaries import get_dictionary, switch_atlas
from store.catalog.labels import add_label, edit_label, list_labels
from store.catalog.lists import list_lists, make_list, put_item
from store.catalog.session import Catalog
from store.errors import InvalidInput, NewerFormat
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import Kind
from tests.factories import SHOWN, dictionary_digest, make_store
from worker.cli import app

KEY = ConceptKey(dictionary_digest(SHOWN[0]), 5)
URL = f"/api/v1/dictionaries/{SHOWN[0].slug}/concepts/5"


def annotate(catalog: Catalog) -> None:
    with catalog.session() as session:
        label, _ = add_label(session, KEY, "fin", author="ann")
        edit_label(session, label.uid, "tail fin", author="bob", seen=1)
        add_comment(session, KEY, "odd\none", author="cy")
        put_item(session, make_list(session, "Fins", author="ann").uid, KEY, author="ann", note="best")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_store(Path(tmp_path_factory.mktemp("annotated")))
    catalog = Catalog(settings.catalog_url)
    annotate(catalog)
    catalog.close()
    return settings


@pytest.fixture
def settings(annotated: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(annotated.store, tmp_path / "store")
    return Settings(store=tmp_path / "store")


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    catalog = Catalog(settings.catalog_url)
    yield catalog
    catalog.close()


def exported(catalog: Catalog) -> str:
    file = io.StringIO()
    assert write_annotations(catalog, file) == 3
    return file.getvalue()


def test_a_copy_of_the_store_has_all_annotations(settings: Settings, catalog: Catalog, tmp_path: Path) -> None:
    back_up(settings, tmp_path / "copy")
    copy = Catalog(Settings(store=tmp_path / "copy").catalog_url)
    assert exported(copy) == exported(catalog)
    copy.close()


def test_annotations_stay_when_the_atlas_is_built_again(settings: Settings, catalog: Catalog) -> None:
    with TestClient(make_app(settings)) as client:
        before = client.get(URL).json()
    artifacts = Artifacts(settings.store)
    with catalog.session() as session:
        row = get_dictionary(session, SHOWN[0].slug)
        assert row.atlas is not None
        old = artifacts.get(Kind.ATLAS, row.atlas.digest)
        with artifacts.draft(Kind.ATLAS, AtlasSpec(n_examples=9, seed=99), inputs=old.manifest.inputs) as draft:
            shutil.copy(old.file("atlas.duckdb"), draft.path / "atlas.duckdb")
            new = artifacts.publish(draft)
        switch_atlas(session, row, digest=new.digest, headline={})
    assert new.digest != old.digest
    with TestClient(make_app(settings)) as client:
        after = client.get(URL).json()
    assert before["meta"]["digest"] != after["meta"]["digest"] == f"sha256:{new.digest}"
    assert after["data"]["card"]["label"] == "tail fin"
    assert before["data"]["notes"] == after["data"]["notes"]


def test_labels_stay_with_the_dictionary_whose_atlas_is_shown(settings: Settings, catalog: Catalog) -> None:
    with catalog.session() as session:
        get_dictionary(session, SHOWN[0].slug).digest = "f" * 64  # trained anew; its atlas is not built yet
    with TestClient(make_app(settings)) as client:
        assert client.get(URL).json()["data"]["card"]["label"] == "tail fin"
        made = client.post(f"{URL}/labels", json={"text": "another"}).json()["data"]
    assert made["dictionary"] == KEY.dictionary


def test_a_file_moves_them_and_brings_nothing_twice(catalog: Catalog, tmp_path: Path) -> None:
    text = exported(catalog)
    other = Catalog(f"sqlite:///{tmp_path / 'other.sqlite'}")
    first, second = (import_annotations(other, io.StringIO(text)) for _ in range(2))
    assert (first.n_read, first.n_new, first.unknown) == ({"label": 1, "comment": 1, "list": 1}, 3, {KEY.dictionary: 3})
    assert (second.n_read, second.n_new) == (first.n_read, 0)
    assert exported(other) == text
    with other.session() as session:
        assert [label.text for label in list_labels(session, KEY)] == ["tail fin"]
        assert [comment.text for comment in list_comments(session, KEY.dictionary)] == ["odd\none"]
        assert [(row.title, [item.note for item in items]) for row, items in list_lists(session)] == [
            ("Fins", ["best"])
        ]
    other.close()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda text: f"hello {text}", InvalidInput, "no file of annotations"),
        (lambda text: text.replace('"version":2', '"version":3'), NewerFormat, "version 3"),
        (lambda text: text.replace('"concept":5', '"concept":-5'), InvalidInput, "Line 2: label.concept"),
        (lambda text: text + '{"kind":"poem"}\n', InvalidInput, "Line 5"),
        (lambda text: text.replace("tail fin", "a\\u0007b"), InvalidInput, "U\\+0007"),
    ],
)
def test_a_bad_file_is_told_by_its_line_and_writes_nothing(
    catalog: Catalog, tmp_path: Path, change: object, kind: type[Exception], words: str
) -> None:
    assert callable(change)
    other = Catalog(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with pytest.raises(kind, match=words):
        import_annotations(other, io.StringIO(change(exported(catalog))))
    file = io.StringIO()
    assert write_annotations(other, file) == 0
    other.close()


def test_the_commands_export_and_import(settings: Settings, tmp_path: Path) -> None:
    runner, file = CliRunner(), tmp_path / "notes.jsonl"
    store = ["--store", str(settings.store)]
    result = runner.invoke(app, ["annotations", "export", str(file), *store])
    assert (result.exit_code, "3 annotations" in result.output) == (0, True), result.output
    (tmp_path / "new").mkdir()
    into = ["--store", str(tmp_path / "new")]
    result = runner.invoke(app, ["annotations", "import", str(file), *into])
    assert "1 comments, 1 labels, 1 lists; 3 of them" in result.output, result.output
    assert f"{KEY.dictionary[:12]}, which is not in this store" in result.output
    again = runner.invoke(app, ["annotations", "import", "-", "--json", *into], input=file.read_text())
    assert json.loads(again.output)["new"] == 0
    shown = runner.invoke(app, ["annotations", "export", "-", *into])
    assert shown.output == file.read_text()
    for wrong in (["export", str(tmp_path / "no" / "x")], ["import", str(tmp_path / "none")]):
        assert isinstance(runner.invoke(app, ["annotations", *wrong, *store]).exception, InvalidInput)
