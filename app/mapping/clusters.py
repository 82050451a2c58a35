"""What clusters of the map are called, from evidence alone: classes that their concepts answer to, words of labels.

A class c is over-represented in a cluster C by its lift::

    share(c | C) = mean over k in C of the share of k's code that falls on c
    lift = share(c | C) / share(c | all concepts)

A word of people's labels likewise, with the share of labelled concepts whose label has it. A name needs three concepts
that stand for it, a tenth of the cluster, and a lift of 1.5; of several the largest lift wins.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.render import n3, plural
from store.atlas.charting import ClassShare

LEAST_COUNT: Final = 3
LEAST_PART: Final = 0.1
LEAST_LIFT: Final = 1.5
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_FILLING: Final = frozenset({"and", "the", "with", "for", "not", "from", "near"})


@dataclass(frozen=True)
class Reason:
    """Why a cluster may be called so."""

    name: str
    source: str
    """class or label."""
    n: int
    """Concepts of the cluster that stand for it."""
    share: float
    lift: float


@dataclass(frozen=True)
class Named:
    """A cluster's name and what it comes from; ``reason`` is None where it has a number only."""

    cluster: int
    n: int
    name: str
    reason: Reason | None

    @property
    def evidence(self) -> str:
        """The reason in words."""
        if self.reason is None:
            return f"{plural(self.n, 'concept')}; no class and no label word stands out among them."
        one, share = self.reason, f"{100 * self.reason.share:.0f} %"
        times = f"{n3(one.lift)} times as usual"
        if one.source == "label":
            return f"the word {one.name} stands in {share} of the labels of its {plural(self.n, 'concept')}; {times}"
        return f"class {one.name} holds {share} of the codes of its {plural(self.n, 'concept')}; {times}"


def name_clusters(
    sizes: Mapping[int, int], shares: Iterable[ClassShare], labels: Mapping[int, str], *, cluster_of: Mapping[int, int]
) -> dict[int, Named]:
    """The name of each cluster; ``labels`` are those that people gave, ``cluster_of`` says where each lies."""
    found: dict[int, list[Reason]] = defaultdict(list)
    for one in shares:
        reason = Reason(one.class_name, "class", one.n_top, one.share, one.share / one.usual if one.usual else 0)
        found[one.cluster].append(reason)
    for cluster, reason in _word_reasons(labels, cluster_of=cluster_of):
        found[cluster].append(reason)
    return {cluster: _named(cluster, n, found[cluster]) for cluster, n in sizes.items()}


def _named(cluster: int, n: int, reasons: Iterable[Reason]) -> Named:
    least = max(LEAST_COUNT, LEAST_PART * n)
    good = [one for one in reasons if one.n >= least and one.lift >= LEAST_LIFT]
    best = min(good, key=lambda one: (-one.lift, one.name), default=None)
    return Named(cluster, n, best.name if best else f"cluster {cluster}", best)


def _word_reasons(labels: Mapping[int, str], *, cluster_of: Mapping[int, int]) -> Iterable[tuple[int, Reason]]:
    everywhere: Counter[str] = Counter()
    within: dict[int, Counter[str]] = defaultdict(Counter)
    labelled: Counter[int] = Counter()
    for concept, label in labels.items():
        if concept in cluster_of:
            words = set(_WORD.findall(label.lower())) - _FILLING
            everywhere.update(words)
            within[cluster_of[concept]].update(words)
            labelled[cluster_of[concept]] += 1
    total = labelled.total()
    for cluster, counts in within.items():
        for word, n in counts.items():
            share = n / labelled[cluster]
            yield cluster, Reason(word, "label", n, share, share * total / everywhere[word])
