"""The two programs that a published number is put to."""

import pytest
from programs import Engine, Program, Reference


@pytest.fixture(scope="session", params=[Reference, Engine], ids=lambda kind: kind.__name__.lower())
def program(request: pytest.FixtureRequest) -> Program:
    return request.param()  # type: ignore[no-any-return]
