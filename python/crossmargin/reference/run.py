"""One run of the rules: a number type and one vector of prices, and what positions and orders are worth at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from crossmargin.reference import rules
from crossmargin.reference.book import Position
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.orders import Order
from crossmargin.reference.values import N, cast


@dataclass(frozen=True)
class Run(Generic[N]):
    """The rules of a market at one price per instrument (mark, or last) and one index price per asset."""

    market: Market
    number: type[N]
    prices: Mapping[str, Fraction]
    index: Mapping[str, Fraction]

    def cast(self, value: Fraction) -> N:
        """Bring an input into the number type of the run."""
        return cast(value, self.number)

    @property
    def zero(self) -> N:
        """0 of the number type."""
        return self.number(0)

    @property
    def one(self) -> N:
        """1 of the number type."""
        return self.number(1)

    def price(self, instrument: Instrument) -> Fraction:
        """Return the price that stands for the mark in this run."""
        return self.prices[instrument.name]

    def value(self, instrument: Instrument, price: Fraction) -> N:
        """Return the value of one contract at a price."""
        return rules.contract_value(
            instrument.payoff,
            self.cast(instrument.contract_size),
            self.cast(instrument.multiplier),
            self.cast(price),
        )

    def basis_price(self, position: Position, basis: str) -> Fraction:
        """Return the mark, or the entry price of the position."""
        return position.entry_price if basis == "entry" else self.price(position.instrument)

    def notional(self, position: Position, basis: str = "mark") -> N:
        """Notional of a position at mark or entry, in its settlement asset."""
        value = self.value(position.instrument, self.basis_price(position, basis))
        return rules.notional(self.cast(position.quantity), value)

    def pnl(self, position: Position) -> N:
        """Unrealised profit or loss of a position."""
        instrument = position.instrument
        entry, mark = (self.value(instrument, price) for price in (position.entry_price, self.price(instrument)))
        return rules.unrealized_pnl(self.cast(position.quantity), entry, mark)

    def size(self, instrument: Instrument, quantity: Fraction, price: Fraction, bounds: str) -> N:
        """How large a quantity is at a price, in the unit of a table's bounds."""
        measure = rules.size_in(bounds, instrument.payoff)
        return measure(
            self.cast(quantity),
            self.cast(instrument.contract_size),
            self.cast(instrument.multiplier),
            self.cast(price),
        )

    def order_size(self, order: Order, bounds: str = "settle") -> N:
        """How large an order is at the price that the venue values it at: its limit, the mark, or the worse of both.

        An order without a limit is valued at the mark.
        """
        mark = self.price(order.instrument)
        limit = mark if order.price is None else order.price
        prices = {"limit": (limit,), "mark": (mark,), "worse": (limit, mark)}[self.market.rules.orders.price]
        return max(self.size(order.instrument, order.quantity, price, bounds) for price in prices)

    def order_loss(self, order: Order) -> N:
        """Return the loss that an order would show at once if it filled at its limit."""
        if order.price is None:
            return self.zero
        instrument = order.instrument
        limit, mark = (self.value(instrument, price) for price in (order.price, self.price(instrument)))
        return rules.order_loss(self.cast(order.quantity), mark, limit)
