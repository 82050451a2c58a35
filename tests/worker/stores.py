"""Activations that no model made: what their geometry file says."""

from store.vocabulary import Fit
from worker.shards import StoredGeometry


def stored_geometry(
    *, grid: tuple[int, int], width: int, n_class: int, n_register: int, n_images: int, images_per_shard: int
) -> StoredGeometry:
    """Of a model called small, which sees patches of 8 px."""
    rows, cols = grid
    return StoredGeometry(
        model="small",
        layer="conv",
        weights_sha256=None,
        grid_rows=rows,
        grid_cols=cols,
        width=width,
        n_class=n_class,
        n_register=n_register,
        height_px=8 * rows,
        width_px=8 * cols,
        fit=Fit.COVER,
        crop_ratio=1.0,
        dtype="bfloat16",
        n_images=n_images,
        images_per_shard=images_per_shard,
    )
