"""One photo in the eyes of one model, next to a dictionary that tells what it saw: what handlers work on."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from store.encoding.contract import PhotoFacts
from store.errors import InvalidInput
from store.grid import Box, Grid, Window, seen_by_all
from store.specs import ExtractionSpec
from store.vocabulary import Tokens
from worker.dictionaries.base import Dictionary
from worker.encoder.looks import PhotoLook
from worker.encoder.plans import Plan
from worker.models.base import VisionModel
from worker.universal.shared_grid import Resampler

DTYPES: Final = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Study:
    """Model and dictionary stay in memory while the request lasts.

    ``look`` is what the model said, unrounded, on its own grid, with the logits; ``tokens`` is what the dictionary
    reads of it, ``[p d]``: rounded as stored activations are, for a universal dictionary averaged over the cells of the
    shared grid, for one of class tokens the class token alone.
    """

    photo: PhotoFacts
    dictionary_digest: str
    stream: int  # as in the atlas: 1, 2, ... for the models of a universal dictionary, 0 in others
    reading: ExtractionSpec
    model: VisionModel
    dictionary: Dictionary
    window: Window
    look: PhotoLook
    grid: Grid
    seen: Box
    tokens: Float[Tensor, "p d"]


@dataclass(frozen=True)
class Eyes:
    """How one model of a plan is used."""

    reading: ExtractionSpec
    model: VisionModel
    dictionary: Dictionary
    window: Window
    look: PhotoLook


def make_studies(plan: Plan, photo: PhotoFacts, eyes: list[Eyes]) -> list[Study]:
    """A study for each stream. Raises ``InvalidInput`` for a dictionary whose tokens stand for no place."""
    if plan.shared is None:
        return [_alone(plan, photo, eyes[0])]
    windows = tuple(one.window for one in eyes)
    seen = seen_by_all(windows, width=photo.width, height=photo.height)
    numbered = enumerate(eyes, start=1)
    return [_shared(plan, photo, one, stream=stream, windows=windows, seen=seen) for stream, one in numbered]


def _alone(plan: Plan, photo: PhotoFacts, one: Eyes) -> Study:
    learned_from = one.dictionary.spec.tokens
    if learned_from is Tokens.REGISTERS:
        raise InvalidInput(
            f"The dictionary {plan.key.digest[:12]} was learned from register tokens, which stand for no place of a "
            "photo; choose one of patches or class tokens."
        )
    rows, cols, width = one.look.patches.shape
    if learned_from is Tokens.CLASS:
        grid, tokens = Grid(1, 1), one.look.prefix[:1]
    else:
        grid, tokens = Grid(rows, cols), one.look.patches.reshape(rows * cols, width)
    seen = one.window.seen(photo.width, photo.height)
    return _study(plan, photo, one, grid=grid, seen=seen, tokens=tokens.to(DTYPES[one.reading.dtype]).float())


def _shared(plan: Plan, photo: PhotoFacts, one: Eyes, *, stream: int, windows: tuple[Window, ...], seen: Box) -> Study:
    """As ``PairedStore`` brings streams together: stored patches, averaged by area, in 16 bit."""
    assert plan.shared is not None
    rows, cols, width = one.look.patches.shape
    resample = Resampler(one.window, Grid(rows, cols), windows=windows, shared=plan.shared)
    stored = one.look.patches.reshape(1, rows * cols, width).to(DTYPES[one.reading.dtype])
    tokens = resample(stored, [(photo.width, photo.height)])[0].bfloat16().float()
    return _study(plan, photo, one, stream=stream, grid=plan.shared, seen=seen, tokens=tokens)


def _study(
    plan: Plan, photo: PhotoFacts, one: Eyes, *, grid: Grid, seen: Box, tokens: Tensor, stream: int = 0
) -> Study:
    return Study(
        photo=photo,
        dictionary_digest=plan.key.digest,
        stream=stream,
        reading=one.reading,
        model=one.model,
        dictionary=one.dictionary,
        window=one.window,
        look=one.look,
        grid=grid,
        seen=seen,
        tokens=tokens,
    )
