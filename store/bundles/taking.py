"""Takes a bundle into a store: all of it is checked before any of it can be seen."""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from store.artifacts import Artifact, Artifacts, Draft
from store.atlas.schema import FILE, SCHEMA
from store.bundles.facts import CARD, SLUG, BundleFacts
from store.bundles.reading import Bundle, open_bundle
from store.catalog.collections import take_collection
from store.catalog.dictionaries import DictionaryFacts, find_dictionary, save_dictionary, switch_atlas
from store.catalog.models import take_model
from store.catalog.session import Catalog
from store.catalog.wanted import note_wanted, recording
from store.duck import DuckFile
from store.errors import Conflict, Damaged, InvalidInput, NewerFormat, OlderFormat
from store.vocabulary import Kind


@dataclass(frozen=True)
class Taken:
    """What came of it: the name here, and whether the store had all of it before."""

    slug: str
    facts: BundleFacts
    was_there: bool


def import_bundle(source: Path, *, artifacts: Artifacts, catalog: Catalog, slug: str | None = None) -> Taken:
    """Check a bundle and let the store show its dictionary, under another name if one is given.

    Raises what ``open_bundle`` does, ``Conflict`` when the store has another dictionary of that name, and
    ``OlderFormat`` or ``NewerFormat`` when its atlas is of another version.
    """
    if slug is not None and not re.fullmatch(SLUG, slug):
        raise InvalidInput(f"--as is a name in addresses (a-z, 0-9 and hyphens); '{slug}' is not.")
    with open_bundle(source) as bundle:
        facts = bundle.facts
        name = slug or facts.dictionary.slug
        was_there = _is_shown(catalog, name, facts)
        with ExitStack() as stack:
            drafts = {part.digest: stack.enter_context(artifacts.adopting(part)) for part in facts.parts}
            try:
                _fill(bundle, drafts)
                _check_atlas(drafts[facts.atlas.digest].path / FILE, place=bundle.place)
                taken = [artifacts.adopt(drafts[part.digest], part) for part in facts.parts]
            finally:
                for draft in drafts.values():
                    draft.drop()
    if not was_there:
        _record(name, facts, taken=taken, artifacts=artifacts, catalog=catalog)
    return Taken(name, facts, was_there)


def _is_shown(catalog: Catalog, slug: str, facts: BundleFacts) -> bool:
    with catalog.session() as session:
        row = find_dictionary(session, slug)
        shown = row and (row.digest, row.atlas.digest if row.atlas else None)
    if shown not in (None, (facts.learned.digest, facts.atlas.digest)):
        raise Conflict(f"The store has another dictionary named '{slug}': give this one another name with --as NAME.")
    return shown is not None


def _fill(bundle: Bundle, drafts: Mapping[str, Draft]) -> None:
    for draft in drafts.values():
        draft.clear()
    for name, _, blocks in bundle.contents():
        if name == CARD:
            for _ in blocks:
                pass
            continue
        _, digest, file_name = name.split("/")
        with (drafts[digest].path / file_name).open("wb") as file:
            for block in blocks:
                file.write(block)


def _check_atlas(path: Path, *, place: str) -> None:
    try:
        DuckFile(path, SCHEMA).close()
    except (Damaged, NewerFormat, OlderFormat) as fault:
        raise type(fault)(str(fault).replace(str(path), f"The atlas in {place}")) from fault


def _record(name: str, facts: BundleFacts, *, taken: list[Artifact], artifacts: Artifacts, catalog: Catalog) -> None:
    learned, atlas = taken
    about, shown = facts.dictionary, facts.collection
    with recording(atlas, artifacts, catalog) as session:
        note_wanted(session, Kind(learned.path.parent.name), learned.digest)
        row = DictionaryFacts(
            slug=name,
            title=about.title,
            model=take_model(session, facts.model.slug, title=facts.model.title, facts=facts.model.facts),
            collection=take_collection(
                session, shown.slug, title=shown.title, digest=shown.digest, n_images=shown.n_images
            ),
            layer=about.layer,
            method=about.method,
            digest=learned.digest,
            n_concepts=about.n_concepts,
            spec=about.spec,
            metrics=about.metrics,
        )
        switch_atlas(session, save_dictionary(session, row), digest=atlas.digest, headline=about.headline)
