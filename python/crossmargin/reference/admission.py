"""Whether one more order is accepted, what it costs, and why not: the gate of a venue, row by row.

An order is judged by what it needs: what it takes off what the account has to spare. An order that needs nothing is
never refused for margin, and one that needs more than there is always is. What it needs is what it reserves beside
the open orders, or what its fill would require, as the market says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rules
from crossmargin.reference.collateral import conversion, index_price
from crossmargin.reference.groups import groups
from crossmargin.reference.leaving import Means, worth
from crossmargin.reference.ledger import ZERO, Holding
from crossmargin.reference.market import Market
from crossmargin.reference.orders import Order, counts
from crossmargin.reference.pools import Pool
from crossmargin.reference.requirement import requirement, reserve
from crossmargin.reference.run import Run
from crossmargin.reference.score import Situation
from crossmargin.reference.switches import OrderRules
from crossmargin.reference.values import positive
from crossmargin.reference.verdict import at_risk, backing_of, collateral_of, fails, profit_of, requirement_of, several

FILLED = OrderRules(initial_margin="worst_fill", maintenance_margin="worst_fill", tier_basis="worst_fill")
"""How an order counts that is judged by its fill."""

Quoted = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Quotes:
    """Prices as far as there are: marks and last prices by instrument, index prices by asset."""

    market: Market
    mark: Mapping[str, Fraction]
    index: Mapping[str, Fraction] = field(default_factory=dict)
    last: Mapping[str, Fraction] = field(default_factory=dict)

    def runs(self) -> dict[str, Run[Fraction]]:
        """Return the runs of the rules, by the name of the prices that they are at."""
        index = dict(self.index)
        if self.market.rules.valuation_asset is not None:
            index.setdefault(self.market.rules.valuation_asset, Fraction(1))
        return Situation(self.market, (), self.mark, index, self.last or None).runs(Fraction)

    @property
    def run(self) -> Run[Fraction]:
        """The run at the prices of the first test, which figures of pools are at."""
        return self.runs()[self.market.rules.constraints[0].price]

    def has(self, instruments: Iterable[str], assets: Iterable[str]) -> bool:
        """Whether every price is there that a pool of so much needs."""
        needed = set(instruments)
        if not needed <= self.mark.keys():
            return False
        if any(one.price == "last" for one in self.market.rules.constraints) and not needed <= self.last.keys():
            return False
        known = self.index.keys() | {self.market.rules.valuation_asset}
        return self.market.rules.cross_pool == "per_asset" or set(assets) <= known


def read_quotes(market: Market, prices: Quoted) -> Quotes:
    """Read ``mark``, ``index`` and ``last`` prices by name, each above zero."""
    read: dict[str, dict[str, Fraction]] = {}
    for quote in ("mark", "index", "last"):
        of = market.asset if quote == "index" else market.instrument
        given = prices.get(quote) or {}
        read[quote] = {of(name, quote).name: positive(price, f"{quote}.{name}") for name, price in given.items()}
    return Quotes(market, read["mark"], read["index"], read["last"])


@dataclass(frozen=True)
class Judged:
    """An account before an order: its quotes, and the order as it is judged."""

    quotes: Quotes
    holding: Holding
    order: Order
    opening: Fraction

    @property
    def market(self) -> Market:
        """The rules."""
        return self.quotes.market

    def before(self) -> Pool:
        """Return the pool that the order meets: the cross pool of what it settles in, an empty one if need be."""
        return self._cross(self.holding)

    def beside(self) -> Pool:
        """Return the same pool with the order among the open ones."""
        return self._cross(self.with_order())

    def with_order(self) -> Holding:
        """Return the account with the order among its open ones."""
        return replace(self.holding, orders=(*self.holding.orders, self.order))

    def _cross(self, holding: Holding) -> Pool:
        settle = self.order.instrument.settle
        pools = holding.paid(settle, ZERO).pools(self.market)
        (pool,) = [pool for pool in pools if pool.kind == "cross" and settle in {one.asset for one in pool.layers}]
        return pool


def slack(run: Run[Fraction], pool: Pool) -> Fraction | None:
    """Return what a pool has to spare for orders, below zero where it lacks; None where it is unknown.

    Formula: test ``available``: the backing of ``available.rule`` less the initial margin; ``free_margin``: collateral
    at its weights with order losses, less the initial margin.

    Source: available: the Binance FAQ quoted in dev.binance.vision thread 17078, as `leaving.available`; free margin:
    Bybit help, "Glossary (UTA)" and "Liquidation Process (UTA)" (at an initial rate of 100 %, initial margin over
    margin balance less haircut plus order loss, no new risk), inferred to be the test; read 2026-11-22.
    """
    profit = profit_of(run, pool)
    initial = requirement_of(run, pool, profit, "initial")
    if initial is None:
        return None
    if run.market.rules.admission.test == "free_margin":
        return backing_of(run, pool, profit, haircut=True) - initial
    return spare(run, pool)


def spare(run: Run[Fraction], pool: Pool) -> Fraction | None:
    """Return what is available in a pool, below zero where it lacks; None where it is unknown: see `leaving.available`.

    Formula: the backing of ``available.rule`` less the initial margin.

    Source: as `leaving.available`.
    """
    profit = profit_of(run, pool)
    initial = requirement_of(run, pool, profit, "initial")
    if initial is None:
        return None
    means = Means(profit, {}, ZERO, ZERO, initial, ZERO)
    return worth(run, pool, means, run.market.rules.available, own=False) - initial


def opening_part(market: Market, holding: Holding, order: Order) -> Fraction:
    """Return how many contracts of an order open or enlarge a position; the rest closes one.

    An order that can only reduce opens nothing, nor does one that waits for a trigger; of two sides an order opens
    whole. Against a net position the orders of its direction that were there before close first. A reducing order is
    looked at in the same way where the market says so.

    Formula: ``min(q, max(0, B - max(0, against)))`` with ``B`` the contracts of all counted orders of its direction
    and its own, ``against`` the position that they would close.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (the margin of orders that open is checked: beyond the
    position less the open orders against it; of reducing orders that do so too); Bybit help, "Order Cost"; read
    2026-11-22.
    """
    checked = order.reduce_only and market.rules.admission.reduce_only == "checked"
    judged = replace(order, reduce_only=False) if checked and order.position_side == "net" else order
    if not counts(judged, market.rules.orders):
        return ZERO
    if order.position_side != "net":
        return abs(order.quantity)
    way = 1 if order.quantity > 0 else -1
    held = [one for one in holding.tabled_positions() if _key(one) == _key(order)]
    against = sum((-way * one.quantity for one in held), ZERO)
    before = [
        one
        for one in holding.orders
        if _key(one) == _key(order) and way * one.quantity > 0 and counts(one, market.rules.orders)
    ]
    ordered = sum((abs(one.quantity) for one in before), abs(order.quantity))
    return min(abs(order.quantity), max(ZERO, ordered - max(ZERO, against)))


def _key(entry: Any) -> tuple[str, str, str]:
    return (entry.instrument.name, entry.position_side, entry.margin_mode)


def cost_and_need(judged: Judged) -> tuple[Fraction | None, Fraction | None]:
    """Return what an order costs and what it needs, in the pool's asset; None where a leverage is missing.

    What an order adds to the initial margin is its cost, with the loss that it would show at once if it filled at its
    limit where the market counts that when placing; so is what it takes off the slack what it needs. The two differ
    where orders change the backing too. Judged by its fill, an order counts as the only one beside its position.

    Formula: ``cost = max(0, initial margin with - without + loss)``, ``need = slack without - slack with + loss``; by
    the fill both are ``requirement of its group with it alone, worst_fill - without + loss``.

    Source: Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b (cost to open: initial margin and open loss); Bybit help,
    "Order Cost"; BingX support 25352317867673; read 2026-11-22. The basis of the fill is chosen.
    """
    market, run = judged.market, judged.quotes.run
    if not judged.opening and not counts(judged.order, market.rules.orders):
        return ZERO, ZERO
    loss = loss_counted(run, judged)
    if market.rules.admission.basis == "fill":
        if slack(run, judged.before()) is None:
            return None, None
        part = filled_part(run, judged, "initial")
        need = None if part is None else part + loss
        return (None if need is None else max(ZERO, need)), need
    before, beside = judged.before(), judged.beside()
    had, has = (requirement_of(run, pool, profit_of(run, pool), "initial") for pool in (before, beside))
    spare, left = slack(run, before), slack(run, beside)
    cost = None if had is None or has is None else max(ZERO, has - had + loss)
    return cost, None if spare is None or left is None else spare - left + loss


def loss_counted(run: Run[Fraction], judged: Judged) -> Fraction:
    """Return the loss of an opening order that its admission counts, as a requirement in the pool's asset.

    Formula: ``max(0, -dir * |q| * (X(mark) - X(limit)))``, at the price that requirements are brought in with.

    Source: Binance FAQ 87fa7ee33b574f7084d42bd2ce2e463b (open loss), read 2026-11-22.
    """
    how = run.market.rules
    if not judged.opening or (how.orders.order_loss != "admission" and how.admission.basis != "fill"):
        return ZERO
    loss = -run.order_loss(judged.order)
    return loss * conversion(run, judged.order.instrument.settle) if several(run, judged.before()) else loss


def filled_part(run: Run[Fraction], judged: Judged, level: str) -> Fraction | None:
    """Return what an order's group requires beyond what it does, if the order were its only one and filled.

    The order is valued at the mark, or at its limit where the margin is charged at entry; it has no fee but that to
    open, where orders have one.

    Formula: ``requirement of the position and the order, worst_fill - requirement of the position``; of an isolated
    order what it would reserve.

    Source: the definition of this library, for markets whose orders reserve nothing.
    """
    order, pool = judged.order, judged.before()
    own, usual = run.market.rules, run.market.rules.requirement(level, order.margin_mode)
    how = replace(FILLED, price="limit" if usual.price == "entry" else "mark")
    how = replace(how, opening_fee=own.orders.opening_fee)
    alone_run = replace(run, market=replace(run.market, rules=replace(own, orders=how)))
    if order.margin_mode == "isolated":
        found = _isolated_part(alone_run, judged) if level == "initial" else ZERO
    else:
        found = _cross_part(alone_run, replace(pool, orders=(order,)), level)
    if found is None or not several(run, pool):
        return found
    return found * conversion(run, order.instrument.settle)


def _cross_part(run: Run[Fraction], pool: Pool, level: str) -> Fraction | None:
    rule = run.market.rules.requirement(level, pool.kind)
    if rule.source == "share_of_initial":
        rule = run.market.rules.requirement("initial", pool.kind)
    (group,) = [group for group in groups(pool, run, rule.legs) if group.orders]
    both = requirement(run, pool, group, level)
    alone = requirement(run, replace(pool, orders=()), group.without_orders(), level)
    return None if both is None or alone is None else both - alone


def _isolated_part(run: Run[Fraction], judged: Judged) -> Fraction | None:
    """Return what an isolated order would reserve: what it adds to the initial margin of its position."""
    order = judged.order
    key = (order.instrument.name, order.position_side)
    pools = replace(judged.holding, orders=(order,)).pools(judged.market)
    (enlarged,) = [one for pool in pools for one in pool.enlarged if (one.instrument, one.side) == key]
    return reserve(run, enlarged)


def would_fail(judged: Judged) -> bool:
    """Return whether the pool is liquidatable with the order in it, at the present prices.

    Nobody is let into liquidation by an own order (chosen). Among the open orders it counts as they do; by its fill
    the requirements of its group and its loss count.
    """
    runs, market = judged.quotes.runs(), judged.market
    if market.rules.admission.basis == "reserve":
        return fails(runs, judged.beside())
    pool, cross = judged.before(), judged.order.margin_mode == "cross"
    failures = []
    for constraint in market.rules.constraints:
        run = runs[constraint.price]
        needed = requirement_of(run, pool, profit_of(run, pool), constraint.required)
        part = filled_part(run, judged, constraint.required)
        if needed is None or part is None:
            return False  # the test of margin says that a leverage is missing
        loss = -run.order_loss(judged.order) if cross else ZERO
        loss = loss * index_price(run, judged.order.instrument.settle) if several(run, pool) else loss
        excess = rules.excess(collateral_of(run, pool) - loss, constraint.level, needed + part)
        failures.append(rules.fails(excess, constraint.zero_fails))
    risk = cross or at_risk(judged.quotes.run, pool)
    return rules.liquidatable(failures, market.rules.combine, at_risk=risk)
