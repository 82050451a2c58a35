"""What image pages and the API's images ask for: one reading for both."""

from starlette.requests import Request

from app.makers.images import ImagesAsked
from app.params import CURSOR, PATCH_TEXT, Param, as_index, is_whole, read_params, whole
from app.roster import Entry
from app.site import Site
from store.atlas.cursor import parse_limit
from store.atlas.grammar import BadQuery, Fault
from store.errors import ConceptoscopeError, NotFound
from store.vocabulary import Split

CLASS = Param("class", "Only images of this class.")
SPLIT = Param("split", "Only images that the dictionary learned from, or only held-out ones.", tuple(Split))
CONCEPT = Param("concept", "Also return the map of this concept.", schema=whole(0))
PATCH = Param("patch", "Also return what fires on this patch: row,col from 0.", schema=PATCH_TEXT)
LIMIT = Param("limit", "How many to return: 1 to 200.", default="48", schema=whole(1, 200))


def ask_images(request: Request, *, display: bool = False) -> ImagesAsked:
    """Filter and place in the index of images; raises ``BadQuery``."""
    values = read_params(request, CLASS, SPLIT, CURSOR, LIMIT, display=display)
    return ImagesAsked(values["class"], values["split"], values["cursor"], parse_limit(values["limit"], default=48))


def ask_image(values: dict[str, str]) -> tuple[int | None, tuple[int, int] | None]:
    """The chosen concept and patch; raises ``BadQuery``."""
    return as_index("concept", values["concept"]), _patch(values["patch"])


def _patch(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(is_whole(part.strip()) for part in parts):
        raise BadQuery(Fault("patch", f"'patch' is a row and a column from 0, like 3,4; not '{text}'."))
    return int(parts[0]), int(parts[1])


def find_knowing(site: Site, image_id: str) -> tuple[Entry, ...]:
    """The dictionaries that show an image as evidence; one that cannot be opened knows nothing."""
    return tuple(entry for entry in site.roster.entries() if _knows(site, entry, image_id))


def _knows(site: Site, entry: Entry, image_id: str) -> bool:
    try:
        with site.opened(entry) as opened:
            return image_id in opened.atlas.image_index
    except ConceptoscopeError:
        return False


def choose_entry(site: Site, slug: str, *, image_id: str, knowing: tuple[Entry, ...]) -> Entry:
    """The dictionary asked for, or the first that knows the image; raises ``NotFound``."""
    if slug:
        return site.roster.get(slug)
    if not knowing:
        raise NotFound("image", image_id, remedy="No dictionary of this store shows it as evidence.")
    return knowing[0]
