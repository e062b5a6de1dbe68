"""An account out of a book: its rows as exact numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from crossmargin.account.amounts import exact
from crossmargin.account.state import ZERO, Flow, Held, Placed, State
from crossmargin.book import Book
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from fractions import Fraction

    from crossmargin.account.state import Key


def state_of(book: Book, key: int | str | None) -> tuple[State, str]:
    """Read the rows of one account back; give them and the unit of its quantities."""
    if not isinstance(book, Book):
        raise ArgumentError(f"book was of type {type(book).__name__}, expected a Book")
    if key is None and book.n_accounts != 1:
        raise ArgumentError(f"key was None, and the book has {book.n_accounts:,} accounts: say which")
    own: int | str = book.accounts.tolist()[0] if key is None else key
    tables = book.tables(own)
    state = State(own, {})
    credit: dict[str, tuple[Fraction, Fraction]] = {}
    for row in _rows(tables["balances"]):
        asset = row["asset"]
        state.flows[asset] = Flow(opening=exact(row["wallet_balance"], "wallet_balance"))
        state.moved(asset)
        pair = (_exact(row.get("bonus")) or ZERO, _exact(row.get("borrowed")) or ZERO)
        if any(pair):
            credit[asset] = pair
    state.credit = credit
    state.positions = {_key(row): _held(row) for row in _rows(tables.get("positions"))}
    for row in _rows(tables.get("orders")):
        number, state.next_order = state.next_order, state.next_order + 1
        state.orders[number] = _order(row)
    for row in _rows(tables.get("settings")):
        state.leverages |= {row["instrument"]: row["leverage"]} if row.get("leverage") is not None else {}
    for row in _rows(tables.get("accounts")):
        state.profile = {name: value for name, value in row.items() if name != "account" and value is not None}
    return state, book.quantity_unit


def _key(row: dict[str, Any]) -> Key:
    return (row["instrument"], row.get("position_side") or "net", row.get("margin_mode") or "cross")


def _held(row: dict[str, Any]) -> Held:
    return Held(
        exact(row["quantity"], "quantity"),
        exact(row["entry_price"], "entry_price"),
        row.get("leverage"),
        _exact(row.get("isolated_margin")),
        row.get("tier_version"),
        row.get("tier"),
    )


def _order(row: dict[str, Any]) -> Placed:
    return Placed(
        row["instrument"],
        exact(row["quantity"], "quantity"),
        _exact(row.get("price")),
        row.get("leverage"),
        row.get("margin_mode") or "cross",
        row.get("position_side") or "net",
        _exact(row.get("trigger_price")),
        bool(row.get("reduce_only")),
    )


def _rows(table: Any) -> list[dict[str, Any]]:
    """Give the rows of a table, NaN as ``None``."""
    if table is None:
        return []
    return [{name: _present(value) for name, value in row.items()} for row in table.rows()]


def _present(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _exact(value: Any) -> Fraction | None:
    return None if value is None else exact(value, "value")
