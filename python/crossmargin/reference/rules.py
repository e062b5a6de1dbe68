"""The rules of one contract and of one pool, one function each, in plain arithmetic on one number type.

Prices are quote asset per base, quantities are contracts (long positive), amounts are in the settlement asset.
Requirements are never negative. No function here rounds, compares with a tolerance or knows a venue's name.
"""

import math
from collections.abc import Callable, Iterable

from crossmargin.reference.values import N


def contract_value(payoff: str, contract_size: N, multiplier: N, price: N) -> N:
    """Value of one contract at a price, in the settlement asset, up to a constant: what its profit is measured in.

    A linear contract is worth its base units at the price. A quanto contract pays a fixed amount of the settlement
    asset per unit of quote. An inverse contract is a fixed amount of quote, bought or sold with the coin: the dearer
    the coin, the less coin it is, hence the sign.

    Formula: linear ``size * price``; quanto ``size * multiplier * price``; inverse ``-size / price``.

    Source: Binance support pages as of 2020 (github bradkyle/Qenv, ``logic/binance.md``): profit of an inverse long
    is ``contracts * size * (1/entry - 1/mark)``; MEXC, "Margins and PnL calculations"; read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> contract_value("inverse", Fraction(100), Fraction(1), Fraction(50_000))
    Fraction(-1, 500)
    """
    if payoff == "inverse":
        return -contract_size / price
    if payoff == "quanto":
        return contract_size * multiplier * price
    return contract_size * price


def unrealized_pnl(quantity: N, value_at_entry: N, value_at_mark: N) -> N:
    """Profit or loss of a position if it were closed at the mark price.

    What the owner has gained (positive) or lost (negative) since entry, not yet in the wallet.

    Formula: ``quantity * (value of one contract at mark - at entry)``.

    Source: Binance support pages as of 2020 (github bradkyle/Qenv, ``logic/binance.md``); USD-M position sample in
    ccxt 4.5.90, ``parse_position_risk`` (0.2365 for 5 contracts from 2.3483 to 2.3956); read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> unrealized_pnl(Fraction(-2), Fraction(100), Fraction(90))
    Fraction(20, 1)
    """
    return quantity * (value_at_mark - value_at_entry)


def notional(quantity: N, value: N) -> N:
    """Size of a position in money: what its contracts are worth at a price, whichever side it is on.

    Formula: ``|quantity * value of one contract|``.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (margin requirement), read 2026-11-22.
    """
    return abs(quantity * value)


def size_in(bounds: str, payoff: str) -> Callable[[N, N, N, N], N]:
    """How large a position is in the unit that a tier table is written in.

    Formula, of quantity, contract size, multiplier and price: ``settle`` the notional; ``quote`` the notional in the
    quote asset, for an inverse contract the face value ``|quantity| * size`` whatever the price; ``contracts``
    ``|quantity|``.

    Source: by contracts: WEEX, "TRBUSDT leverage adjustment" of 2023-09-15; in the coin of an inverse contract:
    Binance FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (0/5/10/20 BTC); in quote for coin-margined contracts: BingX support
    11263312123407; read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> size_in("quote", "inverse")(Fraction(-3), Fraction(100), Fraction(1), Fraction(66_000))
    Fraction(300, 1)
    """

    def settle(quantity: N, contract_size: N, multiplier: N, price: N) -> N:
        return notional(quantity, contract_value(payoff, contract_size, multiplier, price))

    def quote(quantity: N, contract_size: N, multiplier: N, price: N) -> N:  # noqa: ARG001 - one shape for all
        return abs(quantity) * contract_size * price

    def face(quantity: N, contract_size: N, multiplier: N, price: N) -> N:  # noqa: ARG001 - one shape for all
        return abs(quantity) * contract_size

    def contracts(quantity: N, contract_size: N, multiplier: N, price: N) -> N:  # noqa: ARG001 - one shape for all
        return abs(quantity)

    if bounds == "quote":
        return face if payoff == "inverse" else quote
    return contracts if bounds == "contracts" else settle


def unit_value(bounds: str, payoff: str, value: N, multiplier: N, price: N, one: N) -> N:  # noqa: PLR0913, PLR0917
    """What one unit of a table's bounds is worth in the settlement asset: deductions are written in that unit.

    Formula: ``settle`` 1; ``quote`` linear 1, quanto ``multiplier``, inverse ``1 / price``; ``contracts`` the value of
    one contract.

    Source: BingX support 11263312123407 (coin-margined: ``(contracts * face * rate - deduction) / mark``), read
    2026-11-22; the other units follow in the same way.
    """
    if bounds == "contracts":
        return abs(value)
    if bounds == "settle" or payoff == "linear":
        return one
    return one / price if payoff == "inverse" else multiplier


def tier_number(size: N, floors: Iterable[N], at_floor: str = "higher") -> int:
    """Number of the tier (from 1) that a size falls into.

    A larger position is harder to close, so the venue asks a higher rate of it. A size exactly on a floor is in the
    upper tier, or in the lower one where the venue says so; only a table that jumps makes that choice matter.

    Formula: the largest ``k`` with ``floor_k <= size``; with ``floor_k < size`` where an exact bound belongs to the
    lower tier; never below 1.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 and ccxt's reading of the brackets (higher); Bybit's margin
    parameters page and WEEX's "5,001-25,000" contracts (lower); read 2026-11-22.

    Examples
    --------
    >>> from fractions import Fraction
    >>> [tier_number(Fraction(50), [Fraction(0), Fraction(50)], owner) for owner in ("higher", "lower")]
    [2, 1]
    """
    number = 0
    for floor in floors:
        if floor > size or (floor == size and at_floor == "lower"):
            break
        number += 1
    return max(number, 1)


