"""The streams of a synthetic universal atlas, and the tables about them, literally and slowly."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from store.atlas.schema import STREAM_COLUMNS
from store.grid import Window
from store.vocabulary import Fit

Row = dict[str, Any]
WINDOWS = (Window(96, 96), Window(60, 96), Window(64, 80, Fit.CROP, 0.9))


@dataclass(frozen=True)
class StreamPlan:
    """One stream: its model and layer, its input, its common codes and what a code of 1 adds to it."""

    model: str
    layer: str
    width: int
    window: Window
    codes: Float[np.ndarray, "n h w K"]
    gain: Float[np.ndarray, " K"]

    @property
    def name(self) -> str:
        """``model:layer``."""
        return f"{self.model}:{self.layer}"

    @property
    def fires(self) -> Bool[np.ndarray, "n h w K"]:
        """Where the code is above the 0.25 quantile of all codes above 0."""
        return np.asarray(self.codes > np.quantile(self.codes[self.codes > 0], 0.25))


def split_codes(codes: Float[np.ndarray, "n h w K"], names: tuple[str, ...], *, seed: int) -> tuple[StreamPlan, ...]:
    """Concept k is seen alike by all when k is divisible by 3, by one stream when 1 is left, less by one when 2 is."""
    rng = np.random.default_rng(seed)
    k = np.arange(codes.shape[-1])
    plans = []
    for number, name in enumerate(names):
        model, _, layer = name.partition(":")
        mine = k // 3 % len(names) == number
        seen = np.select([k % 3 == 0, k % 3 == 1], [1.0, mine], np.where(mine, 0.3, 1.0))
        moved = np.roll(codes, number % 2, axis=2) * rng.uniform(0.7, 1.3, codes.shape)  # slightly different places
        plan = StreamPlan(
            model,
            layer,
            width=8 * (number + 1),
            window=WINDOWS[number % len(WINDOWS)],
            codes=moved * seen,
            gain=seen * rng.uniform(0.4, 0.9, len(k)) + 0.02,
        )
        plans.append(plan)
    return tuple(plans)


def sparse_codes(pre_codes: Float[np.ndarray, "n h w K"]) -> Float[np.ndarray, "n h w K"]:
    """What is above a quantile of its own for each concept, between 0.6 and 0.98; two concepts are dead."""
    n_concepts = pre_codes.shape[-1]
    levels = [np.quantile(pre_codes[..., k], 0.6 + 0.38 * (k * 7 % 12) / 11) for k in range(n_concepts)]
    codes = np.maximum(pre_codes - np.array(levels), 0)
    codes[..., [3, 7]] = 0
    return np.asarray(codes)


def stream_rows(plans: tuple[StreamPlan, ...], *, rows: int, cols: int) -> list[Row]:
    """Rows of ``stream``: all together, then each."""
    grid = {"grid_rows": rows, "grid_cols": cols, "n_class": 0, "n_register": 0}
    unseen = {"height_px": None, "width_px": None, "fit": None, "crop_ratio": None}
    named = {name: " + ".join(getattr(plan, name) for plan in plans) for name in ("model", "layer")}
    whole = {"stream": 0, "is_mean": True, "width": sum(plan.width for plan in plans), **named, **grid, **unseen}
    return [whole, *(stream_row(plan, number, grid) for number, plan in enumerate(plans, start=1))]


def stream_row(plan: StreamPlan, number: int, grid: Row) -> Row:
    """One model and layer."""
    return {
        "stream": number,
        "is_mean": False,
        "model": plan.model,
        "layer": plan.layer,
        "width": plan.width,
        **grid,
        **window_columns(plan.window),
    }


def window_columns(window: Window) -> Row:
    """A window's columns of ``stream``."""
    return {
        "height_px": window.height_px,
        "width_px": window.width_px,
        "fit": window.fit.value,
        "crop_ratio": window.crop_ratio,
    }


