"""Notes: how the store learns that an artifact is wanted, so that a collector leaves it alone."""

from typing import Protocol

from store.vocabulary import Kind


class Notes(Protocol):
    """What remembers when each artifact was last wanted. Without it nothing is remembered, for those who only look."""

    def want(self, kind: Kind, digest: str) -> None:
        """Somebody needs the artifact from now on, if it is there.

        Waits while it is being removed: who looks for it after this call finds it to stay, or finds none.
        """
