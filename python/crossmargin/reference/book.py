"""What is held: balances and positions, read from rows and checked before any rule sees them.

A row is a mapping from column name to value. A row that is refused names its table, column, number and value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar

from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.values import exact, not_negative, positive, refuse

SIDES = ("net", "long", "short")
"""Sides in canonical order: one position of either sign, or the two legs of hedge mode."""

MODES = ("cross", "isolated")
"""Margin modes in canonical order."""

Row = Mapping[str, Any]
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Balance:
    """Cash of one asset in one account: realised only, and including what is fenced for isolated positions."""

    account: Any
    asset: str
    wallet_balance: Fraction


@dataclass(frozen=True)
class Position:
    """One position: ``quantity`` contracts (long positive) entered at ``entry_price``.

    ``leverage`` absent means that the initial margin is unknown. ``isolated_margin`` is the cash fenced for an
    isolated position, without its unrealised profit or loss. ``row`` is the place in the input table.
    """

    account: Any
    instrument: Instrument
    quantity: Fraction
    entry_price: Fraction
    leverage: Fraction | None = None
    margin_mode: str = "cross"
    isolated_margin: Fraction | None = None
    position_side: str = "net"
    row: int = 0

    @property
    def key(self) -> tuple[Any, str, str, str]:
        """What tells a position from another: account, instrument, side and mode."""
        return (self.account, self.instrument.name, self.position_side, self.margin_mode)


def read_balances(market: Market, rows: Iterable[Row], duplicates: str = "raise") -> list[Balance]:
    """Read the balances table.

    Parameters
    ----------
    market : Market
        Knows the assets.
    rows : iterable of mappings
        Columns ``account``, ``asset``, ``wallet_balance`` (in units of the asset; negative is owed).
    duplicates : {"raise", "merge"}
        A repeated (account, asset) is refused, or its balances are added; the sum is rounded once, to a double.

    Returns
    -------
    list of Balance
        In the order of the rows.

    Raises
    ------
    ReferenceInputError
        At an unknown asset, a balance that is not a finite number, or a repeated key.
    """
    return _collect(
        [_read_balance(market, row, index) for index, row in enumerate(rows)],
        key=lambda balance: (balance.account, balance.asset),
        duplicates=duplicates,
        merge=_merge_balances,
        settle=lambda balance: replace(balance, wallet_balance=_stored(balance.wallet_balance)),
        table="balances",
        column="asset",
    )


def _read_balance(market: Market, row: Row, index: int) -> Balance:
    where = f"balances.{{}}[{index}]"
    return Balance(
        account=_account(row, where),
        asset=market.asset(_required(row, "asset", where), where.format("asset")).name,
        wallet_balance=exact(_required(row, "wallet_balance", where), where.format("wallet_balance")),
    )


def read_positions(market: Market, rows: Iterable[Row], duplicates: str = "raise") -> list[Position]:
    """Read the positions table.

    Parameters
    ----------
    market : Market
        Knows the instruments.
    rows : iterable of mappings
        Columns ``account``, ``instrument``, ``quantity`` (contracts, long positive, not zero), ``entry_price``
        (above zero); optional ``leverage`` (above zero), ``margin_mode`` (cross), ``isolated_margin`` (not below
        zero; isolated positions only), ``position_side`` (net).
    duplicates : {"raise", "merge"}
        A repeated (account, instrument, side, mode) is refused, or merged at the quantity-weighted entry price;
        sum and price are rounded once, to doubles.

    Returns
    -------
    list of Position
        In the order of the rows.

    Raises
    ------
    ReferenceInputError
        At an unknown name, a value out of range, a quantity against its side, an isolated position with neither
        margin nor leverage, an entry notional beyond the last tier, or a repeated key.
    """
    positions = _collect(
        [_read_position(market, row, index) for index, row in enumerate(rows)],
        key=lambda position: position.key,
        duplicates=duplicates,
        merge=_merge_positions,
        settle=_stored_position,
        table="positions",
        column="instrument",
    )
    for position in positions:
        _check_cap(position)
    return positions


def _read_position(market: Market, row: Row, index: int) -> Position:
    where = f"positions.{{}}[{index}]"
    position = Position(
        account=_account(row, where),
        instrument=market.instrument(_required(row, "instrument", where), where.format("instrument")),
        quantity=exact(_required(row, "quantity", where), where.format("quantity")),
        entry_price=positive(_required(row, "entry_price", where), where.format("entry_price")),
        leverage=_optional(row, "leverage", where, positive),
        margin_mode=_choice(row, "margin_mode", where, MODES),
        isolated_margin=_optional(row, "isolated_margin", where, not_negative),
        position_side=_choice(row, "position_side", where, SIDES),
        row=index,
    )
    _check_position(position, row, where)
    return position


def _check_position(position: Position, row: Row, where: str) -> None:
    if position.quantity == 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number other than 0", "leave the row out")
    if position.position_side == "long" and position.quantity < 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number above 0 for side 'long'")
    if position.position_side == "short" and position.quantity > 0:
        raise refuse(where.format("quantity"), row["quantity"], "a number below 0 for side 'short'")
    if position.margin_mode == "cross" and position.isolated_margin:
        raise refuse(where.format("isolated_margin"), row["isolated_margin"], "absent or 0 for a cross position")
    if position.margin_mode == "isolated" and position.isolated_margin is None and position.leverage is None:
        raise refuse(where.format("isolated_margin"), None, "a number, or a leverage to derive it from")


def _check_cap(position: Position) -> None:
    """Refuse a position that was too large for the venue when it was opened: its tier, hence its rate, is unknown."""
    cap = position.instrument.table.cap
    size = abs(position.quantity) * position.instrument.contract_size * position.entry_price
    if cap is not None and size > cap:
        raise refuse(
            f"positions.quantity[{position.row}]",
            position.quantity,
            f"an entry notional of at most {cap}, where the last tier of {position.instrument.name} ends",
            "load tiers that reach further",
        )


def _collect(  # noqa: PLR0913 - by keyword only
    entries: list[Kept],
    *,
    key: Callable[[Kept], Any],
    duplicates: str,
    merge: Callable[[Kept, Kept], Kept],
    settle: Callable[[Kept], Kept],
    table: str,
    column: str,
) -> list[Kept]:
    """Keep one entry per key, in the order first seen; a repeated key is refused or merged, and then settled."""
    if duplicates not in ("raise", "merge"):
        raise refuse("duplicates", duplicates, "'raise' or 'merge'")
    kept: dict[Any, Kept] = {}
    merged: set[Any] = set()
    for index, entry in enumerate(entries):
        name = key(entry)
        if name not in kept:
            kept[name] = entry
        elif duplicates == "merge":
            kept[name] = merge(kept[name], entry)
            merged.add(name)
        else:
            raise refuse(f"{table}.{column}[{index}]", name, "a key that occurs once", "pass duplicates='merge'")
    return [settle(entry) if name in merged else entry for name, entry in kept.items()]


def _stored(value: Fraction) -> Fraction:
    """Round to the double that a merged table holds: a book keeps doubles, and the decimal of one is its input."""
    return exact(float(value))


def _stored_position(position: Position) -> Position:
    margin = position.isolated_margin
    return replace(
        position,
        quantity=_stored(position.quantity),
        entry_price=_stored(position.entry_price),
        isolated_margin=None if margin is None else _stored(margin),
    )


def _merge_balances(a: Balance, b: Balance) -> Balance:
    return replace(a, wallet_balance=a.wallet_balance + b.wallet_balance)


def _merge_positions(a: Position, b: Position) -> Position:
    """Merge two rows of one position.

    The sum of the profits is kept at every price: ``Q = q_a + q_b`` and ``entry = (q_a e_a + q_b e_b) / Q``, both
    rounded once all rows are merged. Rows of opposite sign are refused: closing a part realises profit, which belongs
    in the wallet and not in an entry price.
    """
    where = f"positions.{{}}[{b.row}]"
    if (a.quantity > 0) != (b.quantity > 0):
        raise refuse(
            where.format("quantity"),
            b.quantity,
            "the sign of the row it is merged with",
            "close the part against it first",
        )
    if a.leverage != b.leverage:
        raise refuse(where.format("leverage"), b.leverage, "the leverage of the row it is merged with")
    if (a.isolated_margin is None) != (b.isolated_margin is None):
        raise refuse(
            where.format("isolated_margin"), b.isolated_margin, "present in all rows that are merged, or in none"
        )
    quantity = a.quantity + b.quantity
    margin = None
    if a.isolated_margin is not None and b.isolated_margin is not None:
        margin = a.isolated_margin + b.isolated_margin
    entry = (a.quantity * a.entry_price + b.quantity * b.entry_price) / quantity
    return replace(a, quantity=quantity, entry_price=entry, isolated_margin=margin)


def _account(row: Row, where: str) -> Any:
    account = _required(row, "account", where)
    if isinstance(account, float):
        raise refuse(where.format("account"), account, "an integer or a string")
    return account


def _required(row: Row, column: str, where: str) -> Any:
    value = row.get(column)
    if value is None:
        raise refuse(where.format(column), None, "a value")
    return value


def _optional(row: Row, column: str, where: str, read: Callable[[Any, str], Fraction]) -> Fraction | None:
    value = row.get(column)
    return None if value is None else read(value, where.format(column))


def _choice(row: Row, column: str, where: str, choices: tuple[str, ...]) -> str:
    value = row.get(column)
    if value is None:
        return choices[0]
    if value not in choices:
        raise refuse(where.format(column), value, " or ".join(repr(choice) for choice in choices))
    return str(value)
