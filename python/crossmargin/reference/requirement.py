"""What a pool must hold: groups of legs and orders, the tier of each, its charge, and the fees inside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crossmargin.reference import rules
from crossmargin.reference.book import Position
from crossmargin.reference.market import Instrument
from crossmargin.reference.orders import Order
from crossmargin.reference.pools import Pool, fenced_cash, place
from crossmargin.reference.run import Run
from crossmargin.reference.switches import RequirementRule
from crossmargin.reference.values import N


@dataclass(frozen=True)
class Group:
    """What is charged together: the legs and orders of one instrument, or those of one side of it."""

    instrument: Instrument
    positions: tuple[Position, ...]
    orders: tuple[Order, ...] = ()


def groups(pool: Pool, run: Run[N], legs: str) -> list[Group]:
    """Divide the positions and orders of a pool into groups, in canonical order.

    Formula: a group per instrument and position side where each leg is charged by itself (``legs = "each"``), else a
    group per instrument.
    """
    found: dict[tuple[Any, ...], list[Any]] = {}
    entries: tuple[Position | Order, ...] = (*pool.positions, *pool.orders)
    for entry in entries:
        where = place(run.market, entry.instrument, entry.position_side)
        found.setdefault(where if legs == "each" else where[:2], []).append(entry)
    return [
        Group(
            members[0].instrument,
            tuple(entry for entry in members if isinstance(entry, Position)),
            tuple(entry for entry in members if isinstance(entry, Order)),
        )
        for _, members in sorted(found.items(), key=lambda pair: pair[0])
    ]


def amount(  # noqa: PLR0913 - by keyword only
    run: Run[N],
    positions: Iterable[Position],
    orders: Iterable[Order],
    *,
    legs: str,
    mode: str,
    price: str,
    bounds: str = "settle",
) -> N:
    """Return what legs and orders amount to together, in a unit (see `rules.charged_amount`)."""
    long = short = buys = sells = run.zero
    for position in positions:
        at = run.basis_price(position, price)
        size = run.size(position.instrument, position.quantity, at, bounds)
        if position.sign > 0:
            long = long + size
        else:
            short = short + size
    for order in orders if mode != "none" else ():
        size = run.order_size(order, bounds)
        if order.quantity > 0:
            buys = buys + size
        else:
            sells = sells + size
    return rules.charged_amount(legs, mode, long, short, buys, sells)


def tier_of(run: Run[N], pool: Pool, group: Group, rule: RequirementRule) -> int:
    """Return the tier of a group (from 1).

    By the basis of the rule: the same amount that is charged, another arrangement of the instrument's legs, or the
    sum over all instruments on the underlying; or the tier that the owner chose, or the higher of both.

    Formula: `rules.tier_number` of the amount in the unit of the table, floors times the account's coefficient.

    Source: WEEX support 5491591989785 (long and short added in cross); OKX help 360020411711 (expiries of one
    underlying summed); Binance ``notionalCoef``; MEXC contract API (the level in force); read 2026-11-22.
    """
    how = run.market.rules.margin_class.tier
    table = _table_of(group)
    # Legs may be under tables of different lengths; the group is charged by that of its first leg.
    chosen = [min(position.tier, len(table.tiers)) for position in group.positions if position.tier is not None]
    if how == "static" and chosen:
        return max(chosen)
    floors = [run.cast(tier.floor * pool.terms.coefficient) for tier in table.tiers]
    by_basis = rules.tier_number(_tier_basis(run, pool, group, rule, table.bounds), floors, table.at_floor)
    return max(by_basis, *chosen) if how == "higher_of_both" and chosen else by_basis


def _table_of(group: Group) -> Any:
    """Return the table of a group's first position; a group of orders alone is under the newest."""
    return group.positions[0].table if group.positions else group.instrument.table


