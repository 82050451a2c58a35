"""Universal dictionaries: ours and the published procedure on the same paired tokens, beside what bounds them."""

import time
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from store.presets import DEMO_COLLECTION, DEMO_STREAMS, DEMO_UNIVERSAL
from store.settings import Settings
from store.universal import UniversalSpec
from store.vocabulary import Split
from worker.activations import ActivationStore
from worker.bench.options import BenchOptions
from worker.bench.results import Column, Outcome, Table, at_least
from worker.bench.sources import Relay, open_collection
from worker.bench.trials import Steps
from worker.device import pick_device
from worker.dictionaries.base import TokenStream
from worker.progress import OnProgress
from worker.training.records import TrainingProgress
from worker.universal.judging import UniversalJudgement, judge_universal
from worker.universal.pairing import PairedStore, parts_of
from worker.universal.references import Alone, independent_spec, train_alone
from worker.universal.training import train_universal
from worker.workshop import Workshop

ABOUT = (
    "One code space over EfficientNet-Lite0, MobileNetV2 and the saliency ViT, on the grid that all of them have. R² "
    "of each model from the codes of each model on held-out photos, with the mean vector as baseline; same concepts, "
    "codes per token, epochs and batches for all. Beside it: dictionaries trained on one model alone, and ridge "
    "regression from the whole activation of one model to that of another. The published procedure (arXiv 2502.03714) "
    "runs at its own learning rate, made for far longer trainings, and at higher ones."
)
_OURS: Final = "ours"
_PUBLISHED: Final = "published"
_MARGIN: Final = 0.05
# What the published recipe does not have.
_PLAIN: Final[dict[str, Any]] = {"procedure": "published", "aux_weight": 0.0, "encoder_decay": 0.0}


class UniversalOptions(BenchOptions):
    """Sizes are those of the demo's universal dictionary, where they are not given."""

    collection: str = Field(DEMO_COLLECTION.slug, description="slug of a collection; that of the demo if missing")
    n_concepts: int | None = Field(None, ge=2)
    n_active: int | None = Field(None, ge=1)
    epochs: int | None = Field(None, ge=1)
    cross_weight: float | None = Field(None, ge=0)
    published_lr: tuple[float, ...] = Field((3e-4, 3e-3, 1e-2), description="learning rates of the published procedure")
    variants: bool = Field(True, description="whether other choices and procedures of ours take part")

    @property
    def spec(self) -> UniversalSpec:
        """Ours."""
        names = ("n_concepts", "n_active", "epochs", "cross_weight")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return UniversalSpec.model_validate({**DEMO_UNIVERSAL.as_json(), **given, "seed": self.seed})


@dataclass(frozen=True)
class PairedTokens:
    """Paired tokens of both splits, and how wide each stream is."""

    names: tuple[str, ...]
    widths: tuple[int, ...]
    train: TokenStream
    held_out: TokenStream


