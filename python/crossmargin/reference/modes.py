"""The same positions in other margin modes: as they are, all in cross, each fenced by itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rows, rules
from crossmargin.reference.book import Balance, Position
from crossmargin.reference.checking import Book
from crossmargin.reference.figures import PoolScore, score_pool
from crossmargin.reference.ledger import ZERO, Holding, average, in_steps, quantum_of
from crossmargin.reference.liquidation import line
from crossmargin.reference.paths import along_instrument
from crossmargin.reference.pools import Pool, fenced_cash, partition, place
from crossmargin.reference.run import Run
from crossmargin.reference.score import Situation
from crossmargin.reference.shocks import Shock, read_shock
from crossmargin.reference.values import exact, refuse
from crossmargin.reference.walking import DOWN, UP

VARIANTS = ("as_is", "cross", "isolated")

Figure = Fraction | float
"""A fraction, or NaN for what is unknown and infinity for what has no bound."""

UNKNOWN = math.nan

SAME_RATIO = Fraction(1, 10**9)
"""Ratios that differ by less than this, relatively, are taken to be equal."""


@dataclass(frozen=True)
class Variant:
    """Figures of one account in one variant, in the valuation asset.

    ``locked`` is what positions tie up: fences, and the initial margin of cross pools. ``room`` is the notional that
    could be added. ``loss_if_worst_fails`` is what is lost when the pool nearest to its liquidation goes.
    ``returns`` are per amount locked, after each of the moves. ``intervals`` are by row: below, above.
    """

    locked: Figure = UNKNOWN
    free_margin: Figure = UNKNOWN
    available: Figure = UNKNOWN
    room: Figure = UNKNOWN
    effective_leverage: Figure = UNKNOWN
    leverage_weakest: Figure = UNKNOWN
    n_liquidatable: Figure = UNKNOWN
    margin_ratio: Figure = UNKNOWN
    loss_if_worst_fails: Figure = UNKNOWN
    returns: tuple[Figure, ...] = ()
    intervals: tuple[tuple[int, float | None, float | None], ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One account in all variants; ``freed`` is what cross locks less than isolated."""

    account: Any
    variants: Mapping[str, Variant]
    freed: Figure
    affordable: bool


@dataclass(frozen=True)
class Compare:
    """How to compare: what fences get (a word, or cash by row), at which leverage, and after which moves."""

    allot: str | Mapping[int, Any] = "initial_margin"
    leverage: Fraction | None = None
    moves: tuple[Shock, ...] = ()
    valuation: str | None = None
    intervals: bool = False


def compare_modes(book: Book, how: Compare | None = None) -> list[Comparison]:
    """Compare the margin modes of every account, at the same prices.

    Cross margin frees what fences hold beyond need and lends the profit of one position to the others; isolated margin
    loses one fence at most. The variants are books of their own: the same cash, the same positions and orders, all in
    cross or each with a fence.

    Formula: ``locked = sum of fences + initial margin of the cross pools``; ``freed = locked isolated - locked cross``;
    ``room = available * sum of notional / sum of initial margin``, or ``available * leverage``; effective leverage
    ``notional / equity`` over the pools with positions, infinite without equity; a return is ``sum over pools of
    max(gain, -max(0, equity)) / locked``.

    Source: the definition of this library.
    """
    how = how or Compare()
    if not book.market.rules.isolated:
        raise refuse("modes", "isolated", "a market with isolated positions")
    return [_compared(book, holding, how) for holding in book.holdings.values()]


def _compared(book: Book, holding: Holding, how: Compare) -> Comparison:
    alone = in_isolated(book, holding, how.allot)
    variants = {
        "as_is": figures_of(book, holding, how),
        "cross": figures_of(book, in_cross(book, holding), how),
        "isolated": Variant(returns=(UNKNOWN,) * len(how.moves)),
    }
    if all(one.isolated_margin is not None for one in alone.positions):
        variants["isolated"] = figures_of(book, alone, how)
    locked = [variants[name].locked for name in ("isolated", "cross")]
    freed = UNKNOWN if any(math.isnan(one) for one in locked) else locked[0] - locked[1]
    return Comparison(holding.account, variants, freed, affordable(alone))


