"""Finds classes, dictionaries, images and lists by their names."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from app import urls
from app.makers.lists import find_chip, shown_entries
from app.overlays import Listed
from app.render import plural
from app.roster import Entry
from app.search.question import Found, Question
from app.search.reasons import has_word, has_words, make_reason, make_reasons
from app.search.words import ID_MIN, ImageNames
from app.site import Site
from app.views.base import Choice
from app.views.search import HitView, Reason

T = TypeVar("T")


def _found(things: Sequence[T], draw: Callable[[T], HitView]) -> Found:
    return Found(len(things), lambda start, stop: [draw(thing) for thing in things[start:stop]])


def find_classes(site: Site, question: Question) -> Found:  # noqa: ARG001 the contract of finders
    """Classes of the photos, the most frequent first."""
    sizes: dict[str, int] = {}
    places: dict[str, list[Entry]] = {}
    for entry, words in question.within:
        for name, n in words.class_sizes:
            if has_words([name], question.words):
                sizes[name] = max(n, sizes.get(name, 0))
                places.setdefault(name, []).append(entry)

    def draw(name: str) -> HitView:
        first, *others = places[name]
        query = {"class": name}
        return HitView(
            type="class",
            title=name,
            detail=plural(sizes[name], "image"),
            dictionary=first.slug,
            reasons=(make_reason("class", name, question.words),),
            html=urls.concepts(first.slug, query),
            api=urls.api_dictionaries(first.slug, "concepts", query=query),
            others=tuple(Choice(key=e.slug, label=e.title, url=urls.concepts(e.slug, query)) for e in others),
        )

    return _found(sorted(places, key=lambda name: (-sizes[name], name)), draw)


def find_dictionaries(site: Site, question: Question) -> Found:  # noqa: ARG001 the same
    """Dictionaries by title, name, model, layer, method, collection."""

    def texts(entry: Entry) -> list[tuple[str, str | None]]:
        return [
            ("title", entry.title),
            ("name", entry.slug),
            ("model", entry.model_title),
            ("layer", entry.layer),
            ("method", entry.method),
            ("collection", entry.collection_title),
        ]

    def draw(entry: Entry) -> HitView:
        return HitView(
            type="dictionary",
            title=entry.title,
            detail=f"{entry.model_title}, {plural(entry.n_concepts, 'concept')}",
            dictionary=entry.slug,
            reasons=make_reasons(texts(entry), question.words),
            html=urls.dictionary(entry.slug),
            api=urls.api_dictionaries(entry.slug),
        )

    matching = [e for e, _ in question.within if has_words((text for _, text in texts(e)), question.words)]
    return _found(matching, draw)


def find_images(site: Site, question: Question) -> Found:  # noqa: ARG001 the same
    """Photos by the names of their files, or by the beginning of their id; each once."""
    found: dict[str, tuple[Entry, ImageNames, int]] = {}
    for entry, words in question.within:
        for place in words.images.find(question.words):
            found.setdefault(words.images.ids[place], (entry, words.images, place))

    def draw(one: tuple[Entry, ImageNames, int]) -> HitView:
        entry, images, place = one
        image, source, class_name = images.ids[place], images.sources[place], images.classes[place]
        by_id = [word for word in question.words if len(word) >= ID_MIN and image.startswith(word)]
        return HitView(
            type="image",
            title=PurePosixPath(source).name,
            detail=f"class {class_name}" if class_name else "",
            dictionary=entry.slug,
            reasons=(
                *(make_reason("id", image, [word]) for word in by_id),
                *make_reasons([("file", source)], question.words),
            ),
            thumbnail=urls.thumb(entry.atlas, image),
            html=urls.image(image, entry.slug),
            api=urls.api_image(image, entry.slug),
        )

    return _found(sorted(found.values(), key=lambda one: one[1].sources[one[2]].lower()), draw)


def find_lists(site: Site, question: Question) -> Found:
    """Lists by title, note and the notes on their members; of one dictionary only those that hold its concepts."""
    digests = {site.overlays.dictionary_of(entry) for entry, _ in question.within}

    def texts(row: Listed) -> list[tuple[str, str | None]]:
        notes = [(f"note on #{member.concept}", member.note) for member in row.members]
        return [("title", row.title), ("note", row.note), *notes]

    def draw(row: Listed) -> HitView:
        entries = shown_entries(site)
        first = next((m for m in row.members if m.dictionary in entries and has_word(m.note, question.words)), None)
        first = first or next((m for m in row.members if m.dictionary in entries), None)
        reasons: tuple[Reason, ...] = make_reasons(texts(row), question.words)
        return HitView(
            type="list",
            title=row.title,
            detail=f"{plural(len(row.members), 'concept')}, by {row.author}",
            concept=find_chip(site, entries[first.dictionary], first.concept) if first else None,
            reasons=reasons,
            html=urls.lists(row.uid),
            api=urls.api_lists(row.uid),
        )

    matching = [
        row
        for row in site.overlays.lists()
        if has_words((text for _, text in texts(row)), question.words)
        and (not question.is_narrowed or any(member.dictionary in digests for member in row.members))
    ]
    return _found(matching, draw)
