"""Numbers that come from the atoms alone, or from atoms and training tokens."""

from store.metrics.definition import Metric, beside

_WITHOUT = "after the direction of the mean atom is taken out of all atoms, since one common direction hides the rest."

GEOMETRY = (
    *beside(
        Metric(
            "stable_rank",
            "Stable rank",
            "How many directions share the strength of the atoms, counted by the strongest: ‖D‖² / s₁², with s₁ the "
            "largest singular value of the atoms.",
            unit="directions",
            high=None,
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "stable_rank_centred",
            "Stable rank, centred",
            f"Stable rank {_WITHOUT}",
            unit="directions",
            high=None,
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "effective_rank",
            "Effective rank",
            "How many directions the atoms use: exp(−Σ s log s), with s the singular values of the atoms over their "
            "sum.",
            unit="directions",
            high=None,
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "effective_rank_centred",
            "Effective rank, centred",
            f"Effective rank {_WITHOUT}",
            unit="directions",
            high=None,
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "coherence",
            "Coherence",
            "Largest absolute cosine of two atoms. One pair of copies makes it 1: read it beside its 0.99 quantile.",
            better="lower",
            null="welch_bound",
        ),
        "random_atoms",
    ),
    Metric(
        "welch_bound",
        "Welch bound",
        "The least coherence that K atoms in d dimensions can have: √((K − d) / (d (K − 1))), 0 when K ≤ d.",
    ),
    *beside(
        Metric(
            "coherence_q99",
            "Coherence, 0.99 quantile",
            "Absolute cosine that 99 % of the pairs of atoms do not exceed.",
            better="lower",
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "babel",
            "Babel",
            "Mean over atoms of the sum of the r largest absolute cosines with other atoms, with r the number of "
            "concepts that may fire at one token: how much the worst company of an atom resembles it.",
            high=None,
            better="lower",
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "ood_score",
            "Distance from data",
            "1 − the mean over atoms of the largest cosine with a training token (OOD score), both less the mean: "
            "0 when every atom points where a token does. Over about 20,000 training tokens, or all when there are "
            "fewer, since more tokens come nearer to everything.",
            high=2.0,
            better="lower",
        ),
        "random_atoms",
    ),
)
