"""From a request's photo and dictionaries to studies: models loaded, photo decoded, passes made, all of it kept."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image

from store.artifacts import Artifacts
from store.catalog.collections import list_collections
from store.catalog.session import Catalog
from store.encoding.contract import CollectionPhoto, KnownPhoto, PhotoFacts, PhotoSource
from store.encoding.refusals import PhotoGone
from store.errors import Damaged, InvalidInput, NotFound, Unavailable
from store.grid import Window
from store.specs import ExtractionSpec
from store.vocabulary import Kind
from worker.dictionaries.base import Dictionary
from worker.dictionaries.files import load_dictionary
from worker.encoder.decoder.exchange import Picture, View
from worker.encoder.decoder.pool import DecodedPhoto, Decoders
from worker.encoder.looks import LookKey, Looks, PhotoLook
from worker.encoder.passes import Passes
from worker.encoder.plans import DictionaryKey, ModelKey, Plan, Plans
from worker.encoder.shelf import Loaded, Shelf
from worker.encoder.study import Eyes, Study, make_studies
from worker.images.decode import read
from worker.images.fit import fit
from worker.models.base import VisionModel
from worker.models.registry import load_model
from worker.universal.files import load_universal
from worker.universal.stream import stream_dictionary
from worker.weights import weights_digest

_UNNAMED: Final = ""
LOOKS_SHARE: Final = 1 / 96
"""Of the budget, for what models said about the last photos."""


@dataclass(frozen=True)
class Photo:
    """The bytes of a photo, unless it is known by its digest only, or its pixels."""

    sha256: str
    content: bytes | None
    pixels: Picture | None = None


@dataclass(frozen=True)
class Copy:
    """The pixels of a photo's copy, and the file that is being written of them meanwhile: a lossless WebP."""

    pixels: Picture
    file: "asyncio.Task[bytes]"

    @property
    def photo(self) -> Photo:
        """What can be looked at before the file has a digest."""
        return Photo(_UNNAMED, None, self.pixels)

    async def sha256(self) -> str:
        """The digest of the file, when it is written."""
        return hashlib.sha256(await self.file).hexdigest()


@dataclass(frozen=True)
class _Need:
    """One model's view that a request needs, and its place among those of the dictionary."""

    place: int
    reading: ExtractionSpec
    model: VisionModel
    window: Window
    key: LookKey


