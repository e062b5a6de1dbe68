"""Markets: what a venue says of its assets, instruments and rules."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import LARGEST, SMALLEST, of_type, one_of, shown, text
from crossmargin._price_tables import by_name
from crossmargin._tables import table_input
from crossmargin.errors import ArgumentError
from crossmargin.prices import Prices
from crossmargin.rounding import round_to
from crossmargin.table import Table

if TYPE_CHECKING:
    from crossmargin.history import PriceHistory


def presets() -> Table:
    """List the presets that come with this version.

    Returns
    -------
    Table
        Columns ``preset`` and ``as_of`` (the date whose rules it states), both text.

    Examples
    --------
    >>> "binance-usdm" in presets()["preset"]
    True
    """
    names = engine.preset_names()
    return Table({"preset": [name for name, _ in names], "as_of": [day for _, day in names]})


def load_market(name: str, as_of: date | str | None = None) -> Market:
    """Load a preset: a venue's published rules as of a date.

    Presets are unofficial restatements of what venues publish; each rule carries its source (see `Market.sources`).

    Parameters
    ----------
    name : str
        Name of the preset, such as ``"binance-usdm"`` (see `presets`).
    as_of : date or str, optional
        Take the newest file dated at most this (``"YYYY-MM-DD"``); by default the newest of all. Say it where results
        must be reproducible: what is newest changes with versions.

    Returns
    -------
    Market
        The rules; its ``id`` says which file they are from.

    Raises
    ------
    MarketError
        For a name that is not shipped, and for a date before the preset's first file.

    Examples
    --------
    >>> load_market("binance-usdm", as_of="2024-12-31").id
    'binance-usdm/2024-10-01'
    """
    text(name, "name")
    if isinstance(as_of, date):
        as_of = as_of.isoformat()[:10]
    if as_of is not None:
        text(as_of, "as_of")
    return Market._of(engine.Market.preset(name, as_of))


class Market:
    """What a venue says: assets, instruments with their tiers, and the rules of margin. Immutable.

    Made by `load_market` or `Market.from_toml`. Equal when all it says is equal; pickles as its text.

    Examples
    --------
    >>> market = load_market("textbook")
    >>> market
    Market('textbook/2020-01-01', 3 instruments, 1 asset)
    >>> market.instruments["instrument"].tolist()
    ['BTCUSDT', 'ETHUSDT', 'SOLUSDT']
    >>> market.rules["trigger_level"]
    1.0
    """

    __slots__ = ("_core",)
    _core: engine.Market

    def __init__(self) -> None:
        raise ArgumentError("Market has no values of its own; make one with load_market() or Market.from_toml()")

    @classmethod
    def _of(cls, made: engine.Market) -> Market:
        market = object.__new__(cls)
        market._core = made
        return market

    @staticmethod
    def from_toml(source: str | os.PathLike[str]) -> Market:
        """Read a market file of your own.

        Parameters
        ----------
        source : str or path-like
            A path, or the text itself: a string with a line break in it is taken as text.

        Returns
        -------
        Market
            The rules that the file states.

        Raises
        ------
        MarketError
            For text that is no market, with the path of the key; `OSError` for a file that cannot be read.

        Examples
        --------
        >>> market = Market.from_toml('''
        ... extends = "textbook/2020-01-01"
        ... preset = "strict"
        ... as_of = 2024-10-01
        ... [trigger]
        ... zero_fails = true
        ... ''')
        >>> market.id, market.rules["zero_fails"]
        ('strict/2024-10-01', True)
        """
        if isinstance(source, str) and "\n" in source:
            return Market._of(engine.Market.from_toml(text(source, "source")))
        return Market._of(engine.Market.from_toml(_content(source, "source")))

    def to_toml(self) -> str:
        """Write the market as text that `from_toml` makes an equal market of."""
        return self._core.to_toml()

    def with_tiers(self, tiers: Any, bounds: str = "quote") -> Market:
        """Replace tier tables, and add the instruments that are new.

        Parameters
        ----------
        tiers : mapping, table or path-like
            In the form of ccxt and freqtrade: a mapping of symbol to a list of tiers (``minNotional``,
            ``maxNotional``, ``maintenanceMarginRate``, ``maxLeverage``, ``info.cum``), or the path of a JSON file of
            that. Otherwise a table with a row per tier: ``instrument``, ``floor`` (inclusive), ``maintenance_rate``
            and optionally ``max_leverage``, ``cap`` (upper end) and ``deduction`` (checked, then derived anew).
        bounds : {"quote", "settle", "contracts"}
            What floors and caps are written in.

        Returns
        -------
        Market
            A new market, whose ``id`` ends in ``+tiers``.

        Raises
        ------
        MarketError
            For tables with gaps, and for names that are neither known nor symbols of linear contracts.
        ArgumentError
            For a table without the columns.

        Examples
        --------
        >>> market = load_market("textbook").with_tiers(
        ...     {
        ...         "XRP/USDT:USDT": [
        ...             {"minNotional": 0, "maxNotional": 5_000, "maintenanceMarginRate": 0.01, "maxLeverage": 50},
        ...             {"minNotional": 5_000, "maxNotional": 25_000, "maintenanceMarginRate": 0.02, "maxLeverage": 25},
        ...         ]
        ...     }
        ... )
        >>> market.tiers("XRPUSDT")["deduction"].tolist()
        [0.0, 50.0]
        """
        from crossmargin._tiers import tiers_input  # noqa: PLC0415 - a scoring program does without

        text(bounds, "bounds")
        return Market._of(self._core.with_tiers(table_input(tiers_input(tiers), "tiers"), bounds))

    def prices(self, mark: Any, index: Any = None, last: Any = None, *, bid: Any = None, ask: Any = None) -> Prices:
        """Check the prices of one moment.

        Parameters
        ----------
        mark : mapping of str to float, array-like (n_instruments,), or table
            Mark prices, quote per base: by instrument name or alias; in the order of `instruments` with NaN for those
            that are not known; or a table with the columns ``instrument`` and ``mark_price``. Only what is held needs
            a price.
        index : mapping of str to float, array-like (n_assets,), or table, optional
            Index prices of assets in the market's valuation asset, by name, in the order of `assets`, or in the
            columns ``asset`` and ``index_price``. Needed only to value what is held in several assets in one: of
            pools that span an account, and by `Scores.accounts`. The valuation asset itself has the price 1 unless
            another is given.
        last : mapping of str to float, array-like (n_instruments,), or table, optional
            Last traded prices, as `mark`, in a table ``last_price``. Needed only of what is held where the market's
            trigger looks at them (``rules["constraints"]``); nothing stands in for one that is missing.
        bid, ask : None
            Kept free for the prices that closing a position would meet; refused by this version.

        Returns
        -------
        Prices
            What `score` takes.

        Raises
        ------
        PriceError
            For a price that is not a positive number, and for a name that the market does not have.
        ArgumentError
            For an array of another length, and a table without one of its columns.

        Examples
        --------
        >>> market = load_market("textbook")
        >>> market.prices(mark={"BTCUSDT": 64_000.0}).mark.tolist()
        [64000.0, nan, nan]
        >>> market.prices(mark={"instrument": ["ETHUSDT"], "mark_price": [2_450.0]}).mark.tolist()
        [nan, 2450.0, nan]
        """
        for value, name in ((bid, "bid"), (ask, "ask")):
            if value is not None:
                message = (
                    "is not read by this version; it will be what closing a position sells or buys at: leave it out"
                )
                raise ArgumentError(f"{name} {message}")
        if type(mark) is not dict or "instrument" in mark:
            mark = by_name(mark, "mark", "instrument")
        index, last = by_name(index, "index", "asset"), by_name(last, "last", "instrument")
        return Prices._of(engine.Prices(self._core, mark, index, last), self)

    def price_history(self, mark: Any, index: Any = None, last: Any = None, time: Any = None) -> PriceHistory:
        """Gather the prices of many moments, for `score_history`.

        Parameters
        ----------
        mark : array-like (rows, n_instruments), or table
            Mark prices, a row per moment: an array in the order of `instruments`; or a table (a dict of columns, a
            list of dicts, or anything that exports Arrow) with a column per instrument, by name or alias, and
            optionally ``time``; or a table with a row per price, of the columns ``time``, ``instrument`` and
            ``mark``, which is laid out in the order of time. NaN and null mean that there is no price then: none is
            carried forward. Prices are checked when they are scored.
        index : array-like (rows, n_assets), or table, optional
            Index prices of assets, likewise. A table's ``time`` names the rows only; rows meet in their order.
        last : array-like (rows, n_instruments), or table, optional
            Last traded prices, as ``mark``.
        time : array-like (rows,), optional
            What to call the rows, where ``mark`` does not say it: times, numbers or text.

        Returns
        -------
        PriceHistory
            A sequence of `Prices`.

        Raises
        ------
        PriceError
            For a name that the market does not have, and for two prices of one instrument at one time.
        ArgumentError
            For tables of other shapes.

        Examples
        --------
        >>> market = load_market("textbook")
        >>> market.price_history(mark={"time": ["a", "b"], "BTCUSDT": [64_000.0, 63_500.0]})
        PriceHistory('textbook/2020-01-01', 2 rows, 1 of 3 instruments)
        """
        from crossmargin.history import PriceHistory  # noqa: PLC0415 - one price row does without

        return PriceHistory._of(self, mark, index, last, time)

    @property
    def id(self) -> str:
        """Preset, date and edition, such as ``"binance-usdm/2024-10-01+tiers"``: what reports carry."""
        return self._core.id

    @property
    def title(self) -> str | None:
        """What the file calls itself."""
        return self._core.title

    @property
    def assets(self) -> Table:
        """The assets in market order: ``asset`` and ``quantum``, the step in which it moves."""
        return Table(self._core.assets())

    @property
    def instruments(self) -> Table:
        """The instruments in market order.

        Columns ``instrument`` (the venue's name), ``base``, ``quote``, ``settle``, ``payoff``, ``contract_size`` (base
        units per contract; quote units of an inverse one), ``n_tiers``, ``max_leverage`` (of the first tier), ``cap``
        (upper end of the last tier, NaN for none), ``tick`` and ``lot``, ``min_quantity`` and ``max_quantity`` (of one
        order, in contracts) and ``min_notional`` (of one order, in the quote asset; of an inverse contract in the
        settlement asset), NaN where no source states them.
        """
        return Table(self._core.instruments())

    @property
    def aliases(self) -> dict[str, list[str]]:
        """Other names that instruments go by, such as ccxt's, by the venue's name."""
        return self._core.aliases()

    @property
    def rules(self) -> dict[str, Any]:
        """The rules in force, by name: the words and numbers of the market file, defaults written out.

        ``constraints`` lists what a pool is tested for, each with ``name``, ``level``, ``zero_fails``, ``price`` and
        ``required``; ``combine`` says whether any or all of them must fail. Of the rules that differ for isolated
        positions, the names end in ``_isolated``. Names that begin with ``admission_`` say what admits one more order,
        those with ``limit_`` what its size and leverage are compared with, those with ``bonus_`` what credit that
        cannot leave pays, such as ``"losses, funding"`` (``None`` where there is no such credit).
        """
        return self._core.rules()

    @property
    def sources(self) -> Table:
        """Where the rules come from: ``rule``, ``text``, ``url``, ``retrieved``, ``evidence`` and ``note``."""
        return Table(self._core.sources())

    @property
    def collateral(self) -> Table:
        """How the assets count as collateral, a row per asset and haircut tier, in market order.

        Columns ``asset``, ``floor`` (lower end of the tier), ``collateral_weight`` (of the slice above it, 1 -
        haircut), ``availability_weight`` (the same for what can back new positions), ``unit`` (``"quantity"`` or
        ``"value"``: what floors are written in), ``bid_buffer``, ``ask_buffer`` (fractions that a positive amount
        loses, and a negative one costs, of the index price) and ``liability_factor`` (multiple at which a debt
        counts). Whether the weights are applied is ``rules["collateral_value"]``; assets that the file says nothing
        about are not listed.
        """
        return Table(self._core.collateral())

    @property
    def liabilities(self) -> Table:
        """What debts require, a row per asset and tier of the quantity owed.

        Columns ``asset``, ``floor`` (in the asset), ``maintenance_rate`` and ``initial_rate`` (of the slice above the
        floor). Whether debts require anything is ``rules["liability_requirement"]``.
        """
        return Table(self._core.liabilities())

    @property
    def profiles(self) -> Table:
        """The fee profiles, the default one first.

        Columns ``profile``, ``taker`` and ``maker`` (fractions of the notional, a rebate negative) and ``discount``
        (the share of a fee that is not charged when an order fills).
        """
        return Table(self._core.profiles())

    @property
    def tier_versions(self) -> dict[str, list[str]]:
        """Names of the older tier tables that positions may still be under, by instrument; see ``tier_version``."""
        return self._core.tier_versions()

    def tiers(self, instrument: str, version: str | None = None) -> Table:
        """Give the maintenance table of one instrument.

        The maintenance margin of a notional ``u`` in a tier is ``maintenance_rate * u - deduction``.

        Parameters
        ----------
        instrument : str
            Name or alias.
        version : str, optional
            Name of an older table (see `tier_versions`); by default the present one.

        Returns
        -------
        Table
            A row per tier: ``tier`` (from 1), ``floor``, ``cap`` (infinite for none), ``maintenance_rate``,
            ``initial_rate`` (NaN where not stated), ``max_leverage`` (infinite where not stated), ``deduction`` (in
            the unit of the bounds), ``law``, ``bounds`` (the unit of floor and cap) and ``at_floor`` (whether a size
            on a floor belongs to the ``"higher"`` or the ``"lower"`` tier).

        Raises
        ------
        ArgumentError
            For a name that the market does not have, and a version that the instrument does not.

        Examples
        --------
        >>> load_market("binance-usdm").tiers("BTC/USDT:USDT")["deduction"][:3].tolist()
        [0.0, 50.0, 950.0]
        """
        text(instrument, "instrument")
        if version is not None:
            text(version, "version")
        return Table(self._core.tiers(instrument, version))

    def round_price(self, instrument: str, price: Any, side: str | None = None, tick: float | None = None) -> Any:
        """Round a price to the tick of an instrument, as the venue displays it.

        Parameters
        ----------
        instrument : str
            Name or alias.
        price : float or array-like of float
            Quote per base. A price a few steps of a double beside a multiple of the tick counts as that multiple.
        side : {"long", "short"}, optional
            The side of the position that the price is of. Needed where ``rules["price_rounding"]`` is ``"adverse"``:
            up for longs, down for shorts.
        tick : float, optional
            The step of prices, where the market states none or another is meant.

        Returns
        -------
        float or ndarray of float64
            As ``price`` was given: the double nearest to the multiple.

        Raises
        ------
        ArgumentError
            For a name that the market does not have, and for a tick or side that is missing or is none.

        Examples
        --------
        >>> market = Market.from_toml('''
        ... extends = "textbook/2020-01-01"
        ... preset = "adverse"
        ... as_of = 2024-10-01
        ... [display]
        ... price_rounding = "adverse"
        ... [[instrument]]
        ... name = "BTCUSDT"
        ... tick = 0.5
        ... ''')
        >>> market.round_price("BTCUSDT", 7735.372549, side="long")
        7735.5
        >>> market.round_price("BTCUSDT", [7735.372549, 7735.5], side="short").tolist()
        [7735.0, 7735.5]
        """
        from fractions import Fraction  # noqa: PLC0415 - a scoring program does without

        text(instrument, "instrument")
        stated = self._core.tick(instrument)
        step: Any = stated if tick is None else tick
        if step is None:
            raise ArgumentError(f"tick was None, and the market states none for {instrument!r}: give one")
        if not isinstance(step, (int, float)) or not SMALLEST <= step <= LARGEST:
            beyond = " within 2^-256..2^256" if isinstance(step, (int, float)) and 0 < step < float("inf") else ""
            raise ArgumentError(f"tick was {shown(step)}, expected a positive number{beyond}")
        rounding = self._core.price_rounding()
        if side is not None or rounding == "adverse":
            one_of(side, "side", ("long", "short"))
        try:
            prices = np.asarray(price, dtype=np.float64)
        except (OverflowError, TypeError, ValueError):
            raise of_type(price, "price", "numbers") from None
        rounded = round_to(prices, Fraction(repr(float(step))).as_integer_ratio(), rounding, upward=side == "long")
        return rounded if prices.ndim > 0 else float(rounded)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Market):
            return NotImplemented
        return self._core.equals(other._core)

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Market.from_toml, (self.to_toml(),)

    def __repr__(self) -> str:
        n, m = len(self.instruments), len(self.assets)
        return f"Market({self.id!r}, {n} instrument{'s' * (n != 1)}, {m} asset{'s' * (m != 1)})"


def _content(source: object, name: str) -> str:
    if not isinstance(source, (str, os.PathLike)):
        raise of_type(source, name, "a path or text")
    try:
        return Path(source).read_text(encoding="utf-8")
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} was {shown(source)}, which is no path of a text file: {error}") from None
