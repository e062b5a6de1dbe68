"""Binance's replies: text numbers, v2 and v3, hedge mode, isolated wallets, brackets."""

from typing import Any

import pytest
from sampling import vectors

import crossmargin as xm
from crossmargin.adapters import binance


def asset(name: str = "USDT", wallet: str = "1000.00000000", **more: Any) -> dict[str, Any]:
    return {"asset": name, "walletBalance": wallet, **more}


def v2(**more: Any) -> dict[str, Any]:
    """A long of 0.5 at 2,000, marked at 2,100, with 50 of profit."""
    row = {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "0.500", "entryPrice": "2000.0"}
    row |= {"leverage": "20", "isolated": False, "unrealizedProfit": "50.00000000", "notional": "1050.00000000"}
    return {**row, "isolatedWallet": "0", "initialMargin": "52.50000000", "maintMargin": "4.20000000", **more}


def v3(**more: Any) -> dict[str, Any]:
    """The same without prices, leverage and mode."""
    row = v2(**more)
    return {key: value for key, value in row.items() if key not in ("entryPrice", "leverage", "isolated")}


def reply(*positions: dict[str, Any], assets: Any = None, **more: Any) -> dict[str, Any]:
    return {"assets": assets or [asset()], "positions": list(positions), **more}


def test_binance_v2_account_scores_as_the_venue_says() -> None:
    """0.4 % of 1,050 is 4.2: the rate of the first bracket of ETHUSDT."""
    made = binance.account(reply(v2(), multiAssetsMargin=False), kind="usdm")
    rules = xm.load_market("binance-usdm")
    scores = xm.score(made.book(rules), made.prices(rules), outputs="all")
    assert scores.equity.tolist() == [1050.0]
    assert scores.maintenance_margin.tolist() == [4.2]
    assert scores.initial_margin.tolist() == [52.5]
    assert made.reconcile(rules).n_unexplained == 0


def test_binance_v3_account_prices_follow_from_notional_and_profit() -> None:
    made = binance.account(reply(v3()), kind="usdm")
    assert made.mark == {"ETHUSDT": 2100.0}
    assert made.positions["entry_price"].tolist() == [2000.0]
    assert "imply" in made.notes[0]
    told = {row["field"] for row in made.reported.rows() if row["level"] == "position"}
    assert told == {"initial_margin", "maintenance_margin"}  # not what the prices were made of


def test_binance_v3_short_prices_follow_with_their_signs() -> None:
    """-0.5 at 2,000, marked at 2,100: 50 lost."""
    row = v3(positionAmt="-0.500", notional="-1050.0", unrealizedProfit="-50.0")
    made = binance.account(reply(row), kind="usdm")
    assert (made.mark["ETHUSDT"], made.positions["entry_price"].tolist()) == (2100.0, [2000.0])


def test_binance_v3_leverage_is_unknown_until_it_is_said() -> None:
    rules = xm.load_market("binance-usdm")
    made = binance.account(reply(v3()), kind="usdm")
    found = {row["field"]: row["cause"] for row in made.reconcile(rules).table.rows()}
    assert found["initial_margin"] == "other leverage"  # 1,050 / 52.5: at 20x, where ours is unknown
    for leverage in (20, {"ETHUSDT": 20}):
        told = binance.account(reply(v3()), kind="usdm", leverage=leverage)
        assert told.reconcile(rules).table["cause"].tolist() == ["equal"] * len(told.reported)


def test_binance_positions_of_position_risk_come_before_those_of_the_account() -> None:
    risk = [{"symbol": "ETHUSDT", "positionAmt": "0.5", "entryPrice": "1990.0", "markPrice": "2100.5"}]
    made = binance.account(reply(v3()), kind="usdm", positions=risk)
    assert made.positions["entry_price"].tolist() == [1990.0]
    assert made.mark == {"ETHUSDT": 2100.5}


def test_binance_zero_positions_are_dropped() -> None:
    made = binance.account(reply(v2(), v2(symbol="BTCUSDT", positionAmt="0.000", entryPrice="0.0")), kind="usdm")
    assert made.positions["instrument"].tolist() == ["ETHUSDT"]


