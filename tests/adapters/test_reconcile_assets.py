"""Figures of one asset where a pool spans the assets of an account."""

from typing import Any

import pytest

import crossmargin as xm

MULTI = xm.load_market("binance-usdm-multi", as_of="2024-10-01")
UTA = xm.load_market("bybit-uta", as_of="2025-09-02")
BALANCES = [
    {"account": 1, "asset": "USDT", "wallet_balance": 1_000.0},
    {"account": 1, "asset": "BTC", "wallet_balance": 0.5},
    {"account": 2, "asset": "USDT", "wallet_balance": 7.0},
]
LONG = {"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 20.0}
INDEX = {"USDT": 1.0, "BTC": 61_000.0}


def of(asset: str | None, field: str, value: float, account: int = 1, **more: Any) -> dict[str, Any]:
    row = {"account": account, "level": "asset", "asset": asset, "instrument": None, "field": field, "value": value}
    return {**row, "step": 1e-8, **more}


def reconciled(
    *rows: dict[str, Any],
    market: xm.Market = MULTI,
    balances: list[dict[str, Any]] = BALANCES,
    positions: tuple[dict[str, Any], ...] = (LONG,),
    mark: float | None = 61_000.0,
) -> list[dict[str, Any]]:
    """0.1 bought at 60,000 and marked at 61,000 has won 100 USDT."""
    book = xm.Book(market, balances=balances, positions=list(positions))
    prices = market.prices(mark={} if mark is None else {"BTCUSDT": mark}, index=INDEX)
    return xm.reconcile(book, prices, list(rows)).table.rows()


@pytest.mark.parametrize(
    ("row", "ours"),
    [
        (of("USDT", "wallet_balance", 1_000.0), 1_000.0),
        (of("USDT", "unrealized_pnl", 100.0), 100.0),
        (of("USDT", "equity", 1_100.0), 1_100.0),
        (of("USDT", "initial_margin", 305.0), 305.0),
        (of("BTC", "wallet_balance", 0.5), 0.5),
        (of("BTC", "unrealized_pnl", 0.0), 0.0),
        (of("BTC", "equity", 0.5), 0.5),
        (of("USDT", "equity", 7.0, account=2), 7.0),
        (of("BTC", "wallet_balance", 0.0, account=2), 0.0),
    ],
    ids=lambda value: f"{value['account']}-{value['asset']}-{value['field']}" if isinstance(value, dict) else "",
)
def test_reconcile_asset_of_a_shared_pool_that_agrees_is_equal(row: dict[str, Any], ours: float) -> None:
    found = reconciled(row)[0]
    assert (found["status"], found["ours"]) == ("equal", pytest.approx(ours, rel=1e-12))


@pytest.mark.parametrize("field", ["wallet_balance", "equity"])
def test_reconcile_cash_of_an_asset_that_differs_is_unexplained(field: str) -> None:
    """Half a coin is held: 0.7 of it is no rounding, and worth 12,200 in an account of 31,000."""
    assert reconciled(of("BTC", field, 0.7))[0]["status"] == "unexplained"


def test_reconcile_last_digit_of_a_small_asset_is_not_lost_in_a_large_account() -> None:
    """Noise is relative to the coin's own cash: 1e-7 of a coin is a difference beside a billion of dollars."""
    rich = [{**BALANCES[0], "wallet_balance": 1e9}, BALANCES[1]]
    found = reconciled(of("BTC", "wallet_balance", 0.5000001), balances=rich)[0]
    assert (found["status"], found["steps"]) == ("unexplained", pytest.approx(10.0))


def test_reconcile_cash_of_an_asset_with_its_profit_in_it_is_named() -> None:
    found = reconciled(of("USDT", "wallet_balance", 1_100.0), of("USDT", "equity", 1_000.0))
    assert [row["cause"] for row in found] == ["unrealised PnL counted twice"] * 2


def test_reconcile_equity_of_an_asset_follows_a_stale_mark() -> None:
    """At 61,500: 6,150 of notional, 150 of profit, 307.5 of margin."""
    held = {"account": 1, "level": "position", "asset": None, "instrument": "BTCUSDT", "step": 1e-8}
    values = {"notional": 6_150.0, "unrealized_pnl": 150.0, "initial_margin": 307.5}
    rows = [{**held, "field": field, "value": value} for field, value in values.items()]
    found = reconciled(*rows, of("USDT", "equity", 1_150.0), of("BTC", "equity", 0.5))
    assert [row["cause"] for row in found] == ["stale mark"] * 4 + ["equal"]


def test_reconcile_equity_of_an_asset_has_bonus_and_debt_in_it() -> None:
    """1,000 + 30 - 200 + 100; and a debt without cash."""
    cash = [
        {"account": 1, "asset": "USDT", "wallet_balance": 1_000.0, "bonus": 30.0, "borrowed": 200.0},
        {"account": 1, "asset": "BTC", "wallet_balance": 0.0, "bonus": 0.0, "borrowed": 0.25},
    ]
    rows = (of("USDT", "equity", 930.0), of("USDT", "wallet_balance", 1_000.0), of("BTC", "equity", -0.25))
    found = reconciled(*rows, market=UTA, balances=cash)
    assert [(row["ours"], row["status"]) for row in found] == [(930.0, "equal"), (1_000.0, "equal"), (-0.25, "equal")]


def test_reconcile_cash_of_an_asset_has_what_is_fenced_in_it() -> None:
    """Of 1,000 the isolated position fences 400; its profit of 100 is the asset's."""
    fenced = {**LONG, "margin_mode": "isolated", "isolated_margin": 400.0}
    rows = (of("USDT", "wallet_balance", 1_000.0), of("USDT", "equity", 1_100.0), of("USDT", "wallet_balance", 600.0))
    found = reconciled(*rows, market=UTA, positions=(fenced,))
    assert [row["cause"] for row in found] == ["equal", "equal", "fenced margin"]


def test_reconcile_fenced_cash_of_another_asset_is_no_cause() -> None:
    """400 USDT are fenced; that a coin's cash is off by 400 says nothing of them."""
    fenced = {**LONG, "margin_mode": "isolated", "isolated_margin": 400.0}
    found = reconciled(of("BTC", "wallet_balance", 400.5), market=UTA, positions=(fenced,))
    assert found[0]["status"] == "unexplained"


@pytest.mark.parametrize(
    "row",
    [
        of("XYZ", "wallet_balance", 0.0),
        of("XYZ", "unrealized_pnl", 0.0),
        of(None, "equity", 0.0),
        of("USDT", "equity", 0.0, account=9),
        of("USDT", "available", 795.0),
        of("USDT", "withdrawable", 795.0),
        of("USDT", "collateral_value", 1_100.0),
    ],
    ids=["asset that the market has not", "its profit", "no asset", "no account", "available", "withdrawable", "value"],
)
def test_reconcile_figure_that_no_asset_has_by_itself_is_not_computed(row: dict[str, Any]) -> None:
    assert reconciled(row)[0]["status"] == "not computed"


def test_reconcile_equity_of_an_asset_without_a_mark_is_not_computed_and_its_cash_is() -> None:
    found = reconciled(of("USDT", "equity", 1_234.0), of("USDT", "wallet_balance", 1_000.0), mark=None)
    assert [row["status"] for row in found] == ["not computed", "equal"]
    assert "no price" in found[0]["detail"]
