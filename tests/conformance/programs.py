"""The two programs that a published number is put to, in one shape: the reference and the engine."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any, Protocol

from claims import OrderClaim, PriceClaim, Row, VectorBook

from crossmargin import reference
from crossmargin.testing.oracle import OUTPUTS

PoolRow = dict[str, Any]
PositionRow = dict[str, Fraction | None]
OrderRow = dict[str, Any]

ORDER_FIGURES = ("cost", "available", "short")
"""What is claimed of orders beside the gate's word on them."""

PRICES = ("liquidation_price", "bankruptcy_price")
"""What is claimed of positions."""

PRESETS = Path(__file__).parents[2] / "rust" / "engine" / "presets"


class Program(Protocol):
    """Scores books; ``slack`` is how far a value of 1 may be off because the program reports doubles."""

    slack: Fraction

    def last_pool(self, book: VectorBook) -> PoolRow: ...

    def last_pool_shown(self, book: VectorBook) -> PoolRow: ...

    def shown_price(self, claim: PriceClaim) -> Fraction: ...

    def last_position(self, book: VectorBook) -> PositionRow: ...

    def last_position_shown(self, book: VectorBook) -> PositionRow: ...

    def decided(self, claim: OrderClaim) -> OrderRow: ...


@cache
def _loaded(market: str) -> reference.Market:
    return reference.load_market(market, presets=PRESETS)


def _others(book: VectorBook) -> dict[str, Any]:
    return {name: getattr(book, name) for name in ("orders", "accounts", "settings", "index", "last")}


def _decimal(price: float | None) -> Fraction | None:
    """What a price denotes; NaN, as in a column, says that there is none."""
    return None if price is None or isnan(price) else Fraction(repr(price))


class Reference:
    """Exact fractions."""

    slack = Fraction(0)

    def last_pool(self, book: VectorBook) -> PoolRow:
        pools = reference.score(_loaded(book.market), book.balances, book.positions, book.marks, **_others(book))
        return {name: getattr(pools[-1], name) for name in OUTPUTS}

    def last_pool_shown(self, book: VectorBook) -> PoolRow:
        display = _loaded(book.market).rules.display
        assert display.amount_decimals is not None
        row = self.last_pool(book)
        return {
            name: reference.round_amount(value, display.amount_decimals, display.amount_rounding)
            for name, value in row.items()
            if isinstance(value, Fraction)
        }

    def shown_price(self, claim: PriceClaim) -> Fraction:
        market = _loaded(claim.market)
        tick = market.instrument(claim.instrument).tick
        assert tick is not None
        return reference.round_price(claim.price, tick, market.rules.display.price_rounding, claim.side)

    def last_position(self, book: VectorBook) -> PositionRow:
        row = reference.liquidation_prices(
            _loaded(book.market), book.balances, book.positions, book.marks, **_others(book)
        )[-1]
        return {name: _decimal(getattr(row, name)) for name in PRICES}

    def last_position_shown(self, book: VectorBook) -> PositionRow:
        market, held = _loaded(book.market), book.positions[-1]
        tick = market.instrument(held["instrument"]).tick
        assert tick is not None
        rounding, side = market.rules.display.price_rounding, "long" if held["quantity"] > 0 else "short"
        return {
            name: None if price is None else reference.round_price(price, tick, rounding, side)
            for name, price in self.last_position(book).items()
        }

    def decided(self, claim: OrderClaim) -> OrderRow:
        given = claim.book
        book = reference.read_book(
            _loaded(given.market), given.balances, given.positions, given.marks, **_others(given)
        )
        (said,) = reference.check_orders(book, [claim.order])
        return {"reason": said.reason, **{name: getattr(said, name) for name in ORDER_FIGURES}}


class Engine:
    """Doubles, through the public interface."""

    # Far below any published digit.
    slack = Fraction(1, 2**48)

    def _book(self, book: VectorBook) -> tuple[Any, Any]:
        import crossmargin as xm

        market = xm.Market.from_toml(book.market)
        tables: dict[str, Any] = {"balances": same_columns(book.balances), "positions": same_columns(book.positions)}
        for name in ("orders", "accounts", "settings"):
            if getattr(book, name):
                tables[name] = same_columns(getattr(book, name))
        prices: dict[str, Any] = {"mark": dict(book.marks)}
        for name in ("index", "last"):
            if getattr(book, name):
                prices[name] = dict(getattr(book, name))
        return xm.Book(market, **tables), market.prices(**prices)

    def _scores(self, book: VectorBook) -> Any:
        import crossmargin as xm

        return xm.score(*self._book(book), outputs="all")

    def _prices(self, book: VectorBook) -> Any:
        import crossmargin as xm

        return xm.liquidation_prices(*self._book(book), outputs=PRICES)

    def last_pool(self, book: VectorBook) -> PoolRow:
        scores = self._scores(book)
        return {name: scores[name].tolist()[-1] for name in OUTPUTS}

    def last_pool_shown(self, book: VectorBook) -> PoolRow:
        shown = self._scores(book).venue_rounded()
        return {name: shown[name].tolist()[-1] for name in OUTPUTS}

    def shown_price(self, claim: PriceClaim) -> Fraction:
        import crossmargin as xm

        market = xm.Market.from_toml(claim.market)
        return Fraction(repr(market.round_price(claim.instrument, float(claim.price), side=claim.side)))

    def last_position(self, book: VectorBook) -> PositionRow:
        found = self._prices(book)
        return {name: _decimal(found[name].tolist()[-1]) for name in PRICES}

    def last_position_shown(self, book: VectorBook) -> PositionRow:
        shown = self._prices(book).venue_rounded()
        return {name: _decimal(shown[name].tolist()[-1]) for name in PRICES}

    def decided(self, claim: OrderClaim) -> OrderRow:
        import crossmargin as xm

        book, prices = self._book(claim.book)
        said = xm.check_orders(book, prices, claim.order)
        row = {"reason": said.reasons.tolist()[-1], **{name: said[name].tolist()[-1] for name in ORDER_FIGURES}}
        alone = xm.check_order(book, prices, **claim.order)
        assert row == {name: getattr(alone, name) for name in row}
        return row


def same_columns(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """Give every row the columns that any row has, with None where it says nothing."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]
