"""What a reconciliation found, as a table and its parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossmargin.table import Table

_LAST = ("rounding", "follows")
"""Causes that say least."""

STATUSES = ("equal", "explained", "unexplained", "not computed")
"""What a reported figure can be."""


class Reconciliation:
    """Our figures beside those that a venue reported, with the likely cause of each difference.

    Made by `reconcile`. Exports ``__arrow_c_stream__``: the columns of `table`.

    Attributes
    ----------
    table : Table
        A row per reported figure, in the order given: ``account``, ``level``, ``asset``, ``instrument``,
        ``position_side``, ``margin_mode`` (as given), ``field``, ``ours`` (NaN where not computed), ``theirs``,
        ``difference`` (theirs less ours),
        ``step`` (unit of the last digit that the venue writes; of prices the tick where the market has it), ``steps``
        (the difference in it), ``status`` (``"equal"``, ``"explained"``, ``"unexplained"`` or ``"not computed"``),
        ``cause``, ``detail``, and ``key``, the venue's name of the figure.
    market_id : str
        The id of the rules that ours are by.
    """

    __slots__ = ("market_id", "table")

    def __init__(self, table: Table, market_id: str) -> None:
        self.table = table
        self.market_id = market_id

    def _with(self, *statuses: str) -> Table:
        keep = np.isin(self.table["status"].astype(str), statuses) if len(self.table) else np.zeros(0, dtype=bool)
        return Table({name: values[keep] for name, values in self.table.to_dict().items()})

    @property
    def equal(self) -> Table:
        """The figures that are one number, to what doubles can tell."""
        return self._with("equal")

    @property
    def explained(self) -> Table:
        """The figures that differ, with a cause that accounts for the whole difference."""
        return self._with("explained")

    @property
    def unexplained(self) -> Table:
        """The figures that differ for no cause that was tried: look at these first."""
        return self._with("unexplained")

    @property
    def not_computed(self) -> Table:
        """The figures that there are none of ours beside: not computed, or unknown for want of a price or leverage."""
        return self._with("not computed")

    @property
    def n_unexplained(self) -> int:
        """How many figures differ for no cause that was tried."""
        return len(self.unexplained)

    def __len__(self) -> int:
        return len(self.table)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the table as one Arrow record batch."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __reduce__(self) -> tuple[Any, ...]:
        return Reconciliation, (self.table, self.market_id)

    def _shown(self) -> Table:
        """Give what needs a look: what is unexplained, what is explained, what is not computed; else all."""
        statuses, causes = self.table["status"].tolist(), self.table["cause"].tolist()
        order = ("unexplained", "explained", "not computed", "equal")
        ranks = [(order.index(status), cause in _LAST) for status, cause in zip(statuses, causes, strict=True)]
        rows = sorted(range(len(ranks)), key=ranks.__getitem__)
        differing = [row for row in rows if statuses[row] != "equal"]
        columns = self.table.to_dict()
        names = ["instrument", "asset", "field", "ours", "theirs", "difference", "steps", "cause", "detail"]
        if len(set(columns["account"].tolist())) > 1:
            names.insert(0, "account")
        if set(columns["position_side"].tolist()) & {"long", "short"}:
            names.insert(names.index("instrument") + 1, "position_side")
        if len(set(columns["margin_mode"].tolist()) - {None}) > 1:
            names.insert(names.index("field"), "margin_mode")
        shown = differing or rows
        told = {tuple(columns[name][row] for name in names[: names.index("field") + 1]) for row in shown}
        if len(told) < len(shown):  # a pool's figure beside the same of its account
            names.insert(0, "level")
        return Table({name: columns[name][np.array(shown, dtype=np.int64)] for name in names})

    def __repr__(self) -> str:
        statuses = self.table["status"].tolist()
        counts = ", ".join(f"{statuses.count(status):,} {status}" for status in STATUSES)
        n = len(self)
        return f"Reconciliation({n:,} figure{'s' * (n != 1)}: {counts}; market {self.market_id!r})\n{self._shown()!r}"

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()
