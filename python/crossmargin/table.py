"""Small tables: ordered columns of NumPy arrays of one length.

Here is no query language: a table is read column by column, handed to a data frame library through the Arrow PyCapsule
interface, or looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crossmargin.errors import ArgumentError

_SHOWN_ROWS = 10
_SHOWN_WIDTH = 40


def column(values: Any) -> np.ndarray[Any, Any]:
    """Make a column of a sequence: numbers as ``int64``, ``float64`` or ``bool``, text as ``object``, times as given.

    An absent number is NaN; what is absent otherwise is ``None``.
    """
    if isinstance(values, np.ndarray):
        kind = {"U": np.object_, "T": np.object_, "f": np.float64, "i": np.int64}.get(values.dtype.kind)
        return values if kind is None else values.astype(kind, copy=False)
    values = list(values)
    if {type(value) for value in values} == {float, type(None)}:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if any(value is None or isinstance(value, str) for value in values):
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    made = np.asarray(values)
    if made.dtype.kind in "iu":
        return made.astype(np.int64, copy=False)
    return made if values else made.astype(object)


class Table:
    """Ordered columns of one length, each a NumPy array.

    Text is in ``object`` arrays of `str`, absent text is ``None``; absent numbers are NaN.

    Parameters
    ----------
    columns : mapping of str to array-like
        The columns, in order.

    Examples
    --------
    >>> table = Table({"asset": ["USDT", "BTC"], "quantum": [0.01, 1e-8]})
    >>> table["quantum"].sum() > 0.01
    np.True_
    >>> len(table), table.columns
    (2, ('asset', 'quantum'))
    >>> table
    asset  quantum
    USDT      0.01
    BTC      1e-08
    (2 rows)
    """

    __slots__ = ("_columns",)

    def __init__(self, columns: Mapping[str, Any]) -> None:
        if not isinstance(columns, (dict, Mapping)):
            raise _refused(f"columns was of type {type(columns).__name__}, expected a mapping of columns by name")
        self._columns = {name: _checked(name, values) for name, values in columns.items()}
        if len(lengths := {len(values) for values in self._columns.values()}) > 1:
            raise _refused(f"columns were of {sorted(lengths)} rows, expected columns of one length")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._columns)

    def keys(self) -> tuple[str, ...]:
        """Names of the columns, in order; with ``[]`` this makes a table a mapping of columns."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return next((len(values) for values in self._columns.values()), 0)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        try:
            return self._columns[name]
        except (KeyError, TypeError):
            from crossmargin._arguments import shown  # noqa: PLC0415 - its errors hold tables

            raise _refused(f"table has no column {shown(name)}; it has {', '.join(self._columns)}") from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def to_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Give the columns by name; the arrays are not copied.

        Returns
        -------
        dict of str to ndarray
            What ``polars.DataFrame`` or ``pandas.DataFrame`` take.
        """
        return dict(self._columns)

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows, each a dict of Python scalars.

        Returns
        -------
        list of dict
            One element per row; slow for large tables.
        """
        lists = [values.tolist() for values in self._columns.values()]
        return [dict(zip(self._columns, row, strict=True)) for row in zip(*lists, strict=True)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.columns == other.columns and all(
            _equal(values, other._columns[name]) for name, values in self._columns.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the table as one Arrow record batch; NaN and ``None`` become null."""
        del requested_schema  # a hint that a producer may pass over
        return _core.arrow_stream(list(self._columns), list(self._columns.values()))

    def __reduce__(self) -> tuple[type[Table], tuple[dict[str, np.ndarray[Any, Any]]]]:
        return Table, (self._columns,)

    def __repr__(self) -> str:
        cells, right = self._cells()
        widths = [max(len(cell) for cell in cells_of) for cells_of in cells]
        lines = []
        for row in zip(*cells, strict=True):
            aligned = zip(row, widths, right, strict=True)
            line = "  ".join(cell.rjust(width) if on_right else cell.ljust(width) for cell, width, on_right in aligned)
            lines.append(line.rstrip())
        return "\n".join([*lines, self._footer()])

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415 - for notebooks only

        cells, right = self._cells()
        align = ["right" if on_right else "left" for on_right in right]

        def line(row: tuple[str, ...], tag: str) -> str:
            made = (f'<{tag} style="text-align:{a}">{escape(c)}</{tag}>' for c, a in zip(row, align, strict=True))
            return f"<tr>{''.join(made)}</tr>"

        head, *body = zip(*cells, strict=True) if cells else [()]
        lines = "".join(line(row, "td") for row in body)
        caption = f"<caption>{escape(self._footer())}</caption>"
        return f"<table>{caption}<thead>{line(head, 'th')}</thead><tbody>{lines}</tbody></table>"

    def _footer(self) -> str:
        rows = len(self)
        shown = f", {_SHOWN_ROWS} shown" if rows > _SHOWN_ROWS else ""
        return f"({rows:,} row{'' if rows == 1 else 's'}{shown})"

    def _cells(self) -> tuple[list[list[str]], list[bool]]:
        """Give name and first cells of each column as text, and which columns are numbers."""
        cells = [
            [name, *(_cell(value) for value in _shown(values[:_SHOWN_ROWS]))] for name, values in self._columns.items()
        ]
        return cells, [values.dtype.kind in "iuf" for values in self._columns.values()]


def _checked(name: object, values: Any) -> np.ndarray[Any, Any]:
    if not isinstance(name, str):
        raise _refused(f"columns held the name {name!r}, expected text")
    try:
        made = column(values)
    except (TypeError, ValueError):
        made = None
    if made is None or made.ndim != 1:
        raise _refused(f"columns[{name!r}] was of type {type(values).__name__}, expected a column: one dimension")
    return made


def _refused(message: str) -> ArgumentError:
    from crossmargin.errors import ArgumentError  # noqa: PLC0415 - errors hold tables

    return ArgumentError(message)


def _equal(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fM"))


def _shown(values: np.ndarray[Any, Any]) -> list[Any]:
    """Give values to write; times as text, of which NumPy would make numbers."""
    shown: list[Any] = (np.datetime_as_string(values) if values.dtype.kind == "M" else values).tolist()
    return [None if text == "NaT" else text for text in shown] if values.dtype.kind == "M" else shown


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN is absent
        return "-"
    try:
        text = f"{value:,.10g}" if isinstance(value, float) else str(value)
    except ValueError:  # an integer of thousands of digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN_WIDTH else f"{text[: _SHOWN_WIDTH - 3]}..."
