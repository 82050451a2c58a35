"""A photo explained."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from conceptoscope.arrays import Floats, read_npy
from conceptoscope.asking import Ask, Plan, Together, Upload, address, get
from conceptoscope.driving import Awaiting, Blocking
from conceptoscope.edits import Changes, Edit, write_edits
from conceptoscope.errors import NotFound
from conceptoscope.pictures import encode_picture, open_picture
from conceptoscope.resource import D, Resource, call, check_awaits, check_waits
from conceptoscope.views import (
    ActiveConcept,
    AnalysesMadeView,
    AnalysisView,
    DictionaryCard,
    ExplainedView,
    ImageCard,
    OcclusionView,
)

if TYPE_CHECKING:
    from PIL import Image

Named = str | DictionaryCard
"""A dictionary, or its slug."""
Photo = Any
"""A path, the bytes of a file, a Pillow image, pixels ``[H W 3]``, or an image of a collection."""


def ask_analysis(photo: Photo, dictionaries: Sequence[Named]) -> Ask:
    """The request that has a photo explained."""
    slugs = [slug_of(one) for one in dictionaries]
    if isinstance(photo, ImageCard):
        return Ask("POST", address("analyses"), json={"image": photo.id, "dictionaries": slugs})
    return Ask("POST", address("analyses"), upload=Upload(_content(photo), {"dictionary": slugs}))


def _content(photo: Photo) -> bytes:
    if isinstance(photo, bytes | bytearray | memoryview):
        return bytes(photo)
    if isinstance(photo, str | os.PathLike):
        return Path(photo).read_bytes()
    return encode_picture(photo)


def slug_of(dictionary: Named) -> str:
    """A dictionary's slug, however it is named."""
    return dictionary if isinstance(dictionary, str) else dictionary.slug


class Analysis(AnalysesMadeView, Resource[D]):
    """A photo explained in one to four dictionaries. As a context it is deleted at the end.

    Where a method takes ``dictionary``, it is one of these; the first when it is left out.
    """

    def __init__(self, data: dict[str, Any], driver: D) -> None:
        super().__init__(data)
        self._set(_driver=driver)

    def __enter__(self: "Analysis[Blocking]") -> "Analysis[Blocking]":
        check_waits(self._driver)
        return self

    def __exit__(
        self: "Analysis[Blocking]",
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._driver.run(self._delete(quietly=True))

    async def __aenter__(self: "Analysis[Awaiting]") -> "Analysis[Awaiting]":
        check_awaits(self._driver)
        return self

    async def __aexit__(
        self: "Analysis[Awaiting]",
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._driver.run(self._delete(quietly=True))

    @call
    def detail(self, /, **query: object) -> Plan[AnalysisView]:
        """All that is said of the photo: ``sort``, ``concept``, ``patch``, ``painted``, ``edits`` as in addresses."""
        return (yield from self._record(get("analyses", self.id, **query), AnalysisView))

    @call
    def top(
        self, n: int = 20, *, by: str = "pooled", dictionary: Named | None = None
    ) -> Plan[tuple[ActiveConcept, ...]]:
        """The first active concepts by ``pooled`` (mean code), ``peak``, ``surprise`` or ``contribution``."""
        return (yield from self._explained(dictionary, sort=by)).concepts[:n]

    @call
    def map(self, concept: int, *, dictionary: Named | None = None) -> Plan[Floats]:
        """A concept's codes on the photo, float32 ``[h w]``."""
        slug = yield from self._slug(dictionary)
        return (yield from self._map(slug, concept))

    @call
    def maps(self, concepts: Sequence[int], *, dictionary: Named | None = None) -> Plan[Floats]:
        """The same for several concepts, float32 ``[n h w]``."""
        slug = yield from self._slug(dictionary)
        found: list[Floats] = yield Together(tuple(self._map(slug, concept) for concept in concepts))
        return np.stack(found)

    @call
    def edit(
        self,
        changes: Changes,
        *,
        patches: Iterable[int] | None = None,
        dictionary: Named | None = None,
        stream: int = 0,
    ) -> Plan[Edit]:
        """What the model would predict with these concepts' codes changed; nothing is kept.

        ``{12: 0}`` removes concept 12, ``{12: 0.5}`` halves it, ``{12: clamp(2.5)}`` sets it to a code. ``patches``,
        counted row by row from 0, limits it to some. ``stream``, from 1, is the model of a universal dictionary.
        """
        slug = "" if dictionary is None else slug_of(dictionary)
        body = {"edits": write_edits(changes, patches), "dictionary": slug, "stream": stream}
        ask = Ask("POST", address("analyses", self.id, "edits"), json=body, repeatable=True)
        return (yield from self._record(ask, Edit))

    @call
    def occlusion(self, concept: int, *, dictionary: Named | None = None, stream: int = 0) -> Plan[OcclusionView]:
        """What the score of the predicted class really loses without a concept, in all and patch by patch."""
        slug = None if dictionary is None else slug_of(dictionary)
        ask = get("analyses", self.id, "occlusion", dictionary=slug, stream=stream or None, concept=concept)
        return (yield from self._record(ask, OcclusionView))

    @call
    def photo(self) -> "Plan[Image.Image]":
        """The copy that was explained."""
        return open_picture((yield from self._ask(Ask("GET", self.links.photo))).content)

    @call
    def delete(self) -> Plan[None]:
        """Delete photo and analysis, for good."""
        yield from self._delete(quietly=False)

    def _delete(self, *, quietly: bool) -> Plan[None]:
        try:
            yield from self._ask(Ask("DELETE", address("analyses", self.id)))
        except NotFound:
            if not quietly:
                raise

    def _explained(self, dictionary: Named | None, **query: object) -> Plan[ExplainedView]:
        slug = None if dictionary is None else slug_of(dictionary)
        ask = get("analyses", self.id, dictionary=slug, **query)
        return (yield from self._record(ask, AnalysisView)).dictionaries[0]

    def _slug(self, dictionary: Named | None) -> Plan[str]:
        if dictionary is not None:
            return slug_of(dictionary)
        return (yield from self._explained(None)).dictionary

    def _map(self, slug: str, concept: int) -> Plan[Floats]:
        reply = yield from self._ask(get("analyses", self.id, "maps", slug, f"{concept}.npy"))
        return read_npy(reply.content)
