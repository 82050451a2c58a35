"""How autoencoders choose which pre-codes become codes; combined with a class that makes atoms."""

from jaxtyping import Float
from torch import Tensor

from worker.dictionaries.base import SparseCodes
from worker.dictionaries.learned import Moment
from worker.dictionaries.linear import Activation, LinearDictionary
from worker.dictionaries.precodes import PreCodes, top_of_batch
from worker.dictionaries.sparse import firing_counts, reconstruct


class TopKChoice(LinearDictionary):
    """The ``n_active`` largest pre-codes of each token, where they are above 0."""

    def standard_codes(self, u: Float[Tensor, "n d"]) -> SparseCodes:
        """``relu(top_n_active(u W^T + b))``."""
        pre_codes = PreCodes(u, self.encoder_weight, self.encoder_bias)
        indices, values = top_of_batch(pre_codes, self.spec.n_active)
        return SparseCodes(indices, values, self.n_concepts)

    def activate(self, inputs: Float[Tensor, "b d"], atoms: Float[Tensor, "K d"], *, moment: Moment) -> Activation:
        """The same codes, with gradients that touch only the chosen pairs."""
        found = reconstruct(
            inputs, self.encoder_weight, bias=self.encoder_bias, atoms=atoms, n_active=self.spec.n_active
        )
        return Activation(found.output, firing_counts(found.indices, found.values, n_concepts=self.n_concepts))
