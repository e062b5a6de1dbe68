"""The gate: whether proposed orders fit, each after those before it."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin._arguments import one_of
from crossmargin._asked import Applicable
from crossmargin.errors import ArgumentError
from crossmargin.orders.given import check_asked, flag, frozen, names_of, proposed, words_of
from crossmargin.orders.results import Found, reason_words
from crossmargin.price.results import column
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from crossmargin.book import Book
    from crossmargin.orders.given import Words
    from crossmargin.prices import Prices

AFTER: tuple[str, ...] = tuple(engine.AFTER)
"""Names of the figures of a pool with an order in it."""

OUTPUTS = ("pool", "cost", "available", "short", "opening")
"""Names of what can be found beside whether an order fits."""


def check_orders(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    orders: Any,
    after: str | Sequence[str] = (),
    *,
    assume: str = "resting",
    fee: str | None = None,
    round: str | None = "nearest",
    outputs: str | Sequence[str] = "all",
    violations: bool = False,
    on_error: str = "raise",
    missing: str = "raise",
    n_threads: int | None = None,
) -> Decision:
    """Decide which of proposed orders fit, by the venue's own rule, exactly.

    Rows of an account are taken in the order of the table: each meets the account with its open orders and with the
    accepted ones before it. An order that opens is accepted where it needs no more margin than there is,
    ``need = slack before - slack after + loss``, ``slack`` being what the venue tests (``available`` without a floor,
    or ``free_margin``: `Market.rules`, ``admission_test``); the loss is that of filling it at its limit at the present
    mark, where the venue counts it. An order that needs nothing is never refused for margin. Beyond margin, an order
    that opens must leave the pool not liquidatable, its leverage within its tier and its size within the last one; and
    every order must be one that the market takes: lots, ticks, sizes, sides, modes.

    Parameters
    ----------
    book : Book
        The accounts. It is not changed: see `Book.apply_orders`.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs, and the marks of what is ordered.
    orders : table
        A row per order, with the columns of ``orders`` of `Book`: ``account`` (may be left out where the book has one),
        ``instrument``, ``quantity`` (in the unit of the book; buys positive), ``price`` (no column, NaN or null: at the
        market); optional ``leverage``, ``margin_mode``, ``position_side``, ``trigger_price``, ``reduce_only``,
        ``kind`` and ``order_id``, which is carried through. Leverage and mode that are not said are those that the book
        reads for open orders. A dict of single values is a table of one row.
    after : str or sequence of str
        Figures of the pool with the order in it, as ``assume`` says, of refused orders too (as it would be): any of
        `OUTPUTS`, and ``liquidation_price``, ``below`` and ``above`` of the order's instrument; or ``"all"``. They come
        as columns ``after_excess`` and so on. None are faster.
    assume : {"resting", "market_filled", "filled"}
        What an accepted order is for the rows after it and for the figures after it: an open order; a fill at the mark
        where it has no limit; a fill at its limit, else at the mark. What waits for a trigger rests.
    fee : {"taker", "maker", "none"}, optional
        What fills pay; by default the taker rate where the market states fees.
    round : {"nearest", "down", "up"}, optional
        Where fills go with amounts that are no multiple of the quantum; ``None`` refuses such fills.
    outputs : str or sequence of str
        Which of ``pool``, ``cost``, ``available``, ``short`` and ``opening`` to find beside the verdict, or ``"all"``.
        Fewer are faster.
    violations : bool
        Whether to find every reason that applies, not only the first.
    on_error : {"raise", "reject"}
        What to do with rows that are no orders: refuse the call, or refuse the row as ``malformed``.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse the call, or refuse the row as ``unpriced``.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    Decision
        A row per order, in the order of the table.

    Raises
    ------
    BookError
        For rows that are no orders, with all faults in ``.faults``.
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For unknown columns and words, and prices of another market.

    Notes
    -----
    Verdicts are those of exact arithmetic on the decimals that the inputs denote; equality fits.

    Examples
    --------
    A long of 0.2 BTC has gained 2,000, which an order may use where it is cross, and not where it is isolated:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0})
    >>> cash = [{"account": 1, "asset": "USDT", "wallet_balance": 2_000.0}]
    >>> held = {"account": 1, "instrument": "BTCUSDT", "quantity": 0.2, "entry_price": 50_000.0, "leverage": 10.0}
    >>> order = {"instrument": "ETHUSDT", "quantity": 5.0, "price": 3_000.0, "leverage": 10.0}
    >>> for mode in ("cross", "isolated"):
    ...     book = xm.Book(market, balances=cash, positions=[held | {"margin_mode": mode}])
    ...     found = xm.check_orders(book, prices, order)
    ...     print(found.reasons[0], found.cost[0], found.available[0], found.short[0])
    accepted 1500.0 3000.0 0.0
    margin 1500.0 1000.0 500.0
    """
    check_asked(book, prices, missing, n_threads)
    words = words_of(assume, fee, round)
    one_of(on_error, "on_error", ("raise", "reject"))
    wanted, figures = names_of(outputs, "outputs", OUTPUTS), names_of(after, "after", AFTER)
    core, given = book._core, proposed(book, orders)
    every, reject = flag(violations, "violations"), on_error == "reject"
    columns, faults, n_exact, n_unpriced = engine.check_orders(
        core, prices._core, given, figures, list(wanted), words, every, reject, missing, n_threads
    )
    decision = object.__new__(Decision)
    decision._begin(book, prices, missing, frozen(columns), columns["reason"] == _UNPRICED)
    decision._core = core
    decision._proposed, decision._words = given, words
    decision.n_exact, decision.n_unpriced = n_exact, n_unpriced
    decision.faults, decision.n_faults = (None, 0) if faults is None else (Table(faults[0]), faults[1])
    return decision


_UNPRICED = engine.REASONS.index("unpriced")


class Decision(Found, Applicable):
    """Which of proposed orders fit, and why not the others: what `check_orders` decided.

    A row per order, in the order of the table. Every column is an item, and those here are attributes; figures after
    an order are items (``decision["after_excess"]``). Amounts are in ``asset``, that of the pool which the order meets:
    the account's cross pool of the settlement asset, for isolated orders too; NaN means unknown. Exports
    ``__arrow_c_stream__``: account, ``order_id`` where it was given, instrument, quantity, price and asset of the
    orders, then these.

    Attributes
    ----------
    n_exact : int
        How many orders only exact arithmetic could decide.
    n_unpriced : int
        Of how many orders something has no price.
    faults : Table or None
        What was wrong with rows that are no orders, with ``on_error="reject"``: the columns of `BookError.faults`.
    n_faults : int
        How many faults there were.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("_proposed", "_words", "faults", "n_exact", "n_faults", "n_unpriced")
    _proposed: engine.Proposed
    _words: Words
    _moves = "orders"
    n_exact: int
    n_unpriced: int
    faults: Table | None
    n_faults: int

    accepted = column("accepted", "Whether the order fits; exact.")
    reason = column("reason", "The code of the first reason that applies, a place in `REASONS`; 0: accepted.")
    pool = column("pool", "The place of the pool that the order meets in ``book.pools``; -1 where there is none yet.")
    cost = column(
        "cost",
        "What the order takes: ``initial_margin after - before``, not below 0, with its loss where that counts.",
    )
    available = column("available", "What could back it: ``available`` of the pool, with the orders before it.")
    short = column("short", "``need - max(0, slack)``: how much more it would take; 0 where margin does not refuse it.")
    opening = column("opening", "How many contracts of it open something; 0 where it only closes or waits.")

    @property
    def reasons(self) -> NDArray[Any]:
        """The word of each row's reason: ``"accepted"``, ``"margin"`` and so on, see `REASONS`."""
        return reason_words(self._found["reason"])

    @property
    def n_accepted(self) -> int:
        """How many orders were accepted."""
        return int(self._found["accepted"].sum())

    @property
    def assume(self) -> str:
        """What an accepted order is: ``"resting"``, ``"market_filled"`` or ``"filled"``."""
        return self._words[0]

    @property
    def violations(self) -> NDArray[Any]:
        """Every reason that applies: bit ``code`` is set for each.

        Raises
        ------
        ArgumentError
            Where they were not asked for.
        """
        if "violations" not in self._found:
            raise ArgumentError("the decision has no violations: ask for them with violations=True")
        return self._found["violations"]

    def _keys(self) -> dict[str, NDArray[Any]]:
        return self._proposed.keys(self._core)

    def _noun(self) -> str:
        return "order"

    def _counted(self) -> str:
        return f"{self.n_accepted:,} accepted"

    def _applied(self) -> engine.Book:
        if not self._found["accepted"].any():
            return self._core
        return engine.apply_orders(self._core, self.prices._core, self._proposed, self._found["accepted"], self._words)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_proposed": self._proposed.table(self._core)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._proposed = engine.Proposed(self._core, state["_proposed"])
