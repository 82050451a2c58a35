"""The one link maker: every address of the site is spelled here and nowhere else.

Pages and fragments take the query string of the grid (``query``), so that a filtered order travels along.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

API = "/api/v1"
Query = Sequence[tuple[str, str]] | Mapping[str, str]


def with_query(path: str, query: Query = ()) -> str:
    """The path with a query string; empty values are left out."""
    pairs = query.items() if isinstance(query, Mapping) else query
    text = urlencode([(name, value) for name, value in pairs if value != ""], safe=",:")
    return f"{path}?{text}" if text else path


def _part(value: object) -> str:
    return quote(str(value), safe="")


# Pages


def home() -> str:
    """The model shelf."""
    return "/"


def tour(number: int = 1) -> str:
    """Leads to a page of the tour, by its number from 1."""
    return f"/tour/{number}"


def settings() -> str:
    """What the visitor prefers, kept by the browser; the name for labels is sent there."""
    return "/settings"


def glossary(key: str = "") -> str:
    """Definitions of all numbers; ``key`` points at one."""
    return f"/glossary#{_part(key)}" if key else "/glossary"


def design() -> str:
    """Every shared piece in every state."""
    return "/design"


def dictionary(slug: str) -> str:
    """A dictionary's page."""
    return f"/d/{_part(slug)}"


def concepts(slug: str, query: Query = ()) -> str:
    """The concept grid."""
    return with_query(f"/d/{_part(slug)}/c", query)


def concept_values(slug: str, column: str, query: Query = ()) -> str:
    """All values of a column of words with their counts."""
    return with_query(f"/d/{_part(slug)}/values/{_part(column)}", query)


def concepts_on_list(slug: str) -> str:
    """A form is sent there that puts several concepts on a list."""
    return f"/d/{_part(slug)}/c/lists"


def concept(slug: str, index: int, *, query: Query = ()) -> str:
    """A concept's page; ``query`` carries the order it was found in."""
    return with_query(f"/d/{_part(slug)}/c/{index}", query)


def random_concept(slug: str) -> str:
    """Leads to a concept chosen by chance among the living."""
    return f"/d/{_part(slug)}/random"


def beside(slug: str, query: Query = ()) -> str:
    """Concepts of one dictionary side by side; ``c`` names them, with commas between."""
    return with_query(f"/d/{_part(slug)}/compare", query)


def images(slug: str, query: Query = ()) -> str:
    """The images that serve as evidence."""
    return with_query(f"/d/{_part(slug)}/i", query)


def image(image_id: str, slug: str, *, concept: int | None = None, patch: tuple[int, int] | None = None) -> str:
    """An image's page as a dictionary sees it, optionally at a concept and a patch."""
    query = {
        "d": slug,
        "concept": "" if concept is None else str(concept),
        "patch": f"{patch[0]},{patch[1]}" if patch else "",
    }
    return with_query(f"/i/{_part(image_id)}", query)


def classes(slug: str, query: Query = ()) -> str:
    """The classes that the model predicts, or the groups of the collection."""
    return with_query(f"/d/{_part(slug)}/classes", query)


def class_page(slug: str, output: int, *, query: Query = ()) -> str:
    """A class that the model predicts, by its place among the model's outputs."""
    return with_query(f"/d/{_part(slug)}/classes/{output}", query)


def map_page(slug: str, query: Query = (), *, part: str = "map") -> str:
    """The map of a dictionary's concepts, or where a form sends its selection (``map/list``)."""
    return with_query(f"/d/{_part(slug)}/{part}", query)


def streams(slug: str, query: Query = ()) -> str:
    """What the models of a universal dictionary share."""
    return with_query(f"/d/{_part(slug)}/streams", query)


def compare(query: Query = ()) -> str:
    """Dictionaries of one model and layer beside each other; ``query`` has ``model``, ``layer``, ``collection``."""
    return with_query("/compare", query)


def jobs(query: Query = ()) -> str:
    """All jobs."""
    return with_query("/jobs", query)


def job(job_id: int, part: str = "") -> str:
    """A job's page, or a part of it (``cancel``, ``retry``: forms are sent there; ``log.txt``)."""
    return f"/jobs/{job_id}/{part}" if part else f"/jobs/{job_id}"


def new_job(kind: str = "", query: Query = ()) -> str:
    """The form that starts a job of a kind; the query fills it in."""
    return with_query(f"/jobs/new/{_part(kind)}" if kind else "/jobs/new", query)


def alignments() -> str:
    """All alignments."""
    return "/align"


def alignment(a: str, b: str, *, query: Query = ()) -> str:
    """Two dictionaries aligned."""
    return with_query(f"/align/{_part(a)}/{_part(b)}", query)


def together(slugs: Sequence[str], query: Query = ()) -> str:
    """Three or four dictionaries side by side; the first leads."""
    return with_query("/".join((alignments(), *(_part(slug) for slug in slugs))), query)


def analyze(query: Query = ()) -> str:
    """The form that takes a photo; ``query`` has ``d``, the dictionaries, and ``image``, one of a collection."""
    return with_query("/analyze", query)


