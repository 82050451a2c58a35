"""A visitor's photo explained by dictionaries."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from app import urls
from app.makers.analysis_asking import LOOKS, NO_EDITS, SORTS, AnalysisAsked
from app.makers.analysis_chosen import ChosenScene, contribution_map
from app.makers.analysis_effects import class_rows, make_effects
from app.makers.analysis_found import make_links, place_of, prefix_names
from app.makers.analysis_script import fitting, numbers_of
from app.makers.concepts import make_chip
from app.makers.images import make_image_card
from app.makers.scenes import Scene
from app.render import n3, percent
from app.site import Opened, Site
from app.views.analyses import (
    ActiveConcept,
    AnalysisView,
    EditView,
    ExplainedView,
    ModelSight,
    NearestImage,
    PaintedView,
    PhotoView,
    TokenView,
    TopConcept,
)
from app.views.base import Choice
from app.views.chosen import ChosenView, OcclusionView, SignedMap
from store.analyses.keeper import Analysis
from store.analyses.result import Codes, Explained
from store.atlas.surprise import Standing
from store.edits import MAX_EDITS, Edit, Edits, write_patches
from store.encoding.contract import StreamFacts
from store.errors import Conflict, NotFound

N_CLASSES = 5
N_TOPS = 4
N_TOKEN = 5
"""Concepts that are told of a token that belongs to no place."""


@dataclass(frozen=True)
class Answered:
    """What the encoder was asked for the page, where it was."""

    edit: EditView | None = None
    occlusion: OcclusionView | None = None


NOTHING = Answered()


def make_analysis(
    site: Site, analysis: Analysis, asked: AnalysisAsked, *, places: Sequence[int], answered: Answered = NOTHING
) -> AnalysisView:
    """An analysis in the eyes of the dictionaries at these places; what is asked about concepts is of the first."""
    result, public_id = analysis.result, analysis.public_id
    plain = AnalysisAsked(sort=asked.sort, is_beside=asked.is_beside)
    first, *others = places
    explained = [_explained(site, analysis, asked, place=first, answered=answered)]
    explained += [_explained(site, analysis, plain, place=place, answered=NOTHING) for place in others]
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


def _explained(
    site: Site, analysis: Analysis, asked: AnalysisAsked, *, place: int, answered: Answered
) -> ExplainedView:
    with _eye(site, analysis, asked, place=place) as eye:
        return eye.view(answered)


@contextmanager
def chosen_scene(site: Site, analysis: Analysis, asked: AnalysisAsked) -> Iterator[ChosenScene]:
    """The chosen concept in the eyes of the chosen dictionary; raises ``NotFound``."""
    with _eye(site, analysis, asked, place=place_of(analysis, asked.dictionary)) as eye:
        assert asked.concept is not None
        eye.opened.atlas.check(asked.concept)
        yield eye.chosen(asked.concept)


@contextmanager
def _eye(site: Site, analysis: Analysis, asked: AnalysisAsked, *, place: int) -> "Iterator[_Eye]":
    whole = analysis.result.dictionaries[place]
    told, codes = whole.seen_by(asked.stream), site.keeper.files.codes(analysis.public_id, place, stream=asked.stream)
    entry = site.roster.get(told.slug)
    if entry.digest != told.digest:
        raise Conflict(f"The dictionary {told.slug} was made anew since. Give the photo again.")
    with site.opened(entry) as opened:
        yield _Eye(opened, analysis, told, codes, asked.but(dictionary=told.slug), whole)


@dataclass(frozen=True)
class _Eye:
    """One dictionary that looks at the photo."""

    opened: Opened
    analysis: Analysis
    told: Explained
    codes: Codes
    asked: AnalysisAsked
    whole: Explained
    """In the eyes of all models; ``told`` is in those of the one that was chosen."""

    def view(self, answered: Answered) -> ExplainedView:
        asked, scene = self.asked, self._scene()
        self._check(scene)
        script, concepts = fitting(scene, self.codes), self._concepts(scene)
        return ExplainedView(
            **self._named(scene),
            **self._maps(scene, answered),
            stream=asked.stream,
            streams=self._streams(),
            sights=tuple(self._sight(one) for one in self.told.streams if not one.is_mean),
            sort=self._sort,
            sorts=self._sorts(),
            concepts=concepts,
            patch=None if asked.patch is None else scene.patch(*asked.patch),
            painted=_painted(scene, asked.painted),
            tokens=self._tokens(scene),
            patches=numbers_of(script),
            effects=make_effects(self.opened, self.told.effects, self.codes, address=self._address),
            nearest=self._nearest(),
            edit=answered.edit,
            tops=tuple(
                TopConcept(heat=scene.heat(one.concept.id), pooled=one.pooled)
                for one in concepts[: N_TOPS if asked.is_beside else 0]
            ),
            cells=scene.cells(concept=asked.concept, chosen=asked.patch, painted=asked.painted),
            script=script,
        )

    def _named(self, scene: Scene) -> dict[str, Any]:
        """Which dictionary it is, and what it saw."""
        facts, public_id = self.told.facts, self.analysis.public_id
        clear_url = self.asked.url(public_id, concept=None, patch=None, painted=(), edits=NO_EDITS, map="")
        return {
            "dictionary": self.told.slug,
            "title": self.told.title,
            "model": facts.model,
            "layer": facts.layer,
            "url": AnalysisAsked(dictionary=self.told.slug).url(public_id),
            "dictionary_url": urls.dictionary(self.told.slug),
            "rows": facts.grid_rows,
            "cols": facts.grid_cols,
            "seen": scene.seen_box,
            "l0": facts.l0,
            "clear_url": clear_url,
        }

    def _maps(self, scene: Scene, answered: Answered) -> dict[str, Any]:
        """What the photo shows, of the chosen concept and of all."""
        concept = self.asked.concept
        chosen = None if concept is None else self.chosen(concept).view(answered.occlusion)
        contributions = self._contributions(chosen)
        lost = answered.occlusion.map if answered.occlusion else None
        return {
            "map": self.asked.shown,
            "heat": None if concept is None else scene.heat(concept),
            "chosen": chosen,
            "contributions": contributions,
            "signed": contributions or lost,
            "looks": self._looks(),
        }

    def chosen(self, concept: int) -> ChosenScene:
        """A concept that is looked at."""
        address = partial(self.asked.url, self.analysis.public_id)
        return ChosenScene(self.opened, self.told, self.codes, self.asked, concept, address)

    def _contributions(self, chosen: ChosenView | None) -> SignedMap | None:
        """What all concepts add, or the chosen one, where that is asked."""
        if self.asked.map == "total" and self.codes.has_parts:
            return contribution_map(self.opened, self.told, self.codes, concept=None)
        return chosen.contributions if chosen and self.asked.map == "contribution" else None

    def _looks(self) -> tuple[Choice, ...]:
        """What the photo can show, first of all one of the chosen concept's maps as "concept"."""
        keys = {"segments", "total", "photo"}
        shown = self.asked.shown if self.asked.shown in keys else "concept"
        known = [one for one in LOOKS if one[0] != "total" or self.codes.has_parts]
        url = partial(self.asked.url, self.analysis.public_id)
        return tuple(
            Choice(key=key, label=label, title=title, url=url(map=map_), current=key == shown)
            for key, map_, label, title in known
        )

    def _check(self, scene: Scene) -> None:
        """Raise ``NotFound`` for a concept or a patch that is not there."""
        asked, n_patches = self.asked, self.told.facts.grid.n_patches
        if asked.concept is not None:
            self.opened.atlas.check(asked.concept)
        if asked.patch is not None:
            scene.check(asked.patch)
        if asked.painted and asked.painted[-1] >= n_patches:
            raise NotFound("patch", str(asked.painted[-1]), remedy=f"Patches go from 0 to {n_patches - 1}.")

    def _tokens(self, scene: Scene) -> tuple[TokenView, ...]:
        """Class tokens, then registers."""
        codes, facts = self.codes, self.told.facts
        slots = zip(prefix_names(facts), codes.prefix_indices, codes.prefix_values, strict=False)
        return tuple(
            TokenView(name=name, concepts=scene.firing(indices[:N_TOKEN], values[:N_TOKEN], patch=None))
            for name, indices, values in slots
        )

    def _streams(self) -> tuple[Choice, ...]:
        """All models of a universal dictionary together, and each by itself."""
        names = ["All models together", *(one.model for one in self.whole.streams[1:])]
        return tuple(
            Choice(
                key=str(stream),
                label=name,
                url=self.asked.url(self.analysis.public_id, stream=stream, concept=None, edits=NO_EDITS, map=""),
                current=stream == self.asked.stream,
                title=self.whole.streams[stream].layer,
            )
            for stream, name in enumerate(names if len(names) > 1 else [])
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
            largest=self.opened.atlas.stream_columns(self.asked.stream)["max"] if self.asked.stream else None,
        )

    def _sight(self, facts: StreamFacts) -> ModelSight:
        usual = self.opened.entry.metrics.get("r2") if len(self.whole.streams) == 1 else None
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
