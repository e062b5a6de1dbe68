"""The largest order that fits, by the reference: worked cases, holes, and the walk against looking at every lot."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossmargin.reference import Market, exact, load_market
from crossmargin.reference import largest as module
from crossmargin.reference.checking import Book, read_book
from crossmargin.reference.largest import Largest, largest_order, read_asked, scanned, walked
from crossmargin.reference.values import ReferenceInputError
from crossmargin.testing.gating import GateCase, book_of, edge_gate_cases, gate_cases
from crossmargin.testing.markets import InstrumentSpec, market_toml

PRESETS = Path(__file__).parents[2] / "rust" / "engine" / "presets"
LOT = 'tiers = "X"\nlot = 1\n'


def made(spec: InstrumentSpec, more: str = "", **sections: Any) -> Market:
    text = market_toml([spec], sections=sections)
    return load_market(text.replace('tiers = "X"\n', LOT + more))


def book(market: Market, wallet: Any, *positions: dict[str, Any], mark: Any = 100, name: str = "X") -> Book:
    held = [{"account": 1, "instrument": name, **row} for row in positions]
    return read_book(market, [{"account": 1, "asset": "USDT", "wallet_balance": wallet}], held, {name: mark})


def largest(of: Book, side: int, *, name: str = "X", most: int = 2**62, **row: Any) -> Largest:
    asked = read_asked(row.pop("target_ratio", None), row.pop("liquidation_beyond", None))
    return largest_order(of, 1, {"instrument": name, "quantity": side, **row}, asked, most)


def test_largest_binance_worked_case_buys_what_is_available_and_sells_twice_the_position_more() -> None:
    market = load_market(PRESETS / "binance-usdm" / "2024-10-01.toml")
    held = {"quantity": 0.5, "entry_price": 60_000, "leverage": 10}
    of = book(market, 10_000, held, mark=60_000, name="BTCUSDT")
    buy, sell = (largest(of, side, name="BTCUSDT") for side in (1, -1))
    assert (buy.quantity, buy.contiguous, buy.binding) == (exact("1.16666666"), True, "margin")
    assert (sell.quantity, sell.contiguous, sell.binding) == (exact("-2.16666666"), True, "margin")
    assert sell.smallest == exact("-1e-8")


def test_largest_that_only_reduces_is_what_there_is_in_whole_lots() -> None:
    # 50 long, 5.5 short, lots of 1: one lot more fills no more than there is
    market = made(InstrumentSpec("X"))
    legs = [{"quantity": 50, "position_side": "long"}, {"quantity": -5.5, "position_side": "short"}]
    of = book(market, 1_000_000, *({**leg, "entry_price": 100, "leverage": 10} for leg in legs))
    close, cover = (largest(of, sign, position_side=side) for sign, side in ((-1, "long"), (1, "short")))
    assert (close.quantity, close.smallest, close.contiguous, close.binding) == (-50, -1, True, "nothing_to_reduce")
    assert (cover.quantity, cover.binding) == (5, "nothing_to_reduce")
    one_way = book(market, 1_000_000, {"quantity": 0.5, "entry_price": 100, "leverage": 10})
    dust = largest(one_way, -1, reduce_only=True)
    assert (dust.quantity, dust.contiguous, dust.binding, dust.cost) == (0, False, "nothing_to_reduce", 0)
    assert largest(one_way, 1, reduce_only=True).binding == "nothing_to_reduce"


def test_largest_textbook_winner_opens_three_times_as_much_in_cross() -> None:
    change = {
        "asset": [{"name": "USDT"}],
        "instrument": [{"name": name, "quote": "USDT", "tiers": "T"} for name in ("BTC", "ETH")],
        "tiers": {"T": {"floor": [0], "maintenance_rate": [0.025]}},
    }
    market = load_market({"extends": "textbook/2020-01-01", **change}, presets=PRESETS)
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 2_000}]
    held = {"account": 1, "instrument": "BTC", "quantity": 0.2, "entry_price": 50_000, "leverage": 10}
    row = {"instrument": "ETH", "quantity": 1, "price": 3_000, "leverage": 10}
    found = []
    for mode in ("cross", "isolated"):
        of = read_book(market, cash, [{**held, "margin_mode": mode}], {"BTC": 60_000, "ETH": 3_000})
        found.append(largest_order(of, 1, row).quantity)
    assert found == [10, exact("3.33333333")]


def test_largest_order_that_may_close_and_open_again_beyond_has_a_hole() -> None:
    # long 10 at a thousandfold: nothing is available, sells up to 10 close; 11 to 20 cost nothing by the worst fill
    market = made(InstrumentSpec("X", (0,), (0.001,), max_leverage=[1000]), orders={"initial_margin": "sum"})
    of = book(market, 1, {"quantity": 10, "entry_price": 100, "leverage": 1000})
    closed = largest(of, -1)
    assert (closed.quantity, closed.contiguous, closed.binding) == (-10, True, "margin")
    none = largest(of, 1)
    assert (none.quantity, none.binding) == (0, "margin")


def test_largest_order_is_cut_by_sizes_and_caps_and_says_so() -> None:
    rules = {"orders": {"initial_margin": "worst_fill"}}
    spec = InstrumentSpec("X", (0, 2_000), (0.001, 0.002), max_leverage=[50, 20], cap=5_000)
    assert largest(book(made(spec, **rules), 1e6), 1, leverage=10).binding == "cap"
    assert largest(book(made(spec, **rules), 1e6), 1, leverage=10).quantity == 50
    tiers = largest(book(made(spec, **rules), 1e6), 1, leverage=30)
    assert (tiers.quantity, tiers.binding) == (19, "leverage")  # 20 are on the floor of the upper tier
    sized = largest(book(made(spec, "min_quantity = 3\nmax_quantity = 7\n", **rules), 1e6), 1, leverage=10)
    assert (sized.smallest, sized.quantity, sized.binding) == (3, 7, "max_size")


def test_largest_order_that_keeps_a_target_ratio_sees_its_loss_and_not_its_profit() -> None:
    market = made(InstrumentSpec("X", (0,), (0.05,), max_leverage=[100]), orders={"initial_margin": "worst_fill"})
    of = book(market, 100)
    assert largest(of, 1, leverage=10, target_ratio=2).quantity == 10  # 100 over 5 each twice
    assert largest(of, 1, leverage=10, price=90, target_ratio=2).quantity == 10
    assert largest(of, 1, leverage=10, price=110, target_ratio=2).quantity == 5  # 100 - 10 q >= 10 q
    assert largest(of, 1, leverage=10, price=110, target_ratio=2).binding == "target_ratio"


def test_largest_order_that_keeps_liquidation_beyond_a_price() -> None:
    market = made(InstrumentSpec("X", (0,), (0.05,), max_leverage=[100]), orders={"initial_margin": "worst_fill"})
    found = largest(book(market, 100), 1, leverage=10, liquidation_beyond=80, most=30)
    # 100 - 20 q >= 0.05 * 80 q: 4.16; at a ratio of exactly 1 nothing is liquidated here
    assert (found.quantity, found.binding) == (4, "liquidation_beyond")
    hedge = largest(
        book(market, 100, {"quantity": 5, "entry_price": 100, "leverage": 10}), -1, liquidation_beyond=80, most=30
    )
    assert hedge.smallest == -1  # 4 are safe, so one of five has to go
    assert hedge.quantity < -5


@pytest.mark.parametrize("edge", [False, True])
def test_largest_walk_finds_what_looking_at_every_lot_finds(edge: bool) -> None:
    # lots of the order drawn, divided so that its size is among the first 40
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        edge_gate_cases("decimal") if edge else gate_cases("decimal"), st.integers(1, 30), st.sampled_from([None, 2])
    )
    def agrees(case: GateCase, parts: int, ratio: int | None) -> None:
        if not case.proposals:
            return
        of, row = book_of(case.case), case.proposals[0]
        lot = abs(exact(row["quantity"])) / parts
        if case.case.quantity_unit == "base":
            lot /= of.market.instrument(row["instrument"]).contract_size
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "USUAL_LOT", lot)
            try:
                walk = largest_order(of, row["account"], row, read_asked(ratio), 40)
                patch.setattr(module, "walked", scanned)
                scan = largest_order(of, row["account"], row, read_asked(ratio), 40)
            except ReferenceInputError:
                return
        assert walk == scan

    agrees()


def test_largest_walk_of_a_rule_with_holes_is_the_scan() -> None:
    for accepts in (
        lambda n: (n - 3) * (n - 9) * (n - 12) >= 0,
        lambda n: n * n < 50,
        lambda n: n > 90,
        lambda n: n < 0,
    ):
        assert walked(accepts, 30) == scanned(accepts, 30)
    assert walked(lambda n: n * n <= 2**80, 2**62) == (1, 2**40, True)
    assert walked(lambda n: (n - 5) * (n - 5) > 0, 2**50) == (1, 2**50, False)
