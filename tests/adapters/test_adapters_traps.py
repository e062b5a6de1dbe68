"""What ccxt's unified fields leave open or get wrong, a test each."""

import json
from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import ccxt, freqtrade

BTC = "BTC/USDT:USDT"


def position(**more: Any) -> dict[str, Any]:
    """A short of 2 contracts of 0.1, 10 in profit."""
    row = {"symbol": BTC, "side": "short", "contracts": 2.0, "contractSize": 0.1, "entryPrice": 1050.0}
    row |= {"markPrice": 1000.0, "notional": 200.0, "unrealizedPnl": 10.0, "leverage": 5.0, "marginMode": "cross"}
    return {**row, "hedged": False, **more}


def total(amount: float, currency: str = "USDT", **more: Any) -> dict[str, Any]:
    return {"total": {currency: amount}, "free": {currency: 0.0}, "used": {currency: 1.5}, **more}


def market(size: float = 1, **more: Any) -> xm.Market:
    """One linear contract of a size, charged 1 %."""
    keys = "".join(f"{name} = {value}\n" for name, value in more.items())
    return xm.Market.from_toml(
        f"""
extends = "textbook/2020-01-01"
preset = "trap"
as_of = 2024-01-01
[[instrument]]
name = "BTCUSDT"
contract_size = {size}
{keys}
"""
    )


# 1. contracts and notional have no sign; base size is contracts times contract size.


def test_ccxt_contracts_are_unsigned_and_the_side_signs_them() -> None:
    short = ccxt.account(exchange="x", balance=total(1.0), positions=[position()], total_has_profit=False)
    long = ccxt.account(exchange="x", balance=total(1.0), positions=[position(side="long")], total_has_profit=False)
    assert short.positions["quantity"].tolist() == [-2.0]
    assert long.positions["quantity"].tolist() == [2.0]


def test_ccxt_negative_contracts_of_a_short_do_not_become_a_long() -> None:
    made = ccxt.account(exchange="x", balance=total(1), positions=[position(contracts=-2)], total_has_profit=False)
    assert made.positions["quantity"].tolist() == [-2.0]


def test_ccxt_missing_side_is_refused_and_not_guessed() -> None:
    with pytest.raises(xm.ArgumentError, match=r"positions\[0\]\.side was None"):
        ccxt.account(exchange="x", balance=total(1.0), positions=[position(side=None)], total_has_profit=False)


def test_ccxt_contract_size_other_than_the_market_s_keeps_the_base_size() -> None:
    """2 contracts of 0.1 are 0.2 of base: 2 in a market of the same size, 0.2 where a contract is 1."""
    made = ccxt.account(exchange="x", balance=total(1.0), positions=[position()], total_has_profit=False)
    for size, quantity in ((0.1, -2.0), (1, -0.2)):
        rules = market(size)
        scores = xm.score(made.book(rules), made.prices(rules), outputs="all")
        assert scores.positions["quantity"].tolist() == [quantity]
        assert scores.notional.tolist() == [200.0]
        assert scores.unrealized_pnl.tolist() == [10.0]


def test_ccxt_inverse_contract_size_is_in_quote() -> None:
    """100 contracts of 10 USD at 50,000 are 0.02 BTC; bought at 40,000 they have won 1000/40000 - 1000/50000."""
    row = position(symbol="BTC/USD:BTC", side="long", contracts=100.0, contractSize=10.0, entryPrice=40_000.0)
    row |= {"markPrice": 50_000.0, "unrealizedPnl": None, "notional": 0.02}
    made = ccxt.account(exchange="binancecoinm", balance=total(1.005, "BTC"), positions=[row])
    rules = xm.load_market("binance-coinm")
    scores = xm.score(made.book(rules), made.prices(rules), outputs="all")
    assert made.balances["wallet_balance"].tolist() == [1.0]
    assert scores.positions["quantity"].tolist() == [10.0]  # contracts of 100 USD
    assert scores.notional.tolist() == pytest.approx([0.02], rel=1e-12)
    assert scores.unrealized_pnl.tolist() == pytest.approx([0.005], rel=1e-12)


# 2. total has unrealised profit in it on some venues and not on others.


@pytest.mark.parametrize("exchange", ["binance", "okx", "deribit", "hyperliquid", "kucoin", "bitget", "krakenfutures"])
def test_ccxt_total_with_profit_in_it_gives_the_wallet_without(exchange: str) -> None:
    made = ccxt.account(exchange=exchange, balance=total(1_010.0), positions=[position()])
    assert made.balances["wallet_balance"].tolist() == [1_000.0]
    assert made.reported.rows()[-1]["field"] in ("equity", "initial_margin", "maintenance_margin")


