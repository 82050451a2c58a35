"""Answers a search: what was found of each kind, or a page of one kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app import urls
from app.makers.paging import make_paging
from app.params import CURSOR, LIMIT, WORDS, Param
from app.search.concepts import find_concepts
from app.search.others import find_classes, find_dictionaries, find_images, find_lists
from app.search.question import Finders, Found, Question, parse_words
from app.site import Site
from app.views.base import Choice
from app.views.search import GroupView, HitView, SearchView
from store.atlas.cursor import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor, make_binding, parse_limit
from store.atlas.grammar import BadQuery, Fault
from store.errors import ConceptoscopeError

FINDERS: Final[Finders] = {
    "concept": find_concepts,
    "dictionary": find_dictionaries,
    "class": find_classes,
    "list": find_lists,
    "image": find_images,
}
LABELS: Final = {
    "concept": "Concepts",
    "dictionary": "Dictionaries",
    "class": "Classes",
    "list": "Lists",
    "image": "Images",
}
N_FIRST: Final = {"concept": 12, "image": 8}
N_FIRST_OTHER: Final = 5
_MANY, _N_TRIES = 100, 5
Q = Param("q", "Words that all must occur; an index, with or without #.", schema=WORDS, required=True)
TYPE = Param("type", "Only things of one kind, paged.", tuple(FINDERS))
DICTIONARY = Param("dictionary", "Only what is in this dictionary.")
PARAMS = (Q, TYPE, DICTIONARY, CURSOR, LIMIT)


@dataclass(frozen=True)
class SearchAsked:
    """A parsed search."""

    q: str
    words: tuple[str, ...]
    type: str
    dictionary: str
    cursor: str
    limit: int

    def pairs(self, **changes: str) -> tuple[tuple[str, str], ...]:
        """The parameters of the same search, some changed; without its cursor."""
        limit = "" if self.limit == LIMIT_DEFAULT else str(self.limit)
        values = {"q": self.q, "type": self.type, "dictionary": self.dictionary, "limit": limit, **changes}
        return tuple((name, value) for name, value in values.items() if value)


def ask_search(values: Mapping[str, str]) -> SearchAsked:
    """What the parameters of page and API ask for; raises ``BadQuery``."""
    asked = SearchAsked(
        q=" ".join(values["q"].split()),
        words=parse_words(values["q"]),
        type=values["type"],
        dictionary=values["dictionary"],
        cursor=values["cursor"],
        limit=parse_limit(values["limit"]),
    )
    if asked.cursor and not asked.type:
        raise BadQuery(Fault("cursor", "Things of one kind are paged: give a type, too.", tuple(FINDERS)))
    return asked


def make_search(site: Site, asked: SearchAsked) -> SearchView:
    """What was found; nothing for no words. Raises ``NotFound`` for an unknown dictionary."""
    question, left_out = _question(site, asked)
    found = {kind: find(site, question) for kind, find in FINDERS.items()} if question.words and question.within else {}
    page = _page(site, asked, found[asked.type]) if asked.type and found else None
    kinds = [asked.type] if asked.type else list(FINDERS)
    total = sum(one.total for one in found.values())
    groups = [_group(asked, kind, found[kind], page=page) for kind in kinds if found and found[kind].total]
    return SearchView(
        q=asked.q,
        groups=tuple(groups),
        left_out=left_out,
        paging=make_paging(page, page_url=lambda at: urls.search((*asked.pairs(), ("cursor", at)))) if page else None,
        types=_types(asked, found),
        dictionaries=_dictionaries(site, asked),
        type=asked.type,
        dictionary=asked.dictionary,
        total=total,
        hint=_hint(asked, total),
        tries=() if total else _tries(site),
    )


def _hint(asked: SearchAsked, total: int) -> str:
    """One letter stands in nearly every text."""
    if total <= _MANY or any(len(word) > 1 or word.isdecimal() for word in asked.words):
        return ""
    return f"{total:,} things have “{asked.q}” in some text. Two letters or more, or a number for an index, say which."


def _tries(site: Site) -> tuple[Choice, ...]:
    """The largest classes of the first dictionary that can be opened, and an index."""
    for entry in site.roster.entries():
        try:
            with site.opened(entry) as opened:
                largest = sorted(opened.atlas.classes, key=lambda row: -row["n_images"])[:_N_TRIES]
        except ConceptoscopeError:
            continue
        words = [*(str(row["class"]) for row in largest), "#12"]
        return tuple(Choice(key=word, label=word, url=urls.search({"q": word})) for word in words)
    return ()


def _question(site: Site, asked: SearchAsked) -> tuple[Question, tuple[str, ...]]:
    """The dictionaries to look in with their words, and those that cannot be opened."""
    all_entries = site.roster.entries()
    site.words.keep({entry.atlas for entry in all_entries})
    entries = (site.roster.get(asked.dictionary),) if asked.dictionary else all_entries
    within, left_out = [], []
    for entry in entries:
        try:
            site.overlays.dictionary_of(entry)
            within.append((entry, site.words.of(entry)))
        except ConceptoscopeError as fault:
            left_out.append(f"{entry.title}: {fault}")
    return Question(asked.words, tuple(within), is_narrowed=bool(asked.dictionary)), tuple(left_out)


def _page(site: Site, asked: SearchAsked, found: Found) -> Page[HitView]:
    """A page of hits; what was found may be other things when somebody has written something since."""
    binding = make_binding("search", asked.pairs(), site.stamp())
    start = decode_cursor(asked.cursor, binding=binding) if asked.cursor else 0
    following, before = start + asked.limit, max(start - asked.limit, 0)
    return Page(
        items=tuple(found.draw(start, following)),
        start=start,
        limit=asked.limit,
        total=found.total,
        next=encode_cursor(following, binding=binding) if following < found.total else None,
        prev=encode_cursor(before, binding=binding) if start else None,
    )


def _group(asked: SearchAsked, kind: str, found: Found, *, page: Page[HitView] | None) -> GroupView:
    n_first = N_FIRST.get(kind, N_FIRST_OTHER)
    in_grid = kind == "concept" and asked.dictionary
    return GroupView(
        type=kind,
        label=LABELS[kind],
        total=found.total,
        hits=page.items if page else tuple(found.draw(0, n_first)),
        more_url="" if page or found.total <= n_first else urls.search(asked.pairs(type=kind)),
        grid_url=urls.concepts(asked.dictionary, {"q": asked.q}) if in_grid else "",
    )


def _types(asked: SearchAsked, found: Mapping[str, Found]) -> tuple[Choice, ...]:
    everything = Choice(
        key="",
        label="Everything",
        url=urls.search(asked.pairs(type="")),
        current=not asked.type,
        n=sum(one.total for one in found.values()),
    )
    kinds = (
        Choice(
            key=kind,
            label=LABELS[kind],
            url=urls.search(asked.pairs(type=kind)),
            current=asked.type == kind,
            n=found[kind].total,
        )
        for kind in found
        if found[kind].total or asked.type == kind
    )
    return (everything, *kinds)


def _dictionaries(site: Site, asked: SearchAsked) -> tuple[Choice, ...]:
    every = Choice(
        key="", label="All dictionaries", url=urls.search(asked.pairs(dictionary="")), current=not asked.dictionary
    )
    each = (
        Choice(
            key=entry.slug,
            label=entry.title,
            url=urls.search(asked.pairs(dictionary=entry.slug)),
            current=asked.dictionary == entry.slug,
        )
        for entry in site.roster.entries()
    )
    return (every, *each)
