"""Why a figure of a venue may differ from ours: hypotheses, each tested on the numbers.

Each takes the reported row with ours beside it and gives a cause with its detail, or ``None`` where it does not
explain the difference to within the digits that are written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.rounding import round_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from crossmargin.reconciliation.figures import Figures

Row = dict[str, Any]
Found = tuple[str, str]

EQUAL = "equal"
ROUNDING = "rounding"
STALE_MARK = "stale mark"
UNCONFIRMED = "stale mark (unconfirmed)"
"""One figure implies the mark and no second one agrees: it counts as unexplained."""

ENTRY_PRICE = "entry price"
PROFIT_TWICE = "unrealised PnL counted twice"
FEE = "fee"
TIER = "other tier table"
LEVERAGE = "other leverage"
FENCED = "fenced margin"
FOLLOWS = "follows"
NOT_COMPUTED = "not computed here"
UNEXPLAINED = "unexplained"

_ROUNDINGS = ("truncate", "half_up", "floor", "ceiling")
_SHOWN = {"truncate": "truncated", "half_up": "rounded to nearest", "floor": "rounded down", "ceiling": "rounded up"}
_WITH_PROFIT = ("wallet_balance", "equity", "collateral_value", "available", "free_margin", "excess", "withdrawable")
_MARGINS = ("initial_margin", "maintenance_margin")
_WORDS = {"wallet_balance": "cash", "equity": "equity"}
_GRID = 100_000
"""Rates of venues are multiples of 0.00001."""

_CLEAR = 0.01
"""A number that falls on a grid tells something where the digits written leave at most this part of a step open."""

_MOST_LOST = 0.01
"""Rounding is no cause where it takes more of a value than this: so few digits tell nothing."""

_OF_SUM = 1e-8
"""What a small difference of large numbers may miss of these: a profit of two digits is not off where they agree."""

KNOWN_DIGITS = {"accountMMRate": 1e-4, "accountIMRate": 1e-4}
"""Last digits of keys that are truncated there and written without zeros at the end: ``0.03`` is ``0.0300``."""

_LARGEST_FEE = Fraction(15, 10_000)
_NOISE = 64.0 * 2.0**-52


@dataclass(frozen=True)
class Case:
    """One reported figure beside ours, at one set of prices."""

    row: Row
    figures: Figures
    ours: float
    step: float

    @property
    def theirs(self) -> float:
        """What the venue reported."""
        return float(self.row["theirs"])

    @property
    def field(self) -> str:
        """What it is a figure of."""
        return str(self.row["field"])

    @property
    def terms(self) -> int:
        """How many figures it adds up, each of which may have been rounded."""
        return max(1, len(self.figures.positions_of(self.row)))

    @property
    def slack(self) -> float:
        """How far doubles may be off."""
        if not math.isfinite(self.theirs):
            return 0.0
        ours = abs(self.ours) if math.isfinite(self.ours) else 0.0
        return _NOISE * max(ours, abs(self.theirs), 0.0 if self._is_rate else self.figures.gross(self.row))

    @property
    def _is_rate(self) -> bool:
        return self.field.endswith(("_ratio", "_rate"))

    def meets(self, value: float, terms: int = 1) -> bool:
        """Say whether a value is what the venue wrote, to within its last digit, which is not most of it."""
        off = abs(self.theirs - value)
        return math.isfinite(off) and off <= self.slack + terms * self.step and self.keeps(value)

    def keeps(self, value: float) -> bool:
        """Say whether what the venue wrote has enough digits of a value to tell it from others."""
        off = abs(self.theirs - value)
        if off <= self.slack:
            return True
        of_sum = _OF_SUM * self.figures.gross(self.row) if self.field in (*_WITH_PROFIT, "unrealized_pnl") else 0.0
        return off <= max(_MOST_LOST * abs(value), of_sum)

    def tells(self, value: float, terms: int = 1) -> bool:
        """Say whether a value is what the venue wrote, and can be told from ours by the digits that are written."""
        apart = not math.isfinite(self.ours) or abs(value - self.ours) > terms * self.step
        return apart and self.meets(value, terms)

    def held(self) -> list[Row]:
        """Give the positions that the figure is of."""
        return self.figures.positions_of(self.row)


def equal(case: Case) -> Found | None:
    """Test whether they are one number."""
    if case.theirs == case.ours:
        return EQUAL, ""
    both = math.isfinite(case.theirs) and math.isfinite(case.ours)
    return (EQUAL, "") if both and abs(case.theirs - case.ours) <= case.slack else None


def rounding(case: Case) -> Found | None:
    """Test whether ours, rounded to the venue's last digit, is theirs; of sums, to one digit for each term."""
    if not math.isfinite(case.ours):
        return None
    if str(case.row["key"]) in KNOWN_DIGITS:
        return _truncated(case)
    if not case.keeps(case.ours):
        return None
    for step in sorted({case.step, case.row["coarse"]}):
        unit = Fraction(f"{step:.12g}").as_integer_ratio()
        for how in _ROUNDINGS:
            if abs(float(round_to(case.ours, unit, how)) - case.theirs) <= case.slack:
                return ROUNDING, f"{_SHOWN[how]} to {step:g}"
    if case.meets(case.ours, case.terms):
        n = case.terms
        return ROUNDING, f"within {n} x {case.step:g}, the last digit"
    return None


