"""A store with tokens in it, and what tests call."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.testclient import TestClient

from store.catalog.session import Catalog
from store.settings import Settings
from store.vocabulary import Scope

Opens = Callable[..., TestClient]


@dataclass(frozen=True)
class Doors:
    """A store and the secret of one token for each scope."""

    settings: Settings
    secrets: dict[Scope, str]
    ids: dict[Scope, str]

    def bearer(self, scope: Scope) -> dict[str, str]:
        """The header that shows a token."""
        return {"Authorization": f"Bearer {self.secrets[scope]}"}

    def catalog(self) -> Catalog:
        return Catalog(self.settings.catalog_url)
