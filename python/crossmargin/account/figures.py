"""Reading an account: every figure is one that the engine computed for the account's book at its prices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin.account.amounts import at_least_in_steps
from crossmargin.account.state import State
from crossmargin.account.trades import no_position
from crossmargin.book import Book
from crossmargin.errors import ArgumentError, MissingPriceError
from crossmargin.prices import Prices
from crossmargin.scores import Scores, score

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from crossmargin.account.state import Held, Key
    from crossmargin.account.terms import Terms
    from crossmargin.market import Market

PoolKey = tuple[str, str, str | None, str | None]
"""Kind, asset, and of an isolated pool instrument and side."""

_RATIOS = ("margin_ratio", "venue_ratio")
_OF_CROSS_POOLS = ("available", "withdrawable")
_OF_BOUNDS = ("floor", "deduction")
_REQUIREMENTS = ("initial_margin", "maintenance_margin")
MARKLESS = ("wallet_balance", *_REQUIREMENTS)
"""Figures that may be known without a mark."""
ENDS = ("below", "above", "liquidation_price")
"""Prices that are found together."""
_ANY_PRICE = 1.0
"""Stands where a mark is missing, for figures that are the same at every mark."""

_prices = engine.liquidation_prices


class Reader:
    """A book of one account, its prices, and what was computed of them; each once after a change or a mark."""

    __slots__ = (
        "_book",
        "_ends",
        "_markless",
        "_marks",
        "_missing",
        "_pool_places",
        "_position_places",
        "_prices",
        "_rates",
        "_rows",
        "_scores",
        "_state",
        "_terms",
        "_totals",
        "_valuation",
        "market",
    )
    market: Market
    _terms: Terms
    _state: State
    _valuation: str | None
    _book: Book
    _position_places: dict[Key, int]
    _pool_places: dict[PoolKey, int] | None
    _prices: Prices
    _marks: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] | None
    _scores: Scores | None
    _markless: Scores | None
    _missing: MissingPriceError | None
    _rows: dict[str, Any] | None
    _ends: dict[str, tuple[Any, Any]]
    _rates: list[float] | None
    _totals: dict[str, float]

    def _commit(self, state: State, book: Book | None = None) -> None:
        """Make a state the account's, if a book of it can be."""
        self._book = Book(self.market, **self._tables(state)) if book is None else book
        self._state = state
        self._position_places = {key: place for place, key in enumerate(state.positions)}
        self._pool_places = None
        self._forget()

    def _tables(self, state: State) -> dict[str, Any]:
        return state.tables()

    def _price(self, prices: Prices) -> None:
        self._prices = prices
        self._forget()

    def _forget(self) -> None:
        self._scores = self._markless = self._missing = self._rows = self._rates = None
        self._totals = {}
        self._ends = {}

    def _marked(self, mark: Mapping[str, Any], index: Mapping[str, Any], last: Mapping[str, Any]) -> None:
        """Lay prices over those that are known; nothing is changed where one is refused."""
        before = self._marks
        if before is None:
            before = _known(self._prices)
        names = self._terms.names
        after = (
            {**before[0], **{names.get(name, name): price for name, price in mark.items()}},
            {**before[1], **index} if index else before[1],
            {**before[2], **{names.get(name, name): price for name, price in last.items()}} if last else before[2],
        )
        made = engine.Prices(self.market._core, after[0], after[1] or None, after[2] or None)
        self._price(Prices._of(made, self.market))
        self._marks = after

    def _scored(self) -> Scores:
        """Score the book; of what has no price every figure is NaN, and `_missing` says what is missing."""
        if self._scores is None:
            try:
                self._scores = score(self._book, self._prices, "all")
            except MissingPriceError as error:
                self._missing = error
                self._scores = score(self._book, self._prices, "all", missing="null")
        return self._scores

    def _total(self, name: str) -> float:
        """Give a figure of the whole account, in the valuation asset."""
        found = self._totals.get(name)
        if found is None:
            scores = self._scored()
            if self._missing is not None:
                scores = self._without_marks(name, scores.unpriced.nonzero()[0].tolist(), self._missing)
            found = self._totals[name] = self._added(scores, name) if len(scores) else self._nothing(name)
        return found

    def _without_marks(self, name: str, unpriced: list[int], missing: MissingPriceError) -> Scores:
        """Give scores in which a figure of these pools is known, though prices are missing, or say that they are.

        Where no mark enters the figure any number may stand in place of the missing ones; index prices may not be
        missing.
        """
        pools = self._pool_keys()
        if any(self._needs_marks(name, pools[place]) for place in unpriced):
            raise unmarked(missing)
        if self._markless is None:
            prices = self._prices
            mark, last = (np.where(np.isnan(given), _ANY_PRICE, given) for given in (prices.mark, prices.last))
            filled = Prices._of(engine.Prices(self.market._core, mark, prices.index, last), self.market)
            self._markless = score(self._book, filled, MARKLESS, missing="null")
        if self._markless.unpriced[unpriced].any():
            raise unmarked(MissingPriceError("", index=missing.index))
        return self._markless

    def _needs_marks(self, name: str, pool: PoolKey) -> bool:
        """Say whether a figure of a pool that is not priced may depend on the missing marks.

        What a pool requires does not where the engine gives the figure for each of its positions, unless there are
        orders that count, or a loss may be a debt that requires something too.
        """
        if name not in _REQUIREMENTS:
            return name != "wallet_balance"
        terms = self._terms
        if self._state.orders and terms.orders_count:
            return True
        held = [key for key in self._position_places if self._pool_of(key) == pool]
        owing = {terms.contracts[key[0]].settle for key in held} & terms.debts_require
        if owing and terms.spans_assets and pool[0] == "cross":
            return True
        figures = self._position_rows()[name]
        return any(math.isnan(figures.item(self._position_places[key])) for key in held)

    def _pool_of(self, key: Key) -> PoolKey:
        """Give the key of the pool that backs a position."""
        instrument, side, mode = key
        settle = self._terms.contracts[instrument].settle
        return (mode, settle, instrument, side) if mode == "isolated" else self._cross_key(settle)

    def _added(self, scores: Scores, name: str) -> float:
        if name in _RATIOS:
            return float(scores[name][self._weakest(scores)])
        column, rates = scores[name], self._index()
        if name == "excess":
            assets = self._book.pools["asset"].tolist()
            places = self._terms.places
            least: float = min(
                value * rates[places[asset]] for value, asset in zip(column.tolist(), assets, strict=True)
            )
            return least
        if name in _OF_CROSS_POOLS and len(scores) > 1:
            column = np.where(self._book.pools["kind"] == "cross", column, 0.0)  # NaN of an isolated one stays there
        return float(self._book._core.sum_by_account(column, rates)[0])

    def _nothing(self, name: str) -> float:
        """Give a figure of an account without pools."""
        if name == "venue_ratio":
            return self._terms.venue_ratio_of_nothing
        return float("inf") if name == "margin_ratio" else 0.0

    @staticmethod
    def _weakest(scores: Scores) -> int:
        return int(scores["margin_ratio"].argmin())

    def _index(self) -> list[float]:
        """Give the rate of every asset into the valuation asset."""
        if self._rates is None:
            try:
                self._rates = self._book._core.rates(self._prices._core, self.valuation, "raise")
            except MissingPriceError as error:
                raise unmarked(error) from None
        return self._rates

    @property
    def valuation(self) -> str:
        """The asset that amounts of the whole account are in."""
        if self._valuation is not None:
            return self._valuation
        assets = {self._terms.contracts[key[0]].settle for key in self._state.positions} | set(self._state.cash)
        if len(assets) == 1:
            return next(iter(assets))
        if not assets:
            return next(iter(self._terms.quanta))
        raise ArgumentError("valuation was not given, and the market has no valuation asset: make the account with one")

    def _position_figure(self, key: Key, name: str) -> Any:
        """Give a figure of one position."""
        rows = self._position_rows()
        place = self._position_places.get(key)
        if place is None:
            raise ArgumentError(no_position(self._state, *key))
        value = rows[name].item(place)
        absent = value == 0 if name == "tier" else value != value  # noqa: PLR0124 - NaN
        if absent and math.isnan(rows["unrealized_pnl"].item(place)):  # else a leverage is unknown
            raise self._unmarked_position(key)
        return value

    def _position_rows(self) -> dict[str, Any]:
        """Give the figures of all positions as columns; NaN of what needs a mark that is missing."""
        if self._rows is None:
            self._rows = self._book._core.positions(self._prices._core, "null")
        return self._rows

    def _position_price(self, key: Key, name: str) -> float:
        """Give a price at which the pool of a position fails; NaN where there is none."""
        place = self._position_places.get(key)
        if place is None:
            raise ArgumentError(no_position(self._state, *key))
        found = self._ends.get(name)
        if found is None:
            names = ENDS if name in ENDS else (name,)
            _, columns, unpriced, *_ = _prices(
                self._book._core, self._prices._core, names, None, "null", None, None, None
            )
            self._ends |= zip(names, ((column, unpriced) for column in columns), strict=True)
            found = self._ends[name]
        column, unpriced = found
        price: float = column.item(place)
        if price != price and unpriced.item(place):  # noqa: PLR0124 - NaN
            self._scored()
            raise unmarked(self._missing or MissingPriceError("", mark=(key[0],)))
        return price

    def _unmarked_position(self, key: Key) -> MissingPriceError:
        self._scored()
        found = self._missing or MissingPriceError("", mark=(key[0],))
        mark, last = ([key[0]] if key[0] in names else [] for names in (found.mark, found.last))
        return unmarked(MissingPriceError("", mark, last, () if mark or last else found.index))

    def _pool_keys(self) -> list[PoolKey]:
        """Give the keys of the pools, in their order."""
        pools = self._book._core.pools()
        columns = (pools[name].tolist() for name in ("kind", "asset", "instrument", "side"))
        return list(zip(*columns, strict=True))

    def _pool_place(self, key: PoolKey) -> int:
        if self._pool_places is None:
            self._pool_places = {made: place for place, made in enumerate(self._pool_keys())}
        place = self._pool_places.get(key)
        if place is None:
            there = ", ".join(" ".join(word for word in made if word) for made in self._pool_places) or "none"
            raise ArgumentError(f"no pool {' '.join(word for word in key if word)}; there are: {there}")
        return place

    def _pool_figure(self, key: PoolKey, name: str) -> Any:
        """Give a figure of one pool, in its asset."""
        place = self._pool_place(key)
        scores = self._scored()
        if self._missing is not None and scores.unpriced[place]:
            scores = self._without_marks(name, [place], self._missing)
        return scores[name].item(place)

    def _last_of(self, instrument: str) -> float:
        price: float = self._prices.last.item(self._terms.instruments.index(instrument))
        if price != price:  # noqa: PLR0124 - NaN: no price
            raise unmarked(MissingPriceError("", last=(instrument,)))
        return price

    def _index_of(self, asset: str) -> float:
        if asset == self._terms.valuation:
            return 1.0
        price: float = self._prices.index.item(self._terms.places[asset])
        if price != price:  # noqa: PLR0124 - NaN: no price
            raise unmarked(MissingPriceError("", index=(asset,)))
        return price

    def _tier_figure(self, key: Key, name: str) -> float:
        """Give a figure of the tier of a position; bounds and deductions are times the account's coefficient."""
        tier = self._position_figure(key, "tier")
        if not tier:
            raise self._unmarked_position(key)
        tiers = self.market.tiers(key[0], self._state.positions[key].tier_version)
        figure = float(tiers[name][tier - 1])
        if name in _OF_BOUNDS and self._terms.coefficient_counts:
            return figure * float(self._state.profile.get("tier_coefficient", 1.0))
        return figure

    def _cross_key(self, asset: str) -> PoolKey:
        if not self._terms.spans_assets:
            return ("cross", asset, None, None)
        return ("cross", self._terms.valuation or asset, None, None)

    def _mark_of(self, instrument: str) -> float:
        price: float = self._prices.mark.item(self._terms.instruments.index(instrument))
        if price != price:  # noqa: PLR0124 - NaN: no price
            raise unmarked(MissingPriceError("", mark=(instrument,)))
        return price

    def _fenced(self, key: Key) -> Fraction:
        """Give the cash that is fenced for an isolated position."""
        held = self._state.positions[key]
        return self._fence_at_entry(key, held) if held.isolated_margin is None else held.isolated_margin

    def _fence_at_entry(self, key: Key, held: Held) -> Fraction:
        """Ask the engine for the cash that an isolated position has by the market's rules when it is opened.

        A multiple of the quantum: the one that it is, or the next above it, which the owner keeps.
        """
        alone = State(self._state.key, {}, positions={key: held._replace(isolated_margin=None)})
        alone.profile = self._state.profile
        book = Book(self.market, **self._tables(alone))
        price = {key[0]: float(held.entry_price)}  # what is fenced does not depend on it
        pools = score(book, self.market.prices(mark=price, last=price), ("wallet_balance",), missing="null")
        fenced = pools["wallet_balance"].item(book.pools["kind"].tolist().index("isolated"))
        return at_least_in_steps(fenced, self._terms.quanta[self._terms.contracts[key[0]].settle])


def _known(prices: Prices) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Give prices by name."""
    market = prices.market
    names = {
        "mark": market.instruments["instrument"],
        "index": market.assets["asset"],
        "last": market.instruments["instrument"],
    }
    mark, index, last = (
        {name: price for name, price in zip(of.tolist(), getattr(prices, kind).tolist(), strict=True) if price == price}  # noqa: PLR0124 - NaN is absent
        for kind, of in names.items()
    )
    return mark, index, last


def above_zero(amount: float) -> float:
    """Cut an amount off at 0; what is unknown stays so."""
    return amount if math.isnan(amount) else max(0.0, amount)


def unmarked(error: MissingPriceError) -> MissingPriceError:
    """Say which prices are missing, and how to give them."""
    kinds = (("mark", error.mark), ("last", error.last), ("index", error.index))
    said = "; ".join(f"no {kind} price of {', '.join(names)}" for kind, names in kinds if names)
    given = []
    for kind, names in kinds:
        if names:
            prices = ", ".join(f'"{name}": ...' for name in names)
            given.append(f"{{{prices}}}" if kind == "mark" else f"{kind}={{{prices}}}")
    message = f"{said}: call account.mark({', '.join(given)}) first"
    return MissingPriceError(message, error.mark, error.last, error.index)
