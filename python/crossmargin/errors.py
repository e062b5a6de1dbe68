"""What can go wrong, a class per mistake.

A bankrupt account is a result, not an error; a malformed book is an error, not a result. A refused call changes
nothing. Texts name the column, the row, what the value was and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crossmargin.orders import Verdict


class CrossmarginError(Exception):
    """Anything that crossmargin refuses; catch it to catch all of them."""


class MarketError(CrossmarginError, ValueError):
    """A market file, preset name or tier table says something that is not a market.

    Raised by `load_market`, `Market.from_toml` and `Market.with_tiers`; the text begins with the path in the file.
    """


class BookError(CrossmarginError, ValueError):
    """Rows of the tables of a book contradict themselves, each other or the market.

    Raised by `Book`; with ``on_error="reject"`` the accounts concerned are dropped instead.

    Attributes
    ----------
    faults : Table
        The first 1,000 faults: ``table``, ``row``, ``column``, ``value`` (as text), ``kind`` and ``cure``.
    n_faults : int
        How many there were.
    """

    def __init__(self, message: str, faults: Mapping[str, Any], n_faults: int) -> None:
        super().__init__(message, faults, n_faults)
        self.faults = Table(faults)
        self.n_faults = n_faults

    def __str__(self) -> str:
        return str(self.args[0])


class PriceError(CrossmarginError, ValueError):
    """A price is not a price: zero, negative, not finite, or of a name that the market does not have.

    Raised by `Market.prices`.
    """


class MissingPriceError(CrossmarginError, LookupError):
    """Something that is held has no price.

    Raised by `score` and by what is asked of `Scores`; with ``missing="null"`` the rest is scored instead.

    Attributes
    ----------
    mark : tuple of str
        Instruments without a mark price.
    last : tuple of str
        Instruments without a last price, of a market whose rules look at it.
    index : tuple of str
        Assets without an index price.
    """

    def __init__(
        self, message: str, mark: Sequence[str] = (), last: Sequence[str] = (), index: Sequence[str] = ()
    ) -> None:
        super().__init__(message, mark, last, index)
        self.mark = tuple(mark)
        self.last = tuple(last)
        self.index = tuple(index)

    @property
    def names(self) -> tuple[str, ...]:
        """All names without a price, each once: instruments, then assets."""
        return tuple(dict.fromkeys((*self.mark, *self.last, *self.index)))

    def __str__(self) -> str:
        return str(self.args[0])


class ArgumentError(CrossmarginError, ValueError, TypeError):
    """An argument has the wrong type, length, name or value; both a `ValueError` and a `TypeError`.

    Raised by every function; the text begins with the argument's name.
    """


class OrderError(CrossmarginError, ValueError):
    """An order does not fit; nothing was changed.

    Raised by `Account.place` with ``check=True``.

    Attributes
    ----------
    verdict : Verdict
        Why it does not, what it would take and what there is: what `check_order` decided.
    """

    def __init__(self, message: str, verdict: Verdict) -> None:
        super().__init__(message, verdict)
        self.verdict = verdict

    def __str__(self) -> str:
        return str(self.args[0])


class SnapshotError(CrossmarginError, ValueError):
    """Bytes that are no snapshot of a monitor: torn, foreign, changed, or of a version that this one does not read.

    Raised by `Monitor.restore` and `Monitor.load`; by `Monitor.persist` where another writer is at the same file.
    """


class InternalError(CrossmarginError, RuntimeError):
    """crossmargin itself is wrong; please report it."""
