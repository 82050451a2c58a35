"""Numbers that come from held-out tokens and their codes."""

from store.metrics.definition import HELD_OUT, Metric, beside

_ALL_STREAMS = "Of a universal dictionary the tokens of all streams count."
_FIXED = (
    "codes are the largest positive projections, as many per token as the dictionary has on average, times the one "
    "factor that fits best. On held-out tokens."
)

RECONSTRUCTION = (
    Metric(
        "r2",
        "R² held out",
        "Share of the variance of the activations that the dictionary reconstructs: 1 − Σ‖x − x̂‖² / Σ‖x − μ‖², with "
        f"μ the mean vector of the training tokens, so that a constant offset earns nothing. {HELD_OUT} Of a universal "
        "dictionary the mean over its streams, each from its own codes.",
        low=None,
        better="higher",
        null="r2_data_atoms",
    ),
    Metric(
        "fvu",
        "FVU held out",
        f"Fraction of variance unexplained, 1 − R²: Σ‖x − x̂‖² / Σ‖x − μ‖². {HELD_OUT}",
        high=None,
        better="lower",
        null="fvu_data_atoms",
    ),
    Metric(
        "r2_random_atoms",
        "R² of random atoms",
        f"Null of R²: the same number of concepts, but atoms in random directions; {_FIXED}",
    ),
    Metric(
        "r2_data_atoms",
        "R² of token atoms",
        "Null of R²: the same number of concepts, but atoms are training tokens drawn at random (less the mean, at "
        f"norm 1); {_FIXED}",
    ),
    Metric(
        "r2_permuted_codes",
        "R² of permuted codes",
        "Null of R²: the dictionary's own codes, but each token is given the codes of another token drawn at random. "
        "Below 0 when codes tell tokens apart. On held-out tokens.",
        low=None,
    ),
    Metric("fvu_data_atoms", "FVU of token atoms", "Null of FVU: 1 − R² of token atoms. On held-out tokens."),
)

SPARSITY = (
    Metric(
        "l0",
        "L0",
        f"Mean number of concepts with a code above 0 per token. {HELD_OUT} {_ALL_STREAMS}",
        unit="concepts per token",
        high=None,
    ),
    Metric("l0_share", "L0 share", f"L0 divided by the number of concepts. {HELD_OUT}"),
    *beside(
        Metric(
            "density_median",
            "Median density",
            f"Density of the concept in the middle; density is the share of tokens with a code above 0. {HELD_OUT}",
        ),
        "random_atoms",
    ),
    Metric(
        "dead_share_held_out",
        "Dead, held out",
        "Share of concepts whose code is 0 at every held-out token. A small held-out set makes rare concepts look "
        f"dead: read it beside the share over all tokens. {_ALL_STREAMS}",
        better="lower",
        null="dead_share_random_atoms",
    ),
    Metric(
        "dead_share_random_atoms",
        "Dead, random atoms",
        "Null of Dead, held out: the same for as many atoms of norm 1 in random directions.",
    ),
    Metric(
        "dead_share_all",
        "Dead, all tokens",
        "Share of concepts whose code is 0 at every token of both splits: nothing can be shown for them. "
        f"{_ALL_STREAMS}",
        better="lower",
    ),
    *beside(
        Metric(
            "dense_share",
            "Dense concepts",
            f"Share of concepts with a code above 0 at more than 10 % of the tokens. {HELD_OUT} {_ALL_STREAMS}",
            better="lower",
        ),
        "random_atoms",
    ),
    Metric(
        "n_tokens_held_out",
        "Held-out tokens",
        "Number of tokens of held-out images on which the dictionary was judged.",
        unit="tokens",
        high=None,
    ),
)

_WINDOW = "Over at most 20,000 held-out tokens, since more tokens make more meetings."

CODES = (
    *beside(
        Metric(
            "energy_concepts",
            "Effective concepts",
            "How many concepts carry the reconstruction: exp(−Σ pₖ log pₖ), with pₖ the share of concept k in the "
            "energy Eₖ = ‖mean(zₖ) dₖ‖². As many as there are concepts when all are used alike, 1 when one does all. "
            f"Moving codes to other tokens would not change it, so its null is random atoms. {HELD_OUT}",
            unit="concepts",
            high=None,
        ),
        "random_atoms",
    ),
    *beside(
        Metric(
            "connectivity",
            "Connectivity",
            "Share of ordered pairs of concepts that never have a code above 0 at the same token: 1 − ‖ZᵀZ‖₀ / K². "
            "Despite its name it is high when concepts avoid one another, low when they combine freely; neither is "
            f"better in itself, so read it against its null. {_WINDOW}",
        ),
        "permuted",
    ),
    *beside(
        Metric(
            "interference",
            "Negative interference",
            "How much concepts that fire together work against each other: the norm of the negative entries of "
            "(ZᵀZ) ∘ (DDᵀ), codes' products times atoms' cosines, over the norm of all entries (Frobenius). 0: atoms "
            f"of concepts that meet never point apart. {_WINDOW}",
            better="lower",
        ),
        "permuted",
    ),
)
