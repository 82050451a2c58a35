"""What each page may cost a browser that has nothing yet, in one place; bytes are compressed, 1 KB = 1000 bytes."""

from dataclasses import dataclass
from typing import Final

from tests.browser.weighing import Weight

KB: Final = 1000


@dataclass(frozen=True)
class Budget:
    """Upper bounds of one page: whole transfer with headers, scripts, styles, its own text; requests; layout shift."""

    transfer: int
    scripts: int
    requests: int
    html: int = 45 * KB
    styles: int = 15 * KB
    shift: float = 0.02

    def exceeded(self, weight: Weight) -> dict[str, str]:
        """What is over its bound, and by how much."""
        measured = {
            "transfer": (weight.transferred, self.transfer),
            "scripts": (weight.of("Script"), self.scripts),
            "requests": (len(weight.urls), self.requests),
            "html": (weight.of("Document"), self.html),
            "styles": (weight.of("Stylesheet"), self.styles),
            "shift": (weight.shift, self.shift),
        }
        return {name: f"{value:g} > {bound:g}" for name, (value, bound) in measured.items() if value > bound}


TEXT: Final = Budget(60 * KB, 32 * KB, 40)
"""Pages of words and numbers: the frame of all pages and little else."""
BUDGETS: Final = {
    "home": Budget(150 * KB, 30 * KB, 60),
    "dictionary": Budget(250 * KB, 30 * KB, 90),
    "concepts": Budget(700 * KB, 35 * KB, 90, html=25 * KB),
    "concept": Budget(450 * KB, 38 * KB, 100),
    "beside": Budget(500 * KB, 38 * KB, 100),
    "map": Budget(260 * KB, 45 * KB, 60),
    "images": Budget(720 * KB, 35 * KB, 90),
    "map of numbers": Budget(260 * KB, 45 * KB, 60),
    "image": Budget(200 * KB, 40 * KB, 60),
    "analyze": Budget(200 * KB, 40 * KB, 60),
    "analysis": Budget(200 * KB, 40 * KB, 60),
    "classes": Budget(450 * KB, 35 * KB, 90),
    "groups": Budget(450 * KB, 35 * KB, 90),
    "class": Budget(450 * KB, 35 * KB, 90),
    "compare": Budget(90 * KB, 38 * KB, 40),
    "alignments": Budget(170 * KB, 32 * KB, 90),
    "alignment": Budget(500 * KB, 38 * KB, 90),
    "together": Budget(500 * KB, 38 * KB, 90),
    "streams": Budget(500 * KB, 38 * KB, 90),
    "concept in streams": Budget(500 * KB, 38 * KB, 110),
    "queue": Budget(250 * KB, 35 * KB, 60),
    "glossary": Budget(70 * KB, 32 * KB, 40),
    "settings": TEXT,
    "lists": TEXT,
    "search": Budget(120 * KB, 32 * KB, 60),
    "jobs": TEXT,
    "login": TEXT,
}
"""Pages by their names in ``first_pages``; those with pictures as the design sets them."""
FALLBACK: Final = Budget(450 * KB, 38 * KB, 90)
"""A page that has no row yet."""