def analysis(public_id: str, part: str = "", *, query: Query = ()) -> str:
    """A photo explained, or a part (``photo.webp``; ``delete`` and ``edits``: forms are sent there)."""
    path = f"/a/{_part(public_id)}"
    return with_query(f"{path}/{part}" if part else path, query)


def notes(slug: str, index: int, *, query: Query = ()) -> str:
    """What people wrote about a concept, on its page; forms are sent to parts of the page's address."""
    return f"{concept(slug, index, query=query)}#notes"


def queue(slug: str, query: Query = ()) -> str:
    """One concept after another to be named; a form is sent there."""
    return with_query(f"/d/{_part(slug)}/queue", query)


def label_tests(slug: str, uid: str = "") -> str:
    """Blind tests of a dictionary's labels (a form that begins one is sent there), or one of them."""
    path = f"/d/{_part(slug)}/queue/tests"
    return f"{path}/{_part(uid)}" if uid else path


def search(query: Query = ()) -> str:
    """The search page; the box of every page sends its ``q`` there."""
    return with_query("/search", query)


def lists(uid: str = "", part: str = "", *, query: Query = ()) -> str:
    """All lists, one, or where its forms are sent (``edit``, ``remove``, ``items/SLUG:INDEX``)."""
    return with_query("/".join(filter(None, ("/lists", _part(uid), part))), query)


def list_item(slug: str, index: int) -> str:
    """A member of a list as addresses name it."""
    return f"items/{_part(slug)}:{index}"


def login(asked: str = "") -> str:
    """Where a browser is signed in by a token; ``asked`` is the address to go on with."""
    return with_query("/login", {"next": asked})


def logout() -> str:
    """A form is sent there by who signs out."""
    return "/logout"


# Fragments


def analysis_fragment(public_id: str, part: str, query: Query = ()) -> str:
    """What edits do (``edits``), or the chosen concept (``concept``)."""
    return with_query(f"/_f/a/{_part(public_id)}/{part}", query)


def jobs_fragment(query: Query = ()) -> str:
    """The list of jobs."""
    return with_query("/_f/jobs", query)


def job_fragment(job_id: int) -> str:
    """How a job stands."""
    return f"/_f/jobs/{job_id}"


def new_job_fragment(kind: str) -> str:
    """What a form would start."""
    return f"/_f/jobs/new/{_part(kind)}"


def map_fragment(slug: str, part: str, query: Query = ()) -> str:
    """A part of the map: ``in-view``, ``legend``, ``chosen``, or ``c/INDEX``."""
    return with_query(f"/_f/d/{_part(slug)}/map/{part}", query)


def streams_fragment(slug: str) -> str:
    """The concepts between the ends that sliders are moved to."""
    return f"/_f/d/{_part(slug)}/streams"


def examples_fragment(slug: str, index: int, *, band: str, balance: str = "", context: str = "") -> str:
    """The tiles of one band of a concept."""
    query = {"band": band, "balance": balance, "context": context}
    return with_query(f"/_f/d/{_part(slug)}/c/{index}/examples", query)


def concepts_fragment(slug: str) -> str:
    """The results part of the concept grid; the form's fields make its query."""
    return f"/_f/d/{_part(slug)}/c"


def fragment_of(page: str) -> str:
    """The fragment that brings what a link to a page of the grid, or of values, leads to."""
    return f"/_f{page}"


def turned_fragment_of(page: str) -> str:
    """The same for a link that only turns the pages of the grid: filters stay as they are."""
    address, mark, query = fragment_of(page).partition("?")
    return f"{address}/turned{mark}{query}"


def concept_values_fragment(slug: str, column: str, query: Query = ()) -> str:
    """The values of a column of words that a text occurs in."""
    return fragment_of(concept_values(slug, column, query))


def peek_fragment(slug: str, index: int | str, query: Query = ()) -> str:
    """A concept in a panel beside the grid; the index may be a word that scripts replace."""
    return with_query(f"/_f/d/{_part(slug)}/c/{index}/peek", query)


# Files that never change: the digest is in the path


def static(path: str, digest: str) -> str:
    """A static file."""
    return f"/static/{digest}/{quote(path)}"


def sprite(atlas: str, index: int, *, band: str) -> str:
    """3 x 3 crops of a concept's first examples in a band (WebP)."""
    return f"/m/{atlas}/sprite/{index}/{band}.webp"


def sprite_heat(atlas: str, index: int, *, band: str) -> str:
    """The heat of the same crops (grey PNG, 255 = the concept's max)."""
    return f"/m/{atlas}/sprite-heat/{index}/{band}.png"


def thumb(atlas: str, image_id: str) -> str:
    """Thumbnail of an evidence image (WebP)."""
    return f"/m/{atlas}/thumb/{_part(image_id)}.webp"


def crop(atlas: str, concept: int | str) -> str:
    """The crop of a concept's first top example (WebP)."""
    return f"/m/{atlas}/crop/{concept}.webp"


def crop_heat(atlas: str, concept: int | str) -> str:
    """The heat of the same crop (grey PNG, 255 = the concept's max)."""
    return f"/m/{atlas}/crop-heat/{concept}.png"


