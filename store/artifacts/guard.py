"""The guard: how a worker that other workers may declare lost builds and publishes."""

from typing import Protocol


class Guard(Protocol):
    """What the engine of jobs tells the store about who builds.

    Without a guard a draft that somebody else builds is an error at once.
    """

    @property
    def holder(self) -> str:
        """Who we are; stands in the lock file of every draft that we build."""

    def is_lost(self, holder: str) -> bool:
        """Whether that worker has been declared lost; false for a name that nobody knows."""

    def waiting(self, what: str) -> None:
        """Called about twice a second while somebody else builds what we want; may raise to stop waiting."""

    def check(self) -> None:
        """Called immediately before anything becomes visible; raises when we have been declared lost."""
