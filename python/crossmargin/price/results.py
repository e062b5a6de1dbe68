"""What the results of this room share: columns with keys before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin._arguments import is_among, of_type, shown
from crossmargin._asked import Asked
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.prices import Prices
from crossmargin.scores import check_options
from crossmargin.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def column(name: str, doc: str) -> Any:
    """Make a property that gives a column of a result."""

    def get(self: Result) -> NDArray[Any]:
        return self[name]

    get.__name__ = name
    return property(get, doc=doc)


class Columns:
    """Columns of one length, with keys before them.

    Every column is an item (``result["below"]``) and, but for keys, an attribute; ``__arrow_c_stream__`` exports all.
    """

    __slots__ = ()
    _found: dict[str, NDArray[Any]]

    def __init__(self) -> None:
        raise ArgumentError(f"{type(self).__name__} has no figures of its own; make it with its function")

    def _keys(self) -> dict[str, NDArray[Any]]:
        """Give the columns that say what a row is of."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> NDArray[Any]:
        if is_among(name, self._found):
            return self._found[name]
        keys = self._keys()
        if is_among(name, keys):
            return keys[name]
        known = ", ".join((*keys, *self._found))
        raise ArgumentError(f"there is no column {shown(name)}; there are {known}")

    def __len__(self) -> int:
        return len(next(iter(self._found.values())))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `table`, in order."""
        return self.table.columns

    @property
    def market_id(self) -> str:
        """The id of the rules that were applied."""
        raise NotImplementedError

    @property
    def table(self) -> Table:
        """Keys and figures in one table."""
        return Table(self._keys() | self._found)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the columns of `table` as one Arrow record batch; NaN becomes null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def _noun(self) -> str:
        return "row"

    def _counted(self) -> str:
        """Say how many rows are what one looks for first."""
        if "liquidatable" not in self._found:
            return ""
        return f"{int(self._found['liquidatable'].sum()):,} liquidatable"

    def __repr__(self) -> str:
        n = len(self)
        counted = self._counted()
        words = f"{n:,} {self._noun()}{'s' * (n != 1)}{counted and f', {counted}'}, market {self.market_id!r}"
        return f"{type(self).__name__}({words})\n{self.table!r}"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class Result(Columns, Asked):
    """Columns about a book at given prices. The base of the results of this room.

    Attributes
    ----------
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_found", "_unpriced", "missing", "prices")
    _unpriced: NDArray[np.bool_] | None
    prices: Prices
    missing: str

    def _begin(self, book: Book, prices: Prices, missing: str, found: dict[str, Any], unpriced: Any) -> None:
        self.book = book
        self._core = book._core
        self.prices = prices
        self.missing = missing
        self._found = found
        self._unpriced = unpriced if missing == "null" else None

    def __getitem__(self, name: str) -> NDArray[Any]:
        if is_among(name, ("unpriced",)) and name not in self._found:
            return self.unpriced
        return super().__getitem__(name)

    @property
    def unpriced(self) -> NDArray[np.bool_]:
        """Whether the pool of a row holds something without a price; all false unless ``missing="null"``."""
        return np.zeros(len(self), dtype=np.bool_) if self._unpriced is None else self._unpriced

    @property
    def market_id(self) -> str:
        """The id of the rules that were applied."""
        return self.book.market.id

    @property
    def table(self) -> Table:
        """Keys and figures in one table, with ``unpriced`` where missing prices were allowed."""
        columns = self._keys() | self._found
        if self._unpriced is not None:
            columns["unpriced"] = self._unpriced
        return Table(columns)


def pool_keys(book: Book, pools: NDArray[np.int64] | None = None) -> dict[str, NDArray[Any]]:
    """Give the key columns of pools: of all, or of those at given places."""
    keys = book.pools.to_dict()
    return keys if pools is None else {name: values[pools] for name, values in keys.items()}


def check_call(book: object, prices: object, missing: object, n_threads: object, outputs: object = "all") -> None:
    """Refuse arguments that the engine could not read; those that it read and refused, it has refused by name."""
    for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
        if not isinstance(value, expected):
            raise of_type(value, name, expected.__name__)
    check_options(outputs, missing, n_threads)


MISREAD = (AttributeError, OverflowError, TypeError, ValueError)
"""What the compiled half raises for arguments of types that it does not take."""
