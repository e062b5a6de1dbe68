"""Sizes by risk, and orders repeated by followers, by the reference. Expected values by hand."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crossmargin.reference import Market, ReferenceInputError, exact, load_market
from crossmargin.reference.checking import Book, Way, read_book
from crossmargin.reference.mirror import Copying, Mirrored, mirror
from crossmargin.reference.sizing import Ask, Sized, loss_per_contract, size_position
from crossmargin.testing.markets import InstrumentSpec, market_toml

PRESETS = Path(__file__).parents[2] / "rust" / "engine" / "presets"
TAKER = Fraction(5, 10_000)


def textbook() -> Market:
    return load_market(PRESETS / "textbook" / "2020-01-01.toml")


def ask(market: Market, **more: Any) -> Ask:
    said = Ask(
        instrument=market.instruments[0],
        side=1,
        equity=Fraction(10_000),
        max_loss=Fraction(100),
        entry_price=Fraction(60_000),
        stop_price=Fraction(58_800),
        fee=TAKER,
        exit_fee=TAKER,
    )
    return replace(said, **more)


def test_size_worked_case_risks_one_percent_with_both_fees() -> None:
    market = textbook()
    found = size_position(market, ask(market))
    assert (found.quantity, found.binding) == (exact("0.07940289"), "loss")
    assert found.by["maintenance"] == exact("0.13333333")
    assert found.loss is not None
    assert found.loss <= 100 < found.loss + exact("1e-8") * exact("1259.4")
    assert found.maintenance_margin == found.notional * Fraction(25, 1000)
    assert found.leverage_used == found.notional / 10_000


def test_size_short_loses_upward_and_slippage_makes_both_fills_worse() -> None:
    market = textbook()
    short = ask(market, side=-1, stop_price=Fraction(61_200), slippage=Fraction(1, 1000))
    # sold at 59,940, bought back at 61,261.2
    assert loss_per_contract(market, short) == exact("1321.2") + TAKER * (59_940 + exact("61261.2"))
    assert size_position(market, short).quantity < 0


def test_size_stop_on_the_winning_side_is_refused() -> None:
    market = textbook()
    with pytest.raises(ReferenceInputError, match="expected a price below the entry price 60000"):
        size_position(market, ask(market, stop_price=Fraction(60_000)))


def test_size_maintenance_share_binds_where_the_stop_is_near_or_absent() -> None:
    market = textbook()
    assert size_position(market, ask(market, stop_price=None)).binding == "maintenance"
    with pytest.raises(ReferenceInputError, match="something that limits it"):
        size_position(market, ask(market, stop_price=None, maintenance_share=None))


def test_size_tiers_limit_by_leverage_and_by_their_end() -> None:
    spec = InstrumentSpec("X", (0, 2_000), (0.001, 0.002), max_leverage=[50, 20], cap=5_000)
    text = market_toml([spec]).replace('tiers = "X"\n', 'tiers = "X"\nlot = 1\n')
    market = load_market(text)
    plain = ask(market, entry_price=Fraction(100), stop_price=None, maintenance_share=None, fee=Fraction(0))
    fast, slow = (size_position(market, replace(plain, leverage=Fraction(leverage))) for leverage in (30, 20))
    assert (fast.quantity, fast.binding) == (19, "leverage")
    assert (slow.quantity, slow.binding, slow.by["leverage"]) == (50, "cap", None)
    assert slow.initial_margin == 250


def test_size_inverse_contract_loses_in_its_coin() -> None:
    market = load_market(market_toml([InstrumentSpec("B", payoff="inverse", settle="BTC", contract_size=100)]))
    said = ask(
        market, equity=Fraction(1), max_loss=Fraction(1, 100), entry_price=Fraction(50_000), stop_price=Fraction(40_000)
    )
    said = replace(said, fee=Fraction(0), exit_fee=Fraction(0), maintenance_share=None)
    assert size_position(market, said).quantity == 20  # 100 / 40,000 - 100 / 50,000 is 0.0005


def test_size_is_cut_by_the_room_that_an_account_has() -> None:
    market = textbook()
    of = read_book(market, [{"account": 1, "asset": "USDT", "wallet_balance": 100}], [], {"BTCUSDT": 60_000})
    found: Sized = size_position(market, ask(market, leverage=Fraction(10)), room=(of, 1))
    assert (found.quantity, found.binding) == (exact("0.01666666"), "margin")


def test_size_of_an_account_with_legs_is_cut_by_the_room_for_another() -> None:
    # of 100 a leg of 0.01 at leverage 10 and 60,000 takes 60
    market = textbook()
    leg = {"account": 1, "instrument": "BTCUSDT", "quantity": -0.01, "entry_price": 60_000, "leverage": 10}
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 100}]
    of = read_book(market, cash, [leg | {"position_side": "short"}], {"BTCUSDT": 60_000})
    found: Sized = size_position(market, ask(market, leverage=Fraction(10)), room=(of, 1))
    assert (found.quantity, found.binding) == (exact("0.00666666"), "margin")


MARKET = load_market(
    market_toml(
        [InstrumentSpec("X", (0,), (0.01,), max_leverage=[100])], sections={"orders": {"initial_margin": "worst_fill"}}
    ).replace('tiers = "X"\n', 'tiers = "X"\nlot = 0.5\n')
)


def followed(
    orders: list[dict[str, Any]], cash: dict[str, Any], positions: dict[str, Any], way: Way | None = None, **how: Any
) -> list[Mirrored]:
    balances = [{"account": account, "asset": "USDT", "wallet_balance": amount} for account, amount in cash.items()]
    held = [
        {"account": account, "instrument": "X", "quantity": quantity, "entry_price": 100, "leverage": 10}
        for account, quantity in positions.items()
    ]
    of: Book = read_book(MARKET, balances, held, {"X": 100})
    rows = [{"instrument": "X", "price": 100, "leverage": 10, **row} for row in orders]
    return mirror(of, rows, Copying("lead", [account for account in cash if account != "lead"], **how), way)


def said(found: list[Mirrored]) -> list[tuple[Any, Fraction, Fraction, str]]:
    return [(one.account, one.wanted, one.quantity, one.reason) for one in found]


def test_mirror_by_equity_is_down_to_whole_lots() -> None:
    found = followed([{"quantity": -7}], {"lead": 1_000, "ann": 500, "bob": 70, "eve": -5}, {})
    assert said(found) == [
        ("ann", Fraction(-7, 2), Fraction(-7, 2), "accepted"),
        ("bob", 0, 0, "lot"),
        ("eve", 0, 0, "margin"),
    ]


def test_mirror_closing_row_closes_no_more_than_the_follower_has() -> None:
    orders = [{"quantity": -4}, {"quantity": -4, "reduce_only": True}]
    found = followed(orders, {"lead": 1_000, "ann": 1_000, "bob": 1_000}, {"lead": 8, "ann": 3}, Way("filled", "none"))
    assert said(found) == [
        ("ann", -3, -3, "accepted"),
        ("bob", 0, 0, "nothing_to_reduce"),
        ("ann", 0, 0, "nothing_to_reduce"),
        ("bob", 0, 0, "nothing_to_reduce"),
    ]


def test_mirror_order_that_does_not_fit_is_cut_to_what_does() -> None:
    cash = {"lead": 1_000, "ann": 33}
    (cut,) = followed([{"quantity": 50}], cash, {}, by="factor", factors={"ann": Fraction(1, 2)})
    assert (cut.wanted, cut.quantity, cut.cut, cut.reason) == (25, 3, True, "margin")
    (whole,) = followed([{"quantity": 50}], cash, {}, by="factor", factors={"ann": Fraction(1, 2)}, cut=False)
    assert (whole.wanted, whole.quantity, whole.cut, whole.reason) == (25, 0, False, "margin")


def test_mirror_rows_are_judged_after_those_before_them() -> None:
    found = followed([{"quantity": 6}, {"quantity": 6}], {"lead": 1_000, "ann": 100}, {}, by="factor")
    assert said(found) == [("ann", 6, 6, "accepted"), ("ann", 6, 4, "margin")]