def in_cross(book: Book, holding: Holding) -> Holding:
    """Return an account with everything in cross.

    A position that is there in both modes becomes one, at the entry price that keeps its profit; of two net positions
    against each other the smaller is closed at its mark, and its profit or loss goes to the wallet.
    """
    positions = (replace(one, margin_mode="cross", isolated_margin=None) for one in _cross_first(holding))
    return _joined(book, replace(holding, positions=tuple(positions)), "cross")


def _cross_first(holding: Holding) -> list[Position]:
    return sorted(holding.positions, key=lambda one: one.margin_mode)


def _joined(book: Book, holding: Holding, mode: str) -> Holding:
    """Return an account with one position for each instrument and side, and its orders in a mode."""
    found: dict[tuple[str, str], Position] = {}
    for one in holding.positions:
        key = (one.instrument.name, one.position_side)
        if key not in found:
            found[key] = one
        elif (found[key].quantity > 0) == (one.quantity > 0):
            found[key] = _merged(found[key], one)
        else:
            small, large = sorted((found[key], one), key=lambda one: abs(one.quantity))
            holding = holding.paid(one.instrument.settle, _closed_at_mark(book, small, large))
            left = replace(_merged_fence(found[key], one), quantity=small.quantity + large.quantity)
            found[key] = replace(left, entry_price=large.entry_price)
    kept = tuple(one for one in found.values() if one.quantity != 0)
    orders = tuple(replace(one, margin_mode=mode) for one in holding.orders)
    return replace(holding, positions=kept, orders=orders)


def _merged_fence(held: Position, more: Position) -> Position:
    if held.isolated_margin is None or more.isolated_margin is None:
        return held
    return replace(held, isolated_margin=held.isolated_margin + more.isolated_margin)


def _merged(held: Position, more: Position) -> Position:
    entry = rows.stored(average(held.instrument.payoff, held, more))
    quantity = rows.stored(held.quantity + more.quantity)
    return replace(_merged_fence(held, more), quantity=quantity, entry_price=entry)


def _closed_at_mark(book: Book, small: Position, large: Position) -> Fraction:
    """Return the profit of closing a position, and as much of the one against it, at the mark."""
    instrument = small.instrument
    run = replace(book.quotes.run, prices=book.quotes.mark)
    value = {
        price: run.value(instrument, price) for price in (run.price(instrument), small.entry_price, large.entry_price)
    }
    mark = value[run.price(instrument)]
    own = rules.unrealized_pnl(small.quantity, value[small.entry_price], mark)
    return own + rules.unrealized_pnl(-small.quantity, value[large.entry_price], mark)


def fences_of(book: Book, holding: Holding, allot: str) -> list[Fraction | None]:
    """Return what each position would be fenced with: None where a leverage is missing.

    Formula: ``initial_margin``: the venue's fence at entry. ``pro_rata``: the cash of the asset less its debt, shared
    by entry notional over leverage (by notional where one has none), down to the quantum, the rest to the first.
    """
    held = [replace(one, row=row) for row, one in enumerate(holding.positions)]
    if allot == "initial_margin":
        return [_fence_at_entry(book, holding, one) for one in held]
    if allot != "pro_rata":
        raise refuse("allot", allot, "'initial_margin', 'pro_rata' or cash for each position")
    found: dict[int, Fraction] = {}
    for asset in dict.fromkeys(one.instrument.settle for one in held):
        own = [one for one in held if one.instrument.settle == asset]
        own.sort(key=lambda one: place(book.market, one.instrument, one.position_side))
        found |= _shared(book, holding, asset, own)
    return [found[one.row] for one in held]


def _fence_at_entry(book: Book, holding: Holding, position: Position) -> Fraction | None:
    if position.leverage is None:
        return None
    return fenced_cash(book.market, replace(position, isolated_margin=None), holding.terms)


