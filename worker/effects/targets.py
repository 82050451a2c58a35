"""What is asked about: a class's logit, alone or against others."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

from store.errors import NotFound

Against = Literal["nothing", "mean"] | int


@dataclass(frozen=True)
class Target:
    """The score ``y = <t, logits>`` that contributions add up to.

    Against nothing, ``t = e_c``: the logit of class c. Against the mean, ``t = e_c - 1 / C``: by how much it is above
    the mean logit of all C classes, which is what probabilities depend on. Against another class, ``t = e_c - e_o``.
    """

    class_index: int
    against: Against = "nothing"

    def weights(self, n_classes: int) -> Float64[Tensor, " c"]:
        """t; raises ``NotFound`` for a class that the head does not have."""
        weights = torch.zeros(n_classes, dtype=torch.float64)
        weights[_checked(self.class_index, n_classes)] = 1.0
        if self.against == "mean":
            return weights - 1.0 / n_classes
        if isinstance(self.against, int):
            weights[_checked(self.against, n_classes)] -= 1.0
        return weights


def _checked(class_index: int, n_classes: int) -> int:
    if not 0 <= class_index < n_classes:
        raise NotFound("class", str(class_index), remedy=f"The model's head has the classes 0 to {n_classes - 1}.")
    return class_index
