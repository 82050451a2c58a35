"""The one place where it is decided whether a request is answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from app.access.browsers import session_of
from app.access.keyring import Keyring
from app.access.limits import Buckets, Left, Rate
from app.access.needs import SAFE, Gates, Need
from app.access.places import Place, Places, counted_address
from app.access.refusals import ScopeMissing, TooMany, UnknownVisitor, WrongHost
from app.access.shape import check_address, check_media, length_of
from app.access.who import Who
from app.origin import check_headers
from store.catalog.session import Catalog
from store.catalog.tokens import Key
from store.errors import ConceptoscopeError, Forbidden, Unavailable
from store.secrets import Use
from store.settings import Settings, is_loopback
from store.vocabulary import Access, Scope

GUESSES: Final = {Use.TOKEN: Rate("guesses", 10), Use.SESSION: Rate("cookies", 120)}
"""Secrets that open nothing, by address: how often the catalog is asked about them."""
ALWAYS_ANSWERED: Final = "/healthz"
"""Asked by what starts programs again, by whatever name they have for them."""
_DAY_S: Final = 86_400.0
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """A request before it is answered."""

    method: str
    path: str
    query: bytes
    headers: Headers
    place: Place


@dataclass(frozen=True)
class Verdict:
    """A request that is answered: whose it is, what it needed, what is left to the visitor."""

    who: Who
    need: Need
    left: Left | None


class Judge:
    """Judges requests; all it remembers is in memory and bounded.

    Raises ``InvalidInput`` when nobody has chosen who may visit.
    """

    def __init__(self, settings: Settings, catalog: Catalog, routers: Iterable[APIRouter]) -> None:
        self.access, self.is_here = settings.chosen_access, settings.is_here
        self.places, self.keyring, self.buckets = Places(settings), Keyring(catalog), Buckets()
        self._gates = Gates(routers)
        quotas = {"reads": settings.rate_reads, "changes": settings.rate_changes, "analyses": settings.rate_analyses}
        self._rates = {name: Rate(name, quota) for name, quota in quotas.items() if quota}
        day = int(settings.uploads_per_day)
        self.uploads = Rate("uploads", day, _DAY_S) if day else None

    async def judge(self, asked: Asked) -> Verdict:
        """Whose request it is; raises ``Refusal`` or ``Forbidden`` when it is not answered."""
        if asked.path != ALWAYS_ANSWERED and not self.places.is_ours(asked.place.host):
            raise WrongHost("This server does not go by that name. Whoever runs it can add it to CONCEPTOSCOPE_HOSTS.")
        check_address(asked.path, asked.query)
        need = self._gates.need(asked.method, asked.path).asked_with(asked.query)
        if need.counts is None:
            return Verdict(self._anonymous(asked.place), need, None)
        if asked.method not in SAFE:  # before anything is counted: another site must not use up what is the visitor's
            has_cookie = session_of(asked.headers.get("cookie", "")) != ""
            check_headers(asked.headers, host=asked.place.host, has_cookie=has_cookie)
            check_media(asked.headers)
        who = await self.identify(asked.headers, asked.place)
        left = self._count(who, need)
        self._check_scope(who, need, asked.place)
        if need.takes_photos:
            self._check_uploads(who, length_of(asked.headers))
        return Verdict(who, need, left)

    async def still_lets_in(self, asked: Asked, verdict: Verdict) -> bool:
        """Whether a visitor who was let in still would be; while the catalog is away they stay."""
        try:
            who = await self.identify(asked.headers, asked.place)
        except Unavailable:
            return True
        except ConceptoscopeError:
            return False
        return verdict.need.scope is None or who.may(verdict.need.scope)

    async def identify(self, headers: Headers, place: Place) -> Who:
        """Who shows a token or a session, the person at this machine, or nobody; raises ``Refusal``."""
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self.holder(shown.strip(), place)
        cookie = session_of(headers.get("cookie", ""))
        key = await self._open(cookie, Use.SESSION, place) if cookie else None
        if key is not None:
            return _who(key, place)
        return self._local(place) if self.access is Access.LOCAL else self._anonymous(place)

    async def holder(self, text: str, place: Place) -> Who:
        """Whose token it is; raises ``UnknownVisitor``, and ``TooMany`` for who guesses."""
        left = self.buckets.take(counted_address(place.address), GUESSES[Use.TOKEN], n=0, least=1)
        if left.wait_s and not self.keyring.knows(text, Use.TOKEN):
            raise TooMany("Too many tokens that open nothing came from your address. Wait.", headers=left.headers)
        key = await self._open(text, Use.TOKEN, place)
        if key is None:
            raise UnknownVisitor(
                "This token opens nothing: it is mistyped, revoked, or its time is over.", error="invalid_token"
            )
        return _who(key, place)

    async def _open(self, text: str, use: Use, place: Place) -> Key | None:
        """What a secret opens; nothing for an address that has shown too many wrong ones."""
        guesser, rate = counted_address(place.address), GUESSES[use]
        if not self.keyring.knows(text, use) and self.buckets.take(guesser, rate, n=0, least=1).wait_s:
            return None
        key = await self.keyring.find(text, use)
        if key is None:
            self.buckets.take(guesser, rate)
        return key

    def _anonymous(self, place: Place) -> Who:
        scopes = frozenset({Scope.READ}) if self.access is not Access.TOKENS else frozenset[Scope]()
        return Who("anonymous", counted_address(place.address), scopes, address=place.address)

    def _local(self, place: Place) -> Who:
        is_trusted = place.is_vouched_for and (not self.is_here or is_loopback(place.address))
        if place.is_proxied and not is_trusted:
            raise Forbidden(
                "This server trusts its own machine only, and was asked through a proxy. Whoever runs it can choose "
                "CONCEPTOSCOPE_ACCESS=tokens or read-only-public, and name the proxy in CONCEPTOSCOPE_PROXIES."
            )
        return Who("local", "local", frozenset(Scope), address=place.address)

    def _count(self, who: Who, need: Need) -> Left | None:
        rate = self._rates.get(need.counts or "")
        if rate is None or who.kind == "local":
            return None
        left = self.buckets.take(who.counted_as, rate)
        if left.wait_s:
            told = f"At most {rate.quota:,.0f} {rate.name} in a minute are for one visitor. Wait a little, then go on."
            raise TooMany(told, headers=left.headers)
        return left

    def _check_scope(self, who: Who, need: Need, place: Place) -> None:
        if need.scope is None or who.may(need.scope) or (need.open_here and place.is_direct_and_here):
            return
        if who.kind == "anonymous":
            raise UnknownVisitor(
                f"This needs a token with the scope '{need.scope}'. Send it as Authorization: Bearer, or sign in."
            )
        raise ScopeMissing(need.scope)

    def _check_uploads(self, who: Who, n_bytes: int) -> None:
        if self.uploads is None or who.kind == "local":
            return
        least = min(max(n_bytes, 1), self.uploads.quota)
        left = self.buckets.take(who.counted_as, self.uploads, n=0, least=least)
        if left.wait_s:
            told = f"At most {self.uploads.quota / 2**20:,.0f} MiB of photos in a day are for one visitor."
            raise TooMany(told, headers=left.headers)

    def spend(self, who: Who, n_bytes: int) -> None:
        """Count what a visitor has uploaded, which is known only afterwards."""
        if self.uploads is not None and who.kind != "local" and n_bytes:
            self.buckets.take(who.counted_as, self.uploads, n=n_bytes, least=float("-inf"))


def _who(key: Key, place: Place) -> Who:
    return Who(
        "browser" if key.session_id else "token",
        f"token {key.token_id}",
        key.scopes,
        name=key.name,
        token_id=key.token_id,
        session_id=key.session_id,
        expires_at=key.expires_at,
        address=place.address,
    )
