"""Two models' planted activations of one collection, on different grids and windows, and dictionaries of both."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from store.artifacts import Artifact, Artifacts
from store.collection import Collection
from store.specs import AlignmentSpec, CollectionSpec, ExtractionSpec
from store.vocabulary import Kind, Tokens
from tests.factories import draw_photos, make_collection
from tests.worker.dictionaries.planted import SPECS, WIDTH, planted_tokens
from tests.worker.stores import stored_geometry
from worker.activations import ActivationStore
from worker.alignment.sides import Aligned
from worker.dictionaries.files import load_dictionary
from worker.jobs.align import align
from worker.jobs.requests import activations_inputs
from worker.jobs.train import train_dictionaries
from worker.shards import shard_name

N_IMAGES, ROWS, COLS = 40, 4, 5


@dataclass(frozen=True)
class Studio:
    """A store with the activations of two models: ``fine`` has twice the rows of ``coarse``, and its tokens turned."""

    artifacts: Artifacts
    collection: Collection
    coarse: ActivationStore
    fine: ActivationStore

    @classmethod
    def build(cls, root: Path, *, n_fine: int = N_IMAGES) -> "Studio":
        """All but the dictionaries; the fine model may have read only some of the images."""
        artifacts = Artifacts(root)
        photos = draw_photos(N_IMAGES, seed=0, with_classes=True)
        collection = make_collection(artifacts, photos, spec=CollectionSpec(slug="shapes", title="Shapes"))
        patches = planted_tokens(N_IMAGES * ROWS * COLS)[0].reshape(N_IMAGES, ROWS, COLS, WIDTH)
        turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(3))).Q
        coarse = write_activations(artifacts, collection, patches, model="coarse", images_per_shard=16)
        turned = patches[:n_fine].repeat_interleave(2, dim=1) @ turn
        fine = write_activations(artifacts, collection, turned, model="fine", images_per_shard=7)
        return cls(artifacts, Collection(collection), ActivationStore(coarse), ActivationStore(fine))

    def side(self, activations: ActivationStore, *, seed: int = 0, tokens: Tokens = Tokens.PATCHES) -> Aligned:
        """A dictionary of one of the two."""
        spec = SPECS["topk"].model_copy(update={"seed": seed, "tokens": tokens})
        (artifact,) = train_dictionaries(
            [spec],
            activations,
            collection=self.collection,
            artifacts=self.artifacts,
            device=torch.device("cpu"),
            on_progress=lambda *_: None,
        )
        return Aligned(artifact, load_dictionary(artifact.path), activations)

    def align(self, one: Aligned, other: Aligned, spec: AlignmentSpec | None = None) -> Artifact:
        """The alignment of two dictionaries."""
        return align(spec or AlignmentSpec(), (one, other), self.collection, self.artifacts, lambda *_: None)


def write_activations(
    artifacts: Artifacts, collection: Artifact, patches: Tensor, *, model: str, images_per_shard: int
) -> Artifact:
    """Patches ``[n rows cols d]``, and their mean as a class token of each image."""
    n, rows, cols, width = patches.shape
    spec = ExtractionSpec(model=model, layer="conv", images_per_shard=images_per_shard)
    flat = patches.reshape(n, rows * cols, width)
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs=activations_inputs(collection)) as draft:
        for index, start in enumerate(range(0, n, images_per_shard)):
            some = slice(start, start + images_per_shard)
            tensors = {
                "image": torch.arange(n, dtype=torch.int32)[some].clone(),
                "patches": flat[some].bfloat16().contiguous(),
                "prefix": flat[some].mean(dim=1, keepdim=True).bfloat16().repeat(1, 2, 1),
            }
            save_file(tensors, draft.path / shard_name(index))
        tokens = flat.flatten(0, 1).double()
        moments = {"mean": tokens.mean(dim=0), "std": tokens.std(dim=0), "n": torch.tensor([len(tokens)])}
        save_file(moments, draft.path / "statistics.safetensors")
        geometry = stored_geometry(
            grid=(rows, cols), width=width, n_class=1, n_register=1, n_images=n, images_per_shard=images_per_shard
        ).model_copy(update={"model": model})
        (draft.path / "geometry.json").write_text(geometry.model_dump_json())
        return artifacts.publish(draft)


@torch.inference_mode()
def dense_codes(side: Aligned) -> np.ndarray[tuple[int, int, int, int], np.dtype[np.float64]]:
    """All codes of a side ``[n h w K]``, image by image."""
    found = []
    for shard in side.activations.shards():
        for tokens in side.activations.chosen(shard, side.shown):
            found.append(side.dictionary.encode(tokens.float()).dense())
    grid = side.grid
    return torch.stack(found).reshape(len(found), grid.rows, grid.cols, -1).double().numpy()
