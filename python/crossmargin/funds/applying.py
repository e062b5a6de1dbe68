"""The tables of a book after cash has moved between its pools."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.account.amounts import exact

if TYPE_CHECKING:
    from crossmargin.book import Book
    from crossmargin.table import Table

_PositionKey = tuple[Any, str, str]
"""Account, instrument and side of an isolated position."""


def moved_tables(book: Book, transfers: Table, quanta: list[int]) -> dict[str, Any]:
    """Give the tables of a book after transfers: exact sums of what was there and the quanta that moved.

    Wallets hold what is fenced too, so that only what leaves an account changes them; with it goes the bonus of its
    asset where the market's rules say that a transfer voids it.
    """
    steps = {row["asset"]: exact(row["quantum"], "quantum") for row in book.market.assets.rows()}
    fences: dict[_PositionKey, Fraction] = {}
    left: dict[tuple[Any, str], Fraction] = {}
    for row, count in zip(transfers.rows(), quanta, strict=True):
        amount = count * steps[row["asset"]]
        for end, sign in (("from", -1), ("to", 1)):
            if row[f"{end}_kind"] == "isolated":
                key = (row["account"], row[f"{end}_instrument"], row[f"{end}_side"])
                fences[key] = fences.get(key, Fraction(0)) + sign * amount
            elif row[f"{end}_kind"] == "out":
                of = (row["account"], row["asset"])
                left[of] = left.get(of, Fraction(0)) + amount
    tables = book.tables()
    unit = tables.pop("quantity_unit", "contracts")
    made: dict[str, Any] = {name: table.to_dict() for name, table in tables.items()}
    if fences:
        made["positions"] |= {"isolated_margin": _fenced(made["positions"], fences)}
    if left:
        made["balances"] |= {"wallet_balance": _paid(made["balances"], left)}
        if "bonus" in made["balances"] and book.market.rules["bonus_forfeited_on_transfer"]:
            made["balances"] |= {"bonus": _voided(made["balances"], left)}
    return made | {"quantity_unit": unit}


def _fenced(positions: dict[str, Any], fences: dict[_PositionKey, Fraction]) -> Any:
    """Give the margins of isolated positions with what moved."""
    margins = positions["isolated_margin"].copy()
    keys = zip(
        *(positions[name].tolist() for name in ("account", "instrument", "position_side", "margin_mode")), strict=True
    )
    for at, (account, instrument, side, mode) in enumerate(keys):
        moved = fences.get((account, instrument, side)) if mode == "isolated" else None
        if moved is not None:
            margins[at] = float(exact(margins[at], "isolated_margin") + moved)
    return margins


def _paid(balances: dict[str, Any], left: dict[tuple[Any, str], Fraction]) -> Any:
    """Give the wallets without what left."""
    wallets = balances["wallet_balance"].copy()
    for at, key in enumerate(zip(balances["account"].tolist(), balances["asset"].tolist(), strict=True)):
        if key in left:
            wallets[at] = float(exact(wallets[at], "wallet_balance") - left[key])
    return wallets


def _voided(balances: dict[str, Any], left: dict[tuple[Any, str], Fraction]) -> Any:
    """Give the bonuses without those of the assets that left."""
    bonuses = balances["bonus"].copy()
    for at, key in enumerate(zip(balances["account"].tolist(), balances["asset"].tolist(), strict=True)):
        if left.get(key):
            bonuses[at] = 0.0
    return bonuses