def concept_columns(plans: tuple[StreamPlan, ...], k: int) -> Row:
    """What ``concept`` says of streams."""
    fires = np.stack([plan.fires[..., k] for plan in plans])
    counts, n_any = fires.sum(axis=(1, 2, 3)), int(fires.any(axis=0).sum())
    if not n_any:
        return dict.fromkeys(STREAM_COLUMNS)
    shares = counts / counts.sum()
    pairs = [_correlation(*pair) for pair in permutations(_pooled(plans, k), 2)]
    unseen = [pooled[_held_out(len(pooled))] for pooled in _pooled(plans, k)]
    unseen_pairs = [_correlation(*pair) for pair in permutations(unseen, 2)]
    return {
        "firing_entropy": abs(sum(p * math.log(p) for p in shares if p > 0) / math.log(len(plans))),
        "firing_jaccard": float(fires.all(axis=0).sum() / n_any),
        "stream_correlation": float(np.mean([r or 0.0 for r in pairs])),
        "stream_correlation_held_out": float(np.mean([r or 0.0 for r in unseen_pairs])) if np.any(unseen) else None,
        "main_stream": plans[int(counts.argmax())].name,
    }


def stream_concepts(plans: tuple[StreamPlan, ...]) -> Iterable[Row]:
    """Rows of ``stream_concept``."""
    fires = np.stack([plan.fires for plan in plans])
    counts, rates = fires.sum(axis=(1, 2, 3)), fires.mean(axis=(1, 2, 3))
    for k in range(counts.shape[1]):
        together, total = int(fires[..., k].all(axis=0).sum()), int(counts[:, k].sum())
        lengths = np.array([plan.gain[k] for plan in plans])
        for i, plan in enumerate(plans):
            codes, n = plan.codes[..., k], int(counts[i, k])
            firing = codes.max(axis=(1, 2)) > 0
            yield {
                "concept": k,
                "stream": i + 1,
                "density": float((codes > 0).mean()),
                "image_coverage": float(firing.mean()),
                "n_images": int(firing.sum()),
                "max": float(codes.max()),
                "mean": float(codes.mean()),
                "mean_active": float(codes[codes > 0].mean()) if firing.any() else 0.0,
                "energy": float((codes.mean() * plan.gain[k]) ** 2),
                "gain": float(plan.gain[k]),
                "length": float(lengths[i] / np.linalg.norm(lengths)),
                "n_firing": n,
                "firing_share": n / total if total else None,
                "co_fire": together / n if n else None,
                "co_fire_chance": float(np.delete(rates[:, k], i).prod()),
            }


def cofire(plans: tuple[StreamPlan, ...]) -> Iterable[Row]:
    """Rows of ``cofire``."""
    for k in range(plans[0].codes.shape[-1]):
        pooled = _pooled(plans, k)
        for i, j in permutations(range(len(plans)), 2):
            one, other = plans[i].fires[..., k], plans[j].fires[..., k]
            n, n_both, n_either = int(one.sum()), int((one & other).sum()), int((one | other).sum())
            yield {
                "concept": k,
                "source": i + 1,
                "target": j + 1,
                "n_source": n,
                "n_both": n_both,
                "co_fire": n_both / n if n else None,
                "co_fire_chance": float(other.mean()),
                "jaccard": n_both / n_either if n_either else None,
                "correlation": _correlation(plans[i].codes[..., k].ravel(), plans[j].codes[..., k].ravel()),
                "image_correlation": _correlation(pooled[i], pooled[j]),
                "image_correlation_held_out": _correlation(*(pooled[s][_held_out(len(pooled[s]))] for s in (i, j))),
            }


def cross_r2(plans: tuple[StreamPlan, ...]) -> Iterable[Row]:
    """Rows of ``cross_r2``: numbers that fit, since nothing was reconstructed."""
    for i in range(len(plans)):
        for j in range(len(plans)):
            apart = abs(i - j)
            yield {
                "source": i + 1,
                "target": j + 1,
                "r2": 0.62 - 0.21 * apart - 0.01 * i,
                "permuted": -0.18 - 0.02 * j,
                "ridge": 1.0 if not apart else 0.55 - 0.05 * apart,
                "independent": 0.66 - 0.01 * i if not apart else None,
            }


def is_held_out(image: int) -> bool:
    """Which images of a synthetic collection only judge."""
    return image % 7 == 3


def _held_out(n: int) -> Bool[np.ndarray, " n"]:
    return np.array([is_held_out(image) for image in range(n)])


def _pooled(plans: tuple[StreamPlan, ...], k: int) -> list[Float[np.ndarray, " n"]]:
    return [plan.codes[..., k].mean(axis=(1, 2)) for plan in plans]


def _correlation(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> float | None:
    return float(np.corrcoef(one, other)[0, 1]) if one.any() and other.any() else None
