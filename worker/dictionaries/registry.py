"""Which class makes a dictionary of which method."""

from store.specs import ArchetypalSpec, TopKSpec
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.base import Dictionary
from worker.dictionaries.topk import TopKDictionary

METHODS: dict[str, type[TopKDictionary] | type[ArchetypalDictionary]] = {
    dictionary.method: dictionary for dictionary in (TopKDictionary, ArchetypalDictionary)
}


def make_dictionary(spec: TopKSpec | ArchetypalSpec, width: int) -> Dictionary:
    """An empty dictionary of the spec's method for activations of ``width`` dimensions."""
    if isinstance(spec, ArchetypalSpec):
        return ArchetypalDictionary(spec, width)
    return TopKDictionary(spec, width)
