"""Concepts as chips and cards."""

from app import urls
from app.params import is_whole
from app.site import Opened
from app.views.concepts import ConceptCard, ConceptChip, ConceptLinks
from store.atlas.reader import Row
from store.errors import NotFound
from store.vocabulary import Band, Source

N_CROPS = 9
_OWN = {"id", "name", "label", "label_source", "n_crops", "sprite_alt", "links"}
CARD_COLUMNS = tuple(name for name in ConceptCard.model_fields if name not in _OWN)


def find_label(opened: Opened, concept: int) -> tuple[str | None, Source | None]:
    """The label that a concept is shown under, and where it comes from: people's best, or else the seed."""
    best, seed = opened.overlay.best.get(concept), opened.atlas.columns["label_seed"][concept]
    if best is not None:
        return best.text, best.source
    return (seed, Source.SEED) if seed else (None, None)


def concept_name(opened: Opened, concept: int) -> str:
    """What a concept is called: its label, or #id."""
    return find_label(opened, concept)[0] or f"#{concept}"


def make_chip(opened: Opened, concept: int, *, query: urls.Query = ()) -> ConceptChip:
    """A concept in little."""
    row = opened.atlas.concept(concept)
    return ConceptChip.model_validate(_chip_fields(opened, row, band=Band.TOP, query=query))


def make_card(opened: Opened, concept: int, *, band: Band = Band.TOP, query: urls.Query = ()) -> ConceptCard:
    """A concept with all its columns; ``band`` chooses the sprite, ``query`` goes along with its page's address."""
    row = opened.atlas.concept(concept)
    fields = _chip_fields(opened, row, band=band, query=query)
    return ConceptCard.model_validate(fields | {name: row[name] for name in CARD_COLUMNS} | {"badges": _badges(row)})


def _badges(row: Row) -> tuple[str, ...]:
    names = row["badges"]
    return tuple(str(name) for name in names) if isinstance(names, (list, tuple)) else ()


def _chip_fields(opened: Opened, row: Row, *, band: Band, query: urls.Query) -> dict[str, object]:
    concept, slug = row["concept"], opened.entry.slug
    n_crops = min(row["n_images"] or 0, N_CROPS)
    has_sprite = n_crops > 0
    label, source = find_label(opened, concept)
    name = label or f"#{concept}"
    digest = opened.atlas.digest
    return {
        "id": concept,
        "name": name,
        "label": label,
        "label_source": source,
        "density": row["density"],
        "importance": row["importance"],
        "max": row["max"],
        "top_class": row["top_class"],
        "n_crops": n_crops,
        "sprite_alt": _alt(concept, name, n_crops=n_crops, band=band),
        "links": ConceptLinks(
            html=urls.concept(slug, concept, query=query),
            api=urls.api_concept(slug, concept),
            sprite=urls.sprite(digest, concept, band=band) if has_sprite else None,
            sprite_heat=urls.sprite_heat(digest, concept, band=band) if has_sprite else None,
            crop=urls.crop(digest, concept) if has_sprite else None,
            crop_heat=urls.crop_heat(digest, concept) if has_sprite else None,
        ),
    }


def _alt(concept: int, name: str, *, n_crops: int, band: Band) -> str:
    if not n_crops:
        return f"Concept {concept} fires on no image."
    called = "" if name == f"#{concept}" else f", {name}"
    what = {Band.TOP: "its strongest images", Band.RANDOM: "images drawn by chance"}.get(band, f"its band {band}")
    return f"Concept {concept}{called}: {n_crops} crops from {what}."


def parse_concept(opened: Opened, text: str) -> int:
    """An index from an address; raises ``NotFound`` that names the valid range."""
    if is_whole(text):
        return opened.atlas.check(int(text))
    remedy = f"This dictionary has the concepts 0 to {opened.atlas.n_concepts - 1}."
    raise NotFound("concept", text, remedy=remedy)
