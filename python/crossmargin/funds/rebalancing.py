"""Moving margin between pools: the least that brings all of them to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_key, listed, no_account, one_of, shown
from crossmargin._asked import Applicable, Asked
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.funds.applying import moved_tables
from crossmargin.monitor.references import references_of
from crossmargin.price.results import MISREAD, check_call
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from crossmargin.prices import Prices

SWEEPS = ("none", "surplus", "profit")


def rebalance(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    target_ratio: float,
    *,
    sweep: str = "none",
    reference: Mapping[Any, float] | ArrayLike | None = None,
    accounts: ArrayLike | int | str | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
) -> Rebalance:
    """Find the least cash that has to move between the pools of each account for all of them to be at a target.

    A pool is at its target where ``collateral_value >= target_ratio * maintenance_margin``. Margin moves as venues let
    it: from an account's cash behind its isolated positions, and back; nothing is converted, and no position changes.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    target_ratio : float
        The margin ratio that every pool is to have, above 0.
    sweep : {"none", "surplus", "profit"}
        What then leaves the accounts whose pools all are at their target: nothing; all that their cross pools can
        spare; or no more of that than ``equity - reference``. What is fenced stays.
    reference : mapping, array-like or table, optional
        The equity of each account above which is profit, in the asset that accounts are valued in: by account; in the
        order of ``book.accounts``; or in columns ``account`` and ``reference_equity``. Needed for ``"profit"``.
    accounts : array-like of int or str, or one key, optional
        Whose pools; by default of all.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave those accounts as they are.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same for any number.

    Returns
    -------
    Rebalance
        The transfers, and what becomes of each pool. `Book.apply_transfers` makes them; nothing else changes the book.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For a target that is not above 0, unknown accounts, and ``"profit"`` without references.

    Notes
    -----
    In quanta, exactly. First the account's cash pays what its isolated positions lack; what it cannot pay comes out of
    isolated positions that have more than they need, from the highest margin ratio down. Where all is not enough, the
    lowest margin ratios are served first, and ``short`` says what is still lacking. A pool that lacks gives nothing,
    and no pool gives what would take it below its target, beyond the venue's rule, or into liquidation.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [10_000.0]},
    ...     positions=[
    ...         {
    ...             "account": 7,
    ...             "instrument": "BTCUSDT",
    ...             "quantity": 2.0,
    ...             "entry_price": 50_000.0,
    ...             "leverage": 20.0,
    ...             "margin_mode": "isolated",
    ...             "isolated_margin": 3_000.0,
    ...         }
    ...     ],
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 49_500.0})
    >>> moves = xm.rebalance(book, prices, target_ratio=2.0)
    >>> moves.transfers["from_kind"].tolist(), moves.transfers["to_kind"].tolist(), moves.transfers["amount"].tolist()
    (['cross'], ['isolated'], [3000.0])
    >>> xm.score(book.apply_transfers(moves), prices, "margin_ratio")["margin_ratio"].tolist()
    [inf, 2.0]
    """
    one_of(sweep, "sweep", SWEEPS)
    ratio = _ratio(target_ratio)
    if sweep == "profit" and reference is None:
        raise ArgumentError("reference was not given: profit is what equity is above it")
    try:
        equity = None if reference is None else references_of(reference, book)
        places = None if accounts is None else _places(accounts, book)
        made = engine.rebalance(book._core, prices._core, ratio, sweep, equity, places, missing, n_threads)
    except ArgumentError:
        raise
    except MISREAD:
        check_call(book, prices, missing, n_threads)
        raise
    transfers, pools, quanta = made
    return Rebalance._of(book, prices, (transfers, pools, quanta), ratio)


def _ratio(given: Any) -> float:
    try:
        ratio = float(given)
    except (OverflowError, TypeError, ValueError):
        ratio = np.nan
    if not 0.0 < ratio < np.inf:
        raise ArgumentError(f"target_ratio was {shown(given)}, expected a positive number")
    return ratio


def _places(given: Any, book: Book) -> list[int]:
    """Find accounts by their keys."""
    keys = [given] if is_key(given) else listed(given, "accounts", "keys of accounts")
    known = {key: place for place, key in enumerate(book.accounts.tolist())}
    places: dict[int, None] = {}
    for key in keys:
        place = known.get(key) if is_key(key) else None
        if place is None:
            raise no_account(key, book.accounts)
        places[place] = None
    return sorted(places)


class Rebalance(Asked, Applicable):
    """The least cash that has to move: what `rebalance` found.

    False where nothing moves. Exports ``__arrow_c_stream__``: the transfers.

    Attributes
    ----------
    transfers : Table
        A row per movement, in the order in which they are to be made: ``account``, ``asset``, ``from_kind``,
        ``from_instrument``, ``from_side``, ``to_kind`` (``"out"`` for what leaves the account), ``to_instrument``,
        ``to_side`` and ``amount`` (in the asset).
    pools : Table
        A row per pool of the accounts (of one that spans assets, per asset): the keys of ``book.pools``, ``moved``
        (positive in, negative out), ``short`` (what it still lacks), ``margin_ratio`` and ``margin_ratio_after``.
    quanta : list of int
        The amounts of ``transfers`` as numbers of the asset's quanta, exactly.
    target_ratio : float
        What was asked for.
    book, prices
        What was asked about.
    """

    __slots__ = ("pools", "prices", "quanta", "target_ratio", "transfers")
    _moves = "transfers"
    transfers: Table
    pools: Table
    quanta: list[int]
    target_ratio: float
    prices: Prices

    def __init__(self) -> None:
        raise ArgumentError("Rebalance has no figures of its own; make it with rebalance()")

    @classmethod
    def _of(cls, book: Book, prices: Prices, made: tuple[Any, Any, list[int]], ratio: float) -> Rebalance:
        found = object.__new__(cls)
        found.book, found.prices, found._core, found.target_ratio = book, prices, book._core, ratio
        found.transfers, found.pools, found.quanta = Table(made[0]), Table(made[1]), made[2]
        return found

    @property
    def total_moved(self) -> dict[str, float]:
        """The sum of all transfers, by asset."""
        moved = self.transfers
        totals: dict[str, float] = {}
        for asset in dict.fromkeys(moved["asset"].tolist()):
            totals[asset] = engine.total(np.ascontiguousarray(moved["amount"][moved["asset"] == asset]))
        return totals

    @property
    def is_short(self) -> bool:
        """Whether some pool is still below its target."""
        return bool((self.pools["short"] > 0.0).any())

    @property
    def market_id(self) -> str:
        """The id of the rules that were applied."""
        return self.book.market.id

    def _applied(self) -> engine.Book:
        then = self._then
        return Book(then.market, **moved_tables(then, self.transfers, self.quanta))._core

    def __len__(self) -> int:
        return len(self.transfers)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the transfers as one Arrow record batch."""
        return self.transfers.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        n = len(self)
        moved = ", ".join(f"{amount:,.10g} {asset}" for asset, amount in self.total_moved.items()) or "nothing"
        short = ", short" if self.is_short else ""
        words = f"{n:,} transfer{'s' * (n != 1)} of {moved}{short}, market {self.market_id!r}"
        return f"Rebalance({words})" + (f"\n{self.transfers!r}" if n else "")

    def _repr_html_(self) -> str:
        return self.transfers._repr_html_()
