"""What is asked of three or four dictionaries set side by side, and their open atlases and alignments."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from app.makers.alignment_asking import Aligned, aligned, number_between
from app.params import CORRELATION, CURSOR, Param, whole
from app.site import Opened, Site
from store.atlas.cursor import parse_limit
from store.errors import NotFound

FEWEST, MOST = 3, 4
FOUND: Final = Param(
    "in",
    "Which concepts of the first dictionary: with a match in all others, in some of them, in none, or any.",
    ("any", "all", "some", "none"),
    default="any",
)
MATCH: Final = Param(
    "match",
    "What counts as a match: the concept whose codes correlate most, when chance rarely gives that much, or only the "
    "partner of the one-to-one matching.",
    ("best", "one"),
    default="best",
)
SORT: Final = Param(
    "sort",
    "Order of the first dictionary's concepts, minus for descending: by their weakest correlation, by the mean, "
    "by strongest less weakest, by their share of energy.",
    ("-weakest", "-mean", "weakest", "-spread", "-energy"),
    default="-weakest",
)
MINIMUM: Final = Param("min", "Only concepts whose weakest correlation is at least this.", schema=CORRELATION)
MUTUAL: Final = Param("mutual", "Only concepts that all their matches answer with.", ("no", "yes"), default="no")
_LIMIT: Final = Param("limit", "How many: 1 to 24.", default="6", schema=whole(1, 24))
PARAMS: Final = (FOUND, MATCH, SORT, MINIMUM, MUTUAL, CURSOR, _LIMIT)
_LIMIT_MAX: Final = 24


@dataclass(frozen=True)
class Asked:
    """Which concepts of the first dictionary, and in which order."""

    found: str
    one_to_one: bool
    sort: str
    minimum: float | None
    mutual: bool
    cursor: str
    limit: int
    query: Mapping[str, str]


def ask_together(values: Mapping[str, str]) -> Asked:
    """What declared parameters mean; raises ``BadQuery``."""
    kept = {param.name: values[param.name] for param in PARAMS if values[param.name] != param.default}
    return Asked(
        found=values["in"],
        one_to_one=values["match"] == "one",
        sort=values["sort"],
        minimum=number_between("min", values["min"]),
        mutual=values["mutual"] == "yes",
        cursor=values["cursor"],
        limit=parse_limit(values["limit"], most=_LIMIT_MAX),
        query={name: value for name, value in kept.items() if name != "cursor"},
    )


@dataclass(frozen=True)
class Together:
    """Open dictionaries, the first of which leads, and the alignments there are, by two places, the smaller first."""

    members: tuple[Opened, ...]
    alignments: Mapping[tuple[int, int], Aligned]

    @property
    def slugs(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(one.entry.slug for one in self.members)

    @property
    def leading(self) -> dict[int, Aligned]:
        """Alignments of the first with others, by their places."""
        return {other: one for (first, other), one in self.alignments.items() if first == 0}


def check_slugs(slugs: Sequence[str]) -> tuple[str, ...]:
    """Three or four different names; raises ``NotFound``."""
    if len(set(slugs)) < len(slugs) or not FEWEST <= len(slugs) <= MOST:
        remedy = f"From {FEWEST} to {MOST} different dictionaries stand side by side."
        raise NotFound("set of dictionaries", ", ".join(slugs), remedy=remedy)
    return tuple(slugs)


@contextmanager
def together(site: Site, slugs: Sequence[str]) -> Iterator[Together]:
    """Dictionaries with the alignments there are between them; raises ``NotFound`` for an unknown one."""
    entries = [site.roster.get(slug) for slug in check_slugs(slugs)]
    with ExitStack() as stack:
        members = tuple(stack.enter_context(site.opened(entry)) for entry in entries)
        found = {
            (a, b): stack.enter_context(aligned(site, entries[a].slug, entries[b].slug))
            for a, b in combinations(range(len(entries)), 2)
            if site.roster.find_link(entries[a], entries[b])
        }
        yield Together(members, found)