def test_ccxt_total_of_bybit_is_the_wallet() -> None:
    made = ccxt.account(exchange="bybit", balance=total(1_000.0), positions=[position()])
    assert made.balances["wallet_balance"].tolist() == [1_000.0]
    assert "wallet_balance" in made.reported["field"].tolist()


def test_ccxt_total_of_an_exchange_that_is_not_known_must_be_said() -> None:
    with pytest.raises(xm.ArgumentError, match=r"balance\.total\.USDT was 1000\.0 .*total_has_profit=True"):
        ccxt.account(exchange="phemex", balance=total(1_000.0), positions=[position()])
    made = ccxt.account(exchange="phemex", balance=total(1_000.0), positions=[position()], total_has_profit=True)
    assert made.balances["wallet_balance"].tolist() == [990.0]


def test_ccxt_total_with_profit_but_without_positions_is_refused() -> None:
    with pytest.raises(xm.ArgumentError, match="give positions="):
        ccxt.account(exchange="okx", balance=total(1_000.0))
    assert ccxt.account(exchange="okx", balance=total(7.0), positions=[]).balances["wallet_balance"].tolist() == [7.0]


def test_ccxt_profit_that_is_not_told_follows_from_prices_or_is_refused() -> None:
    bare = position(unrealizedPnl=None)
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[bare])
    assert made.balances["wallet_balance"].tolist() == [1_000.0]  # -0.2 * (1000 - 1050) = 10
    blind = {**bare, "markPrice": None, "notional": None}
    with pytest.raises(xm.ArgumentError, match="unrealised profit"):
        ccxt.account(exchange="okx", balance=total(1_010.0), positions=[blind])


def test_reconcile_profit_counted_twice_is_named() -> None:
    """The total of 1,010 taken for a wallet: ours counts the profit of 10 again."""
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[position()], total_has_profit=False)
    told = [{"account": "main", "level": "asset", "asset": "USDT", "field": "equity", "value": 1_010.0, "step": 1e-8}]
    rules = market(0.1)
    found = xm.reconcile(made.book(rules), made.prices(rules), told).table.rows()[0]
    assert (found["ours"], found["cause"]) == (1_020.0, "unrealised PnL counted twice")


# 3. used is initial margin on one venue and maintenance margin on another.


def test_ccxt_used_is_what_the_exchange_means_by_it() -> None:
    fields = {}
    for exchange in ("binance", "deribit", "okx"):
        made = ccxt.account(exchange=exchange, balance=total(1_010.0), positions=[position()])
        fields[exchange] = [row["field"] for row in made.reported.rows() if row["value"] == 1.5]
    assert fields == {"binance": ["initial_margin"], "deribit": ["maintenance_margin"], "okx": []}


# 4. Bounds of tiers are in quote, in base or in contracts.


def table(*bounds: tuple[float, float, float], **more: Any) -> list[dict[str, Any]]:
    keys = ("minNotional", "maxNotional", "maintenanceMarginRate")
    return [{**dict(zip(keys, row, strict=True)), "maxLeverage": 10, **more} for row in bounds]


def test_ccxt_tiers_of_okx_are_in_contracts_whatever_currency_says() -> None:
    made = ccxt.tiers({BTC: table((0, 500, 0.01), (501, 900, 0.02), currency="USDT")}, exchange="okx")
    assert made.bounds == ("contracts",)
    rules = made.onto(market(0.01))
    assert rules.tiers(BTC)["bounds"].tolist() == ["contracts", "contracts"]


def test_ccxt_tiers_of_coin_margined_contracts_are_in_the_coin() -> None:
    made = ccxt.tiers({"BTC/USD:BTC": table((0, 5, 0.004), (5, 10, 0.005))}, exchange="binance")
    assert made.bounds == ("settle",)
    assert made.onto(xm.load_market("binance-coinm")).tiers("BTCUSD_PERP")["cap"].tolist() == [5.0, 10.0]


def test_ccxt_tiers_of_both_kinds_are_laid_over_each_in_its_unit() -> None:
    both = {BTC: table((0, 5e4, 0.004)), "BTC/USD:BTC": table((0, 5, 0.004))}
    made = ccxt.tiers(both, exchange="bybit")
    assert made.bounds == ("quote", "settle")
    with pytest.raises(xm.ArgumentError, match="'quote', 'settle'"):
        made.frame()


