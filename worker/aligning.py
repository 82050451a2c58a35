"""Two dictionaries by name, from the catalog to their alignment and back into the catalog."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.alignment.reader import Alignment
from store.artifacts import Artifact, Artifacts
from store.catalog.alignments import save_alignment
from store.catalog.dictionaries import get_single_dictionary
from store.catalog.session import Catalog
from store.catalog.wanted import recording
from store.collection import Collection
from store.errors import InvalidInput, NotFound
from store.specs import AlignmentSpec
from store.vocabulary import Kind
from worker.jobs.requests import alignment_inputs
from worker.progress import OnProgress

if TYPE_CHECKING:
    from worker.activations import ActivationStore


@dataclass(frozen=True)
class Pair:
    """Two dictionaries of one collection."""

    dictionaries: Sequence[Artifact]
    activations: Sequence[Artifact]
    artifacts: Artifacts
    catalog: Catalog

    def align(
        self, spec: AlignmentSpec, read: "Callable[[Artifact], ActivationStore]", *, on_progress: OnProgress
    ) -> Artifact:
        """Build their alignment, or find it; ``read`` opens activations."""
        found = self.artifacts.find(Kind.ALIGNMENT, spec, inputs=alignment_inputs(*self.dictionaries))
        if found is not None:
            return found
        from worker.alignment.sides import Aligned
        from worker.dictionaries.files import load_dictionary
        from worker.jobs.align import align

        on_progress(0, 1, "loading the dictionaries")
        sides = [
            Aligned(dictionary, load_dictionary(dictionary.folder()), read(activations))
            for dictionary, activations in zip(self.dictionaries, self.activations, strict=True)
        ]
        collection = self.artifacts.get(Kind.COLLECTION, self.dictionaries[0].manifest.inputs["collection"])
        return align(spec, sides, Collection(collection), self.artifacts, on_progress)

    def record(self, artifact: Artifact) -> None:
        """Let the catalog refer to it."""
        alignment = Alignment(artifact)
        headline = alignment.summary
        alignment.close()
        one, other = (dictionary.digest for dictionary in self.dictionaries)
        with recording(artifact, self.artifacts, self.catalog) as session:
            save_alignment(session, one, other, digest=artifact.digest, headline=headline)


def find_pair(slugs: Sequence[str], artifacts: Artifacts, catalog: Catalog) -> Pair:
    """Two dictionaries by their slugs.

    Raises ``NotFound`` for an unknown one and for activations that are gone, ``InvalidInput`` when one is a universal
    dictionary, when both are the same, or when they are of different collections.
    """
    with catalog.session() as session:
        rows = [get_single_dictionary(session, slug) for slug in slugs]
        models = [str(row.model.facts.get("name", row.model.slug)) for row in rows]
    dictionaries = [artifacts.get(Kind.DICTIONARY, row.digest) for row in rows]
    check_alignable(dictionaries, slugs)
    activations = [
        _activations(
            artifacts, dictionary, f"conceptoscope extract {row.collection.slug} --model {model} --layer {row.layer}"
        )
        for dictionary, row, model in zip(dictionaries, rows, models, strict=True)
    ]
    return Pair(dictionaries, activations, artifacts, catalog)


def check_alignable(dictionaries: Sequence[Artifact], names: Sequence[str]) -> None:
    """Raise ``InvalidInput`` unless they are two, and of one collection."""
    one, other = dictionaries
    if one.digest == other.digest:
        raise InvalidInput(
            f"'{names[0]}' and '{names[1]}' are the same dictionary, so that each concept is its own counterpart; "
            "name two that were trained apart (`conceptoscope ls` lists them)."
        )
    collections = [artifact.manifest.inputs["collection"] for artifact in dictionaries]
    if collections[0] != collections[1]:
        raise InvalidInput(
            f"'{names[0]}' was learned from the collection {collections[0][:12]} and '{names[1]}' from "
            f"{collections[1][:12]}: an alignment needs the same images on both sides. Run `conceptoscope train` for "
            "one of the two on the other's collection, as it is now."
        )


def _activations(artifacts: Artifacts, dictionary: Artifact, command: str) -> Artifact:
    digest = dictionary.manifest.inputs["activations"]
    try:
        return artifacts.get(Kind.ACTIVATIONS, digest)
    except NotFound as fault:
        remedy = f"The dictionary {dictionary.digest[:12]} was learned from them; run `{command}` to make them again."
        raise NotFound(Kind.ACTIVATIONS, digest, remedy=remedy) from fault
