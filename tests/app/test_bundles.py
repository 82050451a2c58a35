"""Bundles: a dictionary goes from one store to another, and everything is said there as it was said here."""

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import make_app
from store.artifacts import Artifacts
from store.atlas.schema import SCHEMA
from store.bundles import taking
from store.bundles.taking import Taken, import_bundle
from store.bundles.writing import export_bundle
from store.catalog.collections import list_collections
from store.catalog.dictionaries import list_dictionaries
from store.catalog.session import Catalog
from store.duck import DuckWriter, Schema
from store.errors import ConceptoscopeError, Conflict, Damaged, InvalidInput, NewerFormat, NotFound, OlderFormat
from store.metrics import METRICS
from store.settings import Settings
from store.vocabulary import Kind
from tests.encoding import Studio
from worker.cli import main

pytestmark = pytest.mark.slow
Entry = tuple[tarfile.TarInfo, bytes]


@pytest.fixture(scope="session")
def bundles(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a dictionary of one model, and a folder of a universal one."""
    folder = tmp_path_factory.mktemp("bundles")
    artifacts, catalog = Artifacts(studio.settings.store), Catalog(studio.settings.catalog_url)
    export_bundle("small", folder / "small.tar", artifacts=artifacts, catalog=catalog)
    export_bundle("joined", folder / "joined", artifacts=artifacts, catalog=catalog)
    catalog.close()
    return folder


def take(source: Path, settings: Settings, *, slug: str | None = None) -> Taken:
    catalog = Catalog(settings.catalog_url)
    try:
        return import_bundle(source, artifacts=Artifacts(settings.store), catalog=catalog, slug=slug)
    finally:
        catalog.close()


@pytest.fixture
def empty_settings(tmp_path: Path) -> Settings:
    settings = Settings(store=tmp_path / "store")
    settings.store.mkdir()
    return settings


def addresses(slug: str, image: str) -> list[str]:
    d = f"/api/v1/dictionaries/{slug}"
    one = f"{d}/concepts/5"
    return [
        *(f"/api/v1{part}" for part in ("", "/models", "/datasets", "/dictionaries", "/alignments", "/compare")),
        *(f"{d}{part}" for part in ("", "/metrics", "/statistics", "/facets", "/streams", "/cross_r2", "/classes")),
        f"{d}/concepts?limit=200",
        f"{d}/images?limit=200",
        *(f"{one}{part}" for part in ("", "/examples?band=random&include=heat", "/histogram", "/position", "/classes")),
        *(f"{one}{part}" for part in ("/neighbors", "/streams", "/atom.npy", "/examples/0/heat.npy?band=random")),
        f"{d}/atoms.safetensors",
        f"{d}/export/concept.parquet",
        f"/api/v1/images/{image}?dictionary={slug}&concept=5",
        *(f"/d/{slug}{part}" for part in ("", "/c", "/c/5", "/i")),
        f"/i/{image}?d={slug}",
    ]


def test_everything_is_said_as_in_the_first_store(studio: Studio, bundles: Path, empty_settings: Settings) -> None:
    for name in ("small.tar", "joined"):
        assert not take(bundles / name, empty_settings).was_there
    with TestClient(make_app(studio.settings)) as here, TestClient(make_app(empty_settings)) as there:
        for slug in ("small", "joined"):
            image = here.get(f"/api/v1/dictionaries/{slug}/images?limit=1").json()["data"][0]["id"]
            for url in addresses(slug, image):
                first, second = here.get(url), there.get(url)
                assert first.status_code == second.status_code, url
                if first.status_code != 200:  # a problem has an id of its own request
                    assert url.endswith("/concepts/5/streams")
                    continue
                assert first.content == second.content, url
                assert first.headers.get("etag") == second.headers.get("etag"), url
            card = here.get(f"/api/v1/dictionaries/{slug}/concepts?limit=1").json()["data"][0]
            for link in ("sprite", "sprite_heat"):
                assert there.get(card["links"][link]).content == here.get(card["links"][link]).content


def test_a_bundle_is_whole_without_activations_and_photos(bundles: Path, empty_settings: Settings) -> None:
    take(bundles / "small.tar", empty_settings)
    kinds = {kind: len(Artifacts(empty_settings.store).list(kind)) for kind in Kind}
    assert kinds == dict.fromkeys(Kind, 0) | {Kind.DICTIONARY: 1, Kind.ATLAS: 1}
    for kind in (Kind.DICTIONARY, Kind.ATLAS):
        Artifacts(empty_settings.store).list(kind)[0].verify()
    assert not [path for path in empty_settings.store.rglob("*") if ".drafts" in path.parts and path.is_file()]


def test_equal_dictionaries_give_equal_bytes(studio: Studio, bundles: Path, tmp_path: Path) -> None:
    catalog = Catalog(studio.settings.catalog_url)
    export_bundle("small", tmp_path / "b.tar", artifacts=Artifacts(studio.settings.store), catalog=catalog)
    catalog.close()
    assert (tmp_path / "b.tar").read_bytes() == (bundles / "small.tar").read_bytes()


def test_a_bundle_can_be_passed_on_again(bundles: Path, empty_settings: Settings, tmp_path: Path) -> None:
    take(bundles / "small.tar", empty_settings)
    catalog = Catalog(empty_settings.catalog_url)
    export_bundle("small", tmp_path / "c.tar", artifacts=Artifacts(empty_settings.store), catalog=catalog)
    catalog.close()
    assert (tmp_path / "c.tar").read_bytes() == (bundles / "small.tar").read_bytes()


def test_the_card_says_what_it_is(bundles: Path) -> None:
    card = (bundles / "joined" / "CARD.md").read_text()
    for words in (
        "# Joined",
        "Atlas digest",
        "| number | value | null |",
        "Limits",
        "How to cite",
        "licence",
        METRICS["cross_r2"].label,
    ):
        assert words in card, words
    facts = json.loads((bundles / "joined" / "bundle.json").read_text())
    assert facts["collection"]["digest"] in card


def test_importing_again_changes_nothing(bundles: Path, empty_settings: Settings) -> None:
    take(bundles / "small.tar", empty_settings)
    assert take(bundles / "small.tar", empty_settings).was_there
    assert take(bundles / "small.tar", empty_settings, slug="twin").slug == "twin"
    catalog = Catalog(empty_settings.catalog_url)
    with catalog.session() as session:
        assert [row.slug for row in list_dictionaries(session)] == ["small", "twin"]
    catalog.close()


def test_names_that_are_taken_are_not_taken_over(bundles: Path, empty_settings: Settings) -> None:
    take(bundles / "joined", empty_settings, slug="small")
    with pytest.raises(Conflict, match="--as"):
        take(bundles / "small.tar", empty_settings)
    with pytest.raises(InvalidInput, match="--as"):
        take(bundles / "small.tar", empty_settings, slug="../x")


def test_a_collection_of_the_same_name_stays(bundles: Path, studio: Studio, tmp_path: Path) -> None:
    from tests.factories import SHOWN, make_store

    settings = make_store(tmp_path / "other", n_images=4, shown=SHOWN[:1])
    bundle = tmp_path / "bundle"
    shutil.copytree(bundles / "joined", bundle)
    rename = json.loads((bundle / "bundle.json").read_text())
    rename["collection"]["slug"] = "shapes"
    (bundle / "bundle.json").write_text(json.dumps(rename))
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        before = {row.slug: row.digest for row in list_collections(session)}
    take(bundle, settings)
    with catalog.session() as session:
        after = {row.slug: row.digest for row in list_collections(session)}
    catalog.close()
    assert after == before | {f"shapes-{studio.collection.digest[:8]}": studio.collection.digest}


def test_what_cannot_be_exported_is_told(studio: Studio, tmp_path: Path) -> None:
    catalog, artifacts = Catalog(studio.settings.catalog_url), Artifacts(studio.settings.store)
    (tmp_path / "there.tar").write_text("")
    for slug, target, kind in (
        ("nobody", tmp_path / "a.tar", NotFound),
        ("other", tmp_path / "a.tar", NotFound),  # it has no atlas
        ("small", tmp_path / "there.tar", InvalidInput),
    ):
        with pytest.raises(kind):
            export_bundle(slug, target, artifacts=artifacts, catalog=catalog)
    catalog.close()
    assert [path.name for path in tmp_path.iterdir()] == ["there.tar"]


# Damage


def entries(path: Path) -> list[Entry]:
    with tarfile.open(path) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def as_tar(path: Path, parts: list[Entry]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in parts:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def flipped(parts: list[Entry]) -> list[Entry]:
    member, content = parts[-1]
    return [*parts[:-1], (member, content[:100] + bytes([content[100] ^ 1]) + content[101:])]


def longer(parts: list[Entry]) -> list[Entry]:
    member, content = parts[-1]
    return [*parts[:-1], (member, content + b"x")]


def extra(name: str, **changes: Any) -> Callable[[list[Entry]], list[Entry]]:
    def add(parts: list[Entry]) -> list[Entry]:
        member = tarfile.TarInfo(name)
        for key, value in changes.items():
            setattr(member, key, value)
        return [*parts, (member, b"evil" if member.isreg() else b"")]

    return add


def told(**changes: Any) -> Callable[[list[Entry]], list[Entry]]:
    """Another ``bundle.json``."""

    def change(parts: list[Entry]) -> list[Entry]:
        member, content = parts[0]
        facts = json.loads(content)
        for path, value in changes.items():
            *above, last = path.split("__")
            place = facts
            for key in above:
                place = place[key]
            place[last] = value
        return [(member, json.dumps(facts).encode()), *parts[1:]]

    return change


def with_files(*names: str) -> Callable[[list[Entry]], list[Entry]]:
    return told(atlas__files={n: {"sha256": "0" * 64, "n_bytes": 4} for n in names})


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (flipped, Damaged, "not what its list says"),
        (longer, Damaged, "not what its list says"),
        (lambda parts: parts[:-1], Damaged, "cut short"),
        (lambda parts: [*parts, parts[-1]], Damaged, "twice"),
        (lambda parts: parts[1:], InvalidInput, "no bundle"),
        (lambda parts: [(parts[0][0], b"{}"), *parts[1:]], InvalidInput, "no bundle"),
        (extra("../../catalog.sqlite"), Damaged, "not in its list"),
        (extra("/etc/cron.d/x"), Damaged, "not in its list"),
        (extra("atlas/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), Damaged, "no plain file"),
        (extra("atlas/link", type=tarfile.LNKTYPE, linkname="/etc/passwd"), Damaged, "no plain file"),
        (extra("pipe", type=tarfile.FIFOTYPE), Damaged, "no plain file"),
        (told(format=2), NewerFormat, "upgrade"),
        (told(dictionary__slug="../up"), Damaged, "dictionary.slug"),
        (told(dictionary__n_concepts=0), Damaged, "n_concepts"),
        (told(learned__kind="collection"), Damaged, "kinds"),
        (told(atlas__inputs={}), Damaged, "another dictionary"),
        (told(more="x"), Damaged, "more"),
        (with_files("../../../x"), Damaged, "no name of a file"),
        (with_files("manifest.json"), Damaged, "no name of a file"),
        (with_files(".hidden"), Damaged, "no name of a file"),
    ],
)
def test_a_bad_bundle_leaves_nothing(
    bundles: Path,
    empty_settings: Settings,
    tmp_path: Path,
    change: Callable[[list[Entry]], list[Entry]],
    kind: type[ConceptoscopeError],
    words: str,
) -> None:
    source = as_tar(tmp_path / "bad.tar", change(entries(bundles / "small.tar")))
    with pytest.raises(kind, match=words) as caught:
        take(source, empty_settings)
    assert "\n" not in str(caught.value)
    assert_nothing(empty_settings, tmp_path)


def assert_nothing(settings: Settings, folder: Path) -> None:
    catalog = Catalog(settings.catalog_url)
    with catalog.session() as session:
        assert list_dictionaries(session, with_atlas=False) == []
        assert list_collections(session) == []
    catalog.close()
    artifacts = Artifacts(settings.store)
    assert all(artifacts.list(kind) == [] for kind in Kind)
    assert list(artifacts.leftovers()) == []
    outside = {path.name for path in folder.iterdir()}
    assert outside <= {"bad.tar", "store", "bundle"}


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.98])
def test_a_bundle_that_is_cut_short_leaves_nothing(
    bundles: Path, empty_settings: Settings, tmp_path: Path, share: float
) -> None:
    whole = (bundles / "small.tar").read_bytes()
    (tmp_path / "bad.tar").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises((Damaged, InvalidInput)) as caught:
        take(tmp_path / "bad.tar", empty_settings)
    assert "\n" not in str(caught.value)
    assert_nothing(empty_settings, tmp_path)


def test_what_is_no_bundle_is_told(empty_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"a photo, perhaps" * 100)
    (tmp_path / "bundle").mkdir()
    for source, kind in (("bad.tar", Damaged), ("bundle", InvalidInput), ("missing.tar", NotFound)):
        with pytest.raises(kind):
            take(tmp_path / source, empty_settings)
    assert_nothing(empty_settings, tmp_path)


def test_a_folder_is_checked_like_a_file(bundles: Path, empty_settings: Settings, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(bundles / "joined", bundle)
    (bundle / "note.txt").write_text("hello")
    with pytest.raises(Damaged, match=r"note\.txt"):
        take(bundle, empty_settings)
    (bundle / "note.txt").unlink()
    weights = next(bundle.rglob("weights.safetensors"))
    kept = tmp_path / "store" / "kept"
    weights.rename(kept)
    weights.symlink_to(kept)
    with pytest.raises(Damaged, match="no plain file"):
        take(bundle, empty_settings)
    kept.unlink()
    assert_nothing(empty_settings, tmp_path)


@pytest.mark.parametrize(("version", "kind"), [(SCHEMA.version + 1, NewerFormat), (SCHEMA.oldest - 1, OlderFormat)])
def test_an_atlas_of_another_version_is_refused(
    bundles: Path, empty_settings: Settings, tmp_path: Path, version: int, kind: type[ConceptoscopeError]
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(bundles / "joined", bundle)
    file = next(bundle.rglob("atlas.duckdb"))
    file.unlink()
    with DuckWriter(file, Schema(SCHEMA.name, version, ())):
        pass
    facts = json.loads((bundle / "bundle.json").read_text())
    entry = facts["atlas"]["files"]["atlas.duckdb"]
    import hashlib

    entry["sha256"], entry["n_bytes"] = hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size
    (bundle / "bundle.json").write_text(json.dumps(facts))
    with pytest.raises(kind, match="The atlas in"):
        take(bundle, empty_settings)
    assert_nothing(empty_settings, tmp_path)


def test_an_end_in_the_middle_leaves_nothing_to_see(
    bundles: Path, empty_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(empty_settings.store / "x"))

    monkeypatch.setattr(taking, "_check_atlas", full)
    with pytest.raises(ConceptoscopeError, match="No space left"):
        take(bundles / "small.tar", empty_settings)
    monkeypatch.undo()
    assert_nothing(empty_settings, tmp_path)
    assert take(bundles / "small.tar", empty_settings).slug == "small"


def command(*arguments: str, expect: int = 0) -> tuple[str, str]:
    """The command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["conceptoscope", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    assert (end.value.code or 0) == expect, err.getvalue()
    return out.getvalue(), err.getvalue()


def test_the_commands(studio: Studio, tmp_path: Path) -> None:
    source, bundle, store = str(studio.settings.store), str(tmp_path / "a.tar"), str(tmp_path / "store")
    told, _ = command("export", "small", "--to", bundle, "--store", source)
    assert f"conceptoscope import {bundle}" in told
    told, _ = command("import", bundle, "--store", store, "--json")
    assert json.loads(told) == {"dictionary": "small", "atlas": studio.atlas.digest, "was_there": False}
    told, _ = command("import", bundle, "--store", store)
    assert "was there already" in told
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:5000])
    _, error = command("import", bundle, "--store", store, "--as", "again", expect=2)
    assert error.startswith("conceptoscope: ")
    assert len(error.splitlines()) == 1
    _, error = command("export", "small", "--to", bundle, "--store", source, expect=2)
    assert "already" in error
    _, error = command("export", "small", "--store", str(tmp_path / "nowhere"), expect=2)
    assert "--store" in error
