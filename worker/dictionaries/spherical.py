"""A linear encoder and free atoms: every autoencoder that does not build its atoms from something."""

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from store.methods import AutoencoderSpec
from worker.dictionaries.free_atoms import FreeAtoms
from worker.dictionaries.linear import LinearDictionary
from worker.dictionaries.starts import tie_encoder


class SphericalDictionary(FreeAtoms, LinearDictionary):
    """Atoms on the unit sphere, and an encoder that starts tied to them."""

    per_concept: ClassVar[tuple[str, ...]] = (*LinearDictionary.per_concept, "decoder")

    spec: AutoencoderSpec

    @torch.no_grad()
    def start_from(
        self, sample: Float[Tensor, "m d"], *, generator: torch.Generator, on_iteration: Callable[[], None]
    ) -> None:
        """Atoms at k-means centroids, at tokens or in random directions; the encoder tied to them."""
        super().start_from(sample, generator=generator, on_iteration=on_iteration)
        tie_encoder(self, sample)
