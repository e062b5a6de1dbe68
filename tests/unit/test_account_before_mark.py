"""`Account` before its first mark: cash and margins at entry are known, what a mark moves is asked for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossmargin as xm

AT_ENTRY = [
    ("textbook", "2020-01-01", "BTCUSDT"),
    ("mexc-usdm", "2021-01-01", "BTC_USDT"),
    ("bybit-inverse", "2025-02-19", "BTCUSD"),
]
REQUIREMENTS = ("initial_margin", "maintenance_margin")


def no_mark(account: xm.Account, *names: str) -> None:
    for name in names:
        with pytest.raises(xm.MissingPriceError, match=r"^no mark price of "):
            getattr(account, name)


def test_account_margins_at_entry_are_known_before_a_mark(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    fenced = account.open("ETHUSDT", -2, entry_price=3_000, leverage=5, margin_mode="isolated")

    def known() -> list[float]:
        pools = [(pool.wallet_balance, pool.initial_margin, pool.maintenance_margin) for pool in account.pools]
        return [account.wallet_balance, account.initial_margin, account.maintenance_margin, *sum(pools, ())]

    # 30,000 / 10 and 6,000 / 5, and 2.5 % of each: textbook/2020-01-01 charges notional at entry
    expected = [10_000, 4_200, 900, 8_800, 3_000, 750, 1_200, 1_200, 150]
    assert known() == expected
    assert account.position("BTCUSDT").pool.initial_margin == 3_000
    for name in ("equity", "free_margin", "withdrawable", "margin_ratio", "notional", "liquidatable", "locked"):
        no_mark(account, name)
    account.mark({"ETHUSDT": 2_900})
    assert known() == expected
    assert fenced.equity == 1_400
    account.mark({"BTCUSDT": 55_000})
    assert known() == expected == [account.wallet_balance, 4_200, 900, *expected[3:]]


def test_account_tables_before_a_mark_show_what_is_known(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    for table in (account.summary, account.pools.table):
        row = table.rows()[0]
        assert [row[name] for name in ("wallet_balance", *REQUIREMENTS)] == [10_000, 3_000, 750]
        assert math.isnan(row["equity"])
        assert math.isnan(row["free_margin"])


def test_account_margins_at_mark_ask_for_it(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    no_mark(account, *REQUIREMENTS)
    with pytest.raises(xm.MissingPriceError):
        _ = account.pool("USDT").initial_margin
    assert account.pool("USDT").wallet_balance == 10_000


def test_account_margins_at_entry_with_orders_that_count_ask_for_a_mark() -> None:
    account = xm.Account(xm.load_market("mexc-usdm", as_of="2021-01-01"), {"USDT": 10_000})
    account.open("BTC_USDT", 100, entry_price=60_000, leverage=10)
    assert account.initial_margin == 60  # 100 contracts of 0.0001 at 60,000, over 10
    order = account.place("BTC_USDT", 100, 59_000, leverage=10)
    no_mark(account, *REQUIREMENTS)
    account.cancel(order)
    assert account.initial_margin == 60


def test_account_margin_at_entry_without_leverage_is_not_taken_for_known(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000)
    no_mark(account, "initial_margin")
    assert account.maintenance_margin == 750
    account.mark({"BTCUSDT": 60_000})
    assert math.isnan(account.initial_margin)


@pytest.mark.parametrize(("preset", "as_of", "instrument"), AT_ENTRY)
@given(
    quantity=st.integers(1, 10_000),
    entry=st.integers(10**5, 10**7).map(lambda cents: cents / 100),
    mark=st.integers(1, 10**8).map(lambda cents: cents / 100),
    leverage=st.integers(1, 50),
    mode=st.sampled_from(["cross", "isolated"]),
)
def test_account_margins_before_a_mark_are_those_at_every_mark(
    preset: str, as_of: str, instrument: str, quantity: int, entry: float, mark: float, leverage: int, mode: str
) -> None:
    market = xm.load_market(preset, as_of=as_of)
    asset = dict(zip(market.instruments["instrument"], market.instruments["settle"], strict=True))[instrument]
    account = xm.Account(market, {asset: 10**12}, valuation=asset)
    account.open(instrument, quantity, entry_price=entry, leverage=leverage, margin_mode=mode)
    names = ("wallet_balance", *REQUIREMENTS)
    before = [getattr(account, name).hex() for name in names]
    assert not math.isnan(account.initial_margin)
    account.mark({instrument: mark})
    assert [getattr(account, name).hex() for name in names] == before


def test_account_wallet_in_several_assets_needs_index_prices_alone(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 1_000, "USDC": 500}, valuation="USDT")
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    with pytest.raises(xm.MissingPriceError) as caught:
        _ = account.wallet_balance
    assert str(caught.value) == 'no index price of USDC: call account.mark(index={"USDC": ...}) first'
    account.mark({}, index={"USDC": 0.5})
    assert account.wallet_balance == 1_250
    no_mark(account, "equity")


def test_account_wallet_of_a_pool_of_all_assets_needs_index_prices_alone() -> None:
    account = xm.Account(xm.load_market("binance-usdm-multi"), {"USDT": 1_000, "BTC": 1})
    account.open("ETHUSDT", -10, entry_price=2_500, leverage=10)
    for read in (lambda: account.wallet_balance, lambda: account.pool().wallet_balance):
        with pytest.raises(xm.MissingPriceError) as caught:
            read()
        assert (caught.value.mark, caught.value.index) == ((), ("USDT", "BTC"))
    account.mark({}, index={"BTC": 60_000, "USDT": 1})
    assert account.wallet_balance == account.pool().wallet_balance == 61_000
    no_mark(account, "equity", *REQUIREMENTS)


OF_ALL_ASSETS = """
extends = "bybit-uta/2025-02-19"
preset = "listed"
as_of = 2025-02-19
[[instrument]]
name = "BTCUSDT"
base = "BTC"
quote = "USDT"
settle = "USDT"
contract_size = 1
tiers = "flat"
[[instrument]]
name = "ETHBTC"
base = "ETH"
quote = "BTC"
settle = "BTC"
contract_size = 1
tiers = "flat"
[tiers.flat]
law = "flat"
bounds = "quote"
floor = [0]
maintenance_rate = [0.01]
"""


def test_account_margins_at_entry_of_a_pool_of_all_assets_need_index_prices_alone() -> None:
    account = xm.Account(xm.Market.from_toml(OF_ALL_ASSETS), {"USDT": 10_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    with pytest.raises(xm.MissingPriceError, match=r"^no index price of USDT: call"):
        _ = account.initial_margin
    account.mark({}, index={"USDT": 0.5})
    before = [account.initial_margin, account.maintenance_margin]
    # half of 30,000 / 10 and of 1 % of it, with 0.055 % of 27,000, where leverage 10 is bankrupt, for closing there
    assert before == [1_507.425, 157.425]
    account.mark({"BTCUSDT": 10})
    assert [account.initial_margin, account.maintenance_margin] == before


def test_account_margins_at_entry_where_a_loss_may_be_a_debt_that_requires_ask_for_a_mark() -> None:
    account = xm.Account(xm.Market.from_toml(OF_ALL_ASSETS), {"USDT": 10_000, "BTC": 1})
    account.open("ETHBTC", 10, entry_price=0.05, leverage=10)
    account.mark({}, index={"USDT": 1, "BTC": 60_000})
    assert account.position("ETHBTC").initial_margin == 0.0502475  # 0.5 / 10 and 0.055 % of 0.45
    no_mark(account, *REQUIREMENTS)  # `liabilities` has tiers of BTC
    assert account.wallet_balance == 70_000
