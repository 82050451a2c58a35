"""Which class makes a dictionary of which method."""

from typing import Final

from store.methods import AnyDictionarySpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.archetypal import ArchetypalDictionary
from worker.dictionaries.archetypal_dense import DenseArchetypalDictionary
from worker.dictionaries.archetypal_published import PublishedArchetypalDictionary
from worker.dictionaries.batchtopk import BatchTopKDictionary
from worker.dictionaries.convex_nmf import ConvexNmfDictionary
from worker.dictionaries.jumprelu import JumpReluDictionary
from worker.dictionaries.kmeans_dictionary import KMeansDictionary
from worker.dictionaries.learned import LearnedDictionary
from worker.dictionaries.matching_pursuit import MatchingPursuitDictionary
from worker.dictionaries.matryoshka import MatryoshkaDictionary
from worker.dictionaries.nmf import NmfDictionary
from worker.dictionaries.pca import PcaDictionary
from worker.dictionaries.relu import ReluDictionary
from worker.dictionaries.semi_nmf import SemiNmfDictionary
from worker.dictionaries.topk import TopKDictionary

AnyDictionary = LearnedDictionary | AlternatingDictionary

METHODS: Final[dict[str, type[AnyDictionary]]] = {
    dictionary.method: dictionary
    for dictionary in (
        ReluDictionary,
        TopKDictionary,
        BatchTopKDictionary,
        JumpReluDictionary,
        MatryoshkaDictionary,
        ArchetypalDictionary,
        DenseArchetypalDictionary,
        PublishedArchetypalDictionary,
        MatchingPursuitDictionary,
        NmfDictionary,
        SemiNmfDictionary,
        ConvexNmfDictionary,
        KMeansDictionary,
        PcaDictionary,
    )
}


def make_dictionary(spec: AnyDictionarySpec, width: int) -> AnyDictionary:
    """An empty dictionary of the spec's method for activations of ``width`` dimensions."""
    make = METHODS[spec.method]
    return make(spec, width)  # type: ignore[arg-type]  # the registry pairs each spec with its class
