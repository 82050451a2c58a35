"""All that is examined, in the order in which a person reads it."""

import time
from collections.abc import Iterator
from typing import Final

from store.artifacts import open_artifacts
from store.catalog.looking import find_migration
from store.settings import Settings
from worker.doctor.device import DeviceCheck
from worker.doctor.encoder import look_at_encoder
from worker.doctor.finding import Finding, Later
from worker.doctor.machine import look_at_demo, look_at_packages, look_at_python, look_at_vendored
from worker.doctor.places import (
    look_at_artifacts,
    look_at_cache,
    look_at_catalog,
    look_at_engine,
    look_at_folder,
    verify_artifacts,
)
from worker.doctor.work import look_at_work

_ANSWER_WITHIN_S: Final = 1.5
"""After the machine has been examined; a busy one is given as much longer as it is slower."""
_NETWORK_REMEDY: Final = "Is it running, and is the network up? docs/settings.md says where it is looked for."


def examine(settings: Settings, *, verify: bool) -> list[Finding]:
    """All findings; with ``verify`` every file of every artifact is checked against its checksum."""
    device = DeviceCheck()
    folder = list(look_at_folder(settings))
    usable = all(finding.state != "bad" for finding in folder)
    later = list(_places(settings)) if usable else []
    machine = [look_at_python(), *look_at_packages(), *look_at_demo(settings), look_at_vendored()]
    machine.append(device.finding())
    deadline = time.monotonic() + _ANSWER_WITHIN_S
    places = [found for one in later for found in one.findings(deadline=deadline)]
    findings = [*machine, *folder, *places]
    if verify and usable:
        findings += verify_artifacts(open_artifacts(settings))
    return findings


def _places(settings: Settings) -> Iterator[Later]:
    """What may be elsewhere, and may not answer."""
    home = settings.artifacts_url or str(settings.store)
    yield Later("artifacts", lambda: list(_artifacts(settings)), where=home, remedy=_NETWORK_REMEDY)
    where = settings.encoder_address
    yield Later("encoder", lambda: [look_at_encoder(settings)], where=where, remedy=_NETWORK_REMEDY)
    yield Later("catalog", lambda: list(_catalog(settings)), where="its database", remedy=_NETWORK_REMEDY)


def _artifacts(settings: Settings) -> Iterator[Finding]:
    yield look_at_artifacts(settings)
    if settings.artifacts_url:
        yield look_at_cache(settings)


def _catalog(settings: Settings) -> Iterator[Finding]:
    catalog = look_at_catalog(settings)
    yield catalog
    if catalog.state != "bad":
        yield look_at_engine(settings)
    if catalog.state == "good" and find_migration(settings.catalog_url):
        yield from look_at_work(settings)
