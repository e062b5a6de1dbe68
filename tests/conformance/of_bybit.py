"""Builders of Bybit's published numbers, under today's rules and under those that they replaced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from claims import (
    Claim,
    Claims,
    OrderClaim,
    PositionClaim,
    PriceClaim,
    Vector,
    VectorBook,
    balance,
    decimal,
    flips,
    isolated,
    number,
    order,
    position,
)
from rulebooks import inverse, linear, one_rate, rulebook

ADVERSE = {"venue_ratio": "maintenance_over_equity", "price_rounding": "adverse"}
"""Prices are shown at the tick, those of longs rounded up."""


def isolated_now(vector: Vector) -> Claims:
    """Margins as printed, with the fee to close in both, and the trigger, with what was added to the margin.

    The page prints the maintenance margin at the entry price and before margin is added; the fee in it is the one at
    the price where the margin is used up. Under a rate of nothing the fee is all that is left of it.
    """
    given, expected = vector["inputs"], vector["expected"]
    coin = "usd_qty" in given

    def market(rate: float) -> str:
        return rulebook(
            [inverse() if coin else linear()],
            {"PERP": one_rate(rate)},
            maintenance_margin={"price": "mark", "isolated": {"closing_fee": "bankruptcy_of_margin"}},
            initial_margin={"price": "mark", "isolated": {"price": "entry", "closing_fee": "bankruptcy_at_entry"}},
            isolated={"fee_reserve": "closing_at_bankruptcy"},
            fees={"taker": given["taker_fee"], "maker": 0},
        )

    asset = "BTC" if coin else "USDT"
    quantity = given["side"] * given["usd_qty" if coin else "qty"]
    exact = Fraction(1, 10**12)

    def at(mark: float, margin: float | None = None, rate: float = given["mmr"]) -> VectorBook:
        held = position("PERP", quantity, given["entry"], leverage=given["leverage"], **isolated(margin))
        return VectorBook(market(rate), [balance(10_000, asset)], [held], {"PERP": mark})

    at_entry, initial = at(given["entry"]), number(expected["initial_margin"])
    with_more = decimal(initial + number(given["extra_margin"]))
    return [
        Claim(at_entry, "wallet_balance", initial, exact),
        Claim(at_entry, "initial_margin", initial, exact),
        Claim(at_entry, "maintenance_margin", number(expected["maint_margin"]), exact),
        Claim(at(given["entry"], rate=0), "maintenance_margin", number(expected["fee_to_close"]), exact),
        *flips(
            lambda mark: at(mark, with_more),
            number(expected["liq_price"]),
            number(vector["tolerance"]),
            given["side"],
            now=given["entry"],
        ),
    ]


def inverse_cross_of_2019(vector: Vector) -> Claims:
    """Maintenance at entry, with the fee to close where the whole balance is used up: one position, so one margin.

    The bankruptcy price is where the trigger would be with a rate of nothing. The price that is shown is the next tick
    above the one where the trigger flips.
    """
    given, expected = vector["inputs"], vector["expected"]

    def at(rate: float) -> Callable[[float], VectorBook]:
        held = position("PERP", given["usd_qty"], given["entry"], **isolated(given["balance_btc"]))
        market = _entry_based(inverse(tick=given["tick"]), rate, given["taker_fee"], "bankruptcy_of_margin")
        wallet = [balance(given["balance_btc"], "BTC")]
        return lambda mark: VectorBook(market, wallet, [held], {"PERP": mark})

    shown, tick = number(expected["liq_price"]), number(given["tick"])
    book = at(given["mmr"])
    bankruptcy, tolerance = number(expected["bankruptcy_price"]), number(vector["tolerance"])
    now = given["entry"]
    return [
        *flips(at(0), bankruptcy, tolerance, 1, now=now, output="bankruptcy_price"),
        PositionClaim(book(now), "bankruptcy_price", bankruptcy, tolerance),
        PositionClaim(book(now), "liquidation_price", shown, shown=True),
        Claim(book(float(shown - tick)), "liquidatable", True),
        Claim(book(float(shown)), "liquidatable", False),
        PriceClaim(book(1.0).market, "PERP", Fraction("5739.08"), "long", shown),
    ]


def _entry_based(instrument: Mapping[str, Any], rate: float, taker: float, closing_fee: str) -> str:
    """Rules before 2025-09-02: both margins at the entry price."""
    where = "isolated" if closing_fee == "bankruptcy_of_margin" else "all"
    fee = {"isolated": {"closing_fee": closing_fee}} if where == "isolated" else {"closing_fee": closing_fee}
    initial = {} if where == "isolated" else {"closing_fee": closing_fee}
    return rulebook(
        [instrument],
        {"PERP": one_rate(rate)},
        maintenance_margin={"price": "entry", **fee},
        initial_margin={"price": "entry", **initial},
        fees={"taker": taker, "maker": 0},
        display=ADVERSE,
    )


def bankruptcy(vector: Vector) -> Claims:
    """A position whose margin is that of its leverage, without fees: its equity ends at the bankruptcy price."""
    given, expected = vector["inputs"], vector["expected"]
    raw = "bankruptcy_raw" in expected
    instrument = inverse(tick=given["tick"]) if raw else linear()
    held = position("PERP", given["side"] * 1_000, given["entry"], leverage=given["leverage"], **isolated())
    market = rulebook([instrument], {"PERP": one_rate(0)}, display=ADVERSE)

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [], [held], {"PERP": mark})

    price = number(expected["bankruptcy_raw" if raw else "bankruptcy"])
    now = given["entry"]
    claims = flips(at, price, number(vector["tolerance"]), given["side"], now=now, output="bankruptcy_price")
    if raw:
        shown = number(expected["bankruptcy"])
        claims.append(PriceClaim(market, "PERP", price, "long", shown))
        claims.append(PositionClaim(at(now), "bankruptcy_price", shown, shown=True))
    return claims


def isolated_of_entry(vector: Vector) -> Claims:
    """Maintenance at entry, no fee. Shown prices are the next tick above those where the verdict flips."""
    given, expected = vector["inputs"], vector["expected"]
    entry, leverage, side = number(given["entry"]), number(given["leverage"]), given["side"]

    def at(rate: float) -> Callable[[float], VectorBook]:
        held = position("PERP", side * given.get("qty", 1), given["entry"], leverage=given["leverage"], **isolated())
        market = _entry_based(linear(tick=given.get("tick", 0.01)), rate, 0, "none")
        return lambda mark: VectorBook(market, [], [held], {"PERP": mark})

    if "tick" not in given:
        price, tolerance = number(expected["liq_price"]), number(vector["tolerance"])
        return flips(at(given["mmr"]), price, tolerance, side, now=given["entry"])
    now = at(given["mmr"])(given["entry"])
    tick = number(given["tick"])
    claims: Claims = [
        PositionClaim(now, "bankruptcy_price", number(expected["bust_price"]), shown=True),
        PositionClaim(now, "liquidation_price", number(expected["liq_price"]), shown=True),
    ]
    for rate, name in ((0, "bust_price"), (given["mmr"], "liq_price")):
        shown = number(expected[name])
        book = at(rate)
        raw = entry * (1 - side / leverage) + side * entry * number(rate)
        claims += [
            Claim(book(float(shown - tick)), "liquidatable", True),
            Claim(book(float(shown)), "liquidatable", False),
            PriceClaim(book(1.0).market, "PERP", raw, "long", shown),
        ]
    return claims


def margins_of_entry(vector: Vector) -> Claims:
    """The fee to close is in both margins, at the bankruptcy price of the leverage; a mark far away changes neither."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    held = position("PERP", given["side"] * given["qty"], given["entry"], leverage=given["leverage"])
    market = _entry_based(linear(), given["mmr"], given["taker_fee"], "bankruptcy_at_entry")
    book = VectorBook(market, [balance(100)], [held], {"PERP": 900.0})
    return [
        Claim(book, "initial_margin", number(expected["position_im"]), tolerance),
        Claim(book, "maintenance_margin", number(expected["position_mm"]), tolerance),
    ]


