"""Liquidation prices of R1 and R2, all positions in one call, and what a user would write instead.

As for scores: everything is compared first, at marks that liquidate some pools and at the workload's own, then timed
in the rounds of the other rows. What is left out is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

import crossmargin as xm
from crossmargin.testing import Workload
from harness.contender import PRICES, RELATIVE_TOLERANCE, Contender
from harness.prices import PriceOutputs, check_definition, check_prices, precision
from ours import THREADS, build
from peers import elsewhere, price_numba, price_numpy

OUTPUTS = ("below", "above", "liquidation_price")
_MARKS = ({"BTCUSDT": 61_000.0}, {"BTCUSDT": 61_050.0})


@dataclass
class PriceRows:
    """What is timed of liquidation prices.

    Parameters
    ----------
    contenders : list of Contender
        Found right.
    asked : list of dict
        What programs in environments of their own were, for the record.
    """

    contenders: list[Contender] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)


def available() -> bool:
    """Whether this build of crossmargin has liquidation prices."""
    return hasattr(xm, "liquidation_prices")


def checked(workload: Workload, move: float, say: Callable[[str], None]) -> PriceRows:
    """Rows of a workload, found right with its marks times ``move`` and at its own."""
    rows = PriceRows()
    for marks in (workload.marks * move, workload.marks):
        at = replace(workload, marks=marks)
        rows.contenders = ours(at)
        expected = read(rows.contenders[0].run())
        check_definition(rows.contenders[0].name, expected, at)
        if workload.name != "R1":
            for contender in rows.contenders[1:]:
                _check_equal(contender, expected)
            continue
        rows.contenders += [*price_numba.contenders(at), *price_numpy.contenders(at)]
        limits = precision(at)
        for contender in rows.contenders:
            check_prices(contender, expected, limits)
    if workload.name == "R1":
        found, missing = elsewhere.asked(workload, expected.liquidation_price, limits)
        for peer in found:
            check_prices(peer.contender, elsewhere.only(expected, peer.rows), peer.limits)
            rows.contenders.append(peer.contender)
            rows.asked.append(dict(peer.summary))
        for name, reason in missing.items():
            say(f"{name} is left out: {reason}")
            rows.asked.append({"name": name, "left_out": reason})
    return rows


def ours(workload: Workload) -> list[Contender]:
    """crossmargin on one and on two threads, into arrays that it has used before."""
    book, prices = build(workload)
    rows = []
    for threads in THREADS:
        solve = partial(xm.liquidation_prices, book, prices, outputs=OUTPUTS, n_threads=threads)
        of = "" if workload.name == "R1" else f"{workload.name}, "
        name, run = f"crossmargin, prices, {of}{threads} thr", partial(solve, out=solve())
        row = Contender(name, run, threads, "reused", "prices", PRICES, read=read, workload=workload.name)
        rows.append(row)
    return rows


def read(result: Any) -> PriceOutputs:
    """Take the three columns of a result; copies, since the next call writes into them."""
    return PriceOutputs(*(np.array(result[name]) for name in OUTPUTS))


def one_position(preset: str) -> tuple[Callable[[], object], Callable[[], object]] | None:
    """Through `Account`: a new mark and the price of one of two positions, and the mark alone.

    Parameters
    ----------
    preset : str
        Rules. Under those of the textbook the price is a decimal, which only exact arithmetic can tell.

    Returns
    -------
    pair of callables or None
        None while a position of an account has no liquidation price. Each call moves
        the mark, so that nothing is remembered.

    Raises
    ------
    ValueError
        If the excess at the price is not zero.
    """
    account = xm.Account(xm.load_market(preset), {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", -5, entry_price=3_000, leverage=10)
    account.mark({"ETHUSDT": 3_050.0} | _MARKS[0])
    position = account.position("BTCUSDT")
    if not hasattr(type(position), "liquidation_price"):
        return None
    price = position.liquidation_price
    account.mark({"BTCUSDT": price})
    pool = position.pool
    if abs(pool.excess) > RELATIVE_TOLERANCE * pool.notional:
        raise ValueError(f"the excess at the liquidation price {price!r} is {pool.excess!r}")
    turn = iter(_turns())

    def mark() -> None:
        account.mark(next(turn))

    def mark_and_ask() -> object:
        account.mark(next(turn))
        return account.position("BTCUSDT").liquidation_price

    return mark_and_ask, mark


def _turns() -> Any:
    while True:
        yield from _MARKS


def _check_equal(contender: Contender, expected: PriceOutputs) -> None:
    got = read(contender.run())
    for output in OUTPUTS:
        if not np.array_equal(getattr(got, output), getattr(expected, output), equal_nan=True):
            raise ValueError(f"{contender.name}: {output} depends on the number of threads")
