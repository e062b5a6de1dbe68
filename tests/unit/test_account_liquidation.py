"""Liquidation prices of an account: handles, what is remembered and what is not, and the equation."""

import math
from fractions import Fraction

import pytest

import crossmargin as xm


@pytest.fixture
def account(usdm: xm.Market) -> xm.Account:
    account = xm.Account(usdm, {"USDT": 5_000})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", -2, entry_price=2_600, leverage=10)
    account.open("SOLUSDT", 10, entry_price=150, leverage=20, margin_mode="isolated")
    account.mark({"BTCUSDT": 62_000, "ETHUSDT": 2_450, "SOLUSDT": 146})
    return account


NAMES = ("below", "above", "liquidation_price", "bankruptcy_price")


def test_position_prices_are_those_of_the_book(account: xm.Account) -> None:
    found = xm.liquidation_prices(account.book, account.prices)
    for place, position in enumerate(account.positions):
        for name in NAMES:
            assert repr(getattr(position, name)) == repr(float(found[name][place]))
    assert account.liquidation_prices().table == found.table


def test_position_prices_follow_marks_and_operations(account: xm.Account) -> None:
    position = account.position("BTCUSDT")
    before = [getattr(position, name) for name in ("liquidation_price", "bankruptcy_price")]
    account.mark({"ETHUSDT": 2_550})  # the short loses 200
    after = [getattr(position, name) for name in ("liquidation_price", "bankruptcy_price")]
    assert [b < a for b, a in zip(before, after, strict=True)] == [True, True]
    account.deposit("USDT", 1_000)
    assert position.liquidation_price < before[0]
    lonely = account.position("SOLUSDT").liquidation_price
    account.add_margin("SOLUSDT", 10)
    assert account.position("SOLUSDT").liquidation_price < lonely
    copy = account.copy()
    copy.deposit("USDT", 1_000)
    assert copy.position("BTCUSDT").liquidation_price < position.liquidation_price


def test_position_price_before_a_mark_says_which_is_missing(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 5_000})
    btc = account.open("BTCUSDT", 0.05, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", -2, entry_price=2_600, leverage=10)
    sol = account.open("SOLUSDT", 10, entry_price=150, leverage=20, margin_mode="isolated")
    account.mark({"BTCUSDT": 60_000, "SOLUSDT": 150})
    assert math.isclose(sol.liquidation_price, 143.216, abs_tol=1e-3)
    for name in NAMES:
        with pytest.raises(xm.MissingPriceError) as refused:
            getattr(btc, name)
        assert str(refused.value) == 'no mark price of ETHUSDT: call account.mark({"ETHUSDT": ...}) first'
    for question in (
        account.liquidation_prices,
        account.contribution,
        lambda: account.critical_move(0.1),
        lambda: account.liquidation_distance("all_down"),
    ):
        with pytest.raises(xm.MissingPriceError, match=r"call account\.mark"):
            question()
    account.mark({"ETHUSDT": 2_600})
    assert math.isnan(btc.liquidation_price)  # nothing that BTC does takes 5,000 from 0.05 of it
    assert math.isnan(btc.below)


def test_position_price_of_a_closed_position_is_refused(account: xm.Account) -> None:
    position = account.position("ETHUSDT")
    account.close("ETHUSDT")
    with pytest.raises(xm.ArgumentError, match="ETHUSDT"):
        _ = position.liquidation_price


def test_position_price_at_the_end_turns_the_verdict(account: xm.Account) -> None:
    position = account.position("ETHUSDT")
    end = position.above
    account.mark({"ETHUSDT": end})
    assert not account.liquidatable
    account.mark({"ETHUSDT": math.nextafter(end, math.inf)})
    assert account.liquidatable
    assert position.below == end  # of a failing pool the nearest at which it is safe


# the equation


def test_explain_liquidation_price_adds_up_to_no_excess(account: xm.Account) -> None:
    position = account.position("BTCUSDT")
    made = account.explain(liquidation_price="BTCUSDT")
    rows = {row["term"]: row for row in reversed(made.rows())}
    assert abs(rows["excess"]["value"]) < 1e-9
    assert rows["notional"]["value"] == pytest.approx(0.5 * position.liquidation_price)
    title = repr(made).splitlines()[0]
    price = f"{position.liquidation_price:,.7f}".rstrip("0")
    assert title == (
        "account 0, cross pool in USDT, market 'binance-usdm/2024-10-01', "
        f"at BTCUSDT {price}, its liquidation price (mark 62,000)"
    )
    assert "isolated" not in title
    aliased = account.explain(liquidation_price="BTC/USDT:USDT")
    assert aliased == made


def test_explain_liquidation_price_takes_each_pool_at_its_own(account: xm.Account) -> None:
    account.open("BTCUSDT", 0.1, entry_price=62_000, leverage=10, margin_mode="isolated")
    made = account.explain(liquidation_price="BTCUSDT")
    titles = [line for line in repr(made).splitlines() if line.startswith("account")]
    assert len(titles) == 2
    assert all("its liquidation price" in title for title in titles)
    assert titles[0] != titles[1]
    for row in made.rows():
        if row["term"] == "excess":
            assert abs(row["value"]) < 1e-9


def test_explain_liquidation_price_leaves_out_a_pool_that_has_none(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 20_000})
    account.open("BTCUSDT", 0.05, entry_price=60_000, leverage=10)
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10, margin_mode="isolated")
    account.mark({"BTCUSDT": 60_000})
    lines = repr(account.explain(liquidation_price="BTCUSDT")).splitlines()
    titles = [line for line in lines if line.startswith("account")]
    assert [title.split(",")[1] for title in titles] == [" isolated pool BTCUSDT in USDT"]