def map_file(atlas: str, name: str, *, version: int, layout: str) -> str:
    """A map in a layout: ``COLUMN,COLUMN.bin``, ``light.png``, ``crops/LEVEL/COL/ROW.webp``."""
    return f"/m/{atlas}/map/{version}/{_part(layout)}/{quote(name, safe='/,')}"


def alignment_thumb(alignment: str, image_id: str) -> str:
    """Thumbnail of a photo that an alignment shows (WebP)."""
    return f"/m/{alignment}/shared/{_part(image_id)}.webp"


def blind_photo(test: str, number: int) -> str:
    """A photo of a blind test by its place, from 1: the address tells nothing of the photo."""
    return f"/m/blind/{_part(test)}/{number}.webp"


def position(atlas: str, index: int) -> str:
    """Mean activation map of a concept (grey PNG, one pixel per patch)."""
    return f"/m/{atlas}/position/{index}.png"


# API


def api_root() -> str:
    """The service."""
    return API


def api_models(slug: str = "") -> str:
    """All models, or one."""
    return f"{API}/models/{_part(slug)}" if slug else f"{API}/models"


def api_datasets(slug: str = "") -> str:
    """All collections, or one."""
    return f"{API}/datasets/{_part(slug)}" if slug else f"{API}/datasets"


def api_dictionaries(slug: str = "", part: str = "", *, query: Query = ()) -> str:
    """All dictionaries, one, or a part of one (``metrics``, ``statistics``, ``facets``, ``concepts``, ``images``)."""
    path = "/".join(filter(None, (f"{API}/dictionaries", _part(slug), part)))
    return with_query(path, query)


def api_concept(slug: str, index: int | str, *, part: str = "", query: Query = ()) -> str:
    """A concept, or a part of it (``examples``, ``histogram``, ``position``, ``neighbors``, ``classes``)."""
    return api_dictionaries(slug, "/".join(filter(None, ("concepts", _part(index), part))), query=query)


def api_class(slug: str, output: int | str, *, part: str = "", query: Query = ()) -> str:
    """A class that the model predicts, or a part of it (``concepts``)."""
    return api_dictionaries(slug, "/".join(filter(None, ("classes", _part(output), part))), query=query)


def api_image(image_id: str, slug: str = "", *, query: Query = ()) -> str:
    """An image as a dictionary sees it."""
    return with_query(f"{API}/images/{_part(image_id)}", query or {"dictionary": slug})


def api_analyses(public_id: str = "", part: str = "", *, query: Query = ()) -> str:
    """Where photos are sent, one analysis, or a part of one (``edits``, ``photo.webp``, ``maps/...``)."""
    path = "/".join(filter(None, (f"{API}/analyses", _part(public_id), part)))
    return with_query(path, query)


def api_compare(query: Query = ()) -> str:
    """Dictionaries of one model and layer beside each other."""
    return with_query(f"{API}/compare", query)


def reference() -> str:
    """The reference of the API."""
    return "/api/docs"


def api_description() -> str:
    """The OpenAPI description."""
    return f"{API}/openapi.json"


def api_access() -> str:
    """Who asks, and what they may."""
    return f"{API}/access"


def api_glossary() -> str:
    """Definitions of all numbers."""
    return f"{API}/glossary"


def api_jobs(job_id: int | str = "", part: str = "", *, query: Query = ()) -> str:
    """All jobs, one, or a part of one (``log``, ``events``, ``cancel``, ``retry``)."""
    path = "/".join(filter(None, (f"{API}/jobs", _part(job_id), part)))
    return with_query(path, query)


def api_workers() -> str:
    """All workers."""
    return f"{API}/workers"


def api_alignments(a: str = "", b: str = "", *, query: Query = ()) -> str:
    """All alignments, or that of two dictionaries."""
    return with_query("/".join(filter(None, (f"{API}/alignments", _part(a), _part(b)))), query)


def api_together(slugs: Sequence[str], query: Query = ()) -> str:
    """Three or four dictionaries side by side; the first leads."""
    return with_query("/".join((f"{API}/alignments", *(_part(slug) for slug in slugs))), query)


def api_labels(uid: str, part: str = "") -> str:
    """A label, or where votes on it are sent (``vote``); a concept's labels are a part of the concept."""
    return "/".join(filter(None, (f"{API}/labels", _part(uid), part)))


def api_tests(uid: str, part: str = "") -> str:
    """A blind test, or where its answer is sent (``choice``); a label's tests are a part of the label."""
    return "/".join(filter(None, (f"{API}/tests", _part(uid), part)))


def api_comments(uid: str) -> str:
    """A comment; a concept's comments are a part of the concept."""
    return f"{API}/comments/{_part(uid)}"


def api_lists(uid: str = "", part: str = "", *, query: Query = ()) -> str:
    """All lists, one, or a part of one (``items.csv``, ``items.json``, ``items/SLUG:INDEX``)."""
    return with_query("/".join(filter(None, (f"{API}/lists", _part(uid), part))), query)


def api_search(query: Query = ()) -> str:
    """What stands where."""
    return with_query(f"{API}/search", query)
