"""Why is my margin this number: the evaluation of an account's pools, written down as terms that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_key, is_whole, no_account, of_type, shown
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.explanation.result import Explanation
from crossmargin.explanation.rows import rows_of
from crossmargin.prices import Prices

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Explanation", "explain"]


def explain(
    book: Book,
    prices: Prices,
    account: int | str | None = None,
    *,
    pool: int | None = None,
    liquidation_price: str | None = None,
) -> Explanation:
    """Explain every figure of an account's pools: term by term, with the numbers, the rules and their sources.

    The terms are those that the evaluation itself makes in exact arithmetic: a term is exactly what its formula makes
    of the terms and numbers in it, and the figures of a pool are, bit for bit, those of `score`. What adds nothing (a
    bonus of zero, a fee that the venue does not take) is left out.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; only what the account holds must be priced.
    account : int or str, optional
        The key of the account to explain, with all of its pools; may be left out for a book of one.
    pool : int, optional
        The place in ``book.pools`` of one pool, in place of an account or to choose among its pools.
    liquidation_price : str, optional
        Name or alias of an instrument that is held: explain its liquidation price in place of the present figures, with
        the terms that add up to an excess of 0, or the nearest to it that a double can be. The pools that hold it are
        explained, each with the mark of the instrument at the price where it fails (see `liquidation_prices`).

    Returns
    -------
    Explanation
        A row per term. First whether the pool is liquidatable, with the ``excess`` of each constraint and what that is
        made of; then ``margin_ratio``, ``venue_ratio``, ``initial_margin``, ``free_margin``, ``available``,
        ``withdrawable``, ``equity``, ``wallet_balance``, ``unrealized_pnl`` and ``notional``.

    Raises
    ------
    MissingPriceError
        For prices that the pools need and that are missing.
    ArgumentError
        For an account or pool that the book does not hold, and prices of another market; for an instrument that is not
        held, or no price of which makes the pool fail.

    Notes
    -----
    Values of terms are the doubles nearest to the exact numbers; in a pool's figures, whose bits are those of `score`,
    the last digits may be others, within the bound that `score` states. Formulas show twelve digits.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
    >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
    >>> book = xm.Book(market, balances=cash, positions=held)
    >>> explanation = xm.explain(book, market.prices(mark={"BTCUSDT": 55_000.0}))
    >>> rows = {row["term"]: row["formula"] for row in explanation.rows()}
    >>> rows["excess"]
    '500 - 150 = 350'
    >>> rows["unrealized_pnl"]
    '5,500 - 6,000 = -500'

    And the equation of the liquidation price:

    >>> limit = xm.explain(book, market.prices(mark={"BTCUSDT": 55_000.0}), liquidation_price="BTCUSDT")
    >>> [row["formula"] for row in limit.rows()][1:3]
    ['150 - 150 = 0', '1,000 - 850 = 150']
    """
    for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
        if not isinstance(value, expected):
            raise of_type(value, name, expected.__name__)
    rows: list[dict[str, Any]] = []
    titles = {}
    sources = book.market.sources
    places = _places(book, account, pool)
    asked = dict.fromkeys(places, (prices, ""))
    if liquidation_price is not None:
        from crossmargin.explanation.limits import at_liquidation  # noqa: PLC0415 - few ask for it

        asked = at_liquidation(book, prices, places, liquidation_price)
    for at, (taken, title) in asked.items():
        terms = engine.explain(book._core, taken._core, at)
        rows += rows_of(terms, at, len(rows), sources)
        titles[at] = _title(book, at) + title
    return Explanation._of(rows, titles)


def _places(book: Book, account: int | str | None, pool: int | None) -> Sequence[int]:
    """Give the pools that are asked for."""
    if pool is not None:
        pool = _place(pool, book.n_pools)
    if account is None:
        if pool is not None:
            return [pool]
        if book.n_accounts > 1:
            raise ArgumentError(
                f"account was not given, and the book has {book.n_accounts:,}: name one of book.accounts"
            )
        return range(book.n_pools)
    found = np.flatnonzero(is_key(account) and book.accounts == account)
    if len(found) != 1:
        raise no_account(account, book.accounts)
    ends = [*book._core.first_pools().tolist(), book.n_pools]
    places = range(ends[found[0]], ends[found[0] + 1])
    if pool is None:
        return places
    if pool not in places:
        raise ArgumentError(f"pool was {pool}, expected one of account {account!r}: {', '.join(map(str, places))}")
    return [pool]


def _place(pool: object, n_pools: int) -> int:
    if is_whole(pool) and 0 <= pool < n_pools:  # type: ignore[operator]
        return int(pool)  # type: ignore[call-overload,no-any-return]
    raise ArgumentError(f"pool was {shown(pool)}, expected a place in book.pools, 0 to {n_pools - 1}")


def _title(book: Book, pool: int) -> str:
    keys = {name: column[pool] for name, column in book.pools.to_dict().items()}
    account = keys["account"]
    about = " ".join(keys[name] for name in ("instrument", "side") if keys[name] not in (None, "net"))
    of = f" {about}" if about else ""
    account = account if isinstance(account, str) else int(account)
    return f"account {account!r}, {keys['kind']} pool{of} in {keys['asset']}, market {book.market.id!r}"
