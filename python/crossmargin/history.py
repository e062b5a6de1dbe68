"""Histories: the pool function at the prices of many moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_among, is_whole, of_type, shown
from crossmargin._asked import Asked
from crossmargin._tables import is_mapping, no_class
from crossmargin.book import Book
from crossmargin.errors import ArgumentError, PriceError
from crossmargin.scores import DEFAULT_OUTPUTS, check_options
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from crossmargin.market import Market
    from crossmargin.prices import Prices

_BLOCK_BYTES = 1 << 26
"""About how large the arrays of a block are when nothing else is asked for."""


class _RowError(ArgumentError, IndexError):
    """A row that a history does not have; an `IndexError` too, which ends iteration over a sequence."""


class PriceHistory:
    """Prices of a market at many moments, made by `Market.price_history`. Immutable.

    A sequence of `Prices`: ``len(history)`` rows, ``history[row]`` the prices of one.

    Attributes
    ----------
    market : Market
        Whose prices they are.
    time : ndarray or None
        What each row is called: times, numbers or text, as given.
    """

    __slots__ = ("_index", "_last", "_mark", "market", "time")
    _index: NDArray[np.float64]
    _last: NDArray[np.float64]
    _mark: NDArray[np.float64]
    market: Market
    time: NDArray[Any] | None

    def __init__(self) -> None:
        raise ArgumentError("PriceHistory has no market of its own; make one with market.price_history()")

    @classmethod
    def _of(cls, market: Market, mark: Any, index: Any, last: Any, time: Any) -> PriceHistory:
        instruments = _Names(market.instruments["instrument"].tolist(), market.aliases)
        history = object.__new__(cls)
        history.market = market
        history._mark, found = _matrix(mark, "mark", instruments)
        history._index, _ = _matrix(index, "index", _Names(market.assets["asset"].tolist(), {}))
        history._last, _ = _matrix(last, "last", instruments)
        if time is None:
            time = found
        history.time = None if time is None else _times(time, "time")
        rows = len(history._mark)
        others: dict[str, Any] = {"index": index, "last": last, "time": history.time}
        lengths = {
            "index": len(history._index),
            "last": len(history._last),
            "time": rows if history.time is None else history.time.size,
        }
        for name, length in lengths.items():
            if others[name] is not None and length != rows:
                raise ArgumentError(f"{name} had {length} rows, expected {rows} as in mark")
        for array in (history._mark, history._index, history._last):
            array.flags.writeable = False
        return history

    def __len__(self) -> int:
        return len(self._mark)

    def __getitem__(self, row: int) -> Prices:
        if not is_whole(row) or not -len(self) <= row < len(self):
            raise _RowError(f"row was {shown(row)}, expected one of {len(self):,} from 0, or from -1 back")
        given = (table[row] if table.shape[1] else None for table in (self._mark, self._index, self._last))
        return self.market.prices(*given)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PriceHistory):
            return NotImplemented
        if self is other:
            return True
        tables = ((self._mark, other._mark), (self._index, other._index), (self._last, other._last))
        same = all(np.array_equal(*pair, equal_nan=True) for pair in tables) and _same_times(self.time, other.time)
        return same and self.market == other.market

    def __hash__(self) -> int:
        return hash((self.market.id, len(self)))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        tables = (table if table.shape[1] else None for table in (self._mark, self._index, self._last))
        return type(self.market).price_history, (self.market, *tables, self.time)

    def __repr__(self) -> str:
        priced = int((~np.isnan(self._mark)).any(axis=0).sum())
        return f"PriceHistory({self.market.id!r}, {len(self):,} rows, {priced} of {self._mark.shape[1]} instruments)"


def _same_times(ours: NDArray[Any] | None, theirs: NDArray[Any] | None) -> bool:
    """Say whether rows are called the same, those that are not called too."""
    if ours is None or theirs is None:
        return ours is theirs
    if ours.shape != theirs.shape or ours.dtype.kind != theirs.dtype.kind:
        return False
    return bool(np.all((ours == theirs) | ((ours != ours) & (theirs != theirs))))  # noqa: PLR0124 - NaN and NaT


class _Names:
    """Columns of a table by name or alias."""

    def __init__(self, names: list[str], aliases: dict[str, list[str]]) -> None:
        self.count = len(names)
        self.places = {name: at for at, name in enumerate(names)}
        for name, others in aliases.items():
            self.places |= {other: self.places[name] for other in others if other not in self.places}

    def place(self, name: object, of: str) -> int:
        if not is_among(name, self.places):
            raise PriceError(f"{of} named {shown(name)}, which this market does not have")
        return self.places[name]  # type: ignore[index]


def _matrix(given: Any, name: str, names: _Names) -> tuple[NDArray[np.float64], Any]:
    """Lay prices out with a row per moment and a column per name; with them the times, if the table says them."""
    if given is None:
        return np.zeros((0, 0)), None
    columns = None if isinstance(given, np.ndarray) else _columns(given, name)
    if columns is None:
        try:
            matrix = np.array(given, dtype=np.float64, order="C")
        except (OverflowError, TypeError, ValueError):
            raise of_type(given, name, "a table of prices") from None
        if matrix.ndim != 2 or matrix.shape[1] != names.count:
            message = f"had shape {matrix.shape}, expected a row per moment of {names.count} prices in market order"
            raise ArgumentError(f"{name} {message}")
        return matrix, None
    time = columns.pop("time", None)
    moments = None if time is None else _times(time, f"{name}.time")
    if set(columns) == {"instrument", name} and "instrument" not in names.places:
        return _pivoted(columns, name, names, moments)
    arrays = {column: _numbers(values, f"{name}.{column}") for column, values in columns.items()}
    rows = {len(values) for values in arrays.values()} | ({len(moments)} if moments is not None else set())
    if len(rows) != 1:
        raise ArgumentError(f"{name} had columns of {sorted(rows)} rows, expected columns of one length")
    matrix = np.full((rows.pop(), names.count), np.nan)
    seen: dict[int, str] = {}
    for column, values in arrays.items():
        at = names.place(column, name)
        if at in seen:
            raise PriceError(f"{name} named {column!r} and {seen[at]!r}, which are one; give one of them")
        seen[at] = column
        matrix[:, at] = values
    return matrix, moments


def _pivoted(columns: dict[str, Any], name: str, names: _Names, moments: Any) -> tuple[NDArray[np.float64], Any]:
    """Lay out a table with a row per moment and name, in the order of the moments."""
    if moments is None:
        raise ArgumentError(f"{name}.time is missing; a table with a row per price needs the time of each")
    prices = _numbers(columns[name], f"{name}.{name}")
    keys, place = columns["instrument"], f"{name}.instrument"
    keys = keys.keys(place) if isinstance(keys, engine.ArrowColumn) else _column(keys, place, "names", object)
    if not len(keys) == len(prices) == len(moments):
        raise ArgumentError(f"{name} had columns of unequal length")
    known = {key: names.place(key, name) for key in _distinct(keys, place)}
    places = np.fromiter((known[key] for key in keys.tolist()), dtype=np.int64, count=len(keys))
    try:
        times, row = np.unique(moments, return_inverse=True)
    except (ArithmeticError, TypeError, ValueError):
        raise ArgumentError(f"{name}.time held what has no order, expected times, numbers or text alone") from None
    cells = row * names.count + places
    first = np.unique(cells, return_index=True)[1]
    if len(first) != len(cells):
        again = int(np.setdiff1d(np.arange(len(cells)), first)[0])
        cure = "give one price of each at a time"
        raise PriceError(f"{name} named {keys[again]!r} twice at {moments[again]}; {cure}")
    matrix = np.full((len(times), names.count), np.nan)
    matrix[row, places] = prices
    return matrix, times


def _columns(table: Any, name: str) -> dict[str, Any] | None:
    """Take a table apart; ``None`` for what has no named columns."""
    if is_mapping(table) or isinstance(table, Table):
        return {str(column): table[column] for column in table.keys()}  # noqa: SIM118 - tables are no dicts
    if isinstance(table, (list, tuple)) and all(is_mapping(row) for row in table):
        found = dict.fromkeys(column for row in table for column in row)
        return {column: [row.get(column) for row in table] for column in found}
    return engine.arrow_columns(no_class(table, name), name)


def _numbers(values: Any, place: str) -> NDArray[np.float64]:
    if isinstance(values, engine.ArrowColumn):
        return values.numbers(place)
    return _column(values, place, "a column of numbers", np.float64)


def _times(values: Any, place: str) -> NDArray[Any]:
    return values.times(place) if isinstance(values, engine.ArrowColumn) else _column(values, place, "times")


def _column(values: Any, place: str, expected: str, dtype: Any = None) -> NDArray[Any]:
    try:
        array = np.asarray(values, dtype=dtype)
    except (OverflowError, TypeError, ValueError):
        raise of_type(values, place, expected) from None
    if array.ndim != 1:
        raise ArgumentError(f"{place} had {array.ndim} dimensions, expected a column: one dimension")
    return array


def _distinct(keys: NDArray[Any], place: str) -> set[Any]:
    try:
        return set(keys.tolist())
    except TypeError:
        raise ArgumentError(f"{place} held what is no name, expected text") from None


class HistoryBlock(Asked):
    """Scores of consecutive rows of a history: ``block[output]`` has the shape ``(rows, n_pools)``.

    Exports ``__arrow_c_stream__``: the columns of `table`.

    Attributes
    ----------
    start : int
        The first row of the history that is in the block.
    time : ndarray or None
        What the rows are called, if the history says it.
    outputs : tuple of str
        The outputs computed, in order.
    unpriced : ndarray of bool or None
        Which pools hold something without a price, ``(rows, n_pools)``; ``None`` unless ``missing="null"``.
    n_exact : int
        How many pools only exact arithmetic could decide, over all rows.
    n_unpriced : ndarray of int64
        How many pools are unpriced, by row.
    book : Book
        What was scored.
    """

    __slots__ = ("_arrays", "n_exact", "n_unpriced", "outputs", "start", "time", "unpriced")

    def __init__(self, of: Asked, start: int, time: Any, made: Any) -> None:
        self.book, self._core = of.book, of._core
        self.start = start
        self.time = time
        self.outputs, arrays, unpriced, self.n_exact, rows = made
        shape = (len(rows), self._core.n_pools)
        self._arrays: dict[str, NDArray[Any]] = {
            name: array.reshape(shape) for name, array in zip(self.outputs, arrays, strict=True)
        }
        self.unpriced = None if unpriced is None else unpriced.reshape(shape)
        self.n_unpriced = np.array(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.n_unpriced)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if not is_among(name, self._arrays):
            known = ", ".join(self.outputs)
            raise ArgumentError(f"the block has no {shown(name)}: ask for it in outputs=; there are {known}")
        return self._arrays[name]

    @property
    def table(self) -> Table:
        """A row per moment and pool: ``row``, ``time`` where the history says it, the keys of the pool, the outputs."""
        pools = self._core.n_pools
        columns: dict[str, Any] = {"row": np.repeat(np.arange(self.start, self.start + len(self)), pools)}
        if self.time is not None:
            columns["time"] = np.repeat(self.time, pools)
        columns |= {name: np.tile(values, len(self)) for name, values in self._then.pools.to_dict().items()}
        columns |= {name: values.ravel() for name, values in self._arrays.items()}
        return Table(columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export `table` as one Arrow record batch; NaN becomes null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        end = self.start + len(self)
        return f"HistoryBlock(rows {self.start:,} to {end:,}, {self._core.n_pools:,} pools: {', '.join(self.outputs)})"


class HistoryScores(Asked):
    """The blocks of `score_history`, each computed when it is asked for: iterate, or `collect` all of it.

    ``len()`` is the number of rows.
    """

    __slots__ = ("_options", "history", "outputs", "progress", "rows_per_block")
    _options: list[Any]
    history: PriceHistory
    outputs: tuple[str, ...]
    progress: Callable[[int, int], object] | None
    rows_per_block: int

    def __init__(self) -> None:
        raise ArgumentError("HistoryScores has no figures of its own; make them with score_history()")

    @classmethod
    def _of(cls, book: Book, history: PriceHistory, asked: tuple[Any, ...], rows_per_block: int, progress: Any) -> Self:
        scores = object.__new__(cls)
        scores.book, scores._core = book, book._core
        scores.history = history
        scores.outputs, *scores._options = asked
        scores.rows_per_block = rows_per_block
        scores.progress = progress
        return scores

    def __len__(self) -> int:
        return len(self.history)

    def __iter__(self) -> Iterator[HistoryBlock]:
        for start in range(0, len(self), self.rows_per_block):
            yield self._block(start, min(start + self.rows_per_block, len(self)))

    def collect(self) -> HistoryBlock:
        """Compute all rows into one block.

        Returns
        -------
        HistoryBlock
            Arrays of ``(len(history), n_pools)``: their size is yours to judge.
        """
        blocks = list(self)
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return self._block(0, 0)
        outputs = blocks[0].outputs
        arrays = tuple(np.concatenate([block[name].ravel() for block in blocks]) for name in outputs)
        unpriced = None
        if blocks[0].unpriced is not None:
            unpriced = np.concatenate([block.unpriced.ravel() for block in blocks])  # type: ignore[union-attr]
        counts = np.concatenate([block.n_unpriced for block in blocks]).tolist()
        made = (outputs, arrays, unpriced, sum(block.n_exact for block in blocks), counts)
        return HistoryBlock(self, 0, self.history.time, made)

    def _block(self, start: int, end: int) -> HistoryBlock:
        history = self.history
        tables = (history._mark, history._index, history._last)
        mark, index, last = (table[start:end] if table.shape[1] else np.zeros((end - start, 0)) for table in tables)
        try:
            made = engine.score_rows(self._core, history.market._core, mark, index, last, self.outputs, *self._options)
        except Exception as error:
            _renumber(error, start)
            raise
        if self.progress is not None:
            self.progress(end, len(self))
        time = None if history.time is None else history.time[start:end]
        return HistoryBlock(self, start, time, made)

    def __repr__(self) -> str:
        return f"HistoryScores({len(self):,} rows of {self._core.n_pools:,} pools, {self.rows_per_block:,} at a time)"


def _renumber(error: Exception, start: int) -> None:
    """Say the row of the history, where the engine has said that of the block."""
    notes = getattr(error, "__notes__", [])
    for at, note in enumerate(notes):
        if note.startswith("in row ") and note.endswith(" of the history"):
            notes[at] = f"in row {start + int(note.split()[2])} of the history"


def score_history(  # noqa: PLR0913 - options by keyword only
    book: Book,
    history: PriceHistory,
    outputs: str | Sequence[str] = DEFAULT_OUTPUTS,
    *,
    missing: str = "raise",
    n_threads: int | None = None,
    rows_per_block: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> HistoryScores:
    """Evaluate every pool of a book at the prices of many moments.

    Equal bit for bit to calling `score` for each row. The book is what it is now: nothing is traded, funded or
    liquidated between the rows.

    Parameters
    ----------
    book : Book
        The accounts.
    history : PriceHistory
        Made by ``book.market.price_history``.
    outputs, missing, n_threads
        As of `score`.
    rows_per_block : int, optional
        How many rows are computed at once; by default as many as fill about 64 MB.
    progress : callable, optional
        Called with the rows done and their number after each block.

    Returns
    -------
    HistoryScores
        An iterable of blocks, each computed when it is asked for, so that no more than one is in memory; `collect`
        gives all of it at once.

    Raises
    ------
    MissingPriceError
        When a block is computed in which a needed price is missing; a note of the exception names the row.
    PriceError
        Likewise, for a price that is not a positive number.
    ArgumentError
        For unknown outputs, and a history of another market.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
    >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
    >>> book = xm.Book(market, balances=cash, positions=held)
    >>> history = market.price_history(mark={"time": [9, 10, 11], "BTCUSDT": [60_000.0, 52_000.0, 50_000.0]})
    >>> for block in xm.score_history(book, history, rows_per_block=2):
    ...     print(block.time.tolist(), block["excess"][:, 0].tolist())
    [9, 10] [850.0, 50.0]
    [11] [-150.0]
    """
    if not isinstance(book, Book):
        raise of_type(book, "book", "Book")
    if not isinstance(history, PriceHistory):
        raise of_type(history, "history", "PriceHistory")
    # Options and outputs are checked here and not when the first block is asked for.
    nothing = np.zeros((0, 0))
    no_mark = np.zeros((0, history._mark.shape[1]))
    market = history.market._core
    try:
        checked = engine.score_rows(book._core, market, no_mark, nothing, nothing, outputs, missing, n_threads)[0]
    except (OverflowError, TypeError, ValueError):
        check_options(outputs, missing, n_threads)
        raise
    if progress is not None and not callable(progress):
        raise of_type(progress, "progress", "what can be called with two integers")
    if rows_per_block is None:
        rows_per_block = max(1, _BLOCK_BYTES // max(8 * book.n_pools * len(checked), 1))
    elif type(rows_per_block) is not int or rows_per_block < 1:
        raise ArgumentError(f"rows_per_block was {shown(rows_per_block)}, expected a positive integer")
    return HistoryScores._of(book, history, (checked, missing, n_threads), rows_per_block, progress)
