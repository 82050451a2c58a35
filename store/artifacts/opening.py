"""Opening the artifacts of a store where the settings say they live."""

from store.artifacts.artifacts import Artifacts
from store.artifacts.cache import Cache
from store.artifacts.guard import Guard
from store.artifacts.notes import Notes
from store.artifacts.objects import Objects, S3Access
from store.artifacts.remote import CACHE, RemoteHome
from store.settings import Settings


def open_artifacts(settings: Settings, *, guard: Guard | None = None, notes: Notes | None = None) -> Artifacts:
    """The artifacts of a store. Nothing is looked at before it is needed; ``check`` does at once.

    Raises ``InvalidInput`` for a URL that can't hold artifacts.
    """
    if not settings.artifacts_url:
        return Artifacts(settings.store, guard=guard, notes=notes)
    access = S3Access(
        endpoint=settings.s3_endpoint or None,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        region=settings.s3_region or None,
    )
    objects = Objects(settings.artifacts_url, access)
    home = RemoteHome(objects, root=settings.store, cache_bytes=settings.cache_bytes)
    return Artifacts(home, guard=guard, notes=notes)


def open_cache(settings: Settings) -> Cache:
    """The cache of artifacts that live at a URL."""
    return Cache(settings.store / CACHE, n_bytes=settings.cache_bytes)
