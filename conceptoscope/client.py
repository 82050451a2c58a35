"""The clients: one server, everything that it has."""

import os
import uuid
from collections.abc import Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote, urlsplit

from conceptoscope.addresses import kind_at, row_at
from conceptoscope.analysis import Analysis, Named, Photo, ask_analysis, slug_of
from conceptoscope.asking import Ask, Plan, Shut, address, at, get
from conceptoscope.cache import DiskCache
from conceptoscope.concept_list import ConceptList
from conceptoscope.dictionary import Dictionary
from conceptoscope.driving import Awaiting, Blocking, Wiring
from conceptoscope.errors import ClientError
from conceptoscope.events import EventStream
from conceptoscope.job import Job
from conceptoscope.pages import Collection
from conceptoscope.record import Record, free, read_as
from conceptoscope.resource import D, Resource, call
from conceptoscope.retrying import Backoff
from conceptoscope.session import Session, data_of, json_of
from conceptoscope.views import (
    AccessView,
    AlignmentCard,
    AlignmentView,
    CollectionView,
    CompareView,
    ConceptCard,
    EstimateView,
    Fan,
    GlossaryView,
    ImageView,
    ItemView,
    ModelShelf,
    Pair,
    ReadinessView,
    SearchView,
    ServiceView,
    TogetherView,
    WorkerView,
)

_MEGABYTE: Final = 1_000_000


