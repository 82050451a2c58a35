"""Model hubs fail fast: one short look whether the hub answers; if not, only what is already cached is used."""

import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

PATIENCE_S = 4.0


@contextmanager
def hub_within_reach() -> Iterator[None]:
    """Within it, the hub's client turns to its cache at once when there is no network, and does not retry for long."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before and not _answers(constants.ENDPOINT):
        log.info("The model hub does not answer; looking only at what was fetched before.")
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(url: str) -> bool:
    """Whether anything answers at the address; a refusal is an answer."""
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310  # the client library's own address
        with urllib.request.urlopen(request, timeout=PATIENCE_S):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
