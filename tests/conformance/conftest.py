"""The two programs that a published number is put to."""

import pytest

from crossmargin.testing.oracle import Scorer, engine_rows, reference_rows


@pytest.fixture(scope="session")
def reference_score() -> Scorer:
    return reference_rows


@pytest.fixture(scope="session")
def engine_score() -> Scorer:
    return engine_rows
