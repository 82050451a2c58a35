"""What jobs will look for: artifacts that answer what their specs name, and drafts from which they would go on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from store.artifacts import Artifact, key_of
from store.catalog.tables import Job
from store.jobs import AlignJob, AnyJob, ExtractJob, IndexJob, PipelineJob, TrainJob, UniversalJob, Work, load_job
from store.vocabulary import Kind
from worker.jobs.requests import (
    activations_inputs,
    alignment_inputs,
    atlas_inputs,
    dictionary_inputs,
    streams_of,
    universal_atlas_inputs,
    universal_inputs,
)


@dataclass(frozen=True)
class JobNeeds:
    """Digests of artifacts, and keys of requests."""

    digests: frozenset[str]
    keys: frozenset[str]


def needs_of(
    jobs: Iterable[Job],
    artifacts: Sequence[Artifact],
    *,
    collections: Mapping[str, str],
    dictionaries: Mapping[str, str],
) -> JobNeeds:
    """What these jobs need of these artifacts, and the requests whose drafts they would go on from.

    ``collections`` and ``dictionaries`` are the digests of slugs.
    """
    by_digest = {one.digest: one for one in artifacts}
    search = _Search(by_digest, {one.manifest.key: one for one in artifacts}, collections, dictionaries)
    for work in _works(jobs):
        search.add(work)
    return JobNeeds(frozenset(search.digests), frozenset(search.keys))


def _works(jobs: Iterable[Job]) -> Iterator[Work]:
    for row in jobs:
        try:
            job: AnyJob = load_job(row.spec)
        except ValidationError:  # of another version: nobody can run it
            continue
        if isinstance(job, PipelineJob):
            yield from (member.job for member in job.members)
        else:
            yield job


@dataclass
class _Search:
    """Follows specs to what they mean now; what a job finds too late to be known here, it wants by itself."""

    by_digest: dict[str, Artifact]
    by_key: dict[str, Artifact]
    collections: Mapping[str, str]
    dictionaries: Mapping[str, str]
    digests: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def add(self, work: Work) -> None:
        """What a job needs."""
        match work:
            case ExtractJob() | TrainJob():
                self._add_reading(work)
            case UniversalJob():
                self._add_universal(work)
            case IndexJob():
                self._add_index(work)
            case AlignJob():
                self._add_align(work)
            case _:  # ingests begin anew
                pass

    def _add_reading(self, job: ExtractJob | TrainJob) -> None:
        collection = self.by_digest.get(self.collections.get(job.collection, ""))
        if collection is None:
            return
        key = key_of(Kind.ACTIVATIONS, job.extraction, inputs=activations_inputs(collection))
        activations = self._found(key)
        if activations is not None and isinstance(job, TrainJob):
            for one in job.dictionaries:
                self._found(key_of(Kind.DICTIONARY, one.spec, inputs=dictionary_inputs(activations)))

    def _add_universal(self, job: UniversalJob) -> None:
        collection = self.by_digest.get(self.collections.get(job.collection, ""))
        if collection is None:
            return
        inputs = activations_inputs(collection)
        found = [self._found(key_of(Kind.ACTIVATIONS, stream, inputs=inputs)) for stream in job.streams]
        streams = [one for one in found if one is not None]
        if len(streams) == len(found):
            learned = universal_inputs(streams, collection=collection.digest)
            self._found(key_of(Kind.UNIVERSAL, job.spec, inputs=learned))

    def _add_index(self, job: IndexJob) -> None:
        dictionary = self.by_digest.get(self.dictionaries.get(job.dictionary, ""))
        if dictionary is None:
            return
        read = [self.by_digest.get(digest) for digest in streams_of(dictionary)]
        activations = [one for one in read if one is not None]
        if len(activations) < len(read):
            return
        self.digests |= {dictionary.digest, *(one.digest for one in activations)}
        if dictionary.kind is Kind.UNIVERSAL:
            inputs = universal_atlas_inputs(dictionary)
        else:
            inputs = atlas_inputs(dictionary, activations=activations[0])
        self._found(key_of(Kind.ATLAS, job.atlas, inputs=inputs))

    def _add_align(self, job: AlignJob) -> None:
        found = [self.by_digest.get(self.dictionaries.get(slug, "")) for slug in (job.first, job.second)]
        dictionaries = [one for one in found if one is not None and one.kind is Kind.DICTIONARY]
        for one in dictionaries:
            self.digests |= {one.digest, *streams_of(one)} & self.by_digest.keys()
        if len(dictionaries) == len(found):
            self._found(key_of(Kind.ALIGNMENT, job.alignment, inputs=alignment_inputs(*dictionaries)))

    def _found(self, key: str) -> Artifact | None:
        self.keys.add(key)
        found = self.by_key.get(key)
        if found is not None:
            self.digests.add(found.digest)
        return found