def _shared(book: Book, holding: Holding, asset: str, own: Sequence[Position]) -> dict[int, Fraction]:
    balance = holding.balances.get(asset, Balance(holding.account, asset, ZERO))
    cash, quantum = max(ZERO, balance.wallet_balance - balance.borrowed), quantum_of(book.market, asset)
    run = book.quotes.run
    weights = [run.notional(one, "entry") for one in own]
    if all(one.leverage is not None for one in own):
        weights = [weight / (one.leverage or Fraction(1)) for one, weight in zip(own, weights, strict=True)]
    total = sum(weights, ZERO)
    parts = [in_steps(cash * weight / total, quantum, "down", "allot") for weight in weights]
    parts[0] += cash - sum(parts, ZERO)
    return {one.row: part for one, part in zip(own, parts, strict=True)}


def in_isolated(book: Book, holding: Holding, allot: str | Mapping[int, Any]) -> Holding:
    """Return an account with a fence around each of its positions, absent where a leverage is missing.

    One that is there in both modes becomes one, as `in_cross`, and has its fence as such, or what is given for both.
    """
    fenced = [
        replace(
            one, margin_mode="isolated", isolated_margin=None if isinstance(allot, str) else exact(allot[row], "allot")
        )
        for row, one in enumerate(holding.positions)
    ]
    order = sorted(range(len(fenced)), key=lambda row: holding.positions[row].margin_mode)
    joined = _joined(book, replace(holding, positions=tuple(fenced[row] for row in order)), "isolated")
    if not isinstance(allot, str):
        return joined
    fences = zip(joined.positions, fences_of(book, joined, allot), strict=True)
    return replace(joined, positions=tuple(replace(one, isolated_margin=fence) for one, fence in fences))


def affordable(fenced: Holding) -> bool:
    """Whether the cash of every asset, less its debt, is as much as its fences hold, which is nothing without any."""
    if any(one.isolated_margin is None for one in fenced.positions):
        return False
    held = (one.instrument.settle for one in fenced.positions)
    for asset in dict.fromkeys([*fenced.balances, *held]):
        fences = [one.isolated_margin or ZERO for one in fenced.positions if one.instrument.settle == asset]
        balance = fenced.balances.get(asset, Balance(fenced.account, asset, ZERO))
        if sum(fences, ZERO) > balance.wallet_balance - balance.borrowed:
            return False
    return True


@dataclass(frozen=True)
class _Scored:
    """A pool with its figures, and the rate that brings them into the valuation asset."""

    pool: Pool
    score: PoolScore[Fraction]
    rate: Fraction

    @property
    def equity(self) -> Fraction:
        return self.rate * self.score.equity

    @property
    def notional(self) -> Fraction:
        return self.rate * self.score.notional


def figures_of(book: Book, holding: Holding, how: Compare) -> Variant:
    """Return the figures of one account as it stands."""
    pools = _exact_pools(book, holding)
    runs = book.quotes.runs()
    scored = [_Scored(pool, score_pool(runs, pool), _rate(book, how, pool.asset)) for pool in pools]
    cross, fenced = ([one for one in scored if one.pool.kind == kind] for kind in ("cross", "isolated"))
    held = [one for one in scored if one.pool.positions]
    locked = _added([_weighed(one.rate, one.score.initial_margin) for one in cross])
    locked = _added([locked, *(one.rate * one.pool.wallet_balance for one in fenced)])
    available = _added([_weighed(one.rate, one.score.available) for one in cross])
    return Variant(
        locked=locked,
        free_margin=_added([_weighed(one.rate, one.score.free_margin) for one in cross]),
        available=available,
        room=_room(scored, available, how),
        effective_leverage=_leverage(held),
        leverage_weakest=max((_leverage([one]) for one in held), default=ZERO),
        n_liquidatable=Fraction(sum(one.score.liquidatable for one in scored)),
        margin_ratio=min((one.score.margin_ratio for one in scored), default=math.inf),
        loss_if_worst_fails=_loss_of_worst(held),
        returns=tuple(_return(book, how, scored, move, locked) for move in how.moves),
        intervals=_intervals(book, pools) if how.intervals else (),
    )


def _exact_pools(book: Book, holding: Holding) -> list[Pool]:
    """Return the pools of the exact amounts: nothing of a variant is rounded to what a table would hold."""
    positions = [replace(one, row=row) for row, one in enumerate(holding.positions)]
    return partition(book.market, list(holding.balances.values()), positions, holding.orders, holding.terms)


