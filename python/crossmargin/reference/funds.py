"""What can leave an account, asset by asset and to the quantum, and how cash moves so that pools are at a target."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rules
from crossmargin.reference.admission import Quotes, spare
from crossmargin.reference.checking import Book
from crossmargin.reference.collateral import index_price
from crossmargin.reference.figures import means_of
from crossmargin.reference.leaving import left, owned
from crossmargin.reference.ledger import ZERO, quantum_of
from crossmargin.reference.pools import Pool
from crossmargin.reference.run import Run
from crossmargin.reference.values import exact
from crossmargin.reference.verdict import (
    at_risk,
    collateral_of,
    fails,
    order_loss_of,
    profit_of,
    requirement_of,
    several,
)

BINDINGS = ("own_money", "rule", "trigger", "nothing", "leverage_unknown")
"""What keeps one more quantum from leaving."""

_MOST = 2**340
"""More quanta than any pool could need."""

Key = tuple[str, str, str | None, str | None]
"""Kind, asset, instrument and side of a pool."""


@dataclass(frozen=True)
class Leaving:
    """What can leave a pool in one asset: whole quanta, and what binds."""

    account: Any
    pool: Key
    asset: str
    quanta: int
    binding: str


@dataclass(frozen=True)
class Transfer:
    """Cash that moves from a pool to another of its account; ``to`` is None where it leaves the account."""

    account: Any
    asset: str
    source: Key
    to: Key | None
    quanta: int


@dataclass(frozen=True)
class PoolMove:
    """What a pool got (below zero: gave) in one asset, and what it still lacks to its target."""

    account: Any
    pool: Key
    asset: str
    moved: int
    short: int


@dataclass(frozen=True)
class Target:
    """What a rebalance is to reach: a margin ratio, and what is swept out of the account above it."""

    ratio: Fraction
    sweep: str = "none"
    reference: Mapping[Any, Fraction] = field(default_factory=dict)


def key_of(pool: Pool) -> Key:
    """Return what tells a pool from the others of its account."""
    return (pool.kind, pool.asset, pool.instrument, pool.side)


def with_cash(pool: Pool, asset: str, amount: Fraction) -> Pool:
    """Return a pool with cash added in one asset; the fence of an isolated position moves with it."""
    layers = tuple(
        replace(layer, wallet_balance=layer.wallet_balance + amount) if layer.asset == asset else layer
        for layer in pool.layers
    )
    if pool.kind == "cross":
        return replace(pool, layers=layers)
    fenced = tuple(replace(one, isolated_margin=layers[0].wallet_balance) for one in pool.positions)
    return replace(pool, layers=layers, positions=fenced)


def without_bonus(pool: Pool) -> Pool:
    """Return a pool whose bonus is void."""
    return replace(pool, layers=tuple(replace(layer, bonus=ZERO) for layer in pool.layers))


def withdrawable_quanta(book: Book) -> list[Leaving]:
    """Return what can leave each cross pool in each of its assets, and each isolated pool; each as if alone.

    The largest whole number of quanta after which the pool is one that the venue lets leave: no more than is the
    owner's, what stays covers its claims by the venue's rule, and it is not liquidatable (chosen: nobody is let into
    liquidation by an own act). In a pool of several assets what leaves is taken from the part that counts least.

    Formula: the largest ``n`` such that ``w = n * quantum`` has ``w <= own money``, ``left(after) >= 0`` and no failing
    test after. Own money is ``owned`` of a pool of one asset, of one of several ``own + order loss + min(profit, 0)``
    of the asset; of a fence no more than it holds.

    Source: Bybit API documentation, ``unified-trans-amnt``; ``maxWithdrawAmount`` of the Binance API; as
    `leaving.withdrawable`; that the tiers of haircuts are inverted from the top is inferred; read 2026-11-22.
    """
    return [found for account in book.holdings for pool in pools_of(book, account) for found in _leaving(book, pool)]


def pools_of(book: Book, account: Any) -> list[Pool]:
    """Return the pools of an account."""
    return book.holdings[account].pools(book.market)


def _leaving(book: Book, pool: Pool) -> Iterator[Leaving]:
    for layer in pool.layers:
        if left(book.quotes.run, pool, means_of(book.quotes.run, pool)) is None:
            yield Leaving(pool.account, key_of(pool), layer.asset, 0, "leverage_unknown")
            continue
        quantum = quantum_of(book.market, layer.asset)
        most = math.floor(own_money(book.quotes.run, pool, layer.asset) / quantum)
        tests = _tests(book.quotes, pool, layer.asset, quantum)
        quanta = largest(lambda n, tests=tests: all(test(n) for test in tests.values()), most)  # type: ignore[misc]
        binding = "own_money" if quanta == most else next(name for name, test in tests.items() if not test(quanta + 1))
        yield Leaving(pool.account, key_of(pool), layer.asset, quanta, binding if quanta else "nothing")


def _tests(quotes: Quotes, pool: Pool, asset: str, quantum: Fraction) -> dict[str, Callable[[int], bool]]:
    def after(quanta: int) -> Pool:
        taken = with_cash(pool, asset, -quanta * quantum)
        return without_bonus(taken) if quanta and quotes.market.rules.bonus_forfeited else taken

    def by_rule(quanta: int) -> bool:
        found = left(quotes.run, after(quanta), means_of(quotes.run, after(quanta)))
        return found is not None and found >= 0

    return {"rule": by_rule, "trigger": lambda quanta: not fails(quotes.runs(), after(quanta))}


def own_money(run: Run[Fraction], pool: Pool, asset: str) -> Fraction:
    """Return what is the owner's of one asset of a pool, not below zero.

    Formula: as `withdrawable_quanta`.

    Source: as `withdrawable_quanta`.
    """
    (layer,) = [layer for layer in pool.layers if layer.asset == asset]
    profit, loss = profit_of(run, pool), order_loss_of(run, pool)
    if several(run, pool):
        return max(ZERO, layer.own + loss[asset] + min(profit[asset], ZERO))
    own = owned(run, pool, means_of(run, pool), run.market.rules.withdrawable)
    return max(ZERO, own if pool.kind == "cross" else min(own, layer.wallet_balance))


def largest(holds: Callable[[int], bool], most: int) -> int:
    """Return the largest number up to which a condition holds that fails from some number on; 0 where it never does."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def at_target(run: Run[Fraction], pool: Pool, ratio: Fraction) -> bool:
    """Whether a pool has its target ratio, or nothing that requires any.

    Formula: ``collateral_value >= ratio * maintenance_margin``, at the prices of the first test.
    """
    return lacks(run, pool, ratio) <= 0


