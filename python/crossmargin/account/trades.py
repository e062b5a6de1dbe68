"""What operations do to a state: fills, fences and fees, in exact numbers.

Every function changes the copy of a state that it is given, or raises. Whether a book of the outcome can be is the
engine's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossmargin.account.amounts import in_steps, to_decimal, written
from crossmargin.account.credit import paid
from crossmargin.account.errors import FundsError
from crossmargin.account.state import ZERO, Held, Key, State
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from crossmargin.account.terms import Contract, Terms


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a state is changed: the terms, how money is rounded, and the engine's word on a fence.

    ``fence_at_entry`` gives the cash that an isolated position of its own has by the market's rules when it is opened.
    """

    terms: Terms
    state: State
    direction: str | None
    fence_at_entry: Callable[[Key, Held], Fraction]

    def contract(self, key: Key) -> Contract:
        """Find the contract of a position."""
        return self.terms.contracts[key[0]]

    def held(self, key: Key) -> Held:
        """Find a position, its fence as a number where it has one."""
        held = self.state.positions.get(key)
        if held is None:
            raise ArgumentError(no_position(self.state, *key))
        if key[2] == "isolated" and held.isolated_margin is None:
            return held._replace(isolated_margin=self.fence_at_entry(key, held))
        return held

    def open(self, key: Key, added: Held) -> None:
        """Open a position, or add to it: the entry price is averaged, margins of isolated ones add up."""
        if key[2] == "isolated" and added.isolated_margin is None:
            added = added._replace(isolated_margin=self.fence_at_entry(key, added))
        elif key[2] != "isolated" and added.isolated_margin is not None:
            raise ArgumentError("isolated_margin was given for a cross position; say margin_mode='isolated'")
        if key in self.state.positions:
            held = self.held(key)
            if (held.quantity > 0) != (added.quantity > 0):
                cure = "use close(), flip(), or fill(), which reduces what it meets"
                raise ArgumentError(f"quantity was {written(added.quantity)}, against the position: {cure}")
            if held.leverage != added.leverage:
                cure = f"use set_leverage({key[0]!r}, ...) for all of it"
                raise ArgumentError(f"leverage was {added.leverage}, and the position has {held.leverage}: {cure}")
            contract = self.contract(key)
            entry = contract.average(held.quantity, held.entry_price, added.quantity, added.entry_price)
            added = held._replace(
                quantity=held.quantity + added.quantity,
                entry_price=entry,
                isolated_margin=_sum(held.isolated_margin, added.isolated_margin),
            )
        self._hold(key, added)

    def close(self, key: Key, quantity: Fraction, price: Fraction) -> Fraction:
        """Close a quantity (of the position's sign) at a price; give the profit or loss that was booked.

        Of an isolated position the same share of its margin goes back to the account's cash, more where a loss asks for
        more; the share is cut to the quantum, what is cut stays fenced.
        """
        held, contract = self.held(key), self.contract(key)
        exact = quantity * (contract.value(price) - contract.value(held.entry_price))
        pnl = self.book(contract.settle, exact, "realized_pnl")
        rest = held.quantity - quantity
        if held.isolated_margin is None:
            self._keep(key, held._replace(quantity=rest))
            return pnl
        fence = held.isolated_margin
        if pnl < 0 and -pnl > fence:
            cure = "it can lose no more than that; add_margin() first, or close it at a better price"
            message = f"closing {key[0]} loses {written(-pnl)} {contract.settle}, with {written(fence)} fenced: {cure}"
            raise FundsError(message, contract.settle, to_decimal(-pnl), to_decimal(fence))
        quantum = self.terms.quanta[contract.settle]
        back = in_steps(fence * quantity / held.quantity, quantum, "down", "share") if rest else fence
        self._keep(key, held._replace(quantity=rest, isolated_margin=fence - max(back, -pnl)))
        return pnl

    def book(self, asset: str, amount: Fraction, flow: str) -> Fraction:
        """Book an amount that the owner gets (negative: pays) as a flow, in steps of the asset."""
        name = flow.replace("_", " ")
        what = f"{name} was {written(abs(amount) if flow == 'fees' else amount)} {asset}"
        booked = in_steps(amount, self.terms.quanta[asset], self.direction, what)
        signed = -booked if flow == "fees" else booked
        kind = "fee" if flow == "fees" else "loss"
        by_bonus = paid(self.state, self.terms, asset, kind, booked)
        self.state.moved(asset, **{flow: signed, "bonus_paid": by_bonus, "remainder": amount - booked})
        return booked

    def fence(self, key: Key, change: Fraction) -> None:
        """Move cash of the account behind an isolated position, or back."""
        held = self.held(key)
        if held.isolated_margin is None:
            raise ArgumentError(f"{key[0]} is a cross position: the whole pool backs it; see set_margin_mode()")
        self._hold(key, held._replace(isolated_margin=held.isolated_margin + change))

    def free(self, asset: str) -> Fraction:
        """Give the cash of an asset that is not fenced, after every fence was made a number."""
        fenced = ZERO
        for key in list(self.state.positions):
            if key[2] == "isolated" and self.contract(key).settle == asset:
                held = self.held(key)
                self._hold(key, held)
                fenced += held.isolated_margin or ZERO
        return self.state.cash.get(asset, ZERO) - fenced

    def free_for(self, key: Key) -> Fraction | None:
        """Give the cash that a fence of a position can come from; ``None`` for a cross position, which has no fence."""
        return self.free(self.contract(key).settle) if key[2] == "isolated" else None

    def check_fences(self, asset: str, free: Fraction | None) -> None:
        """Refuse fences of an asset beyond the cash that was free."""
        if free is None:
            return
        left = self.free(asset)
        if left < min(free, ZERO):
            asked = free - left
            message = f"isolated margin takes {written(asked)} {asset} of {written(free)} that are not fenced yet"
            raise FundsError(f"{message}: deposit first", asset, to_decimal(asked), to_decimal(free))

    def _keep(self, key: Key, held: Held) -> None:
        if held.quantity == 0:
            del self.state.positions[key]
        else:
            self._hold(key, held)

    def _hold(self, key: Key, held: Held) -> None:
        self.state.positions[key] = held


def _sum(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a + b


def no_position(state: State, instrument: str, side: str | None = None, mode: str | None = None) -> str:
    """Say that there is no such position, and which there are."""
    asked = " ".join(word for word in (mode, side) if word is not None)
    there = ", ".join(" ".join((key[2], key[1], key[0])) for key in state.positions) or "none"
    return f"no position in {instrument}{f' ({asked})' if asked else ''}; there are: {there}"
