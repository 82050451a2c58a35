"""Every home of artifacts keeps the same promises: a folder, and object stores behind fsspec."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.artifacts import Artifact, Artifacts, key_of, open_artifacts
from store.artifacts.leftovers import DRAFT, SET_ASIDE, SHARED, UPLOAD, Leftover
from store.errors import Damaged, NotFound
from store.settings import Settings
from store.specs import AtlasSpec
from store.vocabulary import Kind

SPEC = AtlasSpec(seed=3)
INPUTS = {"dictionary": "abc"}
KEY = key_of(Kind.ATLAS, SPEC, inputs=INPUTS)
HOMES = ["folder", "memory", "file", pytest.param("s3", marks=pytest.mark.services)]


@dataclass
class Place:
    """Machines over one home; ``damage`` changes the bytes of a published file where it is kept."""

    machine: Callable[[str], Artifacts]
    damage: Callable[[Artifact, str], None]
    forget: Callable[[Artifact, str], None]


@pytest.fixture(params=HOMES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield Place(
            lambda _: Artifacts(tmp_path), damage_folder, lambda artifact, name: (artifact.path / name).unlink()
        )
        return
    s3 = request.getfixturevalue("s3") if request.param == "s3" else None
    url = {"memory": f"memory://{tmp_path.name}/store", "file": f"file://{tmp_path}/remote"}.get(request.param)
    url = url or s3.make_url()
    opened: list[Artifacts] = []

    def machine(name: str) -> Artifacts:
        changes: dict[str, Any] = {"artifacts_url": url}
        opened.append(
            open_artifacts(s3.settings(tmp_path / name, url) if s3 else Settings(store=tmp_path / name, **changes))
        )
        return opened[-1]

    yield Place(machine, damage_object, forget_object)
    for artifacts in opened:
        artifacts.close()


def damage_folder(artifact: Artifact, name: str) -> None:
    path = artifact.path / name
    path.write_bytes(b"x" * path.stat().st_size)


def damage_object(artifact: Artifact, name: str) -> None:
    from store.artifacts.remote_files import RemoteFiles, file_name

    assert isinstance(artifact.files, RemoteFiles)
    entry = artifact.manifest.files[name]
    target = file_name(artifact.kind, artifact.digest, name, entry)
    artifact.files.objects.write(target, b"x" * entry.n_bytes)


def forget_object(artifact: Artifact, name: str) -> None:
    from store.artifacts.remote_files import RemoteFiles, file_name

    assert isinstance(artifact.files, RemoteFiles)
    artifact.files.objects.remove([file_name(artifact.kind, artifact.digest, name, artifact.manifest.files[name])])


def build(artifacts: Artifacts, text: str = "hello", spec: AtlasSpec = SPEC) -> Artifact:
    with artifacts.draft(Kind.ATLAS, spec, inputs=INPUTS) as draft:
        draft.clear()
        (draft.path / "a.txt").write_text(text)
        (draft.path / "deep").mkdir()
        (draft.path / "deep" / "b.bin").write_bytes(bytes(range(256)))
        (draft.path / ".scratch").write_text("not published as a file of the artifact")
        return artifacts.publish(draft)


def test_what_one_machine_publishes_another_one_reads(place: Place) -> None:
    one, other = place.machine("one"), place.machine("other")
    assert other.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    assert other.list(Kind.ATLAS) == []
    built = build(one)
    found = other.find(Kind.ATLAS, SPEC, inputs=INPUTS)
    assert found is not None
    assert (found.digest, found.kind, found.manifest) == (built.digest, Kind.ATLAS, built.manifest)
    assert set(found.manifest.files) == {"a.txt", "deep/b.bin"}
    assert found.file("a.txt").read_text() == "hello"
    assert other.get(Kind.ATLAS, built.digest).file("deep/b.bin").read_bytes() == bytes(range(256))
    assert [artifact.digest for artifact in other.list(Kind.ATLAS)] == [built.digest]
    assert (other.get(Kind.ATLAS, built.digest).folder() / "deep" / "b.bin").exists()
    for artifacts in (one, other):
        artifacts.get(Kind.ATLAS, built.digest).verify()
        artifacts.check()
        artifacts.check_readable()
        use = artifacts.cache_use()
        assert use is None or 0 < use.n_bytes < use.n_bytes_max


def test_a_file_may_be_read_for_a_moment_only(place: Place) -> None:
    built = build(place.machine("one"))
    with place.machine("other").get(Kind.ATLAS, built.digest).reading("a.txt") as path:
        assert path.read_text() == "hello"


def test_the_address_depends_on_the_content_alone(place: Place, tmp_path: Path) -> None:
    assert build(place.machine("one")).digest == build(Artifacts(tmp_path / "elsewhere")).digest


def test_the_first_answer_stays(place: Place) -> None:
    first = build(place.machine("one"))
    second = build(place.machine("other"), text="another build of the same request")
    assert second.digest == first.digest
    assert second.file("a.txt").read_text() == "hello"
    assert len(place.machine("third").list(Kind.ATLAS)) == 1
    assert [one for one in place.machine("other").leftovers() if one.what == DRAFT] == []


def test_equal_content_of_two_requests_is_kept_once_for_each(place: Place) -> None:
    one = place.machine("one")
    assert build(one).digest != build(one, spec=AtlasSpec(seed=4)).digest
    assert len(one.list(Kind.ATLAS)) == 2


def test_a_changed_file_is_named_set_aside_and_built_again(place: Place) -> None:
    one, other = place.machine("one"), place.machine("other")
    built = build(one)
    expected = built.manifest.files["a.txt"].sha256[:12]
    place.damage(built, "a.txt")
    with pytest.raises(Damaged, match=rf"a\.txt is damaged \(sha256 {expected} expected.*--rebuild"):
        other.get(Kind.ATLAS, built.digest).file("a.txt")
    damaged = one.get(Kind.ATLAS, built.digest)
    with pytest.raises(Damaged, match=r"a\.txt is damaged"):
        damaged.verify()
    aside = one.set_aside(damaged)
    assert built.digest in aside
    assert one.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    assert place.machine("third").list(Kind.ATLAS) == []
    assert {(one.what, one.n_bytes > 256) for one in one.leftovers()} == {(SET_ASIDE, True)}
    assert build(one).digest == built.digest
    assert place.machine("fourth").get(Kind.ATLAS, built.digest).file("a.txt").read_text() == "hello"


def test_a_missing_file_is_damage(place: Place) -> None:
    built = build(place.machine("one"))
    place.forget(built, "a.txt")
    with pytest.raises(Damaged, match=r"a\.txt is (missing|damaged)"):
        place.machine("other").get(Kind.ATLAS, built.digest).file("a.txt")


def test_unknown_addresses_and_files_are_not_found(place: Place) -> None:
    artifacts = place.machine("one")
    built = build(artifacts)
    with pytest.raises(NotFound, match=built.digest):
        artifacts.get(Kind.ATLAS, "0" * 64)
    with pytest.raises(NotFound, match="a.txt"):
        built.file("b.txt")


def test_an_artifact_can_be_removed_and_built_again(place: Place) -> None:
    one = place.machine("one")
    built = build(one)
    one.remove(built)
    assert one.list(Kind.ATLAS) == []
    assert one.find(Kind.ATLAS, SPEC, inputs=INPUTS) is None
    assert list(one.leftovers()) == []
    again = build(one, text="another")
    assert again.file("a.txt").read_text() == "another"


def test_what_is_left_over_is_listed_and_can_be_removed(place: Place, tmp_path: Path) -> None:
    one = place.machine("one")
    with pytest.raises(KeyboardInterrupt), one.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        (draft.path / "half.txt").write_text("half")
        assert list(one.leftovers()) == []  # it is being built
        raise KeyboardInterrupt
    (tmp_path / "part").write_bytes(os.urandom(1000))
    one.shared_draft(Kind.ATLAS, SPEC, inputs=INPUTS).put("part", tmp_path / "part")
    one.set_aside(build(one, spec=AtlasSpec(seed=4)))
    found = list(one.leftovers())
    assert sorted(leftover.what for leftover in found) == [DRAFT, SET_ASIDE, SHARED]
    assert {leftover.name for leftover in found if leftover.what == DRAFT} == {KEY}
    assert all(leftover.n_bytes and leftover.kind is Kind.ATLAS for leftover in found)
    for leftover in found:
        one.remove(leftover)
    assert list(one.leftovers()) == []


def test_what_was_worked_on_since_it_was_listed_is_not_removed(place: Place, tmp_path: Path) -> None:
    one = place.machine("one")
    (tmp_path / "part").write_bytes(os.urandom(1000))
    shared = one.shared_draft(Kind.ATLAS, SPEC, inputs=INPUTS)
    shared.put("part", tmp_path / "part")
    with pytest.raises(KeyboardInterrupt), one.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        raise KeyboardInterrupt
    listed = [replace(left, changed_at=left.changed_at - timedelta(seconds=5)) for left in one.leftovers()]
    assert sorted(left.what for left in listed) == [DRAFT, SHARED]
    for leftover in listed:
        one.remove(leftover)
    assert sorted(left.what for left in one.leftovers()) == [DRAFT, SHARED]
    assert shared.names() == {"part"}
    with one.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        began = one.building_since()
        assert began is not None
        assert abs(datetime.now(UTC) - began) < timedelta(minutes=1)
        for leftover in one.leftovers():
            one.remove(leftover)
        assert draft.path.exists()
    assert one.building_since() is None


def test_removals_are_no_trouble_twice_and_open_files_can_be_read_on(place: Place) -> None:
    one = place.machine("one")
    built = build(one)
    with built.file("a.txt").open() as opened:
        one.remove(built)
        one.remove(built)
        assert opened.read() == "hello"
    assert one.leftovers() == []
    assert not one.is_there(Kind.ATLAS, built.digest)


def test_a_machine_with_an_old_manifest_reads_what_was_built_again(place: Place) -> None:
    """A format whose bytes differ from one writing to the next: the address is the same."""
    one, other = place.machine("one"), place.machine("other")
    for text in ("first", "second"):
        with one.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
            (draft.path / "a.txt").write_text(text)
            draft.contents["a.txt"] = "0" * 64
            built = one.publish(draft)
        if text == "first":
            other.get(Kind.ATLAS, built.digest)
            one.remove(built)
    with suppress(Damaged):  # its manifest is of the first
        other.get(Kind.ATLAS, built.digest).file("a.txt")
    assert other.get(Kind.ATLAS, built.digest).file("a.txt").read_text() == "second"


def test_parts_are_shared_between_machines_until_the_draft_is_published(place: Place, tmp_path: Path) -> None:
    drafts = [place.machine(name).shared_draft(Kind.ATLAS, SPEC, inputs=INPUTS) for name in ("one", "other")]
    assert drafts[0].names() == set()
    for number, draft in enumerate(drafts):
        (tmp_path / "part").write_text(f"part {number}")
        draft.put(f"shard-{number}.bin", tmp_path / "part")
        (tmp_path / "part").unlink()
    (tmp_path / "again").write_text("part 1")
    drafts[0].put("shard-1.bin", tmp_path / "again")
    for draft in drafts:
        assert draft.names() == {"shard-0.bin", "shard-1.bin"}
        for number in range(2):
            draft.fetch(f"shard-{number}.bin", tmp_path / "fetched")
            assert (tmp_path / "fetched").read_text() == f"part {number}"
    with pytest.raises(NotFound, match="shard-0.bin, shard-1.bin"):
        drafts[0].fetch("shard-2.bin", tmp_path / "fetched")
    build(place.machine("one"))
    assert [draft.names() for draft in drafts] == [set(), set()]


def test_files_that_became_an_artifact_since_they_were_listed_are_not_removed(place: Place) -> None:
    one = place.machine("one")
    built = build(one)
    one.remove(Leftover(UPLOAD, Kind.ATLAS, built.digest, 0, built.manifest.created_at))
    place.machine("other").get(Kind.ATLAS, built.digest).verify()


def adopt(here: Artifacts, made: Artifact, *, damage: bool = False) -> Artifact:
    with here.adopting(made.manifest) as draft:
        for name in made.manifest.files:
            (draft.path / name).parent.mkdir(exist_ok=True)
            (draft.path / name).write_bytes(made.file(name).read_bytes() + b"x" * damage)
        try:
            return here.adopt(draft, made.manifest)
        finally:
            draft.drop()


def test_what_was_made_elsewhere_is_adopted_as_it_is(place: Place, tmp_path: Path) -> None:
    made, here = build(Artifacts(tmp_path / "elsewhere")), place.machine("one")
    with here.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as own:
        (own.path / "half").write_text("done here")
    adopted = adopt(here, made)
    assert (adopted.digest, adopted.manifest) == (made.digest, made.manifest)
    there = place.machine("two").find(Kind.ATLAS, SPEC, inputs=INPUTS)
    assert there is not None
    there.verify()
    assert (here.draft_path(Kind.ATLAS, SPEC, inputs=INPUTS) / "half").exists()
    assert adopt(here, made).digest == made.digest


def test_an_answer_stays_when_another_one_is_adopted(place: Place, tmp_path: Path) -> None:
    here = place.machine("one")
    own, other = build(here), build(Artifacts(tmp_path / "elsewhere"), "other")
    assert adopt(here, other).digest == other.digest
    found = here.find(Kind.ATLAS, SPEC, inputs=INPUTS)
    assert found is not None
    assert found.digest == own.digest
    assert {one.digest for one in here.list(Kind.ATLAS)} == {own.digest, other.digest}


def test_what_is_not_what_its_manifest_says_is_not_adopted(place: Place, tmp_path: Path) -> None:
    made, here = build(Artifacts(tmp_path / "elsewhere")), place.machine("one")
    with pytest.raises(Damaged):
        adopt(here, made, damage=True)
    with pytest.raises(Damaged, match="missing"), here.adopting(made.manifest) as draft:
        here.adopt(draft, made.manifest)
    assert here.list(Kind.ATLAS) == []
