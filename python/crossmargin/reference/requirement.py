"""What a pool must hold: the charge of each group with the fees of its orders, and the fees to close positions."""

from dataclasses import replace

from crossmargin.reference import rules
from crossmargin.reference.book import Position
from crossmargin.reference.groups import Group, fills, groups, tier_of
from crossmargin.reference.market import Instrument
from crossmargin.reference.orders import Order
from crossmargin.reference.pools import Pool, fenced_cash
from crossmargin.reference.run import Run
from crossmargin.reference.switches import RequirementRule
from crossmargin.reference.values import N


def requirement(  # noqa: PLR0913 - by keyword only
    run: Run[N], pool: Pool, group: Group, level: str, *, with_orders: bool = True, fees: bool = True
) -> N | None:
    """Return what one group requires: its charge with the fees of its orders; None where an initial margin is unknown.

    Maintenance is the tier's rate on the amount less its deduction, or a share of the initial charge; initial margin
    is every position and order over its own leverage, or the table's initial rate on the amount. Orders can fill in
    more than one way: each has its charge and its fees, and the dearest counts. ``with_orders = False`` is the part
    of the positions, ``fees = False`` the charge alone; both in the tier of the group.

    Formula: the largest over `filling.fills` of ``charge(amount) + part of the fees``, where ``charge(x)`` is
    ``max(0, rate_k * x - deduction_k * value of the bound unit)``, ``x`` (over leverages), or ``initial_rate_k * x``.

    Source: as `rules.maintenance_margin`, `rules.initial_margin` and `filling.fills`; the table's initial rate: MEXC,
    "What are futures risk limits"; the share: dydxprotocol/v4-chain, ``protocol/lib/margin/risk.go``; fees with the
    side that they belong to: Bybit help, "Order Cost" (cost of an order is its margin and its fees, and the larger
    side counts); read 2026-11-22.
    """
    charged, share = level, run.one
    if level == "maintenance" and run.market.rules.requirement(level, pool.kind).source == "share_of_initial":
        charged, share = "initial", run.cast(run.market.rules.requirement(level, pool.kind).share)
    rule = run.market.rules.requirement(charged, pool.kind)
    mode = order_mode(run, charged) if with_orders else "none"
    if not group.positions and mode == "none":
        return run.zero
    by_leverage = charged == "initial" and rule.source == "usual"
    if by_leverage and not _leverages_known(group, mode):
        return None
    ways = fills(
        run, group.positions, group.orders, legs=rule.legs, mode=mode, price=rule.price, per_leverage=by_leverage
    )
    rate, deduction = (run.one, run.zero) if by_leverage else _rate(run, pool, group, rule, charged)
    buys, sells = side_fees(run, pool, group, level) if fees and mode != "none" else (run.zero, run.zero)
    return max(
        share * rules.maintenance_margin(way.amount, rate, deduction) + way.buys * buys + way.sells * sells
        for way in ways
    )


def _leverages_known(group: Group, mode: str) -> bool:
    entries: tuple[Position | Order, ...] = (*group.positions, *(group.orders if mode != "none" else ()))
    return all(entry.leverage is not None for entry in entries)


def _rate(run: Run[N], pool: Pool, group: Group, rule: RequirementRule, level: str) -> tuple[N, N]:
    """Rate of the group's tier, and what is deducted, in the settlement asset."""
    tier = group.table.tiers[tier_of(run, pool, group, rule) - 1]
    if level == "initial":
        assert tier.initial_rate is not None
        return run.cast(tier.initial_rate), run.zero
    return run.cast(tier.maintenance_rate), run.cast(tier.deduction * pool.terms.coefficient) * _bound_unit(
        run, group, rule
    )


