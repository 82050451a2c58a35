"""What NMF, Semi-NMF and Convex NMF share: non-negative codes, and atoms from the sums of an epoch."""

from abc import abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from store.errors import InvalidInput
from store.methods import FactorSpec
from worker.dictionaries.alternating import AlternatingDictionary
from worker.dictionaries.base import SparseCodes
from worker.dictionaries.gram import TABLE_CONCEPTS, GramCache
from worker.dictionaries.nonnegative import nonnegative_codes
from worker.dictionaries.sparse import ConceptPairs, weighted_rows
from worker.dictionaries.tally import BadlyExplained, Tally


class FactorDictionary(AlternatingDictionary):
    """``U ~ Z D`` with ``Z >= 0`` and at most ``n_active`` codes above 0 in each row; atoms have norm 1.

    In an epoch all tokens get their codes (``worker/dictionaries/nonnegative.py``); at its end the atoms follow from
    ``Z^T Z`` and ``Z^T U``, with the codes as they are. Their norms do not matter, since the next codes make up for
    them. A concept that no token used starts again at what is left over of a badly explained token.

    With all concepts active the codes are exact, and the error never grows from one epoch to the next; with fewer the
    choice of concepts is greedy, and it may grow a little. Raises ``InvalidInput`` above 16,384 concepts.
    """

    per_concept: ClassVar[tuple[str, ...]] = (*AlternatingDictionary.per_concept, "decoder")

    spec: FactorSpec
    decoder: Tensor

    def __init__(self, spec: FactorSpec, width: int) -> None:
        super().__init__(spec, width)
        n_concepts = spec.n_concepts
        if n_concepts > TABLE_CONCEPTS:
            raise InvalidInput(
                f"n_concepts is {n_concepts}, but {self.method} keeps products of all pairs of concepts and takes at "
                f"most {TABLE_CONCEPTS}; lower n_concepts, or choose matching-pursuit."
            )
        self.register_buffer("decoder", torch.zeros(n_concepts, width))
        self.tally = Tally(squares=(n_concepts, n_concepts), products=(n_concepts, width))
        self.badly_explained = BadlyExplained(n_concepts, width, seed=spec.seed)
        self.gram = GramCache()

    @property
    def standard_atoms(self) -> Float[Tensor, "K d"]:
        """Atoms with norm 1 in standardised space."""
        return self.decoder

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """Non-negative codes of the concepts chosen greedily."""
        table = self.gram.table(self.decoder)
        indices, values = nonnegative_codes(
            u, self.decoder, table=table, n_active=self.spec.n_active, n_sweeps=self.spec.n_code_iterations
        )
        return SparseCodes(indices, values, self.n_concepts)

    @torch.no_grad()
    def absorb(self, u: Float[Tensor, "b d"]) -> SparseCodes:
        """Codes of the batch, added to ``Z^T Z`` and ``Z^T U``; its worst tokens are remembered."""
        codes = self.standard_codes(u)
        pairs = ConceptPairs(codes.indices, n_concepts=self.n_concepts)
        self.tally.open()
        self.tally["squares"].add_(pairs.weighted_sums(codes.values, codes.dense()))
        self.tally["products"].add_(pairs.weighted_sums(codes.values, u))
        left_over = u - weighted_rows(codes.indices, codes.values, table=self.decoder)
        self.badly_explained.see(left_over, left_over.square().sum(dim=1))
        return codes

    def sums(self) -> tuple[Tensor, ...]:
        """``Z^T Z``, ``Z^T U`` and the tokens to restart from."""
        self.tally.open()
        return self.tally["squares"], self.tally["products"], *self.badly_explained.sums()

    @torch.no_grad()
    def refit(self) -> None:
        """New atoms from the sums; lost concepts start again."""
        squares = self.tally["squares"]
        used = squares.diagonal() > 0
        # Scaled so that the diagonal is 1, the sums are well conditioned, and fit single precision.
        size = torch.where(used, squares.diagonal(), 1.0).sqrt()
        found = self.new_atoms(squares / (size[:, None] * size), self.tally["products"] / size[:, None], size=size)
        lost = ~(used & (found.norm(dim=1) > 0))
        self.decoder.copy_(torch.where(lost[:, None], self.decoder, functional.normalize(found, dim=1)))
        left_over = self.badly_explained.drawn().to(self.decoder)
        n_restarts = min(int(lost.sum()), len(left_over))
        self.restart(lost.nonzero()[:n_restarts, 0], left_over[:n_restarts])
        self.tally.close()
        self.badly_explained.close()

    @abstractmethod
    def new_atoms(
        self, squares: Float[Tensor, "K K"], products: Float[Tensor, "K d"], *, size: Float[Tensor, " K"]
    ) -> Float[Tensor, "K d"]:
        """Atoms of any norm that lower ``|U - Z D|^2`` from where they are, in float32; rows of unused ones are free.

        ``squares = Z^T Z`` and ``products = Z^T U`` for codes divided by ``size``, their root sums of squares (1 for
        an unused concept, whose row is zero), float64: atom k stands at ``size_k d_k``.
        """

    @abstractmethod
    def restart(self, lost: Int[Tensor, " l"], left_over: Float[Tensor, "l d"]) -> None:
        """Move the atoms of lost concepts towards what is left over of tokens, one each."""