def _tier_basis(run: Run[N], pool: Pool, group: Group, rule: RequirementRule, bounds: str) -> N:
    mode = run.market.rules.orders.tier_basis if pool.kind == "cross" else "none"

    def of(legs: str, positions: Sequence[Position], orders: Sequence[Order]) -> N:
        return amount(run, positions, orders, legs=legs, mode=mode, price=rule.tier_price, bounds=bounds)

    if rule.tier_legs == "same":
        return of(rule.legs, group.positions, group.orders)
    instrument = group.instrument
    if rule.tier_legs == "underlying":
        total = run.zero
        for other in groups(pool, run, rule.legs):
            if (other.instrument.underlying, other.instrument.settle) == (instrument.underlying, instrument.settle):
                total = total + of(rule.legs, other.positions, other.orders)
        return total
    positions = [position for position in pool.positions if position.instrument is instrument]
    orders = [order for order in pool.orders if order.instrument is instrument]
    return of(rule.tier_legs, positions, orders)


def charge(run: Run[N], pool: Pool, group: Group, level: str, *, with_orders: bool = True) -> N | None:
    """Return what one group is charged, without fees; None where an initial margin is unknown.

    Maintenance is the tier's rate on the amount less its deduction, or a share of the initial charge; initial margin
    is the amount over the lowest leverage among the group's positions and orders, or the table's initial rate on it.

    Formula: ``max(0, rate_k * amount - deduction_k * value of the bound unit)``; ``amount / L``;
    ``initial_rate_k * amount``.

    Source: as `rules.maintenance_margin` and `rules.initial_margin`; the table's initial rate: MEXC, "What are
    futures risk limits"; the share: dydxprotocol/v4-chain, ``protocol/lib/margin/risk.go``; read 2026-11-22.
    """
    rule = run.market.rules.requirement(level, pool.kind)
    mode = order_mode(run, level) if with_orders and pool.kind == "cross" else "none"
    if not group.positions and mode == "none":
        return run.zero
    size = amount(run, group.positions, group.orders, legs=rule.legs, mode=mode, price=rule.price)
    if level == "initial" and rule.source == "usual":
        leverages = [position.leverage for position in group.positions]
        leverages += [order.leverage for order in group.orders if mode != "none"]
        known = [leverage for leverage in leverages if leverage is not None]
        return rules.initial_margin(size, run.cast(min(known)) if len(known) == len(leverages) else None)
    tier = _table_of(group).tiers[tier_of(run, pool, group, rule) - 1]
    if level == "initial":
        return run.cast(tier.initial_rate) * size
    deduction = run.cast(tier.deduction * pool.terms.coefficient) * _bound_unit(run, group, rule)
    return rules.maintenance_margin(size, run.cast(tier.maintenance_rate), deduction)


def _bound_unit(run: Run[N], group: Group, rule: RequirementRule) -> N:
    """Value of one unit of the table's bounds at the price of the rule; at entry, that of the group's first leg."""
    instrument = group.instrument
    price = run.price(instrument)
    if rule.price == "entry" and group.positions:
        price = group.positions[0].entry_price
    return rules.unit_value(
        _table_of(group).bounds,
        instrument.payoff,
        run.value(instrument, price),
        run.cast(instrument.multiplier),
        run.cast(price),
        run.one,
    )


def order_mode(run: Run[N], level: str) -> str:
    """How orders enter a requirement."""
    orders = run.market.rules.orders
    return orders.maintenance_margin if level == "maintenance" else orders.initial_margin


def charges(run: Run[N], pool: Pool, level: str, *, with_orders: bool = True) -> list[tuple[Group, N | None]]:
    """Return the groups of a requirement with their charges.

    A maintenance margin that is a share of the initial one is charged by the groups of the initial margin.
    """
    rule = run.market.rules.requirement(level, pool.kind)
    if level == "maintenance" and rule.source == "share_of_initial":
        share = run.cast(rule.share)
        return [
            (group, None if initial is None else share * initial)
            for group, initial in charges(run, pool, "initial", with_orders=with_orders)
        ]
    return [(group, charge(run, pool, group, level, with_orders=with_orders)) for group in groups(pool, run, rule.legs)]


def closing_fee(run: Run[N], pool: Pool, position: Position, level: str) -> N:
    """Return the fee to close a position that a requirement holds back.

    On the notional at mark, at the bankruptcy price of the leverage (taken from the entry or the mark price), or at
    the price where an isolated position's margin is used up.

    Source: at mark: BingX support 11263299509391 and OKX help 360054690531; at the bankruptcy price: Bybit help,
    "Order Cost"; read 2026-11-22.
    """
    kind = run.market.rules.requirement(level, pool.kind).closing_fee
    if kind == "none":
        return run.zero
    fee, instrument = run.cast(pool.terms.taker), position.instrument
    if kind == "mark":
        return fee * run.notional(position)
    if kind == "bankruptcy_of_margin":
        margin = run.cast(fenced_cash(run.market, position, pool.terms))
        at_entry = run.notional(position, "entry")
        return rules.fee_where_margin_ends(instrument.payoff, position.sign, at_entry, margin, fee, run.one)
    size = run.notional(position, "entry" if kind == "bankruptcy_at_entry" else "mark")
    return fee * size * _bankruptcy_factor(run, instrument, position)


