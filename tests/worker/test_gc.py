"""gc: shows first, removes what nothing refers to, and nothing that somebody needs."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.artifacts import MANIFEST, Artifacts
from store.catalog.alignments import save_alignment
from store.catalog.jobs import cancel_job, get_job, submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.catalog.wanted import WantedNotes
from store.errors import Damaged, InvalidInput, NotFound
from store.jobs import AlignJob, AnyJob, IndexJob, Member, NamedDictionary, PipelineJob, TrainJob, UniversalJob
from store.settings import Settings
from store.specs import AlignmentSpec, AtlasSpec
from store.vocabulary import JobState, Kind
from tests.worker.chains import (
    EXTRACTION,
    STREAMS,
    all_digests,
    dictionary_spec,
    joint_spec,
    make,
    make_chain,
    make_joint,
    record,
    record_joint,
)
from worker.cli import app, main
from worker.collector import Collector
from worker.jobs.requests import alignment_inputs, dictionary_inputs, universal_inputs

WEEK = timedelta(days=7)
TRAIN = TrainJob(
    collection="drawn",
    extraction=EXTRACTION,
    dictionaries=(NamedDictionary(slug="small", title="Small", spec=dictionary_spec()),),
)


def gc(settings: Settings, *options: str) -> Any:
    command = ["gc", *options, "--json", "--store", str(settings.store)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def told(settings: Settings, *options: str) -> str:
    done = CliRunner().invoke(app, ["gc", *options, "--store", str(settings.store)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def things(found: Any) -> set[tuple[str, str]]:
    return {(thing["kind"], thing["digest"]) for thing in found["things"]}


def files(settings: Settings) -> dict[str, bytes]:
    """Everything but the catalog, which notes its readers."""
    paths = (path for path in settings.store.rglob("*") if path.is_file() and "catalog" not in path.name)
    return {str(path.relative_to(settings.store)): path.read_bytes() for path in paths}


def going(collector: Collector, *, days: float = 0, **options: Any) -> set[str]:
    """Digests and keys of what goes some days from now."""
    found = collector.look(grace=WEEK, now=datetime.now(UTC) + timedelta(days=days), **options)
    return {getattr(one.thing, "digest", None) or one.thing.address for one in found}  # type: ignore[union-attr]


def write_down(catalog: Catalog, job: AnyJob, *, state: JobState = JobState.QUEUED, days: float = 0) -> Job:
    """A job in a state in which it has been for some days."""
    with catalog.session() as session:
        row = get_job(session, submit_job(session, job).id)
        row.state, row.created_at = state, datetime.now(UTC) - timedelta(days=days)
        row.finished_at = row.created_at if state.is_final else None
        return row


def leave_draft(artifacts: Artifacts, kind: Kind, spec: Any, inputs: dict[str, str], *, days: float) -> Path:
    """A draft on which nobody has worked for some days."""
    with pytest.raises(KeyboardInterrupt), artifacts.draft(kind, spec, inputs=inputs) as draft:
        (draft.path / "half").write_text("half")
        raise KeyboardInterrupt
    then = datetime.now(UTC).timestamp() - days * 86400
    for path in (draft.path / "half", draft.path):
        os.utime(path, (then, then))
    return draft.path


def test_showing_removes_nothing_and_removing_removes_what_was_shown(
    settings: Settings, artifacts: Artifacts, catalog: Catalog
) -> None:
    kept = make_chain(artifacts, days=30)
    record(catalog, kept)
    old = make_chain(artifacts, listing="earlier photos", days=20)
    young = make_chain(artifacts, listing="later photos", days=3)
    leave_draft(artifacts, Kind.ATLAS, AtlasSpec(seed=9), {"dictionary": "x"}, days=10)
    before = files(settings)
    shown = gc(settings)
    assert files(settings) == before
    assert {digest for _, digest in things(shown)} > old.digests
    assert (shown["removed"], shown["n_things"], shown["grace_s"]) == (False, 5, 7 * 86400)
    whys = {thing["what"]: thing["why"] for thing in shown["things"]}
    assert whys == {"artifact": "nothing refers to it", "draft": "draft nobody builds"}
    text = told(settings)
    assert old.atlas.digest[:12] in text
    total = sum(thing["n_bytes"] for thing in shown["things"]) / 1024
    assert f"To remove: 5 things, {total:.1f} KiB. Nothing has been removed" in text
    assert "--yes does" in text
    removed = gc(settings, "--yes")
    assert (things(removed), removed["removed"], removed["n_kept"]) == (things(shown), True, 0)
    assert all_digests(artifacts) == kept.digests | young.digests
    assert set(before) - set(files(settings)) >= {f"atlas/{old.atlas.digest}/a.txt"}
    assert not [name for name in files(settings) if ".trash" in name or any(digest in name for digest in old.digests)]
    assert "There is nothing to remove." in told(settings)
    assert "Removed: 0 things" in told(settings, "--yes")


def test_mistakes_are_one_clear_line(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conceptoscope", "gc", "--grace", "banana", "--store", str(settings.store)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said == (
        "conceptoscope: --grace is a time such as 12h or 7d (s, m, h or d; ten years at most); 'banana' is not.\n"
    )
    for wrong in ("", "7", "d", "-1d", "1.5h", "9999999d", "٣d", "1 d"):
        with pytest.raises(InvalidInput, match="--grace is a time"):
            told(settings, "--grace", wrong)
    with pytest.raises(NotFound, match="No store named"):
        told(Settings(store=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("grace", "n_things"), [("0s", 4), ("90S", 4), ("30m", 4), ("23h", 4), ("2d", 0), ("9d", 0)])
def test_the_grace_time_is_given_in_any_unit(
    settings: Settings, artifacts: Artifacts, grace: str, n_things: int
) -> None:
    make_chain(artifacts, days=1.5)
    assert gc(settings, "--grace", grace)["n_things"] == n_things


def test_an_atlas_that_was_switched_away_stays_for_the_grace_time(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    first = make_chain(artifacts, days=300)
    record(catalog, first)
    second = make_chain(artifacts, atlas=AtlasSpec(seed=1), days=300)
    record(catalog, second)
    assert going(collector, days=6.9) == set()
    assert going(collector, days=7.1) == {first.atlas.digest}


def test_a_new_build_of_a_collection_keeps_what_dictionaries_were_made_from(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    first = make_chain(artifacts, days=300)
    record(catalog, first)
    record(catalog, make_chain(artifacts, listing="more photos", days=300), slug="other")
    assert going(collector, days=30) == set()  # the first dictionary is still shown, on the collection as it was


def test_activations_of_finished_dictionaries_go_when_asked(
    artifacts: Artifacts, catalog: Catalog, collector: Collector, settings: Settings
) -> None:
    chain, other = make_chain(artifacts, days=30), make_chain(artifacts, listing="more", days=30)
    record(catalog, other, slug="without", with_atlas=False)
    record(catalog, chain)
    artifacts.remove(other.atlas)
    assert going(collector, days=8) == set()
    assert going(collector, days=8, activations=False) == {chain.activations.digest}
    write_down(catalog, IndexJob(dictionary="small", atlas=AtlasSpec(seed=5)))
    assert going(collector, days=8, activations=False) == set()  # the job reads them
    with catalog.session() as session:
        cancel_job(session, 1)
    assert going(collector, days=8, activations=False) == {chain.activations.digest}
    assert gc(settings, "--activations", "--yes", "--grace", "1d")["things"] == []  # the job may be tried again
    [thing] = gc(settings, "--activations", "--yes", "--grace", "0s")["things"]
    assert (thing["kind"], thing["why"]) == ("activations", "only finished dictionaries refer to it")
    assert all_digests(artifacts) == (chain.digests | other.digests) - {chain.activations.digest, other.atlas.digest}


def test_an_alignment_keeps_what_it_shows_until_another_takes_its_place(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    one, other = make_chain(artifacts, days=30), make_chain(artifacts, seed=1, days=30)
    inputs = alignment_inputs(one.dictionary, other.dictionary)
    old, new = (make(artifacts, Kind.ALIGNMENT, AlignmentSpec(seed=s), inputs=inputs, days=30) for s in (0, 1))
    for atlas in (one.atlas, other.atlas):
        artifacts.remove(atlas)
    with catalog.session() as session:
        save_alignment(session, other.dictionary.digest, one.dictionary.digest, digest=old.digest, headline={})
    assert going(collector) == {new.digest}
    activations = one.activations.digest
    assert activations in all_digests(artifacts)
    job = write_down(catalog, AlignJob(first="small", second="other", alignment=AlignmentSpec(seed=1)))
    record(catalog, one, with_atlas=False)
    record(catalog, other, slug="other", with_atlas=False)
    assert going(collector) == set()  # the job would find it
    with catalog.session() as session:
        cancel_job(session, job.id)
        save_alignment(session, one.dictionary.digest, other.dictionary.digest, digest=new.digest, headline={})
    assert going(collector, days=6) == set()  # the old one was wanted until now
    assert going(collector, days=8) == {old.digest}


def test_a_universal_dictionary_stays_by_its_row_with_what_it_was_made_from(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    shown, other = make_joint(artifacts, days=30), make_joint(artifacts, seed=1, days=30)
    record_joint(catalog, shown)
    gone = {other.universal.digest, other.atlas.digest}
    assert going(collector) == gone
    assert going(collector, days=8, activations=False) == gone | {one.digest for one in shown.streams}
    record_joint(catalog, other)  # the slug means the other one from now on
    assert going(collector, days=6) == set()
    assert going(collector, days=8) == {shown.universal.digest, shown.atlas.digest}


def test_a_slug_may_pass_from_one_method_to_another(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    joint, chain = make_joint(artifacts, days=30), make_chain(artifacts, days=30)
    record_joint(catalog, joint, slug="small")
    record(catalog, chain)
    assert going(collector, days=6) == set()  # the universal one was wanted until now
    other = joint.streams[1].digest  # the first is read by both
    assert going(collector, days=8) == {joint.universal.digest, joint.atlas.digest, other}


def test_what_a_universal_job_would_go_on_from_stays(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    joint = make_joint(artifacts, days=900)
    record_joint(catalog, joint, with_atlas=False)
    for one in (joint.universal, joint.atlas):
        artifacts.remove(one)
    inputs = universal_inputs(joint.streams, collection=joint.collection.digest)
    draft = leave_draft(artifacts, Kind.UNIVERSAL, joint_spec(seed=3), inputs, days=800)
    found = {draft.name, *(one.digest for one in joint.streams)}
    assert going(collector) == found
    spec = joint_spec(seed=3)
    job = UniversalJob(collection="drawn", streams=STREAMS, slug="joint", title="Joint", spec=spec)
    write_down(catalog, job)
    assert going(collector) == set()
    with catalog.session() as session:
        cancel_job(session, 1)
    assert going(collector, days=8) == found


def test_an_index_job_of_a_universal_dictionary_needs_all_streams(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    joint = make_joint(artifacts, days=30)
    record_joint(catalog, joint)
    streams = {one.digest for one in joint.streams}
    assert going(collector, activations=False) == streams
    write_down(catalog, IndexJob(dictionary="joint", atlas=AtlasSpec(seed=5)))
    assert going(collector, activations=False) == set()
    write_down(catalog, AlignJob(first="joint", second="other"))  # which will be refused
    assert going(collector, activations=False) == set()


@pytest.mark.parametrize(
    ("state", "days", "stays"),
    [
        (JobState.QUEUED, 300, True),
        (JobState.RUNNING, 300, True),
        (JobState.FAILED, 6, True),
        (JobState.CANCELLED, 6, True),
        (JobState.FAILED, 8, False),
        (JobState.SUCCEEDED, 0, False),
    ],
)
def test_what_a_job_would_go_on_from_stays(
    artifacts: Artifacts, catalog: Catalog, collector: Collector, state: JobState, days: float, stays: bool
) -> None:
    """Older than the job itself, so that it is the spec that tells."""
    chain = make_chain(artifacts, days=900)
    record(catalog, chain)
    other = make_chain(artifacts, seed=1, days=900)
    artifacts.remove(chain.dictionary)
    artifacts.remove(chain.atlas)
    inputs = dictionary_inputs(chain.activations)
    draft = leave_draft(artifacts, Kind.DICTIONARY, dictionary_spec(), inputs, days=800)
    elsewhere = leave_draft(artifacts, Kind.DICTIONARY, dictionary_spec(seed=5), inputs, days=800)
    pipeline = PipelineJob(title="P", members=(Member(job=TRAIN), Member(job=IndexJob(dictionary="small"))))
    write_down(catalog, pipeline, state=state, days=days)
    gone = {elsewhere.name, other.dictionary.digest, other.atlas.digest}
    expected = gone if stays else gone | {draft.name, chain.activations.digest}
    assert going(collector) == expected


def test_what_was_wanted_since_the_oldest_unfinished_job_stays(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    before, since = make_chain(artifacts, days=31), make_chain(artifacts, listing="later", days=29)
    draft = leave_draft(artifacts, Kind.ATLAS, AtlasSpec(), {"dictionary": "x"}, days=29)
    write_down(catalog, IndexJob(dictionary="whatever"), state=JobState.RUNNING, days=30)
    assert going(collector) == before.digests
    with catalog.session() as session:
        get_job(session, 1).state = JobState.SUCCEEDED
    assert going(collector) == before.digests | since.digests | {draft.name}


def test_what_is_being_built_and_what_it_may_read_stays(
    settings: Settings, artifacts: Artifacts, catalog: Catalog
) -> None:
    chain = make_chain(artifacts, days=30)
    WantedNotes(catalog).want(Kind.ACTIVATIONS, chain.activations.digest)
    inputs = dictionary_inputs(chain.activations)
    with artifacts.draft(Kind.DICTIONARY, dictionary_spec(seed=7), inputs=inputs) as draft:
        (draft.path / "a.txt").write_text("half")
        removed = gc(settings, "--grace", "0s", "--yes")
        assert {digest for _, digest in things(removed)} == {chain.atlas.digest, chain.dictionary.digest}
        assert (draft.path / "a.txt").exists()
        artifacts.publish(draft)


def test_set_aside_artifacts_count_from_that_moment(
    artifacts: Artifacts, collector: Collector, settings: Settings
) -> None:
    chain = make_chain(artifacts, days=300)
    artifacts.set_aside(chain.atlas)
    rest = chain.digests - {chain.atlas.digest}
    assert going(collector) == rest
    assert going(collector, days=8) == chain.digests
    assert gc(settings, "--grace", "0s")["things"][-1]["why"] == "damaged, set aside"


def test_a_damaged_manifest_stops_it_where_it_matters(
    artifacts: Artifacts, catalog: Catalog, collector: Collector
) -> None:
    chain, other = make_chain(artifacts, days=30), make_chain(artifacts, listing="other", days=30)
    record(catalog, chain)
    (other.atlas.path / MANIFEST).write_text("{")
    assert going(collector) == other.digests - {other.atlas.digest}
    (chain.dictionary.path / MANIFEST).write_text("{")
    with pytest.raises(Damaged, match="--rebuild"):
        going(collector)


def test_a_removal_that_was_cut_off_is_finished(
    settings: Settings, artifacts: Artifacts, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = make_chain(artifacts, days=30)
    monkeypatch.setattr(Artifacts, "empty_trash", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        collector.remove(collector.look(grace=WEEK))
    monkeypatch.undo()
    assert all_digests(artifacts) == chain.digests - {chain.atlas.digest}
    found = gc(settings, "--yes")
    assert {thing["why"] for thing in found["things"]} == {"nothing refers to it", "removed before, not yet deleted"}
    assert all_digests(artifacts) == set()
    assert not [name for name in files(settings) if ".trash" in name]


def test_looking_is_no_wanting(artifacts: Artifacts, catalog: Catalog, collector: Collector) -> None:
    chain = make_chain(artifacts, days=30)
    assert going(collector) == going(collector) == chain.digests
