"""Activations of several models become one dictionary, or the one that has been built is found."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.universal import UniversalSpec
from store.vocabulary import Kind
from worker.device import pick_device
from worker.jobs.requests import universal_inputs
from worker.progress import OnProgress

if TYPE_CHECKING:
    from worker.activations import ActivationStore


def join(
    spec: UniversalSpec,
    streams: Sequence[Artifact],
    artifacts: Artifacts,
    read: "Callable[[Artifact], ActivationStore]",
    *,
    device: str | None,
    on_progress: OnProgress,
) -> Artifact:
    """The dictionary of these activations in their order; ``read`` opens them.

    Raises ``InvalidInput`` for streams that cannot be paired.
    """
    collection = streams[0].manifest.inputs["collection"]
    found = artifacts.find(Kind.UNIVERSAL, spec, inputs=universal_inputs(streams, collection=collection))
    if found is not None:
        return found
    from worker.jobs.universal import build_universal

    on_progress(0, 1, "reading the activations")
    return build_universal(
        spec,
        [read(stream) for stream in streams],
        collection=Collection(artifacts.get(Kind.COLLECTION, collection)),
        artifacts=artifacts,
        device=pick_device(device),
        on_progress=on_progress,
    )
