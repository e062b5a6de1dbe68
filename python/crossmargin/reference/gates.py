"""The rules of what is asked before a trade: admission of orders, limits of size and leverage, and the bonus."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import parse
from crossmargin.reference.parse import Table
from crossmargin.reference.values import refuse

ONE = Fraction(1)

LIMIT_LEGS = ("same", "net", "long_plus_short", "larger_side")
LIMIT_ORDERS = ("none", "sum", "worst_fill", "larger_side")
FLOWS = ("losses", "funding", "fees")
"""What a bonus may pay."""


@dataclass(frozen=True)
class AdmissionRules:
    """How one more order is judged.

    ``basis`` says what it needs: what it would reserve beside the other open orders, or what its fill would.
    ``test`` says what that must fit into, and ``reduce_only`` whether a reducing order that exceeds the position is
    judged too.
    """

    basis: str = "reserve"
    test: str = "available"
    reduce_only: str = "free"


@dataclass(frozen=True)
class LimitRules:
    """How much counts against the largest position and leverage: which legs, with which of the orders.

    ``legs`` is an arrangement, never ``same``; ``leverage`` says whether a tier limits it (``tier``, ``none``).
    """

    legs: str = "each"
    orders: str = "worst_fill"
    leverage: str = "tier"


@dataclass(frozen=True)
class BonusRules:
    """What the venue's credit pays, in which order, and when it ends."""

    counts_as_margin: bool = False
    pays: tuple[str, ...] = ()
    spent: str = "bonus_first"
    paid_share: Fraction = ONE
    only_losses_beyond_profit: bool = False
    forfeited_on_transfer: bool = False
    expires_days: int | None = None


def read_admission(entry: Table, orders: str) -> AdmissionRules:
    """Read ``[admission]``; where orders reserve nothing an order is judged by its fill."""
    usual = "fill" if orders == "none" else "reserve"
    basis = parse.choice(entry, "basis", "admission", ("reserve", "fill"), usual)
    if basis == "reserve" and orders == "none":
        raise refuse("admission.basis", basis, "'fill' where orders.initial_margin is 'none'")
    return AdmissionRules(
        basis=basis,
        test=parse.choice(entry, "test", "admission", ("available", "free_margin")),
        reduce_only=parse.choice(entry, "reduce_only", "admission", ("free", "checked")),
    )


def read_limits(source: Table, charged: Any, orders: Any) -> LimitRules:
    """Read ``[limits]`` of cross positions.

    Parameters
    ----------
    source : mapping
        The market file.
    charged : RequirementRule
        The rule that charges maintenance.
    orders : OrderRules
        How orders enter margins.
    """
    entry = parse.section(source, "limits")
    own = charged.legs if charged.tier_legs in ("same", "underlying") else charged.tier_legs
    legs = _legs(entry, "limits", charged.legs) if "legs" in entry else own
    return LimitRules(legs, _orders(entry, legs, orders), parse.choice(entry, "leverage", "limits", ("tier", "none")))


def read_isolated_limits(source: Table, cross: LimitRules, orders: Any) -> LimitRules:
    """Read ``[limits.isolated]``: what is said for isolated positions stands before what is said for all."""
    entry: dict[str, Any] = dict(parse.section(source, "limits"))
    own = parse.section(source, "limits", "isolated")
    entry.pop("isolated", None)
    entry |= own
    legs = _legs(entry, "limits.isolated", "each")
    return LimitRules(legs, _orders(entry, legs, orders), cross.leverage)


def _legs(entry: Mapping[str, Any], where: str, same: str) -> str:
    chosen = parse.choice(entry, "legs", where, LIMIT_LEGS)
    return same if chosen == "same" else chosen


def _orders(entry: Mapping[str, Any], legs: str, orders: Any) -> str:
    """Orders as said; else as they pick the tier, as they enter the initial margin, or as they fill to the worst.

    There is no larger side of legs that are added: said, it is refused; as a default it is the worst fill.
    """
    said = [mode for mode in (orders.tier_basis, orders.initial_margin) if mode != "none"]
    usual = said[0] if said else "worst_fill"
    if usual == "larger_side" and legs == "long_plus_short":
        usual = "worst_fill"
    chosen = parse.choice(entry, "orders", "limits", LIMIT_ORDERS, usual)
    if chosen == "larger_side" and legs == "long_plus_short":
        raise refuse("limits.orders", chosen, "another mode where the limits add the legs")
    return chosen


def read_bonus(entry: Table) -> BonusRules:
    """Read ``[bonus]``."""
    pays = entry.get("pays", ())
    for kind in pays:
        parse.one_of(kind, "bonus.pays", FLOWS)
    return BonusRules(
        counts_as_margin=parse.flag(entry, "counts_as_margin", "bonus"),
        pays=tuple(kind for kind in FLOWS if kind in pays),
        spent=parse.choice(entry, "spent", "bonus", ("bonus_first", "own_first")),
        paid_share=parse.number(entry, "paid_share", "bonus", parse.fraction, 1) or Fraction(0),
        only_losses_beyond_profit=parse.flag(entry, "only_losses_beyond_profit", "bonus"),
        forfeited_on_transfer=parse.flag(entry, "forfeited_on_transfer", "bonus"),
        expires_days=parse.count(entry, "expires_days", "bonus"),
    )
