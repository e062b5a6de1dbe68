"""How a venue shows figures: amounts at a number of decimals, prices at the tick. No rule ever rounds."""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from crossmargin.reference.values import parsed, positive, refuse

STEPS: dict[str, Callable[[Fraction], int]] = {
    "truncate": math.trunc,
    "floor": math.floor,
    "ceiling": math.ceil,
    "half_up": lambda steps: int(math.copysign(1, steps)) * math.floor(abs(steps) + Fraction(1, 2)),
    "half_even": round,
}
"""To a whole number of steps: toward zero, down, up, to the nearest (a half away from zero, or to the even one)."""


def round_amount(value: float | Decimal | Fraction, decimals: int, rounding: str = "truncate") -> Decimal:
    """Round an amount to a number of decimals.

    Formula: ``step * steps(value / step)`` with ``step = 10^-decimals``.

    Source: Binance truncates at 8 decimals, inferred from its published samples (11.954764755 is shown as
    11.95476475, ccxt 4.5.90, ``parse_account_position``; read 2026-11-22).

    Examples
    --------
    >>> round_amount(Fraction("-0.125"), 2, "half_even")
    Decimal('-0.12')
    """
    if rounding not in STEPS:
        raise refuse("rounding", rounding, " or ".join(map(repr, STEPS)))
    units = STEPS[rounding](parsed(value, "value") * 10**decimals)
    return Decimal((int(units < 0), Decimal(abs(units)).as_tuple().digits, -decimals))


def truncate(value: float | Decimal | Fraction, decimals: int = 8) -> Decimal:
    """Cut an amount toward zero to a number of decimals, as `round_amount` does by itself.

    Formula: ``sign(v) * floor(|v| * 10^decimals) / 10^decimals``.

    Source: as `round_amount`.

    Examples
    --------
    >>> truncate(Fraction("11.954764755"))
    Decimal('11.95476475')
    >>> truncate(Fraction(-1, 3), 2)
    Decimal('-0.33')
    """
    return round_amount(value, decimals)


def round_price(
    price: float | Decimal | Fraction, tick: float | Decimal | Fraction, rounding: str, side: str
) -> Fraction:
    """Round a price of a position to the tick; ``adverse`` is up for a long and down for a short.

    A liquidation or bankruptcy price rounded so is reached a little earlier: the venue is on the safe side.

    Formula: ``tick * steps(price / tick)``.

    Source: Bybit help, archive 900000031623 (7735.372549 is shown as 7735.50 at a tick of 0.5) and ccxt 4.5.90,
    ``parse_position`` (913.105 as 913.15 at 0.05): longs up; that shorts go down is inferred; read 2026-11-22.

    Examples
    --------
    >>> round_price(Fraction("7735.372549"), 0.5, "adverse", "long")
    Fraction(15471, 2)
    """
    if rounding == "adverse":
        rounding = "ceiling" if side == "long" else "floor"
    step = positive(tick, "tick")
    return step * STEPS[rounding](parsed(price, "price") / step)