def lacks(run: Run[Fraction], pool: Pool, ratio: Fraction) -> Fraction:
    """Return what a pool's collateral is below its target; not above zero where it is there."""
    needed = requirement_of(run, pool, profit_of(run, pool), "maintenance")
    if not at_risk(run, pool) or not needed:
        return ZERO
    return ratio * needed - collateral_of(run, pool)


@dataclass
class Moving:
    """One account while its cash moves: its pools in order, and what moved."""

    book: Book
    account: Any
    target: Target
    pools: dict[Key, Pool]
    transfers: list[Transfer] = field(default_factory=list)
    moved: dict[tuple[Key, str], int] = field(default_factory=dict)
    short: dict[tuple[Key, str], int] = field(default_factory=dict)

    @property
    def run(self) -> Run[Fraction]:
        """The run at the prices of the first test."""
        return self.book.quotes.run

    def quantum(self, asset: str) -> Fraction:
        """Return the smallest unit of an asset."""
        return quantum_of(self.book.market, asset)

    def ratio(self, key: Key) -> Fraction | float:
        """Return the margin ratio of a pool."""
        pool = self.pools[key]
        needed = requirement_of(self.run, pool, profit_of(self.run, pool), "maintenance")
        assert needed is not None
        return rules.margin_ratio(collateral_of(self.run, pool), needed)

    def need(self, key: Key, asset: str) -> int | None:
        """Return the least quanta that bring a pool to its target; None where no money does."""
        pool, quantum = self.pools[key], self.quantum(asset)

        def fails_at(quanta: int) -> bool:
            return not at_target(self.run, with_cash(pool, asset, quanta * quantum), self.target.ratio)

        if not fails_at(0):
            return 0
        if fails_at(_MOST):
            return None
        return largest(fails_at, _MOST) + 1

    def give(self, key: Key, asset: str) -> int:
        """Return the most quanta that a pool can give to others of its account and stay at its target."""
        pool, quantum, quotes = self.pools[key], self.quantum(asset), self.book.quotes
        if not at_target(self.run, pool, self.target.ratio):
            return 0
        if pool.kind == "cross":
            (layer,) = [layer for layer in pool.layers if layer.asset == asset]
            most = max(ZERO, layer.own)
        else:
            most = own_money(self.run, pool, asset)

        def stays(quanta: int) -> bool:
            after = with_cash(pool, asset, -quanta * quantum)
            if not at_target(self.run, after, self.target.ratio) or fails(quotes.runs(), after):
                return False
            found = spare(self.run, after) if pool.kind == "cross" else left(self.run, after, means_of(self.run, after))
            return found is not None and found >= 0

        return largest(stays, math.floor(most / quantum))

    def move(self, source: Key, to: Key | None, asset: str, quanta: int) -> None:
        """Move cash between pools, or out of the account."""
        if not quanta:
            return
        self.transfers.append(Transfer(self.account, asset, source, to, quanta))
        for key, signed in ((source, -quanta), (to, quanta)):
            if key is not None:
                self.pools[key] = with_cash(self.pools[key], asset, signed * self.quantum(asset))
                self.moved[key, asset] = self.moved.get((key, asset), 0) + signed


