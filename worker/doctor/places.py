"""The places where things are kept: the store's folder, artifacts, their cache, the catalog, the engine's tables."""

import shutil
from collections.abc import Iterator

from store.artifacts import Artifacts, check_writable, open_artifacts, open_cache
from store.catalog.looking import find_migration, has_table, shown_place
from store.catalog.versions import revisions
from store.errors import ConceptoscopeError
from store.settings import Settings
from store.vocabulary import Kind
from worker.doctor.finding import Finding, tried

_LITTLE_SPACE_BYTES = 2 * 2**30
_GIB = 2**30
_DATABASE_REMEDY = "Start the database, or correct CONCEPTOSCOPE_DATABASE_URL."
_ENGINE_TABLE, _ENGINE_SCHEMA = "workflow_status", "dbos"


def look_at_folder(settings: Settings) -> Iterator[Finding]:
    """Whether the store's folder can be written, and has room."""
    remedy = "Choose another --store, or change its owner."
    writable = tried("store", lambda: _checked(settings), remedy=remedy)
    yield writable
    if writable.state == "good":
        free = shutil.disk_usage(settings.store).free
        enough = free >= _LITTLE_SPACE_BYTES
        told = "" if enough else "Free some space, or choose another --store."
        yield Finding("free space", "good" if enough else "warn", f"{free / _GIB:.1f} GiB", told)


def _checked(settings: Settings) -> str:
    check_writable(settings.store)
    return str(settings.store.absolute())


def look_at_artifacts(settings: Settings) -> Finding:
    """Whether artifacts can be written where they live."""
    remedy = "Correct CONCEPTOSCOPE_ARTIFACTS_URL and CONCEPTOSCOPE_S3_..., or free some space there."

    def look() -> str:
        artifacts = open_artifacts(settings)
        artifacts.check()
        artifacts.close()
        return settings.artifacts_url or str(settings.store.absolute())

    return tried("artifacts", look, remedy=remedy)


def look_at_cache(settings: Settings) -> Finding:
    """Whether the disk has room for what the cache may grow to."""
    cache = open_cache(settings)
    taken, free = cache.size(), shutil.disk_usage(settings.store).free
    found = f"{taken / _GIB:.1f} of {cache.n_bytes / _GIB:.1f} GiB in '{cache.root}', {free / _GIB:.1f} GiB free"
    room = taken + max(free - _LITTLE_SPACE_BYTES, 0)
    if cache.n_bytes <= room:
        return Finding("cache", "good", found)
    remedy = f"Set CONCEPTOSCOPE_CACHE_BYTES to at most {room / _GIB:.1f}GiB, or free some space."
    return Finding("cache", "warn", f"{found}: the disk would be full first", remedy)


def look_at_catalog(settings: Settings) -> Finding:
    """Whether the catalog answers and is of this version; it is left as it is."""
    url = settings.catalog_url
    try:
        found, place = find_migration(url), shown_place(url)
    except ConceptoscopeError as fault:
        return Finding("catalog", "bad", str(fault), _DATABASE_REMEDY)
    is_own, newest = place.startswith("sqlite"), revisions()[-1]
    if found == newest:
        return Finding("catalog", "good", f"{place}, at migration {found}")
    if found is None and is_own:
        return Finding("catalog", "good", f"{place}, not made yet: the first command makes it")
    if found is not None and found not in revisions():
        told = f"{place} is at migration {found}, newer than this version, which knows those up to {newest}"
        return Finding("catalog", "bad", told, "Upgrade Conceptoscope, or choose another store.")
    state = (
        "has no tables" if found is None else f"is at migration {found}, older than this version, which needs {newest}"
    )
    remedy = "Run `conceptoscope migrate`" + ("; any other command migrates it, too." if is_own else ".")
    return Finding("catalog", "warn" if is_own else "bad", f"{place} {state}", remedy)


def look_at_engine(settings: Settings) -> Finding:
    """Whether the tables of the job engine can be reached."""

    def look() -> str:
        url = settings.engine_url
        known = has_table(url, _ENGINE_TABLE, schema=_ENGINE_SCHEMA)
        return f"{shown_place(url)}, {'ready' if known else 'not made yet: the first worker makes it'}"

    return tried("job engine", look, remedy=f"{_DATABASE_REMEDY} A damaged jobs.sqlite may be deleted: no job is lost.")


def verify_artifacts(artifacts: Artifacts) -> Iterator[Finding]:
    """Every file of every artifact against its checksum."""
    for kind in Kind:
        for artifact in artifacts.list(kind):
            what = f"{kind.value} {artifact.digest[:12]}"
            try:
                artifact.verify()
                yield Finding(what, "good", f"{len(artifact.manifest.files)} files")
            except ConceptoscopeError as fault:
                if artifacts.is_there(kind, artifact.digest):  # a collector may have taken it meanwhile
                    yield Finding(what, "bad", str(fault), "Run the command that made it with --rebuild.")
