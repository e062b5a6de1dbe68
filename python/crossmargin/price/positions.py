"""Liquidation prices along the mark of each position's instrument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from crossmargin import _core as engine
from crossmargin._arguments import is_among, one_of, shown
from crossmargin.errors import ArgumentError
from crossmargin.price.results import MISREAD, Result, check_call, column
from crossmargin.price.underlyings import UnderlyingPrices, underlying_prices
from crossmargin.rounding import at_ticks
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from crossmargin.book import Book
    from crossmargin.market import Market
    from crossmargin.prices import Prices

OUTPUTS: tuple[str, ...] = tuple(engine.POSITION_PRICES)
"""Names of all that is found for each position, in the order of ``outputs="all"``."""

_PATHS = ("instrument", "underlying")

_prices = engine.liquidation_prices
_new = object.__new__


@overload
def liquidation_prices(
    book: Book,
    prices: Prices,
    along: Literal["instrument"] = "instrument",
    outputs: str | Sequence[str] = "all",
    *,
    out: Mapping[str, NDArray[Any]] | LiquidationPrices | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
    _isa: str | None = None,
    _windows_per_claim: int | None = None,
) -> LiquidationPrices: ...
@overload
def liquidation_prices(
    book: Book,
    prices: Prices,
    along: Literal["underlying"],
    *,
    missing: str = "raise",
    n_threads: int | None = None,
) -> UnderlyingPrices: ...
def liquidation_prices(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    along: str = "instrument",
    outputs: str | Sequence[str] = "all",
    *,
    out: Mapping[str, NDArray[Any]] | LiquidationPrices | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
    _isa: str | None = None,
    _windows_per_claim: int | None = None,
) -> LiquidationPrices | UnderlyingPrices:
    """Find the prices at which pools fail, exactly.

    A pool is safe while its ``excess`` is above what its rules demand (see `score`). As one price moves and all else
    stays, it is safe between two prices, `below` and `above`: the last doubles, moving away from the present price,
    up to which it is. Tiers, order reserves, hedge legs and haircuts are those of each price on the way, not of the
    present one. Of a pool that fails already they are the nearest prices at which it does not.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``; what is needed is what `score` needs.
    along : {"instrument", "underlying"}
        What moves: the mark of one instrument, for each position; or, for each pool and underlying, every mark of that
        underlying and the index price of the asset of its name, so that collateral moves too.
    outputs : str or sequence of str
        Along an instrument, which of ``below``, ``above``, ``liquidation_price``, ``bankruptcy_price`` and
        ``liquidatable`` to find, or ``"all"``. Fewer are faster.
    out : mapping of str to ndarray, or LiquidationPrices, optional
        Along an instrument, arrays to write to instead of new ones, as of `score`, of ``book.n_positions`` elements.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or leave the pools that need them out.
    n_threads : int, optional
        Threads to use, as of `score`. Results are the same bits for any number.

    Returns
    -------
    LiquidationPrices or UnderlyingPrices
        A row per position in the order of the input rows; or a row per pool and underlying.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For unknown words, arrays in ``out`` that do not fit, and prices of another market.

    Notes
    -----
    Every price is decided by the sign of the excess in exact arithmetic, for the decimals that the inputs denote: at
    `below` the pool is safe, at the next double under it it is not.

    Examples
    --------
    A long of 0.1 BTC from 60,000 with 1,000 of cash fails when what is left falls below 2.5 % of 6,000:

    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> found = xm.liquidation_prices(book, market.prices(mark={"BTCUSDT": 61_000.0}))
    >>> float(found.below[0]), float(found.above[0]), float(found.bankruptcy_price[0])
    (51500.0, nan, 50000.0)
    """
    if along != "instrument":
        one_of(along, "along", _PATHS)
        if out is not None or not (isinstance(outputs, str) and outputs == "all"):
            name = "outputs" if out is None else "out"
            raise ArgumentError(f'{name} was given, which is of along="instrument": leave it out')
        return underlying_prices(book, prices, missing, n_threads)
    try:
        made = _prices(book._core, prices._core, outputs, out, missing, n_threads, _isa, _windows_per_claim)
    except MISREAD:
        check_call(book, prices, missing, n_threads, outputs)
        raise
    names, arrays, unpriced, n_exact, n_unpriced = made
    found = _new(LiquidationPrices)
    found._begin(book, prices, missing, dict(zip(names, arrays, strict=True)), unpriced)
    found.n_exact, found.n_unpriced = n_exact, n_unpriced
    return found


class LiquidationPrices(Result):
    """Where the pool of each position fails as the mark of its instrument moves: what `liquidation_prices` found.

    A row per position, in the order of the input rows; prices are quote per base, NaN where there is none. Every output
    is an attribute and an item. Exports ``__arrow_c_stream__``: the keys of `positions`, the present mark, the outputs.

    Attributes
    ----------
    n_exact : int
        How many positions have a price that only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was asked about.
    missing : str
        What was asked for missing prices: ``"raise"`` or ``"null"``.
    """

    __slots__ = ("n_exact", "n_unpriced")
    n_exact: int
    n_unpriced: int

    below = column("below", "The last mark under the present one up to which the pool is safe; NaN: safe to the end.")
    above = column("above", "The last mark over the present one up to which the pool is safe; NaN: safe to the end.")
    liquidation_price = column(
        "liquidation_price",
        "Where the pool fails, on the side that venues show: under the mark where the pool is long the instrument, "
        "over it where it is short, nearer where it is neither; the double nearest to the exact price.",
    )
    bankruptcy_price = column(
        "bankruptcy_price", "On the same side, where the pool's collateral is used up: what counts of it falls to 0."
    )
    liquidatable = column("liquidatable", "Whether the venue may liquidate the position's pool now; exact.")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs found, in order."""
        return tuple(self._found)

    @property
    def positions(self) -> Table:
        """The keys: ``row``, ``account``, ``instrument``, ``position_side``, ``margin_mode`` and ``quantity``."""
        keys = self._core.position_keys()
        del keys["entry_price"]
        return Table(keys)

    def __len__(self) -> int:
        return self._core.n_positions

    def _keys(self) -> dict[str, NDArray[Any]]:
        _, instruments = self._core.position_places()
        return self.positions.to_dict() | {"mark_price": self.prices.mark[instruments]}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if is_among(name, OUTPUTS) and name not in self._found:
            known = ", ".join(self._found)
            raise ArgumentError(f"there is no {shown(name)}: ask for it in outputs=; there are {known}")
        return super().__getitem__(name)

    def _noun(self) -> str:
        return "position"

    def venue_rounded(self) -> Table:
        """Round the prices to the tick of their instrument, as the venue displays them.

        By ``rules["price_rounding"]``; ``"adverse"`` is up for longs and down for shorts, and of `below` up, of `above`
        down. Prices of instruments that the market states no tick for stay as they are.

        Returns
        -------
        Table
            The columns of `table`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.Market.from_toml('''
        ... extends = "binance-usdm/2024-10-01"
        ... preset = "with-tick"
        ... as_of = 2024-10-01
        ... [[instrument]]
        ... name = "BTCUSDT"
        ... tick = 0.1
        ... ''')
        >>> book = xm.Book(
        ...     market,
        ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
        ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.3], "entry_price": [60_000.0]},
        ... )
        >>> found = xm.liquidation_prices(book, market.prices(mark={"BTCUSDT": 61_000.0}), outputs="below")
        >>> round(float(found.below[0]), 6), float(found.venue_rounded()["below"][0])
        (56894.243641, 56894.2)
        """
        return Table(displayed_prices(self.table.to_dict(), self.outputs, self.book.market))


def displayed_prices(columns: Mapping[str, Any], outputs: Sequence[str], market: Market) -> dict[str, Any]:
    """Round the outputs among columns of positions as a venue displays prices."""
    instruments = market.instruments
    ticks = dict(zip(instruments["instrument"].tolist(), instruments["tick"].tolist(), strict=True))
    prices = [name for name in outputs if name != "liquidatable"]
    return at_ticks(columns, prices, ticks, market._core.price_rounding())
