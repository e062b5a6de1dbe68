"""`Account`: words of positions that the market and the prices say, what is known before a mark, what is unknown."""

import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]


def test_account_locked_is_unknown_where_a_leverage_is(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000)
    account.mark({"BTCUSDT": 60_000})
    assert math.isnan(account.withdrawable)
    assert math.isnan(account.locked)
    assert math.isnan(account.pool().locked)
    account.set_leverage("BTCUSDT", 10)
    assert (account.locked, account.pool().locked) == (600, 600)
    account.close("BTCUSDT")
    assert (account.locked, account.pool().locked) == (0, 0)


def test_account_withdrawable_is_known_beside_an_isolated_position_without_leverage(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, margin_mode="isolated", isolated_margin=600)
    account.mark({"BTCUSDT": 60_000})
    assert math.isnan(account.pool(instrument="BTCUSDT").withdrawable)
    assert (account.withdrawable, account.available, account.locked) == (9_400, 9_400, 600)


@pytest.mark.parametrize("market", ["textbook", "binance-usdm"])
@pytest.mark.parametrize("fee", ["taker", "maker"])
def test_account_fee_by_a_rate_that_the_market_does_not_state_is_refused(
    market: str, fee: str, refused: Refused
) -> None:
    account = xm.Account(xm.load_market(market), {"USDT": 10_000})
    message = refused(xm.ArgumentError, account.open, "BTCUSDT", 0.1, entry_price=60_000, fee=fee)
    assert message == f"fee was {fee!r}, and {account.market.id!r} states no trading fees: give an amount"
    assert (account.wallet_balance, len(account.positions)) == (10_000, 0)


def test_account_fee_by_a_rate_that_is_stated_as_zero_is_zero() -> None:
    account = xm.Account(xm.load_market("mexc-usdm"), {"USDT": 10_000})
    account.open("BTC_USDT", 100, entry_price=60_000, leverage=10, fee="maker")
    assert account.wallet_balance == 10_000
    account.close("BTC_USDT", price=60_000, fee="taker")
    assert account.wallet("USDT") == Decimal("9999.94")
    source = """
    extends = "textbook/2020-01-01"
    preset = "free"
    as_of = 2024-10-01
    [fees]
    taker = 0
    """
    free = xm.Account(xm.Market.from_toml(source), {"USDT": 10_000})
    free.open("BTCUSDT", 1, entry_price=60_000, fee="taker")
    assert free.wallet_balance == 10_000


def test_account_quantities_go_where_the_account_says() -> None:
    account = xm.Account(xm.load_market("mexc-usdm"), {"USDT": 1_000}, round="down")
    account.open("BTC_USDT", 100, entry_price=60_000, leverage=10)
    assert account.flip("BTC_USDT", 50.5, price=60_000).quantity == -50
    assert account.flip("BTC_USDT", 50.5, price=60_000, round="up").quantity == 51
    order = account.place("BTC_USDT", -20.5, 60_000)
    account.execute(order, 10.5)
    assert account.orders["quantity"].tolist() == [-10]
    account.execute(order, 8.5, round="up")
    assert account.orders["quantity"].tolist() == [-1]
    assert account.position("BTC_USDT").quantity == 32


def test_account_cash_is_known_before_the_first_mark(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 10_000, "USDC": 500})
    cross = account.open("SOLUSDT", 1, entry_price=150, leverage=10)
    fenced = account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10, margin_mode="isolated")
    account.place("ETHUSDT", 1, 2_500, leverage=10, margin_mode="isolated")
    account.place("BTCUSDT", -0.2, 65_000, margin_mode="isolated")

    def cash() -> list[float]:
        pools = [pool.wallet_balance for pool in account.pools]
        return [account.isolated_margin, cross.wallet_balance, fenced.wallet_balance, *pools]

    before = cash()
    assert before[:3] == [600, 9_400, 600]
    with pytest.raises(xm.MissingPriceError):
        _ = fenced.equity
    account.mark({"BTCUSDT": 61_000, "SOLUSDT": 150, "ETHUSDT": 2_500}, index={"USDC": 1})
    assert cash() == before == [600, 9_400, 600, *account.scores["wallet_balance"].tolist()]
    assert (fenced.equity, cross.equity) == (700, 9_400)