class Desk:
    """What handlers ask. Everything but ``studies`` and ``compute`` is its own affair."""

    def __init__(
        self,
        artifacts: Artifacts,
        catalog: Catalog,
        *,
        device: torch.device,
        decoders: Decoders,
        budget_bytes: int,
        weights: Sequence[Path] = (),
    ) -> None:
        self._artifacts, self._catalog, self._weights = artifacts, catalog, tuple(weights)
        self._loading = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._asking = ThreadPoolExecutor(4, thread_name_prefix="reading")
        self.decoders, self.device = decoders, device
        self.passes = Passes(device)
        self._windows: dict[ExtractionSpec, Window] = {}
        self.plans = Plans(artifacts, catalog)
        self.looks = Looks(int(budget_bytes * LOOKS_SHARE))
        self.shelf = Shelf(budget_bytes - self.looks.budget_bytes, self._load, self._loading)

    async def start(self) -> None:
        """Start what computes and what decodes."""
        self.passes.start()
        await self.decoders.start()

    async def close(self) -> None:
        """End it; files and connections are released."""
        await self.passes.close()
        await self.decoders.close()
        for pool in (self._loading, self._asking):
            pool.shutdown(wait=False, cancel_futures=True)
        self._artifacts.close()
        self._catalog.close()

    async def warm(self) -> int:
        """Load what pages show, as far as the budget reaches without dropping anything; how many dictionaries."""
        n = 0
        for digest in await self._asked(self.plans.shown):
            plan = await self._asked(partial(self.plans.of, digest))
            if self.shelf.n_dropped:
                break
            async with self._held([plan]) as held:
                for need in await self._needs(plan, held, "0" * 64):
                    await self.passes.compute(partial(need.model.geometry, need.reading.layer, need.window))
            n += 1
        return n

    @asynccontextmanager
    async def studies(
        self,
        source: PhotoSource,
        dictionaries: Sequence[str],
        *,
        upload: bytes | None = None,
        copy: Copy | None = None,
    ) -> AsyncIterator[tuple[PhotoFacts, list[Study]]]:
        """The photo, or its copy if there is one, and a study for each stream of each dictionary, in their order.

        Raises ``PhotoRefused``, ``PhotoGone``, ``NotFound``, ``InvalidInput``, ``Unavailable``.
        """
        plans = [await self._asked(partial(self.plans.of, digest)) for digest in dict.fromkeys(dictionaries)]
        photo = copy.photo if copy else await self._asked(partial(self._photo, source, upload))
        async with self._held(plans) as held:
            needs = [await self._needs(plan, held, photo.sha256) for plan in plans]
            looks = await self._looked(photo, [need for some in needs for need in some])
            sha256 = await copy.sha256() if copy else photo.sha256
            self._keep(looks, sha256)
            first = next(iter(looks.values()))
            facts = PhotoFacts(sha256=sha256, width=first.width, height=first.height)
            studies: list[Study] = []
            for plan, some in zip(plans, needs, strict=True):
                eyes = [self._eyes(need, held[plan.key], looks[need.key]) for need in some]
                studies += await self.passes.compute(partial(make_studies, plan, facts, eyes))
            yield facts, studies

    async def copy(self, source: PhotoSource, upload: bytes | None, *, copy_px: int) -> Copy:
        """The whole photo, upright, at most that long, as pixels and as a lossless WebP of nothing but those.

        It is written here and not by the decoder, which a hostile file may have taken over. Raises as ``studies``.
        """
        photo = await self._asked(partial(self._photo, source, upload))
        if photo.content is None:
            raise PhotoGone(photo.sha256)
        decoded = await self.decoders.decode(photo.content, (), copy_px=copy_px)
        pixels = decoded.pictures[-1]
        return Copy(pixels, asyncio.create_task(self._asked(partial(lossless_webp, pixels))))

    def forget(self, sha256: str) -> int:
        """Drop all that is kept of a photo."""
        return self.looks.forget(sha256)

    def _held(self, plans: Sequence[Plan]) -> Any:
        return self.shelf.using([key for plan in plans for key in (*plan.models, plan.key)])

    async def _needs(self, plan: Plan, held: Mapping[Any, Any], sha256: str) -> list[_Need]:
        needs = []
        for place, (reading, key) in enumerate(zip(plan.readings, plan.models, strict=True)):
            window = await self._window(reading, held[key])
            needs.append(_Need(place, reading, held[key], window, LookKey(sha256, key, window, reading.layer)))
        return needs

    async def _window(self, reading: ExtractionSpec, model: VisionModel) -> Window:
        """What the model sees; asked once, as a model tries a size out before it says that it can take it."""
        if reading not in self._windows:
            find = partial(model.window, reading.height_px, reading.width_px, fit=reading.fit)
            self._windows[reading] = await self.passes.compute(find)
        window = self._windows[reading]
        await self.passes.learn(model, height_px=window.height_px, width_px=window.width_px, layer=reading.layer)
        return window

    @staticmethod
    def _eyes(need: _Need, dictionaries: Sequence[Dictionary], look: PhotoLook) -> Eyes:
        return Eyes(need.reading, need.model, dictionaries[need.place], need.window, look)

    async def _looked(self, photo: Photo, needs: Sequence[_Need]) -> dict[LookKey, PhotoLook]:
        """All looks that are needed: those that are kept, and the rest by one decoding and one pass per model."""
        looks = {need.key: self.looks.find(need.key) for need in needs}
        missing = [need for need in needs if looks[need.key] is None]
        if missing:
            looks |= await self._seen(photo, missing)
        return {key: look for key, look in looks.items() if look is not None}

    def _keep(self, looks: Mapping[LookKey, PhotoLook], sha256: str) -> None:
        for key, look in looks.items():
            self.looks.keep(replace(key, sha256=sha256), look)

    async def _seen(self, photo: Photo, needs: Sequence[_Need]) -> dict[LookKey, PhotoLook]:
        groups: dict[tuple[ModelKey, Window], list[_Need]] = {}
        for need in needs:
            groups.setdefault((need.key.model, need.window), []).append(need)
        views = [View.of(some[0].window, some[0].model.preprocessing.interpolation) for some in groups.values()]
        decoded = await self._shown(photo, views)
        found: dict[LookKey, PhotoLook] = {}
        for some, picture in zip(groups.values(), decoded.pictures, strict=True):
            layers = tuple(dict.fromkeys(need.reading.layer for need in some))
            look = await self.passes.look(some[0].model, picture, layers)
            for need in some:
                one = look.layers[need.reading.layer]
                logits = None if look.logits is None else look.logits[0]
                kept = PhotoLook(decoded.width, decoded.height, one.patches[0], one.prefix[0], logits)
                found[need.key] = kept
        return found

    async def _shown(self, photo: Photo, views: Sequence[View]) -> DecodedPhoto:
        """What the views show: of bytes by a decoder, of pixels here. Raises ``PhotoRefused``, ``PhotoGone``."""
        if photo.pixels is not None:
            shown: DecodedPhoto = await self._asked(partial(_fitted, photo.pixels, views))
            return shown
        if photo.content is None:
            raise PhotoGone(photo.sha256)
        return await self.decoders.decode(photo.content, views)

    def _photo(self, source: PhotoSource, upload: bytes | None) -> Photo:
        if isinstance(source, KnownPhoto):
            return Photo(source.sha256, None)
        if isinstance(source, CollectionPhoto):
            upload = self._collected(source)
        if upload is None:
            raise InvalidInput("The request says that a photo is uploaded, and there are no bytes of one.")
        return Photo(hashlib.sha256(upload).hexdigest(), upload)

    def _collected(self, source: CollectionPhoto) -> bytes:
        """The bytes of a collection's image, where the collection was ingested; raises ``NotFound``, ``Damaged``."""
        collection = self.plans.collection(source.collection)
        row = next((one for one in collection.images if one.id == source.image), None)
        if row is None:
            raise NotFound("image", source.image, remedy="This collection has no such image.")
        with self._catalog.session() as session:
            slug = collection.spec["slug"]
            folders = [one.folder for one in list_collections(session) if one.slug == slug and one.folder]
        for folder in folders:
            path = Path(folder) / row.source
            if path.is_file():
                content = read(path, max_bytes=self.decoders.limits.max_bytes)
                if hashlib.sha256(content).hexdigest().startswith(row.id):
                    return content
        raise Damaged(f"The image {row.id} is not where its collection was ingested, or has changed. Ingest it again.")

    def _load(self, key: ModelKey | DictionaryKey) -> Loaded:
        if isinstance(key, ModelKey):
            model = load_model(key.name, weights_file=self._weights_file(key), device=self.device)
            return Loaded(model, model.n_bytes)
        folder = self._artifacts.get(key.kind, key.digest).folder()
        if key.kind is Kind.UNIVERSAL:
            universal, facts = load_universal(folder)
            parts: list[Dictionary] = [stream_dictionary(universal, i) for i in range(len(facts.streams))]
        else:
            parts = [load_dictionary(folder)]
        for part in parts:
            part.to(self.device)
        return Loaded(parts, sum(_n_bytes(part) for part in parts))

    def _weights_file(self, key: ModelKey) -> Path | None:
        """The file that a model was given; None where it has its own weights. Raises ``Unavailable``."""
        if key.weights_sha256 is None:
            return None
        for file in self._weights:
            if weights_digest(file) == key.weights_sha256:
                return file
        raise Unavailable(
            f"The weights file of {key.name} with sha256 {key.weights_sha256[:12]} is not here. Start the encoder with "
            "--weights FILE."
        )

    async def _asked(self, work: Any) -> Any:
        """Something that reads the store, in a thread of its own kind."""
        return await asyncio.get_running_loop().run_in_executor(self._asking, work)


def _fitted(pixels: Picture, views: Sequence[View]) -> DecodedPhoto:
    image = Image.fromarray(pixels)
    pictures = tuple(fit(image, view.window, view.interpolation) for view in views)
    return DecodedPhoto(image.width, image.height, pictures)


def lossless_webp(picture: Picture) -> bytes:
    """Pixels as a file, the fastest way that keeps them all: 15 to 50 ms for 1024 x 683."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def _n_bytes(module: torch.nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))
