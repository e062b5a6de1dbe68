"""Tables of tiers: what a rate is by size. Five laws, three units of bounds, and who owns an exact bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from crossmargin.reference import parse
from crossmargin.reference.parse import Table
from crossmargin.reference.values import exact, not_negative, positive, refuse

DEDUCTION_TOLERANCE = Fraction(1, 10**12)
"""A published deduction is the derived one, rounded, when they differ by no more than this, relatively."""

ZERO_TOLERANCE = Fraction(1, 10**9)
"""And by no more than this where the derived one is zero."""

LAWS = ("marginal", "flat", "list", "arithmetic", "half_of_max_leverage")
"""How the rates of a table apply, as `read_table` tells."""


@dataclass(frozen=True)
class Tier:
    """One row of a table: from ``floor`` on, ``maintenance_rate * notional - deduction``.

    ``initial_rate`` is the published one, or else one over the largest leverage; None where the table has neither.
    """

    floor: Fraction
    maintenance_rate: Fraction
    deduction: Fraction
    max_leverage: Fraction | None = None
    initial_rate: Fraction | None = None


@dataclass(frozen=True)
class TierTable:
    """A table: its law, its tiers from the lowest floor up, the unit of its bounds and the cap on a position.

    ``at_floor`` says to which tier a size exactly on a floor belongs: the ``higher`` or the ``lower``.
    """

    name: str
    law: str
    tiers: tuple[Tier, ...]
    cap: Fraction | None = None
    bounds: str = "quote"
    at_floor: str = "higher"


def read_table(name: str, table: Table) -> TierTable:
    """Read one ``[tiers.<name>]``.

    The law ``marginal`` derives its deductions (and becomes ``list`` where published ones disagree); ``flat`` has
    none; ``list`` keeps the published ones; ``half_of_max_leverage`` is marginal with rates of half of one over the
    largest leverage; ``arithmetic`` is flat with levels at regular distances, an exact bound in the lower level, and
    ends where its last level does unless a cap is given.
    """
    where = f"tiers.{name}"
    law = parse.choice(table, "law", where, LAWS)
    bounds = parse.choice(table, "bounds", where, ("quote", "settle", "contracts"))
    at_floor = parse.choice(table, "at_floor", where, ("higher", "lower"))
    cap = parse.number(table, "cap", where, positive)
    if law == "arithmetic":
        law, at_floor = "flat", "lower"
        tiers = arithmetic_levels(parse.section(table, "arithmetic"), f"{where}.arithmetic")
        if cap is None:
            base, increment = (exact(table["arithmetic"][key]) for key in ("base", "increment"))
            cap = base + (len(tiers) - 1) * increment
    else:
        law, tiers = _read_columns(table, where, law)
    if cap is not None and cap <= tiers[-1].floor:
        raise refuse(f"{where}.cap", table["cap"], "a number above the last floor")
    return TierTable(name, law, tiers, cap, bounds, at_floor)


def arithmetic_levels(entry: Table, where: str) -> tuple[Tier, ...]:
    """Return the levels of an arithmetic table.

    Level 1 reaches up to ``base``, each further level is ``increment`` wide and adds a step to the rates; the rate of
    the level is paid on the whole position.

    Formula: ``floor_k = base + (k - 2) * increment`` for ``k > 1``; ``rate_k = rate + (k - 1) * step``, maintenance
    and initial alike.

    Source: MEXC, "What are futures risk limits" (mexc.com/learn/article/17827791517711): level 1 if the exposure is
    at most the base, else ``ceil((exposure - base) / increment) + 1``; read 2026-11-22.
    """
    levels = parse.count(entry, "levels", where)
    if not levels:
        raise refuse(f"{where}.levels", entry.get("levels"), "a whole number above 0")
    base, increment = (positive(entry.get(key, 0), f"{where}.{key}") for key in ("base", "increment"))
    rate = parse.fraction(entry.get("maintenance_rate"), f"{where}.maintenance_rate")
    step = not_negative(entry.get("maintenance_step", 0), f"{where}.maintenance_step")
    first = parse.number(entry, "initial_rate", where, parse.fraction)
    initial_step = not_negative(entry.get("initial_step", 0), f"{where}.initial_step")
    if rate + (levels - 1) * step > 1:
        raise refuse(f"{where}.maintenance_step", step, "rates between 0 and 1 at every level")
    return tuple(
        Tier(
            floor=Fraction(0) if level == 0 else base + (level - 1) * increment,
            maintenance_rate=rate + level * step,
            deduction=Fraction(0),
            initial_rate=None if first is None else first + level * initial_step,
        )
        for level in range(levels)
    )


def _read_columns(table: Table, where: str, law: str) -> tuple[str, tuple[Tier, ...]]:
    floors = parse.column(table, "floor", where, not_negative)
    parse.rising(floors, f"{where}.floor")
    leverages = _optional(table, "max_leverage", where, floors)
    if law == "half_of_max_leverage":
        rates = [half_of_max_leverage(leverage, where) for leverage in leverages]
    else:
        rates = parse.column(table, "maintenance_rate", where, not_negative)
    initial = _optional(table, "initial_rate", where, floors)
    given = parse.column(table, "deduction", where, exact) if "deduction" in table else None
    for key, values in (("maintenance_rate", rates), ("deduction", given)):
        _same_length(where, key, values, floors)
    for index, rate in enumerate(rates):
        if rate > 1:
            raise refuse(f"{where}.maintenance_rate[{index}]", rate, "a fraction between 0 and 1")
    law, deductions = _deductions(where, law, floors, rates, given)
    tiers = []
    for index, floor in enumerate(floors):
        if rates[index] * floor < deductions[index]:
            raise refuse(f"{where}.deduction[{index}]", deductions[index], "a deduction not above rate times floor")
        leverage = leverages[index]
        tiers.append(Tier(floor, rates[index], deductions[index], leverage, initial_rate(initial[index], leverage)))
    return law, tuple(tiers)


def _optional(table: Table, key: str, where: str, floors: Sequence[Fraction]) -> Sequence[Fraction | None]:
    if key not in table:
        return [None] * len(floors)
    values = parse.column(table, key, where, positive)
    _same_length(where, key, values, floors)
    return values


def _same_length(where: str, key: str, values: Sequence[object] | None, floors: Sequence[Fraction]) -> None:
    if values is not None and len(values) != len(floors):
        raise refuse(f"{where}.{key}", f"{len(values)} values", f"{len(floors)} values, one per floor")


def half_of_max_leverage(leverage: Fraction | None, where: str = "tiers") -> Fraction:
    """Return the maintenance rate of a tier whose venue states only a largest leverage.

    It depends on the contract, not on the leverage that the owner chose.

    Formula: ``1 / (2 * max_leverage)``.

    Source: Hyperliquid documentation, "Margining": the maintenance margin is half of the initial margin at the
    largest leverage; read 2026-11-22.

    Examples
    --------
    >>> half_of_max_leverage(Fraction(50))
    Fraction(1, 100)
    """
    if leverage is None:
        raise refuse(f"{where}.max_leverage", None, "a largest leverage per floor")
    return 1 / (2 * leverage)


def initial_rate(given: Fraction | None, leverage: Fraction | None) -> Fraction | None:
    """Return a tier's initial rate: as published, or else one over its largest leverage.

    Source: the tables of Bybit's risk limits, whose ``initialMargin`` is one over ``maxLeverage``, rounded (BTCUSDT of
    2026-08); read 2026-11-22.
    """
    if given is not None:
        return given
    return None if leverage is None else 1 / leverage


def derive_deductions(floors: Sequence[Fraction], rates: Sequence[Fraction]) -> list[Fraction]:
    """Return the deduction ("maintenance amount") of each tier of a marginal table.

    Each slice of the notional pays the rate of its own tier, as with income tax: entering a higher tier never makes
    the part below it dearer. The deduction is what makes the short form ``rate * notional - deduction`` say that.

    Formula: ``d_1 = 0``, ``d_k = d_(k-1) + floor_k * (rate_k - rate_(k-1))``.

    Source: Binance FAQ, "Liquidation Price of USD-M Futures Contracts" (b3c689c1f50a44cabb3a84e663b81d93), read
    2026-11-22; all 2,456 tier steps of freqtrade's ``binance_leverage_tiers.json`` of October 2024 satisfy it.

    Examples
    --------
    >>> [int(d) for d in derive_deductions([Fraction(0), Fraction(50_000)], [Fraction("0.004"), Fraction("0.005")])]
    [0, 50]
    """
    deductions = [Fraction(0)]
    for k in range(1, len(floors)):
        deductions.append(deductions[k - 1] + floors[k] * (rates[k] - rates[k - 1]))
    return deductions


def _deductions(
    where: str,
    law: str,
    floors: Sequence[Fraction],
    rates: Sequence[Fraction],
    given: Sequence[Fraction] | None,
) -> tuple[str, Sequence[Fraction]]:
    """Choose the deductions that count: derived, none (flat), or the published ones where they disagree (list)."""
    if law == "list":
        if given is None:
            raise refuse(f"{where}.deduction", None, "a deduction per tier for law 'list'")
        return law, given
    if law == "flat":
        if given is not None and any(given):
            raise refuse(f"{where}.deduction", "given", "no deduction for law 'flat'", 'use law = "list"')
        return law, [Fraction(0)] * len(floors)
    derived = derive_deductions(floors, rates)
    if given is None or all(_close(a, b) for a, b in zip(given, derived, strict=True)):
        return "marginal", derived
    return "list", given


def _close(given: Fraction, derived: Fraction) -> bool:
    if derived == 0:
        return abs(given) <= ZERO_TOLERANCE
    return abs(given - derived) <= DEDUCTION_TOLERANCE * max(abs(given), abs(derived))
