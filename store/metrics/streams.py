"""Numbers about a universal dictionary, whose concepts several models share."""

from dataclasses import replace

from store.metrics.definition import HELD_OUT, Metric

_FIRES = "A concept fires in a stream where its code is above the 0.25 quantile of the stream's codes above 0."
_MOVED = (
    "the tokens of every stream were put in another order, each stream on its own, so that nothing meets but by chance."
)


def _null(metric: Metric, said: str) -> tuple[Metric, Metric]:
    null = replace(
        metric,
        key=f"{metric.key}_permuted",
        label=f"{metric.label}, permuted tokens",
        definition=f"Null of {metric.label}: the same after {said}",
        better="neither",
    )
    return replace(metric, null=null.key), null


STREAMS = (
    *_null(
        Metric(
            "cross_r2",
            "R² across streams",
            "How much of one model's activations the codes of another model reconstruct: R²ᵢⱼ = 1 − Σ‖xⱼ − x̂ⱼ(cᵢ)‖² / "
            "Σ‖xⱼ − μⱼ‖², with cᵢ the codes of stream i and μⱼ the mean vector of stream j; mean over ordered pairs of "
            f"different streams. {HELD_OUT}",
            low=None,
            better="higher",
        ),
        "the codes of every token were those of another token drawn at random.",
    ),
    Metric(
        "cross_r2_ridge",
        "R² across streams, linear map",
        "Reference of R² across streams: the same for a ridge regression from all dimensions of stream i to stream j, "
        f"without any sparse code between; what a linear map of the whole activation can reach. {HELD_OUT}",
        low=None,
    ),
    Metric(
        "cross_r2_of_ridge",
        "R² across streams, of linear map",
        "R² across streams divided by that of the linear map; above 1 where sparse codes, which are not linear, carry "
        f"over more. {HELD_OUT}",
        low=None,
        high=None,
        better="higher",
    ),
    Metric(
        "own_r2",
        "R² within streams",
        f"R² of each stream from its own codes, mean over streams. {HELD_OUT}",
        low=None,
        better="higher",
    ),
    Metric(
        "own_r2_independent",
        "R² within streams, independent",
        "Reference of R² within streams: TopK dictionaries of the same number of concepts, codes per token and epochs, "
        f"each trained on one stream alone. {HELD_OUT}",
        low=None,
    ),
    Metric(
        "firing_entropy",
        "Firing entropy",
        "Whether concepts belong to all models or to one: −(1 / log M) Σ pᵢ log pᵢ, with pᵢ the share of stream i in "
        f"the concept's firings; 0 in one stream only, 1 equally often in all; mean over concepts that fire. {_FIRES}",
    ),
    *_null(
        Metric(
            "co_fire",
            "Co-fire proportion",
            "Share of a concept's firings in a stream at which it fires in all streams, at the same place of the same "
            f"image; mean over streams and concepts that fire in them. {_FIRES}",
            better="higher",
        ),
        _MOVED,
    ),
    *_null(
        Metric(
            "firing_jaccard",
            "Firing Jaccard",
            "Tokens at which a concept fires in all streams, over tokens at which it fires in at least one; mean over "
            f"concepts that fire. {_FIRES}",
            better="higher",
        ),
        _MOVED,
    ),
    Metric(
        "in_all_share",
        "Concepts of all streams",
        "Share of the concepts that fire whose firings in every stream are at least half of an equal share.",
    ),
    Metric(
        "one_stream_share",
        "Concepts of one stream",
        "Share of the concepts that fire of whose firings nine tenths or more are those of one stream.",
    ),
    *_null(
        Metric(
            "concept_consistency",
            "Concept consistency",
            "Share of the concepts of dictionaries that were trained on one stream alone which the universal "
            "dictionary has, too: atoms are matched one to one for the largest sum of cosines, and a concept is found "
            "again above 0.5; mean over streams. As in the Universal SAE's paper (arXiv 2502.03714).",
            better="higher",
        ),
        "the coordinates of the stream's atoms were put in another order, the same for all atoms.",
    ),
    Metric(
        "dead_share_streams",
        "Dead in all streams",
        f"Share of concepts whose code is 0 at every token of every stream. {HELD_OUT}",
        better="lower",
    ),
)
