"""Jobs in the catalog: asking, listing, stopping, trying again; what only a run's owner may write."""

from datetime import UTC, datetime, timedelta

import pytest

from store.catalog.jobs import (
    JobFilter,
    cancel_job,
    count_jobs,
    find_unfinished,
    get_job,
    list_jobs,
    list_log,
    list_members,
    list_steps,
    retry_job,
    submit_job,
    tail_log,
)
from store.catalog.runs import (
    Progress,
    Run,
    add_log,
    begin_step,
    end_step,
    finish_run,
    list_waiting,
    note_handed,
    save_progress,
    start_run,
)
from store.catalog.session import Catalog
from store.errors import Conflict, NotFound, Outlived
from store.jobs import IndexJob, Member, PipelineJob
from store.vocabulary import JobKind, JobState


def ask(catalog: Catalog, name: str = "a", *, key: str | None = None) -> int:
    with catalog.session() as session:
        return submit_job(session, IndexJob(dictionary=name), idempotency_key=key).id


def started(catalog: Catalog, job: int, *, owner: str = "life-1", attempt: int = 1) -> Run:
    run = Run(job, attempt, owner=owner, worker="w")
    with catalog.session() as session:
        assert start_run(session, run)
    return run


def state_of(catalog: Catalog, job: int) -> str:
    with catalog.session() as session:
        return get_job(session, job).state


def test_a_key_names_one_request(catalog: Catalog) -> None:
    assert ask(catalog, "a", key="k") == ask(catalog, "a", key="k")
    assert ask(catalog, "a") != ask(catalog, "a")
    with pytest.raises(Conflict, match="'k' was used for another request"):
        ask(catalog, "b", key="k")


def test_lists_filter_and_page(catalog: Catalog) -> None:
    jobs = [ask(catalog, name) for name in "abcd"]
    started(catalog, jobs[1])
    with catalog.session() as session:
        assert [row.id for row in list_jobs(session)] == jobs[::-1]
        assert [row.id for row in list_jobs(session, JobFilter(states=[JobState.RUNNING]))] == [jobs[1]]
        assert list_jobs(session, JobFilter(kinds=[JobKind.TRAIN])) == []
        assert [row.id for row in list_jobs(session, before_id=jobs[2], limit=1)] == [jobs[1]]
        counts = count_jobs(session)
    assert counts == {JobState.QUEUED: 3, JobState.RUNNING: 1} | {s: 0 for s in JobState if s.is_final}


def test_an_unknown_job_is_named(catalog: Catalog) -> None:
    ask(catalog)
    with catalog.session() as session, pytest.raises(NotFound, match="No job named '7'. Jobs have numbers up to 1"):
        get_job(session, 7)


def test_an_equal_unfinished_job_is_found(catalog: Catalog) -> None:
    job = ask(catalog, "a")
    with catalog.session() as session:
        found = find_unfinished(session, IndexJob(dictionary="a"))
        assert found is not None
        assert found.id == job
        assert find_unfinished(session, IndexJob(dictionary="b")) is None
        cancel_job(session, job)
        assert find_unfinished(session, IndexJob(dictionary="a")) is None


def test_waiting_jobs_are_handed_over_once_in_order(catalog: Catalog) -> None:
    jobs = [ask(catalog, name) for name in "abc"]
    with catalog.session() as session:
        assert [row.id for row in list_waiting(session)] == jobs
        note_handed(session, [(jobs[0], 1)])
        assert [row.id for row in list_waiting(session)] == jobs[1:]


def test_a_run_belongs_to_its_owner(catalog: Catalog) -> None:
    job = ask(catalog)
    first = started(catalog, job)
    second = started(catalog, job, owner="life-2")  # taken over
    with catalog.session() as session, pytest.raises(Outlived):
        save_progress(session, first, Progress(1, 2))
    with catalog.session() as session, pytest.raises(Outlived):
        finish_run(session, first, JobState.SUCCEEDED)
    with catalog.session() as session:
        assert save_progress(session, second, Progress(1, 2, "half")) is False
        finish_run(session, second, JobState.SUCCEEDED, result={"made": []})
    with catalog.session() as session, pytest.raises(Outlived):
        begin_step(session, second, "late")
    assert state_of(catalog, job) == JobState.SUCCEEDED


