"""Artifacts: published whole or not at all, found by request, checked on reading."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from store.artifacts import MANIFEST, Artifact, Artifacts, check_writable, key_of, sha256_of
from store.errors import Damaged, InvalidInput, NewerFormat, NotFound, Unavailable
from store.specs import AtlasSpec
from store.vocabulary import Kind

SPEC = AtlasSpec(seed=3)
INPUTS = {"dictionary": "abc"}


def build(artifacts: Artifacts, text: str = "hello", spec: AtlasSpec = SPEC) -> Artifact:
    with artifacts.draft(Kind.ATLAS, spec, inputs=INPUTS) as draft:
        draft.clear()
        (draft.path / "a.txt").write_text(text)
        (draft.path / "deep").mkdir()
        (draft.path / "deep" / "b.bin").write_bytes(bytes(range(256)))
        (draft.path / ".scratch").write_text("not published as a file of the artifact")
        return artifacts.publish(draft)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "store")


def test_a_published_artifact_is_found_by_its_request_and_address(artifacts: Artifacts) -> None:
    assert artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    built = build(artifacts)
    assert artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS) == built
    assert artifacts.get(Kind.ATLAS, built.digest) == built
    assert artifacts.list(Kind.ATLAS) == [built]
    assert set(built.manifest.files) == {"a.txt", "deep/b.bin"}
    assert built.manifest.digest == built.digest
    assert built.file("a.txt").read_text() == "hello"
    built.verify()


def test_equal_content_has_an_equal_address_wherever_and_whenever_it_is_built(tmp_path: Path) -> None:
    one, two = build(Artifacts(tmp_path / "one")), build(Artifacts(tmp_path / "two"))
    assert one.digest == two.digest
    assert build(Artifacts(tmp_path / "three"), text="other").digest != one.digest
    assert build(Artifacts(tmp_path / "four"), spec=AtlasSpec(seed=4)).digest != one.digest


def test_the_key_depends_on_kind_spec_and_inputs() -> None:
    keys = {
        key_of(Kind.ATLAS, SPEC, inputs=INPUTS),
        key_of(Kind.DICTIONARY, SPEC, inputs=INPUTS),
        key_of(Kind.ATLAS, AtlasSpec(seed=4), inputs=INPUTS),
        key_of(Kind.ATLAS, SPEC, inputs={"dictionary": "abd"}),
    }
    assert len(keys) == 4
    assert key_of(Kind.ATLAS, AtlasSpec(seed=3), inputs=dict(INPUTS)) in keys


def test_building_again_keeps_the_first_and_leaves_no_draft(artifacts: Artifacts) -> None:
    first = build(artifacts)
    stamp = (first.path / "a.txt").stat().st_mtime_ns
    assert build(artifacts) == first
    assert (first.path / "a.txt").stat().st_mtime_ns == stamp
    drafts = [p for p in (first.path.parent / ".drafts").iterdir() if p.is_dir()]
    assert drafts == []


def test_an_interrupted_draft_is_invisible_and_goes_on(artifacts: Artifacts) -> None:
    with pytest.raises(KeyboardInterrupt), artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        (draft.path / "half.txt").write_text("half")
        raise KeyboardInterrupt
    assert artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    assert artifacts.list(Kind.ATLAS) == []
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert (draft.path / "half.txt").read_text() == "half"


def test_a_killed_builder_leaves_nothing_visible_and_no_lock(artifacts: Artifacts) -> None:
    code = f"""
import time
from pathlib import Path
from store.artifacts import Artifacts
from store.specs import AtlasSpec
from store.vocabulary import Kind
with Artifacts(Path({str(artifacts.root)!r})).draft(Kind.ATLAS, AtlasSpec(seed=3), inputs={INPUTS!r}) as draft:
    (draft.path / "half.txt").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(Unavailable, match="Another process is building"):
        build(artifacts)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert artifacts.list(Kind.ATLAS) == []
    assert build(artifacts).file("a.txt").read_text() == "hello"