def rebalance(book: Book, target: Target) -> tuple[list[Transfer], list[PoolMove]]:
    """Move cash between the pools of each account so that all are at the target, as little as can be.

    Cash moves as venues let it: from a fence to the cross pool of its asset and back. What isolated pools need comes
    out of the cross pool as far as it can spare it; what is missing then, and what the cross pool needs, comes out of
    the fences with the largest margin ratios. Where that is not enough, the pools with the smallest ratios are served
    first. A pool that needs something gives nothing. Then what is above the target is swept out, where asked for.

    Formula: every quantum that an isolated pool needs moves once at least, and every one that comes out of another
    fence once more: the plan moves ``sum of needs of isolated pools + what comes out of fences``, and no plan less.

    Source: the definition of this library; the moves are those of ``Account.add_margin`` and ``remove_margin``.

    Parameters
    ----------
    book : Book
        What there is.
    target : Target
        The ratio, and the sweep: ``none``, ``surplus`` (all that can leave and keep the target) or ``profit`` (at most
        what the account's equity is above its reference, in the valuation asset).

    Returns
    -------
    list of Transfer, list of PoolMove
        In the order of accounts; transfers in the order in which they can be made.
    """
    transfers: list[Transfer] = []
    moves: list[PoolMove] = []
    for account in book.holdings:
        pools = {key_of(pool): pool for pool in pools_of(book, account)}
        state = Moving(book, account, target, pools)
        for key, asset in _layers(book, pools):
            _settle(state, key, asset)
        _measure(state)
        if target.sweep != "none" and not any(state.short.values()):
            _sweep(state)
        transfers += state.transfers
        moves += [
            PoolMove(
                account,
                key,
                layer.asset,
                state.moved.get((key, layer.asset), 0),
                state.short.get((key, layer.asset), 0),
            )
            for key, pool in state.pools.items()
            for layer in pool.layers
        ]
    return transfers, moves


def _layers(book: Book, pools: Mapping[Key, Pool]) -> list[tuple[Key, str]]:
    """Return the cross pools with each of their assets, in market order."""
    names = [asset.name for asset in book.market.assets]
    found = [(key, layer.asset) for key, pool in pools.items() if key[0] == "cross" for layer in pool.layers]
    return sorted(found, key=lambda entry: names.index(entry[1]))


