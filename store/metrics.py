"""What every number about a dictionary means: one definition, shown wherever the number is shown."""

from dataclasses import dataclass
from typing import Literal

from store.errors import NotFound

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """A number's meaning. ``low`` and ``high`` bound its range; None is without bound."""

    key: str
    label: str
    definition: str
    unit: str = ""
    low: float | None = 0.0
    high: float | None = 1.0
    better: Better = "neither"
    null: str | None = None
    """Key of the metric that gives the same number for something that knows nothing."""


_HELD_OUT = "Measured on the tokens of held-out images, which the dictionary has never seen."

_ALL = (
    Metric(
        "r2",
        "R² held out",
        "Share of the variance of the activations that the dictionary reconstructs: 1 − Σ‖x − x̂‖² / Σ‖x − μ‖², with "
        f"μ the mean vector of the training tokens, so that a constant offset earns nothing. {_HELD_OUT}",
        low=None,
        better="higher",
        null="r2_data_atoms",
    ),
    Metric(
        "fvu",
        "FVU held out",
        f"Fraction of variance unexplained, 1 − R²: Σ‖x − x̂‖² / Σ‖x − μ‖². {_HELD_OUT}",
        high=None,
        better="lower",
    ),
    Metric(
        "r2_random_atoms",
        "R² of random atoms",
        "Null of R²: the same number of concepts and of active concepts per token, but atoms in random directions; "
        "codes are the largest positive projections, times the one factor that fits best. On held-out tokens.",
        low=None,
    ),
    Metric(
        "r2_data_atoms",
        "R² of token atoms",
        "Null of R²: the same number of concepts and of active concepts per token, but atoms are training tokens drawn "
        "at random (less the mean, at norm 1); codes are the largest positive projections, times the one factor that "
        "fits best. On held-out tokens.",
        low=None,
    ),
    Metric(
        "r2_permuted_codes",
        "R² of permuted codes",
        "Null of R²: the dictionary's own codes, but each token is given the codes of another token drawn at random. "
        "Below 0 when codes tell tokens apart. On held-out tokens.",
        low=None,
    ),
    Metric(
        "l0",
        "L0",
        f"Mean number of concepts with a code above 0 per token. {_HELD_OUT}",
        unit="concepts per token",
        high=None,
    ),
    Metric("l0_share", "L0 share", f"L0 divided by the number of concepts. {_HELD_OUT}"),
    Metric(
        "density_median",
        "Median density",
        f"Density of the concept in the middle; density is the share of tokens with a code above 0. {_HELD_OUT}",
    ),
    Metric(
        "dead_share_held_out",
        "Dead, held out",
        "Share of concepts whose code is 0 at every held-out token. A small held-out set makes rare concepts look "
        "dead: read it beside the share over all tokens.",
        better="lower",
    ),
    Metric(
        "dead_share_all",
        "Dead, all tokens",
        "Share of concepts whose code is 0 at every token of both splits: nothing can be shown for them.",
        better="lower",
    ),
    Metric(
        "dense_share",
        "Dense concepts",
        f"Share of concepts with a code above 0 at more than 10 % of the tokens. {_HELD_OUT}",
        better="lower",
    ),
    Metric(
        "n_tokens_held_out",
        "Held-out tokens",
        "Number of tokens of held-out images on which the dictionary was judged.",
        unit="tokens",
        high=None,
    ),
    Metric(
        "loss",
        "Training loss",
        "Mean over the epoch of the squared error per entry of the standardised activations, plus the weighted "
        "auxiliary loss of dead concepts.",
        high=None,
        better="lower",
    ),
    Metric(
        "r2_train",
        "R² in training",
        "R² over the tokens of the epoch, each judged just before the dictionary learned from it.",
        low=None,
        better="higher",
    ),
    Metric(
        "r2_held_out",
        "R² held out, per epoch",
        f"R² at the end of the epoch. {_HELD_OUT}",
        low=None,
        better="higher",
    ),
    Metric(
        "dead_share_epoch",
        "Dead in the epoch",
        "Share of concepts whose code was 0 at every training token of the epoch.",
        better="lower",
    ),
    Metric("lr", "Learning rate", "Learning rate of the epoch's last step.", high=None),
)

METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}


def get_metric(key: str) -> Metric:
    """The definition of a metric; raises ``NotFound``."""
    if key not in METRICS:
        raise NotFound("metric", key, known=METRICS)
    return METRICS[key]