def test_account_isolated_margin_in_another_asset_needs_its_index_price(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDC": 1_000})
    position = account.open("BTCUSDC", 0.1, entry_price=60_000, leverage=10, margin_mode="isolated")
    with pytest.raises(xm.MissingPriceError, match="no index price of USDC"):
        _ = account.isolated_margin
    with pytest.raises(xm.MissingPriceError, match="no index price of USDC"):
        _ = position.index_price
    account.mark({}, index={"USDC": 0.5})
    assert (account.isolated_margin, position.isolated_margin, position.index_price) == (300, 600, 0.5)


def test_account_position_has_the_words_of_its_contract_prices_and_tier(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 100_000}, tier_coefficient=2)
    position = account.open("BTCUSDT", 10, entry_price=20_000, leverage=10)
    assert (position.contract_size, position.index_price) == (1, 1)
    words: list[Callable[[], Any]] = [
        lambda: position.floor,
        lambda: position.maintenance_rate,
        lambda: position.max_leverage,
        lambda: position.deduction,
    ]
    for read in words:
        with pytest.raises(xm.MissingPriceError, match="no mark price of BTCUSDT"):
            read()
    with pytest.raises(xm.MissingPriceError, match=r'call account.mark\(last=\{"BTCUSDT": ...\}\) first'):
        _ = position.last_price
    account.mark({"BTCUSDT": 20_000}, last={"BTCUSDT": 20_001})
    assert position.last_price == 20_001
    assert [read() for read in words] == [100_000, 0.005, 100, 100]
    assert position.maintenance_margin == position.maintenance_rate * position.notional - position.deduction
    coin = xm.Account(xm.load_market("mexc-usdm"), {"USDT": 1_000}, quantity_unit="base")
    held = coin.open("BTC_USDT", "0.01", entry_price=60_000, leverage=10)
    coin.mark({"BTC_USDT": 60_000})
    assert (held.contract_size, held.tier, held.floor, held.max_leverage) == (0.0001, 1, 0, 500)


def test_account_position_has_the_tier_of_the_table_that_it_keeps() -> None:
    market = xm.Market.from_toml("""
    extends = "textbook/2020-01-01"
    preset = "older"
    as_of = 2024-10-01
    [margin_class]
    table_version = "kept_by_open_positions"
    [[instrument]]
    name = "BTCUSDT"
    tiers = "new"
    old_tiers = { old = "older" }
    [tiers.new]
    law = "marginal"
    bounds = "quote"
    floor = [0, 100000]
    maintenance_rate = [0.01, 0.02]
    [tiers.older]
    law = "marginal"
    bounds = "quote"
    floor = [0, 50000]
    maintenance_rate = [0.05, 0.06]
    """)
    cash = [{"account": "a", "asset": "USDT", "wallet_balance": 90_000.0}]
    held = {"account": "a", "instrument": "BTCUSDT", "quantity": 2.0, "entry_price": 60_000.0}
    marks = market.prices(mark={"BTCUSDT": 60_000})
    for version, words in (("old", [50_000, 0.06, 500]), (None, [100_000, 0.02, 1_000])):
        book = xm.Book(market, balances=cash, positions=[held | {"tier_version": version}])
        position = book.account(prices=marks).position("BTCUSDT")
        assert [position.floor, position.maintenance_rate, position.deduction] == words
        assert position.maintenance_margin == position.maintenance_rate * 120_000 - position.deduction
        assert position.max_leverage == math.inf


def test_account_explain_before_a_mark_says_how_to_give_it(textbook: xm.Market, refused: Refused) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 1, entry_price=60_000, leverage=10)
    message = refused(xm.MissingPriceError, account.explain)
    assert message == 'no mark price of BTCUSDT: call account.mark({"BTCUSDT": ...}) first'


TIMES = [
    None,
    np.array(["2024-10-01", "NaT"], dtype="datetime64[ns]"),
    np.array([1, 2]),
    np.array([1.0, math.nan]),
    np.array(["a", "b"]),
]


@pytest.mark.parametrize("time", TIMES)
def test_history_equals_its_pickle_and_no_other(textbook: xm.Market, time: Any) -> None:
    mark = {"BTCUSDT": [60_000.0, None], "ETHUSDT": [3_000.0, 3_100.0]}
    history = textbook.price_history(mark, last={"BTCUSDT": [60_000.0, 1.0]}, time=time)
    made = pickle.loads(pickle.dumps(history))
    assert made == history
    assert hash(made) == hash(history)
    others = [
        textbook.price_history(mark, time=time),
        textbook.price_history(mark | {"BTCUSDT": [60_000.0, 1.0]}, last={"BTCUSDT": [60_000.0, 1.0]}, time=time),
        *(textbook.price_history(mark, last={"BTCUSDT": [60_000.0, 1.0]}, time=at) for at in TIMES if at is not time),
    ]
    assert all(history != other for other in others)
    assert history != "history"
