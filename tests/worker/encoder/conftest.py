"""One small store for all tests of the encoder: nothing writes into it."""

import pytest

from tests.encoding import Studio, make_studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return make_studio(tmp_path_factory.mktemp("encoder"))
