"""Snapshots joined, priced and laid into books; markets and tiers of ccxt."""

import subprocess
import sys
from typing import Any

import pytest

import crossmargin as xm
from crossmargin.adapters import binance, bybit, ccxt, join

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")
BTC = "BTC/USDT:USDT"


def snapshot(account: Any = "a", mark: float = 60_000.0, **more: Any) -> xm.adapters.Snapshot:
    row = {"symbol": BTC, "side": "long", "contracts": 0.1, "contractSize": 1.0, "entryPrice": 60_000.0}
    row |= {"markPrice": mark, "unrealizedPnl": 0.0, "marginMode": "cross", **more}
    return ccxt.account(exchange="binance", balance={"total": {"USDT": 500.0}}, positions=[row], account=account)


def test_join_puts_accounts_into_one_book() -> None:
    both = join(snapshot("a"), snapshot("b"))
    assert both.book(MARKET).accounts.tolist() == ["a", "b"]
    assert both.reported["account"].tolist().count("b") == len(both.reported) / 2
    assert join(snapshot(1), snapshot(2)).book(MARKET).accounts.tolist() == [1, 2]


def test_join_the_same_account_twice_is_refused() -> None:
    with pytest.raises(xm.ArgumentError, match="account 'a' was in two snapshots"):
        join(snapshot("a"), snapshot("a"))


def test_join_marks_of_different_moments_need_a_word() -> None:
    pair = (snapshot("a"), snapshot("b", mark=60_100.0))
    with pytest.raises(xm.ArgumentError, match=r"was 60000\.0 in one snapshot and 60100\.0 in another.*marks="):
        join(*pair)
    assert join(*pair, marks="first").mark == {BTC: 60_000.0}
    assert join(*pair, marks="last").mark == {BTC: 60_100.0}
    with pytest.raises(xm.ArgumentError, match="marks was 'mean'"):
        join(*pair, marks="mean")


def test_join_venues_and_contract_sizes_that_differ_are_refused() -> None:
    wallet = {"accountMMRate": "0", "coin": [{"coin": "USDT", "walletBalance": "5"}]}
    with pytest.raises(xm.ArgumentError, match="binance, bybit"):
        join(snapshot("a"), bybit.account(wallet, [], account="b"))
    with pytest.raises(xm.ArgumentError, match=r"contract_sizes\['BTC/USDT:USDT'\]"):
        join(snapshot("a"), snapshot("b", contractSize=0.1), marks="last")
    with pytest.raises(xm.ArgumentError, match="at least one"):
        join()


def test_snapshot_prices_leave_out_names_that_the_market_lacks() -> None:
    tickers = {"NEW/USDT:USDT": {"symbol": "NEW/USDT:USDT", "last": 1.0, "markPrice": 1.0}}
    made = ccxt.account(exchange="okx", balance={"total": {}}, positions=[], tickers=tickers)
    assert made.mark == {"NEW/USDT:USDT": 1.0}
    assert (made.prices(MARKET).mark == 1.0).sum() == 0


def test_snapshot_prices_of_the_caller_come_first_and_must_be_known() -> None:
    made = snapshot()
    at = MARKET.instruments["instrument"].tolist().index("BTCUSDT")
    assert made.prices(MARKET, mark={BTC: 59_000.0}).mark[at] == 59_000.0
    assert made.prices(MARKET, mark={"BTCUSDT": 58_000.0}).mark[at] == 58_000.0
    with pytest.raises(xm.PriceError):
        made.prices(MARKET, mark={"TYPO": 1.0})


def test_snapshot_instruments_that_the_market_lacks_are_named_by_the_book() -> None:
    made = snapshot(symbol="NEW/USDT:USDT")
    with pytest.raises(xm.BookError, match="NEW/USDT:USDT"):
        made.book(MARKET)


def test_snapshot_score_is_the_score_of_its_book() -> None:
    made = snapshot(mark=61_000.0)
    direct = xm.score(made.book(MARKET), made.prices(MARKET), "all")
    assert made.score(MARKET, "all").table == direct.table


def test_snapshot_tables_go_to_a_book_by_themselves() -> None:
    made = snapshot()
    book = xm.Book(MARKET, balances=made.balances, positions=made.positions)
    assert book.n_positions == 1


