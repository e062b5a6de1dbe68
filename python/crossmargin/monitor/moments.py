"""Times of frames, as nanoseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_whole, shown
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TIME = -(2**63)
"""What a frame without a time has: NumPy's NaT."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 2**63 - 1
_EXPECTED = "expected nanoseconds since 1970 as an integer, a datetime, or text in ISO 8601"


def moment(value: Any, name: str = "time") -> int:
    """Read one time.

    Examples
    --------
    >>> moment("2024-10-01T08:00:00.000000001Z")
    1727769600000000001
    >>> moment(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), moment(None) == NO_TIME
    (1000000000, True)
    """
    if value is None:
        return NO_TIME
    if type(value) is int and NO_TIME <= value <= _MOST:
        return value
    try:
        made = _nanoseconds(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} was {shown(value)}, {_EXPECTED}") from None
    except OverflowError:
        made = _MOST + 1
    if not NO_TIME <= made <= _MOST:
        raise ArgumentError(f"{name} was {shown(value)}, which is beyond what 64 bits of nanoseconds hold")
    return made


def time_of(value: Any, name: str) -> int:
    """Read one time that must be there."""
    made = moment(value, name)
    if made == NO_TIME:
        raise ArgumentError(f"{name} was {shown(value)}, expected a time")
    return made


def _nanoseconds(value: Any) -> int:
    if is_whole(value):
        return int(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        past = aware - _EPOCH
        return ((past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds) * 1_000
    if isinstance(value, (str, np.datetime64)):
        return _of_numpy(value)
    raise TypeError(value)


def _of_numpy(value: str | np.datetime64) -> int:
    if isinstance(value, str):
        bare = value.removesuffix("Z").removesuffix("+00:00")
        if not bare.isascii() or "+" in bare or bare.rfind("-") > len("2024-10"):
            raise ValueError(value)  # a zone, which NumPy would refuse with a warning
        value = np.datetime64(bare)
    if np.isnat(value):
        return NO_TIME
    return int(checked(np.array([value]))[0])


def checked(array: NDArray[Any]) -> NDArray[np.int64]:
    """Turn an array of ``datetime64`` of any unit into nanoseconds, or raise `OverflowError`."""
    made = array.astype("datetime64[ns]")
    if not np.array_equal(made.astype(array.dtype), array, equal_nan=True):
        raise OverflowError
    return made.view(np.int64)


def moments(values: Any, name: str = "time") -> NDArray[np.int64]:
    """Read a column of times."""
    if isinstance(values, engine.ArrowColumn):
        values = values.times(name)
    array = values if isinstance(values, np.ndarray) else _listed(values, name)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return array.astype(np.int64, copy=False)
    if array.ndim == 1 and array.dtype.kind == "M":
        try:
            return checked(array)
        except OverflowError:
            raise ArgumentError(f"{name} held a time beyond what 64 bits of nanoseconds hold") from None
    if array.ndim == 1 and array.dtype.kind in "OUT":
        return np.array([moment(value, f"{name}[{row}]") for row, value in enumerate(array.tolist())], dtype=np.int64)
    raise ArgumentError(f"{name} was of {array.ndim} dimensions and dtype {array.dtype}, {_EXPECTED}, one per row")


def _listed(values: Any, name: str) -> NDArray[Any]:
    if isinstance(values, (list, tuple)):
        made = np.empty(len(values), dtype=object)
        made[:] = values
        return made
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} was {shown(values)}, {_EXPECTED}, one per row") from None
