"""Our figures of what a venue reports one of: positions, cross pools, assets of an account, accounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from crossmargin.errors import MissingPriceError
from crossmargin.scores import OUTPUTS, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crossmargin.book import Book
    from crossmargin.prices import Prices

Row = dict[str, Any]

OF_POSITION = ("notional", "unrealized_pnl", "initial_margin", "maintenance_margin")
"""What is known of a position by itself; all else is its pool's."""

_SUMMED = ("wallet_balance", "equity", *OF_POSITION)


class Figures:
    """The figures of a book at some prices, found by what a reported row is of."""

    def __init__(self, book: Book, prices: Prices) -> None:
        self.book = book
        self.prices = prices
        self.rules: dict[str, Any] = book.market.rules
        self.scores = score(book, prices, "all", missing="null")
        self.pools: list[Row] = self.scores.table.rows()
        self.positions: list[Row] = self.scores.positions.rows()
        self._accounts: list[Row] | None = None

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
        held = [position for position in self.positions if position["account"] == account]
        if level == "position":
            key = (row["instrument"], row["position_side"] or "net")
            return [position for position in held if (position["instrument"], position["position_side"]) == key]
        if level == "pool":
            held = [position for position in held if position["margin_mode"] == "cross"]
        return held if level == "account" or row["asset"] is None else [p for p in held if p["asset"] == row["asset"]]

    def cross_pools(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the cross pool of a row's asset; of a market that pools per account, the account's."""
        spans = self.rules["cross_pool"] == "per_account"
        asset = None if spans else row["asset"]
        return [
            pool
            for pool in self.pools
            if pool["account"] == row["account"] and pool["kind"] == "cross" and asset in (None, pool["asset"])
        ]

    def pool_of(self, row: Mapping[str, Any]) -> list[Row]:
        """Give the pool that a reported position is in."""
        found = self.positions_of(row)
        if found and found[0]["margin_mode"] == "isolated":
            key = (row["account"], row["instrument"], row["position_side"] or "net")
            return [pool for pool in self.pools if (pool["account"], pool["instrument"], pool["side"]) == key]
        return self.cross_pools({**row, "asset": found[0]["asset"]}) if found else []

    def gross(self, row: Mapping[str, Any]) -> float:
        """Give the size of the terms that a figure adds up: what the noise of doubles is relative to."""
        held = self.positions_of(row)
        pools = self.pool_of(row) if row["level"] == "position" else self.cross_pools({**row, "asset": row["asset"]})
        cash = sum(abs(_number(pool["wallet_balance"])) for pool in pools)
        return cash + sum(_number(position["notional"]) for position in held)

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
        account, asset = row["account"], row["asset"]
        if self.rules["cross_pool"] == "per_account":
            if field not in OF_POSITION:
                return None
            return float(sum(position[field] for position in self.positions_of(row)))
        pools = [pool for pool in self.pools if (pool["account"], pool["asset"]) == (account, asset)]
        if field in _SUMMED:
            return float(sum(pool[field] for pool in pools)) if pools else None
        return _only(self.cross_pools(row), field)

    def _of_account(self, row: Mapping[str, Any], field: str) -> float | None:
        if self._accounts is None:
            try:
                self._accounts = self.scores.accounts().rows()
            except (MissingPriceError, ValueError):
                self._accounts = []
        found = [entry for entry in self._accounts if entry["account"] == row["account"]]
        if found and field in found[0] and field != "margin_ratio":
            return float(found[0][field])
        pools = [pool for pool in self.pools if pool["account"] == row["account"] and pool["kind"] == "cross"]
        return _only(pools, field) if field in OUTPUTS else None


def _only(pools: list[Row], field: str) -> float | None:
    return float(pools[0][field]) if len(pools) == 1 else None


def _number(value: Any) -> float:
    return 0.0 if value is None or math.isnan(value) else float(value)
