"""Effects: whether deleting the concepts behind a prediction does more than deleting others."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from store.collection import Collection
from store.errors import InvalidInput
from store.grid import Grid, Window
from store.settings import Settings
from worker.bench.contenders import Contender, contenders
from worker.bench.results import Column, Outcome, Table, at_least
from worker.bench.sources import LearningOptions, PhotoTokens, find_photos, load_tokens
from worker.bench.trials import Steps, run_trial
from worker.device import pick_device
from worker.dictionaries.base import Dictionary
from worker.effects.contributions import contributions
from worker.effects.controls import Plan, Strength, ablations
from worker.effects.curves import Order, Walk
from worker.effects.importance import ClassTally, PooledImage
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.predictions import through_dictionary
from worker.effects.tails import LinearTail, find_tail
from worker.effects.targets import Target
from worker.effects.trying import Effect, try_edits
from worker.metrics.reconstruction import centred_r2
from worker.models.base import Activations, VisionModel
from worker.progress import OnProgress

ABOUT = (
    "Held-out photos of the demo: the concepts that speak most for the predicted class (against the mean of all "
    "classes) are deleted, the error of the dictionary kept. Beside it the same edit of other concepts that fire on "
    "the photo, of about the same density and energy (alike), and the same changes of codes along concepts that are "
    "alike in the collection (elsewhere). After the layer `final` follow only a mean and a linear map, so that "
    "contributions are exact; after `blocks.6` integrated gradients are used."
)
_FAR_MORE: Final = 3.0  # times the control's drop


class EffectsOptions(LearningOptions):
    """Which dictionaries at which layers, how many photos, and how many concepts are deleted."""

    methods: tuple[str, ...] = ("topk", "batchtopk", "matching-pursuit")
    layer: str = Field("final", description="the layer that is asked most of")
    beside: tuple[str, ...] = Field(("blocks.6",), description="other layers, for comparison")
    n_photos: int = Field(20, ge=2, description="held-out photos, drawn by the seed")
    n_removed: int = Field(5, ge=1, description="concepts deleted at once")
    n_draws: int = Field(16, ge=2, description="draws of each control")
    class_images: int = Field(5, ge=2, description="images that a predicted class needs for its curves")


@dataclass(frozen=True)
class Scene:
    """A model read at a layer, and the photos as it sees them."""

    model: VisionModel
    layer: str
    window: Window
    grid: Grid
    photos: PhotoTokens
    sources: list[str]
    """File of every photo."""
    groups: list[str]
    """Class of every photo, as the collection has it."""

    def patches(self, image: int) -> Float[Tensor, "h w d"]:
        """One photo's activations."""
        return self.photos.tokens[image].float().view(self.grid.rows, self.grid.cols, -1)

    def class_name(self, index: int) -> str:
        """The model's word for a class."""
        return str(index) if self.model.class_names is None else self.model.class_names[index]


def run(options: EffectsOptions, settings: Settings, on_progress: OnProgress) -> Outcome:
    """Every method at every layer, on the store's photos."""
    model = options.load_model()
    collection, _ = find_photos(options, settings, on_progress)
    outcome = Outcome(seeds=[options.seed])
    scenes = [
        load_scene(options, layer, model, collection, settings, on_progress=on_progress) for layer in layers_of(options)
    ]
    n = sum(len(_contenders(options, scene)) for scene in scenes)
    steps = Steps(on_progress, n)
    for scene in scenes:
        measure(scene, options, outcome, steps)
    return outcome


def layers_of(options: EffectsOptions) -> list[str]:
    """Each once, the one that is asked most of first."""
    return list(dict.fromkeys([options.layer, *options.beside]))


def load_scene(
    options: EffectsOptions,
    layer: str,
    model: VisionModel,
    collection: Collection,
    settings: Settings,
    *,
    on_progress: OnProgress,
) -> Scene:
    """The collection at a layer, extracted when the store does not have it."""
    window = model.window(options.height_px, options.width_px, fit=options.fit)
    photos = load_tokens(options.model_copy(update={"layer": layer}), settings, on_progress)
    groups = [row.class_name or "none" for row in collection.images]
    sources = [row.source for row in collection.images]
    return Scene(model, layer, window, model.geometry(layer, window).grid, photos, sources, groups)