def run(options: UniversalOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Ours, the published procedure, and the references, on the demo's photos."""
    return measure(load_paired(options, settings, on_progress), options=options, on_progress=on_progress)


def load_paired(options: UniversalOptions, settings: Settings, on_progress: OnProgress) -> PairedTokens:
    """The demo's streams over a collection, extracted when the store does not have them."""
    workshop = Workshop(settings, Relay(on_progress), device=options.device)
    collection, _ = open_collection(workshop, options.collection, settings)
    built = [workshop.extract(options.collection, extraction) for extraction in DEMO_STREAMS]
    paired = PairedStore([ActivationStore(one.artifact) for one in built], collection)
    names = tuple(store.model for store in paired.stores)
    return PairedTokens(names, paired.widths, paired.stream(Split.TRAIN), paired.stream(Split.HELD_OUT))


def contenders(options: UniversalOptions) -> dict[str, UniversalSpec]:
    """Specs by the name that tables give them."""
    ours = options.spec
    found = {_OURS: ours}
    if options.variants:
        found["ours, one stream encoded a step"] = _changed(ours, procedure="sampled")
        found["ours, codes free to differ"] = _changed(ours, agreement=0.0)
        found["ours, one scale a model"] = _changed(ours, spread="stream")
        found["ours, all R² weighed alike"] = _changed(ours, cross_weight=1.0)
        found["ours, batchtopk"] = _changed(ours, choice="batchtopk")
        found["ours, archetypal"] = _changed(ours, relaxation=1.0, n_candidates=1024)
        found["ours, shared support"] = _changed(ours, choice="shared")
    return found | {f"{_PUBLISHED}, lr {lr:g}": _changed(ours, lr=lr, **_PLAIN) for lr in options.published_lr}


def measure(photos: PairedTokens, *, options: UniversalOptions, on_progress: OnProgress) -> Outcome:
    """Train and judge one after the other."""
    outcome = Outcome(seeds=[options.seed])
    specs = contenders(options)
    steps = Steps(on_progress, len(specs) + 1)
    steps.tell("independent dictionaries")
    single = independent_spec(options.spec)
    parts = parts_of(photos.widths)
    alone = train_alone(single, photos.train, photos.held_out, parts=parts, device=pick_device(options.device))
    outcome.keep_spec("independent", single)
    steps.end()
    judged: dict[str, UniversalJudgement] = {}
    rows: list[dict[str, Any]] = []
    for name, spec in specs.items():
        with outcome.attempt(name):
            judged[name], seconds = _trial(name, spec, photos, alone=alone, steps=steps, options=options)
            rows.append({"name": name, **judged[name].metrics, "seconds": seconds})
            outcome.keep_spec(name, spec)
        steps.end()
    title = f"{photos.train.n_tokens:,} training and {photos.held_out.n_tokens:,} held-out places"
    outcome.tables.append(Table(title, _COLUMNS, rows))
    if _OURS in judged:
        outcome.tables.append(_matrices(photos.names, judged))
        _set_bars(outcome, judged)
    return outcome


def _changed(spec: UniversalSpec, **changes: Any) -> UniversalSpec:
    return UniversalSpec.model_validate({**spec.as_json(), **changes})


def _trial(
    name: str,
    spec: UniversalSpec,
    photos: PairedTokens,
    *,
    alone: list[Alone],
    steps: Steps,
    options: UniversalOptions,
) -> tuple[UniversalJudgement, float]:
    def listen(state: TrainingProgress) -> None:
        steps.tell(f"{name}, epoch {state.epoch + 1} of {spec.epochs}")

    started = time.perf_counter()
    device = pick_device(options.device)
    trained = train_universal(spec, photos.train, widths=photos.widths, on_progress=listen, device=device).dictionary
    seconds = time.perf_counter() - started
    return judge_universal(trained.cpu(), photos.held_out, train=photos.train, alone=alone), seconds


def _matrices(names: tuple[str, ...], judged: dict[str, UniversalJudgement]) -> Table:
    """R2 of every stream from every stream: of the references, of ours, and of the best published run."""
    ours = judged[_OURS]
    tables = {
        "linear map": ours.ridge,
        _OURS: ours.crossing.r2,
        "ours, codes of other tokens": ours.crossing.r2_permuted,
    }
    best = _best_published(judged)
    if best:
        tables[best] = judged[best].crossing.r2
    rows: list[dict[str, Any]] = []
    if ours.independent:
        rows.append(
            {"of": "independent dictionaries", "from": "itself", **dict(zip(names, ours.independent, strict=True))}
        )
    for title, matrix in tables.items():
        for source, values in zip(names, matrix.tolist(), strict=True):
            rows.append({"of": title, "from": source, **dict(zip(names, values, strict=True))})
    columns = (Column("of", "R²"), Column("from", "codes of"), *(Column(name, name) for name in names))
    return Table("R² of each model (columns) from the codes of each model (rows)", columns, rows)


def _set_bars(outcome: Outcome, judged: dict[str, UniversalJudgement]) -> None:
    ours = judged[_OURS].metrics
    for name, one in judged.items():
        if name.startswith(_PUBLISHED):
            gain = ours["cross_r2"] - one.metrics["cross_r2"]
            outcome.bars.append(at_least(f"R² across models, ours less {name}", _MARGIN, measured=gain))
    gap = ours["own_r2"] - ours["own_r2_independent"]
    outcome.bars.append(at_least("R² within models, ours less independent", -_MARGIN, measured=gap))


def _best_published(judged: dict[str, UniversalJudgement]) -> str | None:
    published = [name for name in judged if name.startswith(_PUBLISHED)]
    return max(published, key=lambda name: judged[name].metrics["cross_r2"], default=None)


_COLUMNS: Final = (
    Column("name", "trained as"),
    Column("cross_r2", "R² across"),
    Column("cross_r2_of_ridge", "of linear map", 0, percent=True),
    Column("cross_r2_permuted", "null"),
    Column("own_r2", "R² within"),
    Column("own_r2_independent", "independent"),
    Column("firing_jaccard", "firing Jaccard"),
    Column("firing_jaccard_permuted", "null"),
    Column("in_all_share", "concepts of all", 0, percent=True),
    Column("one_stream_share", "of one", 0, percent=True),
    Column("concept_consistency", "consistency", 0, percent=True),
    Column("concept_consistency_permuted", "null", 0, percent=True),
    Column("dead_share_streams", "dead", 1, percent=True),
    Column("seconds", "training, s", 0),
)