def _bankruptcy_factor(run: Run[N], instrument: Instrument, entry: Position | Order) -> N:
    assert entry.leverage is not None
    sign = 1 if entry.quantity > 0 else -1
    return rules.bankruptcy_factor(instrument.payoff, sign, run.cast(entry.leverage), run.one)


def order_fees(run: Run[N], pool: Pool, order: Order, level: str) -> N:
    """Return the fees that a counted order holds back: to open (initial margin only) and to close what it opens.

    What kind of closing fee it is follows from what the order would open: a cross or an isolated position.

    Source: Bybit help, "Order Cost": initial margin, fee to open, and fee to close at the bankruptcy price of the
    order's leverage; BingX support 25352317867673; read 2026-11-22.
    """
    how, fee, size = run.market.rules.orders, run.cast(pool.terms.taker), run.order_size(order)
    total = run.zero
    if level == "initial" and how.opening_fee:
        total = total + fee * size
    kind = run.market.rules.requirement(level, order.margin_mode).closing_fee
    if how.closing_fee and kind != "none":
        factor = run.one if kind == "mark" else _bankruptcy_factor(run, order.instrument, order)
        total = total + fee * size * factor
    return total


def required(run: Run[N], pool: Pool, level: str) -> dict[str, N | None]:
    """Return a requirement by settlement asset; None where it is unknown.

    Formula: the charges of the groups, the closing fees of positions, and the fees of orders. The initial margin of a
    cross pool also holds ``order value / L`` and the fees of orders that would open isolated positions.

    Source: BingX support 11263299509391 (margin and fees reserved by isolated orders are frozen in the account),
    read 2026-11-22.
    """
    total: dict[str, N | None] = {layer.asset: run.zero for layer in pool.layers}

    def add(instrument: Instrument, more: N | None) -> None:
        before = total[instrument.settle]
        total[instrument.settle] = None if before is None or more is None else before + more

    for group, part in charges(run, pool, level):
        add(group.instrument, part)
    for position in pool.positions:
        add(position.instrument, closing_fee(run, pool, position, level))
    if order_mode(run, level) == "none":
        return total
    for order in pool.orders:
        add(order.instrument, order_fees(run, pool, order, level))
    for order in pool.isolated_orders if level == "initial" else ():
        leverage = None if order.leverage is None else run.cast(order.leverage)
        add(order.instrument, rules.initial_margin(run.order_size(order), leverage))
        add(order.instrument, order_fees(run, pool, order, level))
    return total


def shares(run: Run[N], pool: Pool, level: str) -> dict[int, N | None]:
    """Return each position's part of a requirement, by row: of its group's charge without orders, and its own fee.

    Formula: ``charge * notional / sum of the group's notionals + closing fee``, notionals at the price of the rule.

    Source: the definition of this library; no venue publishes how a charge on several legs divides.
    """
    rule = run.market.rules.requirement(level, pool.kind)
    if rule.source == "share_of_initial":
        rule = run.market.rules.requirement("initial", pool.kind)
    parts: dict[int, N | None] = {}
    for group, whole in charges(run, pool, level, with_orders=False):
        total = run.zero
        for position in group.positions:
            total = total + run.notional(position, rule.price)
        for position in group.positions:
            fee = closing_fee(run, pool, position, level)
            own = run.notional(position, rule.price)
            parts[position.row] = None if whole is None else whole * own / total + fee
    return parts


def tiers(run: Run[N], pool: Pool) -> dict[int, int]:
    """Return the maintenance tier of each position, by row."""
    rule = run.market.rules.requirement("maintenance", pool.kind)
    return {
        position.row: tier_of(run, pool, group, rule)
        for group in groups(pool, run, rule.legs)
        for position in group.positions
    }
