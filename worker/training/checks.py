"""What can be known to go wrong before a training run starts."""

from store.errors import InvalidInput
from store.methods import TrainingSpec
from worker.dictionaries.base import TokenStream


def check(spec: TrainingSpec, stream: TokenStream) -> None:
    """Raise ``InvalidInput`` when these activations cannot give this dictionary."""
    for name in ("n_concepts", "n_candidates", "n_points"):
        wanted = getattr(spec, name, 0)
        if stream.n_tokens < wanted:
            raise InvalidInput(f"{name} is {wanted}, but there are only {stream.n_tokens} tokens; lower {name}.")
    if not (bool(stream.mean.isfinite().all()) and bool(stream.std.isfinite().all())):
        raise InvalidInput(f"The activations hold NaN or infinite values: {stream.first_bad()}. Extract again.")
    if not float(stream.std.double().square().mean()) > 0:
        raise InvalidInput("All activations are equal, so there is nothing to learn; choose another layer.")
