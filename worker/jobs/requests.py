"""What each job's request is made from: known without loading a model, so that finished work is found at once."""

from collections.abc import Sequence
from typing import Final

from store.alignment.schema import VERSION as ALIGNMENT_VERSION
from store.artifacts import Artifact
from store.atlas.schema import VERSION

_STREAM: Final = "activations-"


def activations_inputs(collection: Artifact) -> dict[str, str]:
    """Inputs of activations."""
    return {"collection": collection.digest}


def dictionary_inputs(activations: Artifact) -> dict[str, str]:
    """Inputs of a dictionary; which images only judge is settled by the collection behind the activations."""
    return {"activations": activations.digest, "collection": activations.manifest.inputs["collection"]}


def universal_inputs(streams: Sequence[Artifact], *, collection: str) -> dict[str, str]:
    """Inputs of a universal dictionary: the activations of its streams, in their order."""
    return {"collection": collection, **{f"{_STREAM}{number}": one.digest for number, one in enumerate(streams)}}


def streams_of(dictionary: Artifact) -> list[str]:
    """Digests of the activations that a dictionary was learned from: one, or those of its streams in their order."""
    inputs = dictionary.manifest.inputs
    if "activations" in inputs:
        return [inputs["activations"]]
    return [inputs[f"{_STREAM}{number}"] for number in range(sum(name.startswith(_STREAM) for name in inputs))]


def atlas_inputs(dictionary: Artifact, *, activations: Artifact) -> dict[str, str]:
    """Inputs of an atlas, and the schema it will have."""
    return {
        "dictionary": dictionary.digest,
        "activations": activations.digest,
        "collection": activations.manifest.inputs["collection"],
        "schema": str(VERSION),
    }


def universal_atlas_inputs(universal: Artifact) -> dict[str, str]:
    """Inputs of the atlas of a universal dictionary: the activations of its streams, in their order."""
    return {"dictionary": universal.digest, **universal.manifest.inputs, "schema": str(VERSION)}


def alignment_inputs(one: Artifact, other: Artifact) -> dict[str, str]:
    """Inputs of an alignment of two dictionaries, in whichever order, and the schema it will have."""
    a, b = sorted((one, other), key=lambda artifact: artifact.digest)
    return {
        "a": a.digest,
        "b": b.digest,
        "activations_a": a.manifest.inputs["activations"],
        "activations_b": b.manifest.inputs["activations"],
        "collection": a.manifest.inputs["collection"],
        "schema": str(ALIGNMENT_VERSION),
    }
