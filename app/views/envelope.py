"""The envelope of every API answer."""

from typing import Generic, TypeVar

from pydantic import Field

from app.views.base import View

Data = TypeVar("Data")


class PageInfo(View):
    """Where the answer stands in its collection."""

    limit: int
    total: int
    total_is_exact: bool = True
    next: str | None = Field(description="cursor of the next page")
    prev: str | None = Field(description="cursor of the previous page")


class Meta(View):
    """Which build answered."""

    dictionary: str | None = None
    digest: str | None = Field(None, description="sha256:... of the atlas")
    version: str = Field(description="version of the program")


class Envelope(View, Generic[Data]):
    """Data, where it stands, where to go from here, which build it is from."""

    data: Data
    page: PageInfo | None = None
    links: dict[str, str | None]
    meta: Meta