def test_binance_hedge_positions_are_legs_with_their_own_signs() -> None:
    rows = [v2(positionSide="LONG"), v2(positionSide="SHORT", positionAmt="-0.200")]
    made = binance.account(reply(*rows), kind="usdm")
    assert made.positions["position_side"].tolist() == ["long", "short"]
    assert made.positions["quantity"].tolist() == [0.5, -0.2]


@pytest.mark.parametrize(
    "told",
    [
        {"isolated": True, "isolatedWallet": "30.0"},
        {"isolated": None, "marginType": "isolated", "isolatedWallet": "30.0", "isolatedMargin": "80.0"},
        {"isolated": None, "isolatedWallet": None, "marginType": "ISOLATED", "isolatedMargin": "80.0"},
        {"isolated": None, "isolatedWallet": "30.0", "isolatedMargin": "80.0"},
    ],
    ids=["account v2", "positionRisk v2", "margin only", "v3"],
)
def test_binance_isolated_wallet_is_without_profit(told: dict[str, Any]) -> None:
    made = binance.account(reply(v2(**told)), kind="usdm")
    assert made.positions["margin_mode"].tolist() == ["isolated"]
    assert made.positions["isolated_margin"].tolist() == [30.0]
    rules = xm.load_market("binance-usdm")
    scores = xm.score(made.book(rules), made.prices(rules), outputs=("wallet_balance", "equity"))
    assert scores.wallet_balance.tolist() == [970.0, 30.0]
    assert scores.equity.tolist() == [970.0, 80.0]


def test_binance_cross_positions_have_no_isolated_margin() -> None:
    made = binance.account(reply(v2(isolatedWallet="0", isolatedMargin="0.00000000")), kind="usdm")
    assert made.positions["margin_mode"].tolist() == ["cross"]
    assert "isolated_margin" not in made.positions


def test_binance_multi_assets_mode_chooses_the_preset_and_refuses_the_other() -> None:
    made = binance.account(reply(assets=[asset(), asset("BTC", "0.5")], multiAssetsMargin=True), kind="usdm")
    assert (made.preset, made.pooling) == ("binance-usdm-multi", "per_account")
    with pytest.raises(xm.ArgumentError, match="binance-usdm-multi"):
        made.book(xm.load_market("binance-usdm"))
    assert made.book(xm.load_market("binance-usdm-multi")).n_pools == 1


def test_binance_multi_assets_mode_that_is_not_told_is_asked_for() -> None:
    several = reply(assets=[asset(), asset("USDC", "5")])
    with pytest.raises(xm.ArgumentError, match=r"multiAssetsMargin was None.*multi_assets=True or False"):
        binance.account(several, kind="usdm")
    assert binance.account(several, kind="usdm", multi_assets=False).preset == "binance-usdm"
    with pytest.raises(xm.ArgumentError, match="multiAssetsMargin was True"):
        binance.account({**several, "multiAssetsMargin": True}, kind="usdm", multi_assets=False)


def test_binance_coin_contracts_and_notional_in_coin() -> None:
    """2 contracts of 100 USD at 40,000 are 0.005 BTC."""
    row = {"symbol": "BTCUSD_PERP", "positionAmt": "-2", "entryPrice": "50000.0", "markPrice": "40000.0"}
    row |= {"notionalValue": "-0.005", "unRealizedProfit": "0.001", "leverage": "5", "marginType": "cross"}
    made = binance.account(reply(assets=[asset("BTC", "0.1")]), kind="coinm", positions=[row])
    rules = xm.load_market("binance-coinm")
    found = made.reconcile(rules)
    assert found.table["cause"].tolist() == ["equal"] * len(found)
    assert {row["field"]: row["ours"] for row in found.table.rows()}["notional"] == 0.005


def test_binance_coin_position_without_entry_price_is_refused() -> None:
    row = {"symbol": "BTCUSD_PERP", "positionAmt": "2", "entryPrice": "0.0", "markPrice": "40000.0"}
    with pytest.raises(xm.ArgumentError, match=r"positions\[0\]\.entryPrice was '0\.0'"):
        binance.account(reply(assets=[asset("BTC", "0.1")]), kind="coinm", positions=[row])


