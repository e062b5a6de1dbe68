"""The equity that losses of accounts are measured from, as it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_key, listed, no_account, of_type
from crossmargin._tables import is_mapping, table_input
from crossmargin.errors import ArgumentError
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from crossmargin.book import Book


def references_of(given: Any, book: Book) -> NDArray[np.float64]:
    """Lay references out in the order of ``book.accounts``; NaN where none is given.

    Raises
    ------
    ArgumentError
        For accounts that the book does not hold, ones that come twice, and what is no number.
    """
    columns = _columns(given)
    if columns is not None:
        keys, values = columns
        return _placed(keys, values, book)
    try:
        array = np.asarray(given, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        raise of_type(given, "references", "equity by account, or in the order of book.accounts") from None
    if array.shape != (book.n_accounts,):
        expected = f"expected {book.n_accounts}, one per account in the order of book.accounts"
        raise ArgumentError(f"references had shape {array.shape}, {expected}")
    return np.ascontiguousarray(array)


def _columns(given: Any) -> tuple[Iterable[Any], Any] | None:
    """Give keys and values of a mapping or a table; ``None`` for a bare array."""
    if isinstance(given, np.ndarray):
        return None
    if isinstance(given, (list, tuple)):
        if not given or not all(map(is_mapping, given)):
            return None
        given = table_input(given, "references")
    if isinstance(given, Table) or (is_mapping(given) and "account" in given):
        table = {str(name): given[name] for name in given.keys()}  # noqa: SIM118 - tables are no dicts
        return _pair(table)
    if is_mapping(given):
        return list(given), list(given.values())
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
        found = engine.arrow_columns(given, "references")
        if found is not None and "account" in found:
            return _pair(dict(found))
    return None


def _pair(table: dict[str, Any]) -> tuple[Iterable[Any], Any]:
    for name in ("account", "reference_equity"):
        if name not in table:
            raise ArgumentError(f"references.{name} is missing; a table needs account and reference_equity")
    keys, values = table["account"], table["reference_equity"]
    if isinstance(keys, engine.ArrowColumn):
        keys = keys.keys("references.account")
    if isinstance(values, engine.ArrowColumn):
        values = values.numbers("references.reference_equity")
    keys = keys.tolist() if isinstance(keys, np.ndarray) else listed(keys, "references.account")
    return keys, listed(values, "references.reference_equity")


def _placed(keys: Iterable[Any], values: Any, book: Book) -> NDArray[np.float64]:
    keys, made = list(keys), np.full(book.n_accounts, np.nan)
    if len(keys) != len(values):
        raise ArgumentError("references had columns of unequal length")
    places = {key: at for at, key in enumerate(book.accounts.tolist())}
    seen = set()
    for key, value in zip(keys, values, strict=True):
        at = places.get(key) if is_key(key) else None
        if at is None:
            raise ArgumentError(f"references: {no_account(key, book.accounts)}")
        if at in seen:
            raise ArgumentError(f"references named account {key!r} twice; give one of each")
        seen.add(at)
        try:
            made[at] = np.nan if value is None else float(value)
        except (OverflowError, TypeError, ValueError):
            raise of_type(value, f"references[{key!r}]", "a number") from None
    return made
