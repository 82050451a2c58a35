"""Streams as people write them: ``MODEL:LAYER@HEIGHTxWIDTH``, parted by commas or spaces."""

import re
from collections.abc import Sequence
from typing import Final

from store.errors import InvalidInput
from store.specs import ExtractionSpec
from store.universal import MAX_STREAMS, MIN_STREAMS
from store.vocabulary import Fit

_PARTED: Final = re.compile(r"[,\s]+")
_STREAM: Final = re.compile(
    r"(?P<model>[^@]+):(?P<layer>[^:@]+)(@(?P<height>[0-9]{1,5})x(?P<width>[0-9]{1,5}))?", re.ASCII
)


def parse_streams(text: str, *, fit: Fit = Fit.COVER, stored: bool = True) -> tuple[ExtractionSpec, ...]:
    """The extractions of a list; raises ``InvalidInput`` for one that cannot be read."""
    return tuple(_parse(part, fit=fit, stored=stored) for part in _PARTED.split(text) if part)


def _parse(text: str, *, fit: Fit, stored: bool) -> ExtractionSpec:
    found = _STREAM.fullmatch(text)
    if found is None:
        raise InvalidInput(f"Streams are MODEL:LAYER, for example mobilenet-v2:blocks.6@320x576; '{text}' is not.")
    height, width = (int(found[side]) if found[side] else None for side in ("height", "width"))
    model, layer = found["model"], found["layer"]
    return ExtractionSpec(model=model, layer=layer, height_px=height, width_px=width, fit=fit, stored=stored)


def write_streams(streams: Sequence[ExtractionSpec]) -> str:
    """The text that ``parse_streams`` reads."""
    return ",".join(map(_write, streams))


def _write(stream: ExtractionSpec) -> str:
    size = f"@{stream.height_px}x{stream.width_px}" if stream.height_px else ""
    return f"{stream_name(stream)}{size}"


def stream_name(stream: ExtractionSpec) -> str:
    """``model:layer``, by which the streams of one dictionary are told apart."""
    return f"{stream.model}:{stream.layer}"


def find_fault(names: Sequence[str]) -> str | None:
    """What is wrong with streams of these names: too few, too many, or one listed twice."""
    if not MIN_STREAMS <= len(names) <= MAX_STREAMS:
        return (
            f"A universal dictionary joins {MIN_STREAMS} to {MAX_STREAMS} streams, not {len(names)}; for one model "
            "train an ordinary dictionary."
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f"The stream {twice} is listed {names.count(twice)} times; list each model and layer once."
    return None