def test_binance_orders_have_leverage_and_mode_of_their_symbol() -> None:
    flat = v2(symbol="BTCUSDT", positionAmt="0", leverage="8", isolated=True)
    order = {"symbol": "BTCUSDT", "side": "SELL", "origQty": "0.3", "executedQty": "0.1", "price": "60000"}
    order |= {"stopPrice": "0", "reduceOnly": False, "positionSide": "BOTH"}
    made = binance.account(reply(v2(), flat), kind="usdm", orders=[order])
    row = made.orders.rows()[0]
    assert (row["quantity"], row["leverage"], row["margin_mode"]) == (-0.2, 8.0, "isolated")


def test_binance_conditional_orders_keep_their_trigger_and_closing_ones_reduce() -> None:
    order = {"symbol": "ETHUSDT", "side": "SELL", "origQty": "0.5", "price": "0", "stopPrice": "1900"}
    order |= {"closePosition": True, "positionSide": "BOTH"}
    made = binance.account(reply(v2()), kind="usdm", orders=[order])
    row = made.orders.rows()[0]
    assert (row["trigger_price"], row["reduce_only"]) == (1900.0, True)
    assert made.book(xm.load_market("binance-usdm")).n_positions == 1


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"positionAmt": "x"}, r"positions\[0\]\.positionAmt was 'x'"),
        ({"positionAmt": "nan"}, "finite"),
        ({"positionSide": "UP"}, "'BOTH', 'LONG', 'SHORT'"),
        ({"symbol": ""}, r"positions\[0\]\.symbol was ''"),
        ({"entryPrice": True}, "was True"),
        ({"isolated": "maybe"}, "expected true or false"),
    ],
)
def test_binance_what_cannot_be_read_is_refused_with_its_place(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(xm.ArgumentError, match=message):
        binance.account(reply(v2(**broken)), kind="usdm")


def test_binance_kind_must_be_said() -> None:
    with pytest.raises(xm.ArgumentError, match="kind was 'spot'"):
        binance.account(reply(), kind="spot")
    for nothing in (None, "text", [1], []):
        with pytest.raises(xm.ArgumentError):
            binance.account(nothing, kind="usdm")


def rows_of(tiers: list[list[float]], amounts: list[float]) -> list[dict[str, Any]]:
    keys = ("notionalFloor", "notionalCap", "maintMarginRatio", "initialLeverage")
    return [
        {**dict(zip(keys, row, strict=True)), "cum": amount, "bracket": at}
        for at, (row, amount) in enumerate(zip(tiers, amounts, strict=True), 1)
    ]


def test_binance_brackets_of_the_published_table_keep_its_amounts() -> None:
    vector = vectors()["binance-um-tier-table-btcusdc"]
    rows = rows_of(vector["inputs"]["tiers"], vector["expected"]["cum"])
    made = binance.tiers([{"symbol": "BTCUSDC", "brackets": rows}], kind="usdm")
    tiers = made.onto(xm.load_market("binance-usdm")).tiers("BTCUSDC")
    assert tiers["deduction"].tolist() == vector["expected"]["cum"]
    assert set(tiers["law"].tolist()) == {"marginal"}


@pytest.mark.parametrize("spelling", ["qtyFloor", "qtylFloor"])
def test_binance_coin_brackets_have_both_spellings_of_the_floor(spelling: str) -> None:
    rows = [
        {"qtyCap": 5, spelling: 0, "maintMarginRatio": 0.004, "initialLeverage": 125, "cum": 0.0},
        {"qtyCap": 10, spelling: 5, "maintMarginRatio": 0.005, "initialLeverage": 100, "cum": 0.005},
    ]
    made = binance.tiers([{"symbol": "BTCUSD_PERP", "brackets": rows}], kind="coinm")
    tiers = made.onto(xm.load_market("binance-coinm")).tiers("BTCUSD_PERP")
    assert (made.bounds, tiers["floor"].tolist(), tiers["deduction"].tolist()) == (("settle",), [0, 5], [0, 0.005])


def test_binance_coefficient_of_brackets_must_be_told_what_it_means() -> None:
    rows = rows_of([[0, 50_000, 0.004, 125], [50_000, 100_000, 0.005, 100]], [0, 50])
    entry = {"symbol": "BTCUSDT", "notionalCoef": 1.5, "brackets": rows}
    with pytest.raises(xm.ArgumentError, match=r"notionalCoef was 1\.5"):
        binance.tiers([entry], kind="usdm")
    applied = binance.tiers([entry], kind="usdm", coefficient="applied").frame()
    assert applied["cap"].tolist() == [50_000, 100_000]
    to_apply = binance.tiers([entry], kind="usdm", coefficient="to_apply")
    assert to_apply.frame()["cap"].tolist() == [75_000, 150_000]
    assert to_apply.onto(xm.load_market("binance-usdm")).tiers("BTCUSDT")["deduction"].tolist() == [0, 75]
    assert binance.tiers([{**entry, "notionalCoef": 1.0}], kind="usdm").frame()["cap"].tolist() == [50_000, 100_000]


def test_binance_exchange_info_names_symbols_that_the_market_lacks() -> None:
    info = {"symbols": [{"symbol": "ETHUSD_PERP", "baseAsset": "ETH", "quoteAsset": "USD", "marginAsset": "ETH"}]}
    info["symbols"][0]["contractSize"] = 10
    rows = [{"qtyCap": 50, "qtyFloor": 0, "maintMarginRatio": 0.01, "initialLeverage": 50}]
    made = binance.tiers([{"symbol": "ETHUSD_PERP", "brackets": rows}], kind="coinm", exchange_info=info)
    rules = made.onto(xm.load_market("binance-coinm"))
    entry = next(row for row in rules.instruments.rows() if row["base"] == "ETH")
    assert (entry["instrument"], entry["contract_size"], entry["payoff"]) == ("ETHUSD_PERP", 10.0, "inverse")


def test_binance_multi_assets_totals_are_in_dollars() -> None:
    """0.5 BTC at 60,000, and 1,000 USDT with 50 of profit; before any haircut."""
    totals = {"totalWalletBalance": "31000.0", "totalUnrealizedProfit": "50.0", "totalMarginBalance": "31050.0"}
    assets = [asset("USDT", "1000", maintMargin="4.2"), asset("BTC", "0.5")]
    sent = reply(v2(), assets=assets, multiAssetsMargin=True, **totals)
    made = binance.account(sent, kind="usdm", index={"BTC": 60_000.0, "USDT": 1.0})
    found = made.reconcile(xm.load_market("binance-usdm-multi"))
    assert {row["key"] for row in found.table.rows()} >= {*totals, "maintMargin", "walletBalance"}
    assert set(found.table["cause"].tolist()) == {"equal"}, found


@pytest.mark.parametrize("turned", [False, True])
def test_binance_orders_of_v3_legs_have_the_mode_of_their_symbol_whatever_the_order_of_rows(turned: bool) -> None:
    """The mode is a setting of the symbol; a leg of size zero has no margin to tell it by."""
    rows = [v3(positionSide="LONG", isolatedWallet="300", isolatedMargin="350")]
    rows.append(v3(positionSide="SHORT", positionAmt="0", notional="0", isolatedWallet="0", isolatedMargin="0"))
    order = {"symbol": "ETHUSDT", "side": "BUY", "origQty": "0.1", "price": "2000", "positionSide": "LONG"}
    orders = [order, {**order, "side": "SELL", "positionSide": "SHORT"}]
    made = binance.account(reply(*(rows[::-1] if turned else rows)), kind="usdm", orders=orders)
    assert made.orders["margin_mode"].tolist() == ["isolated", "isolated"]


@pytest.mark.parametrize("turned", [False, True])
def test_binance_orders_of_legs_have_what_their_own_row_says(turned: bool) -> None:
    rows = [v2(positionSide="LONG", leverage="20"), v2(positionSide="SHORT", positionAmt="0", leverage="8")]
    order = {"symbol": "ETHUSDT", "side": "BUY", "origQty": "0.1", "price": "2000", "positionSide": "LONG"}
    orders = [order, {**order, "side": "SELL", "positionSide": "SHORT"}]
    made = binance.account(reply(*(rows[::-1] if turned else rows)), kind="usdm", orders=orders)
    assert made.orders["leverage"].tolist() == [20.0, 8.0]
    assert made.orders["margin_mode"].tolist() == ["cross", "cross"]
