"""Why a pool needs not be looked at: the box of prices in which its flags cannot change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import shown
from crossmargin.errors import ArgumentError
from crossmargin.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Why:
    """The box of a pool: an interval for each price that counts. What `Monitor.why` gives.

    While every price stays within its interval, no flag of the pool can change, whatever the others do within theirs:
    the pool is not looked at. The first price outside has it looked at, and the box made anew. Boxes are made for speed
    and are part of no result: two monitors of one history may have different ones.

    Exports ``__arrow_c_stream__``: the columns of `table`.

    Attributes
    ----------
    account : int or str
        The key of the account.
    pool : dict
        The keys of the pool: ``kind``, ``asset``, ``instrument`` and ``side``.
    flags : dict of str to bool
        Its flags now, by the names of `Monitor.flags`.
    followed : bool
        Whether the pool is so near to a flag that it is followed from price to price: it has no box then, and its
        intervals are NaN.
    table : Table
        A row per price that counts: ``quote`` (``mark``, ``index`` or ``last``), ``name``, ``price`` (now), ``low`` and
        ``high`` (0 and infinite where any price would do, NaN where there is no box).
    """

    __slots__ = ("account", "flags", "followed", "market_id", "pool", "table")
    account: int | str
    flags: dict[str, bool]
    followed: bool
    market_id: str
    pool: dict[str, Any]
    table: Table

    def __init__(self) -> None:
        raise ArgumentError("Why has no pool of its own; ask a Monitor with why()")

    @classmethod
    def _of(
        cls, key: dict[str, Any], state: tuple[dict[str, bool], bool], columns: dict[str, Any], market_id: str
    ) -> Why:
        why = object.__new__(cls)
        pool = dict(key)
        why.account = pool.pop("account")
        why.pool = pool
        why.flags, why.followed = state
        why.table = Table(columns)
        why.market_id = market_id
        return why

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `table`."""
        return self.table.columns

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.table[name]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns of `table` as one Arrow record batch."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        about = " ".join(self.pool[name] for name in ("instrument", "side") if self.pool[name] not in (None, "net"))
        of = f" {about}" if about else ""
        flags = ", ".join(name for name, is_set in self.flags.items() if is_set) or "none"
        where = f"account {shown(self.account)}, {self.pool['kind']} pool{of} in {self.pool['asset']}"
        followed = ", followed" if self.followed else ""
        return f"Why({where}, flags set: {flags}{followed}, market {self.market_id!r})\n{self.table!r}"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()
