"""What presets say of themselves is what the benchmark measured, of the very specs that are shipped."""

import re
from pathlib import Path

from store.presets import PRESETS, Preset

SECTION = "\n## Small presets\n"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def row_of(preset: Preset) -> str:
    """A preset's line in the document's table."""
    assert preset.r2 is not None
    assert preset.l0 is not None
    assert preset.dead is not None
    assert preset.seconds is not None
    cells = [
        preset.name,
        f"{preset.r2:.3f}",
        f"{preset.l0:.1f}",
        f"{100 * preset.dead:.1f} %",
        f"{preset.seconds:,.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def lines_for_presets(rows: list[str]) -> str:
    """What belongs into ``_MEASURED`` of ``store/presets.py``."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return "\n".join(
        f'    "{name}": ({r2}, {l0}, {float(dead.removesuffix(" %")) / 100:.3f}, {seconds.replace(",", "")}),'
        for name, r2, l0, dead, seconds in cells
    )


def section() -> str:
    return DOCUMENT.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]


def test_figures_are_those_of_the_document() -> None:
    rows = re.findall(r"^\| [\w-]+-small \|.*\|$", section(), re.MULTILINE)
    measured = [row_of(preset) for preset in PRESETS if preset.r2 is not None]
    assert sorted(measured) == sorted(rows), f"_MEASURED of store/presets.py should hold:\n{lines_for_presets(rows)}"


def test_figures_belong_to_the_specs_that_are_shipped() -> None:
    digests = dict(re.findall(r"([\w-]+-small) `(\w+)`", section()))
    measured = {preset.name: preset.spec.digest[:8] for preset in PRESETS if preset.r2 is not None}
    assert digests == measured
