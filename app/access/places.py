"""Where a request comes from and which host it names, with and without proxies in between."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from store.errors import InvalidInput
from store.settings import Settings, is_loopback

_FORWARDED: Final = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded")
_ANY: Final = ("0.0.0.0", "::", "")  # noqa: S104 what is bound to them has no name of its own
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Place:
    """What a request says of its way to us, after stated proxies were believed and others were not."""

    address: str
    scheme: str
    host: str
    """As links are made with it: name and port."""
    is_proxied: bool
    is_vouched_for: bool
    """Whether a stated proxy has said where it comes from."""

    @property
    def is_direct_and_here(self) -> bool:
        """Whether a program on this machine asks, without anything in between."""
        return not self.is_proxied and is_loopback(self.address) and is_loopback(name_of(self.host))


class Places:
    """Hosts that are ours and proxies that are believed; raises ``InvalidInput`` for addresses that are none."""

    def __init__(self, settings: Settings) -> None:
        bound = settings.host.strip("[]").lower()
        told = {name_of(word) for word in _words(settings.hosts)}
        self.hosts = _HERE | told | (set() if bound in _ANY else {bound})
        self.trusts_all = "*" in _words(settings.proxies)
        self._proxies = [_network(word) for word in _words(settings.proxies) if word != "*"]

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names us; a page of another site that makes its own name lead here does not."""
        return name_of(host) in self.hosts

    def of(self, headers: Mapping[str, str], *, peer: str, scheme: str) -> Place:
        """Where a request with these headers (names in small letters) comes from."""
        host = headers.get("host", "")
        is_proxied = any(name in headers for name in _FORWARDED)
        if not is_proxied or not self._believes(peer):
            return Place(peer, scheme, host, is_proxied=is_proxied, is_vouched_for=False)
        proto = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return Place(
            address=self._client(headers.get("x-forwarded-for", ""), peer=peer),
            scheme=proto if proto in ("http", "https") else scheme,
            host=headers.get("x-forwarded-host", host).rpartition(",")[2].strip(),
            is_proxied=True,
            is_vouched_for=True,
        )

    def _believes(self, address: str) -> bool:
        if self.trusts_all:
            return True
        found = _address(address)
        return found is not None and any(found in network for network in self._proxies)

    def _client(self, told: str, *, peer: str) -> str:
        """The last address that no believed proxy has: earlier ones may be made up by the visitor."""
        found = peer
        for word in reversed(_words(told)):
            if _address(word) is None:
                break
            found = word
            if self.trusts_all or not self._believes(word):
                break
        return found


def name_of(host: str) -> str:
    """The name in ``name:port``, in small letters; empty for what cannot be one."""
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        return name.lower() if bracket and (not rest or rest[1:].isdecimal()) else ""
    name, colon, port = host.partition(":")
    if colon and ":" in port:  # an IPv6 address as settings have it
        return host.lower()
    return name.lower().rstrip(".") if not colon or port.isdecimal() else ""


def counted_address(address: str) -> str:
    """Whom limits count: an address, or the network of one household where addresses are as many as one likes."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return address


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError as fault:
        raise InvalidInput(
            f"CONCEPTOSCOPE_PROXIES has '{word}', which is no address: give such as 10.0.0.2, 10.0.0.0/8, or *."
        ) from fault


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
