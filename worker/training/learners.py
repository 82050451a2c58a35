"""How one dictionary learns from batches: by gradient, or by alternating; both can be put aside and taken up again."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from store.errors import InvalidInput
from store.methods import GradientSpec, TrainingSpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.base import SparseCodes, TokenStream
from worker.dictionaries.learned import LearnedDictionary, Moment
from worker.dictionaries.losses import disagreement
from worker.dictionaries.registry import AnyDictionary
from worker.dictionaries.sparse import firing_counts, weighted_rows
from worker.metrics.reconstruction import centred_r2
from worker.training import team
from worker.training.records import EpochRecord, EpochSums
from worker.training.schedule import learning_rate_factor


class Learner(ABC):
    """One dictionary in training. ``norm_limit`` is the longest standardised token to learn from."""

    dictionary: AnyDictionary
    spec: TrainingSpec

    held_out_r2: Callable[[Any, TokenStream], float] = staticmethod(centred_r2)
    """How the dictionary is judged after each epoch."""

    def __init__(self, dictionary: AnyDictionary, *, tokens_total: int, norm_limit: float) -> None:
        self.dictionary = dictionary
        self.spec = dictionary.spec
        self.tokens_total = tokens_total
        self.norm_limit = norm_limit
        centre = dictionary.standardize(dictionary.mean[None])
        self.centre = centre if bool(centre.any()) else None  # NMF alone has its origin elsewhere than at the mean
        self.tokens_done = 0
        self.n_steps = 0
        self.lr = 0.0
        self.sums = EpochSums()
        self.fired = torch.zeros(self.spec.n_concepts, dtype=torch.bool, device=dictionary.mean.device)
        self.history: list[EpochRecord] = []

    def take(self, batch: Float[Tensor, "b d"]) -> None:
        """Learn from a batch of raw tokens, this process from its share of them."""
        if len(batch) >= team.size():
            inputs = self.dictionary.standardize(team.share(batch).to(self.dictionary.mean.device))
            if math.isfinite(self.norm_limit):
                norms = self._about_mean(inputs).norm(dim=1)
                inputs = inputs[norms <= norms.min().clamp_min(self.norm_limit)]  # never none: others wait for a step
            self._step(inputs, Moment(self.n_steps, self.tokens_done / self.tokens_total), n_batch=len(batch))
        self.n_steps += 1
        self.tokens_done += len(batch)

    def end_epoch(self, epoch: int, *, held_out: TokenStream | None) -> None:
        """Check that the dictionary lives, and write the epoch's record."""
        dead_share = 1.0 - float(self.fired.double().mean())
        self._check_alive(dead_share, epoch=epoch)
        self._finish_epoch()
        self.dictionary.settle()
        sums = self.sums
        self.history.append(
            EpochRecord(
                epoch=epoch,
                loss=sums.mean_loss,
                r2_train=sums.r2,
                r2_held_out=None if held_out is None else self.held_out_r2(self.dictionary, held_out),
                dead_share_epoch=dead_share,
                l0=sums.active / max(sums.tokens, 1),
                lr=self.lr,
            )
        )
        self.sums = EpochSums()
        self.fired.zero_()

    @abstractmethod
    def _finish_epoch(self) -> None:
        """What the method does once per epoch, before the dictionary settles."""

    @property
    @abstractmethod
    def dead_share(self) -> float:
        """Share of concepts that count as dead now."""

    @abstractmethod
    def _step(self, inputs: Float[Tensor, "b d"], moment: Moment, *, n_batch: int) -> None:
        """One update from standardised tokens."""

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that the run needs to go on exactly as it would have."""
        return {"fired": self.fired, **_prefixed("dictionary", self.dictionary.state_dict())}

    def facts(self) -> dict[str, Any]:
        """All else that it needs, as JSON values."""
        return {
            "tokens_done": self.tokens_done,
            "n_steps": self.n_steps,
            "lr": self.lr,
            "norm_limit": self.norm_limit if math.isfinite(self.norm_limit) else None,
            "sums": asdict(self.sums),
            "history": [record.as_json() for record in self.history],
        }

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Become what ``tensors`` and ``facts`` were taken from."""
        self.fired.copy_(tensors["fired"])
        self.dictionary.load_state_dict(_unprefixed("dictionary", tensors))
        self.tokens_done, self.n_steps, self.lr = facts["tokens_done"], facts["n_steps"], facts["lr"]
        self.norm_limit = math.inf if facts["norm_limit"] is None else facts["norm_limit"]
        self.sums = EpochSums(**facts["sums"])
        self.history = [EpochRecord(**record) for record in facts["history"]]

    def _account(self, inputs: Tensor, *, loss: float, error: float, active: Tensor, n_fired: int) -> None:
        """Count tokens, errors and firing concepts over all processes."""
        entries = self._about_mean(inputs).flatten()
        square = float(torch.dot(entries, entries))
        counted = torch.tensor([len(inputs), loss, error, square, n_fired], dtype=torch.float64)
        flags = active.to(torch.int32)
        if team.size() > 1:
            counted = counted.to(flags.device)
            team.add_up(counted, flags)
        n_tokens, loss, error, square, n_fired = counted.tolist()
        self.sums.tokens += int(n_tokens)
        self.sums.loss += loss
        self.sums.error += error
        self.sums.variance += square
        self.sums.active += int(n_fired)
        firing = flags > 0
        self.fired |= firing
        self.dictionary.count_silence(firing, n_tokens=int(n_tokens))

    def _about_mean(self, inputs: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Standardised tokens less the mean: the tokens themselves, but for a dictionary with another origin."""
        return inputs if self.centre is None else inputs - self.centre

    def _check_alive(self, dead_share: float, *, epoch: int) -> None:
        loss = self.sums.mean_loss
        if math.isfinite(loss) and dead_share < 1.0:
            return
        what = "every concept is dead" if math.isfinite(loss) else "the loss is no finite number"
        advice = "Choose another layer."
        if isinstance(self.dictionary, LearnedDictionary):
            spec = self.dictionary.spec
            advice = f"Lower lr (now {spec.lr:g}), raise warmup (now {spec.warmup:g}) or start from k-means."
        raise InvalidInput(f"Training stopped in epoch {epoch}: {what}. {advice}")


class GradientLearner(Learner):
    """Adam, with a warm-up, a cosine, and the norm of the gradient clipped.

    ``companions`` are dictionaries of the next seeds, trained along and pulled towards this one and each other
    (mutual feature regularisation, arXiv 2411.01220); only ``dictionary`` is kept.
    """

    dictionary: LearnedDictionary
    spec: GradientSpec

    def __init__(
        self,
        dictionary: LearnedDictionary,
        *,
        companions: Sequence[LearnedDictionary] = (),
        tokens_total: int,
        norm_limit: float,
    ) -> None:
        super().__init__(dictionary, tokens_total=tokens_total, norm_limit=norm_limit)
        self.spec = dictionary.spec
        self.members = (dictionary, *companions)
        groups = [group for member in self.members for group in member.parameter_groups()]
        self.optimizer = torch.optim.Adam(groups, lr=self.spec.lr, fused=True)
        self.parameters = [p for group in groups for p in group["params"]]

    @property
    def dead_share(self) -> float:
        """Share of concepts that have been silent for ``dead_after_tokens``."""
        return float((self.dictionary.silent_tokens >= self.spec.dead_after_tokens).double().mean())

    def _step(self, inputs: Float[Tensor, "b d"], moment: Moment, *, n_batch: int) -> None:
        self._set_learning_rate(n_batch)
        self.optimizer.zero_grad(set_to_none=True)
        atoms = [member.make_atoms() for member in self.members]
        passes = [m.learn(inputs, a, moment=moment) for m, a in zip(self.members, atoms, strict=True)]
        loss = torch.stack([found.loss for found in passes]).sum()
        if len(atoms) > 1:
            loss = loss + self.spec.mutual_weight * disagreement(atoms)
        (loss * (len(inputs) * team.size() / n_batch) if team.size() > 1 else loss).backward()  # type: ignore[no-untyped-call]
        if team.size() > 1:
            self._average_gradients()
        for member in self.members:
            member.project_gradients()
        clip_grad_norm_(self.parameters, self.spec.clip)
        self.optimizer.step()
        for member in self.members:
            member.project()
        if team.size() > 1:
            self._average_adapted()
        for member, found in zip(self.members[1:], passes[1:], strict=True):
            member.count_silence(found.fired, n_tokens=len(inputs))
        first = passes[0]
        self._account(
            inputs,
            loss=float(first.loss.detach()) * len(inputs),
            error=float(first.error) * inputs.numel(),
            active=first.fired,
            n_fired=first.n_fired,
        )

    def _finish_epoch(self) -> None:
        """Nothing: every step is complete."""

    def _average_gradients(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                team.add_up(parameter.grad)
                parameter.grad.div_(team.size())

    @torch.no_grad()
    def _average_adapted(self) -> None:
        for member in self.members:
            for tensor in member.adapted():
                team.add_up(tensor)
                tensor.div_(team.size())

    def _set_learning_rate(self, n_tokens: int) -> None:
        done = (self.tokens_done + 0.5 * n_tokens) / self.tokens_total
        done = self.dictionary.scheduled(done)
        self.lr = self.spec.lr * learning_rate_factor(done, warmup=self.spec.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * group["lr_factor"]

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and buffers of all members, and the optimiser's moments."""
        companions = {
            f"companion.{number}.{name}": tensor
            for number, member in enumerate(self.members[1:])
            for name, tensor in member.state_dict().items()
        }
        moments = {
            f"optimizer.{number}.{name}": tensor
            for number, state in self.optimizer.state_dict()["state"].items()
            for name, tensor in state.items()
        }
        return {**super().tensors(), **companions, **moments}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Become what ``tensors`` and ``facts`` were taken from."""
        super().restore(tensors, facts)
        for number, member in enumerate(self.members[1:]):
            member.load_state_dict(_unprefixed(f"companion.{number}", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _unprefixed("optimizer", tensors).items():
            parameter, _, key = name.partition(".")
            state.setdefault(int(parameter), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


class AlternatingLearner(Learner):
    """Codes for every batch; new atoms at the end of each epoch."""

    dictionary: AlternatingDictionary

    def __init__(self, dictionary: AlternatingDictionary, *, tokens_total: int, norm_limit: float) -> None:
        super().__init__(dictionary, tokens_total=tokens_total, norm_limit=norm_limit)

    @property
    def dead_share(self) -> float:
        """Share of concepts that no token of the epoch has used so far, counted once an epoch's tokens are seen."""
        per_epoch = self.tokens_total // self.spec.epochs
        return float((self.dictionary.silent_tokens >= per_epoch).double().mean())

    def _step(self, inputs: Float[Tensor, "b d"], moment: Moment, *, n_batch: int) -> None:
        codes: SparseCodes = self.dictionary.absorb(inputs)
        output = weighted_rows(codes.indices, codes.values, table=self.dictionary.standard_atoms)
        counts = firing_counts(codes.indices, codes.values, n_concepts=codes.n_concepts)
        error = float(functional.mse_loss(output, inputs))
        self._account(
            inputs,
            loss=error * len(inputs),
            error=error * inputs.numel(),
            active=counts > 0,
            n_fired=int(counts.sum()),
        )

    def _finish_epoch(self) -> None:
        team.add_up(*self.dictionary.sums())
        self.dictionary.refit()


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _unprefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
