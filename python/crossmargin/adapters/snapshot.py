"""Snapshots: what one account's replies say, in the tables that a book is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.adapters._read import choice, exact, exact_of, step_of
from crossmargin.adapters._unknown import known_instruments, without_unknown
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.scores import DEFAULT_OUTPUTS, Scores, score
from crossmargin.table import Table

if TYPE_CHECKING:
    from crossmargin.adapters._read import Json
    from crossmargin.market import Market
    from crossmargin.prices import Prices
    from crossmargin.reconciliation import Reconciliation

REPORTED = ("account", "level", "asset", "instrument", "position_side", "margin_mode", "field", "value", "step", "key")
"""Columns of `Snapshot.reported`."""

_NO_AMOUNTS = ("_price", "_ratio", "_rate")
_TABLES = ("balances", "positions", "orders", "accounts", "settings")
Row = dict[str, Any]


class Snapshot:
    """What venues' replies say about accounts at one moment: tables of a book, prices, and the venue's own figures.

    Made by the functions of `crossmargin.adapters`; several are put together by `join`. Nothing is computed here but
    what a reply implies without any rule, such as a mark price that is a notional over a size; `notes` says what was.

    Attributes
    ----------
    venue : str
        Where the replies are from.
    preset : str or None
        Name of the shipped preset whose rules the account is under, where there is one and the replies tell.
    pooling : {"per_asset", "per_account"} or None
        What shares collateral, where the replies tell; a market of the other kind is refused.
    mark, index, last : dict of str to float
        Prices by the venue's names of instruments (``index``: of assets).
    contract_sizes : dict of str to float
        What one contract is, where the replies tell: base units, of inverse contracts quote units.
    notes : tuple of str
        What was derived, dropped or assumed; `book` adds what it left out.

    Examples
    --------
    >>> import crossmargin as xm
    >>> wallet = {"accountType": "UNIFIED", "accountMMRate": "0", "coin": [{"coin": "USDT", "walletBalance": "250.5"}]}
    >>> snapshot = xm.adapters.bybit.account(wallet, [])
    >>> snapshot.book(xm.load_market(snapshot.preset))
    Book(1 account, 1 pool, 0 positions, market 'bybit-uta/2025-09-02')
    """

    def __init__(  # noqa: PLR0913 - made by adapters only
        self,
        *,
        venue: str,
        tables: Mapping[str, list[Row]],
        mark: Mapping[str, float],
        reported: list[Row],
        index: Mapping[str, float] | None = None,
        last: Mapping[str, float] | None = None,
        contract_sizes: Mapping[str, float] | None = None,
        preset: str | None = None,
        pooling: str | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self.venue = venue
        self.preset = preset
        self.pooling = pooling
        self.mark = dict(mark)
        self.index = dict(index or {})
        self.last = dict(last or {})
        self.contract_sizes = dict(contract_sizes or {})
        self.notes = tuple(dict.fromkeys(notes))
        self._tables = {name: list(tables.get(name, [])) for name in _TABLES}
        self._reported = list(reported)

    @property
    def balances(self) -> Table:
        """The balances as `Book` takes them."""
        return _table(self._tables["balances"], ("account", "asset", "wallet_balance"))

    @property
    def positions(self) -> Table:
        """The positions as `Book` takes them, quantities in the venue's contracts, signed."""
        return _table(self._tables["positions"], ("account", "instrument", "quantity", "entry_price"))

    @property
    def orders(self) -> Table:
        """The open orders as `Book` takes them."""
        return _table(self._tables["orders"], ("account", "instrument", "quantity", "price"))

    @property
    def accounts(self) -> Table:
        """What is known of the accounts as such, as `Book` takes it."""
        return _table(self._tables["accounts"], ("account",))

    @property
    def settings(self) -> Table:
        """Leverages that are settings of an account and instrument, as `Book` takes them."""
        return _table(self._tables["settings"], ("account", "instrument"))

    @property
    def reported(self) -> Table:
        """The venue's own figures, a row each, for `crossmargin.reconcile`.

        Columns ``account``; ``level`` (``"position"``; ``"pool"``: the cross pool of an asset; ``"asset"``: all of the
        account's that settles in it; ``"account"``); ``asset``, ``instrument`` and ``position_side`` where they apply;
        ``field`` (an output, or ``"liquidation_price"``); ``value``; ``step``, the unit of the last digit written; and
        ``key``, the venue's own name of it.
        """
        return _table(self._reported, REPORTED)

    def book(self, market: Market, *, unknown: str = "raise", **options: Any) -> Book:
        """Make the book of the accounts under a market's rules.

        Where the market pools collateral per asset, a balance in an asset that it has not (dust, another stablecoin) is
        left out and said so in `notes`: no instrument settles in it, so nothing else depends on it.

        Parameters
        ----------
        market : Market
            The rules. Where a reply tells a contract size that is not the market's, quantities are converted.
        unknown : {"raise", "drop"}
            What to do with instruments, and with assets of a pool of several, that the market has not: refuse them, or
            leave them out and say so in `notes`. Figures are then bounds: required margins are too low.
        **options
            ``duplicates`` and ``on_error`` of `Book`.

        Returns
        -------
        Book
            The accounts, grouped.

        Raises
        ------
        BookError
            For instruments and assets that the market does not have, all in one with how to add them, and for other
            faults of rows.
        ArgumentError
            For a market that pools collateral otherwise than the account does.
        """
        pools = market.rules["cross_pool"]
        if self.pooling is not None and pools != self.pooling:
            cure = (
                f"take load_market({self.preset!r})"
                if self.preset
                else f"take rules with pools.cross = {self.pooling!r}"
            )
            raise ArgumentError(f"market {market.id!r} pools {pools}, but the account is {self.pooling}: {cure}")
        choice(unknown, "unknown", ("raise", "drop"), "it is what to do with names that the market has not")
        how = "keep" if unknown == "raise" and options.get("on_error") == "reject" else unknown
        tables = {name: [dict(row) for row in rows] for name, rows in self._tables.items()}
        tables, left_out = without_unknown(tables, market, self.venue, how)
        self.notes = tuple(dict.fromkeys((*self.notes, *left_out)))
        self._convert(market, [*tables["positions"], *tables["orders"]])
        given: dict[str, Any] = {name: _filled(rows) for name, rows in tables.items() if rows or name == "balances"}
        return Book(market, **given, **options)

    def prices(self, market: Market, *, mark: Any = None, index: Any = None, last: Any = None) -> Prices:
        """Make the prices of the moment: those of the replies, with others laid over.

        Parameters
        ----------
        market : Market
            Whose instruments and assets; names that it does not have are left out.
        mark, index, last : mapping of str to float, optional
            Prices that come before those of the replies.

        Returns
        -------
        Prices
            What `score` takes.
        """
        known = known_instruments(market)
        assets = {name: name for name in market.assets["asset"].tolist()}
        return market.prices(
            mark=_named(self.mark, known) | _named(mark or {}, None, known),
            index=(_named(self.index, assets) | _named(index or {}, None)) or None,
            last=(_named(self.last, known) | _named(last or {}, None, known)) or None,
        )

    def score(  # noqa: PLR0913 - rules, figures, prices
        self,
        market: Market,
        outputs: str | Sequence[str] = DEFAULT_OUTPUTS,
        *,
        mark: Any = None,
        index: Any = None,
        last: Any = None,
        unknown: str = "raise",
    ) -> Scores:
        """Score the accounts at the prices of the replies: `crossmargin.score` of `book` and `prices`.

        Parameters
        ----------
        market : Market
            The rules.
        outputs : str or sequence of str
            Which figures, of ``OUTPUTS``, or ``"all"``.
        mark, index, last : mapping of str to float, optional
            As of `prices`.
        unknown : {"raise", "drop"}
            As of `book`.

        Returns
        -------
        Scores
            A row per pool.
        """
        return score(
            self.book(market, unknown=unknown), self.prices(market, mark=mark, index=index, last=last), outputs
        )

    def reconcile(
        self, market: Market, *, mark: Any = None, index: Any = None, last: Any = None, unknown: str = "raise"
    ) -> Reconciliation:
        """Lay our figures beside those that the venue reported: see `crossmargin.reconcile`.

        Parameters
        ----------
        market : Market
            The rules to compute ours by.
        mark, index, last : mapping of str to float, optional
            As of `prices`.
        unknown : {"raise", "drop"}
            As of `book`.

        Returns
        -------
        Reconciliation
            A row per reported figure.
        """
        from crossmargin.reconciliation import reconcile  # noqa: PLC0415 - what only adapts does without

        prices = self.prices(market, mark=mark, index=index, last=last)
        return reconcile(self.book(market, unknown=unknown), prices, self.reported)

    def _convert(self, market: Market, rows: list[Row]) -> None:
        """Turn quantities of the venue's contracts into those of the market's."""
        sizes = _sizes(market) if self.contract_sizes else {}
        for row in rows:
            theirs, ours = self.contract_sizes.get(row["instrument"]), sizes.get(row["instrument"])
            if theirs is not None and ours is not None and theirs != ours:
                base = exact_of(row["quantity"], "quantity") * exact_of(theirs, "size") / exact_of(ours, "size")
                row["quantity"] = float(base)

    def __repr__(self) -> str:
        counts = ((len(self._tables[name]), name[:-1]) for name in ("balances", "positions", "orders"))
        told = ", ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts)
        return f"Snapshot({self.venue}, {told}, {len(self._reported):,} reported figures)"


