"""Numbers about two dictionaries of one layer, trained apart."""

from store.metrics.definition import Metric, beside

_ALIVE = (
    "Over concepts that fire on held-out tokens; what the larger dictionary has more than the other counts as "
    "similarity 0."
)

STABILITY = (
    *beside(
        Metric(
            "stability",
            "Stability",
            "How alike two trainings' atoms are: mean cosine under the one-to-one matching with the largest total. "
            "Atoms live in centred space, so that a common mean earns nothing, and signs are not flipped, since codes "
            f"are never negative. {_ALIVE}",
            low=-1.0,
            better="higher",
        ),
        "random_atoms",
    ),
    Metric(
        "stability_permuted",
        "Stability, permuted dimensions",
        "Null of Stability: the same after the coordinates of the second dictionary's atoms were put in another order, "
        "one for all atoms, which keeps their geometry.",
        low=-1.0,
    ),
    *beside(
        Metric(
            "stability_uncentred",
            "Stability, uncentred",
            "Stability as published, with the mean left in: the cosine is that of μ + sₖ dₖ, the activation that "
            "concept k alone makes at its mean code sₖ where it fires. The common mean makes anything look stable: "
            f"read it against its null. {_ALIVE}",
            low=-1.0,
            better="higher",
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "pw_mcc",
            "PW-MCC",
            "Pairwise mean correlation coefficient: as Stability, but with absolute cosines, matched for the largest "
            f"total of those. {_ALIVE}",
            better="higher",
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "matched_share",
            "Atoms found again",
            f"Share of atoms whose match under Stability has a cosine above 0.9. {_ALIVE}",
            better="higher",
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "subspace_overlap",
            "Subspace overlap",
            "Mean squared cosine of the principal angles between the spans of both dictionaries' strongest singular "
            "directions, a quarter as many as there are dimensions: whether the same part of the space is described, "
            "by whatever atoms.",
            better="higher",
        ),
        "random_atoms",
    ),
    Metric(
        "matching_gap",
        "Matching gap",
        "How much higher the mean cosine of the best possible matching could be than the Stability that was found: 0 "
        "up to 8,192 concepts, where the matching is exact, and a proven bound beyond.",
        better="lower",
    ),
)