def test_a_changed_file_is_named_with_its_checksum(artifacts: Artifacts) -> None:
    built = build(artifacts)
    expected = built.manifest.files["a.txt"].sha256
    (built.path / "a.txt").write_text("hullo")
    with pytest.raises(Damaged, match=rf"a\.txt is damaged \(sha256 {expected[:12]} expected.*--rebuild"):
        built.file("a.txt")
    aside = artifacts.set_aside(built)
    assert (Path(aside) / "a.txt").read_text() == "hullo"
    assert artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    assert build(artifacts).digest == built.digest


def test_a_file_changed_after_it_was_verified_is_noticed(artifacts: Artifacts) -> None:
    built = build(artifacts)
    built.file("a.txt")
    time.sleep(0.01)
    (built.path / "a.txt").write_text("hullo")
    with pytest.raises(Damaged):
        built.file("a.txt")


def test_a_missing_file_and_a_broken_manifest_are_damage(artifacts: Artifacts) -> None:
    built = build(artifacts)
    (built.path / "a.txt").unlink()
    with pytest.raises(Damaged, match="missing"):
        built.file("a.txt")
    (built.path / MANIFEST).write_text("{")
    with pytest.raises(Damaged, match="cannot be read as a manifest"):
        Artifact(built.path).verify()


def test_a_manifest_that_was_edited_no_longer_gives_its_address(artifacts: Artifacts) -> None:
    built = build(artifacts)
    text = (built.path / MANIFEST).read_text().replace('"abc"', '"abd"')
    (built.path / MANIFEST).write_text(text)
    with pytest.raises(Damaged, match="own address"):
        Artifact(built.path).verify()


def test_a_newer_format_is_refused(artifacts: Artifacts) -> None:
    built = build(artifacts)
    manifest = json.loads((built.path / MANIFEST).read_text()) | {"format": 999}
    (built.path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(NewerFormat, match=r"format 999.*upgrade"):
        _ = Artifact(built.path).manifest


def test_unknown_addresses_and_files_are_not_found(artifacts: Artifacts) -> None:
    built = build(artifacts)
    with pytest.raises(NotFound):
        artifacts.get(Kind.ATLAS, "0" * 64)
    with pytest.raises(NotFound, match="a.txt"):
        built.file("b.txt")


def test_a_full_disk_is_told_and_nothing_is_lost(artifacts: Artifacts) -> None:
    with pytest.raises(Unavailable, match="No space left"), artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        (draft.path / "half.txt").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert artifacts.list(Kind.ATLAS) == []


def test_a_really_full_disk(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    artifacts = Artifacts(tmp_path)
    with pytest.raises(Unavailable, match="choose another --store"), artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS):
        with Path("/dev/full").open("w") as full:
            full.write("x" * 100_000)


def test_a_store_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be made"):
        check_writable(tmp_path / "file" / "store")
    check_writable(tmp_path / "fresh")
    assert (tmp_path / "fresh").is_dir()


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    import hashlib

    content = os.urandom(2_500_000)
    (tmp_path / "x").write_bytes(content)
    assert sha256_of(tmp_path / "x") == hashlib.sha256(content).hexdigest()


class WatchingNotes:
    """Notes that look what is there when something is wanted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: list[tuple[str, bool]] = []

    def want(self, kind: Kind, digest: str) -> None:
        self.seen.append((digest, Artifacts(self.root).is_there(kind, digest)))


def test_what_is_published_is_wanted_before_it_can_be_seen(tmp_path: Path) -> None:
    notes = WatchingNotes(tmp_path)
    built = build(Artifacts(tmp_path, notes=notes))
    assert notes.seen[0] == (built.digest, False)
    assert notes.seen[-1] == (built.digest, True)


def test_what_is_removed_while_it_is_wanted_is_not_found(tmp_path: Path) -> None:
    built = build(Artifacts(tmp_path))

    class Removing(WatchingNotes):
        def want(self, kind: Kind, digest: str) -> None:
            super().want(kind, digest)
            if self.seen[-1][1]:
                Artifacts(tmp_path).remove(built)

    artifacts = Artifacts(tmp_path, notes=Removing(tmp_path))
    assert artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    with pytest.raises(NotFound):
        artifacts.get(Kind.ATLAS, built.digest)


def test_a_lock_that_is_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    path = artifacts.draft_path(Kind.ATLAS, SPEC, inputs=INPUTS)
    path.parent.mkdir(parents=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Timer(0.03, os.close, (lock,)).start()
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.path == path
