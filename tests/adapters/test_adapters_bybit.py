"""Bybit's replies: unsigned sizes, empty text, legs by index, margin modes, coins."""

from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import bybit


def wallet(*coins: dict[str, Any], **more: Any) -> dict[str, Any]:
    listed = list(coins) or [{"coin": "USDT", "walletBalance": "1000", "equity": "1050", "usdValue": "1050"}]
    return {"accountType": "UNIFIED", "accountMMRate": "0.01", "coin": listed, **more}


def position(**more: Any) -> dict[str, Any]:
    """A short of 0.1 at 60,500, marked at 60,000."""
    row = {"symbol": "BTCUSDT", "side": "Sell", "size": "0.1", "avgPrice": "60500", "markPrice": "60000"}
    return {**row, "leverage": "10", "positionIdx": 0, "tradeMode": 0, "liqPrice": "", "positionBalance": "0", **more}


def test_bybit_size_has_no_sign_and_the_side_signs_it() -> None:
    made = bybit.account(wallet(), [position(), position(symbol="ETHUSDT", side="Buy")])
    assert made.positions["quantity"].tolist() == [-0.1, 0.1]


def test_bybit_empty_rows_and_empty_text_are_nothing() -> None:
    empty = position(side="", size="0", avgPrice="0", leverage="", liqPrice="", markPrice="")
    made = bybit.account(wallet(), [empty, position(leverage="")])
    assert len(made.positions) == 1
    assert "leverage" not in made.positions
    assert not [row for row in made.reported.rows() if row["field"] == "liquidation_price"]


def test_bybit_replies_may_be_wrapped() -> None:
    inside = {"retCode": 0, "result": {"list": [position()]}}
    made = bybit.account({"retCode": 0, "result": {"list": [wallet()]}}, inside, orders={"result": {"list": []}})
    assert (len(made.balances), len(made.positions), len(made.orders)) == (1, 1, 0)


def test_bybit_position_index_names_the_legs() -> None:
    rows = [position(positionIdx=1, side="Buy"), position(positionIdx=2)]
    made = bybit.account(wallet(), rows)
    assert made.positions["position_side"].tolist() == ["long", "short"]
    assert bybit.account(wallet(), [position(positionIdx="0")]).positions["position_side"].tolist() == ["net"]
    with pytest.raises(xm.ArgumentError, match="positionIdx was '3'"):
        bybit.account(wallet(), [position(positionIdx=3)])


@pytest.mark.parametrize(
    ("purse", "row", "said", "mode"),
    [
        (wallet(), position(), None, "cross"),
        (wallet(accountMMRate=""), position(positionBalance="600"), None, "isolated"),
        (wallet(), position(tradeMode=1, positionBalance="600"), None, "isolated"),
        (wallet(accountMMRate=""), position(), "cross", "cross"),
    ],
)
def test_bybit_margin_mode_comes_from_the_wallet_the_position_or_the_caller(
    purse: dict[str, Any], row: dict[str, Any], said: str | None, mode: str
) -> None:
    made = bybit.account(purse, [row], margin_mode=said)
    assert made.positions["margin_mode"].tolist() == [mode]
    assert ("isolated_margin" in made.positions) == (mode == "isolated")


def test_bybit_margin_mode_that_nothing_tells_is_asked_for() -> None:
    bare = {"coin": [{"coin": "USDT", "walletBalance": "1"}]}
    with pytest.raises(xm.ArgumentError, match="margin_mode='cross' or margin_mode='isolated'"):
        bybit.account(bare, [position()])


def test_bybit_wallet_balance_is_without_profit() -> None:
    made = bybit.account(wallet(), [position()])
    rules = xm.load_market("bybit-uta")
    scores = xm.score(made.book(rules), made.prices(rules), outputs=("wallet_balance", "equity"))
    assert (scores.wallet_balance.tolist(), scores.equity.tolist()) == ([1000.0], [1050.0])


def test_bybit_index_prices_are_values_over_equities() -> None:
    coin = {"coin": "BTC", "walletBalance": "0.5", "equity": "0.5", "usdValue": "30000"}
    made = bybit.account(wallet(coin), [])
    assert made.index == {"BTC": 60_000.0}
    assert bybit.account(wallet(coin), [], index={"BTC": 59_000.0}).index == {"BTC": 59_000.0}


