"""Open orders: read from rows, and which of them count."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import rows
from crossmargin.reference.accounts import Accounts, Setting, Settings, Terms
from crossmargin.reference.book import Position, check_mode, in_contracts, needs_leverage
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.rows import MODES, SIDES, Row
from crossmargin.reference.switches import OrderRules, Rules
from crossmargin.reference.values import exact, positive, refuse

KINDS = ("limit", "market", "stop", "take_profit")
"""What an order may be called; without a kind, its prices say what it is."""


@dataclass(frozen=True)
class Order:
    """One open order: ``quantity`` contracts to buy (positive) or sell; ``price`` None is a market order."""

    account: Any
    instrument: Instrument
    quantity: Fraction
    price: Fraction | None
    leverage: Fraction | None = None
    trigger_price: Fraction | None = None
    reduce_only: bool = False
    position_side: str = "net"
    margin_mode: str = "cross"
    kind: str | None = None
    row: int = 0


def counts(order: Order, rules: OrderRules) -> bool:
    """Whether an order can count at all: it may add to a position, and it is live.

    An order can only reduce if it says so, or if it sells of a long side or buys back of a short side: with two sides
    such an order closes, and what would open is of the other side.

    Formula: not reduce-only; not a sell of side ``long`` or a buy of side ``short``; and without a trigger price unless
    the rules say that conditional orders count.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (stop orders reserve nothing until triggered; reducing orders
    cost nothing; in hedge mode each side has its own orders); Bybit help, "Order Cost" (orders that do not increase
    the position need no initial margin); read 2026-11-22.
    """
    return not (order.reduce_only or closes_leg(order)) and (order.trigger_price is None or rules.conditional)


def closes_leg(order: Order) -> bool:
    """Whether an order sells of a long side or buys back of a short side."""
    return (order.position_side, bool(order.quantity > 0)) in {("long", False), ("short", True)}


def read_orders(  # noqa: PLR0913, PLR0917 - a table each
    market: Market,
    table: Iterable[Row],
    accounts: Accounts,
    settings: Settings,
    quantity_unit: str,
    positions: Sequence[Position] = (),
) -> list[Order]:
    """Read the orders table.

    Columns ``account``, ``instrument``, ``quantity`` (contracts, a buy positive, not zero), ``price`` (above zero;
    absent or NaN for a market order); optional ``leverage``, ``trigger_price``, ``reduce_only``, ``position_side``,
    ``margin_mode``, ``kind`` (a ``limit`` order has a price, a ``market`` order none, a ``stop`` and a
    ``take_profit`` have a trigger price, the others have none). Columns that are not named here are not looked at.

    What a row leaves out is said by the settings, else by the account's positions of that instrument and side: their
    margin mode where all have one, and the leverage of that in the order's mode. Then the mode is that of the account.

    Source: Binance API documentation, ``leverage`` and ``marginType`` (of a symbol, for its position and its orders
    alike; the margin type cannot change while either is open); read 2026-11-22.
    """
    held: dict[tuple[Any, str], list[Position]] = {}
    for position in positions:
        held.setdefault((position.account, position.instrument.name), []).append(position)

    def around(account: Any, instrument: Instrument) -> Around:
        key = (account, instrument.name)
        return Around(accounts.terms(account), settings.get(key, Setting()), held.get(key, ()))

    found = [read_order(market, row, index, quantity_unit, around) for index, row in enumerate(table)]
    for order in found:
        where = f"orders.{{}}[{order.row}]"
        check_mode(market, order.margin_mode, where)
        if counts(order, market.rules.orders) and lacks_leverage(market.rules, order):
            raise refuse(where.format("leverage"), None, "a number above 0")
    return found


@dataclass(frozen=True)
class Around:
    """What an order finds that does not say everything: terms and settings, and the positions in its instrument."""

    terms: Terms
    setting: Setting
    positions: Sequence[Position]


def read_order(
    market: Market, row: Row, index: int, quantity_unit: str, around: Callable[[Any, Instrument], Around]
) -> Order:
    """Read an order, completed by what its account holds: see `read_orders`."""
    where = f"orders.{{}}[{index}]"
    account = rows.account_of(row, where)
    instrument = market.instrument(rows.required(row, "instrument", where), where.format("instrument"))
    found = around(account, instrument)
    quantity = exact(rows.required(row, "quantity", where), where.format("quantity"))
    if quantity == 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number other than 0", "leave the row out")
    side = rows.choice(row, "position_side", where, SIDES)
    beside = [position for position in found.positions if position.position_side == side]
    modes = {position.margin_mode for position in beside}
    usual = found.setting.margin_mode or (modes.pop() if len(modes) == 1 else found.terms.margin_mode)
    mode = rows.choice(row, "margin_mode", where, MODES, usual)
    leverages = [position.leverage for position in beside if position.margin_mode == mode]
    said = (rows.optional_or_nan(row, "leverage", where, positive), found.setting.leverage, *leverages)
    reduce_only = row.get("reduce_only")
    if not isinstance(reduce_only, bool | None):
        raise refuse(where.format("reduce_only"), reduce_only, "true or false")
    order = Order(
        account=account,
        instrument=instrument,
        quantity=in_contracts(instrument, quantity, quantity_unit),
        price=rows.optional_or_nan(row, "price", where, positive),
        leverage=next((leverage for leverage in said if leverage is not None), None),
        trigger_price=rows.optional_or_nan(row, "trigger_price", where, positive),
        reduce_only=bool(reduce_only),
        position_side=side,
        margin_mode=mode,
        kind=rows.named(row, "kind", where, KINDS),
        row=index,
    )
    _check_kind(order, where)
    return order


def _check_kind(order: Order, where: str) -> None:
    """Refuse an order whose prices are not those of its kind."""
    if order.kind == "limit" and order.price is None:
        raise refuse(where.format("price"), None, "a price above 0 for an order of kind 'limit'")
    if order.kind == "market" and order.price is not None:
        raise refuse(where.format("price"), order.price, "absent for an order of kind 'market'")
    if order.kind in ("stop", "take_profit") and order.trigger_price is None:
        raise refuse(where.format("trigger_price"), None, f"a price above 0 for an order of kind {order.kind!r}")
    if order.kind in ("limit", "market") and order.trigger_price is not None:
        raise refuse(where.format("trigger_price"), order.trigger_price, f"absent for an order of kind {order.kind!r}")


def lacks_leverage(rules: Rules, order: Order) -> bool:
    """Whether a counted order is without a leverage, and leaves a requirement unknown that must be known."""
    if order.leverage is not None:
        return False
    modes = {"maintenance": rules.orders.maintenance_margin, "initial": rules.orders.initial_margin}
    counted = [level for level, mode in modes.items() if mode != "none"]
    if order.margin_mode == "isolated":
        counted = [level for level in counted if level == "initial"]
    fees = [rules.requirement(level, order.margin_mode).closing_fee for level in counted]
    if rules.orders.closing_fee and any(fee.startswith("bankruptcy") for fee in fees):
        return True
    return "initial" in counted and needs_leverage(rules, order.margin_mode, fees=False)