def order_cost(vector: Vector) -> Claims:
    """The initial margin of a pool with that order, without fees, with each fee, and with both; and what it costs."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    placed = order("PERP", given["side"] * given["usd_qty"], given["price"], leverage=given["leverage"])

    def before(**fees: bool) -> VectorBook:
        market = rulebook(
            [inverse(coin="ETH")],
            {"PERP": one_rate(0.005)},
            orders={"initial_margin": "larger_side", "maintenance_margin": "larger_side", **fees},
            initial_margin={"price": "mark", "closing_fee": "bankruptcy_at_mark"},
            fees={"taker": given["taker_fee"], "maker": 0},
        )
        return VectorBook(market, [balance(1, "ETH")], [], {"PERP": 2_100.0})

    def book(**fees: bool) -> VectorBook:
        return replace(before(**fees), orders=[placed])

    cost = number(expected["order_cost"])
    margin, opening, closing = (number(expected[name]) for name in ("initial_margin", "fee_open", "fee_close"))
    return [
        Claim(book(), "initial_margin", margin, tolerance, bare=True),
        Claim(book(opening_fee=True), "initial_margin", margin + opening, tolerance, bare=True),
        Claim(book(closing_fee=True), "initial_margin", margin + closing, tolerance, bare=True),
        Claim(book(opening_fee=True, closing_fee=True), "initial_margin", cost, tolerance),
        OrderClaim(before(opening_fee=True, closing_fee=True), placed, "cost", cost, tolerance),
    ]


def wallet_available(vector: Vector) -> Claims:
    """The margin balance is a wallet, the initial margin that of one synthetic position without profit."""
    given = vector["inputs"]
    market = rulebook(
        [linear()],
        {"PERP": one_rate(0.005)},
        pools={"cross": "per_account", "isolated": True},
        collateral={"value": "haircut", "asset": {"USDT": {"weight": 1}}},
        available={"rule": "equity_less_initial"},
    )
    held = position("PERP", given["total_im"], 1, leverage=1)
    book = VectorBook(market, [balance(given["margin_balance"])], [held], {"PERP": 1.0}, index={"USDT": 1})
    available, tolerance = number(vector["expected"]["available"]), number(vector["tolerance"])
    return [
        Claim(book, "available", available, tolerance),
        OrderClaim(book, order("PERP", 1, 1, leverage=1), "available", available, tolerance),
    ]


def two_sided_orders(vector: Vector) -> Claims:
    """Orders at a price of 1 and a leverage of 1: their quantities are their margins. The source states no fees."""
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    both, added = (given["buy_im"], -given["sell_im"]), -given["added_sell_im"]
    before, more = number(expected["account_im"]), number(expected["extra_for_added"])
    return [
        Claim(two_sided_book(both), "initial_margin", before, tolerance),
        Claim(two_sided_book((*both, added)), "initial_margin", before + more, tolerance),
        OrderClaim(two_sided_book(both), order("PERP", added, 1, leverage=1), "cost", more, tolerance),
    ]


def two_sided_book(quantities: Sequence[float], leverage: float = 1, taker: float = 0) -> VectorBook:
    """Orders to buy and to sell at a price of 1, with their fees to open and to close."""
    market = rulebook(
        [linear()],
        {"PERP": one_rate(0.005)},
        orders={"initial_margin": "worst_fill", "opening_fee": True, "closing_fee": True},
        initial_margin={"price": "mark", "closing_fee": "bankruptcy_at_mark"},
        fees={"taker": taker, "maker": 0},
    )
    placed = [order("PERP", quantity, 1, leverage=leverage) for quantity in quantities]
    return VectorBook(market, [balance(1_000)], [], {"PERP": 1.0}, orders=placed)


BUILDERS: dict[str, Callable[[Vector], Claims]] = {
    "bybit-lin-iso-long-2026": isolated_now,
    "bybit-inv-iso-short-2026": isolated_now,
    "bybit-inv-cross-2019": inverse_cross_of_2019,
    "bybit-inv-bankruptcy-2019": bankruptcy,
    "bybit-lin-bankruptcy-long": bankruptcy,
    "bybit-lin-iso-api-ethusdt": isolated_of_entry,
    "bybit-um-ethusdt-im-mm": margins_of_entry,
    "bybit-inv-order-cost": order_cost,
    "bybit-wallet-available": wallet_available,
    "bybit-classic-two-sided-order-im": two_sided_orders,
    "bybit-lin-iso-short-ft-3x": isolated_of_entry,
}
