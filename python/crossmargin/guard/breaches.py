"""Which pools, positions and accounts are beyond the limits of their owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_among, of_type, shown
from crossmargin.errors import ArgumentError
from crossmargin.guard.limits import Limits
from crossmargin.guard.reasons import reasons_of
from crossmargin.monitor.references import references_of
from crossmargin.price.results import MISREAD, Result, check_call, column, pool_keys
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices


def check_limits(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    limits: Limits | None = None,
    *,
    references: Mapping[Any, float] | ArrayLike | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> Breaches:
    """Say which pools, positions and accounts are beyond the limits of their owner.

    What a desk or a trader allows itself is tighter than what the venue allows. Every comparison is exact.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs, and index prices of assets that an account
        holds beside that in which it is valued.
    limits : Limits, optional
        What is allowed; by default ``Limits()``.
    references : mapping, array-like or table, optional
        The equity that the soft stop measures losses from: by account; in the order of ``book.accounts``; or in columns
        ``account`` and ``reference_equity``. Of the others, and where it is NaN or not above 0, no soft stop is asked.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or mark the pools that need them ``unpriced``
        and say nothing more of them, nor of their accounts.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    Breaches
        A row per pool in the order of ``book.pools``; false where nothing is broken.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For accounts in several assets without a ``valuation``, and prices of another market.

    Examples
    --------
    Ten times the equity in one position, of which the venue asks 2.5 %:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [600.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0})
    >>> found = xm.check_limits(book, prices, xm.Limits(max_leverage=5), references={7: 1_000.0})
    >>> found.reasons()
    account  instrument  underlying  word               value  limit
          7  BTCUSDT     -           maintenance_share   0.25   0.02
          7  -           -           soft_stop            600    850
          7  -           -           max_leverage          10      5
    (3 rows)
    """
    if limits is None:
        limits = Limits()
    if not isinstance(limits, Limits):
        raise of_type(limits, "limits", "Limits")
    for name, value in (("book", book), ("prices", prices)):
        if not hasattr(value, "_core"):
            raise of_type(value, name, name.title())
    equity = None if references is None else references_of(references, book)
    try:
        made = engine.check_limits(book._core, prices._core, limits._core(), equity, missing, n_threads)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    pools, positions, accounts, n_exact, n_unpriced = made
    found = object.__new__(Breaches)
    found._begin(book, prices, missing, {"bits": pools}, np.not_equal(pools & np.uint32(1 << UNPRICED), 0))
    found.limits = limits
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    found._bits = positions, accounts
    found._references = equity
    return found


LIQUIDATABLE, SOFT_STOP, MAINTENANCE_SHARE, MAX_LEVERAGE, CONCENTRATION, UNPRICED = range(16, 22)
"""The bits beyond those of levels."""


class Breaches(Result):
    """What is beyond the limits of its owner: what `check_limits` found.

    A row per pool, in the order of ``book.pools``; false where nothing of any pool, position or account is broken.
    Exports ``__arrow_c_stream__``: the keys of the pools, then ``bits``.

    Attributes
    ----------
    limits : Limits
        What was asked.
    n_exact : int
        How many pools only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.

    Notes
    -----
    Bits of a pool: 0 and on for the levels in descending order, 16 ``liquidatable``, 21 ``unpriced``; of an account 17
    ``soft_stop``, 19 ``max_leverage``, 20 ``concentration``; of a position 18 ``maintenance_share``.
    """

    __slots__ = ("_bits", "_references", "limits", "n_exact", "n_unpriced")
    _bits: tuple[NDArray[np.uint32], NDArray[np.uint32]]
    _references: NDArray[np.float64] | None
    limits: Limits
    n_exact: int
    n_unpriced: int

    bits = column("bits", "The limits of the pool that are broken, a bit each.")

    @property
    def positions(self) -> Table:
        """The keys of the positions in the order of the input rows, and their ``bits``."""
        return Table(self._position_keys() | {"bits": self._bits[0]})

    @property
    def accounts(self) -> Table:
        """``account`` in the order of ``book.accounts``, and its ``bits``."""
        return Table({"account": self._core.accounts(), "bits": self._bits[1]})

    def has(self, word: str) -> NDArray[np.bool_]:
        """Say of each pool, position or account whether one limit is broken.

        Parameters
        ----------
        word : str
            ``"below_1.5"`` and so on for a level, ``"liquidatable"`` or ``"unpriced"`` of pools; ``"soft_stop"``,
            ``"max_leverage"`` or ``"concentration"`` of accounts; ``"maintenance_share"`` of positions.

        Returns
        -------
        ndarray of bool
            In the order of ``book.pools``, ``book.accounts``, or the input rows of positions.

        Raises
        ------
        ArgumentError
            For a word that is none of these.
        """
        words = self._words()
        if not is_among(word, words):
            raise ArgumentError(f"word was {shown(word)}, expected one of {', '.join(words)}")
        bit, bits = words[word]
        set_: NDArray[np.bool_] = np.not_equal(bits & np.uint32(1 << bit), 0)
        return set_

    def reasons(self) -> Table:
        """Say of every limit that is broken how far it is.

        Returns
        -------
        Table
            A row each: ``account``, ``instrument`` (of a position or an isolated pool, else ``None``), ``underlying``
            (that is concentrated in, else ``None``), ``word``, ``value`` and ``limit``: the margin ratio and its level;
            equity and the least that the soft stop allows; maintenance margin over equity; notional over equity; the
            largest share. Pools first, then positions, then accounts.
        """
        return reasons_of(self)

    def _words(self) -> dict[str, tuple[int, NDArray[np.uint32]]]:
        """Give the bit of each word, and whose bits those are."""
        pools, (positions, accounts) = self._found["bits"], self._bits
        words = {name: (bit, pools) for bit, name in enumerate(self.limits.words)}
        words |= {"liquidatable": (LIQUIDATABLE, pools), "unpriced": (UNPRICED, pools)}
        words["maintenance_share"] = (MAINTENANCE_SHARE, positions)
        for name, bit in (("soft_stop", SOFT_STOP), ("max_leverage", MAX_LEVERAGE), ("concentration", CONCENTRATION)):
            words[name] = (bit, accounts)
        return words

    def __bool__(self) -> bool:
        return any(bits.any() for bits in (self._found["bits"], *self._bits))

    def _keys(self) -> dict[str, NDArray[Any]]:
        return pool_keys(self._then)

    def _position_keys(self) -> dict[str, NDArray[Any]]:
        return self._core.position_keys()

    def _noun(self) -> str:
        return "pool"
