"""What a running web program holds: settings, catalog, open atlases, templates, static files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

import app
import store
from app.encoder import Encoder
from app.kept import Kept
from app.live import Streams
from app.mapping.drawings import Drawings
from app.measured import Ledger
from app.overlays import Listed, Overlay, Overlays
from app.render import Pages
from app.roster import Entry, Roster
from app.search.words import Words
from app.static_tree import StaticTree
from app.timing import timed
from store.alignment.shelf import AlignmentShelf, make_alignment_shelf
from store.analyses.keeper import Keeper
from store.artifacts import Artifacts, check_writable, open_artifacts
from store.atlas.query import ConceptTable
from store.atlas.reader import Atlas
from store.atlas.shelf import AtlasShelf, Written, make_atlas_shelf
from store.catalog.session import Catalog
from store.resources import resource
from store.settings import Settings
from store.specs import digest_of
from store.version import VERSION
from store.vocabulary import Access


@dataclass(frozen=True)
class Opened:
    """A dictionary with its open atlas: what makers read."""

    entry: Entry
    atlas: Atlas
    concepts: ConceptTable
    """The columns of all concepts, labels as people gave them."""
    overlay: Overlay
    lists: tuple[Listed, ...] = ()
    """All lists, of whatever dictionary."""


@dataclass(frozen=True)
class Site:
    """The parts that all requests share; safe between threads."""

    settings: Settings
    catalog: Catalog
    artifacts: Artifacts
    roster: Roster
    shelf: AtlasShelf
    alignments: AlignmentShelf
    ledger: Ledger
    static: StaticTree
    pages: Pages
    streams: Streams
    encoder: Encoder
    keeper: Keeper
    overlays: Overlays
    words: Words
    kept: Kept
    drawings: Drawings
    code: str
    """Digest of the source of the program and of what it reads with: answers made by another version are not fresh."""

    @contextmanager
    def opened(self, entry: Entry) -> Iterator[Opened]:
        """The dictionary's atlas, kept open while it is read."""
        with self.shelf.reading(entry.atlas) as shelved, timed("data"):
            overlay = self.overlays.of(entry)
            written = Written(overlay.texts, overlay.sources, self.overlays.lists_of(entry))
            yield Opened(entry, shelved.atlas, shelved.written(written), overlay, self.overlays.lists())

    def stamp(self) -> str:
        """Changes whenever a dictionary does, or what anybody wrote about any concept."""
        return f"{self.roster.stamp()} {self.overlays.stamp()}"

    def close(self) -> None:
        """Release files and connections."""
        self.shelf.close()
        self.alignments.close()
        self.artifacts.close()
        self.catalog.close()


def make_site(settings: Settings) -> Site:
    """Open the catalog of a store; atlases are opened when they are first asked for. Raises ``InvalidInput``."""
    check_writable(settings.store)
    catalog = Catalog(settings.catalog_url)
    static = StaticTree(resource("static"))
    artifacts = open_artifacts(settings)
    shelf = make_atlas_shelf(artifacts)
    return Site(
        settings=settings,
        catalog=catalog,
        artifacts=artifacts,
        roster=Roster(catalog),
        shelf=shelf,
        alignments=make_alignment_shelf(artifacts),
        ledger=Ledger(shelf),
        static=static,
        pages=Pages(resource("templates"), static, signs_in=settings.chosen_access is not Access.LOCAL),
        streams=Streams(),
        encoder=Encoder(settings),
        keeper=Keeper(settings, catalog),
        overlays=Overlays(catalog, artifacts),
        words=Words(shelf),
        kept=Kept(),
        drawings=Drawings(),
        code=_code_digest(),
    )


def _code_digest() -> str:
    sources = sorted(path for package in (app, store) for path in Path(package.__path__[0]).rglob("*.py"))
    return digest_of([VERSION, [path.read_text(encoding="utf-8") for path in sources]])[:16]


def site_of(request: Request) -> Site:
    """The parts of the program that answers this request."""
    return cast(Site, request.app.state.site)


async def _site_of(request: Request) -> Site:  # async: a plain function would wait for a free thread
    return site_of(request)


SiteDep = Annotated[Site, Depends(_site_of)]
