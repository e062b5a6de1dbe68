"""What vouchers pay of an account's losses and fees: the purse of `Bonus`, made of a state and read back."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from crossmargin import _core as engine
from crossmargin._arguments import shown
from crossmargin.account.amounts import exact, in_steps, written
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossmargin.account.state import State
    from crossmargin.account.terms import Terms

Voucher = tuple[int, float | None, int | None]
"""Quanta, the share that it pays (``None``: the market's), and when it is void, in nanoseconds since 1970."""


class Vouchers(NamedTuple):
    """The vouchers of one asset in the order of use, and what was realised since one last paid, in quanta."""

    queue: tuple[Voucher, ...] = ()
    realized: int = 0


def vouchers_of(state: State, terms: Terms, asset: str) -> Vouchers:
    """Give the vouchers of an asset; a bonus that nobody took apart is one of them."""
    known = state.vouchers.get(asset)
    if known is not None:
        return known
    quanta = int(state.bonus(asset) / terms.quanta[asset])
    return Vouchers(((quanta, None, None),) if quanta else ())


FIELDS = ("amount", "paid_share", "expires")
_MOST_QUANTA = 10**37


def in_quanta(amount: Any, quantum: Fraction, direction: str | None, name: str, asset: str) -> int:
    """Take an amount that the owner gets in quanta."""
    given = exact(amount, name)
    what = f"{name} was {written(given)} {asset}"
    quanta = int(in_steps(given, quantum, direction, what) / quantum)
    if abs(quanta) >= _MOST_QUANTA:
        raise ArgumentError(f"{what}, which is more than can be counted: check the unit")
    return quanta


def voucher_of(row: Mapping[str, Any], name: str, quantum: Fraction, asset: str) -> Voucher:
    """Take a voucher as it is given: its amount, and optionally what it pays and when it is void."""
    quanta = in_quanta(row["amount"], quantum, None, f"{name}.amount", asset)
    if quanta <= 0:
        raise ArgumentError(f"{name}.amount was {shown(row['amount'])}, expected at least a quantum")
    share, expires = row.get("paid_share"), row.get("expires")
    if share is not None and not 0 < exact(share, f"{name}.paid_share") <= 1:
        raise ArgumentError(f"{name}.paid_share was {shown(share)}, expected a share above 0 and at most 1")
    time = None if expires is None else time_of(expires, f"{name}.expires")
    return quanta, None if share is None else float(share), time


def time_of(value: Any, name: str) -> int:
    """Take a time, in nanoseconds since 1970."""
    from crossmargin.monitor import moments  # noqa: PLC0415 - few vouchers have one

    return moments.time_of(value, name)


def purse_of(state: State, terms: Terms, asset: str) -> engine.Purse:
    """Make the purse of an asset: its own cash is what is not fenced, down to the quantum."""
    vouchers = vouchers_of(state, terms, asset)
    fenced = sum(
        (held.isolated_margin or Fraction(0))
        for key, held in state.positions.items()
        if key[2] == "isolated" and terms.contracts[key[0]].settle == asset
    )
    own = (state.cash.get(asset, Fraction(0)) - fenced) // terms.quanta[asset]
    # What was realised is booked before there is a voucher that could pay of it.
    purse = engine.Purse(terms.market._core, own - vouchers.realized, [])
    purse.flow("loss", vouchers.realized)
    for voucher in vouchers.queue:
        purse.grant(voucher)
    return purse


def keep(state: State, terms: Terms, asset: str, purse: engine.Purse) -> None:
    """Put what is left in a purse back into a state."""
    before = sum(quanta for quanta, *_ in vouchers_of(state, terms, asset).queue)
    state.vouchers[asset] = Vouchers(tuple(purse.vouchers()), purse.realized())
    state.lend(asset, (purse.bonus() - before) * terms.quanta[asset])


def pays(state: State, terms: Terms, asset: str) -> bool:
    """Say whether there are vouchers of an asset that the market knows what to do with."""
    return terms.has_bonus and bool(vouchers_of(state, terms, asset).queue)


def paid(state: State, terms: Terms, asset: str, kind: str, amount: Fraction) -> Fraction:
    """Let vouchers pay their part of a flow (positive for what the owner gets); give how much that is."""
    if not pays(state, terms, asset):
        return Fraction(0)
    purse = purse_of(state, terms, asset)
    _, change = purse.flow(kind, int(amount / terms.quanta[asset]))
    keep(state, terms, asset, purse)
    return -change * terms.quanta[asset]


def void_by_transfer(state: State, terms: Terms, asset: str, amount: Fraction) -> None:
    """Let the bonus of an asset go where taking its cash out forfeits it."""
    if not (amount > 0 and pays(state, terms, asset)):
        return
    quanta, queue = int(amount / terms.quanta[asset]), vouchers_of(state, terms, asset).queue
    purse = engine.Purse(terms.market._core, quanta, list(queue))
    if purse.transfer_out(quanta)[1]:
        state.vouchers[asset] = Vouchers()
        state.lend(asset, -state.bonus(asset))
