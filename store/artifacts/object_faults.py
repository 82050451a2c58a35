"""What can be wrong with an object store, in words that name it and the remedy, and never a secret."""

from collections.abc import Iterator
from contextlib import contextmanager

from store.errors import ConceptoscopeError, InvalidInput, Unavailable

_CREDENTIALS = "CONCEPTOSCOPE_S3_ACCESS_KEY and CONCEPTOSCOPE_S3_SECRET_KEY, or AWS_ACCESS_KEY_ID and its like"
_UNKNOWN_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp")


@contextmanager
def told(url: str, *, endpoint: str | None) -> Iterator[None]:
    """Turn what an object store does wrong into a domain error; other errors pass.

    The library's own text stays in the chain of causes only: it can hold what a server echoed.
    """
    try:
        yield
    except Exception as fault:
        said = _told(fault, url, endpoint=endpoint)
        if said is None:
            raise
        raise said from fault


def code_of(fault: BaseException) -> str | None:
    """The code that an S3 server gave as the cause of an error."""
    cause: BaseException | None = fault
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code"))
        cause = cause.__cause__
    return None


def is_missing(fault: BaseException) -> bool:
    """Whether an object is not there, though its bucket is."""
    return isinstance(fault, FileNotFoundError) and code_of(fault) != "NoSuchBucket"


def _told(fault: Exception, url: str, *, endpoint: str | None) -> ConceptoscopeError | None:
    if isinstance(fault, ConceptoscopeError):
        return None
    code, kind, where = code_of(fault), type(fault).__name__, endpoint or "AWS"
    if code is not None:
        return _answered(fault, url, code=code, where=where)
    if kind in {"NoCredentialsError", "PartialCredentialsError"}:
        return Unavailable(f"There are no credentials for {url} at {where}. Set {_CREDENTIALS}.")
    if kind == "ParamValidationError":
        return InvalidInput(f"{url} names no bucket that can be. Change CONCEPTOSCOPE_ARTIFACTS_URL.")
    if type(fault).__module__.partition(".")[0] in _LIBRARIES or isinstance(fault, TimeoutError | ConnectionError):
        return Unavailable(
            f"The object store of {url} at {where} does not answer ({kind}). Is it running, and is the network up? "
            "CONCEPTOSCOPE_S3_ENDPOINT says where it is. What was done is kept: run the same command again."
        )
    return None


def _answered(fault: Exception, url: str, *, code: str, where: str) -> ConceptoscopeError:
    if code == "NoSuchBucket":
        bucket = url.partition("://")[2].partition("/")[0]
        return Unavailable(
            f"The bucket '{bucket}' of {url} does not exist at {where}. Make it, or change CONCEPTOSCOPE_ARTIFACTS_URL."
        )
    if code in _UNKNOWN_KEY:
        return Unavailable(
            f"The object store of {url} at {where} refuses our credentials ({code}). Set {_CREDENTIALS}."
        )
    if isinstance(fault, PermissionError):
        return Unavailable(
            f"The object store at {where} does not allow this in {url} ({code}). Give the key the right to read, "
            "write, list and delete there, or use another one."
        )
    return Unavailable(
        f"The object store at {where} failed on {url} ({code}). Look at its log and at its free space, then run the "
        "same command again: what was done is kept."
    )
