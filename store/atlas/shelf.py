"""Open atlases."""

from collections.abc import Mapping
from functools import cached_property

from store.artifacts import Artifact, Artifacts
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.atlas.weight import n_bytes_of
from store.shelf import Shelf
from store.vocabulary import Kind


class OpenAtlas:
    """An open atlas with its concepts ready to be asked."""

    def __init__(self, artifact: Artifact) -> None:
        self.atlas = Atlas(artifact)
        self._weighed: tuple[frozenset[str], int] = (frozenset(), 0)
        self._labelled: tuple[Mapping[int, str], ConceptTable] | None = None

    @cached_property
    def concepts(self) -> ConceptTable:
        """The scalar columns of all concepts."""
        return ConceptTable(self.atlas.columns)

    def labelled(self, labels: Mapping[int, str]) -> ConceptTable:
        """The concepts with these labels in place of the seeds; made anew when they are others than last time."""
        if not labels:
            return self.concepts
        last = self._labelled
        if last is None or last[0] is not labels:
            last = self._labelled = labels, self.concepts.with_labels(labels)
        return last[1]

    def close(self) -> None:
        """Release the file."""
        self.atlas.close()

    def n_bytes(self) -> int:
        """Memory that what was read of it takes; weighed again when more has been read. DuckDB's buffers are extra."""
        parts = {**vars(self.atlas), **({"concepts": self.concepts} if "concepts" in vars(self) else {})}
        del parts["artifact"], parts["_file"]
        if self._labelled is not None:
            parts[f"labelled {id(self._labelled)}"] = self._labelled
        if parts.keys() != self._weighed[0]:
            self._weighed = frozenset(parts), n_bytes_of(parts)
        return self._weighed[1]


AtlasShelf = Shelf[OpenAtlas]


def make_atlas_shelf(artifacts: Artifacts, *, n_open: int = 8) -> AtlasShelf:
    """A shelf of atlases."""
    return Shelf(artifacts, Kind.ATLAS, opener=OpenAtlas, n_open=n_open)
