"""How much of the activations a dictionary reconstructs."""

import torch

from worker.dictionaries.base import Dictionary, TokenStream
from worker.dictionaries.tokens import checked_batches


@torch.no_grad()
def centred_r2(dictionary: Dictionary, stream: TokenStream) -> float:
    """``1 - sum |x - x_hat|^2 / sum |x - mean|^2`` with the dictionary's mean vector, float64 sums."""
    error = variance = 0.0
    for batch in checked_batches(stream, dictionary.spec.batch_tokens, seed=0, epoch=0):
        tokens = batch.to(dictionary.mean)
        difference = tokens - dictionary.decode(dictionary.encode(tokens))
        error += float(difference.square().sum(dtype=torch.float64))
        variance += float((tokens - dictionary.mean).square().sum(dtype=torch.float64))
    return 1.0 - error / variance if variance > 0 else 0.0
