"""Open atlases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from store.artifacts import Artifact, Artifacts
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.atlas.weight import n_bytes_of
from store.shelf import Shelf
from store.vocabulary import Kind


@dataclass(frozen=True)
class Written:
    """What people wrote about the concepts of an atlas: labels with their sources, ids of the lists they are on."""

    labels: Mapping[int, str]
    sources: Mapping[int, str]
    lists: Mapping[int, tuple[str, ...]]

    def is_same(self, other: "Written") -> bool:
        """Whether both hold the very same objects: who keeps them makes new ones when anything changes."""
        return self.labels is other.labels and self.sources is other.sources and self.lists is other.lists


class OpenAtlas:
    """An open atlas with its concepts ready to be asked."""

    def __init__(self, artifact: Artifact) -> None:
        self.atlas = Atlas(artifact)
        self._weighed: tuple[frozenset[str], int] = (frozenset(), 0)
        self._written: tuple[Written, ConceptTable] | None = None

    @cached_property
    def concepts(self) -> ConceptTable:
        """The scalar columns of all concepts."""
        return ConceptTable(self.atlas.columns)

    def written(self, written: Written) -> ConceptTable:
        """The concepts under the labels and on the lists that people gave them; made anew when those are others."""
        if not written.labels and not written.lists:
            return self.concepts
        last = self._written
        if last is None or not last[0].is_same(written):
            table = self.concepts
            if written.labels:
                table = table.with_labels(written.labels, written.sources)
            last = self._written = written, table.with_lists(written.lists) if written.lists else table
        return last[1]

    def close(self) -> None:
        """Release the file."""
        self.atlas.close()

    def n_bytes(self) -> int:
        """Memory that what was read of it takes; weighed again when more has been read. DuckDB's buffers are extra."""
        parts = {**vars(self.atlas), **({"concepts": self.concepts} if "concepts" in vars(self) else {})}
        del parts["artifact"], parts["_file"]
        if self._written is not None:
            parts[f"written {id(self._written)}"] = self._written
        if parts.keys() != self._weighed[0]:
            self._weighed = frozenset(parts), n_bytes_of(parts)
        return self._weighed[1]


AtlasShelf = Shelf[OpenAtlas]


def make_atlas_shelf(artifacts: Artifacts, *, n_open: int = 8) -> AtlasShelf:
    """A shelf of atlases."""
    return Shelf(artifacts, Kind.ATLAS, opener=OpenAtlas, n_open=n_open)
