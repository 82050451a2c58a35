"""Judging a dictionary on held-out tokens and images: every score beside its null."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from store.vocabulary import Tokens
from worker.dictionaries.base import Dictionary, TokenStream
from worker.dictionaries.tokens import checked_batches, sample_tokens
from worker.metrics.density import Usage, density_histogram, density_shares, effective_concepts, usage_of
from worker.metrics.geometry import (
    distance_from_data,
    effective_rank,
    nearness,
    singular_values,
    stable_rank,
    welch_bound,
    without_mean_direction,
)
from worker.metrics.head import centred_rows, plausibility, predictions_kept
from worker.metrics.images import ImageContext, PooledImages, pool_images
from worker.metrics.labels import monosemanticity_scores, probe_map
from worker.metrics.meetings import CodeWindow, meetings
from worker.metrics.nulls import FixedAtoms, FixedFit, fit_gain, permuted_codes, random_atoms, token_atoms
from worker.metrics.reconstruction import Errors
from worker.models.base import LinearHead

OOD_TOKENS = 20_000


@dataclass(frozen=True)
class Judgement:
    """All metrics of a dictionary by key, and how its concepts are spread by density on held-out tokens."""

    metrics: dict[str, float]
    density_histogram: dict[str, Any]


def evaluate(
    dictionary: Dictionary,
    held_out: TokenStream,
    *,
    train: TokenStream,
    images: ImageContext | None = None,
    head: LinearHead | None = None,
    batch_tokens: int = 4096,
    seed: int = 0,
) -> dict[str, float]:
    """The metrics of ``judge``."""
    return judge(
        dictionary, held_out, train=train, images=images, head=head, batch_tokens=batch_tokens, seed=seed
    ).metrics


@torch.no_grad()
def judge(
    dictionary: Dictionary,
    held_out: TokenStream,
    *,
    train: TokenStream,
    images: ImageContext | None = None,
    head: LinearHead | None = None,
    batch_tokens: int = 4096,
    seed: int = 0,
) -> Judgement:
    """All metrics of a dictionary; each key is defined in ``store/metrics``.

    ``train`` gives tokens for nulls and for the distance of atoms from data, and the share of concepts that never fire
    in either split. ``images`` gives what is measured image by image, ``head`` what follows the layer; what cannot be
    measured is absent. Nulls are drawn by ``seed``. Raises ``InvalidInput`` when there is no held-out token or the
    held-out tokens are all equal to the mean.
    """
    read = _read(dictionary, held_out, batch_tokens=batch_tokens, seed=seed)
    sample = sample_tokens(train, OOD_TOKENS, seed=seed)
    nulls = _nulls(dictionary, sample, held_out=held_out, l0=read.usage.l0, batch_tokens=batch_tokens, seed=seed)
    pooled = None if images is None else _pool(dictionary, images, batch_tokens=batch_tokens)
    if pooled is not None and pooled.train is not None and pooled.train.usage.n_tokens == train.n_tokens:
        seen = pooled.train.usage  # the very same tokens have been encoded already
    else:
        seen = usage_of(dictionary, train, batch_tokens=batch_tokens)
    metrics = {
        **_reconstruction(read.errors, nulls),
        **_density(read.usage, nulls, seen=seen),
        **_geometry(dictionary, nulls, centred=sample.to(dictionary.mean) - dictionary.mean),
        **_meetings(dictionary, read.window, seed=seed),
    }
    if pooled is not None and images is not None:
        metrics |= _labels(images, pooled, seed=seed)
    if head is not None:
        metrics |= _plausibility(dictionary, nulls, head)
    if head is not None and pooled is not None and images is not None and dictionary.spec.tokens is Tokens.PATCHES:
        metrics |= _kept(dictionary, nulls, head, images=images, pooled=pooled)
    return Judgement(metrics, density_histogram(read.usage))


@dataclass(frozen=True)
class _Read:
    """What one pass over the held-out tokens gave."""

    errors: Errors
    usage: Usage
    window: CodeWindow


def _read(dictionary: Dictionary, held_out: TokenStream, *, batch_tokens: int, seed: int) -> _Read:
    generator = torch.Generator().manual_seed(seed)
    read = _Read(Errors(), Usage.empty(dictionary.n_concepts), CodeWindow(dictionary.n_concepts))
    for batch in checked_batches(held_out, batch_tokens, seed=0, epoch=0):
        tokens = batch.to(dictionary.mean)
        codes = dictionary.encode(tokens)
        read.errors.add(tokens, dictionary.decode(codes), mean=dictionary.mean, generator=generator)
        read.usage.add(codes)
        read.window.add(codes)
    return read


@dataclass(frozen=True)
class _Null:
    """Atoms that nobody learned, and how well they do."""

    fixed: FixedAtoms
    fit: FixedFit


@dataclass(frozen=True)
class _Nulls:
    random: _Null
    tokens: _Null


def _nulls(
    dictionary: Dictionary,
    sample: Float[Tensor, "m d"],
    *,
    held_out: TokenStream,
    l0: float,
    batch_tokens: int,
    seed: int,
) -> _Nulls:
    def judged(atoms: Tensor) -> _Null:
        fixed = FixedAtoms.beside(dictionary, atoms, l0=l0)
        return _Null(fixed, fit_gain(fixed, held_out, batch_tokens=batch_tokens))

    drawn = random_atoms(dictionary.n_concepts, dictionary.width, seed=seed)
    return _Nulls(random=judged(drawn), tokens=judged(token_atoms(dictionary, sample, seed=seed)))


@dataclass(frozen=True)
class _Pooled:
    """Codes image by image; those of training images only where they have classes."""

    held_out: PooledImages
    train: PooledImages | None


def _pool(dictionary: Dictionary, images: ImageContext, *, batch_tokens: int) -> _Pooled:
    learn = images.train if bool((images.classes >= 0).any()) else None
    train = None if learn is None else pool_images(dictionary, learn, batch_tokens=batch_tokens)
    return _Pooled(pool_images(dictionary, images.held_out, batch_tokens=batch_tokens), train)


def _reconstruction(errors: Errors, nulls: _Nulls) -> dict[str, float]:
    return {
        "r2": 1.0 - errors.fvu,
        "fvu": errors.fvu,
        "r2_random_atoms": nulls.random.fit.r2,
        "r2_data_atoms": nulls.tokens.fit.r2,
        "r2_permuted_codes": 1.0 - errors.permuted_fvu,
        "fvu_data_atoms": 1.0 - nulls.tokens.fit.r2,
        "n_tokens_held_out": float(errors.n_tokens),
    }


def _density(usage: Usage, nulls: _Nulls, *, seen: Usage) -> dict[str, float]:
    random = nulls.random.fit.usage
    of_both = zip(("", "_random_atoms"), (usage, random), strict=True)
    scores = {"l0": usage.l0, "l0_share": usage.l0 / len(usage.counts)}
    for null, used in of_both:
        median, dead, dense = density_shares(used)
        scores |= {f"density_median{null}": median, f"dense_share{null}": dense}
        scores |= {f"dead_share{null or '_held_out'}": dead, f"energy_concepts{null}": effective_concepts(used)}
    everywhere = (usage.counts + seen.counts) == 0
    return scores | {"dead_share_all": float(everywhere.double().mean())}


def _geometry(dictionary: Dictionary, nulls: _Nulls, *, centred: Float[Tensor, "m d"]) -> dict[str, float]:
    scores = {"welch_bound": welch_bound(dictionary.n_concepts, dictionary.width)}
    for null, atoms in (("", dictionary.atoms), ("_random_atoms", nulls.random.fixed.atoms)):
        near = nearness(atoms, n_summed=dictionary.spec.n_active)
        whole, rest = singular_values(atoms), singular_values(without_mean_direction(atoms))
        scores |= {
            f"stable_rank{null}": stable_rank(whole),
            f"stable_rank_centred{null}": stable_rank(rest),
            f"effective_rank{null}": effective_rank(whole),
            f"effective_rank_centred{null}": effective_rank(rest),
            f"coherence{null}": near.coherence,
            f"coherence_q99{null}": near.quantile,
            f"babel{null}": near.babel,
            f"ood_score{null}": distance_from_data(atoms, centred),
        }
    return scores


def _meetings(dictionary: Dictionary, window: CodeWindow, *, seed: int) -> dict[str, float]:
    scores: dict[str, float] = {}
    for null, codes in (("", window.codes), ("_permuted", permuted_codes(window.codes, seed=seed))):
        found = meetings(codes, dictionary.atoms)
        scores |= {f"connectivity{null}": found.connectivity, f"interference{null}": found.interference}
    return scores


def _labels(images: ImageContext, pooled: _Pooled, *, seed: int) -> dict[str, float]:
    scores = {} if pooled.train is None else probe_map(pooled.train, pooled.held_out, images.classes, seed=seed)
    if images.embeddings is not None:
        scores |= monosemanticity_scores(pooled.held_out, images.embeddings)
    return scores


def _plausibility(dictionary: Dictionary, nulls: _Nulls, head: LinearHead) -> dict[str, float]:
    atoms = {
        "": dictionary.atoms,
        "_random_atoms": nulls.random.fixed.atoms,
        "_data_atoms": nulls.tokens.fixed.atoms,
    }
    scores: dict[str, float] = {}
    for null, rows in atoms.items():
        scores[f"plausibility{null}"] = plausibility(rows, centred_rows(head))
        scores[f"plausibility_uncentred{null}"] = plausibility(rows, head.weight)
    return scores


def _kept(
    dictionary: Dictionary, nulls: _Nulls, head: LinearHead, *, images: ImageContext, pooled: _Pooled
) -> dict[str, float]:
    null = nulls.tokens
    of_null = pool_images(null.fixed, images.held_out)
    clean = pooled.held_out.means
    outputs = {
        "": pooled.held_out.mean_outputs(dictionary.atoms, origin=dictionary.origin),
        "_data_atoms": of_null.mean_outputs(null.fit.gain * null.fixed.atoms, origin=null.fixed.mean),
    }
    scores: dict[str, float] = {}
    for key, output in outputs.items():
        kept = predictions_kept(head, clean, reconstructed=output, nothing=dictionary.mean)
        scores |= {f"cross_entropy_kept{key}": kept.cross_entropy, f"top1_agreement{key}": kept.agreement}
    return scores
