"""TopK sparse autoencoder (Gao et al. 2024, arXiv 2406.04093)."""

from typing import ClassVar

from store.methods import TopKSpec
from worker.dictionaries.choices import TopKChoice
from worker.dictionaries.spherical import SphericalDictionary


class TopKDictionary(TopKChoice, SphericalDictionary):
    """The ``n_active`` largest pre-codes of each token, and free atoms on the unit sphere."""

    method: ClassVar[str] = "topk"

    spec: TopKSpec
