"""Requests that are not answered: why, in words, with the status and headers that say it to programs."""

from collections.abc import Mapping

from store.errors import ConceptoscopeError
from store.vocabulary import Scope


class Refusal(ConceptoscopeError):
    """A request that is refused before anything is made of it."""

    status = 403

    def __init__(self, told: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        super().__init__(told)


class UnknownVisitor(Refusal):
    """401: who asks has shown nothing that opens this."""

    status = 401

    def __init__(self, told: str, *, error: str = "") -> None:
        more = f', error="{error}"' if error else ""
        super().__init__(told, headers={"WWW-Authenticate": f'Bearer realm="Conceptoscope"{more}'})


class ScopeMissing(Refusal):
    """403: the token is good, and not for this."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        challenge = f'Bearer realm="Conceptoscope", error="insufficient_scope", scope="{scope}"'
        super().__init__(
            f"This needs the scope '{scope}', which your token has not. Ask whoever runs this server for one that has.",
            headers={"WWW-Authenticate": challenge},
        )


class WrongHost(Refusal):
    """421: the address names a host that is not ours."""

    status = 421


class TooMany(Refusal):
    """429: more than a visitor may have for now."""

    status = 429


class WrongMedia(Refusal):
    """415: the body is of a type that nothing here reads."""

    status = 415


class BadAddress(Refusal):
    """400: an address that no link of ours has."""

    status = 400
