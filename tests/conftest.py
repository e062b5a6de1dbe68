"""What all tests share: hypothesis profiles and small, named books."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import crossmargin as xm

# The same cases on every run, so that a red test says something about the change; CROSSMARGIN_EXAMPLES draws others.
EXAMPLES = os.environ.get("CROSSMARGIN_EXAMPLES")
settings.register_profile(
    "crossmargin",
    max_examples=int(EXAMPLES or 100),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("crossmargin")

Columns = dict[str, Any]


@pytest.fixture(scope="session")
def usdm() -> xm.Market:
    """A venue's market with two assets."""
    return xm.load_market("binance-usdm", as_of="2024-10-01")


@pytest.fixture(scope="session")
def textbook() -> xm.Market:
    return xm.load_market("textbook", as_of="2020-01-01")


@pytest.fixture
def balances() -> Columns:
    """Cash of two accounts, as plain columns."""
    return {"account": [7, 9], "asset": ["USDT", "USDT"], "wallet_balance": [5_000.0, 900.0]}


@pytest.fixture
def positions() -> Columns:
    """Positions of the two accounts: three cross ones and an isolated one."""
    return {
        "account": [7, 7, 9, 9],
        "instrument": ["BTCUSDT", "ETHUSDT", "BTCUSDT", "SOLUSDT"],
        "quantity": [0.5, -2.0, 0.2, 10.0],
        "entry_price": [60_000.0, 3_000.0, 61_000.0, 150.0],
        "leverage": [20.0, 10.0, 50.0, 5.0],
        "margin_mode": ["cross", "cross", "cross", "isolated"],
        "isolated_margin": [None, None, None, 300.0],
    }


@pytest.fixture(scope="session")
def marks() -> dict[str, float]:
    return {"BTCUSDT": 58_000.0, "ETHUSDT": 3_100.0, "SOLUSDT": 140.0}


@pytest.fixture
def book(usdm: xm.Market, balances: Columns, positions: Columns) -> xm.Book:
    return xm.Book(usdm, balances=balances, positions=positions)


@pytest.fixture
def prices(usdm: xm.Market, marks: dict[str, float]) -> xm.Prices:
    return usdm.prices(mark=marks)


@pytest.fixture
def refused() -> Callable[..., str]:
    """Call something that must be refused, and give the message."""

    def message(kind: type[Exception], function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        with pytest.raises(kind) as caught:
            function(*args, **kwargs)
        assert type(caught.value) is kind
        return str(caught.value)

    return message
