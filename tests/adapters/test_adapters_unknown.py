"""What an account holds that the market has not: dust, stablecoins, new contracts."""

from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import binance, bybit, ccxt, okx

USDM = xm.load_market("binance-usdm", as_of="2024-10-01")
MULTI = xm.load_market("binance-usdm-multi", as_of="2024-10-01")


def reply(*symbols: str, multi: bool = False, **cash: str) -> dict[str, Any]:
    held = {"USDT": "1000", **cash}
    row = {"positionSide": "BOTH", "positionAmt": "10", "entryPrice": "60", "notional": "610", "leverage": "20"}
    row |= {"unrealizedProfit": "10", "isolated": False, "maintMargin": "2.44"}
    return {
        "multiAssetsMargin": multi,
        "assets": [{"asset": name, "walletBalance": value} for name, value in held.items()],
        "positions": [{**row, "symbol": symbol} for symbol in symbols],
    }


def test_unknown_balances_of_other_pools_are_left_out_and_noted() -> None:
    made = binance.account(reply("SOLUSDT", BNB="0.05", FDUSD="5"), kind="usdm")
    plain = binance.account(reply("SOLUSDT"), kind="usdm")
    assert made.score(USDM, "all").table == plain.score(USDM, "all").table
    noted = [note for note in made.notes if "was left out" in note]
    assert ["BNB" in noted[0], "FDUSD" in noted[1], len(noted)] == [True, True, 2]
    assert not any("BOUNDS" in note for note in noted)
    assert made.score(USDM).table == made.score(USDM).table
    assert len([note for note in made.notes if "was left out" in note]) == 2


def test_unknown_balances_left_out_do_not_hide_known_ones_or_differences() -> None:
    made = binance.account(reply("SOLUSDT", BNB="0.05"), kind="usdm")
    found = made.reconcile(USDM, mark={"SOLUSDT": 61.0})
    assert {row["cause"] for row in found.table.rows() if row["asset"] == "BNB"} == {"not computed here"}
    assert made.balances["asset"].tolist() == ["USDT", "BNB"]


def test_unknown_assets_of_a_shared_pool_are_refused_all_at_once_with_a_market_that_has_them() -> None:
    made = binance.account(reply(FDUSD="5", SOL="2", multi=True), kind="usdm")
    with pytest.raises(xm.BookError, match=r"balances\.asset was FDUSD, SOL,") as caught:
        made.book(MULTI)
    assert caught.value.n_faults == 2
    assert caught.value.faults["value"].tolist() == ["FDUSD", "SOL"]
    assert set(caught.value.faults["kind"].tolist()) == {"unknown"}
    told = str(caught.value)
    snippet = told[told.index("extends") : told.index("or say unknown=")]
    own = xm.Market.from_toml(snippet)
    scores = made.score(own, "equity", index={"USDT": 1.0, "FDUSD": 1.0, "SOL": 100.0})
    assert scores.equity.tolist() == [1205.0]


def test_unknown_instruments_are_refused_all_at_once_with_the_call_that_adds_them() -> None:
    order = {"symbol": "ABCUSDT", "side": "BUY", "origQty": "1", "price": "5"}
    made = binance.account(reply("SOLUSDT", "XYZUSDT", "ABCUSDT"), kind="usdm", orders=[order])
    with pytest.raises(xm.BookError, match=r"XYZUSDT, ABCUSDT, which market .*exchange_info=") as caught:
        made.score(USDM)
    assert list(zip(caught.value.faults["table"].tolist(), caught.value.faults["row"].tolist(), strict=True)) == [
        ("positions", 1),
        ("positions", 2),
        ("orders", 0),
    ]
    bracket = {"notionalFloor": 0, "notionalCap": 5000, "maintMarginRatio": 0.01, "initialLeverage": 50}
    names = ("XYZ", "ABC")
    symbols = [{"symbol": f"{n}USDT", "baseAsset": n, "quoteAsset": "USDT", "marginAsset": "USDT"} for n in names]
    brackets = [{"symbol": f"{n}USDT", "brackets": [bracket]} for n in names]
    own = binance.tiers(brackets, kind="usdm", exchange_info={"symbols": symbols}).onto(USDM)
    assert made.book(own).n_positions == 3


def test_unknown_names_of_other_venues_have_cures_of_their_own() -> None:
    row = {"symbol": "XYZ/USDT:USDT", "side": "long", "contracts": 1.0, "contractSize": 1.0, "entryPrice": 6.0}
    of_ccxt = ccxt.account(exchange="binance", balance={"total": {}}, positions=[{**row, "markPrice": 6.0}])
    with pytest.raises(xm.BookError, match=r"adapters\.ccxt\.tiers\("):
        of_ccxt.book(USDM)
    held = {"instId": "XYZ-USDT-SWAP", "mgnMode": "cross", "posSide": "net", "pos": "1", "avgPx": "6"}
    with pytest.raises(xm.BookError, match=r"XYZ-USDT-SWAP.*\[\[instrument\]\]"):
        okx.account({"details": []}, [held]).book(USDM)


def test_unknown_names_dropped_leave_the_rest_and_say_that_figures_are_bounds() -> None:
    sent = reply("SOLUSDT", "XYZUSDT", FDUSD="5", multi=True)
    sent["positions"][1] |= {"isolated": True, "isolatedWallet": "40"}
    made = binance.account(sent, kind="usdm", index={"USDT": 1.0})
    book = made.book(MULTI, unknown="drop")
    assert (book.n_positions, made.score(MULTI, "equity", unknown="drop").equity.tolist()) == (1, [1010.0])
    loud = [note for note in made.notes if "FIGURES ARE BOUNDS, NOT VALUES" in note]
    assert len(loud) == 2
    assert any("XYZUSDT" in note and "fenced cash" in note for note in loud)
    found = made.reconcile(MULTI, unknown="drop")
    assert len(found) == len(made.reported)
    with pytest.raises(xm.ArgumentError, match="unknown was 'maybe'"):
        made.book(MULTI, unknown="maybe")


def test_unknown_names_are_left_to_a_book_that_rejects() -> None:
    book = binance.account(reply("XYZUSDT"), kind="usdm").book(USDM, on_error="reject")
    assert (book.n_pools, book.rejected is None) == (0, False)


def test_unknown_balance_of_a_joined_account_is_named_with_its_account() -> None:
    wallet = {"accountMMRate": "0", "coin": [{"coin": "SOL", "walletBalance": "5"}]}
    made = bybit.account(wallet, [], account="ann")
    made.book(xm.load_market("bybit-uta"), unknown="drop")
    assert any("'ann'" in note and "SOL" in note for note in made.notes)


def test_snapshot_score_takes_prices_as_reconcile_does() -> None:
    made = binance.account(reply("SOLUSDT"), kind="usdm")
    assert made.score(USDM, "unrealized_pnl").unrealized_pnl.tolist() == [10.0]
    assert made.score(USDM, "unrealized_pnl", mark={"SOLUSDT": 62.0}).unrealized_pnl.tolist() == [20.0]
    shared = binance.account(reply(BTC="1", multi=True), kind="usdm")
    scores = shared.score(MULTI, "equity", index={"BTC": 50_000.0, "USDT": 1.0}, last={"BTCUSDT": 50_000.0})
    assert scores.equity.tolist() == [51_000.0]
