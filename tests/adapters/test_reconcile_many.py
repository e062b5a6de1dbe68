"""Many accounts: what is tried on one of them scores no other."""

from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin.reconciliation import figures
from crossmargin.reconciliation.accounts import Accounts

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")
Rows = list[dict[str, Any]]


def told(account: Any, field: str, value: float, **more: Any) -> dict[str, Any]:
    row = {"account": account, "level": "position", "instrument": "BTCUSDT", "asset": None, "field": field}
    return {**row, "value": value, "step": 1e-8, **more}


def desk(n: int) -> tuple[xm.Book, Rows]:
    """Accounts of a long from 60,000 that the venue marked at 60,600, with what it then says."""
    cash = [{"account": at, "asset": "USDT", "wallet_balance": 1_000.0} for at in range(n)]
    held = {"instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 20.0}
    book = xm.Book(MARKET, balances=cash, positions=[{"account": at, **held} for at in range(n)])
    rows = [told(at, field, value) for at in range(n) for field, value in (("notional", 6_060.0), ("odd", 1.0))]
    rows += [told(at, "unrealized_pnl", 60.0) for at in range(n)]
    rows += [told(at, "initial_margin", 123.4567) for at in range(n)]  # what no cause explains
    return book, rows


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pools each call of `score` was of."""
    counts: list[int] = []

    def spy(book: xm.Book, *args: Any, **kwargs: Any) -> xm.Scores:
        counts.append(book.n_pools)
        return xm.score(book, *args, **kwargs)

    monkeypatch.setattr(figures, "score", spy)
    return counts


def test_reconcile_many_differing_accounts_scores_the_book_once_and_then_accounts(scored: list[int]) -> None:
    work = {}
    for n in (3, 30, 60):
        book, rows = desk(n)
        scored.clear()
        found = xm.reconcile(book, MARKET.prices(mark={"BTCUSDT": 60_500.0}), rows)
        assert found.table["status"].tolist().count("unexplained") > 0
        assert scored[0] == n
        assert set(scored[1:]) == {1}
        work[n] = sum(scored)
    assert work[60] == 2 * work[30] == 20 * work[3]


def test_reconcile_liquidation_prices_of_many_accounts_score_these_accounts_only(scored: list[int]) -> None:
    """Each is tried a little below and a little above."""
    book, _ = desk(20)
    rows = [told(at, "liquidation_price", 5_000 / 0.0996) for at in range(20)]
    found = xm.reconcile(book, MARKET.prices(mark={"BTCUSDT": 60_500.0}), rows)
    assert scored == [20] + [1] * 40
    assert all("verdict changes" in detail for detail in found.table["detail"].tolist())


def test_reconcile_accounts_that_agree_are_scored_once(scored: list[int]) -> None:
    book, _ = desk(20)
    rows = [told(at, "notional", 6_050.0) for at in range(20)]
    assert xm.reconcile(book, MARKET.prices(mark={"BTCUSDT": 60_500.0}), rows).equal["account"].tolist() == [*range(20)]
    assert scored == [20]


def test_reconcile_accounts_of_one_book_have_the_causes_that_they_have_alone() -> None:
    """Sizes, marks and figures differ; rows of an account are tried at its own marks only."""
    book, rows = desk(6)
    rows = [{**row, "value": row["value"] * (1 + row["account"] % 3)} for row in rows]
    prices = MARKET.prices(mark={"BTCUSDT": 60_500.0})
    together = xm.reconcile(book, prices, rows).table.rows()
    for account in range(6):
        own = [row for row in rows if row["account"] == account]
        alone = xm.reconcile(xm.Book(MARKET, **book.tables(account)), prices, own).table.rows()
        assert repr([row for row in together if row["account"] == account]) == repr(alone)


@pytest.mark.parametrize("as_text", [False, True])
def test_accounts_alone_hold_all_that_the_book_has_of_them(as_text: bool) -> None:
    """Orders, settings and what is known of accounts, also where one table has numbers for accounts named by text."""
    keys: list[Any] = ["1", "2", "3"] if as_text else [1, 2, 3]
    cash = {"account": keys[:2], "asset": ["USDT"] * 2, "wallet_balance": [500.0, 700.0]}
    held = {"account": keys[1:], "instrument": ["BTCUSDT"] * 2, "quantity": [0.1, -0.1], "entry_price": [6e4, 6e4]}
    orders = {"account": [3, 1], "instrument": ["ETHUSDT"] * 2, "quantity": [1.0, 2.0], "price": [2e3, np.nan]}
    settings = {"account": [1, 3, 3], "instrument": ["ETHUSDT", "ETHUSDT", "BTCUSDT"], "leverage": [5.0, 8.0, 9.0]}
    accounts = {"account": [2, 3], "position_mode": ["one_way", "one_way"]}
    book = xm.Book(MARKET, balances=cash, positions=held, orders=orders, settings=settings, accounts=accounts)
    taken = Accounts(book)
    for key in keys:
        assert taken.alone(key) == xm.Book(MARKET, **book.tables(key))
    assert [taken.alone(key).n_pools for key in keys] == [1, 1, 1]


def test_accounts_alone_count_in_the_unit_of_the_book() -> None:
    """2 base units at 45 are 90; as contracts of 0.0001 they would be 0.009."""
    market = xm.load_market("mexc-usdm")
    held = {"instrument": "BTC_USDT", "quantity": 2.0, "entry_price": 40.0, "leverage": 10.0}
    cash = [{"account": key, "asset": "USDT", "wallet_balance": 50.0} for key in ("a", "b")]
    positions = [{"account": key, **held} for key in ("a", "b")]
    book = xm.Book(market, balances=cash, positions=positions, quantity_unit="base")
    alone = Accounts(book).alone("b")
    assert xm.score(alone, market.prices(mark={"BTC_USDT": 45.0}), "notional").notional.tolist() == [90.0]


def test_accounts_balances_are_those_that_were_entered() -> None:
    cash = [
        {"account": 1, "asset": "USDT", "wallet_balance": 0.1, "borrowed": 0.2},
        {"account": 2, "asset": "USDT", "wallet_balance": 5.0, "borrowed": 0.0},
        {"account": 1, "asset": "USDC", "wallet_balance": 3.0, "borrowed": 0.0},
    ]
    taken = Accounts(xm.Book(MARKET, balances=cash))
    assert {asset: row["wallet_balance"] for asset, row in taken.balances_of(1).items()} == {"USDT": 0.1, "USDC": 3.0}
    assert taken.balances_of(1)["USDT"]["borrowed"] == 0.2
    assert taken.balances_of(7) == {}
