"""What happens to accounts that are watched: fills, transfers, funding, accounts that come and go."""

# ruff: noqa: A002 - `round` is the word of the numeric contract

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import is_key, one_of, shown
from crossmargin._tables import is_mapping, table_input
from crossmargin.errors import ArgumentError
from crossmargin.monitor.events import Events
from crossmargin.monitor.moments import NO_TIME, moments, time_of
from crossmargin.monitor.plain import json_of, plain_columns, plain_list, plain_table
from crossmargin.monitor.updating import Updating
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

_DIRECTIONS = ("down", "up", "nearest")
_METHODS = {
    "fills": "apply_fills",
    "transfers": "apply_transfers",
    "funding": "apply_funding",
    "grants": "apply_grants",
    "expire": "expire_bonus",
    "open": "open_accounts",
    "close": "close_accounts",
    "replace": "replace_accounts",
    "reset": "reset",
}
"""What applies each operation of a log."""

_ARGUMENTS = {
    "fills": ("fills", "round"),
    "transfers": ("transfers", "round"),
    "funding": ("funding", "round"),
    "grants": ("grants", "round"),
    "expire": ("at",),
    "open": ("balances", "positions", "orders", "accounts", "settings"),
    "close": ("accounts",),
    "replace": ("balances", "positions", "orders", "accounts", "settings"),
    "reset": ("accounts",),
}


