"""Ctrl-C in calls that take long: noticed while they run."""

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

CALLS: dict[str, Callable[..., Any]] = {
    "prices": xm.liquidation_prices,
    "underlyings": partial(xm.liquidation_prices, along="underlying"),
    "distance": partial(xm.liquidation_distance, shock="all_down"),
    "contribution": xm.contribution,
}


PARTS = 50


def accounts(n: int) -> tuple[xm.Book, xm.Prices]:
    """A book of rules without lanes, where each price takes long."""
    market = xm.load_market("bingx-usdm")
    book = xm.Book(
        market,
        balances={"account": np.arange(n), "asset": ["USDT"] * n, "wallet_balance": np.full(n, 500.0)},
        positions={
            "account": np.arange(n),
            "instrument": ["ETH-USDT"] * n,
            "quantity": np.full(n, 1.3),
            "entry_price": np.full(n, 3_000.0),
        },
    )
    return book, market.prices(mark={"ETH-USDT": 3_100.0}, last={"ETH-USDT": 3_101.0})


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C raises, also where whoever started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_stop_of_a_long_call_ends_it_before_half_of_it_is_done(call: Callable[..., Any]) -> None:
    assert threading.current_thread() is threading.main_thread()
    started = time.monotonic()
    call(*accounts(200), n_threads=1)
    part = time.monotonic() - started
    whole = accounts(200 * PARTS)
    pressed = threading.Timer(part, _thread.interrupt_main, (signal.SIGINT,))
    started = time.monotonic()
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        call(*whole, n_threads=1)
    pressed.join()
    assert time.monotonic() - started < part * PARTS / 2
