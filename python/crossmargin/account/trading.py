"""Operations on positions of an account."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.account.amounts import exact, in_steps, positive, to_decimal, written
from crossmargin.account.moving import Moving
from crossmargin.account.reading import check_leg
from crossmargin.account.state import ZERO, Held, Key
from crossmargin.account.terms import states_fees
from crossmargin.account.views import Position
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from crossmargin.account.state import State
    from crossmargin.account.terms import Contract
    from crossmargin.account.trades import Desk

Number = Any
"""An int, float, `decimal.Decimal`, `fractions.Fraction`, or text that writes a decimal."""


class Trading(Moving):
    """What positions go through."""

    __slots__ = ()

    def open(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        *,
        entry_price: Number = None,
        leverage: Number = None,
        margin_mode: str | None = None,
        position_side: str | None = None,
        isolated_margin: Number = None,
        fee: Number = None,
        round: str | None = None,
    ) -> Position:
        """Open a position, or add to one: the entry price becomes the average, weighted with the quantities.

        Of an inverse contract, one over the entry price is averaged. Whether the account can afford it is not asked
        here: see `free_margin` after it.

        Parameters
        ----------
        instrument : str
            Name or alias.
        quantity : number
            Long positive; a multiple of the lot, where the market states one.
        entry_price : number, optional
            Price of the fill, quote per base; by default the mark.
        leverage : number, optional
            By default that of the position, else what `set_leverage` said, else unknown: then initial margins are NaN.
        margin_mode : {"cross", "isolated"}, optional
            By default that of the position, else the account's.
        position_side : {"net", "long", "short"}, optional
            Which leg, in hedge mode; by default the one that is there, else net.
        isolated_margin : number, optional
            Cash to fence for an isolated position, in the settlement asset; by default what the market's rules fence at
            entry, up to the next quantum.
        fee : number or {"taker", "maker"}, optional
            What the fill costs in the settlement asset (negative: a rebate), or the rate of the account's profile.
        round : {"down", "up", "nearest"}, optional
            Where to go with amounts that are no multiple of the quantum.

        Returns
        -------
        Position
            A handle, which reads what the account holds when it is asked.

        Raises
        ------
        ArgumentError
            For a quantity against the position, another leverage than it has, and what is no number.
        FundsError
            For isolated margin beyond the cash that is not fenced yet.
        BookError
            For what cannot be, such as a position beyond the cap of its tiers.
        """
        contract, given = self._terms.contract(instrument), exact(quantity, "quantity")
        desk = self._desk(round)
        amount = self._lots(given, contract, desk.direction)
        key = self._key_of(contract.name, position_side, margin_mode)
        price = self._at(contract, entry_price, "entry_price")
        fence = self._fence(isolated_margin, contract, desk)
        held = Held(amount, price, self._leverage(desk.state, key, leverage), fence)
        free = desk.free_for(key)
        desk.open(key, held)
        self._charge(desk, contract, abs(amount), price, fee)
        return self._done(desk, key, free)

    def close(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number = None,
        *,
        price: Number = None,
        fee: Number = None,
        position_side: str | None = None,
        margin_mode: str | None = None,
        round: str | None = None,
    ) -> Decimal:
        """Close a position, or part of it: profit or loss is realised to the wallet, in the settlement asset.

        ``realized_pnl = quantity * (x(price) - x(entry))``. Of an isolated position the same share of its margin goes
        back to the account's cash; the fee is paid from there.

        Parameters
        ----------
        instrument : str
            Name or alias.
        quantity : number, optional
            How much of it, positive; by default all.
        price : number, optional
            Price of the fill, quote per base; by default the mark.
        fee : number or {"taker", "maker"}, optional
            What the fill costs in the settlement asset (negative: a rebate), or the rate of the account's profile.
        position_side, margin_mode : str, optional
            Which position, where the instrument has several.
        round : {"down", "up", "nearest"}, optional
            Where to go with a profit or fee that is no multiple of the quantum.

        Returns
        -------
        decimal.Decimal
            The profit or loss that was booked, without the fee.

        Raises
        ------
        ArgumentError
            For a position that is not there, more than there is, and amounts that are no multiple of the quantum.
        FundsError
            For a loss beyond the margin of an isolated position.
        MissingPriceError
            For no price where there is no mark either.
        """
        key, desk = self._find(instrument, position_side, margin_mode), self._desk(round)
        contract, held = desk.contract(key), desk.held(key)
        at = self._at(contract, price, "price")
        part = abs(held.quantity) if quantity is None else positive(quantity, "quantity")
        if part > abs(held.quantity):
            raise ArgumentError(f"quantity was {written(part)}, and the position is {written(abs(held.quantity))}")
        if part != abs(held.quantity):
            part = self._lots(part, contract, desk.direction)
        free = desk.free_for(key)
        pnl = desk.close(key, part if held.quantity > 0 else -part, at)
        self._charge(desk, contract, part, at, fee)
        self._done(desk, key, free)
        return to_decimal(pnl)

    def flip(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number = None,
        *,
        price: Number = None,
        fee: Number = None,
        margin_mode: str | None = None,
        isolated_margin: Number = None,
        round: str | None = None,
    ) -> Position:
        """Close a net position and open the opposite one at the same price, in one step.

        Parameters
        ----------
        instrument : str
            Name or alias.
        quantity : number, optional
            Size of the new position, positive; by default that of the old one.
        price : number, optional
            Price of the fills, quote per base; by default the mark.
        fee : number or {"taker", "maker"}, optional
            What both fills cost in the settlement asset, or the rate of the account's profile.
        margin_mode : {"cross", "isolated"}, optional
            Which position, where there are both; the new one has its mode and leverage.
        isolated_margin : number, optional
            Cash to fence for the new position, as of `open`.
        round : {"down", "up", "nearest"}, optional
            Where to go with amounts that are no multiple of the quantum.

        Returns
        -------
        Position
            The new position.

        Raises
        ------
        ArgumentError, FundsError, BookError
            As `close` and `open`; nothing is closed where the new position is refused.
        """
        key, desk = self._find(instrument, "net", margin_mode), self._desk(round)
        contract, held = desk.contract(key), desk.held(key)
        at = self._at(contract, price, "price")
        size = abs(held.quantity)
        if quantity is not None:
            size = self._lots(positive(quantity, "quantity"), contract, desk.direction)
        free = desk.free_for(key)
        desk.close(key, held.quantity, at)
        fence = self._fence(isolated_margin, contract, desk)
        desk.open(key, Held(-size if held.quantity > 0 else size, at, held.leverage, fence))
        self._charge(desk, contract, abs(held.quantity) + size, at, fee)
        return self._done(desk, key, free)

    def fill(  # noqa: PLR0913 - by keyword only
        self,
        instrument: str,
        quantity: Number,
        *,
        price: Number = None,
        leverage: Number = None,
        fee: Number = None,
        margin_mode: str | None = None,
        position_side: str | None = None,
        round: str | None = None,
    ) -> Decimal:
        """Trade as the venue nets: a fill reduces what it meets, and what is left of it opens.

        Parameters
        ----------
        instrument : str
            Name or alias.
        quantity : number
            Bought positive, sold negative.
        price : number, optional
            Price of the fill, quote per base; by default the mark.
        leverage, margin_mode, position_side
            As of `open`.
        fee : number or {"taker", "maker"}, optional
            What the fill costs in the settlement asset (negative: a rebate), or the rate of the account's profile.
        round : {"down", "up", "nearest"}, optional
            Where to go with amounts that are no multiple of the quantum.

        Returns
        -------
        decimal.Decimal
            The profit or loss that was booked, without the fee: 0 where nothing was reduced.

        Raises
        ------
        ArgumentError, FundsError, BookError, MissingPriceError
            As `close` and `open`.
        """
        contract, desk = self._terms.contract(instrument), self._desk(round)
        amount = self._lots(exact(quantity, "quantity"), contract, desk.direction)
        key = self._key_of(contract.name, position_side, margin_mode)
        at, free = self._at(contract, price, "price"), desk.free_for(key)
        pnl = self._net(desk, key, amount, at, leverage)
        self._charge(desk, contract, abs(amount), at, fee)
        self._done(desk, key, free)
        return to_decimal(pnl)

    def set_leverage(self, instrument: str, leverage: Number) -> None:
        """Choose the leverage of an instrument: of its positions and orders, and of those to come.

        Margin that is fenced for isolated positions stays as it is.

        Parameters
        ----------
        instrument : str
            Name or alias.
        leverage : number
            Positive.
        """
        name, chosen = self._terms.contract(instrument).name, float(positive(leverage, "leverage"))
        desk = self._desk(None)
        desk.free(desk.terms.contracts[name].settle)
        state = desk.state
        state.leverages[name] = chosen
        for key, held in state.positions.items():
            if key[0] == name:
                state.positions[key] = held._replace(leverage=chosen)
        for number, order in state.orders.items():
            if order.instrument == name:
                state.orders[number] = order._replace(leverage=chosen)
        self._commit(state)

    def _net(self, desk: Desk, key: Key, amount: Fraction, at: Fraction, leverage: Number) -> Fraction:
        """Reduce what a fill meets, and open with the rest; give what was realised."""
        pnl, rest = ZERO, amount
        held = desk.state.positions.get(key)
        if held is not None and (held.quantity > 0) != (amount > 0):
            part = min(abs(amount), abs(held.quantity))
            signed = part if held.quantity > 0 else -part
            pnl, rest = desk.close(key, signed, at), amount + signed
            leverage = held.leverage if leverage is None else leverage
        if rest:
            desk.open(key, Held(rest, at, self._leverage(desk.state, key, leverage)))
        return pnl

    def _done(self, desk: Desk, key: Key, free: Fraction | None) -> Position:
        desk.check_fences(desk.contract(key).settle, free)
        self._commit(desk.state)
        return Position(self, key)

    def _key_of(self, name: str, side: str | None, mode: str | None) -> Key:
        """Complete the key of a position by the one that is there."""
        check_leg(side, mode)
        found = [
            key for key in self._state.positions if key[0] == name and side in (None, key[1]) and mode in (None, key[2])
        ]
        if len(found) > 1:
            return self._find(name, side, mode)
        return found[0] if found else (name, side or "net", mode or self._mode)

    def _leverage(self, state: State, key: Key, given: Number) -> float | None:
        if given is not None:
            return float(positive(given, "leverage"))
        held = state.positions.get(key)
        return state.leverages.get(key[0]) if held is None else held.leverage

    def _at(self, contract: Contract, price: Number, name: str) -> Fraction:
        """Take the price of a fill: the one given, or the mark; nothing else stands in for it."""
        return exact(self._mark_of(contract.name), "mark") if price is None else positive(price, name)

    def _fence(self, margin: Number, contract: Contract, desk: Desk) -> Fraction | None:
        if margin is None:
            return None
        return self._amount(margin, contract.settle, desk.direction, "isolated_margin")

    @staticmethod
    def _lots(quantity: Fraction, contract: Contract, direction: str | None) -> Fraction:
        """Give a quantity in lots; a direction is toward less or more of it."""
        if quantity == 0:
            raise ArgumentError("quantity was 0, expected something to trade")
        what = f"quantity was {written(quantity)} {contract.name}"
        size = in_steps(abs(quantity), contract.lot, direction, what)
        if size == 0:
            raise ArgumentError(f"{what}, which is less than a lot of {written(contract.lot)}")
        return size if quantity > 0 else -size

    def _charge(self, desk: Desk, contract: Contract, quantity: Fraction, price: Fraction, fee: Number) -> None:
        """Book the fee of a fill; one by rate is on ``quantity * |x(price)|``, less the discount of the profile."""
        if fee is None:
            return
        if isinstance(fee, str) and fee in ("taker", "maker"):
            profile = self._state.profile.get("profile") or self._terms.default_profile
            if not states_fees(self.market):
                raise ArgumentError(f"fee was {fee!r}, and {self.market.id!r} states no trading fees: give an amount")
            rates = self._terms.fees.get(profile, {})
            rate = exact(rates.get(fee), f"the {fee} rate of {profile!r}")
            if rate > 0:  # a rebate is not discounted
                rate *= 1 - exact(rates.get("discount", 0), "discount")
            amount = quantity * abs(contract.value(price)) * rate
        else:
            amount = exact(fee, "fee")
        desk.book(contract.settle, -amount, "fees")