def test_progress_is_dated_by_what_was_done_not_by_what_was_told(catalog: Catalog) -> None:
    run = started(catalog, ask(catalog))
    dates = []
    for progress in (Progress(1, 9, "x"), Progress(1, 9, "x", rate=2.0), Progress(2, 9, "x"), Progress(2, 9, "y")):
        with catalog.session() as session:
            save_progress(session, run, progress)
        with catalog.session() as session:
            dates.append(get_job(session, run.job_id).progress_at)
    assert dates[0] == dates[1]
    assert all(dates)
    assert len(set(dates)) == 3


def test_a_cancelled_or_ended_job_is_not_started(catalog: Catalog) -> None:
    job = ask(catalog)
    with catalog.session() as session:
        cancel_job(session, job)
        assert not start_run(session, Run(job, 1, owner="life", worker="w"))
    with catalog.session() as session, pytest.raises(Conflict, match="already ended: it is cancelled"):
        cancel_job(session, job)


def test_a_running_job_learns_that_it_should_stop(catalog: Catalog) -> None:
    job = ask(catalog)
    run = started(catalog, job)
    with catalog.session() as session:
        assert cancel_job(session, job).state == JobState.RUNNING
    with catalog.session() as session:
        assert save_progress(session, run, Progress())


def test_trying_again_is_another_attempt(catalog: Catalog) -> None:
    job = ask(catalog)
    run = started(catalog, job)
    with catalog.session() as session, pytest.raises(Conflict, match="is running"):
        retry_job(session, job)
    with catalog.session() as session:
        finish_run(session, run, JobState.FAILED, failure={"message": "no"})
    with catalog.session() as session:
        row = retry_job(session, job)
        assert (row.state, row.attempt, row.failure, row.started_at) == (JobState.QUEUED, 2, None, None)
        assert not start_run(session, Run(job, 1, owner="life", worker="w"))  # the first is over
        assert start_run(session, Run(job, 2, owner="life", worker="w"))


def test_a_pipeline_is_stopped_and_tried_again_with_its_members(catalog: Catalog) -> None:
    spec = PipelineJob(title="both", members=tuple(Member(job=IndexJob(dictionary=name)) for name in "ab"))
    with catalog.session() as session:
        parent = submit_job(session, spec)
        members = [submit_job(session, m.job, parent=parent, place=i) for i, m in enumerate(spec.members)]
        assert submit_job(session, spec.members[0].job, parent=parent, place=0).id == members[0].id
        numbers = [parent.id, *(member.id for member in members)]
    run = started(catalog, numbers[1])
    with catalog.session() as session:
        finish_run(session, run, JobState.SUCCEEDED)
        cancel_job(session, numbers[0])
    assert [state_of(catalog, job) for job in numbers] == ["cancelled", "succeeded", "cancelled"]
    with catalog.session() as session:
        retry_job(session, numbers[0])
        assert [row.id for row in list_members(session, numbers[0])] == numbers[1:]
    assert [state_of(catalog, job) for job in numbers] == ["queued", "succeeded", "queued"]


def test_a_member_may_wait_only_for_earlier_ones() -> None:
    with pytest.raises(ValueError, match="member 0 may wait only for earlier ones"):
        PipelineJob(title="loop", members=(Member(job=IndexJob(dictionary="a"), after=(0,)),))


def test_steps_keep_their_beginning(catalog: Catalog) -> None:
    run = started(catalog, ask(catalog))
    with catalog.session() as session:
        begin_step(session, run, "atlas")
    with catalog.session() as session:
        first = list_steps(session, run.job_id)[0].started_at
        begin_step(session, run, "atlas")
        end_step(session, run, "atlas")
    with catalog.session() as session:
        [step] = list_steps(session, run.job_id)
    assert step.started_at == first
    assert step.finished_at is not None
    assert step.finished_at - first < timedelta(minutes=1)
    assert first.tzinfo is not None


def test_the_log_keeps_its_newest_lines(catalog: Catalog) -> None:
    run = started(catalog, ask(catalog))
    now = datetime.now(UTC)
    with catalog.session() as session:
        add_log(session, run, [(now, "info", f"line {n}") for n in range(10)], keep=4)
    with catalog.session() as session:
        kept = list_log(session, run.job_id)
        assert [line.text for line in kept] == ["line 6", "line 7", "line 8", "line 9"]
        assert [line.text for line in list_log(session, run.job_id, after_id=kept[1].id)] == ["line 8", "line 9"]
        assert [line.text for line in tail_log(session, run.job_id, n_lines=1)] == ["line 9"]