def _bound_unit(run: Run[N], group: Group, rule: RequirementRule) -> N:
    """Value of one unit of the table's bounds at the price of the rule; at entry, that of the group's first leg."""
    instrument = group.instrument
    price = run.price(instrument)
    if rule.price == "entry" and group.positions:
        price = group.positions[0].entry_price
    return rules.unit_value(
        group.table.bounds,
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


def requirements(run: Run[N], pool: Pool, level: str, *, with_orders: bool = True) -> list[tuple[Group, N | None]]:
    """Return the groups of a requirement with what each requires.

    A maintenance margin that is a share of the initial one is charged by the groups of the initial margin.
    """
    rule = run.market.rules.requirement(level, pool.kind)
    if rule.source == "share_of_initial":
        rule = run.market.rules.requirement("initial", pool.kind)
    return [
        (group, requirement(run, pool, group, level, with_orders=with_orders)) for group in groups(pool, run, rule.legs)
    ]


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
    instrument = position.instrument
    fee = run.cast(run.market.closing_rate(instrument, pool.terms.taker))
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
        closing = run.cast(run.market.closing_rate(order.instrument, pool.terms.taker))
        total = total + closing * size * factor
    return total


def side_fees(run: Run[N], pool: Pool, group: Group, level: str) -> tuple[N, N]:
    """Return the fees of all buys and of all sells of a group."""
    buys = sells = run.zero
    for order in group.orders if order_mode(run, level) != "none" else ():
        fee = order_fees(run, pool, order, level)
        if order.quantity > 0:
            buys = buys + fee
        else:
            sells = sells + fee
    return buys, sells


def required(run: Run[N], pool: Pool, level: str) -> dict[str, N | None]:
    """Return a requirement by settlement asset; None where it is unknown.

    Formula: what the groups require, and the closing fees of positions. The initial margin of a cross pool also holds
    what orders of isolated positions reserve (`reserve`).

    Source: BingX support 11263299509391 (margin and fees reserved by isolated orders are frozen in the account); the
    Binance FAQ quoted in dev.binance.vision thread 17078 (isolated open-order margin is taken off what is available in
    cross); read 2026-11-22.
    """
    total: dict[str, N | None] = {layer.asset: run.zero for layer in pool.layers}

    def add(instrument: Instrument, more: N | None) -> None:
        before = total[instrument.settle]
        total[instrument.settle] = None if before is None or more is None else before + more

    for group, part in requirements(run, pool, level):
        add(group.instrument, part)
    for position in pool.positions:
        add(position.instrument, closing_fee(run, pool, position, level))
    for enlarged in pool.enlarged if level == "initial" else ():
        add(enlarged.orders[0].instrument, reserve(run, enlarged))
    return total


def reserve(run: Run[N], enlarged: Pool) -> N | None:
    """Return what the orders of an isolated position reserve: what they add to its initial margin.

    An order against the position that does not exceed it reserves nothing, marked as reducing or not.

    Formula: ``max(0, requirement of the position with its orders - that of the position alone)``, fees of orders
    included, the position's own closing fee not; both by the rule of isolated positions.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (the requirement of a symbol is one maximum; reducing orders
    cost nothing until they exceed the position); read 2026-11-22.
    """
    (group,) = groups(enlarged, run, "each")
    if order_mode(run, "initial") == "none":
        return run.zero
    both = requirement(run, enlarged, group, "initial")
    alone = requirement(run, replace(enlarged, orders=()), group.without_orders(), "initial")
    if both is None or alone is None:
        return None
    return max(run.zero, both - alone)


def frozen(run: Run[N], pool: Pool) -> dict[str, N]:
    """Return by settlement asset what open orders freeze: it comes off what the pool's collateral is worth.

    Some venues take reserved margin and fees out of the balance that they test, so that an order brings liquidation
    nearer before it fills.

    Formula: ``isolated_orders_and_fees``: `reserve` of isolated orders, and of each cross group the initial
    requirement less its charge without fees; ``all``: `reserve`, and of each cross group the initial requirement with
    orders less that without, not below zero. Nothing where orders are not in the initial margin.

    Source: BingX support 11263299509391 (frozen: margin and fees reserved by isolated orders and fees reserved by
    cross orders); MEXC, "Liquidation" (equity without all order margin); read 2026-11-22.
    """
    how = run.market.rules.orders.frozen
    total = {layer.asset: run.zero for layer in pool.layers}
    if "none" in {how, order_mode(run, "initial")} or pool.kind != "cross":
        return total
    for enlarged in pool.enlarged:
        settle = enlarged.orders[0].instrument.settle
        total[settle] = total[settle] + known(reserve(run, enlarged))
    for group in groups(pool, run, run.market.rules.requirement("initial", pool.kind).legs):
        if not group.orders:
            continue
        settle = group.instrument.settle
        if how != "all" and not any(side_fees(run, pool, group, "initial")):
            continue
        whole = known(requirement(run, pool, group, "initial"))
        if how == "all":
            bare = replace(pool, orders=())
            without = known(requirement(run, bare, group.without_orders(), "initial"))
        else:
            without = known(requirement(run, pool, group, "initial", fees=False))
        total[settle] = total[settle] + max(run.zero, whole - without)
    return total


def known(value: N | None) -> N:
    """Return a value that the checks of the tables have made sure of."""
    assert value is not None
    return value


def shares(run: Run[N], pool: Pool, level: str) -> dict[int, N | None]:
    """Return each position's part of a requirement, by row: of its group's charge without orders, and its own fee.

    Formula: ``charge * notional / sum of the group's notionals + closing fee``, notionals at the price of the rule.

    Source: the definition of this library; no venue publishes how a charge on several legs divides.
    """
    rule = run.market.rules.requirement(level, pool.kind)
    if rule.source == "share_of_initial":
        rule = run.market.rules.requirement("initial", pool.kind)
    parts: dict[int, N | None] = {}
    for group, whole in requirements(run, pool, level, with_orders=False):
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