class Server(Resource[D]):
    """What a server has; ``Client`` and ``AsyncClient`` say how it is asked."""

    @call
    def service(self) -> Plan[ServiceView]:
        """What is served, by which version, within which limits."""
        return (yield from self._record(get(), ServiceView))

    @call
    def readiness(self) -> Plan[ReadinessView]:
        """Whether the server can serve, part by part."""
        reply = yield from self._ask(Ask("GET", "/readyz", also=(503,)))
        return ReadinessView(data_of(reply, wrapped=False))

    @call
    def access(self) -> Plan[AccessView]:
        """Who asks, by which token, and what they may."""
        return (yield from self._record(get("access"), AccessView))

    @call
    def glossary(self) -> Plan[GlossaryView]:
        """The definition of every number."""
        return (yield from self._record(get("glossary"), GlossaryView))

    @call
    def models(self) -> Plan[tuple[ModelShelf, ...]]:
        """All models with their dictionaries."""
        return (yield from self._records(get("models"), ModelShelf))

    @call
    def model(self, slug: str) -> Plan[ModelShelf]:
        """One model with its dictionaries."""
        return (yield from self._record(get("models", slug), ModelShelf))

    @call
    def datasets(self) -> Plan[tuple[CollectionView, ...]]:
        """All collections of images."""
        return (yield from self._records(get("datasets"), CollectionView))

    @call
    def dataset(self, slug: str) -> Plan[CollectionView]:
        """One collection."""
        return (yield from self._record(get("datasets", slug), CollectionView))

    @call
    def dictionaries(
        self, *, model: str | None = None, layer: str | None = None, method: str | None = None
    ) -> Plan[list[Dictionary[D]]]:
        """All dictionaries, or those of a model, layer or method."""
        rows = yield from self._data(get("dictionaries", model=model, layer=layer, method=method))
        return [Dictionary(row, self._driver) for row in rows]

    @call
    def dictionary(self, slug: str) -> Plan[Dictionary[D]]:
        """One dictionary."""
        data = yield from self._data(get("dictionaries", slug))
        return Dictionary(data["card"], self._driver)

    @call
    def compare(self, /, **query: object) -> Plan[CompareView]:
        """Dictionaries of one ``model``, ``layer`` and ``collection`` beside each other, by ``sort``."""
        return (yield from self._record(get("compare", **query), CompareView))

    @call
    def alignments(self) -> Plan[tuple[AlignmentCard, ...]]:
        """All pairs of dictionaries that are aligned."""
        return (yield from self._records(get("alignments"), AlignmentCard))

    @call
    def alignment(self, /, a: Named, b: Named, **query: object) -> Plan[AlignmentView]:
        """Two dictionaries aligned: numbers, distribution of scores, the first pairs."""
        return (yield from self._record(_between(a, b, **query), AlignmentView))

    def pairs(self, a: Named, b: Named, **query: object) -> Collection[D, Pair]:
        """Matched concepts of two dictionaries: ``sort="-held_out"``, ``min=0.5``, ``mutual="yes"``."""
        ask = _between(a, b, **query)
        return Collection(self._driver, ask, make=Pair, inside="pairs")

    def fans(self, a: Named, b: Named, **query: object) -> Collection[D, Fan]:
        """Concepts whose firing several of the other dictionary share between them."""
        ask = _between(a, b, **{"show": "fans", **query})
        return Collection(self._driver, ask, make=Fan, inside="fans")

    def alone(self, a: Named, b: Named, *, side: str = "a") -> Collection[D, ConceptCard]:
        """Concepts of one side (``a`` or ``b``) that have no partner."""
        ask = _between(a, b, show=side)
        return Collection(self._driver, ask, make=ConceptCard, inside="alone")

    @call
    def together(self, /, *dictionaries: Named, **query: object) -> Plan[TogetherView]:
        """Concepts of the first of three or four dictionaries, and what answers to each in the others."""
        return (yield from self._record(_between(*dictionaries, **query), TogetherView))

    @call
    def search(self, /, q: str, **query: object) -> Plan[SearchView]:
        """What stands where, by kind, each with the reason: concepts, labels, classes, images, dictionaries, lists."""
        return (yield from self._record(get("search", q=q, **query), SearchView))

    def lists(self, **query: object) -> Collection[D, ConceptList[D]]:
        """Lists of concepts that people made."""
        return Collection(self._driver, get("lists", **query), make=self._list)

    @call
    def concept_list(self, uid: str) -> Plan[ConceptList[D]]:
        """One list of concepts."""
        return self._list((yield from self._data(get("lists", uid, limit=1)))["card"])

    @call
    def make_list(self, title: str, *, note: str = "") -> Plan[ConceptList[D]]:
        """Begin a list."""
        body = {"title": title, "note": note}
        return self._list((yield from self._data(Ask("POST", address("lists"), json=body)))["card"])

    def _list(self, card: dict[str, Any]) -> ConceptList[D]:
        return ConceptList(card, self._driver)

    def on_list(self, uid: str, **query: object) -> Collection[D, ItemView]:
        """The concepts on a list, in its order."""
        return Collection(self._driver, get("lists", uid, **query), make=ItemView, inside="items")

    @call
    def image(self, /, image: str, *, dictionary: Named | None = None, **query: object) -> Plan[ImageView]:
        """An image of a collection as a dictionary sees it, the first that knows it when none is named."""
        slug = None if dictionary is None else slug_of(dictionary)
        return (yield from self._record(get("images", image, dictionary=slug, **query), ImageView))

    @call
    def analyse(self, photo: Photo, *dictionaries: Named) -> Plan[Analysis[D]]:
        """Have a photo explained in one to four dictionaries; it is deleted after a day, or before.

        The photo is a path, the bytes of a file, a Pillow image, pixels ``[H W 3]``, or an image of a collection.
        """
        return Analysis((yield from self._data(ask_analysis(photo, dictionaries))), self._driver)

    @call
    def analysis(self, public_id: str) -> Plan[Analysis[D]]:
        """An analysis that was made earlier."""
        return Analysis((yield from self._data(get("analyses", public_id))), self._driver)

    def jobs(self, **query: object) -> Collection[D, Job[D]]:
        """Jobs, newest first: ``state="running"``, ``kind="train"``, ``members="yes"``."""
        return Collection(self._driver, get("jobs", **query), make=self._job)

    @call
    def job(self, number: int) -> Plan[Job[D]]:
        """One job."""
        return self._job((yield from self._data(get("jobs", number))))

    @call
    def submit(self, /, kind: str, *, key: str | None = None, **fields: Any) -> Plan[Job[D]]:
        """Write a job down for a worker: ``submit("index", dictionary="fish")``; what a kind takes stands in OpenAPI.

        Sent again with the same ``key`` it is the same job. Without one a key of its own keeps retries from making two.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        ask = Ask("POST", address("jobs"), json={"kind": kind, **fields}, headers=headers, repeatable=True)
        return self._job((yield from self._data(ask)))

    @call
    def estimate(self, /, kind: str, **fields: Any) -> Plan[EstimateView]:
        """What such a job would take, without starting it."""
        ask = Ask("POST", address("jobs", "estimate"), json={"kind": kind, **fields}, repeatable=True)
        return (yield from self._record(ask, EstimateView))

    def events(self) -> EventStream[D]:
        """What happens to any job, as it happens: those that wait or run now first. It has no end."""
        return EventStream(self._driver, get("jobs", "events"))

    def _job(self, data: dict[str, Any]) -> Job[D]:
        return Job(data, self._driver)

    @call
    def workers(self) -> Plan[tuple[WorkerView, ...]]:
        """All workers, the living first."""
        return (yield from self._records(get("workers"), WorkerView))

    @call
    def get(self, /, path: str, **query: object) -> Plan[Any]:
        """The data at any address of the API, as the records that stand there: ``get("/api/v1/models")``.

        The address may have a query. What only a newer server has comes as records without declared types.
        """
        ask = at(path, **query)
        told = json_of((yield from self._ask(ask)))
        is_wrapped = isinstance(told, dict) and {"data", "links"} <= told.keys()
        return read_as(kind_at(ask.path), told["data"]) if is_wrapped else free(told)

    def rows(self, path: str, inside: str = "", **query: object) -> Collection[D, Any]:
        """All rows of the list at any address, page by page; ``inside`` names it where the data has several.

        ``c.rows("/api/v1/dictionaries/fish/concepts?sort=-density")``, ``c.rows("/api/v1/lists/3f", "items")``.
        """
        ask = at(path, **query)
        return Collection(self._driver, ask, make=partial(read_as, row_at(ask.path, inside)), inside=inside)

    @call
    def send(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Plan[Record | None]:
        """Any other request. ``headers={"If-Match": etag}`` changes only what was seen; may give None."""
        reply = yield from self._ask(Ask(method, path, json=json, headers=headers or {}))
        return free(data_of(reply)["data"]) if reply.content else None

    @call
    def close(self) -> Plan[None]:
        """Let go of all connections."""
        yield Shut()


class _Connected(Server[D]):
    """How both clients are made."""

    @staticmethod
    def _session(url: str, secret: dict[str, str], *, retries: int, cache: DiskCache | None) -> Session:
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.netloc:
            raise ClientError(f"'{url}' is no address of a server; it is like http://127.0.0.1:8600.")
        return Session(f"{place.scheme}://{place.netloc}", secret, Backoff(retries), cache)


def _who(token: str | None, author: str) -> dict[str, str]:
    """Headers that say who asks."""
    secret = {"Authorization": f"Bearer {token}"} if token else {}
    return secret | ({"X-Author": quote(author)} if author else {})


def _kept(cache: str | os.PathLike[str] | None, limit_bytes: int) -> DiskCache | None:
    return DiskCache(cache, limit_bytes=limit_bytes) if cache else None


class Client(_Connected[Blocking]):
    """A server, for programs that wait for each answer. May be used by several threads.

    ``token`` says who asks, ``author`` what labels and comments are signed with; ``timeout`` is in seconds; ``retries``
    counts the further tries of requests that may be repeated; ``cache`` is a folder for answers of up to
    ``cache_bytes``, which several processes may share.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        author: str = "",
        timeout: float = 60.0,
        retries: int = 3,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int = 500 * _MEGABYTE,
        transport: Any = None,
    ) -> None:
        session = self._session(url, _who(token, author), retries=retries, cache=_kept(cache, cache_bytes))
        self._driver = Blocking(session, Wiring(session.base, timeout, transport))

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Connected[Awaiting]):
    """The same for programs that await: methods give awaitables, collections are for ``async for``."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        author: str = "",
        timeout: float = 60.0,
        retries: int = 3,
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int = 500 * _MEGABYTE,
        transport: Any = None,
    ) -> None:
        session = self._session(url, _who(token, author), retries=retries, cache=_kept(cache, cache_bytes))
        self._driver = Awaiting(session, Wiring(session.base, timeout, transport))

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _between(*dictionaries: Named, **query: object) -> Ask:
    return get("alignments", *(slug_of(one) for one in dictionaries), **query)
