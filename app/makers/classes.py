"""The index of classes: those that the model predicts with what makes it, or the groups of the collection."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app import urls
from app.makers.class_asking import COLLECTION, COLUMNS, PREDICTED, ClassesAsked
from app.makers.concepts import make_chip
from app.makers.images import make_image_card
from app.makers.paging import make_paging
from app.site import Opened
from app.views.base import Choice, Links
from app.views.class_photos import ClassPhoto
from app.views.classes import ClassCard, ClassesView
from store.atlas.cursor import cut_page, make_binding
from store.atlas.grammar import parse_query
from store.atlas.reader import Row

N_PHOTOS: Final = 3
N_CONCEPTS: Final = 3
_FIRST_DOWN: Final = {"n_images", "probability", "logit", "n_concepts", "leader_share", "group_share", "accuracy"}
_NUMBERS: Final = ("probability", "logit", "n_main", "area", "random", "random_spread", "least", "of_random")
_ABSENT: Final = (*_NUMBERS, "output", "leader", "leader_share", "group", "group_share", "accuracy")


def make_classes(opened: Opened, asked: ClassesAsked) -> ClassesView:
    """A page of classes."""
    slug, atlas = opened.entry.slug, opened.atlas
    of = asked.of or (PREDICTED if atlas.outputs else COLLECTION)
    rows = predicted_rows(opened) if of == PREDICTED else _group_rows(opened)
    among = _outputs_among(opened, asked.group)
    chosen = [row for row in rows if _wanted(row, asked.q) and (among is None or row["output"] in among)]
    binding = make_binding(atlas.digest, of, asked.q, asked.group, asked.sort)
    page = cut_page(_sorted(chosen, asked.sort), cursor=asked.cursor, limit=asked.limit, binding=binding)
    cards = _predicted_cards(opened, page.items) if of == PREDICTED else _group_cards(opened, page.items)
    return ClassesView(
        dictionary=slug,
        dictionary_title=opened.entry.title,
        of=of,
        kinds=_kinds(opened, of),
        missing="" if atlas.outputs else why_missing(opened),
        n_all=len(rows),
        total=page.total,
        n_images=sum(row["n_images"] for row in rows),
        n_collection=opened.entry.n_images,
        cards=cards,
        q=asked.q,
        group=asked.group,
        groups=_group_choices(opened, asked) if of == PREDICTED else (),
        told=tuple(name for name in COLUMNS if any(row[name] is not None for row in rows)),
        sort=asked.sort,
        sorts=tuple(_sort_choice(slug, name, asked) for name in COLUMNS),
        kept=tuple(pair for pair in asked.pairs if pair[0] != "q"),
        form_url=urls.classes(slug),
        clear_url=urls.classes(slug, replace(asked, q="", group="").pairs),
        paging=make_paging(page, page_url=lambda cursor: urls.classes(slug, (*asked.pairs, ("cursor", cursor)))),
    )


def why_missing(opened: Opened) -> str:
    """Why the atlas tells of no predicted classes, in one sentence."""
    if opened.atlas.is_universal:
        return "This dictionary reads several models at once; effects on classes are told for one model alone."
    stream = opened.atlas.streams[0]
    return (
        "What concepts do to classes is told where only a mean and a linear map follow the layer and the model's "
        f"weights were at hand for the atlas; at {stream.layer} of {opened.entry.model_title} this was not so."
    )


def class_name(row: Row) -> str:
    """The model's word for a predicted class, or its number."""
    return row["name"] or f"class {row['output']}"


def class_pages(opened: Opened) -> dict[int, str]:
    """Addresses of the predicted classes that the atlas tells of, by their numbers."""
    return {row["output"]: urls.class_page(opened.entry.slug, row["output"]) for row in opened.atlas.outputs}


def predicted_rows(opened: Opened) -> list[Row]:
    """The predicted classes with what is computed from their numbers, those of most images first."""
    accuracies = _accuracies(opened)
    return [
        row | {"name": class_name(row), "of_random": _share(row), "accuracy": accuracies.get(row["output"])}
        for row in opened.atlas.outputs
    ]


def namesake(name: str, groups: Sequence[str]) -> str | None:
    """The group that is called like a class, or like one of the words for it: "crane, lathe" and "Lathe"."""
    words = {word.strip().casefold() for word in (name, *name.split(","))}
    return next((group for group in groups if group.strip().casefold() in words), None)


def _accuracies(opened: Opened) -> dict[int, float]:
    """Of predicted classes with a group of their name: the share of its images that are called so."""
    sizes = {row["class"]: row["n_images"] for row in opened.atlas.classes}
    own = {row["output"]: namesake(class_name(row), [*sizes]) for row in opened.atlas.outputs}
    names = sorted({name for name in own.values() if name})
    met = {(row["class"], row["output"]): row["n_images"] for row in opened.atlas.group_outputs(names)}
    return {output: met.get((name, output), 0) / sizes[name] for output, name in own.items() if name}


def _outputs_among(opened: Opened, group: str) -> frozenset[int] | None:
    """The predicted classes with images of a group; None where none is asked for."""
    return frozenset(row["output"] for row in opened.atlas.group_outputs([group])) if group else None


