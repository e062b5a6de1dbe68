"""What an account holds, in exact numbers, and the rows of a book that say it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossmargin.account.credit import Vouchers

ZERO = Fraction(0)

MODES = ("cross", "isolated")
SIDES = ("net", "long", "short")

Key = tuple[str, str, str]
"""Instrument, position side and margin mode: what tells the positions of an account apart."""


class Held(NamedTuple):
    """A position. ``isolated_margin`` is ``None`` for a cross one, and where a book left it to follow from leverage."""

    quantity: Fraction
    entry_price: Fraction
    leverage: float | None = None
    isolated_margin: Fraction | None = None
    tier_version: str | None = None
    tier: float | None = None


class Placed(NamedTuple):
    """An open order."""

    instrument: str
    quantity: Fraction
    price: Fraction | None = None
    leverage: float | None = None
    margin_mode: str = "cross"
    position_side: str = "net"
    trigger_price: Fraction | None = None
    reduce_only: bool = False


class Flow(NamedTuple):
    """What has moved of an asset since the account was made: its wallet balance is their sum, exactly.

    ``wallet_balance = opening + deposited - withdrawn + realized_pnl - fees + bonus_paid``. ``remainder`` is what
    rounding took from the owner (negative: gave), so that ``realized_pnl - fees + remainder`` is what prices and rates
    say. ``bonus_paid`` is what vouchers paid of losses and fees.
    """

    opening: Fraction = ZERO
    deposited: Fraction = ZERO
    withdrawn: Fraction = ZERO
    realized_pnl: Fraction = ZERO
    fees: Fraction = ZERO
    bonus_paid: Fraction = ZERO
    remainder: Fraction = ZERO


@dataclass(slots=True)
class State:
    """Everything that operations change. A state in use is never changed: an operation works on a copy."""

    key: int | str
    cash: dict[str, Fraction]
    credit: Mapping[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """Bonus and debt by asset."""
    positions: dict[Key, Held] = field(default_factory=dict)
    orders: dict[int, Placed] = field(default_factory=dict)
    leverages: dict[str, float] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    """The row of the table of accounts, without the key."""
    next_order: int = 1
    vouchers: dict[str, Vouchers] = field(default_factory=dict)
    """Bonus by asset as the vouchers that it is of, where it is not one of the market's share."""

    def copy(self) -> State:
        """Give a state to work on."""
        return replace(
            self,
            cash=dict(self.cash),
            positions=dict(self.positions),
            orders=dict(self.orders),
            leverages=dict(self.leverages),
            flows=dict(self.flows),
            vouchers=dict(self.vouchers),
        )

    def bonus(self, asset: str) -> Fraction:
        """Give the bonus in an asset."""
        return self.credit.get(asset, (ZERO, ZERO))[0]

    def lend(self, asset: str, bonus: Fraction) -> None:
        """Add to the bonus in an asset, or take from it."""
        before, borrowed = self.credit.get(asset, (ZERO, ZERO))
        self.credit = {**self.credit, asset: (before + bonus, borrowed)}
        self.moved(asset)

    def moved(self, asset: str, **amounts: Fraction) -> None:
        """Book flows of an asset, and what they are together on its cash."""
        flow = self.flows.get(asset, Flow())
        flow = flow._replace(**{name: getattr(flow, name) + amount for name, amount in amounts.items()})
        self.flows[asset] = flow
        traded = flow.realized_pnl - flow.fees + flow.bonus_paid
        self.cash[asset] = flow.opening + flow.deposited - flow.withdrawn + traded

    def tables(self) -> dict[str, Any]:
        """Give the rows of a book: every number as the nearest double."""
        tables: dict[str, Any] = {"balances": self._balances()}
        if self.positions:
            tables["positions"] = self._positions()
        if self.orders:
            tables["orders"] = self._orders()
        if self.profile:
            tables["accounts"] = {"account": [self.key], **{name: [value] for name, value in self.profile.items()}}
        return tables

    def _balances(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {
            "account": [self.key] * len(self.cash),
            "asset": list(self.cash),
            "wallet_balance": [float(amount) for amount in self.cash.values()],
        }
        if self.credit:
            both = [self.credit.get(asset, (ZERO, ZERO)) for asset in self.cash]
            for place, name in enumerate(("bonus", "borrowed")):
                if any(pair[place] for pair in both):
                    columns[name] = [float(pair[place]) for pair in both]
        return columns

    def _positions(self) -> dict[str, list[Any]]:
        held = self.positions.values()
        columns: dict[str, list[Any]] = {
            "account": [self.key] * len(held),
            "instrument": [key[0] for key in self.positions],
            "quantity": [float(each.quantity) for each in held],
            "entry_price": [float(each.entry_price) for each in held],
            "leverage": [each.leverage for each in held],
            "position_side": [key[1] for key in self.positions],
            "margin_mode": [key[2] for key in self.positions],
        }
        if any(each.isolated_margin is not None for each in held):
            columns["isolated_margin"] = [
                None if each.isolated_margin is None else float(each.isolated_margin) for each in held
            ]
        for name in ("tier_version", "tier"):
            values = [getattr(each, name) for each in held]
            if any(value is not None for value in values):
                columns[name] = values
        return columns

    def _orders(self) -> dict[str, list[Any]]:
        placed = self.orders.values()
        columns: dict[str, list[Any]] = {"account": [self.key] * len(placed)}
        columns |= {name: [getattr(each, name) for each in placed] for name in Placed._fields}
        for name in ("quantity", "price", "trigger_price"):
            columns[name] = [None if value is None else float(value) for value in columns[name]]
        if not any(value is not None for value in columns["trigger_price"]):
            del columns["trigger_price"]
        return columns