def test_ccxt_tiers_of_a_unit_that_is_not_known_are_refused() -> None:
    with pytest.raises(xm.ArgumentError, match="say bounds='quote', 'base' or 'contracts'"):
        ccxt.tiers({BTC: table((0, 500, 0.01))}, exchange="kucoin")
    assert ccxt.tiers({BTC: table((0, 500, 0.01))}, exchange="kucoin", bounds="contracts").bounds == ("contracts",)


def test_ccxt_tiers_in_base_of_a_linear_contract_become_contracts() -> None:
    """50 base at 0.1 a contract are 500 contracts."""
    with pytest.raises(xm.ArgumentError, match="give markets"):
        ccxt.tiers({BTC: table((0, 50, 0.01))}, bounds="base")
    listed = {BTC: {"symbol": BTC, "contractSize": 0.1}}
    made = ccxt.tiers({BTC: table((0, 50, 0.01))}, bounds="base", markets=listed)
    assert (made.bounds, made.frame()["cap"].tolist()) == (("contracts",), [500.0])


# 5. Whole numbers leave gaps of one.


def test_ccxt_tiers_with_gaps_of_whole_numbers_are_half_open_at_their_ends() -> None:
    made = ccxt.tiers({BTC: table((0, 975_000, 0.01), (975_001, 2_000_000, 0.02))}, exchange="okx").frame()
    assert made["floor"].tolist() == [0.0, 975_000.0]
    assert made["cap"].tolist() == [975_000.0, 2_000_000.0]


@pytest.mark.parametrize("start", [510, 499])
def test_ccxt_tiers_with_wider_gaps_and_overlaps_are_refused(start: float) -> None:
    with pytest.raises(xm.ArgumentError, match="without gaps and overlaps"):
        ccxt.tiers({BTC: table((0, 500, 0.01), (start, 900, 0.02))}, exchange="okx")


# 6. Deribit's percentages.


@pytest.mark.parametrize(("exchange", "told"), [("deribit", 1.25), ("okx", 0.0125)])
def test_ccxt_margin_percentages_of_deribit_are_hundredfold(exchange: str, told: float) -> None:
    row = position(maintenanceMarginPercentage=told, maintenanceMargin=2.5)
    made = ccxt.account(exchange=exchange, balance=total(1_010.0), positions=[row])
    rates = [row["value"] for row in made.reported.rows() if row["field"] == "maintenance_rate"]
    assert rates == [0.0125]


def test_reconcile_a_maintenance_rate_is_ours_over_the_notional() -> None:
    """The textbook's table charges entry notionals; 210 at its rate, over 200."""
    row = position(maintenanceMarginPercentage=2.5)
    made = ccxt.account(exchange="deribit", balance={"total": {"USDT": 1_010.0}}, positions=[row])
    rules = market(0.1)
    rate = rules.tiers("BTCUSDT")["maintenance_rate"][0]
    found = next(r for r in made.reconcile(rules).table.rows() if r["field"] == "maintenance_rate")
    assert found["ours"] == pytest.approx(210 * rate / 200, rel=1e-12)


# 7. Margins that ccxt may have worked out itself check nothing.


@pytest.mark.parametrize("exchange", ["binance", "bybit"])
def test_ccxt_margins_that_may_be_reconstructed_are_not_reported(exchange: str) -> None:
    row = position(maintenanceMargin=0.8, initialMargin=40.0, maintenanceMarginPercentage=0.004)
    made = ccxt.account(exchange=exchange, balance={"total": {"USDT": 1_000.0}}, positions=[row])
    told = {row["field"] for row in made.reported.rows() if row["level"] == "position"}
    assert told == {"unrealized_pnl", "notional"}
    assert "not reported" in made.notes[0]


# Missing contract sizes.


def test_ccxt_missing_contract_size_is_one_only_where_that_is_known() -> None:
    row = position(contractSize=None)
    made = ccxt.account(exchange="hyperliquid", balance=total(1_010.0), positions=[row])
    assert made.contract_sizes == {BTC: 1.0}
    with pytest.raises(xm.ArgumentError, match=r"positions\[0\]\.contractSize was None .*markets=exchange\.markets"):
        ccxt.account(exchange="okx", balance=total(1_010.0), positions=[row])


def test_ccxt_missing_contract_size_comes_from_markets_or_arguments() -> None:
    row = position(contractSize=None)
    listed = [{"symbol": BTC, "contractSize": 0.1}]
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[row], markets=listed)
    assert made.contract_sizes == {BTC: 0.1}
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[row], contract_sizes={BTC: 0.01})
    assert made.contract_sizes == {BTC: 0.01}


# Isolated positions, hedge mode, orders, prices.


