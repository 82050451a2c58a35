"""What every test gets: the same random numbers each time, and no judgement by the clock."""

import os
import random

import hypothesis
import numpy as np
import pytest
import torch

from tests.services.fixtures import database_url, postgres, s3

__all__ = ["database_url", "postgres", "s3"]

# On a shared machine the time of one example says nothing. The rest is as Hypothesis chooses: repeatable in CI.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ.setdefault("CONCEPTOSCOPE_HOSTS", "testserver")  # as clients of tests call the program
torch.set_num_threads(1)  # tiny products gain nothing from a second thread, and lose much on a busy machine


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """For code under test that uses the global generators; our own takes a generator."""
    random.seed(0)
    np.random.seed(0)
