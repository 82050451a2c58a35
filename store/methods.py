"""Specs of dictionaries: one frozen value per method, closed, with a digest; equal specs learn equal dictionaries."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from store.specs import Spec
from store.vocabulary import Tokens


class TrainingSpec(Spec):
    """What all dictionaries share."""

    n_concepts: int = Field(512, ge=1, le=1_048_576)
    n_active: int = Field(16, ge=1, le=65_536, description="codes above 0 per token: exact, or the mean aimed at")
    epochs: int = Field(15, ge=1, le=10_000)
    batch_tokens: int = Field(1024, ge=1, le=1_048_576)
    tokens: Tokens = Field(Tokens.PATCHES, description="which of the model's tokens are learned from")
    norm_limit: float = Field(
        0.0, ge=0, description="tokens longer than so many median norms are not learned from; 0 = all are"
    )
    seed: int = Field(0, description="seed of first weights and samples")
    order_seed: int = Field(0, description="seed of the order of tokens; equal in all dictionaries of one pass")

    @model_validator(mode="after")
    def _active_fits(self) -> "TrainingSpec":
        if self.n_active > self.n_concepts:
            raise ValueError(f"n_active ({self.n_active}) is above n_concepts ({self.n_concepts}); lower n_active")
        return self


class GradientSpec(TrainingSpec):
    """What dictionaries that are trained by gradient share."""

    lr: float = Field(3e-3, gt=0, le=1.0)
    warmup: float = Field(0.05, ge=0, le=1, description="share of the steps with rising learning rate")
    clip: float = Field(1.0, gt=0, description="largest norm of the whole gradient")
    dead_after_tokens: int = Field(20_000, ge=1, description="a concept silent for so many tokens is dead")
    start: Literal["kmeans", "tokens", "random"] = Field("kmeans", description="where the first atoms are")
    whiten: bool = Field(False, description="learn in coordinates in which every direction has the same variance")
    n_mutual: int = Field(1, ge=1, le=16, description="dictionaries of successive seeds trained together")
    mutual_weight: float = Field(0.1, ge=0, description="weight of their disagreement, when there are several")


class AutoencoderSpec(GradientSpec):
    """What sparse autoencoders share: a linear encoder, and atoms."""

    aux_weight: float = Field(1 / 32, ge=0, description="weight of the auxiliary loss of dead concepts")
    aux_active: int = Field(0, ge=0, description="dead concepts that may explain the residual; 0 = half the width")
    encoder_decay: float = Field(
        0.0, ge=0, description="weight of the mean squared norm of the encoder's rows; makes seeds agree more"
    )
    bias_groups: int = Field(0, ge=0, le=64, description="groups of concepts with a target density each; 0 = none")
    bias_rate: float = Field(0.1, gt=0, le=1, description="step of the bias towards its target, in unit of codes")


class BatchChoiceSpec(AutoencoderSpec):
    """What methods share that choose codes over a whole batch."""

    @model_validator(mode="after")
    def _no_groups(self) -> "BatchChoiceSpec":
        if self.bias_groups:
            raise ValueError(
                f"bias_groups ({self.bias_groups}) and a choice of codes over the whole batch work against each other; "
                "use topk, relu or jumprelu, or leave bias_groups at 0"
            )
        return self


class ReluSpec(AutoencoderSpec):
    """ReLU sparse autoencoder with an L1 penalty whose weight is adapted until ``n_active`` is met on average."""

    method: Literal["relu"] = "relu"
    l1_weight: float = Field(0.0, ge=0, description="fixed weight of the L1 penalty; 0 = adapted to n_active")


class TopKSpec(AutoencoderSpec):
    """TopK sparse autoencoder (Gao et al. 2024, arXiv 2406.04093)."""

    method: Literal["topk"] = "topk"


class BatchTopKSpec(BatchChoiceSpec):
    """BatchTopK sparse autoencoder (Bussmann et al. 2024, arXiv 2412.06410)."""

    method: Literal["batchtopk"] = "batchtopk"


class JumpReluSpec(AutoencoderSpec):
    """JumpReLU sparse autoencoder (Rajamanoharan et al. 2024, arXiv 2407.14435) with ``n_active`` as target."""

    method: Literal["jumprelu"] = "jumprelu"
    bandwidth: float = Field(0.5, gt=0, le=10, description="width of the kernel, in unit of the first threshold")
    l0_weight: float = Field(1.0, ge=0, description="weight of the squared relative distance of L0 from n_active")


class MatryoshkaSpec(BatchChoiceSpec):
    """Nested BatchTopK (Bussmann et al. 2025, arXiv 2503.17547): every prefix of the atoms must reconstruct too."""

    method: Literal["matryoshka"] = "matryoshka"
    n_levels: int = Field(4, ge=1, le=16, description="nested dictionaries, each twice the size of the one before")

    @model_validator(mode="after")
    def _levels_fit(self) -> "MatryoshkaSpec":
        if self.n_concepts < 2 ** (self.n_levels - 1):
            raise ValueError(
                f"n_levels ({self.n_levels}) nested dictionaries need at least {2 ** (self.n_levels - 1)} concepts, "
                f"n_concepts is {self.n_concepts}; lower n_levels"
            )
        return self


class MixtureSpec(AutoencoderSpec):
    """What archetypal dictionaries share: atoms mixed from k-means centroids (Fel et al. 2025, arXiv 2502.12892)."""

    n_candidates: int = Field(1024, ge=2, le=1_048_576, description="k-means centroids that atoms may mix")
    candidate_seed: int = Field(0, description="seed of the k-means that finds the candidates")


class ArchetypalSpec(MixtureSpec):
    """Sparse-simplex archetypal dictionary: each atom on a leash to a convex mixture of few candidate points."""

    method: Literal["archetypal"] = "archetypal"
    encoder_decay: float = Field(
        0.03, ge=0, description="weight of the mean squared norm of the encoder's rows; makes seeds agree more"
    )
    code_penalty: float = Field(
        0.1, ge=0, le=1, description="share by which codes are drawn to 0 in training; few large ones make seeds agree"
    )
    n_mixed: int = Field(32, ge=1, le=4096, description="candidates per atom")
    relaxation: float = Field(
        1.0, ge=0, le=2, description="largest distance of an atom from its mixture, both of norm 1; 2 = any"
    )

    @model_validator(mode="after")
    def _candidates_suffice(self) -> "ArchetypalSpec":
        if self.n_mixed > self.n_candidates:
            raise ValueError(f"n_mixed ({self.n_mixed}) is above n_candidates ({self.n_candidates}); lower n_mixed")
        return self


class DenseMixtureSpec(MixtureSpec):
    """What archetypal dictionaries share whose atoms may mix all candidates."""

    @model_validator(mode="after")
    def _each_atom_has_a_candidate(self) -> "DenseMixtureSpec":
        if self.n_candidates < self.n_concepts:
            raise ValueError(
                f"n_candidates ({self.n_candidates}) is below n_concepts ({self.n_concepts}), but each atom starts at "
                "candidates of its own; raise n_candidates"
            )
        return self


class DenseArchetypalSpec(DenseMixtureSpec):
    """A-SAE: atoms are convex mixtures of all candidates, by a dense row-stochastic matrix (arXiv 2502.12892)."""

    method: Literal["archetypal-dense"] = "archetypal-dense"


class PublishedArchetypalSpec(DenseMixtureSpec):
    """RA-SAE as published (arXiv 2502.12892), for reference: dense weights under Adam, clipped and renormalised."""

    method: Literal["archetypal-published"] = "archetypal-published"
    relaxation: float = Field(1.0, ge=0, le=10, description="largest norm of an atom's offset")
    project: bool = Field(True, description="clip and renormalise the weights; off = the ablation of 2606.02061")


class MatchingPursuitSpec(GradientSpec):
    """Matching pursuit as encoder (Costa et al. 2025, arXiv 2506.03093); ``n_active`` steps, changeable later."""

    method: Literal["matching-pursuit"] = "matching-pursuit"
    lr: float = Field(1e-2, gt=0, le=1.0)
    aux_weight: float = Field(1 / 32, ge=0, description="weight of the auxiliary loss of dead concepts")


class FactorSpec(TrainingSpec):
    """What factorisations share: they alternate between codes and atoms, without gradients."""

    n_code_iterations: int = Field(20, ge=1, le=1000, description="last sweeps of coordinate descent over the codes")


class NmfSpec(FactorSpec):
    """Non-negative matrix factorisation, of activations less their smallest value in each dimension."""

    method: Literal["nmf"] = "nmf"


class SemiNmfSpec(FactorSpec):
    """Semi-NMF (Ding et al. 2010): codes are non-negative, atoms are free."""

    method: Literal["semi-nmf"] = "semi-nmf"


class ConvexNmfSpec(FactorSpec):
    """Convex NMF (Ding et al. 2010): atoms are non-negative mixtures of data points."""

    method: Literal["convex-nmf"] = "convex-nmf"
    n_points: int = Field(2048, ge=2, le=1_048_576, description="training tokens that atoms may mix")


class KMeansSpec(TrainingSpec):
    """k-means: a token's one code is its projection onto the direction of its centroid."""

    method: Literal["kmeans"] = "kmeans"
    n_active: int = Field(1, ge=1, le=1, description="a token belongs to one cluster")