@pytest.mark.parametrize(
    ("told", "cash"),
    [({"positionMargin": 40.0, "collateral": 50.0}, 40.0), ({"collateral": 50.0}, 40.0)],
)
def test_ccxt_isolated_cash_is_without_unrealised_profit(told: dict[str, float], cash: float) -> None:
    row = position(marginMode="isolated", **told)
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[row])
    assert made.positions["isolated_margin"].tolist() == [cash]


def test_ccxt_isolated_position_of_unknown_margin_is_refused_or_noted() -> None:
    row = position(marginMode="isolated")
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[row])
    assert "isolated_margin" not in made.positions
    assert "initial margin at entry" in made.notes[0]
    with pytest.raises(xm.ArgumentError, match="positionMargin"):
        ccxt.account(exchange="okx", balance=total(1_010.0), positions=[{**row, "leverage": None}])


def test_ccxt_hedged_positions_are_legs() -> None:
    rows = [position(hedged=True), position(hedged=True, side="long", contracts=1.0, unrealizedPnl=-5.0)]
    made = ccxt.account(exchange="okx", balance=total(1_005.0), positions=rows)
    assert made.positions["position_side"].tolist() == ["short", "long"]
    assert made.balances["wallet_balance"].tolist() == [1_000.0]


def test_ccxt_orders_count_what_is_left_of_them() -> None:
    rows = [
        {"symbol": BTC, "side": "sell", "amount": 5.0, "filled": 2.0, "price": 1100.0, "status": "open"},
        {"symbol": BTC, "side": "buy", "amount": 5.0, "remaining": 1.0, "price": 900.0, "reduceOnly": True},
        {"symbol": BTC, "side": "buy", "amount": 5.0, "remaining": 0.0, "price": 900.0, "status": "closed"},
    ]
    made = ccxt.account(exchange="okx", balance={"total": {}}, positions=[], orders=rows)
    assert made.orders["quantity"].tolist() == [-3.0, 1.0]
    assert made.orders["reduce_only"].tolist() == [False, True]


def test_ccxt_orders_of_hedged_symbols_trade_the_leg_that_is_told() -> None:
    held = [position(hedged=True)]
    order = {"symbol": BTC, "side": "buy", "amount": 1.0, "price": 900.0, "reduceOnly": False}

    def leg(**more: Any) -> list[str]:
        rows = [{**order, **more}]
        made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=held, orders=rows)
        return made.orders["position_side"].tolist()

    assert leg(info={"posSide": "long"}) == ["long"]
    assert leg(info={"positionSide": "SHORT"}) == ["short"]
    assert leg(info={"positionIdx": 2}) == ["short"]
    assert leg(reduceOnly=True) == ["short"]
    with pytest.raises(xm.ArgumentError, match=r"orders\[0\].*without info\.positionSide"):
        leg()


def test_ccxt_spot_rows_are_refused_by_name() -> None:
    with pytest.raises(xm.ArgumentError, match="'BTC/USDT'"):
        ccxt.account(exchange="okx", balance=total(1.0), positions=[position(symbol="BTC/USDT")])


def test_ccxt_tickers_bring_marks_and_last_prices_of_held_and_unheld() -> None:
    tickers = {BTC: {"symbol": BTC, "last": 999.0, "markPrice": 1001.0}, "X/Y:Y": {"symbol": "X/Y:Y", "last": 1.0}}
    made = ccxt.account(exchange="okx", balance=total(1_010.0), positions=[position()], tickers=tickers)
    assert made.mark == {BTC: 1001.0}
    prices = made.prices(market(0.1))
    assert prices.mark.tolist()[0] == 1001.0
    assert prices.last.tolist()[0] == 999.0


def test_freqtrade_file_gives_tiers_with_checked_amounts(tmp_path: Any) -> None:
    rows = table((0, 5_000, 0.01), (5_000, 25_000, 0.02))
    for row, amount in zip(rows, ("0.0", "50.0"), strict=True):
        row["info"] = {"cum": amount}
    file = tmp_path / "tiers.json"
    file.write_text(json.dumps({"XRP/USDT:USDT": rows}), encoding="utf-8")
    rules = freqtrade.tiers(file).onto(xm.load_market("binance-usdm"))
    assert rules.tiers("XRPUSDT")["deduction"].tolist() == [0.0, 50.0]
    with pytest.raises(xm.ArgumentError, match="'A/B:B'"):
        freqtrade.tiers(file, symbols=["A/B:B"])
    file.write_text("{", encoding="utf-8")
    with pytest.raises(xm.ArgumentError, match="no JSON"):
        freqtrade.tiers(file)