def _group_choices(opened: Opened, asked: ClassesAsked) -> tuple[Choice, ...]:
    names = [row["class"] for row in opened.atlas.classes]
    counts = Counter(row["class"] for row in opened.atlas.group_outputs(names))
    found = [("", "All", len(opened.atlas.outputs)), *((name, name, counts[name]) for name in names if counts[name])]
    return tuple(
        Choice(
            key=key,
            label=label,
            n=n,
            current=asked.group == key,
            url=urls.classes(opened.entry.slug, replace(asked, group=key).pairs),
        )
        for key, label, n in (found if len(found) > 1 else ())
    )


def _share(row: Row) -> float | None:
    return row["area"] / row["random"] if row["random"] else None


def _group_rows(opened: Opened) -> list[Row]:
    answering = Counter(opened.atlas.columns["top_class"].tolist())
    absent = dict.fromkeys(_ABSENT)
    return [
        absent | {"name": row["class"], "n_images": row["n_images"], "n_concepts": answering[row["class"]]}
        for row in opened.atlas.classes
    ]


def _wanted(row: Row, q: str) -> bool:
    name = row["name"].lower()
    return q == str(row["output"]) or all(word in name for word in q.lower().split())


def _sorted(rows: Sequence[Row], sort: str) -> list[Row]:
    """By a column; what has no value last, equal ones as they came."""
    name, down = sort.removeprefix("-"), sort.startswith("-")
    known = sorted((row for row in rows if row[name] is not None), key=lambda row: _key(row[name]), reverse=down)
    return [*known, *(row for row in rows if row[name] is None)]


def _key(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _predicted_cards(opened: Opened, rows: Sequence[Row]) -> tuple[ClassCard, ...]:
    photos = photos_of(opened, [row["output"] for row in rows], limit=N_PHOTOS)
    return tuple(predicted_card(opened, row, photos=photos.get(row["output"], ())) for row in rows)


def predicted_card(opened: Opened, row: Row, *, photos: tuple[ClassPhoto, ...]) -> ClassCard:
    """A predicted class with photos of which the model is surest."""
    slug, output = opened.entry.slug, row["output"]
    links = Links(html=urls.class_page(slug, output), api=urls.api_class(slug, output))
    leader = None if row["leader"] is None else make_chip(opened, row["leader"])
    return _card(row, of=PREDICTED, photos=photos, links=links).model_copy(update={"leader": leader})


def photos_of(opened: Opened, outputs: Sequence[int], *, limit: int) -> Mapping[int, tuple[ClassPhoto, ...]]:
    """Photos kept of predicted classes, by class."""
    found: dict[int, tuple[ClassPhoto, ...]] = {}
    for row in opened.atlas.output_images(outputs, limit=limit):
        found[row["output"]] = (*found.get(row["output"], ()), make_photo(opened, row))
    return found


def make_photo(opened: Opened, row: Row) -> ClassPhoto:
    """A photo of a class."""
    return ClassPhoto(image=make_image_card(opened, row), probability=row.get("probability"))


def _group_cards(opened: Opened, rows: Sequence[Row]) -> tuple[ClassCard, ...]:
    photos: dict[str, tuple[ClassPhoto, ...]] = {}
    for row in opened.atlas.class_images([row["name"] for row in rows], limit=N_PHOTOS):
        photos[row["class"]] = (*photos.get(row["class"], ()), make_photo(opened, row))
    return tuple(_group_card(opened, row, photos=photos.get(row["name"], ())) for row in rows)


def _group_card(opened: Opened, row: Row, *, photos: tuple[ClassPhoto, ...]) -> ClassCard:
    slug, pairs = opened.entry.slug, (("class", row["name"]), ("sort", "-importance"))
    answering = opened.concepts.select(parse_query(pairs)).tolist()
    links = Links(html=urls.concepts(slug, pairs), api=urls.api_dictionaries(slug, "concepts", query=pairs))
    card = _card(row, of=COLLECTION, photos=photos, links=links)
    return card.model_copy(update={"concepts": tuple(make_chip(opened, k) for k in answering[:N_CONCEPTS])})


def _card(row: Row, *, of: str, photos: tuple[ClassPhoto, ...], links: Links) -> ClassCard:
    same = ("output", "n_images", "n_concepts", *_NUMBERS, "leader_share", "group", "group_share", "accuracy")
    numbers = {name: row[name] for name in same}
    return ClassCard(of=of, class_name=row["name"], leader=None, photos=photos, concepts=(), links=links, **numbers)


def _kinds(opened: Opened, of: str) -> tuple[Choice, ...]:
    counts = {PREDICTED: len(opened.atlas.outputs), COLLECTION: len(opened.atlas.classes)}
    if not all(counts.values()):
        return ()
    labels = {PREDICTED: "Predicted by the model", COLLECTION: "Groups of the collection"}
    slug = opened.entry.slug
    return tuple(
        Choice(
            key=key,
            label=labels[key],
            n=n,
            url=urls.classes(slug, {"of": "" if key == PREDICTED else key}),
            current=key == of,
        )
        for key, n in counts.items()
    )


def _sort_choice(slug: str, name: str, asked: ClassesAsked) -> Choice:
    """What a click on a column leads to: the other way round where it is the order already."""
    first = f"-{name}" if name in _FIRST_DOWN else name
    turned = name if asked.sort == f"-{name}" else f"-{name}"
    current = asked.sort.removeprefix("-") == name
    return Choice(
        key=name,
        label=COLUMNS[name].label,
        url=urls.classes(slug, replace(asked, sort=turned if current else first).pairs),
        current=current,
        title=COLUMNS[name].definition,
    )
