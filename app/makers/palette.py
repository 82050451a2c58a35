"""The colours of the site as the style sheet has them, with their contrast measured."""

import re
from collections.abc import Mapping
from pathlib import Path

from app.views.design import Ground, Measure, Swatch

_COLOUR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
_MEASURE = re.compile(r"--([ts][\w-]+): ([\d.]+rem);")
_GROUNDS = ("paper", "sheet", "well")
_LEAST = {"ink": 4.5, "ink-soft": 4.5, "ink-faint": 4.5, "mark": 4.5, "focus": 3, "edge": 3, "bar": 3, "bar-strong": 3}
Colours = Mapping[str, tuple[str, str]]


def read_colours(sheet: Path) -> Colours:
    """Light and dark value of each colour; the first block of ``tokens.css`` is the ordinary one."""
    text = sheet.read_text(encoding="utf-8").partition("@media")[0]
    return {name: (light, dark) for name, light, dark in _COLOUR.findall(text)}


def make_swatches(colours: Colours) -> tuple[Swatch, ...]:
    """Each colour, on the grounds that it is used on."""
    return tuple(
        Swatch(
            name=name,
            light=light,
            dark=dark,
            least=_LEAST.get(name, 0),
            grounds=tuple(_ground(colours, name, on) for on in _GROUNDS if name in _LEAST),
        )
        for name, (light, dark) in colours.items()
    )


def make_measures(sheet: Path, kind: str) -> tuple[Measure, ...]:
    """Sizes of type (``t``) or distances (``s``), in rem."""
    found = _MEASURE.findall(sheet.read_text(encoding="utf-8"))
    return tuple(Measure(name=name, value=value) for name, value in found if name.startswith(kind))


def contrast(one: str, other: str) -> float:
    """``(L1 + 0.05) / (L2 + 0.05)`` of the lighter over the darker colour, in [1, 21] (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """``0.2126 R + 0.7152 G + 0.0722 B`` of the linear parts of ``#rrggbb``, in [0, 1]."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _ground(colours: Colours, name: str, on: str) -> Ground:
    light, dark = (contrast(colours[name][theme], colours[on][theme]) for theme in (0, 1))
    return Ground(name=on, light=light, dark=dark)
