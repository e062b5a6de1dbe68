"""Whether a pool fails: what it has and what it must hold at one vector of prices, and the verdict over all tests."""

from collections.abc import Mapping

from crossmargin.reference import rules
from crossmargin.reference.collateral import collateral_value, conversion, index_price, liability_margin
from crossmargin.reference.pools import Pool
from crossmargin.reference.requirement import closing_fee, frozen, known, order_mode, required
from crossmargin.reference.run import Run
from crossmargin.reference.switches import Constraint
from crossmargin.reference.values import N


def several(run: Run[N], pool: Pool) -> bool:
    """Whether the pool is one of several assets, each at its index price and weight."""
    return pool.kind == "cross" and run.market.rules.cross_pool == "per_account"


def valued(run: Run[N], pool: Pool, amounts: Mapping[str, N]) -> N:
    """Add amounts by asset in the pool's asset."""
    total = run.zero
    for layer in pool.layers:
        price = index_price(run, layer.asset) if several(run, pool) else run.one
        total = total + price * amounts[layer.asset]
    return total


def profit_of(run: Run[N], pool: Pool) -> dict[str, N]:
    """Return the profit or loss of all positions by asset."""
    profit = {layer.asset: run.zero for layer in pool.layers}
    for position in pool.positions:
        settle = position.instrument.settle
        profit[settle] = profit[settle] + run.pnl(position)
    return profit


def order_loss_of(run: Run[N], pool: Pool) -> dict[str, N]:
    """Return by asset the loss of orders, where it counts."""
    loss = {layer.asset: run.zero for layer in pool.layers}
    if run.market.rules.orders.order_loss == "equity":
        for order in pool.orders:
            settle = order.instrument.settle
            loss[settle] = loss[settle] + run.order_loss(order)
    return loss


def requirement_of(run: Run[N], pool: Pool, profit: Mapping[str, N], level: str) -> N | None:
    """Value a requirement in the pool's asset, with what debts require.

    Formula: ``sum over assets of conversion * (requirement + liability margin)``.
    """
    equity = {layer.asset: rules.equity(run.cast(layer.cash), profit[layer.asset]) for layer in pool.layers}
    total = run.zero
    for asset, amount in required(run, pool, level).items():
        if amount is None:
            return None
        if several(run, pool):
            debt = liability_margin(run, asset, equity[asset], level)
            total = total + conversion(run, asset) * (amount + debt)
        else:
            total = total + amount
    return total


def backing_of(run: Run[N], pool: Pool, profit: Mapping[str, N], *, haircut: bool) -> N:
    """Collateral of a pool with order losses; a pool of one asset counts its equity in full."""
    total = run.zero
    for layer in pool.layers:
        cash = run.cast(layer.cash)
        if several(run, pool):
            total = total + collateral_value(run, layer.asset, cash=cash, profit=profit[layer.asset], haircut=haircut)
        else:
            total = total + rules.equity(cash, profit[layer.asset])
    return total + valued(run, pool, order_loss_of(run, pool))


def collateral_of(run: Run[N], pool: Pool) -> N:
    """Return what the tests of a pool look at: its collateral without what orders freeze."""
    haircut = run.market.rules.collateral.levels != "initial"
    backing = backing_of(run, pool, profit_of(run, pool), haircut=haircut)
    return backing - valued(run, pool, frozen(run, pool))


def excess_of(run: Run[N], pool: Pool, constraint: Constraint) -> N:
    """Return the excess of one test, at the prices of the run."""
    needed = known(requirement_of(run, pool, profit_of(run, pool), constraint.required))
    return rules.excess(collateral_of(run, pool), run.cast(constraint.level), needed)


def at_risk(run: Run[N], pool: Pool) -> bool:
    """Whether there is anything to liquidate: a position, an order that enters a test, or a debt among several assets.

    Source: the definition of this library (a pool without positions, orders and liabilities is safe); Binance FAQ
    5e33af8e6ac04d57a1d0a3398e0a0752 (portfolio margin liquidates debts without positions too), read 2026-11-22.
    """
    if pool.positions:
        return True
    market_rules = run.market.rules
    modes = [order_mode(run, "maintenance")]
    if market_rules.maintenance.source == "share_of_initial":
        modes.append(order_mode(run, "initial"))
    if pool.orders and (market_rules.orders.order_loss == "equity" or any(mode != "none" for mode in modes)):
        return True
    return several(run, pool) and any(layer.cash < 0 for layer in pool.layers)


def fails(runs: Mapping[str, Run[N]], pool: Pool) -> bool:
    """Whether a pool is liquidatable; ``runs`` holds a run for each price that a test looks at."""
    market_rules = next(iter(runs.values())).market.rules
    failures = [
        rules.fails(excess_of(runs[constraint.price], pool, constraint), constraint.zero_fails)
        for constraint in market_rules.constraints
    ]
    return rules.liquidatable(failures, market_rules.combine, at_risk(next(iter(runs.values())), pool))


def bankruptcy_margin_of(run: Run[N], pool: Pool) -> N:
    """Return what would be left of a pool if its positions were closed at the prices where they are bankrupt.

    The pool is bankrupt where nothing is left: the venue then closes at a loss that is not the owner's. A fee for
    closing at a bankruptcy price is taken off first, as the venue reserved it for that; one at the mark is not.

    Formula: ``collateral_value - sum of the closing fees of kind bankruptcy_* inside the maintenance margin``, brought
    into the pool's asset as requirements are.

    Source: Bybit help, archive 900000031623 (the fee to close is in the margin that the bankruptcy price uses up),
    read 2026-11-22.
    """
    left = collateral_of(run, pool)
    if not run.market.rules.requirement("maintenance", pool.kind).closing_fee.startswith("bankruptcy"):
        return left
    for position in pool.positions:
        fee = closing_fee(run, pool, position, "maintenance")
        left = left - (conversion(run, position.instrument.settle) * fee if several(run, pool) else fee)
    return left
