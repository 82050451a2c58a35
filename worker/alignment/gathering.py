"""The one pass over the images of both sides: codes, brought together, become sums and strongest images."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float32

from store.alignment.sides import Side
from store.collection import Collection
from store.grid import Grid
from store.specs import AlignmentSpec
from store.vocabulary import Split
from worker.alignment.finding import Found
from worker.alignment.grids import Pooler, shared_grid
from worker.alignment.sides import Aligned, BlockCodes, read_together
from worker.alignment.strongest import Strongest
from worker.alignment.tables import Gathered
from worker.alignment.tally import Tally, sparse

Progress = Callable[[int, int, str], None]


class Gathering:
    """What is kept of both sides while images go by."""

    def __init__(self, spec: AlignmentSpec, sides: dict[Side, Aligned], collection: Collection) -> None:
        self.spec, self.sides, self._images = spec, sides, collection.images
        a, b = sides[Side.A], sides[Side.B]
        self.grid: Grid = shared_grid(a.grid, b.grid)
        self._held_out: Bool[np.ndarray, " N"] = np.array([row.split is Split.HELD_OUT for row in collection.images])
        self._poolers = {side: self._pooler(side) for side in Side}
        self.tally = Tally(
            a.dictionary.n_concepts,
            b.dictionary.n_concepts,
            n_patches=self.grid.n_patches,
            codes_at_once=spec.codes_at_once,
            seed=spec.seed,
        )
        self.strongest = {
            side: Strongest(one.dictionary.n_concepts, spec.n_top, n_patches=one.grid.n_patches)
            for side, one in sides.items()
        }

    def _pooler(self, side: Side) -> Pooler:
        own, other = self.sides[side], self.sides[side.other]
        return Pooler(own.grid, own.activations.window, other.activations.window, self.grid)

    def add(self, a: BlockCodes, b: BlockCodes) -> None:
        """Take in both sides' codes of the same images."""
        sizes = [(self._images[image].width, self._images[image].height) for image in a.images.tolist()]
        pooled = []
        for side, block in ((Side.A, a), (Side.B, b)):
            self.strongest[side].add(block)
            n_concepts = self.sides[side].dictionary.n_concepts
            codes = sparse(block.indices, block.values, n_concepts=n_concepts)
            pooled.append(self._poolers[side].pool(codes, sizes))
        self.tally.add(*pooled, held_out=self._held_out[a.images])

    def done(self) -> Gathered:
        """What the file is written from; raises ``InvalidInput`` where nothing can be aligned."""
        self.tally.finish()
        found = Found(self.tally, self.spec.n_candidates)
        found.check()
        return Gathered(self.spec, found, self.strongest, self._unit_atoms())

    def _unit_atoms(self) -> tuple[Float32[np.ndarray, "K d"], Float32[np.ndarray, "J d"]] | None:
        """Atoms of both sides where they are directions of one space: of one layer of a model with the same weights."""
        a, b = self.sides[Side.A], self.sides[Side.B]
        spaces = {(one.model, one.weights_sha256, one.layer) for one in (a.activations.stored, b.activations.stored)}
        return (unit_atoms(a), unit_atoms(b)) if len(spaces) == 1 else None


@torch.inference_mode()
def unit_atoms(side: Aligned) -> Float32[np.ndarray, "K d"]:
    """Atoms at norm 1; a zero atom stays zero."""
    atoms = side.dictionary.atoms.to("cpu", torch.float32)
    return np.asarray(torch.nn.functional.normalize(atoms, dim=1).numpy())


def gather(
    spec: AlignmentSpec, sides: dict[Side, Aligned], collection: Collection, *, on_progress: Progress
) -> tuple[Gathering, Gathered]:
    """Read all images once."""
    gathering = Gathering(spec, sides, collection)
    done, n_images = 0, sides[Side.A].activations.n_images
    for a, b in read_together(sides[Side.A], sides[Side.B], seed=spec.seed):
        gathering.add(a, b)
        done += len(a.images)
        on_progress(done, n_images, "images compared")
    on_progress(done, n_images, "matching")
    return gathering, gathering.done()
