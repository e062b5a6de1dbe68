"""Rows beside other rows: sides that go together, and leverages that what orders freeze cannot do without."""

from collections.abc import Iterable, Sequence
from typing import Any

from crossmargin.reference.accounts import Accounts
from crossmargin.reference.book import Position
from crossmargin.reference.market import Market
from crossmargin.reference.orders import Order, counts
from crossmargin.reference.values import refuse


def check_sides(market: Market, accounts: Accounts, positions: Sequence[Position], orders: Sequence[Order]) -> None:
    """Refuse sides that do not go together.

    In one instrument an account holds one net position, or a long and a short one; its orders are of the same kind.
    A venue may know net positions only, and an account may say which of the two it is set to.

    Source: Binance API documentation (``positionSide`` BOTH in one-way mode, LONG and SHORT in hedge mode; the mode
    cannot change with open positions or orders); Bybit API documentation, ``position-mode`` (inverse perpetuals are
    one-way); read 2026-11-22.
    """
    hedged: dict[tuple[Any, str], bool] = {}
    for table, row in _rows(positions, orders):
        where, side = f"{table}.position_side[{row.row}]", row.position_side
        if side != "net" and not market.rules.hedge_mode:
            raise refuse(where, side, "'net' in a market without hedge mode")
        mode = accounts.terms(row.account).position_mode
        if mode is not None and (mode == "hedge") != (side != "net"):
            fitting = "'long' or 'short'" if mode == "hedge" else "'net'"
            raise refuse(where, side, f"{fitting} in an account with position_mode {mode!r}")
        if hedged.setdefault((row.account, row.instrument.name), side != "net") != (side != "net"):
            expected = (
                "'net' beside rows that are net" if side != "net" else "'long' or 'short' beside rows with a side"
            )
            raise refuse(where, side, expected, f"{row.instrument.name} is net or hedged, not both")


def _rows(positions: Iterable[Position], orders: Iterable[Order]) -> Iterable[tuple[str, Position | Order]]:
    yield from (("positions", position) for position in positions)
    yield from (("orders", order) for order in orders)


def check_frozen(market: Market, positions: Sequence[Position], orders: Sequence[Order]) -> None:
    """Refuse a missing leverage where what orders freeze hangs on it: then the collateral would be unknown.

    So it is of isolated orders with their positions; of cross orders with the positions of their groups where all that
    they reserve is frozen, or where the fees frozen are those of the dearer of two sides.
    """
    how, rules = market.rules.orders, market.rules
    if how.frozen == "none" or how.initial_margin == "none":
        return
    fees = how.opening_fee or (how.closing_fee and rules.initial.closing_fee != "none")
    looked_at = {"isolated"} if rules.initial_isolated.source == "usual" else set()
    if rules.initial.source == "usual" and (how.frozen == "all" or fees):
        looked_at.add("cross")
    for order in orders:
        if not counts(order, how) or order.margin_mode not in looked_at:
            continue
        if order.leverage is None:
            raise refuse(f"orders.leverage[{order.row}]", None, "a number above 0", "the venue freezes its margin")
        for position in positions:
            if position.leverage is None and _together(market, order, position):
                where = f"positions.leverage[{position.row}]"
                raise refuse(where, None, "a number above 0", "the venue freezes margin of orders with it")


def _together(market: Market, order: Order, position: Position) -> bool:
    """Whether an order and a position are in one group of the initial margin."""

    def place(entry: Order | Position) -> tuple[Any, ...]:
        legs = "each" if entry.margin_mode == "isolated" else market.rules.initial.legs
        side = entry.position_side if legs == "each" else None
        return entry.account, entry.instrument.name, entry.margin_mode, side

    return place(order) == place(position)