class Operations(Updating):
    """The part of a `Monitor` that changes accounts.

    Each takes time in proportion to the accounts that it touches. A refused one has changed nothing; a table is applied
    as a whole or not at all.
    """

    __slots__ = ()

    def apply_fills(self, fills: Any, *, round: str | None = None) -> Events:
        """Apply trades that were done, in the order of their rows.

        A fill reduces the position that it meets, and what is left of it opens. Profit or loss is realised at the price
        of the fill; the entry price of a position that is added to becomes the average by quantity, to the nearest
        double (of an inverse contract that of one over the price). Of an isolated position the closed share of its
        margin goes back to the account's cash. Orders stay as they are: `replace_accounts` takes away what was filled.

        Parameters
        ----------
        fills : table
            A row per fill: ``account``, ``instrument``, ``quantity`` (float64, in the unit of the book; bought
            positive; a multiple of the lot, or all of the position) and ``price`` (float64, quote per base). Optional:
            ``fee`` (float64, in the settlement asset, negative for a rebate), ``maker`` (bool: where ``fee`` is NaN or
            absent, it is by the rate of the account's profile), ``leverage`` (of what is opened), ``isolated_margin``
            (cash to fence for what is opened), ``margin_mode`` and ``position_side`` (absent means those of the
            position that is there, or as the account chose).
        round : {"down", "up", "nearest"}, optional
            Where profits, fees and margins go that are no multiple of the asset's quantum: toward less money for the
            owner, toward more, or to the nearest. By default they are refused.

        Returns
        -------
        Events
            The flags that changed. ``.outcome`` has a row per fill: ``row``, ``account``, ``asset``, ``realized_pnl``,
            ``fee``, ``bonus`` (the change of the account's bonus: negative where vouchers paid) and ``remainder`` (what
            rounding took from the owner).

        Raises
        ------
        BookError
            For accounts that are unknown or closed, quantities of zero or no multiple of the lot, amounts of no
            multiple of the quantum, margin that is not there, and what no book can be of, with all faults in
            ``.faults``.
        MissingPriceError
            For what would be held and has no price.
        ArgumentError
            For unknown columns and columns of unequal length.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
        >>> bought = {"account": 7, "instrument": "BTCUSDT", "quantity": 0.2, "price": 60_000.0}
        >>> sold = {"account": 7, "instrument": "BTCUSDT", "quantity": -0.1, "price": 60_500.0, "fee": 3.0}
        >>> events = monitor.apply_fills([bought, sold])
        >>> events.outcome["realized_pnl"].tolist(), events.outcome["fee"].tolist()
        ([0.0, 50.0], [0.0, 3.0])
        >>> monitor.book.tables()["balances"]["wallet_balance"].tolist()
        [1047.0]
        """
        return self._moved("fills", fills, round)

    def apply_transfers(self, transfers: Any, *, round: str | None = None) -> Events:
        """Move cash to accounts and from them, in the order of the rows.

        The reference of an account's soft stop moves by as much, at the present index price. What leaves must be there:
        the wallet less what is fenced for isolated positions; whether the venue would let it leave is not asked.

        Parameters
        ----------
        transfers : table
            A row per movement: ``account``, ``asset`` and ``amount`` (float64, in the asset, paid in positive).
        round : {"down", "up", "nearest"}, optional
            Where amounts go that are no multiple of the asset's quantum; by default they are refused.

        Returns
        -------
        Events
            The flags that changed. ``.outcome`` has a row per movement: ``row``, ``account``, ``asset``, ``amount``,
            ``bonus`` (what of a bonus was void with it, negative) and ``remainder``.

        Raises
        ------
        BookError
            For accounts that are unknown or closed, unknown assets, amounts of zero or of no multiple of the quantum,
            and more than is there.
        ArgumentError
            For unknown columns and columns of unequal length.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={}))
        >>> _ = monitor.apply_transfers({"account": [7], "asset": ["USDT"], "amount": [-400.0]})
        >>> monitor.soft_stops["reference"].tolist()
        [600.0]
        """
        return self._moved("transfers", transfers, round)

    def apply_funding(self, funding: Any, *, round: str | None = "down") -> Events:
        """Pay funding between all holders of instruments.

        The owner of a position gets ``-quantity * notional of one * rate``: at a positive rate who is long pays. Of an
        isolated position it comes out of its margin, and goes there; wallets may become negative.

        Parameters
        ----------
        funding : mapping of str to float, or table
            The rate by instrument; or a row per instrument: ``instrument``, ``rate`` (float64, share of the notional)
            and optionally ``price`` (float64, that the notional is at; NaN or absent means the present mark).
        round : {"down", "up", "nearest"} or None
            Where payments go that are no multiple of the asset's quantum, each by itself; ``None`` refuses them.

        Returns
        -------
        Events
            The flags that changed. ``.outcome`` has a row per position: ``row`` (of the instrument), ``account``,
            ``asset``, ``amount`` (what the owner got), ``bonus`` (what vouchers paid of it, negative) and
            ``remainder``.

        Raises
        ------
        BookError
            For unknown instruments, those given twice, and those that are held and have no price.
        ArgumentError
            For unknown columns and columns of unequal length.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> held = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
        >>> monitor = xm.Monitor(
        ...     xm.Book(market, balances=cash, positions=held), market.prices(mark={"BTCUSDT": 60_000.0})
        ... )
        >>> monitor.apply_funding({"BTCUSDT": 0.0001}).outcome["amount"].tolist()
        [-0.6]
        """
        if is_mapping(funding) and "instrument" not in funding:
            funding = {"instrument": list(funding), "rate": list(funding.values())}
        return self._moved("funding", funding, round)

    def apply_grants(self, grants: Any, *, round: str | None = None) -> Events:
        """Grant vouchers: credit that counts as margin, pays by the market's rules, and never leaves.

        Parameters
        ----------
        grants : table
            A row per voucher: ``account``, ``asset`` and ``amount`` (float64, in the asset, above 0). Optional:
            ``paid_share`` (float64: what of a loss it pays, above 0 and at most 1; NaN or absent: the market's) and
            ``expires`` (a time; absent: never). Each waits behind those that are there.
        round : {"down", "up", "nearest"}, optional
            Where amounts go that are no multiple of the asset's quantum; by default they are refused.

        Returns
        -------
        Events
            The flags that changed. ``.outcome`` has a row per voucher: ``row``, ``account``, ``asset``, ``bonus`` (what
            was granted) and others that are 0.

        Raises
        ------
        BookError
            For accounts that are unknown or closed, unknown assets, amounts that are not above 0 or no multiple of the
            quantum, shares that are none, and markets that have no bonus.
        ArgumentError
            For unknown columns and columns of unequal length.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("binance-usdm")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
        >>> _ = monitor.apply_grants({"account": [7], "asset": ["USDT"], "amount": [100.0], "expires": ["2026-07-01"]})
        >>> bought = {"account": 7, "instrument": "BTCUSDT", "quantity": 0.1, "price": 60_000.0, "leverage": 10.0}
        >>> sold = {"account": 7, "instrument": "BTCUSDT", "quantity": -0.1, "price": 59_400.0}
        >>> monitor.apply_fills([bought, sold]).outcome["bonus"].tolist()
        [0.0, -60.0]
        >>> monitor.book.tables()["balances"].rows()
        [{'account': 7, 'asset': 'USDT', 'wallet_balance': 1000.0, 'bonus': 40.0}]
        """
        if round is not None:
            one_of(round, "round", _DIRECTIONS)
        columns = plain_columns(grants, "grants")
        times = columns.pop("expires", None)
        expires = (
            None
            if times is None
            else [None if at == NO_TIME else at for at in moments(times, "grants.expires").tolist()]
        )
        logged = columns if expires is None else columns | {"expires": expires}
        given = {"grants": logged, "round": round}
        return self._operated(
            "grants", given, lambda core, line: core.apply_grants(columns, expires, round, line), as_given=True
        )

    def expire_bonus(self, at: Any) -> Events:
        """Let the vouchers go that are void by a time.

        Parameters
        ----------
        at : int, datetime, numpy.datetime64 or str
            The time: nanoseconds since 1970, a datetime, or text in ISO 8601. No clock is read: frames do not do it.

        Returns
        -------
        Events
            The flags that changed. ``.outcome`` has a row per account and asset that lost a voucher: ``row``,
            ``account``, ``asset``, ``bonus`` (negative) and others that are 0.

        Raises
        ------
        ArgumentError
            For what is no time.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("binance-usdm")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={}))
        >>> _ = monitor.apply_grants([{"account": 7, "asset": "USDT", "amount": 100.0, "expires": "2026-07-01"}])
        >>> monitor.expire_bonus("2026-07-01").outcome["bonus"].tolist()
        [-100.0]
        """
        now = time_of(at, "at")
        return self._operated("expire", {"at": now}, lambda core, line: core.expire(now, line), as_given=True)

    def open_accounts(
        self, *, balances: Any, positions: Any = None, orders: Any = None, accounts: Any = None, settings: Any = None
    ) -> Events:
        """Bring new accounts under watch; soft stops are relative to their equity now.

        Parameters
        ----------
        balances, positions, orders, accounts, settings : table, optional
            As of `Book`, in the monitor's unit of quantities; of accounts that are not there, or were closed.

        Returns
        -------
        Events
            The flags that are set.

        Raises
        ------
        BookError
            As `Book`, and for accounts that are there already.
        MissingPriceError
            For what would be held and has no price.
        ArgumentError
            As `Book`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={"BTCUSDT": 60_000.0}))
        >>> held = {"account": [8], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [69_900.0]}
        >>> cash = {"account": [8], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> monitor.open_accounts(balances=cash, positions=held).alert.tolist()
        ['margin_ratio', 'margin_ratio', 'margin_ratio', 'liquidation']
        """
        return self._brought("open", (balances, positions, orders, accounts, settings))

    def replace_accounts(
        self, *, balances: Any, positions: Any = None, orders: Any = None, accounts: Any = None, settings: Any = None
    ) -> Events:
        """Give accounts exactly these rows, whatever they held; those that are not there are opened.

        This is how orders, settings, leverages and margins behind isolated positions change. Latches stay, and so do
        the references of soft stops.

        Parameters
        ----------
        balances, positions, orders, accounts, settings : table, optional
            As of `Book`, all rows of these accounts; in the monitor's unit of quantities.

        Returns
        -------
        Events
            The flags that changed.

        Raises
        ------
        BookError
            As `Book`.
        MissingPriceError
            For what would be held and has no price.
        ArgumentError
            As `Book`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]})
        >>> monitor = xm.Monitor(book, market.prices(mark={}))
        >>> _ = monitor.replace_accounts(balances={"account": [7], "asset": ["USDT"], "wallet_balance": [840.0]})
        >>> monitor.soft_stops["soft_stop"].tolist()
        [True]
        """
        return self._brought("replace", (balances, positions, orders, accounts, settings))

    def close_accounts(self, accounts: ArrayLike | int | str) -> Events:
        """Let accounts leave, with all that they hold: nothing is settled.

        Parameters
        ----------
        accounts : array-like of int or str, or one key
            Their keys.

        Returns
        -------
        Events
            The flags of theirs that were set, latched or not, as left.

        Raises
        ------
        BookError
            For keys that are unknown, closed already, or given twice.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7, 8], "asset": ["USDT", "USDT"], "wallet_balance": [1_000.0, 50.0]}
        >>> monitor = xm.Monitor(xm.Book(market, balances=cash), market.prices(mark={}))
        >>> _ = monitor.close_accounts(8)
        >>> monitor.book.accounts.tolist()
        [7]
        """
        given = {"accounts": [accounts] if is_key(accounts) else accounts}
        return self._operated("close", given, lambda core, line: (core.close_accounts(given["accounts"], line), None))

    def reset(self, accounts: ArrayLike | int | str | None = None) -> Events:
        """Open latches: flags are what they are now, and the reference of a soft stop is the equity now.

        Parameters
        ----------
        accounts : array-like of int or str, or one key, optional
            Their keys; by default all accounts.

        Returns
        -------
        Events
            The flags that changed.

        Raises
        ------
        ArgumentError
            For keys of no account that is there.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> cash = {"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]}
        >>> monitor = xm.Monitor(xm.Book(market, balances=cash), market.prices(mark={}), references={7: 2_000.0})
        >>> monitor.events.change.tolist(), monitor.reset().change.tolist()
        (['entered'], ['left'])
        """
        given = {"accounts": [accounts] if is_key(accounts) else accounts}
        return self._operated("reset", given, lambda core, line: (core.reset(given["accounts"], line), None))

    def _moved(self, word: str, table: Any, direction: str | None) -> Events:
        """Apply an operation that has one table and an outcome."""
        if direction is not None:
            one_of(direction, "round", _DIRECTIONS)
        given = {word: table_input(table, word), "round": direction}
        return self._operated(
            word, given, lambda core, line: getattr(core, _METHODS[word])(given[word], direction, line)
        )

    def _brought(self, word: str, tables: tuple[Any, ...]) -> Events:
        """Apply an operation that has the tables of a book."""
        given = {name: table_input(table, name) for name, table in zip(_ARGUMENTS[word], tables, strict=True)}
        if given["balances"] is None:
            raise ArgumentError("balances was None, expected a table; give one without rows if there is no cash")
        return self._operated(
            word,
            given,
            lambda core, line: (core.bring_accounts(word == "replace", *given.values(), line), None),
        )

    def _operated(self, word: str, given: dict[str, Any], call: Any, *, as_given: bool = False) -> Events:
        """Make a call of the engine; where there is a log, of what its line will say."""
        if self._recorder is None:
            return self._applied(call, None)
        for name, value in () if as_given else given.items():
            if name == "accounts" and word in ("close", "reset"):
                given[name] = plain_list(value, name)
            elif name != "round":
                given[name] = plain_table(value, name)
        return self._recorded(self._applied, call, json_of(given))

    def _applied(self, call: Any, line: str | None) -> Events:
        events, outcome = call(self._core, line)
        if events is None and outcome is None:
            return self._quiet
        made = self._core.no_events() if events is None else events
        return Events._of(made, None if outcome is None else Table(outcome))

    def _operate(self, word: str, given: Mapping[str, Any]) -> Events:
        """Apply an operation of a log."""
        unknown = [name for name in given if name not in _ARGUMENTS[word]]
        if unknown:
            raise ArgumentError(f"{word} had {shown(unknown[0])}, expected {', '.join(_ARGUMENTS[word])}")
        needed = _ARGUMENTS[word][0]
        if word != "reset" and needed not in given:
            raise ArgumentError(f"{word} had no {needed}")
        method = getattr(self, _METHODS[word])
        events: Events = method(**given)  # the arguments have the names of the operation's tables
        return events