def _truncated(case: Case) -> Found | None:
    """Test whether ours, cut where the venue is known to cut, is theirs."""
    unit = Fraction(f"{case.step:.12g}").as_integer_ratio()
    noise = case.slack
    cut = (float(round_to(ours, unit, "truncate")) for ours in (case.ours, case.ours - noise, case.ours + noise))
    if any(abs(value - case.theirs) <= noise for value in cut):
        return ROUNDING, f"truncated to {case.step:g}"
    return None


def profit_twice(case: Case) -> Found | None:
    """Test whether one of the two has the unrealised profit once more than the other."""
    if case.field not in _WITH_PROFIT:
        return None
    profit = sum(position["unrealized_pnl"] for position in case.held())
    if not math.isfinite(profit) or abs(profit) <= 10 * case.step:
        return None
    if case.tells(case.ours - profit, case.terms + 1):
        return PROFIT_TWICE, f"ours has {profit:,.10g} more: in the balance already, or left out of theirs"
    if case.tells(case.ours + profit, case.terms + 1):
        return PROFIT_TWICE, f"theirs has {profit:,.10g} more, the profit"
    return None


def fenced(case: Case) -> Found | None:
    """Test whether one of the two has the cash of isolated positions in it and the other has not."""
    if case.field not in _WITH_PROFIT:
        return None
    pools = case.figures.isolated_pools(case.row)
    for field in ("wallet_balance", "equity"):
        cash = sum(pool[field] for pool in pools)
        if not math.isfinite(cash) or abs(cash) <= 10 * case.step:
            continue
        for sign, told in ((1, "theirs has"), (-1, "ours has")):
            if case.tells(case.ours + sign * cash, len(pools) + case.terms):
                return FENCED, f"{told} {cash:,.10g} of isolated {_WORDS[field]} in it"
    return None


def fee(case: Case) -> Found | None:
    """Test whether a closing fee at the market's taker rates is in one of the two."""
    if case.field not in _MARGINS:
        return None
    difference = case.theirs - case.ours
    for base, amount in _fee_bases(case):
        for rate in case.figures.book.market.profiles["taker"].tolist():
            if rate and case.tells(case.ours + math.copysign(rate * amount, difference), case.terms):
                return FEE, f"{_side(difference)} {_percent(rate)} of {base}, to close"
    return None


