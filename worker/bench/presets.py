"""Presets: what each small preset reaches on real tokens, and how long it takes; ``store/presets.py`` quotes it."""

from typing import Any, Final

from store.errors import NotFound
from store.presets import PRESETS
from store.settings import Settings
from worker.bench.contenders import Contender
from worker.bench.results import Column, Outcome, Table
from worker.bench.sources import LearningOptions, PhotoTokens, load_tokens
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.metrics.density import density_shares, usage_of
from worker.metrics.reconstruction import centred_r2
from worker.progress import OnProgress

ABOUT = (
    "Each small preset of `conceptoscope train`, as it is shipped, trained alone. R², codes per token and the share of "
    "concepts that never fire, on held-out photos; `conceptoscope presets` shows the same figures."
)
_SMALL: Final = "-small"


class PresetsOptions(LearningOptions):
    """Which presets take part: by their names or methods. Fields that are given take the place of the presets' own."""


def run(options: PresetsOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Every small preset on the store's tokens."""
    chosen = _contenders(options)
    return measure(chosen, load_tokens(options, settings, on_progress), options=options, on_progress=on_progress)


def measure(
    chosen: list[Contender], photos: PhotoTokens, *, options: PresetsOptions, on_progress: OnProgress
) -> Outcome:
    """Train and judge one after the other."""
    outcome = Outcome(seeds=[options.seed])
    stream, held_out = photos.streams
    steps = Steps(on_progress, len(chosen))
    rows: list[dict[str, Any]] = []
    for contender in chosen:
        with outcome.attempt(contender.name):
            trial = run_trial(contender, stream, steps=steps, device=pick_device(options.device))
            usage = usage_of(trial.dictionary, held_out)
            figures = {"r2": centred_r2(trial.dictionary, held_out), "l0": usage.l0, "dead": density_shares(usage)[1]}
            rows.append({"preset": contender.name, **figures, "seconds": trial.seconds})
            outcome.keep_spec(contender.name, contender.spec)
        steps.end()
    title = f"{stream.n_tokens:,} training and {held_out.n_tokens:,} held-out tokens, {stream.width} wide"
    outcome.tables.append(Table(title, _COLUMNS, rows))
    return outcome


_COLUMNS = (
    Column("preset", "preset"),
    Column("r2", "R² held out"),
    Column("l0", "codes per token", 1),
    Column("dead", "dead, held out", 1, percent=True),
    Column("seconds", "training, s", 1),
)


def _contenders(options: PresetsOptions) -> list[Contender]:
    small = {preset.name: preset.spec for preset in PRESETS if preset.name.endswith(_SMALL)}
    names = [name if name.endswith(_SMALL) else f"{name}{_SMALL}" for name in options.methods] or list(small)
    for name in names:
        if name not in small:
            raise NotFound("small preset", name, known=small)
    fields = {**options.fields, "seed": options.seed}
    return [Contender(name, small[name].method, small[name].as_json() | fields) for name in names]