def join(*snapshots: Snapshot, marks: str = "raise") -> Snapshot:
    """Put the snapshots of several accounts of one venue together, for one book.

    Parameters
    ----------
    *snapshots : Snapshot
        Each made with another ``account=``.
    marks : {"raise", "first", "last"}
        What to do where they give different prices of one instrument, as replies of different moments do.

    Returns
    -------
    Snapshot
        All rows, in order. ``preset`` and ``pooling`` are kept where all agree.

    Raises
    ------
    ArgumentError
        For an account in two snapshots, several venues, contract sizes that differ, and prices that do.

    Examples
    --------
    >>> from crossmargin.adapters import bybit, join
    >>> wallet = {"accountType": "UNIFIED", "accountMMRate": "0", "coin": [{"coin": "USDT", "walletBalance": "5"}]}
    >>> join(bybit.account(wallet, [], account="a"), bybit.account(wallet, [], account="b"))
    Snapshot(bybit, 2 balances, 0 positions, 0 orders, 2 reported figures)
    """
    if not snapshots:
        raise ArgumentError("snapshots were none, expected at least one")
    if marks not in ("raise", "first", "last"):
        raise ArgumentError(f"marks was {marks!r}, expected 'raise', 'first' or 'last'")
    venues = {snapshot.venue for snapshot in snapshots}
    if len(venues) > 1:
        raise ArgumentError(f"snapshots were of {', '.join(sorted(venues))}: one book holds accounts of one venue")
    owners = [owner for snapshot in snapshots for owner in _owners(snapshot)]
    twice = next((owner for owner in owners if owners.count(owner) > 1), None)
    if twice is not None:
        raise ArgumentError(f"account {twice!r} was in two snapshots: give each its own account=")
    joined: dict[str, dict[str, float]] = {}
    for kind in ("mark", "index", "last", "contract_sizes"):
        joined[kind] = _merged([getattr(snapshot, kind) for snapshot in snapshots], kind, marks)
    presets, poolings = ({getattr(s, name) for s in snapshots} for name in ("preset", "pooling"))
    return Snapshot(
        venue=venues.pop(),
        tables={name: [row for s in snapshots for row in s._tables[name]] for name in _TABLES},
        reported=[row for s in snapshots for row in s._reported],
        preset=presets.pop() if len(presets) == 1 else None,
        pooling=poolings.pop() if len(poolings) == 1 else None,
        notes=[note for snapshot in snapshots for note in snapshot.notes],
        **joined,
    )


