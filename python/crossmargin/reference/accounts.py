"""What is said per account and per account and instrument: profiles, coefficients, leverage and margin mode."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import rows
from crossmargin.reference.market import Market
from crossmargin.reference.rows import MODES, Row
from crossmargin.reference.switches import Fees
from crossmargin.reference.values import positive, refuse

POSITION_MODES = ("one_way", "hedge")
"""One net position per instrument, or a long and a short one."""


@dataclass(frozen=True)
class Terms:
    """Terms of an account.

    The taker fee that its requirements count, its multiple of the tier bounds, the margin mode of rows that say none,
    and whether it holds net positions (``one_way``) or long and short ones (``hedge``); None where nothing is said.
    Its fills as a maker pay ``maker``, and ``discount`` is the share that its fills have off.
    """

    taker: Fraction
    coefficient: Fraction = Fraction(1)
    margin_mode: str | None = None
    position_mode: str | None = None
    maker: Fraction = Fraction(0)
    discount: Fraction = Fraction(0)

    def fill_rate(self, *, maker: bool) -> Fraction:
        """Return the rate of a fill's fee: requirements know no discount, and what the venue pays has none.

        Formula: ``rate * (1 - discount)``, a rate below zero as it is.

        Source: the definition of this library (venues say a share off fees paid in their coin).
        """
        rate = self.maker if maker else self.taker
        return rate * (1 - self.discount) if rate > 0 else rate


@dataclass(frozen=True)
class Setting:
    """What holds for an account's positions and orders in one instrument where a row says nothing."""

    leverage: Fraction | None = None
    margin_mode: str | None = None


Settings = dict[tuple[Any, str], Setting]
"""Settings by account and instrument."""


class Accounts:
    """The accounts table; an account without a row has the market's usual terms."""

    def __init__(self, market: Market, terms: dict[Any, Terms]) -> None:
        self._usual = Terms(market.rules.taker, maker=market.rules.maker)
        self._terms = terms

    def terms(self, account: Any) -> Terms:
        """Return the terms of an account."""
        return self._terms.get(account, self._usual)


def read_accounts(market: Market, table: Iterable[Row]) -> Accounts:
    """Read the accounts table.

    Columns ``account``; optional ``profile`` (a name of the market's fee profiles), ``tier_coefficient`` (above
    zero; it counts only where the market's rules say that an account has its own bounds), ``margin_mode`` (of rows of
    the account for which neither they nor the settings say one) and ``position_mode`` (``one_way``, ``hedge``).
    """
    found: dict[Any, Terms] = {}
    for index, row in enumerate(table):
        where = f"accounts.{{}}[{index}]"
        account = rows.account_of(row, where)
        if account in found:
            raise refuse(where.format("account"), account, "an account that occurs once")
        coefficient = rows.optional_or_nan(row, "tier_coefficient", where, positive)
        if coefficient is None or market.rules.margin_class.user_coefficient == "none":
            coefficient = Fraction(1)
        fees = _fees(market, row.get("profile"), where)
        found[account] = Terms(
            taker=fees.taker,
            maker=fees.maker,
            discount=fees.discount,
            coefficient=coefficient,
            margin_mode=rows.named(row, "margin_mode", where, MODES),
            position_mode=rows.named(row, "position_mode", where, POSITION_MODES),
        )
    return Accounts(market, found)


def _fees(market: Market, profile: Any, where: str) -> Fees:
    if profile is None:
        return Fees(market.rules.taker, market.rules.maker)
    fees = market.rules.profiles.get(profile)
    if fees is None:
        raise refuse(where.format("profile"), profile, "the name of a fee profile of the market")
    return fees


def read_settings(market: Market, table: Iterable[Row]) -> Settings:
    """Read the settings table: columns ``account``, ``instrument``; optional ``leverage``, ``margin_mode``."""
    found: Settings = {}
    for index, row in enumerate(table):
        where = f"settings.{{}}[{index}]"
        name = rows.required(row, "instrument", where)
        key = (rows.account_of(row, where), market.instrument(name, where.format("instrument")).name)
        if key in found:
            raise refuse(where.format("instrument"), key, "a key that occurs once")
        mode = rows.named(row, "margin_mode", where, MODES)
        found[key] = Setting(rows.optional_or_nan(row, "leverage", where, positive), mode)
    return found
