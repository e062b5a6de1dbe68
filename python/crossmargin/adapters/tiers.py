"""Tier tables of venues: floors that follow from caps, and bounds whose unit is said."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from crossmargin.errors import ArgumentError
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crossmargin.market import Market

BOUNDS = ("quote", "settle", "contracts")
"""What `Market.with_tiers` takes floors and caps in."""

_COLUMNS = ("instrument", "floor", "cap", "maintenance_rate", "max_leverage", "deduction", "contract_size")
_WIDEST_GAP = 1
"""Venues that write whole numbers let a tier begin one above the end of the one before."""


class Tier(NamedTuple):
    """One tier as a venue writes it."""

    floor: Fraction | None
    cap: Fraction | None
    maintenance_rate: Fraction
    max_leverage: Fraction | None = None
    deduction: Fraction | None = None


class Tiers:
    """Tier tables of some instruments, each with the unit that its bounds are in.

    Made by the functions ``tiers`` of `crossmargin.adapters`. Tiers are half-open at their caps: each begins where the
    one before ends, whatever the venue writes as its lower bound, so that tables in whole numbers have no gaps.

    Attributes
    ----------
    notes : tuple of str
        What was assumed.

    Examples
    --------
    >>> import crossmargin as xm
    >>> rows = [
    ...     {"symbol": "X/USDT:USDT", "minNotional": 0, "maxNotional": 5e3, "maintenanceMarginRate": 0.01},
    ...     {"symbol": "X/USDT:USDT", "minNotional": 5e3, "maxNotional": 9e3, "maintenanceMarginRate": 0.02},
    ... ]
    >>> tiers = xm.adapters.ccxt.tiers({"X/USDT:USDT": rows}, bounds="quote")
    >>> tiers
    Tiers(1 instrument, bounds in quote)
    >>> tiers.onto(xm.load_market("binance-usdm")).tiers("XUSDT")["deduction"].tolist()
    [0.0, 50.0]
    """

    def __init__(self, rows: Mapping[str, list[dict[str, Any]]], notes: Iterable[str] = ()) -> None:
        self._rows = {unit: list(of_unit) for unit, of_unit in rows.items() if of_unit}
        self.notes = tuple(dict.fromkeys(notes))

    @property
    def bounds(self) -> tuple[str, ...]:
        """The units that occur, of ``"quote"``, ``"settle"`` and ``"contracts"``."""
        return tuple(self._rows)

    def frame(self, bounds: str | None = None) -> Table:
        """Give the tables whose bounds are in one unit, as `Market.with_tiers` takes them.

        Parameters
        ----------
        bounds : {"quote", "settle", "contracts"}, optional
            Which; may be left out where only one occurs.

        Returns
        -------
        Table
            A row per tier: ``instrument``, ``floor``, ``cap``, ``maintenance_rate``, ``max_leverage``, ``deduction``
            and, where the source tells, ``contract_size``.

        Raises
        ------
        ArgumentError
            For a unit that does not occur, and for none where several do.
        """
        if bounds is None and len(self._rows) == 1:
            bounds = self.bounds[0]
        if bounds not in self._rows:
            raise ArgumentError(f"bounds was {bounds!r}, expected one of {', '.join(map(repr, self.bounds)) or 'none'}")
        rows = self._rows[bounds]
        said = [name for name in _COLUMNS if any(row.get(name) is not None for row in rows)]
        return Table({name: [row.get(name) for row in rows] for name in said})

    def onto(self, market: Market) -> Market:
        """Lay the tables over a market: `Market.with_tiers` with each unit in turn.

        Parameters
        ----------
        market : Market
            Whose law applies where the tables have no deductions (``[tier_defaults]``).

        Returns
        -------
        Market
            A new one.
        """
        for unit in self.bounds:
            market = market.with_tiers(self.frame(unit).to_dict(), bounds=unit)
        return market

    def __len__(self) -> int:
        return len({row["instrument"] for rows in self._rows.values() for row in rows})

    def __repr__(self) -> str:
        n = len(self)
        return f"Tiers({n:,} instrument{'s' * (n != 1)}, bounds in {' and '.join(self.bounds) or 'nothing'})"


def ladder(
    instrument: str, tiers: Sequence[Tier], place: str, *, scale: Fraction = Fraction(1), size: Fraction | None = None
) -> list[dict[str, Any]]:
    """Write one table's rows: in order, from 0, each beginning where the one before ends.

    Parameters
    ----------
    instrument : str
        Name or ccxt symbol.
    tiers : sequence of Tier
        As the venue writes them, in any order.
    place : str
        Where they are from, for messages.
    scale : Fraction
        What floors, caps and deductions are multiplied with.
    size : Fraction, optional
        Contract size, for an instrument that the market may not have.
    """
    if not tiers:
        raise ArgumentError(f"{place} was empty, expected at least one tier")
    ordered = sorted(tiers, key=lambda tier: (tier.cap is None, tier.cap or 0))
    if ordered[0].deduction is None and any(tier.deduction is not None for tier in ordered):
        ordered[0] = ordered[0]._replace(deduction=Fraction(0))  # venues leave it empty there
    rows: list[dict[str, Any]] = []
    end = Fraction(0)
    for at, tier in enumerate(ordered):
        gap = Fraction(0) if tier.floor is None else tier.floor - end
        if not 0 <= gap <= _WIDEST_GAP:
            told = (
                f"{place}[{at}] began at {float(tier.floor or 0):,.10g}, but the one before ended at {float(end):,.10g}"
            )
            raise ArgumentError(f"{told}: give a table without gaps and overlaps, and its bounds in one unit")
        if tier.cap is None and at + 1 < len(ordered):
            raise ArgumentError(f"{place} had two tiers without an upper end: give each its own")
        rows.append(
            {
                "instrument": instrument,
                "floor": float(end * scale),
                "cap": None if tier.cap is None else float(tier.cap * scale),
                "maintenance_rate": float(tier.maintenance_rate),
                "max_leverage": None if tier.max_leverage is None else float(tier.max_leverage),
                "deduction": None if tier.deduction is None else float(tier.deduction * scale),
                "contract_size": None if size is None else float(size),
            }
        )
        end = tier.cap if tier.cap is not None else end
    return rows
