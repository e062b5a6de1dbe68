"""What is held: balances and positions, read from rows and checked before any rule sees them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rows, rules
from crossmargin.reference.accounts import Accounts, Setting, Settings
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.rows import MODES, SIDES, Row
from crossmargin.reference.switches import Rules
from crossmargin.reference.tiers import TierTable
from crossmargin.reference.values import exact, not_negative, positive, refuse

UNITS = ("contracts", "base")
"""What quantities are written in."""


@dataclass(frozen=True)
class Balance:
    """Cash of one asset in one account: realised only, and including what is fenced for isolated positions.

    ``bonus`` is the venue's credit: it counts as margin and never leaves. ``borrowed`` is what must be given back.
    """

    account: Any
    asset: str
    wallet_balance: Fraction
    bonus: Fraction = Fraction(0)
    borrowed: Fraction = Fraction(0)


@dataclass(frozen=True)
class Position:
    """One position: ``quantity`` contracts (long positive) entered at ``entry_price``.

    ``leverage`` absent means that the initial margin is unknown. ``isolated_margin`` is the cash fenced for an
    isolated position, without its unrealised profit or loss. ``tier_version`` names the old table it is still under,
    ``tier`` the tier that its owner chose (from 1). ``row`` is the place in the input table.
    """

    account: Any
    instrument: Instrument
    quantity: Fraction
    entry_price: Fraction
    leverage: Fraction | None = None
    margin_mode: str = "cross"
    isolated_margin: Fraction | None = None
    position_side: str = "net"
    tier_version: str | None = None
    tier: int | None = None
    row: int = 0

    @property
    def key(self) -> tuple[Any, str, str, str]:
        """What tells a position from another: account, instrument, side and mode."""
        return (self.account, self.instrument.name, self.position_side, self.margin_mode)

    @property
    def table(self) -> TierTable:
        """The table that it is charged by."""
        if self.tier_version is None:
            return self.instrument.table
        return self.instrument.old_tables[self.tier_version]

    @property
    def sign(self) -> int:
        """1 for a long, -1 for a short."""
        return 1 if self.quantity > 0 else -1


def read_balances(market: Market, table: Iterable[Row], duplicates: str = "raise") -> list[Balance]:
    """Read the balances table.

    Parameters
    ----------
    market : Market
        Knows the assets.
    table : iterable of mappings
        Columns ``account``, ``asset``, ``wallet_balance`` (in units of the asset; negative is owed); optional
        ``bonus`` and ``borrowed`` (not below zero).
    duplicates : {"raise", "merge"}
        A repeated (account, asset) is refused, or its amounts are added; the sums are rounded once, to doubles.

    Returns
    -------
    list of Balance
        In the order of the rows.

    Raises
    ------
    ReferenceInputError
        At an unknown asset, an amount that is not a finite number, a bonus where the market has none, or a repeated
        key.
    """
    return rows.collect(
        [_read_balance(market, row, index) for index, row in enumerate(table)],
        key=lambda balance: (balance.account, balance.asset),
        duplicates=duplicates,
        merge=_merge_balances,
        settle=_stored_balance,
        table="balances",
        column="asset",
    )


def _read_balance(market: Market, row: Row, index: int) -> Balance:
    where = f"balances.{{}}[{index}]"
    balance = Balance(
        account=rows.account_of(row, where),
        asset=market.asset(rows.required(row, "asset", where), where.format("asset")).name,
        wallet_balance=exact(rows.required(row, "wallet_balance", where), where.format("wallet_balance")),
        bonus=rows.optional_or_nan(row, "bonus", where, not_negative) or Fraction(0),
        borrowed=rows.optional_or_nan(row, "borrowed", where, not_negative) or Fraction(0),
    )
    if balance.bonus and not market.rules.bonus_counts:
        raise refuse(where.format("bonus"), row["bonus"], "absent or 0 in a market without a bonus")
    return balance


def _merge_balances(a: Balance, b: Balance) -> Balance:
    return replace(
        a,
        wallet_balance=a.wallet_balance + b.wallet_balance,
        bonus=a.bonus + b.bonus,
        borrowed=a.borrowed + b.borrowed,
    )


def _stored_balance(balance: Balance) -> Balance:
    return replace(
        balance,
        wallet_balance=rows.stored(balance.wallet_balance),
        bonus=rows.stored(balance.bonus),
        borrowed=rows.stored(balance.borrowed),
    )


def read_positions(  # noqa: PLR0913 - the last three have usual values
    market: Market,
    table: Iterable[Row],
    duplicates: str = "raise",
    *,
    accounts: Accounts | None = None,
    settings: Settings | None = None,
    quantity_unit: str = "contracts",
) -> list[Position]:
    """Read the positions table.

    Parameters
    ----------
    market : Market
        Knows the instruments.
    table : iterable of mappings
        Columns ``account``, ``instrument``, ``quantity`` (contracts, long positive, not zero), ``entry_price``
        (above zero); optional ``leverage`` (above zero), ``margin_mode`` (cross), ``isolated_margin`` (not below
        zero; isolated positions only), ``position_side`` (net), ``tier_version``, ``tier`` (from 1).
    duplicates : {"raise", "merge"}
        A repeated (account, instrument, side, mode) is refused, or merged at the entry price that keeps the profit
        at every price; sum and price are rounded once, to doubles.
    accounts, settings : optional
        From `read_accounts`, `read_settings`: an account's multiple of the caps; leverage and mode where a row is
        silent (the settings stand before the account).
    quantity_unit : {"contracts", "base"}
        What quantities are written in.

    Returns
    -------
    list of Position
        In the order of the rows, quantities in contracts.

    Raises
    ------
    ReferenceInputError
        At an unknown name, a value out of range, a quantity against its side, an isolated position with neither
        margin nor leverage, a missing leverage that a rule needs, an entry notional beyond the last tier, or a
        repeated key.
    """
    accounts = accounts or Accounts(market, {})
    positions = rows.collect(
        [_read_position(market, row, index, accounts, settings or {}) for index, row in enumerate(table)],
        key=lambda position: position.key,
        duplicates=duplicates,
        merge=_merge_positions,
        settle=_stored_position,
        table="positions",
        column="instrument",
    )
    positions = [
        replace(position, quantity=in_contracts(position.instrument, position.quantity, quantity_unit))
        for position in positions
    ]
    for position in positions:
        check_cap(position, accounts.terms(position.account).coefficient)
    return positions


def _read_position(market: Market, row: Row, index: int, accounts: Accounts, settings: Settings) -> Position:
    where = f"positions.{{}}[{index}]"
    account = rows.account_of(row, where)
    instrument = market.instrument(rows.required(row, "instrument", where), where.format("instrument"))
    setting = settings.get((account, instrument.name), Setting())
    leverage = rows.optional(row, "leverage", where, positive)
    position = Position(
        account=account,
        instrument=instrument,
        quantity=exact(rows.required(row, "quantity", where), where.format("quantity")),
        entry_price=positive(rows.required(row, "entry_price", where), where.format("entry_price")),
        leverage=setting.leverage if leverage is None else leverage,
        margin_mode=rows.choice(row, "margin_mode", where, MODES, mode_of(account, accounts, setting)),
        isolated_margin=rows.optional(row, "isolated_margin", where, not_negative),
        position_side=rows.choice(row, "position_side", where, SIDES),
        tier_version=_tier_version(market.rules, instrument, row, where),
        row=index,
    )
    position = replace(position, tier=_tier(market.rules, position, row, where))
    _check_position(market, position, row, where)
    return position


def _tier_version(rules: Rules, instrument: Instrument, row: Row, where: str) -> str | None:
    version = row.get("tier_version")
    if version is None or rules.margin_class.table_version == "newest":
        return None
    if version not in instrument.old_tables:
        raise refuse(where.format("tier_version"), version, f"an old table of {instrument.name}, or absent")
    return str(version)


def _tier(rules: Rules, position: Position, row: Row, where: str) -> int | None:
    tier = rows.optional_or_nan(row, "tier", where, positive)
    if tier is None or rules.margin_class.tier == "by_basis":
        return None
    highest = len(position.table.tiers)
    if tier.denominator != 1 or tier > highest:
        raise refuse(where.format("tier"), row["tier"], f"a whole number from 1 to {highest}")
    return int(tier)


def _check_position(market: Market, position: Position, row: Row, where: str) -> None:
    if position.quantity == 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number other than 0", "leave the row out")
    if position.position_side == "long" and position.quantity < 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number above 0 for side 'long'")
    if position.position_side == "short" and position.quantity > 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number below 0 for side 'short'")
    if position.margin_mode == "cross" and position.isolated_margin:
        raise refuse(where.format("isolated_margin"), row["isolated_margin"], "absent or 0 for a cross position")
    check_mode(market, position.margin_mode, where)
    if position.leverage is None:
        if position.margin_mode == "isolated" and position.isolated_margin is None:
            raise refuse(where.format("isolated_margin"), None, "a number, or a leverage to derive it from")
        if needs_leverage(market.rules, position.margin_mode):
            raise refuse(where.format("leverage"), None, "a number above 0")


def mode_of(account: Any, accounts: Accounts, setting: Setting) -> str | None:
    """Margin mode of a row that says none: that of its settings, else of its account."""
    return setting.margin_mode or accounts.terms(account).margin_mode


def check_mode(market: Market, margin_mode: str, where: str) -> None:
    """Refuse an isolated row in a market that isolates nothing."""
    if margin_mode == "isolated" and not market.rules.isolated:
        raise refuse(where.format("margin_mode"), margin_mode, "'cross' in a market without isolated positions")


def needs_leverage(rules: Rules, margin_mode: str, *, fees: bool = True) -> bool:
    """Whether a position without leverage leaves a requirement unknown that must be known.

    So it is where a fee is charged at the bankruptcy price of the leverage, and where a test or the maintenance
    margin looks at an initial margin that comes from the leverage.
    """
    maintenance, initial = (rules.requirement(level, margin_mode) for level in ("maintenance", "initial"))
    if fees and any(
        rule.closing_fee in ("bankruptcy_at_entry", "bankruptcy_at_mark") for rule in (maintenance, initial)
    ):
        return True
    looked_at = any(constraint.required == "initial" for constraint in rules.constraints)
    return initial.source == "usual" and (looked_at or maintenance.source == "share_of_initial")


def in_contracts(instrument: Instrument, quantity: Fraction, unit: str) -> Fraction:
    """Return a quantity in contracts, also where it was written in units of the base asset."""
    if unit not in UNITS:
        raise refuse("quantity_unit", unit, "'contracts' or 'base'")
    if unit == "contracts":
        return quantity
    if instrument.payoff == "inverse":
        raise refuse("quantity_unit", unit, f"'contracts' for {instrument.name}, whose contracts are in quote units")
    return quantity / instrument.contract_size


def check_cap(position: Position, coefficient: Fraction) -> None:
    """Refuse a position that was too large for the venue when it was opened: its tier, hence its rate, is unknown."""
    instrument, table = position.instrument, position.table
    if table.cap is None:
        return
    cap = table.cap * coefficient
    measure = rules.size_in(table.bounds, instrument.payoff)
    size = measure(position.quantity, instrument.contract_size, instrument.multiplier, position.entry_price)
    if size > cap:
        kind = "a number of contracts" if table.bounds == "contracts" else "an entry notional"
        raise refuse(
            f"positions.quantity[{position.row}]",
            position.quantity,
            f"{kind} of at most {cap}, where the last tier of {position.instrument.name} ends",
            "load tiers that reach further",
        )


def _stored_position(position: Position) -> Position:
    margin = position.isolated_margin
    return replace(
        position,
        quantity=rows.stored(position.quantity),
        entry_price=rows.stored(position.entry_price),
        isolated_margin=None if margin is None else rows.stored(margin),
    )


def _merge_positions(a: Position, b: Position) -> Position:
    """Merge two rows of one position.

    The sum of the profits is kept at every price: ``Q = q_a + q_b`` and ``entry = (q_a e_a + q_b e_b) / Q``, for an
    inverse contract ``entry = Q / (q_a / e_a + q_b / e_b)``; both are rounded once all rows are merged. Rows of
    opposite sign are refused: closing a part realises profit, which belongs in the wallet and not in an entry price.
    """
    where = f"positions.{{}}[{b.row}]"
    if (a.quantity > 0) != (b.quantity > 0):
        raise refuse(
            where.format("quantity"),
            b.quantity,
            "the sign of the row it is merged with",
            "close the part against it first",
        )
    for column in ("leverage", "tier_version", "tier"):
        if getattr(a, column) != getattr(b, column):
            raise refuse(where.format(column), getattr(b, column), f"the {column} of the row it is merged with")
    if (a.isolated_margin is None) != (b.isolated_margin is None):
        raise refuse(
            where.format("isolated_margin"), b.isolated_margin, "present in all rows that are merged, or in none"
        )
    quantity = a.quantity + b.quantity
    margin = None
    if a.isolated_margin is not None and b.isolated_margin is not None:
        margin = a.isolated_margin + b.isolated_margin
    if a.instrument.payoff == "inverse":
        entry = quantity / (a.quantity / a.entry_price + b.quantity / b.entry_price)
    else:
        entry = (a.quantity * a.entry_price + b.quantity * b.entry_price) / quantity
    return replace(a, quantity=quantity, entry_price=entry, isolated_margin=margin)
