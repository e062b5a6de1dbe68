"""Events: flags that changed, as columns and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crossmargin._arguments import is_among, shown
from crossmargin.errors import ArgumentError
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from crossmargin import _core as engine


class Event(NamedTuple):
    """One flag that changed: a row of `Events`, whose columns these are.

    ``bool`` of ``entered`` says which way. What a column leaves open is ``None``, but for figures, which are NaN.
    """

    frame: int
    time: np.datetime64 | None
    account: int | str
    kind: str
    asset: str | None
    instrument: str | None
    side: str | None
    alert: str
    level: float
    change: str
    cause: str
    cause_name: str | None
    margin_ratio: float
    excess: float
    equity: float

    @property
    def entered(self) -> bool:
        """Whether the flag was set; else it was cleared."""
        return self.change == "entered"


COLUMNS = Event._fields
"""Names of the columns, in order."""

_TIME = COLUMNS.index("time")


def _column(name: str, doc: str) -> Any:
    def get(self: Events) -> NDArray[Any]:
        return self[name]

    get.__name__ = name
    return property(get, doc=doc)


class Events:
    """Flags that changed, in order: by frame, then owner, then level. What every call of a `Monitor` gives.

    False where there is none. Iterating gives an `Event` at a time; every column is an item and an attribute. Exports
    ``__arrow_c_stream__``: all columns, NaN and what is absent as null.

    Attributes
    ----------
    outcome : Table or None
        What an operation did beside, such as what became of each fill; ``None`` of frames.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
    >>> for event in monitor.update({"BTCUSDT": 52_000.0}):
    ...     print(event.account, event.alert, event.level, event.change, event.cause_name, event.excess)
    7 margin_ratio 2.0 entered BTCUSDT 50.0
    7 margin_ratio 1.5 entered BTCUSDT 50.0
    7 soft_stop 0.15 entered BTCUSDT nan
    """

    __slots__ = ("_core", "_found", "outcome")
    _core: engine.Events | None
    _found: dict[str, NDArray[Any]] | None
    outcome: Table | None

    def __init__(self) -> None:
        raise ArgumentError("Events are made by a Monitor; make one, and call what changes it")

    @classmethod
    def _of(cls, made: engine.Events, outcome: Table | None = None) -> Events:
        events = object.__new__(cls)
        events._core = made
        events._found = None
        events.outcome = outcome
        return events

    @classmethod
    def _joined(cls, parts: Sequence[Events]) -> Events:
        """Put events of several calls one after the other."""
        events = object.__new__(cls)
        events._core = None
        columns = [part._columns for part in parts]
        events._found = {name: np.concatenate([found[name] for found in columns]) for name in COLUMNS}
        events.outcome = None
        return events

    frame = _column("frame", "The frame at whose end it had changed; an operation has the number of the last frame.")
    time = _column("time", "The time of that frame, ``datetime64[ns]``; NaT where it had none.")
    account = _column("account", "The key of the account.")
    kind = _column("kind", "``cross`` or ``isolated`` for a pool, ``account`` for a soft stop.")
    asset = _column("asset", "What amounts are in: the pool's asset, or that in which the account is valued.")
    instrument = _column("instrument", "The instrument of an isolated pool, else ``None``.")
    side = _column("side", "The side of an isolated pool, else ``None``.")
    alert = _column("alert", "``margin_ratio``, ``liquidation`` or ``soft_stop``.")
    level = _column("level", "The level of the margin ratio, or the share of the soft stop; NaN for liquidation.")
    change = _column("change", "``entered`` or ``left``.")
    cause = _column("cause", "``mark``, ``index`` or ``last`` for a price; else the operation, such as ``fills``.")
    cause_name = _column("cause_name", "The instrument or asset whose price it was; ``None`` for an operation.")
    margin_ratio = _column("margin_ratio", "The pool's, as of `score`; NaN for an account and for a pool that is gone.")
    excess = _column("excess", "The pool's, as of `score`; NaN for an account and for a pool that is gone.")
    equity = _column("equity", "The pool's, as of `score`, or the account's in its valuation asset.")

    @property
    def _columns(self) -> dict[str, NDArray[Any]]:
        if self._found is None:
            self._found = {} if self._core is None else self._core.columns()
        return self._found

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return COLUMNS

    @property
    def table(self) -> Table:
        """All columns as a `Table`."""
        return Table(self._columns)

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """Give the columns by name; the arrays are not copied.

        Returns
        -------
        dict of str to ndarray
            What ``polars.DataFrame`` or ``pandas.DataFrame`` take.
        """
        return dict(self._columns)

    def __len__(self) -> int:
        return len(self._columns["frame"]) if self._core is None else len(self._core)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if is_among(name, COLUMNS):
            return self._columns[name]
        raise ArgumentError(f"events have no column {shown(name)}; they have {', '.join(COLUMNS)}")

    def __iter__(self) -> Iterator[Event]:
        if not len(self):
            return
        columns: list[Any] = [values.tolist() for values in self._columns.values()]
        times = self._columns["time"]
        columns[_TIME] = [None if at else time for time, at in zip(times, np.isnat(times).tolist(), strict=True)]
        yield from map(Event._make, zip(*columns, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        return self.table == other.table

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _restored, (self._columns, self.outcome)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns as one Arrow record batch; NaN, NaT and ``None`` become null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        n = len(self)
        return f"Events({n:,} event{'s' * (n != 1)})" + (f"\n{self.table!r}" if n else "")

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _restored(columns: dict[str, NDArray[Any]], outcome: Table | None) -> Events:
    """Make events again of what pickling took them apart into."""
    events = object.__new__(Events)
    events._core = None
    events._found = columns
    events.outcome = outcome
    return events
