"""The rules, one function each, in plain arithmetic on one number type.

Prices are quote asset per base, quantities are contracts (long positive), amounts are in the settlement asset.
Requirements are never negative. No function here rounds, compares with a tolerance or knows a venue's name.
"""

import math
from collections.abc import Iterable

from crossmargin.reference.values import N


def unrealized_pnl(quantity: N, contract_size: N, entry_price: N, mark_price: N) -> N:
    """Profit or loss of a position if it were closed at the mark price.

    What the owner has gained (positive) or lost (negative) since entry, not yet in the wallet.

    Formula: ``quantity * contract_size * (mark - entry)``.

    Source: Binance support pages as of 2020 (github bradkyle/Qenv, ``logic/binance.md``); USD-M position sample in
    ccxt 4.5.90, ``parse_position_risk`` (0.2365 for 5 contracts from 2.3483 to 2.3956); read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> unrealized_pnl(Fraction(-2), Fraction(1), Fraction(100), Fraction(90))
    Fraction(20, 1)
    """
    return quantity * contract_size * (mark_price - entry_price)


def notional(quantity: N, contract_size: N, price: N) -> N:
    """Size of a position in money: what its contracts are worth at a price, whichever side it is on.

    Formula: ``|quantity| * contract_size * price``.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (margin requirement), read 2026-11-22.
    """
    return abs(quantity) * contract_size * price


def tier_number(size: N, floors: Iterable[N]) -> int:
    """Number of the tier (from 1) that a notional falls into.

    A larger position is harder to close, so the venue asks a higher rate of it. A notional exactly on a floor is in
    the upper tier; for a marginal table that choice does not matter for the requirement.

    Formula: the largest ``k`` with ``floor_k <= size``.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 and ccxt's reading of the brackets, read 2026-11-22.
    """
    number = 0
    for floor in floors:
        if floor > size:
            break
        number += 1
    return number


def maintenance_margin(size: N, rate: N, deduction: N) -> N:
    """What must remain behind a position for it to be left alone.

    Formula: ``rate * size - deduction``, with the rate and deduction of the tier of ``size``; each leg on its own,
    no netting between a long and a short leg or between positions.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (liquidation price, USD-M), read 2026-11-22. That legs are not
    netted is inferred from its separate rates and amounts for each leg.

    Examples
    --------
    >>> from fractions import Fraction
    >>> maintenance_margin(Fraction(100_000), Fraction("0.005"), Fraction(50))
    Fraction(450, 1)
    """
    return rate * size - deduction


def initial_margin(size: N, leverage: N | None) -> N | None:
    """What had to be there to open a position of this size with this leverage; unknown without a leverage.

    Formula: ``size / leverage``.

    Source: Binance API documentation of the USD-M account ("based on latest mark price") and FAQ
    4f83b65d83654b5e933f85ef12bf769d, read 2026-11-22.
    """
    return None if leverage is None else size / leverage


def isolated_cash(given: N | None, entry_notional: N, leverage: N | None) -> N:
    """Cash fenced for an isolated position: as stated, or the initial margin at its entry.

    All that the owner can lose with this position.

    Formula: ``isolated_margin``, else ``|quantity| * contract_size * entry / leverage``.

    Source: the isolated wallet of the Binance API, which is isolated margin less unrealised profit (position sample
    in nautilus_trader's test data), read 2026-11-22. The stand-in at entry is this library's own convention.
    """
    if given is not None:
        return given
    if leverage is None:
        raise ValueError("isolated_margin was absent, expected a number, or a leverage to derive it from")
    return entry_notional / leverage


def cross_cash(wallet_balance: N, fenced: Iterable[N]) -> N:
    """Cash of an account's cross pool: its wallet without what is fenced for isolated positions in that asset.

    Formula: ``wallet_balance - sum of the isolated cash``.

    Source: Binance API documentation (``crossWalletBalance`` beside ``balance``), read 2026-11-22.
    """
    cash = wallet_balance
    for part in fenced:
        cash = cash - part
    return cash


def equity(cash: N, pnl: N) -> N:
    """What the pool is worth now: its cash, and profit not yet taken, less losses not yet taken.

    Formula: ``cash + sum of unrealized_pnl``. Profit of one position so backs the others.

    Source: "margin balance" in Binance FAQ 360033525271, read 2026-11-22.
    """
    return cash + pnl


def excess(collateral_value: N, level: N, requirement: N) -> N:
    """How far the pool is above (or, negative, below) the point where the venue steps in.

    Formula: ``collateral_value - trigger level * maintenance_margin``.

    Source: the trigger of Binance FAQ b3c689c1f50a44cabb3a84e663b81d93, solved there for the price, read 2026-11-22.
    """
    return collateral_value - level * requirement


def liquidatable(excess_value: N, zero_fails: bool, n_positions: int) -> bool:
    """Whether the venue may liquidate the pool now.

    Formula: ``excess < 0``, or ``excess <= 0`` where a pool exactly at its trigger already fails; never without
    positions, because then there is nothing to close.

    Source: Binance FAQ 360033525271: liquidation when the margin ratio reaches 100 % (read 2026-11-22), so zero
    fails; the neutral rules liquidate only below maintenance.
    """
    if n_positions == 0:
        return False
    return excess_value <= 0 if zero_fails else excess_value < 0


def margin_ratio(collateral_value: N, requirement: N) -> N | float:
    """Collateral per unit of requirement: 2 and above healthy, near 1 about to be liquidated.

    Formula: ``collateral_value / maintenance_margin``; infinite where nothing is required.

    Source: the definition of this library; the inverse of Binance's display.
    """
    return math.inf if requirement == 0 else collateral_value / requirement


def venue_ratio(collateral_value: N, requirement: N, convention: str) -> N | float:
    """The same ratio as the venue shows it.

    Formula: ``equity_over_maintenance`` as `margin_ratio`; ``maintenance_over_equity``: ``maintenance / equity``, 0
    where nothing is required, infinite where something is required and no equity is left.

    Source: Binance FAQ 360033525271 (maintenance margin / margin balance), read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> venue_ratio(Fraction(200), Fraction(50), "maintenance_over_equity")
    Fraction(1, 4)
    """
    if convention == "equity_over_maintenance":
        return margin_ratio(collateral_value, requirement)
    if requirement == 0:
        return requirement
    return math.inf if collateral_value <= 0 else requirement / collateral_value


def free_margin(collateral_value: N, required: N | None) -> N | None:
    """Collateral that no position claims; negative when positions claim more than there is.

    Formula: ``collateral_value - initial_margin``; unknown where the initial margin is.

    Source: the definition of this library.
    """
    return None if required is None else collateral_value - required


def available(collateral_value: N, required: N | None, zero: N) -> N | None:
    """What can back new positions: profit counts, and it is never below zero.

    Formula: ``max(0, collateral_value - initial_margin)``.

    Source: the Binance FAQ quoted in dev.binance.vision thread 17078, read 2026-11-22.
    """
    return None if required is None else max(zero, collateral_value - required)


def withdrawable(cash: N, pnl: N, required: N | None, zero: N) -> N | None:
    """What can leave the pool: a profit not yet taken stays, a loss counts at once.

    Formula: ``max(0, min(cash, cash + min(unrealized_pnl, 0) - initial_margin))``.

    Source: inferred from the meaning of ``maxWithdrawAmount`` in the Binance API documentation, read 2026-11-22.
    """
    if required is None:
        return None
    return max(zero, min(cash, cash + min(pnl, zero) - required))
