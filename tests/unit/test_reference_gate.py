"""The reference's gate: what an order costs and whether it is accepted. Expected values by hand or from sources."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crossmargin.reference import Market, exact, load_market
from crossmargin.reference.accounts import read_accounts
from crossmargin.reference.admission import read_quotes
from crossmargin.reference.checking import REASONS, Admission, Book, Way, check_orders
from crossmargin.reference.ledger import read_holdings
from crossmargin.testing.markets import InstrumentSpec, market_toml

PRESETS = Path(__file__).parents[2] / "rust" / "engine" / "presets"
FLAT = InstrumentSpec("X", (0,), (0.01,), cap=1e9, max_leverage=[100])
WORST = {"initial_margin": "worst_fill"}


def shipped(name: str, **changes: Any) -> Market:
    preset, _, day = name.partition("/")
    return (
        load_market({"extends": name, **changes}, presets=PRESETS)
        if changes
        else load_market(PRESETS / preset / f"{day}.toml")
    )


def listing(*names: str) -> dict[str, Any]:
    return {
        "asset": [{"name": "USDT"}],
        "instrument": [{"name": name, "quote": "USDT", "tiers": "T"} for name in names],
        "tiers": {"T": {"floor": [0], "maintenance_rate": [0.025]}},
    }


def made(spec: InstrumentSpec = FLAT, **sections: Any) -> Market:
    return load_market(market_toml([spec], sections=sections))


def book(
    market: Market,
    wallet: Any,
    positions: list[dict[str, Any]] | None = None,
    *,
    asset: str | None = None,
    accounts: list[dict[str, Any]] | None = None,
    orders: list[dict[str, Any]] | None = None,
    **prices: Any,
) -> Book:
    cash = [{"account": 1, "asset": asset or market.assets[0].name, "wallet_balance": wallet}]
    held = [{"account": 1, **row} for row in positions or []]
    waiting = [{"account": 1, **row} for row in orders or []]
    said = accounts or []
    holdings = read_holdings(market, cash, held, orders=waiting, accounts=said)
    return Book(market, read_quotes(market, prices), holdings, read_accounts(market, said))


def asked(of: Book, *rows: dict[str, Any], **way: Any) -> list[Admission]:
    return check_orders(of, rows, Way(**way))


def test_gate_binance_example_of_the_cost_to_open_has_initial_margin_and_open_loss() -> None:
    # BF-COST: 1 BTC at 9,253.30 with 20-fold leverage; long 462.665, short at a mark of 9,259.84 6.54 of loss more.
    market = shipped("binance-usdm/2024-10-01")
    of = book(market, 10_000, asset="USDT", mark={"BTCUSDT": "9259.84"})
    rows = [{"instrument": "BTCUSDT", "quantity": side, "price": "9253.30", "leverage": 20} for side in (1, -1)]
    long, short = (asked(of, row)[0] for row in rows)
    assert (long.cost, short.cost) == (exact("462.665"), exact("469.205"))
    assert long.accepted
    assert short.accepted


def test_gate_bingx_example_costs_margin_and_fee_and_fits_exactly() -> None:
    # bx-order: 1 BTC at 35,000 and 5-fold leverage: 7,000 and 17.5 of fee.
    name = "BTC-USDT"
    market = shipped("bingx-usdm/2024-12-13", **listing(name))
    row = {"instrument": name, "quantity": 1, "price": 35_000, "leverage": 5}
    prices = {"mark": {name: 35_000}, "last": {name: 35_000}}
    (fits,) = asked(book(market, "7017.5", asset="USDT", **prices), row)
    assert (fits.cost, fits.accepted) == (exact("7017.5"), True)
    (short,) = asked(book(market, "7017.49999999", asset="USDT", **prices), row)
    assert (short.reason, short.short) == ("margin", exact("1e-8"))


def test_gate_bybit_inverse_example_costs_margin_and_two_fees() -> None:
    # YH-OC: 10,000 USD at 2,000 with 25-fold leverage: 0.2 + 0.00275 + 0.00286
    spec = InstrumentSpec("B", (0,), (0.005,), payoff="inverse", settle="BTC", contract_size=1, max_leverage=[100])
    orders = {"initial_margin": "larger_side", "opening_fee": True, "closing_fee": True}
    market = made(spec, orders=orders, initial_margin={"closing_fee": "bankruptcy_at_entry"}, fees={"taker": 0.00055})
    row = {"instrument": "B", "quantity": 10_000, "price": 2_000, "leverage": 25}
    (found,) = asked(book(market, 1, mark={"B": 2_000}), row)
    assert found.cost == exact("0.20561")


def test_gate_sell_beside_a_larger_side_of_buys_costs_what_makes_it_the_larger() -> None:
    # Bybit, classic rule: buys of 200 and sells of 150 of margin require 200; 70 more to sell cost 20.
    orders = [{"instrument": "X", "quantity": q, "price": 100, "leverage": 10} for q in (20, -15)]
    of = book(made(orders={"initial_margin": "larger_side"}), 1_000, orders=orders, mark={"X": 100})
    (found,) = asked(of, {"instrument": "X", "quantity": -7, "price": 100, "leverage": 10})
    assert found.cost == 20


def test_gate_textbook_winner_lets_cross_open_and_isolated_not() -> None:
    # Long 0.2 BTC at 50,000 tenfold, mark 60,000, cash 2,000: 5 ETH at 3,000 tenfold cost 1,500.
    market = shipped("textbook/2020-01-01", **listing("BTC", "ETH"))
    held = {"instrument": "BTC", "quantity": 0.2, "entry_price": 50_000, "leverage": 10}
    row = {"instrument": "ETH", "quantity": 5, "price": 3_000, "leverage": 10}
    prices = {"mark": {"BTC": 60_000, "ETH": 3_000}}
    (cross,) = asked(book(market, 2_000, [held], **prices), row)
    assert (cross.accepted, cross.cost, cross.available) == (True, 1_500, 3_000)
    fenced = {**held, "margin_mode": "isolated"}
    (isolated,) = asked(book(market, 2_000, [fenced], **prices), row)
    assert (isolated.reason, isolated.cost, isolated.available, isolated.short) == ("margin", 1_500, 1_000, 500)


def test_gate_order_against_the_position_costs_nothing_until_it_exceeds_it() -> None:
    of = book(
        made(orders=WORST),
        500,
        [{"instrument": "X", "quantity": 5, "entry_price": 100, "leverage": 1}],
        mark={"X": 100},
    )
    sell = {"instrument": "X", "price": 100}
    assert [asked(of, {**sell, "quantity": -q})[0].cost for q in (5, 10, 12)] == [0, 0, 200]
    close, turned = asked(of, {**sell, "quantity": -5}, {**sell, "quantity": -6})
    assert (close.opening, turned.opening) == (0, 6)
    assert (turned.reason, turned.cost) == ("margin", 100)
    assert turned.short == 100  # all of the 500 is the position's


def test_gate_equality_fits_and_one_quantum_less_does_not() -> None:
    row = {"instrument": "X", "quantity": 1, "price": 100, "leverage": 10}
    market = made(orders=WORST)
    assert asked(book(market, 10, mark={"X": 100}), row)[0].accepted
    refused = asked(book(market, "9.99999999", mark={"X": 100}), row)[0]
    assert (refused.reason, refused.short, refused.need) == ("margin", exact("1e-8"), 10)


def test_gate_rows_are_judged_after_those_accepted_before_them() -> None:
    row = {"instrument": "X", "quantity": 1, "price": 100, "leverage": 10}
    found = asked(book(made(orders=WORST), 25, mark={"X": 100}), *[row] * 4)
    assert [one.reason for one in found] == ["accepted", "accepted", "margin", "margin"]
    assert [one.available for one in found] == [25, 15, 5, 5]


def test_gate_filled_rows_are_positions_for_those_after_them() -> None:
    market = made(orders=WORST, fees={"taker": 0.001})
    buy, sell = ({"instrument": "X", "quantity": q, "leverage": 10} for q in (1, -1))
    first, second = asked(book(market, 100, mark={"X": 100}), buy, sell, assume="filled")
    assert first.after is not None
    assert second.after is not None
    assert [one.quantity for one in first.after.positions] == [1]
    assert (second.opening, second.cost) == (0, 0)
    assert not second.after.positions
    assert second.after.wallet("USDT") == exact("99.8")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"position_side": "long"}, "position_side"),
        ({"quantity": 1.005}, "lot"),
        ({"price": 100.25}, "tick"),
        ({"trigger_price": 100.25}, "tick"),
        ({"quantity": 0.1}, "min_size"),
        ({"quantity": 1_000}, "max_size"),
        ({"quantity": 0.5, "price": 10}, "min_notional"),
        ({"quantity": -6, "reduce_only": True, "position_side": "net", "instrument": "Y"}, "nothing_to_reduce"),
        ({"quantity": 1, "reduce_only": True}, "nothing_to_reduce"),
        ({"leverage": 101}, "leverage"),
        ({"quantity": 300, "price": 100, "leverage": 50}, "leverage"),
        ({"quantity": 600}, "cap"),
    ],
)
def test_gate_reason_against_a_row_is_the_first_that_applies(row: dict[str, Any], reason: str) -> None:
    text = market_toml(
        [
            InstrumentSpec("X", (0, 20_000), (0.01, 0.02), cap=50_000, max_leverage=[100, 20]),
            InstrumentSpec("Y", max_leverage=[100]),
        ],
        sections={"orders": WORST},
    )
    steps = 'lot = "0.01"\ntick = 0.5\nmin_quantity = 0.5\nmax_quantity = 900\nmin_notional = 20\ntiers = "X"\n'
    market = load_market(text.replace('tiers = "X"\n', steps, 1))
    held = {"instrument": "X", "quantity": 5, "entry_price": 100, "leverage": 100}
    of = book(market, 1e6, [held], mark={"X": 100, "Y": 100})
    (found,) = asked(of, {"instrument": "X", "quantity": 1, "price": 100, "leverage": 10, **row})
    assert found.reason == reason
    assert found.violations & (1 << REASONS.index(reason))


def test_gate_lot_is_forgiven_to_an_order_that_closes_exactly_all() -> None:
    market = load_market(
        market_toml([FLAT], sections={"orders": WORST}).replace('tiers = "X"\n', 'tiers = "X"\nlot = 1\n')
    )
    held = {"instrument": "X", "quantity": 1.5, "entry_price": 100, "leverage": 10}
    of = book(market, 1_000, [held], mark={"X": 100})
    assert asked(of, {"instrument": "X", "quantity": -1.5, "price": 100})[0].accepted
    assert asked(of, {"instrument": "X", "quantity": -0.5, "price": 100})[0].reason == "lot"


def test_gate_waiting_order_costs_nothing_and_counts_where_the_market_says_so() -> None:
    row = {"instrument": "X", "quantity": 10, "trigger_price": 120, "leverage": 10}
    (free,) = asked(book(made(orders=WORST), 1, mark={"X": 100}), row)
    assert (free.accepted, free.cost, free.opening) == (True, 0, 0)
    counted = made(orders={**WORST, "conditional": True})
    assert asked(book(counted, 1, mark={"X": 100}), row)[0].reason == "margin"


def test_gate_reducing_order_beyond_the_position_is_asked_where_the_market_checks_it() -> None:
    held = {"instrument": "X", "quantity": 1, "entry_price": 100, "leverage": 10}
    row = {"instrument": "X", "quantity": -5, "price": 100, "reduce_only": True}
    free, checked = made(orders=WORST), made(orders=WORST, admission={"reduce_only": "checked"})
    assert asked(book(free, 20, [held], mark={"X": 100}), row)[0].accepted
    (refused,) = asked(book(checked, 20, [held], mark={"X": 100}), row)
    assert (refused.reason, refused.cost, refused.opening) == ("margin", 30, 4)


def test_gate_pool_under_water_opens_nothing_though_its_rule_leaves_cash() -> None:
    # mexc-like: what can back orders is cash alone, so 900 of loss are not seen by it
    market = made(orders=WORST, available={"rule": "cash_less_initial"})
    held = {"instrument": "X", "quantity": 10, "entry_price": 100, "leverage": 10}
    of = book(market, 500, [held], mark={"X": 51})
    (opens,) = asked(of, {"instrument": "X", "quantity": 1, "price": 51, "leverage": 10})
    assert opens.available == exact("449")
    assert opens.accepted  # 500 - 490 is 10, and 5.61 are required
    of = book(market, 495, [held], mark={"X": 51})
    (opens,) = asked(of, {"instrument": "X", "quantity": 1, "price": 51, "leverage": 10})
    assert opens.reason == "liquidatable"


def test_gate_order_without_leverage_is_refused_by_that_name() -> None:
    (found,) = asked(book(made(orders=WORST), 1_000, mark={"X": 100}), {"instrument": "X", "quantity": 1})
    assert (found.reason, found.cost) == ("leverage_unknown", None)


def test_gate_hundredfold_order_that_would_be_liquidated_at_once_is_not_let_in() -> None:
    spec = InstrumentSpec("X", (0,), (0.025,), max_leverage=[200])
    (found,) = asked(book(made(spec), 1.5, mark={"X": 100}), {"instrument": "X", "quantity": 1, "leverage": 100})
    assert (found.reason, found.cost, found.available) == ("liquidatable", 1, Fraction(3, 2))


def test_gate_profit_of_a_better_limit_never_counts_and_a_loss_does_by_the_fill() -> None:
    market = made()
    of = book(market, 100, mark={"X": 100})
    row = {"instrument": "X", "quantity": 1, "leverage": 10}
    assert asked(of, {**row, "price": 90})[0].cost == 10  # at the mark
    assert asked(of, {**row, "price": 110})[0].cost == 20


def test_gate_two_sides_of_a_hedge_open_each_by_itself() -> None:
    held = {"instrument": "X", "quantity": 5, "entry_price": 100, "leverage": 10, "position_side": "long"}
    of = book(made(orders=WORST), 1_000, [held], mark={"X": 100})
    row = {"instrument": "X", "price": 100, "leverage": 10}
    close, sell = asked(
        of, {**row, "quantity": -5, "position_side": "long"}, {**row, "quantity": -5, "position_side": "short"}
    )
    assert (close.opening, close.cost) == (0, 0)
    assert (sell.opening, sell.cost) == (5, 50)


def test_gate_isolated_order_reserves_in_the_cross_pool() -> None:
    market = made(orders=WORST)
    row = {"instrument": "X", "quantity": 1, "price": 100, "leverage": 10, "margin_mode": "isolated"}
    fits, refused = asked(book(market, 15, mark={"X": 100}), row, row)
    assert (fits.cost, fits.available, refused.reason, refused.available) == (10, 15, "margin", 5)


def test_gate_weex_tiers_before_the_change_allow_their_leverage_and_no_more() -> None:
    # wx-trb: contracts from 5,001 to 25,000 at most 20-fold; an exact bound belongs to the lower tier
    market = shipped("weex-usdm/2023-01-01")
    row = {"instrument": "TRBUSDT", "price": 40}
    of = book(market, 1e7, asset="USDT", mark={"TRBUSDT": 40})
    size = market.instrument("TRBUSDT").contract_size
    assert size > 0

    def reason(contracts: int, leverage: int) -> str:
        return asked(of, {**row, "quantity": contracts, "leverage": leverage})[0].reason

    assert [reason(25_000, 20), reason(25_000, 21), reason(25_001, 20)] == ["accepted", "leverage", "leverage"]
