"""How the orders of a group may fill: what there is then, at full value or over leverages, and which fees it costs."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from crossmargin.reference.values import N


@dataclass(frozen=True)
class Sides(Generic[N]):
    """What a group amounts to by side: its legs, and its orders that count."""

    long: N
    short: N
    buys: N
    sells: N

    @property
    def net(self) -> N:
        """Long less short."""
        return self.long - self.short


@dataclass(frozen=True)
class Opening(Generic[N]):
    """Which parts of the buys and of the sells open or enlarge a position; the rest closes one."""

    buys: N
    sells: N


@dataclass(frozen=True)
class Fill(Generic[N]):
    """One way in which the orders of a group may fill: what there is then, and the parts of the fees that it costs.

    ``buys`` and ``sells`` are fractions of the fees of all buys and of all sells.
    """

    amount: N
    buys: N
    sells: N


def opening_share(against: Fraction, ordered: Fraction) -> Fraction:
    """Part of the orders of one side that opens: what is beyond the position that they would close.

    Formula: ``max(0, ordered - max(0, against)) / ordered``, quantities in contracts, ``against`` the position that
    the orders would close (below zero where they add to it); 0 without orders.

    Source: Bybit help, "Order Cost" (orders that do not increase a position need no initial margin); Binance FAQ
    4f83b65d83654b5e933f85ef12bf769d (orders that reduce cost nothing until they exceed the position); read 2026-11-22.

    Examples
    --------
    >>> opening_share(Fraction(10), Fraction(40))
    Fraction(3, 4)
    >>> opening_share(Fraction(10), Fraction(4)), opening_share(Fraction(-10), Fraction(4))
    (Fraction(0, 1), Fraction(1, 1))
    """
    if not ordered:
        return Fraction(0)
    return max(Fraction(0), ordered - max(Fraction(0), against)) / ordered


def fills(  # noqa: PLR0913, PLR0917
    legs: str, orders: str, hedged: bool, full: Sides[N], opens: Opening[N], one: N, over: Sides[N] | None = None
) -> list[Fill[N]]:
    """Return the ways in which the orders of one group may fill; the dearest of them is what the group requires.

    ``each`` and ``net`` look at the net position (a group of one leg has nothing to net), ``long_plus_short`` at both
    legs added, ``larger_side`` at the larger leg. Orders count not at all (``none``), as far as they open (``sum``),
    those that would fill to the worst (``worst_fill``), or added to the side that they enlarge (``larger_side``). A
    net position can be turned by its orders, so at the worst only its buys or only its sells fill, and what merely
    closes costs no fee. The orders of a side of a hedge all open, and can all fill.

    Formula, amounts, with ``P = long - short`` and buys ``b`` and sells ``a``; ``b'`` and ``a'`` are ``b`` and ``a``
    times their parts in ``opens`` (1 for a hedge); without orders ``H = |P|``, ``long + short`` or
    ``max(long, short)``:

    * none: ``H``; sum: ``H + b' + a'``.
    * worst_fill: net, or hedged and netted: ``|P + b|`` and ``|P - a|``; hedged, larger_side: ``long + b`` and
      ``short + a``; hedged otherwise ``long + b + short + a``.
    * larger_side: net, or hedged and netted: ``max(P, 0) + b'`` and ``max(-P, 0) + a'``; hedged otherwise
      ``long + b`` and ``short + a``.

    With ``over``, the sides with every position and order over its own leverage, the amounts are made of that. Where
    orders turn a net position it is what is left at full value that counts: of the position, at its share of margin
    ``|P_over| / |P|``, or of the orders, at theirs: ``|P| + b`` where buys add, else of ``V = P + b`` what is below
    zero at the position's share and what is above at that of the buys; sells in mirror image.

    Parts of the fees: of the orders that fill, what opens; of those that turn a net position under worst_fill
    ``max(0, P + b) / b`` (a short, at most 1) and ``max(0, a - P) / a`` (a long, at most 1), by value.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (worst fill; in hedge mode each side with its own orders);
    Bybit, "Risk Limit" (larger side) and "Order Cost" (only what opens costs margin and fees); WEEX support
    24780414317593 (net) and 5491591989785 (long and short are added for the tier); read 2026-11-22. That fees are of
    the part that opens, and that what is left of a turned position keeps its leverage, is inferred.

    Examples
    --------
    >>> whole, full = Opening(1.0, 1.0), Sides(100.0, 0.0, 20.0, 150.0)
    >>> [fill.amount for fill in fills("net", "worst_fill", False, full, whole, 1.0)]
    [120.0, 50.0]
    >>> [round(fill.sells, 3) for fill in fills("net", "worst_fill", False, full, whole, 1.0)]
    [0.0, 0.333]
    >>> over = Sides(5.0, 0.0, 2.0, 30.0)  # the position at twenty-fold, buys at ten-fold, sells at five-fold
    >>> [fill.amount for fill in fills("net", "worst_fill", False, full, whole, 1.0, over)]
    [7.0, 10.0]
    """
    zero, at = one - one, over or full
    netted = legs == "net" or not hedged
    opens = Opening(one, one) if hedged else opens
    buys, sells = at.buys * opens.buys, at.sells * opens.sells
    if orders == "worst_fill" and netted:
        buying, selling = ((over.net, over.buys), (-over.net, over.sells)) if over else (None, None)
        return [
            Fill(_turned(full.net, full.buys, buying), _by_value(-full.net, full.buys, one), zero),
            Fill(_turned(-full.net, full.sells, selling), zero, _by_value(full.net, full.sells, one)),
        ]
    if orders == "larger_side" and netted:
        return [
            Fill(max(at.net, zero) + buys, opens.buys, zero),
            Fill(max(-at.net, zero) + sells, zero, opens.sells),
        ]
    if orders == "larger_side" or (orders == "worst_fill" and legs == "larger_side"):
        return [Fill(at.long + at.buys, one, zero), Fill(at.short + at.sells, zero, one)]
    if orders == "worst_fill":
        return [Fill(at.long + at.buys + at.short + at.sells, one, one)]
    held = {"long_plus_short": at.long + at.short, "larger_side": max(at.long, at.short)}.get(legs, abs(at.net))
    if orders == "sum":
        return [Fill(held + buys + sells, opens.buys, opens.sells)]
    return [Fill(held, zero, zero)]


def _turned(held: N, added: N, over: tuple[N, N] | None) -> N:
    """Return what there is once orders are added to a position that they enlarge (``held`` above zero) or turn."""
    left = held + added
    if over is None:
        return abs(left)
    held_over, added_over = over
    if held >= 0 or not added:
        return abs(held_over) + added_over
    return abs(left) * (abs(held_over) / abs(held)) if left <= 0 else left * (added_over / added)


def _by_value(against: N, size: N, one: N) -> N:
    """Part of orders that opens, by value: beyond the position against them (positive), or all where there is none."""
    zero = one - one
    if size == 0 or against <= 0:
        return one if size != 0 else zero
    return max(zero, size - against) / size
