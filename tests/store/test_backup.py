"""A store is copied while it is written to; the copy is whole, and is a store."""

import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.artifacts import Artifacts
from store.artifacts.leftovers import TRASH
from store.backup import back_up
from store.catalog.dictionaries import list_dictionaries
from store.catalog.models import save_model
from store.catalog.session import Catalog
from store.errors import Conflict, InvalidInput, NotFound
from store.settings import Settings
from store.vocabulary import Kind
from tests.factories import make_store
from tests.store.artifacts.builder import build
from worker.cli import app


def test_a_store_in_use_is_copied_whole(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store")
    (settings.store / "atlas" / ".drafts" / "half").mkdir(parents=True)
    writing, done = Catalog(settings.catalog_url), threading.Event()

    def write_on() -> None:
        number = 0
        while not done.is_set():
            number += 1
            with writing.session() as session:
                save_model(session, f"m{number}", title="M", facts={})

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        n_bytes = back_up(settings, tmp_path / "copy")
    finally:
        done.set()
        writer.join()
    writing.close()
    copy = Settings(store=tmp_path / "copy")
    assert n_bytes > 10_000
    for kind in Kind:
        found = Artifacts(copy.store).list(kind)
        assert [a.digest for a in found] == [a.digest for a in Artifacts(settings.store).list(kind)]
        for artifact in found:
            artifact.verify()
    catalog = Catalog(copy.catalog_url)
    with catalog.session() as session:
        assert len(list_dictionaries(session)) == 3
    catalog.close()
    assert not (copy.store / "atlas" / ".drafts").exists()


@pytest.mark.slow
def test_the_command_says_how_to_check_the_copy(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store", n_images=8)
    to = tmp_path / "copy"
    done = CliRunner().invoke(app, ["backup", str(to), "--store", str(settings.store)], catch_exceptions=False)
    assert f"conceptoscope doctor --verify --store {to}" in done.output
    checked = CliRunner().invoke(app, ["doctor", "--verify", "--json", "--store", str(to)], catch_exceptions=False)
    assert '"atlas' in checked.output


@pytest.mark.parametrize("is_needed", [False, True])
def test_an_artifact_may_be_removed_while_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_needed: bool
) -> None:
    """A collector takes one away halfway; that matters only when the copied catalog needs it."""
    settings = make_store(tmp_path / "store", n_images=8)
    artifacts = Artifacts(settings.store)
    unneeded = build(artifacts, text="nobody needs it")
    needed = [artifact for artifact in artifacts.list(Kind.ATLAS) if artifact != unneeded]
    victim = needed[0] if is_needed else unneeded
    copy = shutil.copy2

    def removing_copy(source: str, target: str, **more: Any) -> Any:
        if victim.digest in str(source):
            artifacts.remove(victim)
        return copy(source, target, **more)

    monkeypatch.setattr("store.backup.shutil.copytree", partial(shutil.copytree, copy_function=removing_copy))
    if is_needed:
        with pytest.raises(Conflict, match="1 of the artifacts that the catalog needs were removed.*copy again"):
            back_up(settings, tmp_path / "copy")
        return
    back_up(settings, tmp_path / "copy")
    copied = Artifacts(tmp_path / "copy")
    assert copied.list(Kind.ATLAS) == [Artifacts(tmp_path / "copy").get(Kind.ATLAS, one.digest) for one in needed]
    assert copied.leftovers() == []
    for artifact in copied.list(Kind.ATLAS):
        artifact.verify()


def test_trash_and_drafts_are_not_copied(tmp_path: Path) -> None:
    settings = make_store(tmp_path / "store", n_images=8)
    artifacts = Artifacts(settings.store)
    artifacts.withdraw(build(artifacts, text="removed"))
    assert [left.what for left in artifacts.leftovers()] == [TRASH]
    back_up(settings, tmp_path / "copy")
    assert Artifacts(tmp_path / "copy").leftovers() == []
    assert not list((tmp_path / "copy").glob("*/.trash"))


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No store named"):
        back_up(Settings(store=tmp_path / "none"), tmp_path / "copy")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "store").mkdir()
    with pytest.raises(InvalidInput, match="is not empty"):
        back_up(Settings(store=tmp_path / "store"), tmp_path / "full")
    with pytest.raises(InvalidInput, match="the database first"):
        back_up(Settings(store=tmp_path / "store", database_url="postgresql://host/name"), tmp_path / "copy")
