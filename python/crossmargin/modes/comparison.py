"""The same accounts under each margin mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_among, listed, of_type, one_of, shown, text
from crossmargin._tables import is_mapping
from crossmargin.errors import ArgumentError
from crossmargin.price.results import MISREAD, Result, check_call
from crossmargin.price.shocks import moves_of
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from crossmargin.book import Book
    from crossmargin.prices import Prices

MODES = ("as_is", "cross", "isolated")
_ALLOTS = ("initial_margin", "pro_rata")


def compare_modes(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    allot: str | ArrayLike = "initial_margin",
    *,
    moves: Mapping[str, Any] | Sequence[Any] | None = None,
    modes: Sequence[str] = MODES,
    leverage: float | None = None,
    intervals: bool = False,
    valuation: str | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> ModeComparison:
    """Value every account as it is, with everything cross, and with everything isolated.

    The same positions and the same cash at the same prices: what is locked, what is left for more, what is lost if the
    weakest pool fails, and what a move of prices earns on what is locked.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs, and index prices of assets that an account
        holds beside that in which it is valued.
    allot : {"initial_margin", "pro_rata"} or array-like of float
        The cash behind each position where all are isolated: what the market fences at entry; all cash of the
        settlement asset, shared by entry notional over leverage, down to the quantum; or an amount per position, in the
        order of the input rows.
    moves : mapping of str to shock, or sequence of shocks, optional
        Joint moves of prices, as of `liquidation_distance`, by a label (by default ``0``, ``1``, ...), whose returns
        are to be given.
    modes : sequence of {"as_is", "cross", "isolated"}
        Which to compare.
    leverage : float, optional
        At which ``room`` is counted; by default that in use: notional over initial margin.
    intervals : bool
        Whether to give the prices at which the pool of each position fails, in each mode.
    valuation : str, optional
        The asset that amounts are in; by default the market's valuation asset, or the only one that pools settle in.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave those accounts out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    ModeComparison
        A row per account in the order of ``book.accounts``.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For words that are none of these, an allotment of another length, ``isolated`` under rules that have no isolated
        mode, and accounts in several assets without a ``valuation``.

    Notes
    -----
    Figures are within the bound of `score`; ``n_liquidatable`` is exact. Isolating more than there is cash for is not
    refused: ``affordable`` says so.

    Examples
    --------
    A hedged pair. Isolated, both legs lock their margin and each can fail alone; cross, one pays for the other:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [10_000.0]},
    ...     positions=[
    ...         {"account": 7, "instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 60_000.0, "leverage": 20.0},
    ...         {"account": 7, "instrument": "ETHUSDT", "quantity": -20.0, "entry_price": 3_000.0, "leverage": 20.0},
    ...     ],
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 66_000.0, "ETHUSDT": 3_300.0})
    >>> found = xm.compare_modes(book, prices)
    >>> found["n_liquidatable_cross"].tolist(), found["n_liquidatable_isolated"].tolist()
    ([0.0], [1.0])
    """
    labelled = _labelled(moves)
    wanted = tuple(listed(modes, "modes", "names of modes"))
    for word in wanted:
        one_of(word, "modes", MODES)
    if len(set(wanted)) != len(wanted) or not wanted:
        raise ArgumentError(f"modes was {shown(modes)}, expected some of {', '.join(MODES)}, each once")
    word, given = _allotted(allot)
    if valuation is not None:
        text(valuation, "valuation")
    try:
        shocks = [(label, *moves_of(book.market, shock)) for label, shock in labelled.items()]
        made = engine.compare_modes(
            book._core,
            prices._core,
            word,
            given,
            shocks,
            list(wanted),
            _leverage(leverage),
            bool(intervals),
            valuation,
            missing,
            n_threads,
        )
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    columns, positions, unpriced, n_exact, n_unpriced = made
    found = object.__new__(ModeComparison)
    found._begin(book, prices, missing, columns, unpriced)
    found._intervals = positions
    found.modes, found.moves = wanted, tuple(labelled)
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    return found


def _labelled(moves: Any) -> dict[str, Any]:
    """Give shocks by label."""
    if moves is None:
        return {}
    if isinstance(moves, str):
        return {moves: moves}
    if is_mapping(moves):
        for label in moves:
            text(label, "moves")
        return dict(moves)
    return {str(at): shock for at, shock in enumerate(listed(moves, "moves", "shocks by label"))}


def _allotted(allot: Any) -> tuple[str, NDArray[np.float64] | None]:
    if isinstance(allot, str):
        one_of(allot, "allot", _ALLOTS, ", or an amount per position")
        return allot, None
    try:
        given = np.ascontiguousarray(allot, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        given = None
    if given is None or given.ndim != 1:
        raise of_type(allot, "allot", "'initial_margin', 'pro_rata' or an amount per position")
    return "given", given


def _leverage(leverage: Any) -> float:
    if leverage is None:
        return float("nan")
    try:
        number = float(leverage)
    except (OverflowError, TypeError, ValueError):
        number = np.nan
    if not 0.0 < number < np.inf:
        raise ArgumentError(f"leverage was {shown(leverage)}, expected a positive number")
    return number


class ModeComparison(Result):
    """Accounts under each margin mode: what `compare_modes` found.

    A row per account, in the order of ``book.accounts``. Every column is an item, ``found["locked_cross"]``; amounts
    are in the asset that accounts are valued in, NaN where a leverage is unknown. Exports ``__arrow_c_stream__``: the
    key of the account, then the columns.

    Columns of each mode, ``<column>_<mode>``:

    - ``locked``: cash that positions hold: what is fenced, and the initial margin of cross pools;
    - ``free_margin``, ``available``: of the cross pools, as of `score`;
    - ``room``: ``max(0, available)`` times the leverage, the notional that could be added;
    - ``effective_leverage``: notional over the equity of the pools that hold positions; ``leverage_weakest``: the
      largest of one pool;
    - ``n_liquidatable``: how many pools the venue may liquidate; ``margin_ratio``: the smallest;
    - ``loss_if_worst_fails``: the equity of the pool with the smallest margin ratio;
    - ``return_<label>``: of each move that was asked for, profit over ``locked``, where no pool loses more than its
      equity.

    And of both: ``freed``, what isolated locks more than cross; ``affordable``, whether there is cash for all that
    isolated would fence.

    Attributes
    ----------
    modes : tuple of str
        What was compared.
    moves : tuple of str
        The labels of the moves.
    n_exact : int
        How many pools only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_intervals", "modes", "moves", "n_exact", "n_unpriced")
    _intervals: dict[str, NDArray[np.float64]]
    modes: tuple[str, ...]
    moves: tuple[str, ...]
    n_exact: int
    n_unpriced: int

    @property
    def positions(self) -> Table:
        """The keys of the positions in the order of the input rows, and ``below_<mode>`` and ``above_<mode>``.

        The last marks under and over the present one up to which the pool of the position is safe; NaN where there is
        none. Without ``intervals=True`` the keys alone.
        """
        return Table(self._core.position_keys() | self._intervals)

    def of(self, account: Any = None) -> Table:
        """Lay one account out: a row per column, and the modes beside each other.

        Parameters
        ----------
        account : int or str, optional
            The key of the account; may be left out where there is one.

        Returns
        -------
        Table
            ``column``, and one of each mode; columns of no mode are left out.

        Raises
        ------
        ArgumentError
            For an account that the book does not hold.
        """
        keys = self._core.accounts().tolist()
        if account is None and len(keys) == 1:
            account = keys[0]
        if account not in keys:
            raise ArgumentError(f"account was {shown(account)}, expected one of book.accounts")
        at = keys.index(account)
        names = [*engine.MODE_FIGURES, *(f"return_{label}" for label in self.moves)]
        columns: dict[str, Any] = {"column": names}
        for mode in self.modes:
            columns[mode] = np.array([self._found[f"{name}_{mode}"][at] for name in names], dtype=np.float64)
        return Table(columns)

    def __getattr__(self, name: str) -> NDArray[Any]:
        if not name.startswith("_") and is_among(name, self._found):
            return self._found[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _keys(self) -> dict[str, NDArray[Any]]:
        return {"account": self._core.accounts()}

    def _noun(self) -> str:
        return "account"
