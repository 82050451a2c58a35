"""Which class makes a dictionary of which method."""

from typing import Final

from store.methods import AnyDictionarySpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.topk import TopKDictionary

AnyDictionary = LearnedDictionary | AlternatingDictionary

METHODS: Final[dict[str, type[AnyDictionary]]] = {
    dictionary.method: dictionary for dictionary in (TopKDictionary, ArchetypalDictionary)
}


def make_dictionary(spec: AnyDictionarySpec, width: int) -> AnyDictionary:
    """An empty dictionary of the spec's method for activations of ``width`` dimensions."""
    make = METHODS[spec.method]
    return make(spec, width)  # type: ignore[arg-type]  # the registry pairs each spec with its class