def any_fee(case: Case) -> Found | None:
    """Test whether a fee of any round rate is in one of the two."""
    if case.field not in _MARGINS:
        return None
    difference = case.theirs - case.ours
    for base, amount in _fee_bases(case):
        if math.isnan(difference) or case.step * case.terms / amount > _CLEAR / _GRID:
            continue
        rate = Fraction(round(abs(difference) / amount * _GRID), _GRID)
        if 0 < rate <= _LARGEST_FEE and case.tells(case.ours + math.copysign(float(rate) * amount, difference)):
            return FEE, f"{_side(difference)} {_percent(float(rate))} of {base}"
    return None


def _percent(rate: float) -> str:
    return f"{100 * rate:.4g}%"


def _side(difference: float) -> str:
    return "theirs has" if difference > 0 else "ours has"


def _fee_bases(case: Case) -> list[tuple[str, float]]:
    """Give the notionals that fees to close are charged on: at mark, and at the price where the margin is used up."""
    held = case.held()
    bankrupt = 0.0
    for position in held:
        leverage = position["notional"] / position["initial_margin"] if position["initial_margin"] else math.nan
        sign = 1.0 if position["quantity"] > 0 else -1.0
        bankrupt += position["notional"] * (1 - sign / leverage) if leverage else math.nan
    bases = [
        ("notional", sum(position["notional"] for position in held)),
        ("notional if bankrupt", bankrupt),
    ]
    return [(name, amount) for name, amount in bases if math.isfinite(amount) and amount > 0]


def tier(case: Case) -> Found | None:
    """Test whether theirs is another tier of the table, or another round rate on the whole notional."""
    held = case.held()
    if case.row["level"] != "position" or len(held) != 1 or not held[0]["notional"] > 0:
        return None
    notional = held[0]["notional"]
    if case.field == "maintenance_rate":
        row = {**case.row, "theirs": case.theirs * notional, "field": "maintenance_margin"}
        case = Case(row, case.figures, case.ours * notional, case.step * notional)
    if case.field != "maintenance_margin":
        return None
    for entry in case.figures.book.market.tiers(held[0]["instrument"]).rows():
        if entry["bounds"] != "contracts" and case.tells(entry["maintenance_rate"] * notional - entry["deduction"]):
            return TIER, f"theirs by tier {entry['tier']} of our table, ours {held[0]['tier']}"
    return _other_rate(case, notional)


def _other_rate(case: Case, notional: float) -> Found | None:
    """Test whether theirs is a round rate, or half of one over a whole leverage, of the notional."""
    if case.step / notional > _CLEAR / _GRID or not case.theirs > 0:
        return None
    ours = f"ours {_percent(case.ours / notional)}"
    rate = Fraction(round(case.theirs / notional * _GRID), _GRID)
    if 0 < rate < 1 and case.tells(float(rate) * notional):
        return TIER, f"theirs {_percent(float(rate))} of notional, {ours}"
    largest = round(notional / case.theirs / 2)
    if largest and case.tells(notional / (2 * largest)):
        return TIER, f"theirs half of 1/{largest} of notional, {ours}"
    return None


def leverage(case: Case) -> Found | None:
    """Test whether theirs is the notional over another leverage."""
    held = case.held()
    if case.field != "initial_margin" or case.row["level"] != "position" or len(held) != 1 or not case.theirs > 0:
        return None
    notional = held[0]["notional"]
    found = round(notional / case.theirs)
    if not found or found * case.step / case.theirs > _CLEAR or not case.tells(notional / found):
        return None
    known = math.isfinite(case.ours) and case.ours > 0
    ours = f"ours {notional / case.ours:.6g}x" if known else "ours is unknown"
    return LEVERAGE, f"theirs {found}x, {ours}"


HYPOTHESES: tuple[Callable[[Case], Found | None], ...] = (
    equal,
    rounding,
    profit_twice,
    fee,
    tier,
    any_fee,
    leverage,
    fenced,
)
"""In the order in which they are tried; the first that holds is the likely cause."""


def likely(case: Case) -> Found | None:
    """Give the first cause that explains a figure at these prices; of what is no number, only that it is the same."""
    if not math.isfinite(case.theirs):
        return equal(case)
    return next((found for test in HYPOTHESES if (found := test(case)) is not None), None)
