"""Writes what was gathered of each stream: its concepts, how streams meet, what was judged."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from store.atlas.schema import STREAM_COLUMNS
from store.atlas.writer import AtlasWriter
from worker.indexing.meetings import Products
from worker.indexing.streams import StreamScan


def stream_columns(scan: StreamScan | None, *, n_concepts: int) -> dict[str, list[Any]]:
    """The columns of ``concept`` that are about streams, absent where there is one only."""
    if scan is None:
        return {name: [None] * n_concepts for name in STREAM_COLUMNS}
    firing = scan.firing
    shares = np.nan_to_num(firing.shares.numpy(), nan=-1.0)
    main = [scan.views.names[i] if most >= 0 else None for i, most in zip(shares.argmax(0), shares.max(0), strict=True)]
    return {
        "firing_entropy": _nullable(firing.entropy.numpy()),
        "firing_jaccard": _nullable(firing.jaccard.numpy()),
        "stream_correlation": _nullable(mean_correlation(scan.images)),
        "stream_correlation_held_out": _nullable(mean_correlation(scan.held_out)),
        "main_stream": main,
    }


def mean_correlation(images: Products) -> Float64[np.ndarray, " K"]:
    """Mean over pairs of streams of the correlation over images; 0 for a pair with a silent one, NaN when all are."""
    found = images.correlation()
    pairs = np.stack([found[i, j] for i, j in permutations(range(len(found)), 2)])
    mean: Float64[np.ndarray, " K"] = np.nan_to_num(pairs).mean(axis=0)
    return np.where((images.sums > 0).any(axis=0), mean, np.nan)


def write_streams(writer: AtlasWriter, scan: StreamScan) -> None:
    """Write ``stream_concept``, ``cofire`` and ``cross_r2``."""
    writer.append("stream_concept", _by_concept(_stream_concepts(scan), first="stream"))
    writer.append("cofire", _by_concept(_cofire(scan), first="source"))
    writer.append("cross_r2", _cross_r2(scan))


def _stream_concepts(scan: StreamScan) -> Iterator[dict[str, Any]]:
    """For each stream its columns ``[K]``."""
    universal, firing = scan.views.dictionary.universal, scan.firing
    energy, n = firing.energy(universal, scan.variance).numpy(), firing.n_tokens
    rates = firing.fires.double().numpy() / n
    for i, totals in enumerate(scan.totals):
        others = np.delete(rates, i, axis=0)
        yield {
            "stream": i + 1,
            "density": totals.count / n,
            "image_coverage": totals.n_firing_images / totals.n_images,
            "n_images": totals.n_firing_images,
            "max": totals.largest,
            "mean": totals.total / n,
            "mean_active": totals.total / np.maximum(totals.count, 1),
            "energy": energy[i],
            "gain": universal.gains(i).double().cpu().numpy(),
            "length": _length(scan, i),
            "n_firing": firing.fires[i].numpy(),
            "firing_share": firing.shares[i].numpy(),
            "co_fire": firing.co_fire[i].numpy(),
            "co_fire_chance": others.prod(axis=0),
        }


def _length(scan: StreamScan, stream: int) -> Float64[np.ndarray, " K"]:
    """``|D_ik| / |D_k|``."""
    universal = scan.views.dictionary.universal
    joint = universal.standard_atoms.double().cpu()
    whole = joint.norm(dim=1).clamp_min(torch.finfo(torch.float64).tiny)
    found: Float64[np.ndarray, " K"] = (joint[:, universal.parts[stream]].norm(dim=1) / whole).numpy()
    return found


def _cofire(scan: StreamScan) -> Iterator[dict[str, Any]]:
    """For each ordered pair of streams its columns ``[K]``."""
    both, n = scan.firings.both, scan.patches.n
    of_patches, of_images = scan.patches.correlation(), scan.images.correlation()
    held_out = scan.held_out.correlation()
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, j in permutations(range(len(both)), 2):
            yield {
                "source": i + 1,
                "target": j + 1,
                "n_source": both[i, i],
                "n_both": both[i, j],
                "co_fire": both[i, j] / both[i, i],
                "co_fire_chance": both[j, j] / n,
                "jaccard": both[i, j] / (both[i, i] + both[j, j] - both[i, j]),
                "correlation": of_patches[i, j],
                "image_correlation": of_images[i, j],
                "image_correlation_held_out": held_out[i, j],
            }


def _by_concept(parts: Iterator[dict[str, Any]], *, first: str) -> dict[str, Any]:
    """Columns of all parts, a concept's rows side by side; NaN becomes NULL."""
    held = list(parts)
    n_concepts = len(held[0]["max" if first == "stream" else "n_source"])
    columns: dict[str, Any] = {"concept": np.repeat(np.arange(n_concepts), len(held))}
    for name in held[0]:
        column = np.stack([np.broadcast_to(part[name], n_concepts) for part in held], axis=1).ravel()
        columns[name] = _nullable(column) if column.dtype.kind == "f" else column
    return columns


def _cross_r2(scan: StreamScan) -> dict[str, Any]:
    judged, n_streams = scan.views.judged, len(scan.views.names)
    source, target = np.divmod(np.arange(n_streams**2), n_streams)
    pairs = list(zip(source.tolist(), target.tolist(), strict=True))
    alone = judged.get("independent_r2") or [None] * n_streams
    matrices = {"r2": "cross_r2", "permuted": "cross_r2_permuted", "ridge": "cross_r2_ridge"}
    return {
        "source": source + 1,
        "target": target + 1,
        **{name: [judged[key][i][j] for i, j in pairs] for name, key in matrices.items()},
        "independent": [alone[i] if i == j else None for i, j in pairs],
    }


def _nullable(values: Float64[np.ndarray, " n"]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