def test_bybit_bonus_must_be_told_where_it_is() -> None:
    coin = {"coin": "USDT", "walletBalance": "100", "bonus": "10"}
    with pytest.raises(xm.ArgumentError, match=r"bonus was '10'.*bonus_in_wallet"):
        bybit.account(wallet(coin), [])
    for inside, cash in ((True, 90.0), (False, 100.0)):
        row = bybit.account(wallet(coin), [], bonus_in_wallet=inside).balances.rows()[0]
        assert (row["wallet_balance"], row["bonus"]) == (cash, 10.0)


def test_bybit_spot_borrowing_is_a_debt() -> None:
    coin = {"coin": "BTC", "walletBalance": "0", "spotBorrow": "0.2", "equity": "-0.2", "usdValue": "-12000"}
    made = bybit.account(wallet(coin), [])
    assert made.balances["borrowed"].tolist() == [0.2]
    assert made.index == {"BTC": 60_000.0}


def owing(equity: str, **more: Any) -> dict[str, Any]:
    """1,000 in the wallet, 300 owed, and 50 of profit on a short."""
    row = {"coin": "USDT", "walletBalance": "1000", "spotBorrow": "300", "unrealisedPnl": "50", "equity": equity}
    return wallet({**row, **more})


def found_equity(made: xm.adapters.Snapshot) -> dict[str, Any]:
    """What the reconciliation says of the coin's equity."""
    rules = xm.load_market("bybit-uta", as_of="2025-09-02")
    return next(row for row in made.reconcile(rules).table.rows() if row["key"] == "equity")


def test_bybit_debt_beside_the_wallet_agrees_with_the_equity() -> None:
    """By the documentation: 1,000 - 300 + 50."""
    made = bybit.account(owing("750"), [position()])
    row = made.balances.rows()[0]
    assert (row["wallet_balance"], row["borrowed"], made.notes) == (1_000.0, 300.0, ())
    found = found_equity(made)
    assert (found["ours"], found["cause"]) == (750.0, "equal")


def test_bybit_debt_that_the_wallet_is_less_by_already_counts_once_and_is_noted() -> None:
    """1,050 is the wallet and the profit: a debt taken off again would make it 750."""
    made = bybit.account(owing("1050"), [position()])
    row = made.balances.rows()[0]
    assert (row["wallet_balance"], row["borrowed"]) == (1_300.0, 300.0)
    assert found_equity(made)["ours"] == 1_050.0
    assert [note for note in made.notes if "spotBorrow was '300' and equity '1050'" in note and "less by" in note]


def test_bybit_debt_that_the_equity_does_not_place_is_noted_and_unexplained() -> None:
    """An option of 120 that is not read: 1,000 - 300 + 50 + 120."""
    made = bybit.account(owing("870"), [position()])
    assert made.balances["wallet_balance"].tolist() == [1_000.0]
    assert [note for note in made.notes if "neither with the debt nor without" in note]
    found = found_equity(made)
    assert (found["ours"], found["difference"], found["status"]) == (750.0, 120.0, "unexplained")


def test_bybit_debt_is_where_the_caller_says() -> None:
    for equity in ("750", "1050", "870", ""):
        for inside, cash in ((True, 1_300.0), (False, 1_000.0)):
            made = bybit.account(owing(equity), [position()], debt_in_wallet=inside)
            assert (made.balances["wallet_balance"].tolist(), made.notes) == ([cash], ())


def test_bybit_debt_without_an_equity_is_beside_the_wallet() -> None:
    assert bybit.account(owing(""), [position()]).balances["wallet_balance"].tolist() == [1_000.0]


@pytest.mark.parametrize(("equity", "cash"), [("750", 1_000.0), ("790", 1_000.0), ("1050", 1_300.0), ("1090", 1_300.0)])
def test_bybit_debt_is_placed_by_an_equity_with_or_without_the_bonus(equity: str, cash: float) -> None:
    """40 of bonus, which may be in the equity."""
    made = bybit.account(owing(equity, bonus="40"), [position()], bonus_in_wallet=False)
    assert made.balances["wallet_balance"].tolist() == [cash]


def test_bybit_dust_of_debt_needs_no_word() -> None:
    made = bybit.account(owing("1050", spotBorrow="0.00000001"), [position()])
    assert (made.balances["wallet_balance"].tolist(), made.notes) == ([1_000.0], ())


def test_bybit_inverse_contracts_are_dollars_and_pools_are_per_coin() -> None:
    """10,000 USD bought at 50,000 and marked at 40,000: 0.2 - 0.25 BTC."""
    row = position(symbol="BTCUSD", side="Buy", size="10000", avgPrice="50000", markPrice="40000")
    coin = {"coin": "BTC", "walletBalance": "1", "equity": "0.95", "unrealisedPnl": "-0.05"}
    made = bybit.account(wallet(coin), [row], category="inverse")
    rules = xm.load_market("bybit-inverse")
    found = {row["field"]: row for row in made.reconcile(rules).table.rows()}
    assert {field: row["cause"] for field, row in found.items()} == {"equity": "equal", "unrealized_pnl": "equal"}
    assert found["unrealized_pnl"]["ours"] == pytest.approx(-0.05, rel=1e-12)


