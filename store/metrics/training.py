"""Numbers of the training history, one per epoch."""

from store.metrics.definition import HELD_OUT, Metric

TRAINING = (
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
        f"R² at the end of the epoch. {HELD_OUT}",
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
