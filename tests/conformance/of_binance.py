"""Builders of Binance's published numbers.

What a source gives as an aggregate ("profit of the other contracts") becomes a synthetic position.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from claims import (
    Claim,
    Claims,
    OrderClaim,
    PositionClaim,
    Row,
    Vector,
    VectorBook,
    balance,
    decimal,
    fits_exactly,
    flips,
    isolated,
    leverage_limits,
    number,
    order,
    position,
)
from rulebooks import inverse, linear, one_rate, rulebook

CUT = {"price_rounding": "truncate"}
"""Prices are shown at the tick, cut."""


@dataclass(frozen=True)
class Leg:
    """One position of a vector, with the tier that its source fixes."""

    name: str
    quantity: float
    entry: float
    rate: float
    amount: float = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> Row:
        return position(self.name, self.quantity, self.entry, **self.extra)

    def table(self) -> Mapping[str, Any]:
        """One tier; or two, when the maintenance amount must come out as published.

        A lower tier at half the rate up to ``2 * amount / rate`` leaves exactly ``amount`` for the tier above it.
        """
        if self.amount == 0:
            return one_rate(self.rate)
        floor = decimal(2 * number(self.amount) / number(self.rate))
        rates = [decimal(number(self.rate) / 2), self.rate]
        return {**one_rate(0), "floor": [0, floor], "maintenance_rate": rates, "max_leverage": [125, 100]}


def book_of(legs: list[Leg], wallet: float, marks: Mapping[str, float]) -> VectorBook:
    market = rulebook([linear(leg.name) for leg in legs], {leg.name: leg.table() for leg in legs})
    return VectorBook(market, [balance(wallet)], [leg.row() for leg in legs], marks)


def liquidation_claims(
    vector: Vector, leg: Leg, *, wallet: float, others: tuple[Leg, ...] = (), **marks: float
) -> Claims:
    """The trigger flips at the published price, and there the excess is zero within the tolerance of the price."""
    price, tolerance = number(vector["expected"]["liq_price"]), number(vector["tolerance"])
    side = 1 if leg.quantity > 0 else -1
    slope = abs(number(leg.quantity)) * (1 + number(leg.rate))

    def at(mark: float) -> VectorBook:
        return book_of([*others, leg], wallet, {leg.name: mark, **marks})

    return [
        Claim(at(float(price)), "excess", Fraction(0), tolerance * slope),
        *flips(at, price, tolerance, side, now=leg.entry),
    ]


def one_isolated(vector: Vector) -> Claims:
    given = vector["inputs"]
    quantity = given["side"] * given["qty"]
    leg = Leg("PERP", quantity, given["entry"], given["mmr"], given["maint_amount"], isolated(given["wallet_balance"]))
    return liquidation_claims(vector, leg, wallet=given["wallet_balance"])


def cross_with_aggregate(vector: Vector) -> Claims:
    """The other contract as the source describes it: 1 unit long, marked at 200; its rate and profit as given."""
    given = vector["inputs"]
    mark = 200
    rate = decimal(number(given["other_maint_margin"]) / mark)
    other = Leg("OTHER", 1, decimal(mark - number(given["other_upnl"])), rate)
    leg = Leg("PERP", given["side"] * given["qty"], given["entry"], given["mmr"], given["maint_amount"])
    return liquidation_claims(vector, leg, wallet=given["wallet_balance"], others=(other,), OTHER=float(mark))


def cross_with_other(vector: Vector) -> Claims:
    given = vector["inputs"]
    legs = [
        Leg(name, part["side"] * part["qty"], part["entry"], part["mmr"], part["maint_amount"])
        for name, part in (("OTHER", given["other"]), ("PERP", given["position"]))
    ]
    mark = given["other"]["mark"]
    return liquidation_claims(vector, legs[1], wallet=given["wallet_balance"], others=(legs[0],), OTHER=mark)


def hedge_isolated(vector: Vector) -> Claims:
    """Also the published profit and isolated margin (that is the pool's equity) at the published mark.

    Both are shown with 8 decimals, so they are within one unit of the eighth.
    """
    given = vector["inputs"]
    margin = decimal(number(given["isolated_margin"]) - number(given["unrealized_pnl"]))
    extra = isolated(margin, position_side="long" if given["side"] > 0 else "short")
    leg = Leg("PERP", given["side"] * given["qty"], given["entry"], given["mmr"], given["maint_amount"], extra)
    book = book_of([leg], margin, {"PERP": given["mark"]})
    last_digit = Fraction(1, 10**8)
    return [
        Claim(book, "unrealized_pnl", number(given["unrealized_pnl"]), last_digit),
        Claim(book, "equity", number(given["isolated_margin"]), last_digit),
        *liquidation_claims(vector, leg, wallet=margin),
    ]


def _open_cost_market() -> str:
    return rulebook(
        [linear()],
        {"PERP": one_rate(0.004)},
        orders={"initial_margin": "worst_fill", "order_loss": "admission", "price": "limit"},
        display={"venue_ratio": "maintenance_over_equity", "amount_decimals": 2},
    )


def open_cost(vector: Vector) -> Claims:
    """Margin of a limit order that rests, as shown, and what placing it costs: a buy below the mark loses nothing."""
    given, expected, market = vector["inputs"], vector["expected"], _open_cost_market()
    placed = order("PERP", given["qty"], given["order_price"], leverage=given["leverage"])
    before = VectorBook(market, [balance(0)], [], {"PERP": given["mark"]})
    book = replace(before, orders=[placed])
    exact = number(given["order_price"]) * given["qty"] / given["leverage"]
    return [
        OrderClaim(before, placed, "cost", number(expected["initial_margin"]), number(vector["tolerance"])),
        OrderClaim(before, placed, "cost", exact),
        Claim(book, "initial_margin", number(expected["initial_margin"]), number(vector["tolerance"])),
        Claim(book, "initial_margin", number(expected["initial_margin"]), shown=True, bare=True),
    ]


def open_loss(vector: Vector) -> Claims:
    """What placing the order costs beside its margin: a sale below the mark loses the difference at once."""
    given, expected, market = vector["inputs"], vector["expected"], _open_cost_market()
    margin = number(given["order_price"]) * given["qty"] / given["leverage"]

    def book(wallet: float) -> VectorBook:
        return VectorBook(market, [balance(wallet)], [], {"PERP": given["mark"]})

    claims: Claims = []
    for side, name in ((1, "open_loss_long"), (-1, "open_loss_short")):
        placed = order("PERP", side * given["qty"], given["order_price"], leverage=given["leverage"])
        cost = margin + number(expected[name])
        claims += [OrderClaim(book(0), placed, "cost", cost), *fits_exactly(book, placed, cost)]
    return claims


def multi_assets(vector: Vector) -> Claims:
    """An order in one of the assets can cost what is available in it, and no cent more."""
    given, expected, tolerance = vector["inputs"]["assets"], vector["expected"], number(vector["tolerance"])
    market = rulebook(
        [linear()],
        {"PERP": one_rate(0.004)},
        orders={"initial_margin": "worst_fill", "order_loss": "admission", "price": "limit"},
        pools={"cross": "per_account", "isolated": False},
        valuation={"asset": "USD"},
        collateral={
            "value": "haircut",
            "negative": "ask",
            "requirement_conversion": "ask",
            "asset": {
                name: {"bid_buffer": entry["bid_buffer"], "ask_buffer": entry["ask_buffer"]}
                for name, entry in given.items()
            },
        },
    )
    index = {name: entry["index"] for name, entry in given.items()}

    def book(**wallets: float) -> VectorBook:
        held = [balance(wallet, name) for name, wallet in wallets.items()]
        return VectorBook(market, held, marks={"PERP": 1.0}, index=index)

    both = book(**{name: entry["wallet"] for name, entry in given.items()})
    ask = {name: number(entry["index"]) * (1 + number(entry["ask_buffer"])) for name, entry in given.items()}
    available = expected["available_usdt"]
    largest, more = (order("PERP", cost, 1, leverage=1) for cost in (available, available + 0.01))
    return [
        OrderClaim(both, largest, "available", number(available), tolerance, per=ask["USDT"]),
        OrderClaim(both, largest, "cost", number(available), per=ask["USDT"]),
        OrderClaim(both, largest, "reason", "accepted"),
        OrderClaim(both, more, "reason", "margin"),
        Claim(book(USDT=1), "collateral_value", number(expected["usdt_bid_rate"])),
        Claim(book(USDT=-1), "collateral_value", -number(expected["usdt_ask_rate"])),
        Claim(both, "collateral_value", number(expected["account_equity"]), tolerance),
        Claim(both, "available", number(expected["available_usdt"]), tolerance, per=ask["USDT"]),
        Claim(both, "available", number(expected["available_usdc"]), tolerance, per=ask["USDC"]),
    ]


def maintenance_amount(vector: Vector) -> Claims:
    """A position of 6 million: its maintenance margin tells the amount that was taken off."""
    given = vector["inputs"]
    below = Leg("PERP", 1, 1, given["prev_mmr"], given["prev_amount"]).table()
    floors = [*below["floor"], given["floor"]]
    rates = [*below["maintenance_rate"], given["mmr"]]
    amount = vector["expected"]["maint_amount"]
    return [_amount_claim(floors, rates, 6_000_000.0, given["mmr"], amount, vector["tolerance"])]


def tier_table(vector: Vector) -> Claims:
    """A position in the middle and one on the floor of each tier; and an order in the middle, with its leverage."""
    tiers, amounts = vector["inputs"]["tiers"], vector["expected"]["cum"]
    floors, caps, rates, leverages = ([row[column] for row in tiers] for column in range(4))
    table = {**one_rate(0), "floor": floors, "maintenance_rate": rates, "max_leverage": leverages, "cap": caps[-1]}
    rich = VectorBook(rulebook([linear()], {"PERP": table}), [balance(10**10)], [], {"PERP": 1.0})
    middles = [((floor + cap) / 2, leverage) for floor, cap, leverage in zip(floors, caps, leverages, strict=True)]
    return [
        *leverage_limits(rich, "PERP", middles, caps[-1]),
        *_tier_amounts(floors, caps, rates, amounts, vector["tolerance"]),
    ]


def _tier_amounts(
    floors: list[float], caps: list[float], rates: list[float], amounts: list[float], tolerance: float
) -> Claims:
    return [
        _amount_claim(floors, rates, size, rate, amount, tolerance, caps[-1])
        for floor, cap, rate, amount in zip(floors, caps, rates, amounts, strict=True)
        for size in ((floor + cap) / 2, floor)
        if size > 0
    ]


def _amount_claim(
    floors: list[float],
    rates: list[float],
    size: float,
    rate: float,
    amount: float,
    tolerance: float,
    cap: float | None = None,
) -> Claim:
    table = {**one_rate(0), "floor": floors, "maintenance_rate": rates, "max_leverage": [1] * len(floors)}
    market = rulebook([linear()], {"PERP": table if cap is None else {**table, "cap": cap}})
    book = VectorBook(market, [], [position("PERP", size, 1.0)], {"PERP": 1.0})
    return Claim(book, "maintenance_margin", number(rate) * number(size) - number(amount), number(tolerance))


def rounding(vector: Vector) -> Claims:
    given, expected = vector["inputs"], vector["expected"]
    leverage = decimal(1 / number(given["imr"]))
    leg = Leg("PERP", given["notional"], 1.0, given["mmr"], given["maint_amount"], {"leverage": leverage})
    book = book_of([leg], 0.0, {"PERP": 1.0})
    return [
        Claim(book, "maintenance_margin", number(expected["maint_margin"]), shown=True),
        Claim(book, "initial_margin", number(expected["initial_margin"]), shown=True),
    ]


def position_risk(vector: Vector) -> Claims:
    given, expected, tolerance = vector["inputs"], vector["expected"], number(vector["tolerance"])
    leg = Leg("PERP", given["qty"], given["entry"], given["mmr"], 0, {"leverage": given["leverage"]})
    book = book_of([leg], 0.0, {"PERP": given["mark"]})
    outputs = {
        "notional": "notional",
        "unrealized_pnl": "upnl",
        "initial_margin": "initial_margin",
        "maintenance_margin": "maint_margin",
    }
    return [Claim(book, output, number(expected[name]), tolerance) for output, name in outputs.items()]


def coin_isolated(vector: Vector) -> Claims:
    """Profit, notional and isolated margin as shown (cut at 8 decimals), and the trigger, with as many."""
    given, expected = vector["inputs"], vector["expected"]
    price = number(expected["liq_price"])
    perpetual = inverse(contract_size=given["contract_usd"], tick=1e-8)
    market = rulebook([perpetual], {"PERP": one_rate(given["mmr"])}, display=CUT)
    wallet, quantity = given["isolated_wallet"], given["side"] * given["contracts"]
    held = position("PERP", quantity, given["entry"], leverage=given["leverage"], **isolated(wallet))

    def at(mark: float) -> VectorBook:
        return VectorBook(market, [balance(wallet, "BTC")], [held], {"PERP": mark})

    shown = {"unrealized_pnl": "upnl", "notional": "notional", "equity": "isolated_margin"}
    return [
        *(Claim(at(given["mark"]), output, number(expected[name]), shown=True) for output, name in shown.items()),
        *flips(at, price, number(vector["tolerance"]["liq_price"]), given["side"], now=given["mark"]),
        PositionClaim(at(given["mark"]), "liquidation_price", price, shown=True),
    ]


# The ladder of the FAQ that the vector's amount comes from, in BTC: its seventh tier takes off 11.605.
COIN_LADDER = {
    "law": "marginal",
    "bounds": "settle",
    "floor": [0, 5, 10, 20, 50, 100, 200],
    "maintenance_rate": [0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.125],
    "max_leverage": [125, 100, 50, 20, 10, 5, 4],
}


def coin_cross(vector: Vector) -> Claims:
    """In a high tier of the ladder; its maintenance amount is checked first, at 300 BTC. Shown cut at the tick."""
    given, expected = vector["inputs"], vector["expected"]
    perpetual = inverse(contract_size=given["contract_usd"], tick=given["tick"])
    market = rulebook([perpetual], {"PERP": COIN_LADDER}, display=CUT)
    wallet, entry = given["wallet_balance_btc"], given["entry"]

    def at(mark: float, contracts: float = given["side"] * given["contracts"]) -> VectorBook:
        return VectorBook(market, [balance(wallet, "BTC")], [position("PERP", contracts, entry)], {"PERP": mark})

    at_300 = number(given["mmr"]) * 300 - number(given["maint_amount_btc"])
    return [
        Claim(at(10_000.0, 30_000), "maintenance_margin", at_300),
        *flips(at, number(expected["liq_price"]), number(vector["tolerance"]), given["side"], now=entry),
        PositionClaim(at(entry), "liquidation_price", number(expected["liq_price"]), shown=True),
    ]


def _one_asset(entry: Mapping[str, Any], wallet: float, index: float) -> VectorBook:
    market = rulebook(
        [],
        {},
        pools={"cross": "per_account", "isolated": False},
        collateral={"value": "haircut", "asset": {"BTC": entry}},
    )
    return VectorBook(market, [balance(wallet, "BTC")], index={"BTC": index})


def flat_collateral(vector: Vector) -> Claims:
    """The three wallets are one balance, as the source adds them up; valued in coin at an index of 1."""
    given = vector["inputs"]
    wallet = given["margin_btc"] + given["um_btc"] + given["cm_btc"]
    book = _one_asset({"weight": given["rate"]}, wallet, 1)
    return [Claim(book, "collateral_value", number(vector["expected"]["collateral_btc"]), number(vector["tolerance"]))]


def tiered_collateral(vector: Vector) -> Claims:
    given, expected = vector["inputs"], vector["expected"]
    floors, caps, weights = ([row[column] for row in given["tiers_usdt"]] for column in range(3))
    entry = {"unit": "value", "floor": floors, "weights": weights, "cap": caps[-1]}
    book = _one_asset(entry, given["qty"], given["price"])
    return [Claim(book, "collateral_value", number(expected["collateral_value"]), number(vector["tolerance"]))]


BUILDERS: dict[str, Callable[[Vector], Claims]] = {
    "binance-um-cross-btc-short-faq2020": cross_with_aggregate,
    "binance-um-iso-btc-long-ft2": one_isolated,
    "binance-um-cross-btc-long-ft4": cross_with_other,
    "binance-um-iso-short-3x": one_isolated,
    "binance-um-iso-long-5x": one_isolated,
    "binance-um-iso-long-3x": one_isolated,
    "binance-um-iso-long-5x-0.6": one_isolated,
    "binance-um-hedge-iso-long-api": hedge_isolated,
    "binance-um-hedge-iso-short-api": hedge_isolated,
    "binance-um-open-cost-limit": open_cost,
    "binance-um-open-cost-loss": open_loss,
    "binance-um-multiasset-initial": multi_assets,
    "binance-um-maint-amount-l5-2020": maintenance_amount,
    "binance-um-tier-table-btcusdc": tier_table,
    "binance-um-rounding-maintmargin": rounding,
    "binance-um-positionrisk-wld": position_risk,
    "binance-cm-iso-long-api": coin_isolated,
    "binance-cm-cross-long-forum": coin_cross,
    "binance-pm-flat-collateral": flat_collateral,
    "binance-margin-tiered-collateral": tiered_collateral,
}
