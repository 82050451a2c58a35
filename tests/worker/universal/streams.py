"""Activations of small models that no model made, over one drawn collection."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from store.artifacts import Artifacts
from store.collection import Collection
from store.specs import ExtractionSpec
from store.vocabulary import Kind
from tests.worker.stores import stored_geometry
from worker.activations import ActivationStore
from worker.shards import shard_name


def write_stream(
    root: Path,
    collection: Collection | str,
    *,
    model: str,
    grid: tuple[int, int],
    width: int,
    n_images: int,
    images_per_shard: int = 5,
    patches: Tensor | None = None,
) -> ActivationStore:
    """A stream with random patches, or those given ``[N hw d]``, and one class token that must never be seen."""
    artifacts = Artifacts(root)
    over = collection if isinstance(collection, str) else collection.digest
    if patches is None:
        generator = torch.Generator().manual_seed(len(model) + width)
        patches = torch.randn(n_images, grid[0] * grid[1], width, generator=generator).bfloat16()
    spec = ExtractionSpec(model=model, layer="conv", images_per_shard=images_per_shard)
    geometry = stored_geometry(
        grid=grid, width=width, n_class=1, n_register=0, n_images=n_images, images_per_shard=images_per_shard
    ).model_copy(update={"model": model})
    with artifacts.draft(Kind.ACTIVATIONS, spec, inputs={"collection": over}) as draft:
        for number, start in enumerate(range(0, n_images, images_per_shard)):
            part = patches[start : start + images_per_shard].bfloat16().contiguous()
            image = torch.arange(start, start + len(part), dtype=torch.int32)
            prefix = torch.full((len(part), 1, width), 1e4, dtype=torch.bfloat16)
            save_file({"image": image, "patches": part, "prefix": prefix}, draft.path / shard_name(number))
        whole = torch.zeros(width, dtype=torch.float64)
        save_file({"mean": whole, "std": whole + 1, "n": torch.tensor([9])}, draft.path / "statistics.safetensors")
        (draft.path / "geometry.json").write_text(geometry.model_dump_json())
        return ActivationStore(artifacts.publish(draft))