def test_bybit_orders_count_what_is_left_and_keep_triggers_while_they_wait() -> None:
    order = {"symbol": "BTCUSDT", "side": "Buy", "qty": "0.3", "leavesQty": "0.2", "price": "59000"}
    order |= {"triggerPrice": "58000", "orderStatus": "Untriggered", "positionIdx": 0, "reduceOnly": False}
    filled = {**order, "triggerPrice": "", "orderStatus": "PartiallyFilled"}
    made = bybit.account(wallet(), [position()], orders=[order, filled, {**order, "leavesQty": "0"}])
    assert made.orders["quantity"].tolist() == [0.2, 0.2]
    assert [row["trigger_price"] for row in made.orders.rows()] == pytest.approx([58_000.0, float("nan")], nan_ok=True)
    assert made.orders["leverage"].tolist() == [10.0, 10.0]


def test_bybit_risk_limits_are_ladders_in_the_unit_of_their_category() -> None:
    rows = [
        {"symbol": "BTCUSD", "riskLimitValue": "300", "maintenanceMargin": "0.01", "maxLeverage": "50"},
        {"symbol": "BTCUSD", "riskLimitValue": "150", "maintenanceMargin": "0.005", "maxLeverage": "100"},
    ]
    rows[0]["mmDeduction"] = "0.75"
    made = bybit.tiers({"result": {"list": rows}}, category="inverse")
    tiers = made.onto(xm.load_market("bybit-inverse")).tiers("BTCUSD")
    assert (made.bounds, tiers["floor"].tolist()) == (("settle",), [0.0, 150.0])
    assert tiers["at_floor"].tolist() == ["lower", "lower"]
    with pytest.raises(xm.ArgumentError, match="category was 'spot'"):
        bybit.tiers(rows, category="spot")


def test_bybit_account_of_several_coins_agrees_with_its_totals() -> None:
    """1 BTC counts at 98 %; a short of 0.1 at 60,500 has won 50. Its margin is what the venue's page charges:
    0.5 % of 6,000 and 0.055 % of 6,050 at 10x, 6,655 where a short is bankrupt.
    """
    btc = {"coin": "BTC", "walletBalance": "1", "equity": "1", "usdValue": "60000"}
    usdt = {"coin": "USDT", "walletBalance": "1000", "equity": "1050", "usdValue": "1050", "unrealisedPnl": "50"}
    totals = {"totalEquity": "61050", "totalMarginBalance": "59850", "totalPerpUPL": "50"}
    totals |= {"totalInitialMargin": "603.66025", "totalMaintenanceMargin": "33.66025"}
    totals |= {"totalAvailableBalance": "59246.33975", "accountMMRate": "0.0005"}
    made = bybit.account(wallet(btc, usdt, **totals), [position(positionMM="33.66025", positionIM="603.66025")])
    found = made.reconcile(xm.load_market("bybit-uta", as_of="2025-09-02"))
    causes = {row["key"]: row["cause"] for row in found.table.rows()}
    assert found.n_unexplained == 0, found
    assert causes.pop("accountMMRate") == "rounding"
    assert set(causes.values()) == {"equal"}


@pytest.mark.parametrize("turned", [False, True])
def test_bybit_orders_of_a_leg_have_its_leverage_whatever_the_order_of_rows(turned: bool) -> None:
    rows = [position(positionIdx=1, side="Buy"), position(positionIdx=2, side="", size="0", leverage="5")]
    order = {"symbol": "BTCUSDT", "qty": "0.1", "leavesQty": "0.1", "price": "60000", "orderStatus": "New"}
    orders = [{**order, "side": "Buy", "positionIdx": 1}, {**order, "side": "Sell", "positionIdx": "2"}]
    made = bybit.account(wallet(), rows[::-1] if turned else rows, orders=orders)
    assert made.orders["leverage"].tolist() == [10.0, 5.0]


def test_bybit_order_of_a_leg_without_a_row_has_no_leverage_of_the_other() -> None:
    order = {"symbol": "BTCUSDT", "side": "Sell", "qty": "0.1", "price": "60000", "positionIdx": 2}
    made = bybit.account(wallet(), [position(positionIdx=1, side="Buy")], orders=[order])
    assert "leverage" not in made.orders
