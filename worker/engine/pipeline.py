"""Pipelines: members are written down as jobs of their own, each when those it waits for have succeeded."""

import time
from typing import Final

from store.catalog.jobs import find_job, list_members, submit_job
from store.catalog.session import Catalog
from store.catalog.tables import Job
from store.errors import ConceptoscopeError
from store.jobs import PipelineJob
from store.vocabulary import JobState
from worker.engine.kinds import Made
from worker.engine.telling import Teller

LOOK_EVERY_S: Final = 0.2


class MemberFailed(ConceptoscopeError):
    """A job of a pipeline did not succeed."""


def run_pipeline(job: PipelineJob, catalog: Catalog, teller: Teller) -> list[Made]:
    """Start members as they become free, and wait for all; raises ``MemberFailed`` naming the first that failed.

    Nothing of it is remembered outside the catalog: a pipeline that is taken up again finds its members there.
    """
    waited: set[int] = set()
    while True:
        members = _look(job, catalog, job_id=teller.run.job_id)
        succeeded = {place for place, row in members.items() if row.state == JobState.SUCCEEDED}
        for row in members.values():
            if row.state in (JobState.FAILED, JobState.CANCELLED):
                told = (row.failure or {}).get("message", "it was cancelled.")
                raise MemberFailed(f"Job {row.id} ({row.title}) did not succeed: {told}")
        for place in sorted(succeeded - waited):
            teller.say(f"job {members[place].id} ({members[place].title}) succeeded")
        waited |= succeeded
        teller.tell(len(succeeded), len(job.members), "jobs")
        if len(succeeded) == len(job.members):
            return [made for place in sorted(members) for made in (members[place].result or {}).get("made", [])]
        time.sleep(LOOK_EVERY_S)


def _look(job: PipelineJob, catalog: Catalog, *, job_id: int) -> dict[int, Job]:
    """Members that have been started, by place, with those that may start now."""
    with catalog.session() as session:
        rows = list_members(session, job_id)
        found = {row.place: row for row in rows if row.place is not None}
        succeeded = {place for place, row in found.items() if row.state == JobState.SUCCEEDED}
        free = [p for p, member in enumerate(job.members) if p not in found and succeeded.issuperset(member.after)]
        if free:
            parent = find_job(session, job_id)
            assert parent is not None
            for place in free:
                found[place] = submit_job(session, job.members[place].job, parent=parent, place=place)
    return found
