"""Scores: the pool function at given prices, for every pool of a book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin import _core as engine
from crossmargin._arguments import is_among, is_whole, listed, of_type, shown, text
from crossmargin._asked import Asked
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.prices import Prices
from crossmargin.rounding import displayed
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

OUTPUTS: tuple[str, ...] = (*engine.FIGURES, "liquidatable")
"""Names of all outputs, in the order of ``outputs="all"``."""

DEFAULT_OUTPUTS = ("excess", "margin_ratio", "liquidatable")
"""What `score` computes when it is not told."""

_MOST_THREADS = 1024

_score = engine.score
_new = object.__new__


def score(  # noqa: PLR0913 - options by keyword only
    book: Book,
    prices: Prices,
    outputs: str | Sequence[str] = DEFAULT_OUTPUTS,
    *,
    out: Mapping[str, NDArray[Any]] | Scores | None = None,
    missing: str = "raise",
    n_threads: int | None = None,
    _isa: str | None = None,
    _windows_per_claim: int | None = None,
) -> Scores:
    """Evaluate every pool of a book at given prices.

    ``excess = collateral_value - trigger_level * maintenance_margin``: what a pool has above what it must hold. A pool
    is liquidatable when its excess is below zero (or is zero, where the venue's rules say so); where they set several
    constraints, when any or all of them fail, and figures are those of the first (see `Market.rules`). A pool without
    positions, debts and orders that count is not. Verdict and sign of the excess are decided exactly, for the decimals
    that the inputs denote.

    Parameters
    ----------
    book : Book
        The accounts.
    prices : Prices
        Made by ``book.market.prices``: a mark of every instrument that is held or ordered; index prices of the assets
        of pools that span an account; last prices where the rules look at them.
    outputs : str or sequence of str
        Which figures to compute, of `OUTPUTS`, or ``"all"``. Fewer are faster.
    out : mapping of str to ndarray, or Scores, optional
        Arrays to write to instead of new ones, one for each output: C-contiguous, ``float64`` (``bool`` for
        ``liquidatable``), of ``book.n_pools`` elements, not overlapping. Earlier scores may be given.
    missing : {"raise", "null"}
        What to do where a price is missing: refuse, naming all that are, or score the rest and give NaN for the pools
        that need them (see `Scores.unpriced`).
    n_threads : int, optional
        Threads to use, 1 to 1024; by default the environment's ``CROSSMARGIN_NUM_THREADS``, else as many as pay off.
        Results are the same bits for any number.

    Returns
    -------
    Scores
        The figures, an array per output with an element per pool in the order of ``book.pools``.

    Raises
    ------
    MissingPriceError
        For prices that are needed and missing; ``.mark``, ``.last`` and ``.index`` list them.
    ArgumentError
        For unknown outputs, arrays in ``out`` that do not fit, and prices of another market.

    Notes
    -----
    Values are ``float64`` within ``(n + 20) * 2^-53 * G`` of the exact ones, with ``n`` positions and ``G`` the sum of
    the absolute terms of the pool; decisions and the sign of ``excess`` are exact.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("textbook")
    >>> book = xm.Book(
    ...     market,
    ...     balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1_000.0]},
    ...     positions={"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]},
    ... )
    >>> scores = xm.score(book, market.prices(mark={"BTCUSDT": 50_000.0}), outputs="all")
    >>> float(scores.equity[0]), float(scores.maintenance_margin[0]), bool(scores.liquidatable[0])
    (0.0, 150.0, True)
    """
    try:
        core = book._core
        made = _score(core, prices._core, outputs, out, missing, n_threads, _isa, _windows_per_claim)
    except (AttributeError, OverflowError, TypeError, ValueError):
        for value, name, expected in ((book, "book", Book), (prices, "prices", Prices)):
            if not isinstance(value, expected):
                raise of_type(value, name, expected.__name__) from None
        check_options(outputs, missing, n_threads)
        raise
    scores = _new(Scores)
    scores.book = book
    scores._core = core
    scores.prices = prices
    scores.outputs, scores._arrays, scores._unpriced, scores.n_exact, scores.n_unpriced = made
    return scores


def check_options(outputs: object, missing: object, n_threads: object) -> None:
    """Refuse options that the engine could not read; those that it read and refused, it has refused by name."""
    if isinstance(outputs, str):
        text(outputs, "outputs")
    else:
        for at, output in enumerate(listed(outputs, "outputs", 'names of outputs, or "all"')):
            text(output, f"outputs[{at}]")
    text(missing, "missing")
    if n_threads is not None and not (is_whole(n_threads) and 1 <= n_threads <= _MOST_THREADS):  # type: ignore[operator]
        raise ArgumentError(f"n_threads was {shown(n_threads)}, expected an integer from 1 to {_MOST_THREADS}, or None")


def _figure(name: str, doc: str) -> Any:
    def get(self: Scores) -> NDArray[Any]:
        return self[name]

    get.__name__ = name
    return property(get, doc=doc)


class Scores(Asked):
    """What `score` found: an array per output, with an element per pool.

    Every output is an attribute (``scores.excess``) and an item (``scores["excess"]``): a NumPy array ``(n_pools,)``
    in the order of ``pools``. Amounts are in the pool's asset, which is the settlement asset, or the valuation asset
    of a pool that spans an account; NaN means unknown. Exports
    ``__arrow_c_stream__``: the keys of the pools, then the outputs.

    Attributes
    ----------
    outputs : tuple of str
        The outputs computed, in order.
    n_exact : int
        How many pools only exact arithmetic could decide.
    n_unpriced : int
        How many pools hold something without a price.
    book, prices
        What was scored.
    """

    __slots__ = ("_arrays", "_unpriced", "n_exact", "n_unpriced", "outputs", "prices")
    prices: Prices
    outputs: tuple[str, ...]
    n_exact: int
    n_unpriced: int
    _arrays: tuple[NDArray[Any], ...]
    _unpriced: NDArray[np.bool_] | None

    def __init__(self) -> None:
        raise ArgumentError("Scores has no figures of its own; make them with score()")

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self._arrays[self.outputs.index(name)]
        except ValueError:
            pass
        if is_among(name, ("unpriced",)):
            return self.unpriced
        known = ", ".join(self.outputs)
        cure = "ask for it in outputs=" if is_among(name, OUTPUTS) else "it is no output"
        raise ArgumentError(f"scores have no {shown(name)}: {cure}; there are {known}")

    def __len__(self) -> int:
        return self._core.n_pools

    wallet_balance = _figure("wallet_balance", "The pool's cash, realised only; of an isolated pool what is fenced.")
    unrealized_pnl = _figure("unrealized_pnl", "``sum quantity * contract_size * (mark - entry)``.")
    equity = _figure("equity", "``wallet_balance + unrealized_pnl``.")
    collateral_value = _figure("collateral_value", "What the venue counts of the equity.")
    notional = _figure("notional", "``sum |quantity| * contract_size * mark``, nothing netted.")
    initial_margin = _figure("initial_margin", "``sum notional / leverage``; NaN where a leverage is unknown.")
    maintenance_margin = _figure("maintenance_margin", "What must be covered for the pool to be left alone.")
    excess = _figure("excess", "``collateral_value - trigger_level * maintenance_margin``, with the exact sign.")
    margin_ratio = _figure("margin_ratio", "``collateral_value / maintenance_margin``; infinite where nothing is due.")
    venue_ratio = _figure("venue_ratio", "The margin ratio as the venue displays it.")
    free_margin = _figure("free_margin", "``collateral_value - initial_margin``.")
    available = _figure("available", "What can back new positions by the venue's rule.")
    withdrawable = _figure("withdrawable", "What can leave the pool by the venue's rule.")
    liquidatable = _figure("liquidatable", "Whether the venue may liquidate the pool; exact. False for unpriced pools.")

    @property
    def unpriced(self) -> NDArray[np.bool_]:
        """Whether a pool holds something without a price; all false unless ``missing="null"``."""
        if self._unpriced is None:
            return np.zeros(len(self), dtype=np.bool_)
        return self._unpriced

    @property
    def missing(self) -> str:
        """What was asked for missing prices: ``"raise"`` or ``"null"``."""
        return "raise" if self._unpriced is None else "null"

    @property
    def market_id(self) -> str:
        """The id of the rules that were applied; reports carry it."""
        return self.book.market.id

    @property
    def pools(self) -> Table:
        """The keys of the pools, in order: see `Book.pools`."""
        return self._then.pools

    @property
    def table(self) -> Table:
        """Keys and outputs in one table, with ``unpriced`` where missing prices were allowed."""
        columns = self.pools.to_dict() | dict(zip(self.outputs, self._arrays, strict=True))
        if self._unpriced is not None:
            columns["unpriced"] = self._unpriced
        return Table(columns)

    def venue_rounded(self) -> Table:
        """Round the outputs as the venue displays them.

        Amounts are cut to the market's ``amount_decimals`` by its ``amount_rounding``, ratios to its
        ``ratio_decimals`` by the same; what the market states no decimals for is left as it is (see `Market.rules`).
        ``"adverse"`` rounds requirements and notionals up, all else down, and a ratio against its owner. A value a few
        steps of a double beside a multiple counts as that multiple, so that rounding does not show the noise of
        floating point. Verdicts are never rounded: they are decided before, exactly.

        Returns
        -------
        Table
            The columns of `table`.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("binance-usdm")  # truncates at 8 decimals
        >>> book = xm.Book(market, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 11.954764755}])
        >>> xm.score(book, market.prices(mark={}), "equity").venue_rounded()["equity"].tolist()
        [11.95476475]
        """
        return Table(displayed(self.table.to_dict(), self.outputs, self.book.market.rules))

    def accounts(self, valuation: str | None = None) -> Table:
        """Add the pools up to accounts, in one asset.

        A pool that spans the assets of an account is stated in the market's valuation asset already.

        Parameters
        ----------
        valuation : str, optional
            The asset to state all amounts in; by default the market's valuation asset. Other assets that are held
            need an index price; that of the market's valuation asset is 1.

        Returns
        -------
        Table
            A row per account in the order of ``book.accounts``: ``account``, ``wallet_balance``, ``unrealized_pnl``,
            ``equity``, ``collateral_value``, ``notional``, ``initial_margin``, ``maintenance_margin``,
            ``free_margin``, ``available`` and ``withdrawable`` (of the cross pools alone: what an isolated pool lets
            go returns to them first), ``n_pools``, ``n_liquidatable`` and ``margin_ratio``, the smallest of its pools.
            Amounts of an account with an unpriced pool are NaN.

        Raises
        ------
        MissingPriceError
            For assets that are held without an index price.
        ArgumentError
            For a valuation that is no asset of the market.

        Examples
        --------
        >>> import crossmargin as xm
        >>> market = xm.load_market("textbook")
        >>> book = xm.Book(market, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 10.0}])
        >>> xm.score(book, market.prices(mark={})).accounts()["equity"].tolist()
        [10.0]
        """
        if valuation is None:
            valuation = self.book.market.rules["valuation_asset"]
        if valuation is None:
            raise ArgumentError("valuation was not given, and the market has no valuation asset: name one")
        core = self._core
        rates = core.rates(self.prices._core, text(valuation, "valuation"), self.missing)
        pools = self if set(_ACCOUNT_OUTPUTS) <= set(self.outputs) else self._again(_ACCOUNT_OUTPUTS)
        first = core.first_pools()
        columns: dict[str, Any] = {"account": core.accounts()}
        columns |= {name: core.sum_by_account(pools[name], rates) for name in _ACCOUNT_SUMS}
        isolated = core.isolated()
        for name in _FROM_CROSS:
            columns[name] = core.sum_by_account(np.where(isolated, 0.0, pools[name]), rates)
        columns["n_pools"] = np.diff(first, append=len(self))
        if len(first) > 0:
            columns["n_liquidatable"] = np.add.reduceat(pools["liquidatable"], first, dtype=np.int64)
            columns["margin_ratio"] = np.minimum.reduceat(pools["margin_ratio"], first)
        else:
            columns |= {"n_liquidatable": np.zeros(0, dtype=np.int64), "margin_ratio": np.zeros(0)}
        return Table(columns)

    @property
    def positions(self) -> Table:
        """The positions one by one, in the order of the input rows.

        Columns ``row`` (of the input table; of merged rows the first), ``account``, ``instrument``, ``position_side``,
        ``margin_mode``, ``quantity``, ``entry_price``, ``asset`` (the settlement asset, in which the amounts are),
        ``notional``, ``unrealized_pnl``, ``initial_margin`` (NaN where the leverage is unknown),
        ``maintenance_margin`` and ``tier`` (from 1; 0 without a price). Where legs are charged together, the charge is
        divided by notional; orders are charged to no position.
        """
        return Table(self._core.positions(self.prices._core, self.missing))

    def totals(self) -> dict[str, float]:
        """Add each amount that was asked for up over all pools.

        Returns
        -------
        dict of str to float
            By output; flags are counted. Pools that are unknown are left out. The sum is exact before it is rounded
            once, so it has the same bits for any order or partition of the accounts. Amounts of different settlement
            assets are added as they are: see `accounts` to state them in one.
        """
        sums = {}
        for name, values in zip(self.outputs, self._arrays, strict=True):
            if name == "liquidatable":
                sums[name] = float(values.sum())
            elif name not in _RATIOS:
                sums[name] = engine.total(values)
        return sums

    def _again(self, outputs: tuple[str, ...]) -> Scores:
        return score(self._then, self.prices, outputs, missing=self.missing)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export keys and outputs as one Arrow record batch; NaN becomes null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        n = len(self)
        counted = f", {int(self['liquidatable'].sum()):,} liquidatable" if "liquidatable" in self.outputs else ""
        return f"Scores({n:,} pool{'s' * (n != 1)}{counted}, market {self.market_id!r})\n{self.table!r}"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


_RATIOS = ("margin_ratio", "venue_ratio")
_ACCOUNT_SUMS = (
    "wallet_balance",
    "unrealized_pnl",
    "equity",
    "collateral_value",
    "notional",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
)
_FROM_CROSS = ("available", "withdrawable")
"""What leaves an isolated pool goes to the account's cross pool, and does not leave the account."""
_ACCOUNT_OUTPUTS = (*_ACCOUNT_SUMS, *_FROM_CROSS, "margin_ratio", "liquidatable")
