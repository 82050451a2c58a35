"""Open alignments."""

from typing import Final

from store.alignment.reader import Alignment
from store.artifacts import Artifact, Artifacts
from store.atlas.weight import n_bytes_of
from store.shelf import Shelf
from store.vocabulary import Kind

N_OPEN: Final = 16
"""So many stay open."""


class OpenAlignment:
    """An open alignment."""

    def __init__(self, artifact: Artifact) -> None:
        self.alignment = Alignment(artifact)

    def close(self) -> None:
        """Release the file."""
        self.alignment.close()

    def n_bytes(self) -> int:
        """Memory that what was read of it takes; DuckDB's buffers are extra."""
        parts = dict(vars(self.alignment))
        del parts["artifact"], parts["_file"]
        return n_bytes_of(parts)


AlignmentShelf = Shelf[OpenAlignment]


def make_alignment_shelf(artifacts: Artifacts, *, n_open: int = N_OPEN) -> AlignmentShelf:
    """A shelf of alignments."""
    return Shelf(artifacts, Kind.ALIGNMENT, opener=OpenAlignment, n_open=n_open)
