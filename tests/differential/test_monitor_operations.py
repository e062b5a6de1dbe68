"""Fills, transfers, funding, accounts that come and go: the engine and the reference, step by step."""

from fractions import Fraction
from typing import Any
from zlib import crc32

import pytest

import crossmargin as xm
from crossmargin.reference import exact, load_market
from crossmargin.reference.ledger import in_steps, quantum_of
from crossmargin.testing.watching.books import LANES, book_kinds
from crossmargin.testing.watching.check import monitor_of
from crossmargin.testing.watching.sequences import Sequence

KINDS = {name: draw for name, draw in book_kinds().items() if name not in LANES}


@pytest.mark.parametrize("name", KINDS)
def test_monitor_that_lives_is_the_reference_that_lives(name: str) -> None:
    seed = crc32(name.encode()) % 1_000
    sequence = Sequence(KINDS[name](5, seed), seed)
    for _ in range(25):
        sequence.step()
    assert sequence.n_events > 0


@pytest.mark.parametrize("word", ["fills", "transfers", "funding", "open", "close", "replace", "reset"])
def test_monitor_operation_of_one_kind_alone_is_that_of_the_reference(word: str) -> None:
    sequence = Sequence(KINDS["several pools"](6, 17), 17)
    for _ in range(12):
        sequence.step(word)
        sequence.step("frame")
    assert sequence.done[word] > 0


def test_monitor_after_many_fills_has_the_exact_cash() -> None:
    """Wallets beyond what doubles hold: the sum of all that was booked, to the last quantum."""
    market = xm.load_market("textbook")
    cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1e12]}
    book = xm.Book(market, balances=cash)
    watch = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
    rows: list[dict[str, Any]] = []
    for at in range(400):
        price = 60_000.0 + at * 0.01
        rows.append({"account": 7, "instrument": "BTCUSDT", "quantity": 0.001 * (1 if at % 2 else -1), "price": price})
    fee = 1e-8
    watch.apply_fills([{**row, "fee": fee} for row in rows])
    profit = sum(exact(row["price"]) * exact(row["quantity"]) for row in rows)
    wanted = exact(1e12) - profit - 400 * exact(fee)
    assert watch.book.tables()["balances"]["wallet_balance"].tolist() == [float(wanted)]
    back = float(in_steps(-wanted + exact(1e12), quantum_of(load_market(market.to_toml()), "USDT"), None, "amount"))
    watch.apply_transfers([{"account": 7, "asset": "USDT", "amount": back}])
    assert watch.book.tables()["balances"]["wallet_balance"].tolist() == [float(wanted + exact(back))]
    assert wanted + exact(back) == Fraction(10**12)


def test_monitor_restored_between_operations_goes_on_exactly() -> None:
    """What doubles do not denote is part of a snapshot."""
    market = xm.load_market("textbook")
    cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1e12]}
    plain = xm.Monitor(xm.Book(market, balances=cash), market.prices(mark={"BTCUSDT": 60_000.0}))
    restored = xm.Monitor.restore(plain.snapshot())
    for _ in range(50):
        for watch in (plain, restored):
            watch.apply_transfers([{"account": 7, "asset": "USDT", "amount": 1e-8}] * 1_001)
        restored = xm.Monitor.restore(restored.snapshot())
        assert plain.snapshot() == restored.snapshot()
    wanted = exact(1e12) + 50 * 1_001 * exact(1e-8)
    assert restored.book.tables()["balances"]["wallet_balance"].tolist() == [float(wanted)]


def test_monitor_of_drawn_books_on_no_path_moves_nothing() -> None:
    watch = monitor_of(KINDS["haircuts"](5, 1))
    before = watch.snapshot()
    assert watch.reset([]).frame.tolist() == []
    assert xm.Monitor.restore(before).book == watch.book
