"""Who takes part: every registered method, and variants of some, each as a named spec."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from store.errors import NotFound
from store.methods import AnyDictionarySpec, TrainingSpec, load_dictionary_spec
from store.presets import PRESETS
from worker.dictionaries.registry import METHODS

Fields = Mapping[str, Any]

VARIANTS: Final[dict[str, tuple[str, Fields]]] = {
    "topk-token-start": ("topk", {"start": "tokens"}),
    "topk-random-start": ("topk", {"start": "random"}),
    "archetypal-no-relaxation": ("archetypal", {"relaxation": 0.0}),
    "archetypal-published-no-projection": ("archetypal-published", {"project": False}),
}
"""Ablations by the name that tables give them: the method, and what differs from it."""

_ONE_CODE: Final = ("kmeans",)
_BOTH_SIDES: Final = ("pca",)
_SPECS: Final[dict[str, type[TrainingSpec]]] = {
    spec.model_fields["method"].default: spec for spec in get_args(AnyDictionarySpec)
}


@dataclass(frozen=True)
class Contender:
    """A method with the fields of its spec; the spec is made when it is asked for, and may be refused."""

    name: str
    method: str
    fields: Fields

    @property
    def spec(self) -> AnyDictionarySpec:
        """Of the given fields those that the method has; raises ``pydantic.ValidationError``."""
        known = _SPECS[self.method].model_fields
        return load_dictionary_spec({**{k: v for k, v in self.fields.items() if k in known}, "method": self.method})

    def changed(self, **fields: Any) -> "Contender":
        """The same with other fields."""
        return Contender(self.name, self.method, {**self.fields, **fields})


def contenders(
    fields: Fields,
    *,
    width: int,
    only: Sequence[str] = (),
    variants: Sequence[str] = (),
    adapted: Mapping[str, Fields] | None = None,
    presets: bool = False,
) -> list[Contender]:
    """Every registered method and the given variants of registered methods, or those named in ``only``.

    All get ``fields``, a method those of ``adapted`` under its name on top, and a variant its own at last. With
    ``presets`` they start from the shipped preset ``METHOD-small``, or from that of TopK where there is none. k-means
    has one code per token whatever the others have, and PCA no more concepts than both sides of ``width`` components.
    Raises ``NotFound`` for a name that is no method and no variant.
    """
    for name in only:
        if name not in METHODS and not _is_possible(name):
            raise NotFound("method", name, known=[*METHODS, *filter(_is_possible, VARIANTS)])
    names = only or [*METHODS, *filter(_is_possible, variants)]
    shipped = _shipped() if presets else {}
    return [_contender(name, fields, width=width, adapted=adapted or {}, shipped=shipped) for name in names]


def _shipped() -> dict[str, dict[str, Any]]:
    """Fields of the small presets by method, without seeds."""
    small = (preset.spec for preset in PRESETS if preset.name == f"{preset.spec.method}-small")
    return {
        spec.method: {k: v for k, v in spec.as_json().items() if k != "method" and "seed" not in k} for spec in small
    }


def sizes_of(chosen: Sequence[Contender]) -> str:
    """Concepts and active concepts that most contenders have, in words."""
    told = Counter(f"{one.fields['n_concepts']} concepts, {one.fields['n_active']} active" for one in chosen)
    return told.most_common(1)[0][0] if told else "nobody"


def _is_possible(variant: str) -> bool:
    return variant in VARIANTS and VARIANTS[variant][0] in METHODS


def _contender(
    name: str, fields: Fields, *, width: int, adapted: Mapping[str, Fields], shipped: Mapping[str, Fields]
) -> Contender:
    method, changes = VARIANTS.get(name, (name, {}))
    first = shipped.get(method, shipped.get("topk", {}))
    forced: dict[str, Any] = {}
    if method in _ONE_CODE:
        forced["n_active"] = 1
    if method in _BOTH_SIDES and {**first, **fields}.get("n_concepts", 0) > 2 * width:
        forced["n_concepts"] = 2 * width
    return Contender(name, method, {**first, **fields, **adapted.get(method, {}), **changes, **forced})