def _settle(state: Moving, cross: Key, asset: str) -> None:
    """Bring a cross pool and the isolated pools of an asset to the target."""
    fences = [key for key in state.pools if key[0] == "isolated" and key[1] == asset]
    order = {key: place for place, key in enumerate([cross, *fences])}
    ratios = {key: state.ratio(key) for key in order}
    needs, given = {key: state.need(key, asset) for key in order}, {key: state.give(key, asset) for key in order}
    owed = {key: need or 0 for key, need in needs.items()}
    wanted = sum(owed[key] for key in fences)
    own = min(wanted, given[cross])
    missing = wanted - own + owed[cross]
    for key in sorted((key for key in fences if not owed[key]), key=lambda key: (-ratios[key], order[key])):
        taken = min(missing, given[key])
        state.move(key, cross, asset, taken)
        missing -= taken
        own += taken
    for key in sorted(order, key=lambda key: (ratios[key], order[key])):
        served = min(owed[key], own)
        own -= served
        if key != cross:
            state.move(cross, key, asset, served)
        state.short[key, asset] = owed[key] - served if needs[key] is not None else _lacking(state, key, asset)


def _measure(state: Moving) -> None:
    """Say what a pool of several assets lacks once all has moved: of each asset, if it alone were paid in."""
    for key, asset in _layers(state.book, state.pools):
        if several(state.run, state.pools[key]):
            need = state.need(key, asset)
            state.short[key, asset] = _lacking(state, key, asset) if need is None else need


def _lacking(state: Moving, key: Key, asset: str) -> int:
    """Return the quanta that a pool lacks which no money brings to its target, as it stands."""
    pool = state.pools[key]
    price = index_price(state.run, asset) if several(state.run, pool) else Fraction(1)
    return math.ceil(lacks(state.run, pool, state.target.ratio) / price / state.quantum(asset))


def _sweep(state: Moving) -> None:
    """Take out of the account what its cross pools can spare above the target, asset by asset."""
    quotes, run = state.book.quotes, state.run
    allowed = None
    if state.target.sweep == "profit":
        allowed = max(ZERO, equity_of(state.book, state.pools.values()) - state.target.reference[state.account])
    for key, asset in _layers(state.book, state.pools):
        pool, quantum = state.pools[key], state.quantum(asset)
        if left(run, pool, means_of(run, pool)) is None:
            continue
        most = own_money(run, pool, asset)
        if allowed is not None:
            most = min(most, allowed / rate_of(state.book, asset))
        tests = _tests(quotes, pool, asset, quantum)

        def stays(quanta: int, pool: Pool = pool, asset: str = asset, quantum: Fraction = quantum) -> bool:
            after = with_cash(pool, asset, -quanta * quantum)
            after = without_bonus(after) if quotes.market.rules.bonus_forfeited else after
            return at_target(run, after, state.target.ratio)

        holds = [*tests.values(), stays]
        taken = largest(lambda n, holds=holds: all(test(n) for test in holds), math.floor(most / quantum))  # type: ignore[misc]
        state.move(key, None, asset, taken)
        if allowed is not None:
            allowed -= taken * quantum * rate_of(state.book, asset)


def equity_of(book: Book, pools: Iterable[Pool]) -> Fraction:
    """Return the equity of pools in the valuation asset, each at the index price of its asset."""
    run = book.quotes.run
    total = ZERO
    for pool in pools:
        profit = profit_of(run, pool)
        for layer in pool.layers:
            total += rate_of(book, layer.asset) * (layer.cash + profit[layer.asset])
    return total


def rate_of(book: Book, asset: str) -> Fraction:
    """Return the value of an asset in the valuation asset, 1 where no price says else."""
    target = book.market.rules.valuation_asset
    if asset == target:
        return Fraction(1)
    return book.quotes.index.get(asset, Fraction(1)) / book.quotes.index.get(str(target), Fraction(1))


def read_target(ratio: Any, sweep: str = "none", reference: Mapping[Any, Any] | None = None) -> Target:
    """Read a target as a caller gives it."""
    said = {account: exact(value, "reference") for account, value in (reference or {}).items()}
    return Target(exact(ratio, "target_ratio"), sweep, said)