def test_snapshot_of_nothing_has_tables_without_rows() -> None:
    made = ccxt.account(exchange="okx", balance={"total": {}}, positions=[])
    tables = (made.balances, made.positions, made.orders, made.accounts, made.settings, made.reported)
    assert [len(table) for table in tables] == [0] * 6
    assert made.book(MARKET).n_pools == 0


def test_ccxt_market_has_the_rules_of_its_preset_and_the_names_of_both() -> None:
    entry = {"id": "NEWUSDT", "symbol": "NEW/USDT:USDT", "base": "NEW", "quote": "USDT", "settle": "USDT"}
    entry |= {"contract": True, "linear": True, "inverse": False, "contractSize": 1.0}
    spot = {**entry, "symbol": "NEW/USDT", "contract": False, "contractSize": None}
    table = [
        {"minNotional": 0, "maxNotional": 5_000, "maintenanceMarginRate": 0.01, "maxLeverage": 50},
        {"minNotional": 5_000, "maxNotional": 25_000, "maintenanceMarginRate": 0.02, "maxLeverage": 25},
    ]
    made = ccxt.market(
        {row["symbol"]: row for row in (entry, spot)},
        {"NEW/USDT:USDT": table, "OLD/USDT:USDT": table},
        rules="binance-usdm/2024-10-01",
        as_of="2026-11-22",
        exchange="binance",
    )
    assert made.id == "ccxt/2026-11-22+tiers"
    assert made.aliases["NEWUSDT"] == ["NEW/USDT:USDT"]
    assert made.tiers("NEWUSDT")["deduction"].tolist() == [0.0, 50.0]
    assert made.rules["orders_initial_margin"] == MARKET.rules["orders_initial_margin"]


def test_ccxt_market_without_a_contract_size_is_refused() -> None:
    entry = {"id": "N", "symbol": "N/USDT:USDT", "base": "N", "quote": "USDT", "settle": "USDT", "contract": True}
    entry |= {"linear": True, "inverse": False, "contractSize": None}
    table = [{"minNotional": 0, "maxNotional": 5, "maintenanceMarginRate": 0.01, "maxLeverage": 50}]
    with pytest.raises(xm.ArgumentError, match="contractSize was None"):
        ccxt.market([entry], {"N/USDT:USDT": table}, rules="binance-usdm", as_of="2026-11-22", exchange="binance")


def test_adapters_import_neither_ccxt_nor_anything_foreign() -> None:
    code = (
        "import sys; before = set(sys.modules); import crossmargin, numpy; base = set(sys.modules);"
        "import crossmargin.adapters; print('\\n'.join(sorted(set(sys.modules) - base)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    loaded = set(done.stdout.split())
    foreign = {n for n in loaded if n.split(".")[0] not in {*sys.stdlib_module_names, "crossmargin", "numpy"}}
    assert not foreign
    assert "ccxt" not in loaded


@pytest.mark.parametrize("value", ["1e400", "", None, "0x10", b"1", [], {}])
def test_adapters_numbers_that_are_none_are_refused_or_absent(value: Any) -> None:
    """Text that no double holds is refused with its place and never becomes infinite."""
    reply = {"assets": [{"asset": "USDT", "walletBalance": value}], "positions": []}
    with pytest.raises(xm.ArgumentError, match="walletBalance"):
        binance.account(reply, kind="usdm")


def test_ccxt_debt_counts_once_where_the_total_is_an_equity() -> None:
    sent = {"total": {"USDT": -100.0}, "debt": {"USDT": 100.0}}
    row = ccxt.account(exchange="okx", balance=sent, positions=[]).balances.rows()[0]
    assert (row["wallet_balance"], row["borrowed"]) == (0.0, 100.0)
    row = ccxt.account(exchange="okx", balance=sent, positions=[], debt_in_total=False).balances.rows()[0]
    assert (row["wallet_balance"], row["borrowed"]) == (-100.0, 100.0)


def test_ccxt_debt_beside_a_total_that_is_no_equity_is_asked_for() -> None:
    sent = {"total": {"USDT": 500.0}, "debt": {"USDT": 100.0}}
    with pytest.raises(xm.ArgumentError, match=r"balance\.debt\.USDT was 100\.0.*debt_in_total=True"):
        ccxt.account(exchange="bybit", balance=sent, positions=[])
    for inside, wallet in ((True, 600.0), (False, 500.0)):
        made = ccxt.account(exchange="bybit", balance=sent, positions=[], debt_in_total=inside)
        assert made.balances["wallet_balance"].tolist() == [wallet]
