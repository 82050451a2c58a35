"""A visitor's photo explained by dictionaries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app import urls
from app.makers.analysis_asking import NO_EDITS, SORTS, AnalysisAsked
from app.makers.analysis_effects import class_rows, make_effects
from app.makers.concepts import make_chip
from app.makers.images import make_image_card
from app.makers.scenes import Scene
from app.render import n3, percent
from app.site import Opened, Site
from app.views.analyses import (
    ActiveConcept,
    AnalysisLinks,
    AnalysisView,
    EditView,
    ExplainedView,
    MadeView,
    ModelSight,
    NearestImage,
    PaintedView,
    PhotoView,
    TopConcept,
)
from app.views.base import Choice
from store.analyses.keeper import Analysis
from store.analyses.result import Codes, Explained
from store.atlas.surprise import Standing
from store.edits import MAX_EDITS, Edit, Edits, write_patches
from store.encoding.contract import StreamFacts
from store.errors import Conflict, NotFound

N_TOP = 8
PATCHES_BYTES = 20_000
N_CLASSES = 5
N_TOPS = 4


def make_links(public_id: str) -> AnalysisLinks:
    """Addresses of an analysis."""
    return AnalysisLinks(
        html=urls.analysis(public_id),
        api=urls.api_analyses(public_id),
        photo=urls.api_analyses(public_id, "photo.webp"),
        edits=urls.api_analyses(public_id, "edits"),
    )


def make_made(analysis: Analysis) -> MadeView:
    """A new one, in little."""
    return MadeView(
        id=analysis.public_id,
        expires_at=analysis.expires_at.isoformat(timespec="seconds"),
        links=make_links(analysis.public_id),
    )


def place_of(analysis: Analysis, slug: str) -> int:
    """The place of a dictionary among those asked for, the first for an empty slug; raises ``NotFound``."""
    slugs = [one.slug for one in analysis.result.dictionaries]
    if slug and slug not in slugs:
        raise NotFound("dictionary of this analysis", slug, known=slugs)
    return slugs.index(slug) if slug else 0


def make_analysis(
    site: Site, analysis: Analysis, asked: AnalysisAsked, *, places: Sequence[int], edit: EditView | None = None
) -> AnalysisView:
    """An analysis in the eyes of the dictionaries at these places; what is asked about concepts is of the first."""
    result, public_id = analysis.result, analysis.public_id
    plain = AnalysisAsked(sort=asked.sort, is_beside=asked.is_beside)
    explained = [_explained(site, analysis, asked if place == places[0] else plain, place=place) for place in places]
    if edit is not None:
        explained[0] = explained[0].model_copy(update={"edit": edit})
    current = result.dictionaries[places[0]].slug
    image = result.source.image if result.source else None
    return AnalysisView(
        id=public_id,
        created_at=analysis.created_at.isoformat(timespec="seconds"),
        expires_at=analysis.expires_at.isoformat(timespec="seconds"),
        photo=PhotoView(
            width=result.copy_width,
            height=result.copy_height,
            image=image,
            image_url=urls.image(image, current) if image else "",
        ),
        links=make_links(public_id),
        dictionaries=tuple(explained),
        choices=tuple(
            Choice(
                key=one.slug,
                label=one.title,
                url=AnalysisAsked(dictionary=one.slug, sort=asked.sort).url(public_id),
                current=one.slug == current and not asked.is_beside,
                title=f"{one.facts.model}, {one.facts.layer}",
            )
            for one in result.dictionaries
        ),
        beside_url=asked.url(public_id, is_beside=True, edits=NO_EDITS, dictionary=""),
        is_beside=asked.is_beside,
        delete_url=urls.analysis(public_id, "delete"),
        edits_url=urls.analysis(public_id, "edits"),
    )


def _explained(site: Site, analysis: Analysis, asked: AnalysisAsked, *, place: int) -> ExplainedView:
    told, codes = analysis.result.dictionaries[place], site.keeper.files.codes(analysis.public_id, place)
    entry = site.roster.get(told.slug)
    if entry.digest != told.digest:
        raise Conflict(f"The dictionary {told.slug} was made anew since. Give the photo again.")
    with site.opened(entry) as opened:
        return _Eye(opened, analysis, told, codes, asked.but(dictionary=told.slug)).view()


@dataclass(frozen=True)
class _Eye:
    """One dictionary that looks at the photo."""

    opened: Opened
    analysis: Analysis
    told: Explained
    codes: Codes
    asked: AnalysisAsked

    def view(self) -> ExplainedView:
        asked, facts, scene = self.asked, self.told.facts, self._scene()
        if asked.concept is not None:
            self.opened.atlas.check(asked.concept)
        if asked.patch is not None:
            scene.check(asked.patch)
        if asked.painted and asked.painted[-1] >= facts.grid_rows * facts.grid_cols:
            remedy = f"Patches go from 0 to {facts.grid_rows * facts.grid_cols - 1}."
            raise NotFound("patch", str(asked.painted[-1]), remedy=remedy)
        script, concepts = _fitting(scene), self._concepts(scene)
        return ExplainedView(
            dictionary=self.told.slug,
            title=self.told.title,
            model=facts.model,
            layer=facts.layer,
            url=AnalysisAsked(dictionary=self.told.slug).url(self.analysis.public_id),
            dictionary_url=urls.dictionary(self.told.slug),
            rows=facts.grid_rows,
            cols=facts.grid_cols,
            seen=scene.seen_box,
            l0=facts.l0,
            sights=tuple(self._sight(one) for one in self.told.streams if not one.is_mean),
            sort=self._sort,
            sorts=self._sorts(),
            concepts=concepts,
            patch=None if asked.patch is None else scene.patch(*asked.patch),
            painted=_painted(scene, asked.painted),
            heat=None if asked.concept is None else scene.heat(asked.concept),
            patches={name: script[name] for name in _CODES},
            effects=make_effects(self.opened, self.told.effects, self.codes, address=self._address),
            nearest=self._nearest(),
            edit=None,
            tops=tuple(
                TopConcept(heat=scene.heat(one.concept.id), pooled=one.pooled)
                for one in concepts[: N_TOPS if asked.is_beside else 0]
            ),
            cells=scene.cells(concept=asked.concept, chosen=asked.patch, painted=asked.painted),
            script=script,
            clear_url=asked.url(self.analysis.public_id, concept=None, patch=None, painted=(), edits=NO_EDITS),
        )

    def _address(self, concept: int | None, patch: tuple[int, int] | None = None) -> str:
        return self.asked.url(self.analysis.public_id, concept=concept, patch=patch)

    def _scene(self) -> Scene:
        facts, result = self.told.facts, self.analysis.result
        shape = (facts.grid_rows, facts.grid_cols, -1 if self.codes.indices.size else 0)
        return Scene(
            opened=self.opened,
            grid=facts.grid,
            seen=facts.box,
            width=result.copy_width,
            height=result.copy_height,
            concepts=self.codes.indices.reshape(shape),
            codes=self.codes.values.reshape(shape),
            address=self._address,
        )

    def _sight(self, facts: StreamFacts) -> ModelSight:
        usual = self.opened.entry.metrics.get("r2") if len(self.told.streams) == 1 else None
        return ModelSight(
            model=facts.model,
            layer=facts.layer,
            r2=facts.r2,
            r2_usual=usual,
            l0=facts.l0,
            predicted=class_rows(self.opened, facts.predicted[:N_CLASSES]),
        )

    @property
    def _sort(self) -> str:
        """The order that can be had: without effects there are no contributions."""
        is_missing = self.asked.sort == "contribution" and not len(self.codes.contribution)
        return "pooled" if is_missing else self.asked.sort

    def _sorts(self) -> tuple[Choice, ...]:
        known = [one for one in SORTS if one[0] != "contribution" or len(self.codes.contribution)]
        return tuple(
            Choice(
                key=key,
                label=label,
                title=title,
                url=self.asked.url(self.analysis.public_id, sort=key, patch=None),
                current=key == self._sort,
            )
            for key, label, title in known
        )

    def _concepts(self, scene: Scene) -> tuple[ActiveConcept, ...]:
        codes = self.codes
        standings = [Standing(float(p), self.told.n_images) for p in codes.percentile]
        surprise = np.array([one.surprise for one in standings])
        contribution = codes.contribution if len(codes.contribution) else None
        by = {"pooled": codes.pooled, "peak": codes.peak, "surprise": surprise, "contribution": codes.contribution}
        values = np.asarray(by[self._sort], dtype=np.float64)
        order = np.lexsort((codes.concepts, -codes.pooled, -values))
        longest = float(np.abs(values).max(initial=0)) or 1.0
        return tuple(
            self._active(
                scene,
                int(i),
                rank=rank,
                standing=standings[i],
                contribution=None if contribution is None else float(contribution[i]),
                value=float(values[i]),
                bar=min(abs(float(values[i])) / longest, 1.0),
            )
            for rank, i in enumerate(order)
        )

    def _active(
        self,
        scene: Scene,
        i: int,
        *,
        rank: int,
        standing: Standing,
        contribution: float | None,
        value: float,
        bar: float,
    ) -> ActiveConcept:
        concept, peak = int(self.codes.concepts[i]), float(self.codes.peak[i])
        place = divmod(int(self.codes.peak_patch[i]), self.told.facts.grid_cols)
        return ActiveConcept(
            rank=rank,
            concept=make_chip(self.opened, concept),
            pooled=float(self.codes.pooled[i]),
            peak=peak,
            share=scene.share(concept, peak),
            percentile=standing.percentile,
            surprise=standing.surprise,
            contribution=contribution,
            row=place[0],
            col=place[1],
            bar=bar,
            value=value,
            note=_note(self._sort, standing, peak=peak, contribution=contribution),
            current=concept == self.asked.concept,
            show_url=self._address(concept),
            edit_url=self._edit_url(concept),
        )

    def _edit_url(self, concept: int) -> str:
        """This page with the concept removed, too: on the chosen patch, or everywhere; empty without effects."""
        asked, place = self.asked, self.asked.patch
        if self.told.effects.missing:
            return ""
        others = tuple(one for one in asked.edits.edits if one.concept != concept)[: MAX_EDITS - 1]
        here = None if place is None else (place[0] * self.told.facts.grid_cols + place[1],)
        patches = asked.painted or here
        edits = Edits(edits=(*others, Edit(concept=concept, patches=patches)))
        return asked.url(self.analysis.public_id, edits=edits) + "#edit"

    def _nearest(self) -> tuple[NearestImage, ...]:
        known = self.opened.atlas.image_index
        return tuple(
            NearestImage(image=make_image_card(self.opened, self.opened.atlas.image(one.image)), likeness=one.likeness)
            for one in self.told.nearest
            if one.image in known
        )


def _painted(scene: Scene, places: tuple[int, ...]) -> PaintedView | None:
    if not places:
        return None
    return PaintedView(patches=write_patches(places), n=len(places), concepts=scene.together(places))


_CODES = ("rows", "cols", "n_top", "concepts", "max", "index", "values")


def _fitting(scene: Scene) -> dict[str, Any]:
    """As many concepts of each patch as go into so many bytes, at most eight."""
    for n_top in range(min(N_TOP, scene.codes.shape[2]), 0, -1):
        found = scene.for_script(n_top=n_top)
        if n_top == 1 or _n_bytes({name: found[name] for name in _CODES}) <= PATCHES_BYTES:
            return found
    return scene.for_script(n_top=0)


def _n_bytes(value: dict[str, Any]) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _note(sort: str, standing: Standing, *, peak: float, contribution: float | None) -> str:
    stronger = "stronger than on any image here" if standing.is_record else ""
    words = stronger or f"peak above that of {percent(standing.percentile)} of images"
    match sort:
        case "peak":
            return words
        case "surprise":
            return words
        case "contribution" if contribution is not None:
            return f"peak {n3(peak)}, {'for' if contribution >= 0 else 'against'} the predicted class"
        case _:
            return f"peak {n3(peak)}, {words.removeprefix('peak ')}"