def _rate(book: Book, how: Compare, asset: str) -> Fraction:
    target, index = how.valuation or book.market.rules.valuation_asset, book.quotes.index
    if target is None or asset == target:
        return Fraction(1)
    return index[asset] / index.get(target, Fraction(1))


def _weighed(rate: Fraction, amount: Fraction | None) -> Figure:
    return UNKNOWN if amount is None else rate * amount


def _added(amounts: Sequence[Figure]) -> Figure:
    """Add amounts; one that is unknown makes the sum unknown."""
    total = ZERO
    for amount in amounts:
        if not isinstance(amount, Fraction):
            return UNKNOWN
        total += amount
    return total


def _room(scored: Sequence[_Scored], available: Figure, how: Compare) -> Figure:
    if how.leverage is not None:
        return available * how.leverage if isinstance(available, Fraction) else UNKNOWN
    initial = _added([_weighed(one.rate, one.score.initial_margin) for one in scored])
    if not isinstance(initial, Fraction) or not isinstance(available, Fraction) or not initial:
        return UNKNOWN
    if not any(one.pool.positions for one in scored):
        return UNKNOWN
    return available * sum((one.notional for one in scored), ZERO) / initial


def _leverage(held: Sequence[_Scored]) -> Figure:
    if not held:
        return ZERO
    equity = sum((one.equity for one in held), ZERO)
    return sum((one.notional for one in held), ZERO) / equity if equity > 0 else math.inf


def _loss_of_worst(held: Sequence[_Scored]) -> Fraction:
    """Return the equity of the pool with the least ratio; of ratios that differ by rounding only the first counts."""
    if not held:
        return ZERO
    worst = held[0]
    for one in held[1:]:
        ratio = one.score.margin_ratio
        if isinstance(ratio, Fraction) and worst.score.margin_ratio > ratio + SAME_RATIO * (1 + abs(ratio)):
            worst = one
    return max(ZERO, worst.equity)


def _return(book: Book, how: Compare, scored: Sequence[_Scored], move: Shock, locked: Figure) -> Figure:
    if not isinstance(locked, Fraction) or not locked:
        return UNKNOWN
    now = _situation(book, [one.pool for one in scored])
    runs = move.path(now, 1).at(Fraction(1))
    total = ZERO
    for one in scored:
        after = score_pool(runs, one.pool).equity * _rate_after(book, how, runs, one.pool.asset)
        total += max(after - one.equity, -max(ZERO, one.equity))
    return total / locked


def _rate_after(book: Book, how: Compare, runs: Mapping[str, Run[Fraction]], asset: str) -> Fraction:
    index = next(iter(runs.values())).index
    target = how.valuation or book.market.rules.valuation_asset
    if target is None or asset == target:
        return Fraction(1)
    return index[asset] / index.get(target, Fraction(1))


def _situation(book: Book, pools: Sequence[Pool]) -> Situation:
    run = book.quotes.run
    last = book.quotes.last if "last" in book.quotes.runs() else None
    return Situation(book.market, tuple(pools), book.quotes.mark, run.index, last)


def _intervals(book: Book, pools: Sequence[Pool]) -> tuple[tuple[int, float | None, float | None], ...]:
    """Return for each position how far its mark can move before its pool fails."""
    now = _situation(book, pools)
    found = []
    for pool in pools:
        for position in pool.positions:
            failing = line(
                along_instrument(now, position.instrument).failing(pool), now.marks[position.instrument.name]
            )
            found.append((position.row, failing.bound(DOWN), failing.bound(UP)))
    return tuple(sorted(found))


def read_compare(  # noqa: PLR0913 - as the package's own
    book: Book,
    allot: str | Mapping[int, Any] = "initial_margin",
    *,
    moves: Sequence[Any] = (),
    leverage: Any = None,
    valuation: str | None = None,
    intervals: bool = False,
) -> Compare:
    """Read what is to be compared as a caller gives it."""
    return Compare(
        allot=allot,
        leverage=None if leverage is None else exact(leverage, "leverage"),
        moves=tuple(read_shock(book.market, move) for move in moves),
        valuation=valuation,
        intervals=intervals,
    )
