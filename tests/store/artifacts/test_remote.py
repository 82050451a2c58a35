"""What only an object store has: a cache that answers without it, uploads in any order, addresses that can be wrong."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from store.artifacts import Artifacts, CacheFull, open_artifacts
from store.artifacts.objects import Objects
from store.artifacts.remote_files import RemoteFiles
from store.errors import Damaged, InvalidInput, Unavailable
from store.settings import Settings
from store.vocabulary import Kind
from tests.store.artifacts.builder import INPUTS, SPEC, build


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"memory://{tmp_path.name}/store"


def machine(folder: Path, url: str, **changes: Any) -> Artifacts:
    return open_artifacts(Settings(store=folder, artifacts_url=url, **changes))


def objects_of(artifacts: Artifacts, digest: str) -> Objects:
    files = artifacts.get(Kind.ATLAS, digest).files
    assert isinstance(files, RemoteFiles)
    return files.objects


def test_what_is_in_the_cache_is_read_without_the_object_store(tmp_path: Path, url: str) -> None:
    build(machine(tmp_path / "one", url), text="hello")
    other = machine(tmp_path / "other", url)
    digest = other.list(Kind.ATLAS)[0].digest
    assert other.get(Kind.ATLAS, digest).file("a.txt").read_text() == "hello"
    objects = objects_of(other, digest)
    for listed in objects.below(""):
        objects.remove([listed.name])
    again = machine(tmp_path / "other", url).get(Kind.ATLAS, digest)
    assert again.file("a.txt").read_text() == "hello"
    with pytest.raises(Damaged, match=r"shard\.bin is damaged"):
        again.file("shard.bin")


def test_a_file_is_fetched_on_its_first_use_and_the_builder_has_it_already(tmp_path: Path, url: str) -> None:
    built = build(machine(tmp_path / "one", url), text="hello")
    assert (built.path / "a.txt").exists()
    found = machine(tmp_path / "other", url).get(Kind.ATLAS, built.digest)
    assert not (found.path / "a.txt").exists()
    found.file("a.txt")
    assert (found.path / "a.txt").exists()
    assert not (found.path / "shard.bin").exists()
    assert {path.name for path in found.folder().iterdir()} == {"a.txt", "shard.bin", "manifest.json"}


def test_a_damaged_copy_is_fetched_again(tmp_path: Path, url: str) -> None:
    built = build(machine(tmp_path / "one", url), text="hello")
    other = machine(tmp_path / "other", url)
    path = other.get(Kind.ATLAS, built.digest).file("a.txt")
    path.write_text("hullo")
    assert machine(tmp_path / "other", url).get(Kind.ATLAS, built.digest).file("a.txt").read_text() == "hello"


def test_a_file_stays_as_long_as_its_artifact_is_referred_to(tmp_path: Path, url: str) -> None:
    one = machine(tmp_path / "one", url)
    built = build(one, text="x" * 5000)
    small = machine(tmp_path / "other", url, cache_bytes=6000)
    found = small.get(Kind.ATLAS, built.digest)
    path = found.file("a.txt")
    one.remove(built)
    second = build(one, text="y" * 5000)
    with pytest.raises(CacheFull):
        small.get(Kind.ATLAS, second.digest).file("a.txt")
    assert path.exists()
    del found
    assert small.get(Kind.ATLAS, second.digest).file("a.txt").read_text() == "y" * 5000
    assert not path.exists()


def test_a_manifest_alone_makes_an_artifact(tmp_path: Path, url: str) -> None:
    """An upload that is cut off leaves nothing to see, and the next try uploads what is missing."""
    one = machine(tmp_path / "one", url)
    digest = build(machine(tmp_path / "reference", f"{url}-other"), text="hello").digest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objects, "create", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build(one, text="hello")
    other = machine(tmp_path / "other", url)
    assert (other.list(Kind.ATLAS), other.find(Kind.ATLAS, SPEC, inputs=INPUTS)) == ([], None)
    assert {(one.what, one.name) for one in other.leftovers()} == {("upload", digest)}
    uploaded: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        upload = Objects.upload
        patch.setattr(Objects, "upload", lambda self, path, name: (uploaded.append(name), upload(self, path, name)))
        assert build(one, text="hello").digest == digest
    assert uploaded == []
    assert other.get(Kind.ATLAS, digest).file("a.txt").read_text() == "hello"
    assert other.leftovers() == []


def test_a_damaged_manifest_is_told(tmp_path: Path, url: str) -> None:
    built = build(machine(tmp_path / "one", url), text="hello")
    objects_of(machine(tmp_path / "one", url), built.digest).write(f"atlas/{built.digest}.json", b"{")
    with pytest.raises(Damaged, match=rf"memory://.*{built.digest}\.json cannot be read as a manifest"):
        _ = machine(tmp_path / "other", url).get(Kind.ATLAS, built.digest).manifest


@pytest.mark.parametrize(
    "wrong", ["bucket/prefix", "gopher://bucket", "s3://", "s3://key:not-to-be-seen@bucket", "https://host/bucket"]
)
def test_addresses_that_cannot_hold_artifacts_are_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(InvalidInput, match="CONCEPTOSCOPE_ARTIFACTS_URL.*s3://BUCKET/PREFIX") as told:
        machine(tmp_path, wrong)
    assert "not-to-be-seen" not in str(told.value)


def test_an_endpoint_that_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="CONCEPTOSCOPE_S3_ENDPOINT"):
        machine(tmp_path, "s3://bucket", s3_endpoint="localhost:9000")


def test_empty_settings_mean_the_folder(tmp_path: Path) -> None:
    assert build(machine(tmp_path, ""), text="hello").path.is_relative_to(tmp_path / "atlas")


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        s3_access_key=SecretStr("not-to-be-seen"),
        s3_secret_key=SecretStr("not-to-be-seen"),
        database_url="postgresql://me:not-to-be-seen@host/name",
    )
    assert "not-to-be-seen" not in repr(settings) + str(settings)


def test_sizes_are_understood_as_people_write_them() -> None:
    assert Settings(cache_bytes="1.5 GiB").cache_bytes == 3 * 2**29  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        Settings(cache_bytes="much")  # type: ignore[arg-type]


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(
        Unavailable, match=r"s3://bucket need packages that are missing: pip install 'conceptoscope\[cluster\]'"
    ):
        machine(tmp_path, "s3://bucket").check()


@pytest.mark.parametrize(("url", "expected"), [("", "[]"), ("memory://x", "['fsspec']")])
def test_the_library_is_imported_when_it_is_needed(tmp_path: Path, url: str, expected: str) -> None:
    code = f"""
import sys
from app.main import make_app
from store.settings import Settings
from store.vocabulary import Kind
app = make_app(Settings(store={str(tmp_path)!r}, artifacts_url={url!r}))
assert "fsspec" not in sys.modules
app.state.site.artifacts.list(Kind.ATLAS)
print(sorted({{"fsspec", "s3fs", "botocore"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
