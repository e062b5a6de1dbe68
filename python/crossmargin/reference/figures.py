"""The figures of a pool at one vector of prices, and the verdict over all its constraints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from crossmargin.reference import rules
from crossmargin.reference.leaving import Means, available, withdrawable
from crossmargin.reference.pools import Pool, fee_reserve
from crossmargin.reference.requirement import closing_fee, known, shares, tiers
from crossmargin.reference.run import Run
from crossmargin.reference.switches import Constraint
from crossmargin.reference.values import N
from crossmargin.reference.verdict import (
    at_risk,
    backing_of,
    collateral_of,
    order_loss_of,
    profit_of,
    requirement_of,
    valued,
)


@dataclass(frozen=True)
class PositionScore(Generic[N]):
    """Figures of one position; ``row`` is its place in the input table, ``tier`` counts from 1."""

    row: int
    account: Any
    instrument: str
    side: str
    kind: str
    notional: N
    unrealized_pnl: N
    initial_margin: N | None
    maintenance_margin: N
    tier: int


@dataclass(frozen=True)
class PoolScore(Generic[N]):
    """Figures of one pool, in its asset; None is unknown (an initial margin without leverage)."""

    account: Any
    kind: str
    asset: str
    instrument: str | None
    side: str | None
    wallet_balance: N
    unrealized_pnl: N
    equity: N
    collateral_value: N
    notional: N
    initial_margin: N | None
    maintenance_margin: N
    excess: N
    margin_ratio: N | float
    venue_ratio: N | float
    free_margin: N | None
    available: N | None
    withdrawable: N | None
    liquidatable: bool
    positions: tuple[PositionScore[N], ...]

    @property
    def key(self) -> tuple[Any, str, str, str | None, str | None]:
        """What tells a pool from another: account, kind, asset, instrument, side."""
        return (self.account, self.kind, self.asset, self.instrument, self.side)


@dataclass(frozen=True)
class _Figures(Generic[N]):
    """A pool at one vector of prices.

    ``collateral`` is what the tests look at. ``haircut`` is the collateral after haircuts, whatever they look at, with
    what orders freeze: the initial margin holds that already.
    """

    profit: Mapping[str, N]
    collateral: N
    haircut: N
    maintenance: N
    initial: N | None


def _figures(run: Run[N], pool: Pool) -> _Figures[N]:
    profit = profit_of(run, pool)
    return _Figures(
        profit,
        collateral_of(run, pool),
        backing_of(run, pool, profit, haircut=True),
        known(requirement_of(run, pool, profit, "maintenance")),
        requirement_of(run, pool, profit, "initial"),
    )


def _excess(run: Run[N], figures: _Figures[N], constraint: Constraint) -> N:
    needed = figures.maintenance if constraint.required == "maintenance" else figures.initial
    return rules.excess(figures.collateral, run.cast(constraint.level), known(needed))


def score_pool(runs: Mapping[str, Run[N]], pool: Pool) -> PoolScore[N]:
    """Apply all rules to one pool; figures are those of the first constraint, the verdict is over all.

    ``runs`` holds a run for ``mark`` and, where a constraint looks at it, for ``last``.
    """
    market_rules = next(iter(runs.values())).market.rules
    first, *others = market_rules.constraints
    run = runs[first.price]
    figures = _figures(run, pool)
    excesses = [_excess(run, figures, first)]
    for constraint in others:
        there = runs[constraint.price]
        at_its_price = figures if constraint.price == first.price else _figures(there, pool)
        excesses.append(_excess(there, at_its_price, constraint))
    failures = [
        rules.fails(over, constraint.zero_fails)
        for over, constraint in zip(excesses, market_rules.constraints, strict=True)
    ]
    wallet = valued(run, pool, {layer.asset: run.cast(layer.wallet_balance) for layer in pool.layers})
    cash = valued(run, pool, {layer.asset: run.cast(layer.cash) for layer in pool.layers})
    pnl = valued(run, pool, figures.profit)
    legs = _legs(run, pool)
    notional = notional_of(run, pool)
    means = Means(
        figures.profit,
        order_loss_of(run, pool),
        notional,
        figures.maintenance,
        figures.initial,
        reserved_of(run, pool),
    )
    return PoolScore(
        account=pool.account,
        kind=pool.kind,
        asset=pool.asset,
        instrument=pool.instrument,
        side=pool.side,
        wallet_balance=wallet,
        unrealized_pnl=pnl,
        equity=rules.equity(cash, pnl),
        collateral_value=figures.collateral,
        notional=notional,
        initial_margin=figures.initial,
        maintenance_margin=figures.maintenance,
        excess=excesses[0],
        margin_ratio=rules.margin_ratio(figures.collateral, figures.maintenance),
        venue_ratio=rules.venue_ratio(figures.collateral, figures.maintenance, market_rules.venue_ratio),
        free_margin=rules.free_margin(figures.haircut, figures.initial),
        available=available(run, pool, means),
        withdrawable=withdrawable(run, pool, means),
        liquidatable=rules.liquidatable(failures, market_rules.combine, at_risk(run, pool)),
        positions=legs,
    )


def notional_of(run: Run[N], pool: Pool) -> N:
    """Return the notional of all positions, in the pool's asset."""
    gross = {layer.asset: run.zero for layer in pool.layers}
    for position in pool.positions:
        settle = position.instrument.settle
        gross[settle] = gross[settle] + run.notional(position)
    return valued(run, pool, gross)


def means_of(run: Run[N], pool: Pool) -> Means[N]:
    """Return what a pool could spare, and what claims it."""
    profit = profit_of(run, pool)
    return Means(
        profit,
        order_loss_of(run, pool),
        notional_of(run, pool),
        known(requirement_of(run, pool, profit, "maintenance")),
        requirement_of(run, pool, profit, "initial"),
        reserved_of(run, pool),
    )


def reserved_of(run: Run[N], pool: Pool) -> N | None:
    """Fee kept in an isolated position's margin beyond the closing fee that its initial margin holds."""
    total = run.zero
    for position in pool.positions if pool.kind == "isolated" else ():
        reserve = fee_reserve(run.market, position, pool.terms)
        if reserve is None:
            return None
        total = total + max(run.zero, run.cast(reserve) - closing_fee(run, pool, position, "initial"))
    return total


def _legs(run: Run[N], pool: Pool) -> tuple[PositionScore[N], ...]:
    """Figures of the positions of a pool, in its canonical order."""
    maintenance, initial = shares(run, pool, "maintenance"), shares(run, pool, "initial")
    tier = tiers(run, pool)
    legs = [
        PositionScore(
            row=position.row,
            account=position.account,
            instrument=position.instrument.name,
            side=position.position_side,
            kind=position.margin_mode,
            notional=run.notional(position),
            unrealized_pnl=run.pnl(position),
            initial_margin=initial[position.row],
            maintenance_margin=known(maintenance[position.row]),
            tier=tier[position.row],
        )
        for position in pool.positions
    ]
    return tuple(legs)