class Draft:
    """A snapshot being written: adapters add what they read.

    ``digit`` is the last digit of amounts of a venue that leaves zeros at the end out, so that text does not show it.
    """

    def __init__(self, venue: str, account: Any, digit: float = 1.0) -> None:
        self.venue = venue
        self.digit = digit
        self.account = account
        self.tables: dict[str, list[Row]] = {name: [] for name in _TABLES}
        self.prices: dict[str, dict[str, float]] = {"mark": {}, "index": {}, "last": {}}
        self.sizes: dict[str, float] = {}
        self.reported: list[Row] = []
        self.notes: list[str] = []

    def add(self, table: str, **columns: Any) -> None:
        """Add a row of the account to a table; exact numbers become the nearest doubles."""
        row = {name: float(value) if isinstance(value, Fraction) else value for name, value in columns.items()}
        self.tables[table].append({"account": self.account, **row})

    def price(self, kind: str, name: str, value: Fraction | float | None) -> None:
        """Note a price that is positive; venues write 0 where there is none."""
        if value is not None and value > 0:
            self.prices[kind][name] = float(value)

    def leverages(self, leverage: Any) -> None:
        """Add settings: a leverage of each instrument by name, or one of all that are held."""
        if leverage is None:
            return
        if not isinstance(leverage, Mapping):
            held = [row["instrument"] for name in ("positions", "orders") for row in self.tables[name]]
            leverage = dict.fromkeys(held, leverage)
        for name, value in leverage.items():
            self.add("settings", instrument=name, leverage=exact_of(value, f"leverage[{name!r}]"))

    def report(  # noqa: PLR0913 - what it is a figure of
        self,
        row: Json,
        keys: Mapping[str, str],
        place: str,
        *,
        level: str,
        asset: str | None = None,
        instrument: str | None = None,
        side: str | None = None,
        mode: str | None = None,
        scale: Fraction = Fraction(1),
    ) -> None:
        """Note the venue's figures in an object: ``keys`` is field by the venue's key; absent ones are passed over."""
        owner = {"account": self.account, "level": level, "asset": asset, "instrument": instrument}
        for key, field in keys.items():
            value = exact(row, key, place)
            if value is None or (field.endswith("_price") and value <= 0):
                continue
            digit = 1.0 if field.endswith(_NO_AMOUNTS) else self.digit
            step = float(exact_of(min(step_of(row[key]), digit), key) * abs(scale))
            figure = {"field": field, "value": float(value * scale), "step": step, "key": key}
            self.reported.append({**owner, "position_side": side, "margin_mode": mode, **figure})

    def snapshot(self, *, preset: str | None = None, pooling: str | None = None) -> Snapshot:
        """Finish it."""
        return Snapshot(
            venue=self.venue,
            tables=self.tables,
            reported=self.reported,
            contract_sizes=self.sizes,
            preset=preset,
            pooling=pooling,
            notes=self.notes,
            **self.prices,
        )


