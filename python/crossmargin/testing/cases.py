"""A case of a differential test: a market and everything that a scorer is given, whichever program it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crossmargin.testing.kinds import MarketSpec

Row = Mapping[str, Any]
Rows = tuple[Row, ...]

TABLES = ("balances", "positions", "orders", "accounts", "settings")


class MarketText(str):
    """The text of a market that is too long to be shown with every failing case."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<market of {len(self):,} characters>"


@dataclass(frozen=True)
class FullCase:
    """A market of any kinds of rules with a book and prices that fit together.

    ``market`` is the text of ``spec``, or one that ``spec`` describes as far as books are drawn by it.
    """

    spec: MarketSpec
    market: str = field(repr=False)
    balances: Rows
    positions: Rows
    marks: Mapping[str, float]
    orders: Rows = ()
    accounts: Rows = ()
    settings: Rows = ()
    index: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, float] = field(default_factory=dict)
    quantity_unit: str = "contracts"

    def arguments(self) -> tuple[str, Sequence[Row], Sequence[Row], Mapping[str, float]]:
        """Return the four arguments that every scorer takes."""
        return self.market, self.balances, self.positions, self.marks

    def options(self) -> dict[str, Any]:
        """Return the other arguments, by name."""
        names = ("orders", "accounts", "settings", "index", "last", "quantity_unit")
        return {name: getattr(self, name) for name in names}

    def holders(self) -> list[Any]:
        """Return the accounts that hold or want something, as first seen."""
        rows = (*self.balances, *self.positions, *self.orders)
        return list(dict.fromkeys(row["account"] for row in rows))

    def alone(self, account: Any) -> "FullCase":
        """Return the case with the rows of one account only."""
        own: dict[str, Any] = {
            name: tuple(row for row in getattr(self, name) if row["account"] == account) for name in TABLES
        }
        return replace(self, **own)

    def with_spec(self, spec: MarketSpec) -> "FullCase":
        """Return the case under another market."""
        return replace(self, spec=spec, market=spec.toml)