def measure(scene: Scene, options: EffectsOptions, outcome: Outcome, steps: Steps) -> None:
    """One table of methods, for the first of them one of photos, and where the head is exact one of curves."""
    train, held_out = scene.photos.streams
    rows: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    photos: list[dict[str, Any]] = []
    for contender in _contenders(options, scene):
        with outcome.attempt(f"{contender.name}, {scene.layer}"):
            trial = run_trial(
                contender, train, steps=steps, device=pick_device(options.device), note=f", {scene.layer}"
            )
            judged = _all_judged(scene, trial.dictionary, options)
            rows.append({"method": contender.name, "r2": centred_r2(trial.dictionary, held_out), **_summary(judged)})
            curves += [{"method": contender.name, **row} for row in _areas(scene, trial.dictionary, options)]
            photos = photos or [one.row for one in judged]
            outcome.keep_spec(f"{contender.name}, {scene.layer}", contender.spec)
            if scene.layer == options.layer:
                what = f"{contender.name}, {scene.layer}: drop of the probability over that of the control alike"
                outcome.bars.append(at_least(what, _FAR_MORE, measured=rows[-1]["times_alike"]))
        steps.end()
    n = f"{options.n_photos} held-out photos, {options.n_removed} concepts deleted, {options.n_draws} draws"
    outcome.tables.append(Table(f"Layer {scene.layer}: {n}", _COLUMNS, rows))
    if curves:
        title = f"Layer {scene.layer}: areas under deletion and insertion, mean over predicted classes"
        outcome.tables.append(Table(title, _AREAS, curves))
    if scene.layer == options.layer:
        outcome.tables.append(Table(f"Layer {scene.layer}: photo by photo, {options.methods[0]}", _PHOTOS, photos))


def _contenders(options: EffectsOptions, scene: Scene) -> list[Contender]:
    fields = options.fields | {"seed": options.seed}
    return contenders(fields, width=scene.photos.tokens.shape[2], only=options.methods, presets=True)


def chosen(scene: Scene, options: EffectsOptions) -> list[int]:
    """Held-out photos drawn by the seed, in the collection's order. InvalidInput when there are too few."""
    held_out = scene.photos.held_out.tolist()
    if len(held_out) < options.n_photos:
        raise InvalidInput(f"There are {len(held_out)} held-out photos; use --set n_photos={len(held_out)} or fewer.")
    return sorted(np.random.default_rng(options.seed).choice(held_out, options.n_photos, replace=False).tolist())


@torch.no_grad()
def strength_of(dictionary: Dictionary, scene: Scene) -> Strength:
    """Density and energy of every concept over the training photos, as an atlas has them."""
    density, mean = (torch.zeros(dictionary.n_concepts, dtype=torch.float64) for _ in range(2))
    for image in scene.photos.train.tolist():
        codes = dictionary.encode(scene.photos.tokens[image].float()).dense().double()
        density += (codes > 0).double().mean(dim=0)
        mean += codes.mean(dim=0)
    n = max(len(scene.photos.train), 1)
    return Strength((density / n).numpy(), (mean / n).square().numpy())


@dataclass(frozen=True)
class Judged:
    """One photo: figures that are averaged, and the row that is shown."""

    figures: dict[str, float]
    row: dict[str, Any]


def _all_judged(scene: Scene, dictionary: Dictionary, options: EffectsOptions) -> list[Judged]:
    strength, groups = strength_of(dictionary, scene), groups_of(dictionary, scene)
    return [_judged(scene, dictionary, options, image, strength, groups) for image in chosen(scene, options)]


def _judged(
    scene: Scene, dictionary: Dictionary, options: EffectsOptions, image: int, strength: Strength, groups: list[str]
) -> Judged:
    patches = scene.patches(image)
    empty = patches.new_zeros(1, 0, patches.shape[2])
    tail = find_tail(scene.model, scene.layer, scene.window, photo=Activations(patches[None], empty))
    photo = code_photo(dictionary, patches)
    through = through_dictionary(photo, tail)
    target = Target(through.original.top, against="mean")
    found = contributions(photo, tail, target)
    removed = [int(found.concepts[place]) for place in found.strongest(options.n_removed, positive=True)]
    effect = try_edits(photo, tail, ablations(removed), plan=Plan(options.n_draws, options.seed), collection=strength)
    figures = {
        "same_top": float(through.same_top),
        "divergence": through.divergence,
        "gap": abs(found.gap),
        **_drops(effect, target.class_index),
    }
    row = {
        "photo": scene.sources[image],
        "predicted": scene.class_name(target.class_index),
        **{key: figures[key] for key in ("before", "after", "alike", "elsewhere")},
        "concepts": "; ".join(f"{k}: {groups[k]}" for k in removed),
    }
    return Judged(figures, row)