def test_explain_liquidation_price_of_a_pool_that_is_lost_is_refused(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": -10_000})
    account.open("BTCUSDT", -0.01, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 60_000})
    with pytest.raises(xm.ArgumentError) as refused:
        account.explain(liquidation_price="BTCUSDT")
    assert str(refused.value) == "liquidation_price named 'BTCUSDT', and no price of it makes pool 0 safe"


def test_explain_liquidation_price_of_a_failing_pool_says_where_it_becomes_safe(account: xm.Account) -> None:
    account.mark({"BTCUSDT": 40_000})
    title = repr(account.explain(liquidation_price="BTCUSDT")).splitlines()[0]
    assert title.endswith("where it becomes safe (mark 40,000)")


def test_explain_liquidation_price_moves_the_last_price_along() -> None:
    market = xm.Market.from_toml("""
extends = "textbook/2020-01-01"
preset = "dual"
as_of = 2024-10-01
[[trigger.constraint]]
name = "mark"
price = "mark"
[[trigger.constraint]]
name = "last"
price = "last"
""")
    account = xm.Account(market, {"USDT": 1_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 60_000}, last={"BTCUSDT": 59_000})
    excesses = [row["value"] for row in account.explain(liquidation_price="BTCUSDT").rows() if row["term"] == "excess"]
    assert min(abs(value) for value in excesses) < 1e-9


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("XRPUSDT", "liquidation_price named 'XRPUSDT', which the pools to explain do not hold"),
        ("BTCX", "liquidation_price was 'BTCX', which is no instrument of the market"),
        (3, "liquidation_price was of type int, expected text"),
    ],
)
def test_explain_liquidation_price_of_what_is_not_held_is_refused(account: xm.Account, name: str, message: str) -> None:
    with pytest.raises(xm.ArgumentError) as refused:
        account.explain(liquidation_price=name)
    assert str(refused.value) == message


def test_explain_liquidation_price_where_there_is_none_is_refused(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": Fraction(5_000)})
    account.open("BTCUSDT", 0.05, entry_price=60_000, leverage=10)
    with pytest.raises(xm.MissingPriceError, match=r"call account\.mark"):
        account.explain(liquidation_price="BTCUSDT")
    account.mark({"BTCUSDT": 60_000})
    with pytest.raises(xm.ArgumentError) as refused:
        account.explain(liquidation_price="BTCUSDT")
    assert str(refused.value) == "liquidation_price named 'BTCUSDT', and no price of it makes pool 0 fail"
