"""Whether the program can serve, part by part."""

from typing import Literal

from pydantic import Field

from app.views.base import View


class PartView(View):
    """One thing that the program stands on."""

    state: Literal["ok", "missing", "failed"] = Field(description="missing: serving goes on without it")
    found: str = Field(description="what a look at it gave")
    remedy: str = Field("", description="what to do about it; empty when all is well")
    n: int | None = Field(None, description="how many: dictionaries of the catalog, static files, living workers")


class ReadinessView(View):
    """Ready when no part has failed; workers and encoder are told, and pages do without them."""

    status: Literal["ready", "not ready"]
    version: str
    n_dictionaries: int | None
    parts: dict[str, PartView]

    def without_details(self) -> "ReadinessView":
        """The states alone: what was found names folders and hosts."""
        states = {name: PartView(state=part.state, found="") for name, part in self.parts.items()}
        return self.model_copy(update={"parts": states})
