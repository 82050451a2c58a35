"""What surrounds a page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl

from app import urls
from app.makers.subjects import query_of
from app.makers.using import use_lines
from app.roster import Entry
from app.site import Opened
from app.views.base import Build, Choice, Crumb, Foot, Frame
from store.sheets import Format

PageKind = Literal[
    "home",
    "compare",
    "glossary",
    "reference",
    "alignments",
    "alignment",
    "together",
    "jobs",
    "job",
    "new-job",
    "analyze",
    "lists",
    "list",
    "search",
    "clash",
    "settings",
    "login",
    "design",
]
DictionaryPage = Literal[
    "dictionary",
    "concepts",
    "concept",
    "map",
    "values",
    "beside",
    "images",
    "image",
    "streams",
    "classes",
    "class",
    "analysis",
    "queue",
    "tests",
    "test",
]


_LISTS: Final = ("concepts", "images", "classes", "alignments", "alignment", "jobs")
_FORMATS: Final = {Format.CSV: "CSV", Format.NDJSON: "NDJSON", Format.PARQUET: "Parquet", Format.ARROW: "Arrow"}


def plain_frame(
    kind: PageKind,
    *,
    title: str,
    json_url: str,
    api_url: str,
    base: str,
    trail: tuple[Crumb, ...] = (),
    q: str = "",
) -> Frame:
    """The frame of a page that belongs to no dictionary; ``trail`` stands between home and the page."""
    above = (Crumb(label="Home", url=urls.home()), *trail, Crumb(label=title))
    crumbs = (Crumb(label="Home"),) if kind == "home" else above
    curl, python = use_lines(base, api_url) if api_url else ("", "")
    return Frame(
        kind=kind,
        title=title,
        crumbs=crumbs,
        api_url=api_url,
        json_url=json_url,
        tables=make_tables(kind, api_url),
        curl=curl,
        python=python,
        q=q,
    )


def error_frame(title: str) -> Frame:
    """The frame of an error page."""
    crumbs = (Crumb(label="Home", url=urls.home()), Crumb(label=title))
    return Frame(kind="error", title=title, crumbs=crumbs, api_url="", json_url="")


@dataclass(frozen=True)
class Place:
    """Which page of a dictionary it is; ``trail`` is what follows the dictionary in the breadcrumb."""

    kind: DictionaryPage
    title: str
    json_url: str
    api_url: str
    trail: tuple[Crumb, ...] = ()
    switch: tuple[Choice, ...] = ()
    q: str = ""


def dictionary_frame(opened: Opened, place: Place, *, base: str) -> Frame:
    """The frame of a page of a dictionary."""
    entry = opened.entry
    home = (
        Crumb(label=entry.model_title, url=urls.home()),
        Crumb(label=entry.layer),
        Crumb(label=entry.title, url=urls.dictionary(entry.slug) if place.trail else None),
    )
    curl, python = use_lines(base, place.api_url)
    return Frame(
        kind=place.kind,
        title=place.title,
        crumbs=(*home, *place.trail),
        api_url=place.api_url,
        json_url=place.json_url,
        tables=make_tables(place.kind, place.api_url),
        curl=curl,
        python=python,
        switch=place.switch,
        dictionary=entry.slug,
        dictionary_title=entry.title,
        dictionary_url=urls.dictionary(entry.slug),
        concepts_url=urls.concepts(entry.slug),
        map_url=urls.map_page(entry.slug),
        images_url=urls.images(entry.slug),
        classes_url=urls.classes(entry.slug),
        streams_url=urls.streams(entry.slug) if opened.atlas.is_universal else "",
        compare_url=urls.compare(query_of(entry)),
        q=place.q,
        build=make_build(opened),
    )


def make_build(opened: Opened) -> Build:
    """Which build is shown."""
    entry, manifest = opened.entry, opened.atlas.artifact.manifest
    return Build(
        dictionary=entry.slug,
        digest=entry.atlas,
        dictionary_digest=entry.digest,
        collection=entry.collection_title,
        collection_digest=entry.collection_digest,
        code_version=manifest.code_version,
        created_at=manifest.created_at.isoformat(timespec="seconds"),
    )


def make_switch(entries: tuple[Entry, ...], current: str, *, url_for: Callable[[str], str]) -> tuple[Choice, ...]:
    """The same kind of page in every dictionary."""
    return tuple(
        Choice(
            key=entry.slug,
            label=entry.title,
            url=url_for(entry.slug),
            current=entry.slug == current,
            n=entry.n_concepts,
            title=f"{entry.model_title}, {entry.layer}",
        )
        for entry in entries
    )


def make_foot(kind: str, api_url: str, *, base: str) -> Foot:
    """How programs get what a page shows, for a part of it that is drawn anew with another query."""
    curl, python = use_lines(base, api_url)
    return Foot(api_url=api_url, tables=make_tables(kind, api_url), curl=curl, python=python)


def make_tables(kind: str, api_url: str) -> tuple[Choice, ...]:
    """The whole list of a page as a file, in each format; none where a page shows no list."""
    if kind not in _LISTS:
        return ()
    path, _, query = api_url.partition("?")
    kept = [pair for pair in parse_qsl(query) if pair[0] not in ("limit", "cursor")]
    return tuple(
        Choice(key=form.value, label=label, url=urls.with_query(path, (*kept, ("format", form.value))))
        for form, label in _FORMATS.items()
    )
