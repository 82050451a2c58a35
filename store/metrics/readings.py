"""How each metric is read and when it misleads, with its formula in short: one entry for every metric that is no null.

Symbols: x activation, x̂ reconstruction, μ mean vector of the training tokens, D atoms [K d], z codes, n tokens.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Reading:
    """What a definition leaves open."""

    formula: str
    reads: str
    """How to read it."""
    misleads: str
    """When it says something else than it seems to."""


READINGS: Final = {
    "r2": Reading(
        "1 − Σ‖x − x̂‖² / Σ‖x − μ‖²",
        "0 is the mean vector, 1 is perfect. Compare at equal L0: more concepts per token reconstruct more.",
        "A few directions of large variance can carry it, while what matters for the prediction is lost.",
    ),
    "fvu": Reading(
        "Σ‖x − x̂‖² / Σ‖x − μ‖² = 1 − R²",
        "What is left over. Halving it is as hard at 0.1 as at 0.4.",
        "As R²: it weighs directions by variance, not by use.",
    ),
    "l0": Reading(
        "(1/n) Σₜ |{k : zₜₖ > 0}|",
        "How many concepts explain one token. Fewer are easier to read; neither is better by itself.",
        "Codes just above 0 count like large ones, so methods with soft thresholds look denser than they act.",
    ),
    "l0_share": Reading(
        "L0 / K",
        "The same for dictionaries of different sizes.",
        "A large dictionary looks sparser with the same number of concepts per token.",
    ),
    "density_median": Reading(
        "median over k of (1/n) |{t : zₜₖ > 0}|",
        "How rare the ordinary concept is: 0.001 fires on one patch in a thousand.",
        "Says nothing of the tails: many dead and some dense concepts can hide behind a fine median.",
    ),
    "dead_share_held_out": Reading(
        "|{k : zₜₖ = 0 for all held-out t}| / K",
        "Concepts that cost capacity and show nothing.",
        "On few held-out photos rare concepts look dead; compare the share over all tokens.",
    ),
    "dead_share_all": Reading(
        "|{k : zₜₖ = 0 for all t}| / K",
        "Concepts that have no page worth opening.",
        "A concept that fires once is alive here.",
    ),
    "dense_share": Reading(
        "|{k : density > 0.1}| / K",
        "Concepts that fire on too many patches to mean one thing.",
        "Backgrounds and edges are frequent for honest reasons: look at them before you count them as faults.",
    ),
    "n_tokens_held_out": Reading(
        "photos held out × tokens per photo",
        "How much the numbers beside it rest on.",
        "Patches of one photo are alike: the number of photos is the honest sample size.",
    ),
    "stable_rank": Reading(
        "‖D‖² / s₁²",
        "From 1 (all atoms one direction) to d (all directions alike).",
        "One strong common direction lowers it, whatever the rest does: compare the centred one.",
    ),
    "stable_rank_centred": Reading(
        "‖D′‖² / s₁(D′)², D′ without the mean direction",
        "Spread of the atoms once what they share is taken out.",
        "Copies of atoms do not show here; Coherence shows them.",
    ),
    "effective_rank": Reading(
        "exp(−Σ pᵢ log pᵢ), pᵢ = sᵢ / Σs",
        "How many directions the atoms use, all singular values counted.",
        "Dead atoms count like living ones.",
    ),
    "effective_rank_centred": Reading(
        "the same of D′",
        "As above, without the direction that all share.",
        "Random atoms reach the most: high is not good in itself.",
    ),
    "coherence": Reading(
        "max over j ≠ k of |dⱼ · dₖ|",
        "1 means that two concepts are one direction.",
        "A single pair decides it.",
    ),
    "coherence_q99": Reading(
        "0.99 quantile of |dⱼ · dₖ|",
        "Whether near copies are many.",
        "In few dimensions any set of atoms is coherent: read it against the Welch bound and random atoms.",
    ),
    "babel": Reading(
        "(1/K) Σₖ Σ of the r largest |dⱼ · dₖ|",
        "How well the company of an atom could stand in for it.",
        "Grows with r, so with L0: compare equal ones.",
    ),
    "ood_score": Reading(
        "1 − (1/K) Σₖ maxₜ cos(dₖ, xₜ − μ)",
        "0: every atom points where some token does, so that it has photos to show.",
        "More training tokens come nearer to anything; a convex method is near by construction.",
    ),
    "energy_concepts": Reading(
        "exp(−Σ pₖ log pₖ), pₖ = Eₖ / ΣE, Eₖ = ‖mean(zₖ) dₖ‖²",
        "How many concepts do the work.",
        "Mean codes: a rare, strong concept hardly counts.",
    ),
    "connectivity": Reading(
        "1 − ‖ZᵀZ‖₀ / K²",
        "High: concepts avoid each other. Low: they combine freely.",
        "Falls with the number of tokens looked at and with L0; only its null gives it a scale.",
    ),
    "interference": Reading(
        "‖min(ZᵀZ ∘ DDᵀ, 0)‖ / ‖ZᵀZ ∘ DDᵀ‖",
        "0: concepts that fire together never cancel.",
        "Few meetings make it small, whatever the atoms are.",
    ),
    "probe_map": Reading(
        "mean over classes of AP(best single concept)",
        "Whether some concept stands for each class.",
        "Only as fine as the labels are; concepts finer or wider than classes score low and may be the better ones.",
    ),
    "monosemanticity": Reading(
        "Σ wᵢⱼ cos(eᵢ, eⱼ) / Σ wᵢⱼ, wᵢⱼ = z̄ᵢ z̄ⱼ",
        "1: it fires on photos that another model finds alike.",
        "Knows what the other model knows: concepts of texture, colour or place seem mixed.",
    ),
    "plausibility": Reading(
        "mean over classes of maxₖ cos(dₖ, w_c − w̄)",
        "1: what the model decides by is among the atoms.",
        "Rises with K by chance; read it against atoms that are tokens.",
    ),
    "plausibility_uncentred": Reading(
        "mean over classes of maxₖ cos(dₖ, w_c)",
        "For comparison with published numbers.",
        "What all classes share counts as found.",
    ),
    "cross_entropy_kept": Reading(
        "(H₀ − H) / (H₀ − H*)",
        "1: the prediction survives reconstruction; 0: as if every patch were the mean.",
        "Mean over photos: some classes may be lost entirely.",
    ),
    "top1_agreement": Reading(
        "share of photos with argmax(x̂) = argmax(x)",
        "How often the first guess stays.",
        "A class that was a toss-up counts like one that was certain.",
    ),
    "stability": Reading(
        "(1/K) Σ cos(dₖ, d′_π(k)), π the best matching",
        "1: another training finds the same concepts, 0: others.",
        "Rises where there are few dimensions for many atoms; the null says how much.",
    ),
    "stability_uncentred": Reading(
        "the same of μ + sₖ dₖ",
        "For comparison with published numbers.",
        "The common mean makes anything look stable.",
    ),
    "pw_mcc": Reading(
        "(1/K) max over π of Σ |dₖ · d′_π(k)|",
        "As Stability, with signs forgiven.",
        "Codes are never negative, so an atom and its opposite are not the same concept.",
    ),
    "matched_share": Reading(
        "|{k : cos(dₖ, d′_π(k)) > 0.9}| / K",
        "Concepts you may expect to meet again.",
        "The threshold is a convention: two atoms at 0.89 may show the same photos.",
    ),
    "subspace_overlap": Reading(
        "(1/r) Σ cos² θᵢ, r = d/4",
        "1: both describe the same part of the space.",
        "High for dictionaries that share no atom: strong directions are found by anything.",
    ),
    "matching_gap": Reading(
        "upper bound − Stability",
        "0: the matching is exact.",
        "It bounds the matching's fault, not the number's noise.",
    ),
    "cross_r2": Reading(
        "1 − Σ‖xⱼ − x̂ⱼ(cᵢ)‖² / Σ‖xⱼ − μⱼ‖², i ≠ j",
        "How much one model's codes say of the other.",
        "Two models can share what is easy, background and brightness: look at the concepts.",
    ),
    "cross_r2_ridge": Reading(
        "R² of a ridge regression from xᵢ to xⱼ",
        "What a linear map of all dimensions reaches.",
        "It is no bound: sparse codes are not linear.",
    ),
    "cross_r2_of_ridge": Reading(
        "R² across streams / that of the linear map",
        "Share of what could carry over that does.",
        "Unstable where the linear map reaches little.",
    ),
    "own_r2": Reading(
        "mean over i of R² of stream i from its own codes",
        "What sharing leaves to each model.",
        "A mean: one model may pay for the others.",
    ),
    "own_r2_independent": Reading(
        "the same of dictionaries trained alone",
        "The difference to R² within streams is the price of sharing.",
        "Trained with TopK: another method alone may do better.",
    ),
    "firing_entropy": Reading(
        "−Σ pᵢ log pᵢ / log M",
        "0: of one model, 1: of all alike.",
        "Firing equally often is not firing on the same photos: see Co-fire.",
    ),
    "co_fire": Reading(
        "|all fire| / |this one fires|",
        "How often the others agree at the same place.",
        "Dense concepts meet by chance: the null has the same densities.",
    ),
    "firing_jaccard": Reading(
        "|all fire| / |any fires|",
        "1: always together.",
        "One noisy stream lowers it for all.",
    ),
    "in_all_share": Reading(
        "|{k : pᵢ ≥ 1 / 2M for all i}| / |alive|",
        "Concepts that belong to everybody.",
        "About how often, not where.",
    ),
    "one_stream_share": Reading(
        "|{k : max pᵢ ≥ 0.9}| / |alive|",
        "Concepts that a model has for itself.",
        "A model with weaker codes looks as if it lacked them.",
    ),
    "concept_consistency": Reading(
        "|{k : cos(dₖ, d_π(k)) > 0.5}| / K",
        "What of a model's own dictionary is kept.",
        "The threshold is the paper's; in few dimensions chance reaches it.",
    ),
    "dead_share_streams": Reading(
        "|{k : z = 0 everywhere}| / K",
        "Capacity that serves nobody.",
        "As Dead, held out.",
    ),
    "loss": Reading(
        "mean ‖x − x̂‖² / d + weighted auxiliary loss",
        "Should fall and level off.",
        "Not comparable between methods, which add different terms.",
    ),
    "r2_train": Reading(
        "R² over the epoch's tokens",
        "Should come near R² held out.",
        "Lags behind: early tokens were judged by a worse dictionary.",
    ),
    "r2_held_out": Reading(
        "R² at the end of the epoch",
        "Falling while R² in training rises is overfitting.",
        "The last value is not the best one where training was long.",
    ),
    "dead_share_epoch": Reading(
        "|{k : zₜₖ = 0 for all t of the epoch}| / K",
        "Should fall as dead concepts are woken.",
        "On a small collection an epoch is short.",
    ),
    "lr": Reading(
        "step size of the last update",
        "Explains bends of the other curves.",
        "It says nothing about the result.",
    ),
}