def _owners(snapshot: Snapshot) -> list[Any]:
    rows = (row for name in _TABLES for row in snapshot._tables[name])
    return list(dict.fromkeys(row["account"] for row in rows))


def _merged(parts: list[dict[str, float]], kind: str, marks: str) -> dict[str, float]:
    made: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            before = made.setdefault(name, value)
            if before == value:
                continue
            if kind == "contract_sizes" or marks == "raise":
                cure = "they are of one venue" if kind == "contract_sizes" else "say marks='first' or marks='last'"
                raise ArgumentError(f"{kind}[{name!r}] was {before!r} in one snapshot and {value!r} in another: {cure}")
            if marks == "last":
                made[name] = value
    return made


def _sizes(market: Market) -> dict[str, float]:
    instruments = market.instruments
    sizes = dict(zip(instruments["instrument"].tolist(), instruments["contract_size"].tolist(), strict=True))
    return sizes | {alias: sizes[name] for name, others in market.aliases.items() for alias in others}


def _named(
    prices: Mapping[str, float], known: Mapping[str, str] | None, aliases: Mapping[str, str] | None = None
) -> dict[str, float]:
    if known is None:
        return {(aliases or {}).get(name, name): value for name, value in prices.items()}
    return {known[name]: value for name, value in prices.items() if name in known}


def _filled(rows: list[Row]) -> list[Row]:
    """Leave out the columns that no row says anything in, but the price of orders, which may all be at the market."""
    said = {name for row in rows for name, value in row.items() if value is not None or name == "price"}
    return [{name: value for name, value in row.items() if name in said} for row in rows]


def _table(rows: list[Row], columns: Iterable[str]) -> Table:
    names = dict.fromkeys([*columns, *(name for row in _filled(rows) for name in row)])
    return Table({name: [row.get(name) for row in rows] for name in names})
