"""Builders that wait for each other, die, or stand still and come back: with real processes and signals."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from store.artifacts import Artifacts, key_of, open_artifacts
from store.errors import Unavailable
from store.settings import Settings
from store.vocabulary import Kind
from tests.store.artifacts.builder import INPUTS, SPEC, Builder, FileGuard, build

pytestmark = pytest.mark.slow

KEY = key_of(Kind.ATLAS, SPEC, inputs=INPUTS)
HOMES = ["folder", "file", pytest.param("s3", marks=pytest.mark.services)]


@dataclass
class Site:
    """One home, several builders of one request; who is lost."""

    settings: dict[str, Any]
    lost: Path
    builders: list[Builder] = field(default_factory=list)

    def guard(self, holder: str, *, is_careless: bool = False) -> FileGuard:
        """A guard of that name."""
        return FileGuard(holder, self.lost, is_careless)

    def here(self, holder: str | None = "here") -> Artifacts:
        """The artifacts as this process sees them."""
        return open_artifacts(Settings(**self.settings), guard=None if holder is None else self.guard(holder))

    def start(self, holder: str | None, *, is_careless: bool = False) -> Builder:
        """A builder in a process of its own."""
        guard = None if holder is None else self.guard(holder, is_careless=is_careless)
        self.builders.append(Builder(self.settings, guard, text=f"by {holder}"))
        return self.builders[-1]

    def lose(self, holder: str) -> None:
        """Declare a holder lost."""
        (self.lost / holder).touch()


@pytest.fixture(params=HOMES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    settings: dict[str, Any] = {"store": str(tmp_path / "store")}
    if request.param == "file":
        settings["artifacts_url"] = f"file://{tmp_path}/remote"
    if request.param == "s3":
        settings |= request.getfixturevalue("s3").facts(tmp_path / "store")
    (tmp_path / "lost").mkdir()
    site = Site(settings, tmp_path / "lost")
    yield site
    for builder in site.builders:
        builder.kill()


def until(happens: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_without_a_guard_a_held_draft_is_an_error_that_names_the_holder(site: Site) -> None:
    builder = site.start(None)
    assert builder.read() == f"holds {KEY}"
    with pytest.raises(Unavailable, match=rf"Another process is building atlas {KEY[:12]} \(process \d+ on .*\)"):
        build(site.here(None), text="here")


def test_with_a_guard_we_wait_and_take_what_the_other_one_published(site: Site) -> None:
    builder = site.start("other")
    assert builder.read() == f"holds {KEY}"
    guard = site.guard("here")
    artifacts = open_artifacts(Settings(**site.settings), guard=guard)

    def finish() -> None:
        until(lambda: guard.n_waits >= 2)
        builder.go_on()
        builder.go_on()

    thread = threading.Thread(target=finish)
    thread.start()
    found = build(artifacts, text="here")
    thread.join()
    assert builder.read() == "written"
    assert builder.read() == f"published {found.digest}"
    assert found.file("a.txt").read_text() == "by other"


def test_waiting_can_be_stopped(site: Site) -> None:
    builder = site.start("other")
    assert builder.read() == f"holds {KEY}"
    site.lose("stop")
    with pytest.raises(Unavailable, match="here no longer waits for atlas"):
        build(site.here(), text="here")


def test_the_draft_of_a_killed_holder_goes_on_in_its_place(site: Site) -> None:
    builder = site.start("other")
    builder.go_on()
    assert [builder.read(), builder.read()] == [f"holds {KEY}", "written"]
    builder.kill()
    with site.here().draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.path.name == KEY
        assert (draft.path / "shard.bin").read_text() == "shard of by other"


@pytest.mark.parametrize("is_careless", [False, True])
def test_a_holder_that_stands_still_is_outlived_and_cannot_publish_over_the_result(
    site: Site, is_careless: bool
) -> None:
    old = site.start("old", is_careless=is_careless)
    old.go_on()
    assert [old.read(), old.read()] == [f"holds {KEY}", "written"]
    old.stop()
    site.lose("old")
    artifacts = site.here("new")
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.path.name == f"{KEY}.1"
        assert (draft.path / "shard.bin").read_text() == "shard of by old"
        assert (draft.path / ".shard.sha256").read_text() == "its checksum"
        assert artifacts.draft_path(Kind.ATLAS, SPEC, inputs=INPUTS) == draft.path
        (draft.path / "a.txt").write_text("by new")
        new = artifacts.publish(draft)
    old.wake()
    old.go_on()
    assert old.read() == f"published {new.digest}"  # it is told the answer that there is
    old.process.wait()
    found = artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS)
    assert found is not None
    assert [one.digest for one in artifacts.list(Kind.ATLAS)] == [found.digest] == [new.digest]
    assert found.file("a.txt").read_text() == "by new"
    found.verify()
    assert list(artifacts.leftovers()) == []


def test_a_lost_holder_that_wakes_up_first_publishes_nothing(site: Site) -> None:
    old = site.start("old")
    old.go_on()
    assert [old.read(), old.read()] == [f"holds {KEY}", "written"]
    old.stop()
    site.lose("old")
    artifacts = site.here("new")
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        old.wake()
        old.go_on()
        assert old.read() == "failed old has been declared lost"
        old.process.wait()
        assert artifacts.list(Kind.ATLAS) == []
        (draft.path / "a.txt").write_text("by new")
        new = artifacts.publish(draft)
    assert new.file("a.txt").read_text() == "by new"


def test_a_rescuer_can_be_outlived_as_well(site: Site) -> None:
    for number, holder in enumerate(("first", "second")):
        builder = site.start(holder)
        builder.go_on()
        assert builder.read() == f"holds {KEY}" + (f".{number}" if number else "")
        assert builder.read() == "written"
        builder.stop()
        site.lose(holder)
    artifacts = site.here("third")
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.path.name == f"{KEY}.2"
        assert (draft.path / "shard.bin").read_text() == "shard of by first"
    site.builders[0].kill()  # its draft no longer counts, free as it is now
    with artifacts.draft(Kind.ATLAS, SPEC, inputs=INPUTS) as draft:
        assert draft.path.name == f"{KEY}.2"
        artifacts.publish(draft)
    folder = draft.path.parent
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {f"{KEY}.1"}  # it is held still
    site.builders[1].kill()
    for leftover in artifacts.leftovers():
        artifacts.remove(leftover)
    assert not [path for path in folder.iterdir() if path.is_dir()]


def test_many_builders_of_one_request_agree(site: Site) -> None:
    builders = [site.start(f"builder {number}") for number in range(4)]
    for builder in builders:
        builder.go_on()
        builder.go_on()
    said = [builder.process.communicate()[0].split("\n")[-2] for builder in builders]
    assert len({text.partition(" ")[2] for text in said}) == 1
    assert {text.partition(" ")[0] for text in said} == {"published"}
    assert len(site.here().list(Kind.ATLAS)) == 1


def test_a_result_that_was_set_aside_is_built_again(site: Site) -> None:
    artifacts = site.here()
    first = build(artifacts, text="first")
    artifacts.set_aside(first)
    second = build(artifacts, text="second")
    found = artifacts.find(Kind.ATLAS, SPEC, inputs=INPUTS)
    assert found is not None
    assert found.digest == second.digest != first.digest
    assert found.path.samefile(second.path)


def test_a_holder_is_lost_only_at_the_second_look(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between taking a lock and signing it, the name of an earlier holder stands in it."""
    builder = site.start("other")
    assert builder.read() == f"holds {KEY}"
    guard = site.guard("here")
    looks = [True, False]

    def is_lost(_: str) -> bool:
        if len(looks) == 1:
            site.lose("stop")
        return looks.pop(0)

    monkeypatch.setattr(guard, "is_lost", is_lost)
    artifacts = open_artifacts(Settings(**site.settings), guard=guard)
    with pytest.raises(Unavailable, match="no longer waits"):
        build(artifacts, text="here")
    assert looks == []
    assert artifacts.draft_path(Kind.ATLAS, SPEC, inputs=INPUTS).name == KEY
