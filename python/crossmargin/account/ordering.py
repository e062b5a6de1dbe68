"""Operations on open orders of an account."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import is_whole, shown
from crossmargin.account.amounts import exact, positive, to_decimal, written
from crossmargin.account.state import ZERO, Placed
from crossmargin.account.trading import Trading
from crossmargin.errors import ArgumentError, OrderError

if TYPE_CHECKING:
    from decimal import Decimal

    from crossmargin.orders import Verdict

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""

_CLOSING = (("long", False), ("short", True))
"""Orders of a leg that can only close it: sells of the long one, buys of the short one."""


class Ordering(Trading):
    """What orders go through."""

    __slots__ = ()

    def place(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        price: Number = None,
        *,
        leverage: Number = None,
        margin_mode: str | None = None,
        position_side: str | None = None,
        trigger_price: Number = None,
        reduce_only: bool = False,
        check: bool = False,
    ) -> int:
        """Place an order. Whether and how it counts is the market's rule.

        Parameters
        ----------
        instrument : str
            Name or alias.
        quantity : number
            Bought positive, sold negative.
        price : number, optional
            Its limit, quote per base; without one it is valued at the mark.
        leverage, margin_mode, position_side
            As of `open`.
        trigger_price : number, optional
            The price that it waits for; without one it is active.
        reduce_only : bool
            Whether it may only reduce.
        check : bool
            Whether to refuse it where it does not fit, as `check` decides.

        Returns
        -------
        int
            Its ``order_id``, counted from 1.

        Raises
        ------
        ArgumentError, BookError
            For what is no order.
        OrderError
            For one that does not fit, with ``check=True``; ``.verdict`` says why not.
        MissingPriceError
            With ``check=True``, before the first mark of what is held and ordered.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("binance-usdm"), {"USDT": 500})
        >>> account.mark({"BTCUSDT": 60_000})
        >>> account.place("BTCUSDT", "0.1", 59_000, leverage=10, check=True)
        Traceback (most recent call last):
            ...
        crossmargin.errors.OrderError: the order was refused for margin: it takes 590, there is 500, short of 90
        >>> account.place("BTCUSDT", "0.1", 59_000, leverage=20, check=True)
        1
        """
        order = self._order_of(
            instrument,
            quantity,
            price,
            leverage=leverage,
            margin_mode=margin_mode,
            position_side=position_side,
            trigger_price=trigger_price,
            reduce_only=reduce_only,
        )
        if _flag(check, "check"):
            verdict = self._verdict(order)
            if not verdict:
                raise OrderError(_refusal(verdict), verdict)
        state = self._state.copy()
        number = state.next_order
        state.orders[number] = order
        state.next_order = number + 1
        self._commit(state)
        return number

    def _order_of(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        price: Number,
        *,
        leverage: Number,
        margin_mode: str | None,
        position_side: str | None,
        trigger_price: Number,
        reduce_only: bool,
    ) -> Placed:
        """Read an order, completed by what the account holds and has set."""
        contract = self._terms.contract(instrument)
        key = self._key_of(contract.name, position_side, margin_mode)
        return Placed(
            contract.name,
            self._lots(exact(quantity, "quantity"), contract, self._direction),
            None if price is None else positive(price, "price"),
            self._leverage(self._state, key, leverage),
            key[2],
            key[1],
            None if trigger_price is None else positive(trigger_price, "trigger_price"),
            _flag(reduce_only, "reduce_only"),
        )

    def _verdict(self, order: Placed) -> Verdict:
        """Decide whether an order fits."""
        from crossmargin.orders import check_order  # noqa: PLC0415 - trading does without

        return self._asked(
            check_order,
            order.instrument,
            float(order.quantity),
            None if order.price is None else float(order.price),
            account=self._state.key,
            leverage=order.leverage,
            margin_mode=order.margin_mode,
            position_side=order.position_side,
            reduce_only=order.reduce_only,
            trigger_price=None if order.trigger_price is None else float(order.trigger_price),
        )

    def cancel(self, order_id: int) -> None:
        """Cancel an order.

        Parameters
        ----------
        order_id : int
            What `place` gave.

        Raises
        ------
        ArgumentError
            For an order that is not open.
        """
        self._order(order_id)
        state = self._state.copy()
        del state.orders[order_id]
        self._commit(state)

    def cancel_all(self, instrument: str | None = None) -> int:
        """Cancel all orders, or those of one instrument.

        Parameters
        ----------
        instrument : str, optional
            Name or alias.

        Returns
        -------
        int
            How many there were.
        """
        name = None if instrument is None else self._terms.contract(instrument).name
        state = self._state.copy()
        state.orders = {number: order for number, order in state.orders.items() if name not in (None, order.instrument)}
        cancelled = len(self._state.orders) - len(state.orders)
        self._commit(state)
        return cancelled

    def execute(
        self,
        order_id: int,
        quantity: Number = None,
        *,
        price: Number = None,
        fee: Number = None,
        round: str | None = None,
    ) -> Decimal:
        """Fill an open order, or part of it; what is left of it stays open.

        An order that may only reduce fills no more than there is to reduce, and is gone then.

        Parameters
        ----------
        order_id : int
            What `place` gave.
        quantity : number, optional
            How much of it, positive; by default all.
        price : number, optional
            Price of the fill, quote per base; by default its limit, else the mark.
        fee : number or {"taker", "maker"}, optional
            What the fill costs in the settlement asset (negative: a rebate), or the rate of the account's profile.
        round : {"down", "up", "nearest"}, optional
            Where to go with amounts that are no multiple of the quantum.

        Returns
        -------
        decimal.Decimal
            The profit or loss that was booked, without the fee.

        Raises
        ------
        ArgumentError
            For an order that is not open, and more than is left of it.
        FundsError, BookError, MissingPriceError
            As `fill`.
        """
        order, desk = self._order(order_id), self._desk(round)
        contract, key = (
            self._terms.contracts[order.instrument],
            (order.instrument, order.position_side, order.margin_mode),
        )
        size = abs(order.quantity)
        if quantity is not None:
            size = self._lots(positive(quantity, "quantity"), contract, desk.direction)
        if size > abs(order.quantity):
            raise ArgumentError(
                f"quantity was {written(size)}, and {written(abs(order.quantity))} is left of the order"
            )
        left = order._replace(quantity=order.quantity - (size if order.quantity > 0 else -size))
        if order.reduce_only or (order.position_side, order.quantity > 0) in _CLOSING:
            held = desk.state.positions.get(key)
            against = held is not None and (held.quantity > 0) != (order.quantity > 0)
            size, left = min(size, abs(held.quantity) if held and against else ZERO), left._replace(quantity=ZERO)
        desk.state.orders[order_id] = left
        if not left.quantity:
            del desk.state.orders[order_id]
        if not size:
            self._commit(desk.state)
            return to_decimal(ZERO)
        at, free = self._at(contract, order.price if price is None else price, "price"), desk.free_for(key)
        pnl = self._net(desk, key, size if order.quantity > 0 else -size, at, order.leverage)
        self._charge(desk, contract, size, at, fee)
        self._done(desk, key, free)
        return to_decimal(pnl)

    def _order(self, order_id: int) -> Placed:
        order = self._state.orders.get(order_id) if is_whole(order_id) else None
        if order is None:
            there = ", ".join(map(str, self._state.orders)) or "none"
            raise ArgumentError(f"order_id was {shown(order_id)}, which is not open; open orders: {there}")
        return order


def _refusal(verdict: Verdict) -> str:
    """Say why an order is refused."""
    reason = verdict.reason.replace("_", " ")
    if verdict.reason != "margin":
        return f"the order was refused for {reason}"
    taken = f"it takes {verdict.cost:.12g}, there is {verdict.available:.12g}, short of {verdict.short:.12g}"
    return f"the order was refused for {reason}: {taken}"


def _flag(value: object, name: str) -> bool:
    try:
        return bool(value)
    except (TypeError, ValueError):  # an array of several
        raise ArgumentError(f"{name} was {shown(value)}, expected True or False") from None
