"""How the numbers of a concept are read and when they mislead, with their formulas in short.

Symbols: z codes of the concept over n patches, m its largest code on each photo (peak), d its atom.
"""

from typing import Final

from store.metrics.readings import Reading

READINGS: Final = {
    "density": Reading(
        "(1/n) |{t : zₜ > 0}|",
        "How common it is: 0.001 is one patch in a thousand.",
        "Weak codes count like strong ones.",
    ),
    "image_coverage": Reading(
        "photos with m > 0 / all photos",
        "On how many photos it says anything.",
        "One patch of 180 is enough; see Spatial size.",
    ),
    "n_images": Reading(
        "|{photos : m > 0}|",
        "What its evidence rests on.",
        "Copies of one photo count each.",
    ),
    "max": Reading(
        "max over t of zₜ",
        "The top of its colour scale.",
        "One odd photo sets it; the quantiles of peaks say more.",
    ),
    "mean": Reading(
        "(1/n) Σ zₜ",
        "What it adds to an average patch.",
        "Rare and strong looks like common and weak.",
    ),
    "mean_active": Reading(
        "Σ zₜ / |{t : zₜ > 0}|",
        "How strong it is where it fires.",
        "A hard threshold raises it.",
    ),
    "energy": Reading(
        "‖mean(z) d‖²",
        "How much it moves the average activation.",
        "Steady backgrounds lead; what comes and goes does not.",
    ),
    "importance": Reading(
        "R² − R² without it",
        "What the reconstruction loses with it alone.",
        "Two copies of one concept are both unimportant, as each stands in for the other.",
    ),
    "purity": Reading(
        "code on the top class / code on all photos",
        "1: of one class only.",
        "Large classes win; a concept of parts or textures is impure for good reasons.",
    ),
    "position_entropy": Reading(
        "−Σ pᵢ log pᵢ / log(patches), p the mean map",
        "1: anywhere; low: bound to a place of the photo.",
        "Photos with a subject in the middle bind everything to the middle.",
    ),
    "spatial_size": Reading(
        "mean share of patches with z > 0, over photos with m > 0",
        "Small: parts. Large: backgrounds and whole scenes.",
        "The grid is coarse: one patch may hold a whole object.",
    ),
    "q50": Reading(
        "median of m over photos with m > 0",
        "Its ordinary answer.",
        "Far below Max: the top photos are not typical; look at the lower bands.",
    ),
    "q75": Reading("0.75 quantile of the same", "Where its strong quarter begins.", "Few photos: see Images."),
    "q95": Reading("0.95 quantile of the same", "Where its strongest twentieth begins.", "Few photos: see Images."),
    "q99": Reading("0.99 quantile of the same", "Nearly the top.", "Below a hundred photos it is the maximum."),
    "firing_entropy": Reading(
        "−Σ pᵢ log pᵢ / log M, p shares of firings",
        "0: of one model, 1: of all alike.",
        "Equally often is not on the same photos.",
    ),
    "firing_jaccard": Reading(
        "|all fire| / |any fires|",
        "1: always together.",
        "Dense concepts meet by chance.",
    ),
    "stream_correlation": Reading(
        "mean over pairs of Pearson's r of mean codes per photo",
        "1: the models agree how much each photo has.",
        "Agreement on photos is not agreement on places.",
    ),
    "stream_correlation_held_out": Reading(
        "the same on held-out photos",
        "What is left of it on new photos.",
        "Noisy where it fires on few of them.",
    ),
}
