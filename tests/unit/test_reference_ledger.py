"""The reference's book that lives, against numbers worked out by hand."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from crossmargin.reference import Market, ReferenceInputError, exact, load_market
from crossmargin.reference.ledger import (
    Holding,
    checked,
    fill,
    free_cash,
    fund,
    in_steps,
    read_holdings,
    table_rows,
    transfer,
)
from crossmargin.testing.markets import InstrumentSpec, market_toml

LINEAR = load_market(market_toml([InstrumentSpec("X", cap=1e6), InstrumentSpec("Y")]))
INVERSE = load_market(market_toml([InstrumentSpec("B", payoff="inverse", settle="BTC", contract_size=100)]))


def account(market: Market = LINEAR, wallet: Any = 1_000, **position: Any) -> Holding:
    asset = market.assets[0].name
    cash = [{"account": 1, "asset": asset, "wallet_balance": wallet}]
    held = [{"account": 1, "instrument": market.instruments[0].name, **position}] if position else []
    return read_holdings(market, cash, held)[1]


def trade(holding: Holding, quantity: Any, price: Any, market: Market = LINEAR, **more: Any) -> Holding:
    direction = more.pop("round", None)
    row = {"instrument": market.instruments[0].name, "quantity": quantity, "price": price, **more}
    return fill(market, holding, row, direction)


def test_ledger_fill_that_adds_averages_the_entry_price_by_quantity() -> None:
    (held,) = trade(account(quantity=2, entry_price=100), 1, 101).positions
    assert held.quantity == 3
    assert held.entry_price == exact(301 / 3)  # the decimal of the nearest double, not 301/3
    assert held.entry_price != Fraction(301, 3)


def test_ledger_fill_of_an_inverse_contract_averages_one_over_the_price() -> None:
    (held,) = trade(account(INVERSE, quantity=1, entry_price=40_000.0), 3, 50_000.0, INVERSE).positions
    assert held.entry_price == exact(float(Fraction(4) / (Fraction(1, 40_000) + Fraction(3, 50_000))))


def test_ledger_fill_that_reduces_books_the_profit_and_keeps_the_entry() -> None:
    after = trade(account(quantity=2, entry_price=100), -0.5, 104)
    assert after.wallet("USDT") == 1_002
    assert [(held.quantity, held.entry_price) for held in after.positions] == [(Fraction(3, 2), 100)]


def test_ledger_fill_beyond_the_position_closes_it_and_opens_the_other_side() -> None:
    after = trade(account(quantity=2, entry_price=100, leverage=10), -5, 90)
    assert after.wallet("USDT") == 980
    (held,) = after.positions
    assert (held.quantity, held.entry_price, held.leverage) == (-3, 90, 10)


def test_ledger_fill_that_closes_all_leaves_no_position_and_the_cash() -> None:
    after = trade(account(quantity=-2, entry_price=100), 2, 101, fee="0.25")
    assert not after.positions
    assert after.wallet("USDT") == exact("997.75")


def test_ledger_profit_between_quanta_is_refused_or_rounded_against_the_owner() -> None:
    held = account(INVERSE, wallet=1, quantity=1, entry_price=30_000)
    with pytest.raises(ReferenceInputError, match="say where to round"):
        trade(held, -1, 29_000, INVERSE)
    loss = Fraction(100, 30_000) - Fraction(100, 29_000)
    quantum = Fraction(1, 10**8)
    for way in ("down", "up", "nearest"):
        booked = trade(held, -1, 29_000, INVERSE, round=way).wallet("BTC") - 1
        assert booked == in_steps(loss, quantum, way, "pnl")
    assert trade(held, -1, 29_000, INVERSE, round="down").wallet("BTC") < 1 + loss


def test_ledger_part_of_an_isolated_position_gives_back_its_share_of_the_fence() -> None:
    held = account(quantity=3, entry_price=100, margin_mode="isolated", isolated_margin=100)
    after = trade(held, -1, 100, margin_mode="isolated")
    share = Fraction(3_333_333_333, 10**8)  # cut to the quantum
    assert after.positions[0].isolated_margin == 100 - share
    assert after.wallet("USDT") == 1_000
    assert free_cash(LINEAR, after, "USDT") == 900 + share


def test_ledger_loss_of_an_isolated_position_is_at_most_its_fence() -> None:
    held = account(quantity=1, entry_price=100, margin_mode="isolated", isolated_margin=10)
    after = trade(held, -1, 90, margin_mode="isolated")
    assert (after.wallet("USDT"), after.positions) == (990, ())
    with pytest.raises(ReferenceInputError, match="at most 10"):
        trade(held, -1, "89.99", margin_mode="isolated")


def test_ledger_isolated_position_fences_no_more_than_is_free() -> None:
    after = trade(account(wallet=25), 2, 100, margin_mode="isolated", leverage=10)
    assert after.positions[0].isolated_margin == 20
    with pytest.raises(ReferenceInputError, match="not fenced yet"):
        trade(account(wallet=15), 2, 100, margin_mode="isolated", leverage=10)


def test_ledger_fill_with_another_leverage_than_the_position_is_refused() -> None:
    with pytest.raises(ReferenceInputError, match="leverage"):
        trade(account(quantity=1, entry_price=100, leverage=10), 1, 100, leverage=5)


def test_ledger_fill_of_less_than_a_lot_is_refused_unless_it_closes_all() -> None:
    tiny = account(quantity="0.000000015", entry_price=100)
    with pytest.raises(ReferenceInputError, match="multiple of the lot"):
        trade(tiny, "-0.000000005", 100, round="down")
    assert not trade(tiny, "-0.000000015", 100).positions


def test_ledger_fee_of_a_taker_is_by_the_rate_of_the_account() -> None:
    text = market_toml([InstrumentSpec("X")], sections={"fees": {"taker": 0.0005, "maker": 0.0}})
    market = load_market(text)
    after = trade(account(market), 2, 100, market, maker=False)
    assert after.wallet("USDT") == 1_000 - exact("0.1")


def test_ledger_transfer_beyond_what_is_free_is_refused() -> None:
    held = account(quantity=1, entry_price=100, margin_mode="isolated", isolated_margin=400)
    assert transfer(LINEAR, held, {"asset": "USDT", "amount": -600}).wallet("USDT") == 400
    with pytest.raises(ReferenceInputError, match="at most what is free"):
        transfer(LINEAR, held, {"asset": "USDT", "amount": "-600.00000001"})


def test_ledger_funding_is_paid_by_longs_at_a_positive_rate_and_got_by_shorts() -> None:
    row = {"instrument": "X", "rate": "0.0001", "price": 200}
    assert fund(LINEAR, account(quantity=2, entry_price=100), row).wallet("USDT") == exact("999.96")
    assert fund(LINEAR, account(quantity=-2, entry_price=100), row).wallet("USDT") == exact("1000.04")
    assert fund(LINEAR, account(quantity=2, entry_price=100), {**row, "instrument": "Y"}).wallet("USDT") == 1_000


def test_ledger_funding_of_an_isolated_position_comes_out_of_its_fence_first() -> None:
    held = account(quantity=2, entry_price=100, margin_mode="isolated", isolated_margin=30)
    after = fund(LINEAR, held, {"instrument": "X", "rate": "0.1"}, mark=200)
    assert (after.positions[0].isolated_margin, after.wallet("USDT")) == (0, 960)


def test_ledger_cash_is_exact_where_doubles_are_not() -> None:
    holding = account(wallet=10**12)
    for _ in range(30_000):
        holding = transfer(LINEAR, holding, {"asset": "USDT", "amount": 1e-8})
    assert holding.wallet("USDT") == 10**12 + exact("0.0003")
    (row,) = table_rows(holding)["balances"]
    assert row["wallet_balance"] == float(10**12 + exact("0.0003"))


def test_ledger_cross_pool_stays_when_its_last_position_is_closed() -> None:
    bare = replace(account(quantity=1, entry_price=100), balances={})
    after = trade(bare, -1, 100)
    assert [pool.kind for pool in after.pools(LINEAR)] == ["cross"]


def test_ledger_position_beyond_the_cap_cannot_be() -> None:
    after = trade(account(quantity=9_000, entry_price=100), 1_001, 100)
    with pytest.raises(ReferenceInputError, match="at most 1000000"):
        checked(LINEAR, read_accounts_of(LINEAR), after)


def read_accounts_of(market: Market) -> Any:
    from crossmargin.reference import read_accounts

    return read_accounts(market, ())