def _drops(effect: Effect, class_index: int) -> dict[str, float]:
    alike, elsewhere = effect.controls
    drop = -effect.change(class_index)
    drops = [-effect.control_changes(control, class_index) for control in (alike, elsewhere)]
    before = float(effect.before.probabilities[class_index])
    return {
        "before": before,
        "after": before - drop,
        "drop": drop,
        "alike": float(drops[0].mean()) if len(drops[0]) else float("nan"),
        "elsewhere": float(drops[1].mean()) if len(drops[1]) else float("nan"),
        "beats": float(all(drop > float(one.max()) for one in drops if len(one))),
        "too_few": len(alike.draws.too_few) / len(alike.draws.concepts),
        "size": float(alike.sizes.mean()) / effect.size if len(alike.sizes) else float("nan"),
    }


def _summary(judged: list[Judged]) -> dict[str, float]:
    keys = judged[0].figures
    mean = {key: float(np.nanmean([one.figures[key] for one in judged])) for key in keys}
    return mean | {"times_alike": mean["drop"] / max(abs(mean["alike"]), 1e-9)}


@torch.no_grad()
def groups_of(dictionary: Dictionary, scene: Scene) -> list[str]:
    """For every concept the collection's class on whose training photos its mean code is largest."""
    names = sorted(set(scene.groups))
    sums, counts = torch.zeros(len(names), dictionary.n_concepts), torch.zeros(len(names), 1)
    for image in scene.photos.train.tolist():
        place = names.index(scene.groups[image])
        sums[place] += dictionary.encode(scene.photos.tokens[image].float()).dense().mean(dim=0)
        counts[place] += 1
    return [names[place] for place in (sums / counts.clamp_min(1)).argmax(dim=0).tolist()]


def _areas(scene: Scene, dictionary: Dictionary, options: EffectsOptions) -> list[dict[str, Any]]:
    """Mean areas over the classes that are predicted for enough photos; nothing where the head is not exact."""
    head = scene.model.linear_head(scene.layer)
    if head is None:
        return []
    tail, atoms = LinearTail(head), dictionary.atoms.detach()
    tally = ClassTally(tail, atoms, dictionary.origin)
    for image in range(len(scene.photos.tokens)):
        tally.add([pooled_image(code_photo(dictionary, scene.patches(image), atoms=atoms), image)])
    found = [tally.curves(one.class_index, seed=options.seed) for one in tally.classes(least=options.class_images)]
    areas = (
        {
            f"{walk.value}_{order.value}": float(np.mean([curves.curve(order, walk).area for curves in found]))
            for walk in Walk
            for order in Order
        }
        if found
        else {}
    )
    return [{"n_classes": len(found), **areas}]


def pooled_image(photo: CodedPhoto, image: int) -> PooledImage:
    """A photo behind pooling."""
    return PooledImage(image, photo.tokens.mean(dim=0).numpy(), photo.concepts.numpy(), photo.codes.mean(dim=0).numpy())


_COLUMNS: Final = (
    Column("method", "method"),
    Column("r2", "R² held out"),
    Column("same_top", "same class through it", 0, percent=True),
    Column("divergence", "KL, nats"),
    Column("before", "probability before"),
    Column("after", "after"),
    Column("drop", "drop"),
    Column("alike", "drop, alike"),
    Column("elsewhere", "drop, elsewhere"),
    Column("times_alike", "times alike", 1),
    Column("beats", "photos beyond all draws", 0, percent=True),
    Column("size", "length moved, alike", 2),
    Column("too_few", "concepts with few alike", 0, percent=True),
    Column("gap", "gap, logits", 4),
)
_AREAS: Final = (
    Column("method", "method"),
    Column("n_classes", "classes", 0),
    *(Column(f"{walk.value}_{order.value}", f"{walk.value}, {order.value}") for walk in Walk for order in Order),
)
_PHOTOS: Final = (
    Column("photo", "photo"),
    Column("predicted", "predicted"),
    Column("before", "before", 2),
    Column("after", "after", 2),
    Column("alike", "drop, alike", 2),
    Column("elsewhere", "drop, elsewhere", 2),
    Column("concepts", "concepts deleted: where they are strongest"),
)
