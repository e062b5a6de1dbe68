"""The figures of a whole account as properties, its positions and pools, and how it shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossmargin._arguments import one_of
from crossmargin.account.amounts import to_decimal
from crossmargin.account.figures import MARKLESS, Reader, above_zero, unmarked
from crossmargin.account.state import MODES, SIDES, ZERO, Flow
from crossmargin.account.trades import no_position
from crossmargin.account.views import Pool, Position, Views
from crossmargin.errors import ArgumentError, MissingPriceError
from crossmargin.table import Table

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from crossmargin.account.figures import PoolKey
    from crossmargin.account.state import Key
    from crossmargin.book import Book
    from crossmargin.explanation import Explanation
    from crossmargin.prices import Prices
    from crossmargin.scores import Scores

_SUMMARY = (
    "wallet_balance",
    "unrealized_pnl",
    "equity",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
    "withdrawable",
    "margin_ratio",
    "liquidatable",
)
_PLACES = ("mark_price", "leverage", "isolated_margin")


def _of_account(name: str, doc: str) -> Any:
    def get(self: Figures) -> float:
        return self._total(name)

    get.__name__ = name
    return property(get, doc=doc)


class Figures(Reader):
    """What can be read of an account. Amounts are in `valuation`; a price that is needed and missing is an error.

    Cash needs no mark, nor do margins that the rules take at entry, where no order counts: they are known before the
    first one.
    """

    __slots__ = ()

    unrealized_pnl = _of_account("unrealized_pnl", "``sum quantity * (x(mark) - x(entry))`` over all positions.")
    equity = _of_account("equity", "``wallet_balance + bonus - borrowed + unrealized_pnl``, at full value.")
    collateral_value = _of_account("collateral_value", "What the venue counts of the equity, all pools together.")
    notional = _of_account("notional", "``sum |quantity * x(mark)|``, nothing netted.")
    initial_margin = _of_account("initial_margin", "Of all pools, with orders; NaN where a leverage is unknown.")
    maintenance_margin = _of_account("maintenance_margin", "Of all pools: what must be covered, pool by pool.")
    free_margin = _of_account("free_margin", "``collateral_value - initial_margin``, of all pools together.")
    available = _of_account("available", "What can back new positions by the venue's rule: of the cross pools.")
    withdrawable = _of_account(
        "withdrawable", "What can leave the account by the venue's rule: of the cross pools. See `remove_margin`."
    )
    excess = _of_account("excess", "The smallest excess of its pools: below zero where one cannot cover itself.")
    margin_ratio = _of_account("margin_ratio", "The smallest of its pools; infinite where nothing is required.")
    venue_ratio = _of_account("venue_ratio", "As the venue displays it, of the pool with the smallest margin ratio.")

    @property
    def liquidatable(self) -> bool:
        """Whether the venue may liquidate a pool of the account; exact."""
        scores = self.scores
        return bool(scores["liquidatable"].any())

    @property
    def wallet_balance(self) -> float:
        """Cash, realised only, with what is fenced for isolated positions and without bonus."""
        held = {asset: amount for asset, amount in self._state.cash.items() if amount}
        if set(held) <= {self.valuation}:
            return float(held.get(self.valuation, ZERO))
        return self._total("wallet_balance")

    @property
    def isolated_margin(self) -> float:
        """Cash that is fenced for isolated positions, without unrealised profit."""
        fenced: dict[str, Fraction] = {}
        for key in self._state.positions:
            if key[2] == "isolated":
                asset = self._terms.contracts[key[0]].settle
                fenced[asset] = fenced.get(asset, ZERO) + self._fenced(key)
        if not fenced:
            return 0.0
        if set(fenced) == {self.valuation}:
            return float(fenced[self.valuation])
        rates, places = self._index(), self._terms.places
        return float(sum(float(amount) * rates[places[asset]] for asset, amount in fenced.items()))

    @property
    def locked(self) -> float:
        """Cash that cannot leave now: ``max(0, wallet_balance - withdrawable)``; NaN where a leverage is unknown."""
        return above_zero(self.wallet_balance - self._total("withdrawable"))

    def wallet(self, asset: str) -> Decimal:
        """Give the wallet balance of one asset, exactly.

        Parameters
        ----------
        asset : str
            Name of an asset of the market.

        Returns
        -------
        decimal.Decimal
            Cash, realised only, with what is fenced for isolated positions and without bonus.
        """
        return to_decimal(self._state.cash.get(self._terms.asset(asset), ZERO))

    @property
    def flows(self) -> Table:
        """What has moved since the account was made, a row per asset, in the asset.

        Columns ``asset``, ``opening``, ``deposited``, ``withdrawn``, ``realized_pnl``, ``fees``, ``bonus_paid`` (what
        vouchers paid of losses and fees), ``remainder`` (what rounding took from the owner; negative: gave) and
        ``wallet_balance``, which is exactly ``opening + deposited - withdrawn + realized_pnl - fees + bonus_paid``.
        """
        state = self._state
        columns: dict[str, Any] = {"asset": list(state.cash)}
        for name in Flow._fields:
            columns[name] = [float(getattr(state.flows.get(asset, Flow()), name)) for asset in state.cash]
        return Table(columns | {"wallet_balance": [float(amount) for amount in state.cash.values()]})

    @property
    def positions(self) -> Views[Position]:
        """The open positions, in the order in which they were opened."""
        return Views([Position(self, key) for key in self._state.positions], self._position_table)

    @property
    def pools(self) -> Views[Pool]:
        """The collateral pools: cross before isolated, then by asset, instrument and side."""
        return Views([Pool(self, key) for key in self._pool_keys()], self._pool_table)

    @property
    def orders(self) -> Table:
        """The open orders, as placed: ``order_id``, ``instrument``, ``quantity``, ``price`` and the rest."""
        rows: list[dict[str, Any]]
        rows = [{"order_id": number, **order._asdict()} for number, order in self._state.orders.items()]
        for row in rows:
            row |= {name: _real(row[name]) for name in ("quantity", "price", "leverage", "trigger_price")}
        names = ("order_id", "instrument", "quantity", "price", "leverage", "margin_mode", "position_side")
        return Table({name: [row[name] for row in rows] for name in (*names, "trigger_price", "reduce_only")})

    def position(self, instrument: str, position_side: str | None = None, margin_mode: str | None = None) -> Position:
        """Find an open position.

        Parameters
        ----------
        instrument : str
            Name or alias.
        position_side : {"net", "long", "short"}, optional
            Which leg, where there are several.
        margin_mode : {"cross", "isolated"}, optional
            Which mode, where there are both.

        Returns
        -------
        Position
            A handle, which reads what the account holds when it is asked.

        Raises
        ------
        ArgumentError
            Where there is no such position, or more than one.
        """
        return Position(self, self._find(instrument, position_side, margin_mode))

    def pool(self, asset: str | None = None, instrument: str | None = None, position_side: str = "net") -> Pool:
        """Find a pool.

        Parameters
        ----------
        asset : str, optional
            The asset of a cross pool; not needed where there is only one, or where an instrument is named.
        instrument : str, optional
            Name or alias of the contract, to find the pool of an isolated position.
        position_side : {"net", "long", "short"}
            Which leg of it.

        Returns
        -------
        Pool
            A handle, which reads what the account holds when it is asked.

        Raises
        ------
        ArgumentError
            Where there is no such pool, or several cross ones and no asset was named.
        """
        if instrument is not None:
            contract = self._terms.contract(instrument)
            one_of(position_side, "position_side", SIDES)
            key: PoolKey = ("isolated", contract.settle, contract.name, position_side)
        elif asset is not None:
            key = ("cross", self._terms.asset(asset), None, None)
        else:
            found = [pool for pool in self.pools if pool.kind == "cross"]
            if len(found) != 1:
                raise ArgumentError(f"asset was None, and there are {len(found)} cross pools: name the asset of one")
            return found[0]
        self._pool_place(key)
        return Pool(self, key)

    @property
    def book(self) -> Book:
        """The book of this account: what every other question of the library takes; one that changes by itself."""
        return self._book.copy()

    @property
    def prices(self) -> Prices:
        """The prices that the account was marked with."""
        return self._prices

    def explain(self, *, liquidation_price: str | None = None) -> Explanation:
        """Say why every figure is what it is: its terms, their numbers, the rules and their sources.

        Parameters
        ----------
        liquidation_price : str, optional
            Name or alias of an instrument that is held: explain its liquidation price in place of the present figures.

        Returns
        -------
        Explanation
            A row per term, as `crossmargin.explain` gives it for the account's book at its last mark.

        Raises
        ------
        MissingPriceError
            Before the first mark of what is held.
        ArgumentError
            For an instrument that is not held, or no price of which makes its pool fail.

        Examples
        --------
        >>> import crossmargin as xm
        >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000})
        >>> position = account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
        >>> account.mark({"BTCUSDT": 61_000})
        >>> rows = account.explain().only("initial_margin").rows()
        >>> rows[-2]["term"], rows[-2]["formula"]
        ('over_leverage', '30,000 / 10 = 3,000')
        """
        from crossmargin.explanation import explain  # noqa: PLC0415 - trading does without

        try:
            return explain(self._book, self._prices, liquidation_price=liquidation_price)
        except MissingPriceError as error:
            raise unmarked(error) from None

    @property
    def scores(self) -> Scores:
        """All outputs for each pool, as `score` gives them.

        Raises
        ------
        MissingPriceError
            For what is held and has no price.
        """
        scores = self._scored()
        if self._missing is not None:
            raise unmarked(self._missing)
        return scores

    @property
    def key(self) -> int | str:
        """The key of the account in its book."""
        return self._state.key

    def _find(self, instrument: str, side: str | None = None, mode: str | None = None) -> Key:
        name = self._terms.contract(instrument).name
        check_leg(side, mode)
        found = [
            key for key in self._state.positions if key[0] == name and side in (None, key[1]) and mode in (None, key[2])
        ]
        if not found:
            raise ArgumentError(no_position(self._state, name, side, mode))
        if len(found) > 1:
            legs = ", ".join(f"{key[2]} {key[1]}" for key in found)
            raise ArgumentError(f"{name} has several positions ({legs}): say position_side or margin_mode")
        return found[0]

    def _position_table(self) -> Table:
        rows = Table(self._book._core.positions(self._prices._core, "null"))
        columns: dict[str, Any] = {name: rows[name] for name in rows if name not in ("row", "account", "asset")}
        places = [self._terms.instruments.index(key[0]) for key in self._state.positions]
        columns["mark_price"] = self._prices.mark[places]
        columns["leverage"] = [held.leverage for held in self._state.positions.values()]
        columns["isolated_margin"] = [position.isolated_margin for position in self.positions]
        columns["asset"] = rows["asset"]
        order = ("instrument", "position_side", "margin_mode", "quantity", "entry_price", *_PLACES)
        return Table({name: columns.pop(name) for name in order} | columns)

    def _pool_table(self) -> Table:
        table = self._scored().table
        columns: dict[str, Any] = {name: table[name] for name in table if name not in ("account", "unpriced")}
        if self._missing is not None:
            columns |= {name: [_or_nan(pool, name) for pool in self.pools] for name in MARKLESS}
        return Table(columns)

    @property
    def summary(self) -> Table:
        """The account in one row: the figures that are looked at first, in `valuation`; NaN without a price."""
        return Table({name: [_or_nan(self, name)] for name in _SUMMARY})

    def _title(self) -> str:
        try:
            amounts = f"amounts in {self.valuation}"
        except ArgumentError:
            amounts = "amounts in several assets"
        return f"Account({self.key!r}, market {self.market.id!r}, {amounts})"

    def _parts(self) -> list[Table]:
        tables = [self.summary] if self._has_valuation() else [self.pools.table]
        if self._state.positions:
            tables.append(self.positions.table)
        if self._state.orders:
            tables.append(self.orders)
        return tables

    def _has_valuation(self) -> bool:
        try:
            return bool(self.valuation)
        except ArgumentError:
            return False

    def _footnote(self) -> str:
        self._scored()
        return "" if self._missing is None else str(unmarked(self._missing))

    def __repr__(self) -> str:
        parts = [self._title(), *(repr(table).rpartition("\n")[0] for table in self._parts()), self._footnote()]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415 - for notebooks only

        parts = [f"<p><b>{escape(self._title())}</b></p>", *(table._repr_html_() for table in self._parts())]
        note = self._footnote()
        return "".join([*parts, f"<p>{escape(note)}</p>" if note else ""])


def check_leg(side: object, mode: object) -> None:
    """Refuse words that tell no position apart; ``None`` leaves them open."""
    if mode is not None:
        one_of(mode, "margin_mode", MODES)
    if side is not None:
        one_of(side, "position_side", SIDES)


def _or_nan(of: Figures | Pool, name: str) -> Any:
    try:
        return getattr(of, name)
    except MissingPriceError:
        return float("nan")


def _real(value: Fraction | float | None) -> float | None:
    return None if value is None else float(value)
