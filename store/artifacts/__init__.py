"""Artifacts: write-once, checksummed, content-addressed sets of files, which become visible whole or not at all.

They live in one of two homes behind one contract: a folder, or an object store with a local cache. In the folder:
``<kind>/<digest>/`` (files + ``manifest.json``), ``<kind>/.keys/<key>`` (which digest answers a request),
``<kind>/.drafts/<key>/`` (being built, resumable, invisible to readers), ``<kind>/.damaged/`` (set aside),
``<kind>/.trash/`` (removed and not yet deleted).
The digest covers kind, spec, inputs and the checksums of all files; times and code version stand beside it.
"""

from store.artifacts.artifact import Artifact
from store.artifacts.artifacts import Artifacts
from store.artifacts.cache import CacheFull, CacheUse
from store.artifacts.drafts import Draft
from store.artifacts.faults import check_still_writable, check_writable, disk_is_full, full_disk
from store.artifacts.guard import Guard
from store.artifacts.leftovers import Leftover
from store.artifacts.manifest import FORMAT, MANIFEST, FileEntry, Manifest, key_of
from store.artifacts.notes import Notes
from store.artifacts.opening import open_artifacts, open_cache
from store.artifacts.shared import SharedDraft
from store.artifacts.sums import sha256_of

__all__ = [
    "FORMAT",
    "MANIFEST",
    "Artifact",
    "Artifacts",
    "CacheFull",
    "CacheUse",
    "Draft",
    "FileEntry",
    "Guard",
    "Leftover",
    "Manifest",
    "Notes",
    "SharedDraft",
    "check_still_writable",
    "check_writable",
    "disk_is_full",
    "full_disk",
    "key_of",
    "open_artifacts",
    "open_cache",
    "sha256_of",
]
