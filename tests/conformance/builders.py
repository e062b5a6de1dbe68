"""From a published worked number to the tables that must reproduce it.

A builder turns one vector into claims: a small book in canonical tables, and a figure of its last pool with its
tolerance. What a source gives as an aggregate ("profit of the other contracts") becomes a synthetic position.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from crossmargin.testing.markets import BINANCE_LIKE, InstrumentSpec, market_toml


@dataclass(frozen=True)
class Claim:
    """A figure of the last pool of a book: its value within a tolerance, or what is left after cutting decimals."""

    book: "VectorBook"
    output: str
    expected: Any
    tolerance: Fraction = Fraction(0)
    decimals: int | None = None


@dataclass(frozen=True)
class VectorBook:
    """Arguments of a scorer."""

    market: str
    balances: list[dict[str, Any]]
    positions: list[dict[str, Any]]
    marks: dict[str, float]


@dataclass(frozen=True)
class Leg:
    """One position of a vector, with the tier that its source fixes."""

    name: str
    quantity: float
    entry: float
    rate: float
    amount: float = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        return {
            "account": "vector",
            "instrument": self.name,
            "quantity": self.quantity,
            "entry_price": self.entry,
            **self.extra,
        }

    def spec(self) -> InstrumentSpec:
        """One tier; or two, when the maintenance amount must come out as published.

        A lower tier at half the rate up to ``2 * amount / rate`` leaves exactly ``amount`` for the tier above it.
        """
        if self.amount == 0:
            return InstrumentSpec(self.name, (0,), (self.rate,))
        floor = decimal(2 * number(self.amount) / number(self.rate))
        return InstrumentSpec(self.name, (0, floor), (decimal(number(self.rate) / 2), self.rate))


def number(value: float) -> Fraction:
    """The decimal that a published number was written as."""
    return Fraction(repr(value))


def decimal(value: Fraction) -> float:
    """A float that denotes the value exactly; a builder must not round its facts."""
    result = float(value)
    assert number(result) == value, value
    return result


def book_of(legs: list[Leg], wallet: float, marks: dict[str, float]) -> VectorBook:
    market = market_toml([leg.spec() for leg in legs], BINANCE_LIKE)
    balances = [{"account": "vector", "asset": "USDT", "wallet_balance": wallet}]
    return VectorBook(market, balances, [leg.row() for leg in legs], marks)


def liquidation_claims(
    vector: Mapping[str, Any], leg: Leg, *, wallet: float, others: tuple[Leg, ...] = (), **marks: float
) -> list[Claim]:
    """Claim that the trigger flips at the published liquidation price, within its tolerance.

    With the book marked there the excess is no further from zero than the tolerance times the size and its slope; one
    tolerance towards the loss the pool is liquidatable, one towards the profit it is not.
    """
    price, tolerance = number(vector["expected"]["liq_price"]), number(vector["tolerance"])
    side = 1 if leg.quantity > 0 else -1
    slope = abs(number(leg.quantity)) * (1 + number(leg.rate))

    def at(mark: Fraction) -> VectorBook:
        return book_of([*others, leg], wallet, {leg.name: float(mark), **marks})

    return [
        Claim(at(price), "excess", Fraction(0), tolerance * slope),
        Claim(at(price - side * tolerance), "liquidatable", True),
        Claim(at(price + side * tolerance), "liquidatable", False),
    ]


def isolated(margin: float, **extra: Any) -> dict[str, Any]:
    return {"margin_mode": "isolated", "isolated_margin": margin, **extra}


def one_isolated(vector: Mapping[str, Any]) -> list[Claim]:
    given = vector["inputs"]
    quantity = given["side"] * given["qty"]
    extra = isolated(given["wallet_balance"])
    leg = Leg("PERP", quantity, given["entry"], given["mmr"], given["maint_amount"], extra)
    return liquidation_claims(vector, leg, wallet=given["wallet_balance"])


def cross_with_aggregate(vector: Mapping[str, Any]) -> list[Claim]:
    """The other contract as the source describes it: 1 unit long, marked at 200; its rate and profit as given."""
    given = vector["inputs"]
    mark = 200
    rate = decimal(number(given["other_maint_margin"]) / mark)
    other = Leg("OTHER", 1, decimal(mark - number(given["other_upnl"])), rate)
    leg = Leg("PERP", given["side"] * given["qty"], given["entry"], given["mmr"], given["maint_amount"])
    return liquidation_claims(vector, leg, wallet=given["wallet_balance"], others=(other,), OTHER=float(mark))


def cross_with_other(vector: Mapping[str, Any]) -> list[Claim]:
    given = vector["inputs"]
    legs = [
        Leg(name, part["side"] * part["qty"], part["entry"], part["mmr"], part["maint_amount"])
        for name, part in (("OTHER", given["other"]), ("PERP", given["position"]))
    ]
    mark = given["other"]["mark"]
    return liquidation_claims(vector, legs[1], wallet=given["wallet_balance"], others=(legs[0],), OTHER=mark)


def hedge_isolated(vector: Mapping[str, Any]) -> list[Claim]:
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


def maintenance_amount(vector: Mapping[str, Any]) -> list[Claim]:
    """A position of 6 million: its maintenance margin tells the amount that was taken off."""
    given = vector["inputs"]
    below = Leg("PERP", 1, 1, given["prev_mmr"], given["prev_amount"]).spec()
    spec = InstrumentSpec("PERP", (*below.floor, given["floor"]), (*below.maintenance_rate, given["mmr"]))
    return [_amount_claim(spec, 6_000_000.0, given["mmr"], vector["expected"]["maint_amount"], vector["tolerance"])]


def tier_table(vector: Mapping[str, Any]) -> list[Claim]:
    """A position in the middle and one on the floor of each tier."""
    tiers, amounts = vector["inputs"]["tiers"], vector["expected"]["cum"]
    floors, caps, rates = ([row[column] for row in tiers] for column in range(3))
    spec = InstrumentSpec("PERP", floors, rates, cap=caps[-1])
    return [
        _amount_claim(spec, size, rate, amount, vector["tolerance"])
        for floor, cap, rate, amount in zip(floors, caps, rates, amounts, strict=True)
        for size in ((floor + cap) / 2, floor)
        if size > 0
    ]


def _amount_claim(spec: InstrumentSpec, size: float, rate: float, amount: float, tolerance: float) -> Claim:
    row = {"account": "vector", "instrument": spec.name, "quantity": size, "entry_price": 1.0}
    book = VectorBook(market_toml([spec], BINANCE_LIKE), [], [row], {spec.name: 1.0})
    expected = number(rate) * number(size) - number(amount)
    return Claim(book, "maintenance_margin", expected, number(tolerance))


def rounding(vector: Mapping[str, Any]) -> list[Claim]:
    given, expected = vector["inputs"], vector["expected"]
    leverage = decimal(1 / number(given["imr"]))
    leg = Leg("PERP", given["notional"], 1.0, given["mmr"], given["maint_amount"], {"leverage": leverage})
    book = book_of([leg], 0.0, {"PERP": 1.0})
    return [
        Claim(book, "maintenance_margin", number(expected["maint_margin"]), decimals=8),
        Claim(book, "initial_margin", number(expected["initial_margin"]), decimals=8),
    ]


def position_risk(vector: Mapping[str, Any]) -> list[Claim]:
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


BUILDERS: dict[str, Callable[[Mapping[str, Any]], list[Claim]]] = {
    "binance-um-cross-btc-short-faq2020": cross_with_aggregate,
    "binance-um-iso-btc-long-ft2": one_isolated,
    "binance-um-cross-btc-long-ft4": cross_with_other,
    "binance-um-iso-short-3x": one_isolated,
    "binance-um-iso-long-5x": one_isolated,
    "binance-um-iso-long-3x": one_isolated,
    "binance-um-iso-long-5x-0.6": one_isolated,
    "binance-um-hedge-iso-long-api": hedge_isolated,
    "binance-um-hedge-iso-short-api": hedge_isolated,
    "binance-um-maint-amount-l5-2020": maintenance_amount,
    "binance-um-tier-table-btcusdc": tier_table,
    "binance-um-rounding-maintmargin": rounding,
    "binance-um-positionrisk-wld": position_risk,
}
