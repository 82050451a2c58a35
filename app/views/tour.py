"""The tour: a few pages of this store, each with one sentence."""

from pydantic import Field

from app.views.base import View
from app.views.concept import ExampleTile


class TourStep(View):
    """A page of the tour."""

    number: int = Field(description="from 1")
    title: str
    sentence: str
    url: str = Field(description="address of the page, with the bar of the tour")
    tile: ExampleTile | None = Field(None, description="a photo of what it is about")
    with_heat: bool = True


class TourBar(View):
    """The bar above a page of the tour."""

    number: int
    total: int
    title: str
    sentence: str
    prev_url: str
    next_url: str
    end_url: str
