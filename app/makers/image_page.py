"""The page of an image: what fires where, what the model says of it, what is like it."""

from collections.abc import Sequence
from typing import Final

from app import urls
from app.access.who import may_now
from app.makers.image_concepts import find_prediction, make_ranked
from app.makers.images import make_image_card
from app.makers.places import seen_box
from app.makers.scenes import Patch, Scene
from app.site import Opened
from app.views.base import Choice
from app.views.images import ImageView, NearImage
from store.atlas.reader import Row
from store.vocabulary import Scope

N_NEAREST: Final = 8


def make_image(
    opened: Opened,
    image_id: str,
    *,
    concept: int | None,
    patch: Patch | None,
    knowing: Sequence[Choice] = (),
) -> ImageView:
    """One image: what fires where. ``knowing`` are the dictionaries that know it."""
    row = opened.atlas.image(image_id)
    scene = _scene(opened, row)
    if concept is not None:
        opened.atlas.check(concept)
    if patch is not None:
        scene.check(patch)
    return ImageView(
        dictionary=opened.entry.slug,
        dictionary_title=opened.entry.title,
        image=make_image_card(opened, row),
        seen=scene.seen_box,
        rows=scene.grid.rows,
        cols=scene.grid.cols,
        cells=scene.cells(concept=concept, chosen=patch),
        prediction=find_prediction(opened, row),
        nearest=make_nearest(opened, row),
        concepts=make_ranked(scene, row, chosen=concept),
        patch=None if patch is None else scene.patch(*patch),
        heat=None if concept is None else scene.heat(concept),
        patches=scene.for_script(),
        dictionaries=tuple(knowing),
        analyze_url=urls.analyze() if may_now(Scope.ANALYSE) else "",
        clear_url=urls.image(image_id, opened.entry.slug),
    )


def make_nearest(opened: Opened, row: Row) -> tuple[NearImage, ...]:
    """The images with the most similar concepts."""
    pooled = {one["concept"]: one["pooled"] for one in opened.atlas.image_concepts(row["id"])}
    found = opened.atlas.nearest_images(pooled, limit=N_NEAREST + 1)
    others = [one for one in found if one["image"] != row["image"]][:N_NEAREST]
    return tuple(NearImage(image=make_image_card(opened, one), likeness=one["likeness"]) for one in others)


def _scene(opened: Opened, row: Row) -> Scene:
    concepts, codes = opened.atlas.patch_codes(row["id"])
    return Scene(
        opened=opened,
        grid=opened.atlas.streams[0].grid,
        seen=seen_box(opened.atlas, row),
        width=row["thumbnail_width"],
        height=row["thumbnail_height"],
        concepts=concepts,
        codes=codes,
        address=lambda concept, patch: urls.image(row["id"], opened.entry.slug, concept=concept, patch=patch),
    )