class PcaSpec(TrainingSpec):
    """Principal components, each as two concepts, its positive and its negative side."""

    method: Literal["pca"] = "pca"
    epochs: int = Field(1, ge=1, le=10_000, description="one is exact; more change nothing")

    @model_validator(mode="after")
    def _sides_come_in_pairs(self) -> "PcaSpec":
        if self.n_concepts % 2:
            raise ValueError(f"n_concepts ({self.n_concepts}) is odd, but a component has two sides; use an even one")
        return self


AnyDictionarySpec = (
    ReluSpec
    | TopKSpec
    | BatchTopKSpec
    | JumpReluSpec
    | MatryoshkaSpec
    | ArchetypalSpec
    | DenseArchetypalSpec
    | PublishedArchetypalSpec
    | MatchingPursuitSpec
    | NmfSpec
    | SemiNmfSpec
    | ConvexNmfSpec
    | KMeansSpec
    | PcaSpec
)
DictionarySpec = Annotated[AnyDictionarySpec, Field(discriminator="method")]
_DICTIONARY: TypeAdapter[AnyDictionarySpec] = TypeAdapter(DictionarySpec)


def load_dictionary_spec(value: Any) -> AnyDictionarySpec:
    """A dictionary spec from its JSON value; raises ``pydantic.ValidationError``."""
    return _DICTIONARY.validate_python(value)
