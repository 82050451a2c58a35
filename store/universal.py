"""The spec of a universal dictionary: one code space over several streams (a model read at a layer)."""

from typing import Final, Literal

from pydantic import Field, model_validator

from store.methods import AutoencoderSpec
from store.vocabulary import Kind, Tokens

MIN_STREAMS, MAX_STREAMS = 2, 5
FREE = 2.0
"""Relaxation that holds no atom back: no two unit vectors are farther apart."""
METHOD: Final = "universal"


def artifact_kind(method: str) -> Kind:
    """Where the artifact of a dictionary stands that was learned by this method."""
    return Kind.UNIVERSAL if method == METHOD else Kind.DICTIONARY


class UniversalSpec(AutoencoderSpec):
    """One code space, an encoder and a decoder per stream; learning rate and warm-up count all steps of a run.

    ``procedure``: ``all`` encodes every stream at every step and lets every stream's codes reconstruct every stream;
    ``sampled`` encodes one stream, drawn at each step, and lets all decoders learn from its codes; ``published`` is
    the Universal SAE of Thasarathan et al. 2025 (arXiv 2502.03714) as its code trains, for comparison.

    ``choice``: the largest codes of each token, of the whole batch (arXiv 2412.06410), or ``shared``: those with the
    largest sum over all streams, the same concepts for all (SPARC, arXiv 2507.06265).
    """

    method: Literal["universal"] = "universal"
    procedure: Literal["all", "sampled", "published"] = "all"
    choice: Literal["topk", "batchtopk", "shared"] = "topk"
    spread: Literal["stream", "dimension"] = Field(
        "stream", description="what is brought to variance 1: each stream as a whole, or each of its dimensions"
    )
    cross_weight: float = Field(
        1.0, ge=0, le=100, description="weight of the error in another stream, that in the stream itself being 1"
    )
    relaxation: float = Field(
        FREE, gt=0, le=FREE, description="largest distance of a joint atom from a mixture of joint patches; 2 = any"
    )
    n_candidates: int = Field(0, ge=0, le=1_048_576, description="k-means centroids that atoms on a leash may mix")
    n_mixed: int = Field(32, ge=1, le=4096, description="candidates per atom on a leash")
    candidate_seed: int = Field(0, description="seed of the k-means that finds the candidates")
    references: bool = Field(True, description="train a dictionary of each stream alone too, to be judged beside")
    together: float = Field(
        0.0, ge=0, le=1, description="share of the steps, the first ones, in which all streams use the same concepts"
    )
    agreement: float = Field(
        0.0, ge=0, le=100, description="weight of how far the codes of streams are apart where either has one"
    )
    grid_rows: int | None = Field(None, ge=1, le=1024, description="rows of the shared grid; the fewest when empty")
    grid_cols: int | None = Field(None, ge=1, le=1024, description="columns of the shared grid; the fewest when empty")

    @model_validator(mode="after")
    def _supported(self) -> "UniversalSpec":
        if self.tokens is not Tokens.PATCHES:
            raise ValueError(f"tokens is {self.tokens}, but streams meet at places of the photo; use patches")
        if self.bias_groups or self.whiten or self.n_mutual > 1:
            raise ValueError(
                "bias_groups, whiten and n_mutual do not go with several streams; leave them at 0, false and 1"
            )
        if self.procedure == "published" and self.choice != "topk":
            raise ValueError(f"the published procedure chooses by topk, not by {self.choice}; use choice=topk")
        self._check_archetypes()
        return self

    def _check_archetypes(self) -> None:
        if self.relaxation == FREE:
            return
        if self.procedure == "published":
            raise ValueError("the published procedure has free atoms; leave relaxation at 2 or use procedure=all")
        if self.n_mixed > self.n_candidates:
            raise ValueError(
                f"atoms on a leash mix n_mixed ({self.n_mixed}) of n_candidates ({self.n_candidates}); "
                "raise n_candidates"
            )
