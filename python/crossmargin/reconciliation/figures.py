"""Our figures of what a venue reports one of: positions, cross pools, assets of an account, accounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from crossmargin.errors import MissingPriceError
from crossmargin.reconciliation.accounts import Accounts, places_of
from crossmargin.scores import OUTPUTS, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossmargin.book import Book
    from crossmargin.prices import Prices

Row = dict[str, Any]

OF_POSITION = ("notional", "unrealized_pnl", "initial_margin", "maintenance_margin")
"""What is known of a position by itself; all else is its pool's."""

_SUMMED = ("wallet_balance", "equity", *OF_POSITION)
_CASH = ("wallet_balance", "bonus", "borrowed")


class Figures:
    """The figures of a book at some prices, found by what a reported row is of.

    Rows are made of those accounts that are asked for. What is tried on an account is tried on a book of it alone
    (`at`), so that what is found out about all accounts takes time in proportion to their number.
    """

    def __init__(self, book: Book, prices: Prices, accounts: Accounts | None = None) -> None:
        self.book = book
        self.prices = prices
        self.accounts = accounts or Accounts(book)
        self.scores = score(book, prices, "all", missing="null")
        self._tables = {"pools": self.scores.table.to_dict(), "positions": self.scores.positions.to_dict()}
        self._places = {name: places_of(table["account"]) for name, table in self._tables.items()}
        self._rows: dict[tuple[str, Any], list[Row]] = {}
        self._sums: dict[Any, Row] | None = None

    @property
    def rules(self) -> dict[str, Any]:
        """The market's rules in force, by name."""
        return self.accounts.rules

    @property
    def contracts(self) -> dict[str, Row]:
        """The market's instruments by name."""
        return self.accounts.contracts

    def at(self, prices: Prices, account: Any) -> Figures:
        """Give the figures of one account at other prices: a book of that account is scored, and no other account."""
        return Figures(self.accounts.alone(account), prices, self.accounts)

    def pools(self, account: Any) -> list[Row]:
        """Give the pools of an account."""
        return self._of("pools", account)

    def positions(self, account: Any) -> list[Row]:
        """Give the positions of an account."""
        return self._of("positions", account)

    def _of(self, name: str, account: Any) -> list[Row]:
        key = (name, account)
        if key not in self._rows:
            places = self._places[name].get(account, [])
            columns = {column: values[places].tolist() for column, values in self._tables[name].items()}
            self._rows[key] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return self._rows[key]

    def of(self, row: Mapping[str, Any]) -> float | None:
        """Give our figure beside a reported one; NaN where it is unknown, ``None`` where it is not computed."""
        field, level = row["field"], row["level"]
        if level == "position":
            return self._of_position(row, field)
        if level == "account":
            return self._of_account(row, field)
        if field not in OUTPUTS:
            return None
        if level == "pool":
            return _only(self.cross_pools(row), field)
        return self._of_asset(row, field)

    def positions_of(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the positions that a reported figure is of or adds up."""
        account, level = row["account"], row["level"]
        held = self.positions(account)
        if level == "position":
            key, mode = (row["instrument"], row["position_side"] or "net"), row["margin_mode"]
            held = [position for position in held if (position["instrument"], position["position_side"]) == key]
            return [position for position in held if mode in (None, position["margin_mode"])]
        if level == "pool":
            held = [position for position in held if position["margin_mode"] == "cross"]
        return held if level == "account" or row["asset"] is None else [p for p in held if p["asset"] == row["asset"]]

    def is_ambiguous(self, row: Mapping[str, Any]) -> bool:
        """Say whether a reported position may be the cross or the isolated one of its instrument."""
        return row["level"] == "position" and len({position["margin_mode"] for position in self.positions_of(row)}) > 1

    def cross_pools(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the cross pool of a row's asset; of a market that pools per account, the account's."""
        asset = None if self._is_shared else row["asset"]
        return [
            pool for pool in self.pools(row["account"]) if pool["kind"] == "cross" and asset in (None, pool["asset"])
        ]

    def isolated_pools(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the isolated pools of a row's account; of a row of an asset, those that settle in it."""
        asset = None if self._is_shared and row["level"] == "pool" else row["asset"]
        return [
            pool for pool in self.pools(row["account"]) if pool["kind"] == "isolated" and asset in (None, pool["asset"])
        ]

    def pool_of(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the pool that a reported position is in."""
        found = self.positions_of(row)
        if found and found[0]["margin_mode"] == "isolated":
            key = (row["instrument"], row["position_side"] or "net")
            return [pool for pool in self.pools(row["account"]) if (pool["instrument"], pool["side"]) == key]
        return self.cross_pools({**row, "asset": found[0]["asset"]}) if found else []

    def gross(self, row: Mapping[str, Any]) -> float:
        """Give the size of the terms that a figure adds up: what the noise of doubles is relative to."""
        return self._cash(row) + sum(_number(position["notional"]) for position in self.positions_of(row))

    def _cash(self, row: Mapping[str, Any]) -> float:
        """Give the size of the cash that a figure is of."""
        if row["level"] == "asset" and self._is_shared:
            balance = self.accounts.balances_of(row["account"]).get(row["asset"], {})
            return sum(abs(_number(balance.get(name))) for name in _CASH)
        pools = self.pool_of(row) if row["level"] == "position" else self.cross_pools(row)
        return sum(abs(_number(pool["wallet_balance"])) for pool in pools)

    @property
    def _is_shared(self) -> bool:
        """Whether one pool spans the assets of an account."""
        return bool(self.rules["cross_pool"] == "per_account")

    def _of_position(self, row: Mapping[str, Any], field: str) -> float | None:
        held = self.positions_of(row)
        if not held:
            return None
        if field == "maintenance_rate":
            notional = sum(position["notional"] for position in held)
            return sum(position["maintenance_margin"] for position in held) / notional if notional else math.nan
        if field in OF_POSITION:
            return float(sum(position[field] for position in held))
        return _only(self.pool_of(row), field) if field in OUTPUTS else None

    def _of_asset(self, row: Mapping[str, Any], field: str) -> float | None:
        asset = row["asset"]
        if self._is_shared:
            return self._of_part(row, field)
        pools = [pool for pool in self.pools(row["account"]) if pool["asset"] == asset]
        if field in _SUMMED:
            return float(sum(pool[field] for pool in pools)) if pools else None
        return _only(self.cross_pools(row), field)

    def _of_part(self, row: Mapping[str, Any], field: str) -> float | None:
        """Give what an asset adds to an account whose pool spans the assets, in the asset, before any haircut.

        ``equity = wallet_balance + bonus - borrowed + unrealized_pnl``; cash has in it what is fenced.
        """
        if row["asset"] not in self.accounts.assets or not self.pools(row["account"]):
            return None
        held = self.positions_of(row)
        if field in OF_POSITION:
            return float(sum(position[field] for position in held))
        if field not in ("wallet_balance", "equity"):
            return None
        balance = self.accounts.balances_of(row["account"]).get(row["asset"], {})
        cash, bonus, borrowed = (_number(balance.get(name)) for name in _CASH)
        if field == "wallet_balance":
            return cash
        return math.fsum([cash, bonus, -borrowed, *(position["unrealized_pnl"] for position in held)])

    def _of_account(self, row: Mapping[str, Any], field: str) -> float | None:
        if self._sums is None:
            try:
                self._sums = {entry["account"]: entry for entry in self.scores.accounts().rows()}
            except (MissingPriceError, ValueError):
                self._sums = {}
        found = self._sums.get(row["account"], {})
        if field in found and field != "margin_ratio":
            return float(found[field])
        pools = [pool for pool in self.pools(row["account"]) if pool["kind"] == "cross"]
        return _only(pools, field) if field in OUTPUTS else None


def _only(pools: list[Row], field: str) -> float | None:
    return float(pools[0][field]) if len(pools) == 1 else None


def _number(value: Any) -> float:
    return 0.0 if value is None or math.isnan(value) else float(value)