def maintenance_margin(size: N, rate: N, deduction: N) -> N:
    """What must remain behind a position for it to be left alone; never below zero.

    Formula: ``max(0, rate * size - deduction)``, with the rate and deduction of the tier.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (liquidation price, USD-M), read 2026-11-22. That legs are not
    netted there is inferred from its separate rates and amounts for each leg.

    Examples
    --------
    >>> from fractions import Fraction
    >>> maintenance_margin(Fraction(100_000), Fraction("0.005"), Fraction(50))
    Fraction(450, 1)
    """
    charge = rate * size - deduction
    return max(charge, charge - charge)


def initial_margin(size: N, leverage: N | None) -> N | None:
    """What had to be there to open a position of this size with this leverage; unknown without a leverage.

    Formula: ``size / leverage``.

    Source: Binance API documentation of the USD-M account ("based on latest mark price") and FAQ
    4f83b65d83654b5e933f85ef12bf769d, read 2026-11-22.
    """
    return None if leverage is None else size / leverage


def bankruptcy_factor(payoff: str, sign: int, leverage: N, one: N) -> N:
    """Notional at the bankruptcy price of a leverage, as a multiple of the notional at the price that it was taken at.

    A long of leverage L has lost its margin at ``price * (1 - 1/L)``; an inverse long at ``price * L / (L + 1)``,
    where its coin notional is larger by ``1/L``.

    Formula: linear and quanto ``1 - sign / L``, inverse ``1 + sign / L``; not below zero.

    Source: Bybit help, "Order Cost" and "Liquidation Price Calculation under Isolated Mode (UTA)": long (1 - 1/L) of
    linear, (1 + 1/L) of inverse contracts; read 2026-11-22.

    Examples
    --------
    >>> bankruptcy_factor("inverse", -1, 10.0, 1.0)
    0.9
    """
    part = one / leverage
    factor = one + part if (payoff == "inverse") == (sign > 0) else one - part
    return max(factor, one - one)


def fee_where_margin_ends(payoff: str, sign: int, at_entry: N, margin: N, fee: N, one: N) -> N:  # noqa: PLR0913, PLR0917
    """Closing fee at the price where an isolated position's margin is used up, the fee itself included.

    Formula: notional at that price ``(entry notional - sign * margin) / (1 - sign * fee)``, inverse
    ``(entry notional + sign * margin) / (1 + sign * fee)``, not below zero; times the fee.

    Source: derived from Bybit help, "Liquidation Price Calculation under Isolated Mode (UTA)", whose added margin
    enters as ``A / (1 - fee)`` for a long; read 2026-11-22.
    """
    side = one if sign > 0 else -one
    if payoff == "inverse":
        side = -side
    left = (at_entry - side * margin) / (one - side * fee)
    return fee * max(left, one - one)


def isolated_cash(given: N | None, entry_notional: N, leverage: N | None, reserve: N) -> N:
    """Cash fenced for an isolated position: as stated, or the initial margin at its entry with the fee reserve.

    All that the owner can lose with this position.

    Formula: ``isolated_margin``, else ``notional at entry / leverage + reserve``.

    Source: the isolated wallet of the Binance API, which is isolated margin less unrealised profit (position sample
    in nautilus_trader's test data), read 2026-11-22. The stand-in at entry is this library's own convention; the
    reserve is fitted to MEXC's position samples (ccxt 4.5.90, ``parse_position``).
    """
    if given is not None:
        return given
    if leverage is None:
        raise ValueError("isolated_margin was absent, expected a number, or a leverage to derive it from")
    return entry_notional / leverage + reserve


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


def order_loss(quantity: N, value_at_mark: N, value_at_limit: N) -> N:
    """The loss that an order would show at once if it filled at its limit price; never positive.

    Formula: ``min(0, quantity * (value of one contract at mark - at the limit))``.

    Source: Bybit API documentation, ``wallet-balance``: order loss of buys ``min(0, (mark - order price) * size)``,
    of sells ``min(0, (order price - mark) * size)``; read 2026-11-22.
    """
    loss = quantity * (value_at_mark - value_at_limit)
    return min(loss, loss - loss)


def excess(collateral_value: N, level: N, requirement: N) -> N:
    """How far the pool is above (or, negative, below) the point where the venue steps in.

    Formula: ``collateral_value - trigger level * what is required``.

    Source: the trigger of Binance FAQ b3c689c1f50a44cabb3a84e663b81d93, solved there for the price, read 2026-11-22.
    """
    return collateral_value - level * requirement


def fails(excess_value: N, zero_fails: bool) -> bool:
    """Whether a pool fails one test.

    Formula: ``excess < 0``, or ``excess <= 0`` where a pool exactly at its trigger already fails.

    Source: Binance FAQ 360033525271: liquidation when the margin ratio reaches 100 % (read 2026-11-22), so zero
    fails; the neutral rules liquidate only below maintenance.
    """
    return excess_value <= 0 if zero_fails else excess_value < 0


def liquidatable(failures: Iterable[bool], combine: str, at_risk: bool) -> bool:
    """Whether the venue may liquidate the pool now.

    Formula: any test fails, or all of them where the venue looks at both mark and last; never when there is nothing
    at risk: no position, no order that enters, no debt.

    Source: BingX support 21830610306585 (both mark and last must reach the level), read 2026-11-22.
    """
    if not at_risk:
        return False
    return all(failures) if combine == "all" else any(failures)


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
