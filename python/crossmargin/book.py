"""Books: the accounts, checked and grouped into pools once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin import _core as engine
from crossmargin._applying import Applying
from crossmargin._arguments import no_account, of_type, text
from crossmargin._tables import nested_tables, table_input
from crossmargin.errors import ArgumentError
from crossmargin.market import Market
from crossmargin.table import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossmargin.account import Account
    from crossmargin.prices import Prices


class Book(Applying):
    """The accounts of a market: balances, positions and orders, grouped once into collateral pools.

    Equal when market, accounts and all that they hold are equal; pickles as its market and `tables`. It changes by
    `apply_orders` and `apply_transfers` alone, which put another state in the place of what it holds; answers about the
    book stay those of the state that they were made of. `copy` gives a book that changes by itself.

    A cross pool holds an account's cash of one asset with all cross positions and orders that settle in it; where the
    market pools per account, the cash, positions and orders of all assets. An isolated position is a pool of its own
    with the cash fenced for it. The book owns its copy of the tables.

    Parameters
    ----------
    market : Market
        The rules, instruments and assets.
    balances : table
        A row per account and asset: ``account`` (integers or text), ``asset`` (name, or place in the market's order)
        and ``wallet_balance`` (float64, in the asset; realised cash only, including what is fenced for isolated
        positions and without the bonus; negative for debt). Optional, in the asset and not negative, 0 where absent:
        ``bonus`` (credit that counts as margin and cannot leave, where the venue has such) and ``borrowed`` (what is
        owed of the asset).
    positions : table, optional
        A row per position: ``account``, ``instrument`` (name or alias, or place in the market's order), ``quantity``
        (float64, in contracts; long positive, never zero) and ``entry_price`` (float64, quote per base). Optional:
        ``leverage`` (NaN where unknown: initial margin is then unknown), ``margin_mode`` (``"cross"`` or
        ``"isolated"``; absent means cross), ``isolated_margin`` (cash fenced, in the settlement asset, without
        unrealised profit; NaN means initial margin at entry), ``position_side`` (``"net"``, ``"long"`` or
        ``"short"``; absent means net), ``tier_version`` (name of an older tier table that the position keeps, where
        the venue lets it; absent means the present one) and ``tier`` (the tier chosen for it, from 1, where the venue
        lets the user choose; NaN means by size).
    orders : table, optional
        A row per open order: ``account``, ``instrument``, ``quantity`` (float64, as of positions; buys positive, never
        zero) and ``price`` (float64, its limit, quote per base; NaN for an order without a limit, which is valued at
        mark). Optional: ``leverage``, ``margin_mode`` and ``position_side`` (the leg that it trades) as of positions,
        ``trigger_price`` (NaN: the order is active), ``reduce_only`` (bool; absent means False), ``kind``
        (``"limit"``, ``"market"``, ``"stop"`` or ``"take_profit"``, which the prices must agree with) and
        ``order_id`` (integers or text), which is carried through. Whether and how an order counts is the market's rule.
    accounts : table, optional
        At most a row per account: ``account``; optional ``profile`` (name of a fee profile of the market; absent means
        the default, see `Market.profiles`), ``tier_coefficient`` (positive multiple of the tier bounds, where the
        venue grants such; absent means 1), ``margin_mode`` (for rows and settings that do not say it) and
        ``position_mode`` (``"one_way"`` or ``"hedge"``: a row whose side is of the other is refused).
    settings : table, optional
        At most a row per account and instrument, for positions and orders that do not say it themselves:
        ``account``, ``instrument``; optional ``leverage`` and ``margin_mode``.
    quantity_unit : {"contracts", "base"}
        What ``quantity`` counts, of positions and of orders.
    duplicates : {"raise", "merge"}
        What to do with a second row of an account, instrument, side and mode, or of an account and asset: refuse it,
        or add balances and quantities up and weigh the entry prices with the quantities.
    on_error : {"raise", "reject"}
        What to do with malformed rows: refuse the book, or drop *whole accounts* and say which in `rejected` (an
        account without one of its legs has a wrong margin).

    Raises
    ------
    BookError
        For rows that cannot be, with all faults in ``.faults``.
    ArgumentError
        For unknown columns, columns of unequal length, and types that are no numbers or keys.

    Notes
    -----
    A table is a dict of columns (NumPy arrays, lists, or anything with ``__array__``, ``__dlpack__`` or the buffer
    protocol), any object with ``__arrow_c_stream__`` or ``__arrow_c_array__``, or a list of dicts; see `from_nested`
    for one table with a row per account. ``float64`` and ``int64`` columns that are contiguous are read where they lie,
    others are converted first; do not write to them while the call runs. Numbers may be written as text. Sorting by
    account is not needed but makes building faster.

    Every number denotes the shortest decimal that its ``repr`` writes; decisions are exact for these decimals.
    Magnitudes outside 2^-256..2^256 are refused.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("binance-usdm")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": ["a", "b"], "asset": ["USDT", "USDT"], "wallet_balance": [5_000.0, 900.0]},
    ...     positions=[
    ...         {"account": "a", "instrument": "BTCUSDT", "quantity": 0.5, "entry_price": 60_000.0},
    ...         {"account": "a", "instrument": "ETHUSDT", "quantity": -2.0, "entry_price": 3_000.0},
    ...         {"account": "b", "instrument": "BTC/USDT:USDT", "quantity": 0.2, "entry_price": 61_000.0},
    ...     ],
    ... )
    >>> book
    Book(2 accounts, 2 pools, 3 positions, market 'binance-usdm/2024-10-01')
    >>> book.pools["asset"].tolist()
    ['USDT', 'USDT']

    An order, of an account whose leverage for the instrument is a setting:

    >>> order = {"account": "b", "instrument": "BTCUSDT", "quantity": 0.1, "price": 60_000.0, "reduce_only": False}
    >>> setting = {"account": "b", "instrument": "BTCUSDT", "leverage": 20.0}
    >>> cash = {"account": ["b"], "asset": ["USDT"], "wallet_balance": [900.0]}
    >>> xm.Book(market, balances=cash, orders=[order], settings=[setting])
    Book(1 account, 1 pool, 0 positions, market 'binance-usdm/2024-10-01')
    """

    __slots__ = ("_core", "_pools", "_quantity_unit", "_rejected", "market")
    _core: engine.Book
    _pools: Table | None
    _quantity_unit: str
    _rejected: Rejected | None
    market: Market

    def __init__(  # noqa: PLR0913 - the tables and how to read them
        self,
        market: Market,
        *,
        balances: Any,
        positions: Any = None,
        orders: Any = None,
        accounts: Any = None,
        settings: Any = None,
        quantity_unit: str = "contracts",
        duplicates: str = "raise",
        on_error: str = "raise",
        _window: int | None = None,
    ) -> None:
        if not isinstance(market, Market):
            raise of_type(market, "market", "a Market")
        if balances is None:
            raise ArgumentError("balances was None, expected a table; give one without rows if there is no cash")
        self._quantity_unit = text(quantity_unit, "quantity_unit")
        self._core = engine.Book(
            market._core,
            table_input(balances, "balances"),
            table_input(positions, "positions"),
            table_input(orders, "orders"),
            table_input(accounts, "accounts"),
            table_input(settings, "settings"),
            self._quantity_unit,
            text(duplicates, "duplicates"),
            text(on_error, "on_error"),
            _window,
        )
        self._pools = None
        report = self._core.rejected()
        self._rejected = None if report is None else Rejected(**report)
        self.market = market

    @classmethod
    def _of(cls, made: engine.Book, market: Market) -> Book:
        book = object.__new__(cls)
        book._quantity_unit = made.quantity_unit
        book._put(made)
        book._rejected = None
        book.market = market
        return book

    def _put(self, core: engine.Book) -> None:
        self._core = core
        self._pools = None

    def _at(self, core: engine.Book) -> Book:
        """Give the book with the state that it had, or has."""
        return self if core is self._core else Book._of(core, self.market)

    @classmethod
    def from_nested(
        cls,
        market: Market,
        table: Any,
        *,
        quantity_unit: str = "contracts",
        duplicates: str = "raise",
        on_error: str = "raise",
    ) -> Book:
        """Make a book of one table with a row per account.

        Parameters
        ----------
        market : Market
            The rules, instruments and assets.
        table : table
            ``account``, and lists of rows in ``balances``, ``positions``, ``orders`` and ``settings``, as far as there
            are: columns of the Arrow type list of struct, or a list of dicts that hold lists of dicts. The rows have
            the columns of `Book`'s tables but ``account``. Any other column is one of the table ``accounts``.
        quantity_unit, duplicates, on_error
            As of `Book`; faults name the rows of the lists, counted over all accounts.

        Returns
        -------
        Book
            The book that the tables make when they are given one by one.

        Raises
        ------
        BookError, ArgumentError
            As `Book`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> held = {"instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0}
        >>> cash = {"asset": "USDT", "wallet_balance": 500.0}
        >>> xm.Book.from_nested(market, [{"account": 4, "balances": [cash], "positions": [held]}])
        Book(1 account, 1 pool, 1 position, market 'textbook/2020-01-01')
        """
        tables: dict[str, Any] = {"balances": {}, **nested_tables(table)}
        return cls(market, **tables, quantity_unit=quantity_unit, duplicates=duplicates, on_error=on_error)

    @property
    def n_accounts(self) -> int:
        """Number of accounts."""
        return self._core.n_accounts

    @property
    def n_pools(self) -> int:
        """Number of pools: the length of every result."""
        return self._core.n_pools

    @property
    def n_positions(self) -> int:
        """Number of positions, merged ones counted once."""
        return self._core.n_positions

    @property
    def accounts(self) -> NDArray[Any]:
        """Keys of the accounts as first seen, balances before positions: int64, or ``object`` for text."""
        return self._core.accounts()

    @property
    def pools(self) -> Table:
        """The keys of the pools, in the order of every result.

        Ordered by account as first seen, cross before isolated, asset, instrument and side. Columns ``account``,
        ``kind`` (``"cross"`` or ``"isolated"``), ``asset`` (settlement), and for isolated pools ``instrument`` and
        ``side``, which are ``None`` for cross pools.
        """
        if self._pools is None:
            self._pools = Table(self._core.pools())
        return self._pools

    @property
    def quantity_unit(self) -> str:
        """What ``quantity`` counts in the tables: ``"contracts"`` or ``"base"``."""
        return self._quantity_unit

    @property
    def rejected(self) -> Rejected | None:
        """What ``on_error="reject"`` dropped; ``None`` when nothing was."""
        return self._rejected

    def tables(self, account: Any = None) -> dict[str, Any]:
        """Give the accounts back as tables: what ``Book(market, **tables)`` makes an equal book of, bit for bit.

        Every number is the one that was entered, names are those of the market, and what was left open is filled in as
        the book read it: positions say their margin mode, side and, where ``settings`` knew it, their leverage. Rows
        that were merged are one, rows that were rejected are gone, and so are rows of ``accounts`` and ``settings``
        for accounts that hold nothing. Balances of zero are given only where something depends on them.

        Parameters
        ----------
        account : int or str, optional
            The key of one account, to give the rows of that account alone.

        Returns
        -------
        dict
            The arguments by name, a `Table` each: ``balances``, and ``positions``, ``orders``, ``accounts`` and
            ``settings`` where they have rows. Positions are in the order of the rows that they came from. Of a book
            that counts in base units also ``quantity_unit``, without which its quantities would be read as contracts:
            take it out with ``pop`` where only tables are wanted.

        Raises
        ------
        ArgumentError
            For a key that the book does not hold.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> held = {"account": [4], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> cash = {"account": [4], "asset": ["USDT"], "wallet_balance": [500.0]}
        >>> book = xm.Book(market, balances=cash, positions=held)
        >>> book.tables()["positions"]
        account  instrument  quantity  entry_price  margin_mode  position_side
              4  BTCUSDT          0.1       60,000  cross        net
        (1 row)
        >>> xm.Book(market, **book.tables()) == book
        True

        So do they as tables of another library, or as arrays:

        >>> copied = {name: table.to_dict() for name, table in book.tables().items()}
        >>> xm.Book(market, **copied) == book
        True
        """
        try:
            given = self._core.tables(account)
        except ArgumentError:
            raise no_account(account, self.accounts) from None
        tables: dict[str, Any] = {name: Table(value) for name, value in given.items() if isinstance(value, dict)}
        return tables if self._quantity_unit == "contracts" else tables | {"quantity_unit": self._quantity_unit}

    def account(self, key: int | str | None = None, prices: Prices | None = None) -> Account:
        """Take one account out, to look at or to trade on; the book is not changed by what is done to it.

        Parameters
        ----------
        key : int or str, optional
            Which account; not needed where there is only one.
        prices : Prices, optional
            What to mark it with.

        Returns
        -------
        Account
            As `Account.from_book` makes it.

        Raises
        ------
        ArgumentError
            For a key that the book does not hold.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [4], "asset": ["USDT"], "wallet_balance": [500.0]})
        >>> book.account(4).withdrawable
        500.0
        """
        from crossmargin.account import Account  # noqa: PLC0415 - a scoring program does without

        return Account.from_book(self, key, prices)

    def copy(self) -> Book:
        """Give a book that holds the same and changes by itself.

        Returns
        -------
        Book
            An equal one. Nothing is copied before one of them changes.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [4], "asset": ["USDT"], "wallet_balance": [500.0]})
        >>> order = {"instrument": "BTCUSDT", "quantity": 0.01, "price": 60_000.0, "leverage": 20.0}
        >>> tried = book.copy()
        >>> decision = xm.check_orders(tried, market.prices(mark={"BTCUSDT": 60_000.0}), order)
        >>> tried.apply_orders(decision) == book
        False
        """
        made = Book._of(self._core, self.market)
        made._pools, made._rejected = self._pools, self._rejected
        return made

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Book:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Book):
            return NotImplemented
        if self is other:
            return True
        sizes = (self.n_accounts, self.n_pools, self.n_positions)
        if sizes != (other.n_accounts, other.n_pools, other.n_positions) or self.market != other.market:
            return False
        return self.tables() == other.tables() and self.pools == other.pools

    def __hash__(self) -> int:
        return hash(self.market.id)  # what it holds may change

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _restored, (self.market, self.tables(), self._rejected)

    def __repr__(self) -> str:
        parts = ((self.n_accounts, "account"), (self.n_pools, "pool"), (self.n_positions, "position"))
        counts = ", ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in parts)
        return f"Book({counts}, market {self.market.id!r})"


def _restored(market: Market, tables: dict[str, Any], rejected: Rejected | None) -> Book:
    """Make a book again of what pickling took it apart into."""
    book = Book(market, **tables)
    book._rejected = rejected
    return book


class Rejected:
    """The accounts that a book was built without.

    Attributes
    ----------
    faults : Table
        The first 1,000 faults: ``table``, ``row``, ``column``, ``value``, ``kind`` and ``cure``.
    n_faults : int
        How many there were.
    accounts : ndarray
        Keys of the accounts dropped.
    balance_rows, position_rows, order_rows : ndarray of int64
        Their rows in the input tables, ascending.
    """

    __slots__ = ("accounts", "balance_rows", "faults", "n_faults", "order_rows", "position_rows")

    def __init__(  # noqa: PLR0913 - a row list per table
        self,
        *,
        faults: Any,
        n_faults: int,
        accounts: NDArray[Any],
        balance_rows: NDArray[np.int64],
        position_rows: NDArray[np.int64],
        order_rows: NDArray[np.int64],
    ) -> None:
        self.faults = Table(faults)
        self.n_faults = n_faults
        self.accounts = accounts
        self.balance_rows = balance_rows
        self.position_rows = position_rows
        self.order_rows = order_rows

    def __len__(self) -> int:
        return len(self.accounts)

    def __repr__(self) -> str:
        n, m = len(self), self.n_faults
        return f"Rejected({n:,} account{'s' * (n != 1)} for {m:,} fault{'s' * (m != 1)})\n{self.faults!r}"
