"""The lists of an alignment as tables."""

from dataclasses import dataclass

from app.makers.alignment import cut_list, lonely
from app.makers.alignment_asking import Aligned, Asked
from app.makers.alignment_pairs import chosen_pairs
from app.makers.paging import make_paging
from app.views.base import Paging
from store.alignment.sheets import fan_sheet, pair_sheet
from store.atlas.schema import FILE
from store.atlas.sheets import concept_sheet
from store.sheets import Sheet


@dataclass(frozen=True)
class Found:
    """A list as a table, and where it stands when it is a part."""

    sheet: Sheet
    paging: Paging | None = None


def make_alignment_sheet(one: Aligned, asked: Asked) -> Found:
    """Pairs, or concepts of one side without a partner; splits always whole."""
    if asked.show == "fans":
        return Found(fan_sheet(one.alignment, first=one.a.side))
    facing = one.b if asked.show == "b" else one.a
    page = cut_list(one, asked, chosen_pairs(one, asked) if asked.show == "pairs" else lonely(one, facing))
    paging = make_paging(page, page_url=lambda cursor: cursor)
    if asked.show != "pairs":
        return Found(concept_sheet(facing.opened.atlas, page.items, labels=facing.opened.overlay.shown), paging)
    atlases = {side.side: side.opened.atlas.artifact.file(FILE) for side in (one.a, one.b)}
    labels = {side.side: side.opened.overlay.shown for side in (one.a, one.b)}
    return Found(pair_sheet(one.alignment, page.items, first=one.a.side, atlases=atlases, labels=labels), paging)
