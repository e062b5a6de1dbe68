"""Positions and pools of an account: handles that read what the account holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from crossmargin.account.figures import above_zero
from crossmargin.account.trades import no_position
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from crossmargin.account.figures import PoolKey, Reader
    from crossmargin.account.state import Held, Key
    from crossmargin.table import Table


def _of_position(name: str, doc: str) -> Any:
    def get(self: Position) -> Any:
        return self._account._position_figure(self._key, name)

    get.__name__ = name
    return property(get, doc=doc)


def _of_path(name: str, doc: str) -> Any:
    def get(self: Position) -> float:
        return self._account._position_price(self._key, name)

    get.__name__ = name
    return property(get, doc=f"{doc} As the mark of the instrument moves and all else stays; NaN where there is none.")


def _of_backing(name: str, doc: str) -> Any:
    def get(self: Position) -> Any:
        return self._account._pool_figure(self._pool_key(), name)

    get.__name__ = name
    return property(get, doc=f"{doc} Of the pool that backs the position.")


def _of_tier(name: str, doc: str) -> Any:
    def get(self: Position) -> float:
        return self._account._tier_figure(self._key, name)

    get.__name__ = name
    return property(get, doc=f"{doc} See `Market.tiers`; bounds are the account's, with its ``tier_coefficient``.")


class Position:
    """A position of an `Account`: a handle, whose figures are those of the account's last mark.

    It stays valid while the position is open, whatever is added to it or taken off. Amounts are in `asset`, the
    settlement asset of the contract.

    Examples
    --------
    >>> import crossmargin as xm
    >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000})
    >>> position = account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    >>> account.mark({"BTCUSDT": 61_000})
    >>> position.unrealized_pnl, position.initial_margin
    (500.0, 3000.0)
    >>> position.liquidation_price, position.bankruptcy_price
    (41500.0, 40000.0)
    >>> position
    Position(BTCUSDT, long 0.5 from 60,000, cross, 10x)
    """

    __slots__ = ("_account", "_key")
    _account: Reader
    _key: Key

    def __init__(self, account: Reader, key: Key) -> None:
        self._account = account
        self._key = key

    def _held(self) -> Held:
        held = self._account._state.positions.get(self._key)
        if held is None:
            raise ArgumentError(no_position(self._account._state, *self._key))
        return held

    def _pool_key(self) -> PoolKey:
        return self._account._pool_of(self._key)

    @property
    def instrument(self) -> str:
        """The contract, by the venue's name."""
        return self._key[0]

    @property
    def position_side(self) -> str:
        """``"net"``, or which leg of hedge mode: ``"long"`` or ``"short"``."""
        return self._key[1]

    @property
    def margin_mode(self) -> str:
        """``"cross"`` or ``"isolated"``."""
        return self._key[2]

    @property
    def asset(self) -> str:
        """The settlement asset, in which the amounts are."""
        return self._account._terms.contracts[self._key[0]].settle

    @property
    def quantity(self) -> float:
        """Size, long positive; in contracts, unless the account counts in base units."""
        return float(self._held().quantity)

    @property
    def entry_price(self) -> float:
        """Average price at which it was opened, quote per base: the double nearest to the exact one."""
        return float(self._held().entry_price)

    @property
    def leverage(self) -> float | None:
        """The leverage chosen; ``None`` where none was: the initial margin is unknown then."""
        return self._held().leverage

    @property
    def mark_price(self) -> float:
        """The price that it is valued at, quote per base."""
        return self._account._mark_of(self._key[0])

    @property
    def last_price(self) -> float:
        """The last traded price of the contract, quote per base."""
        return self._account._last_of(self._key[0])

    @property
    def index_price(self) -> float:
        """The index price of `asset` in the market's valuation asset: 1 where it is that asset."""
        return self._account._index_of(self.asset)

    @property
    def contract_size(self) -> float:
        """What one contract is of, as ``market.instruments`` states it, also where the account counts in base units."""
        return self._account._terms.contracts[self._key[0]].contract_size

    @property
    def pool(self) -> Pool:
        """The pool that backs it."""
        return Pool(self._account, self._pool_key())

    @property
    def isolated_margin(self) -> float:
        """Cash that is fenced for it, without unrealised profit; 0 of a cross position."""
        if self._key[2] != "isolated":
            return 0.0
        self._held()
        return float(self._account._fenced(self._key))

    notional = _of_position("notional", "``|quantity * x(mark)|``, see docs/concepts.md for ``x``.")
    unrealized_pnl = _of_position("unrealized_pnl", "``quantity * (x(mark) - x(entry))``.")
    initial_margin = _of_position("initial_margin", "By leverage or table, without orders; NaN without a leverage.")
    maintenance_margin = _of_position("maintenance_margin", "The charge of its tier, its closing fee included.")
    tier = _of_position("tier", "The tier that its maintenance margin is charged by, from 1.")
    floor = _of_tier("floor", "Where its tier begins, in the unit of the tier table.")
    maintenance_rate = _of_tier("maintenance_rate", "The rate of its tier.")
    max_leverage = _of_tier("max_leverage", "The largest leverage of its tier; infinite where none is stated.")
    deduction = _of_tier("deduction", "What its tier takes off ``maintenance_rate * size``, in the unit of the table.")
    liquidation_price = _of_path("liquidation_price", "Where its pool fails, on the side that venues show.")
    below = _of_path("below", "The last mark under the present one up to which its pool is safe.")
    above = _of_path("above", "The last mark over the present one up to which its pool is safe.")
    bankruptcy_price = _of_path("bankruptcy_price", "Where the collateral of its pool is used up, on the same side.")
    wallet_balance = _of_backing("wallet_balance", "Cash, realised only.")
    equity = _of_backing("equity", "``wallet_balance + bonus - borrowed + unrealized_pnl``, at full value.")
    excess = _of_backing("excess", "``collateral_value - trigger_level * maintenance_margin``.")
    margin_ratio = _of_backing("margin_ratio", "``collateral_value / maintenance_margin``.")
    venue_ratio = _of_backing("venue_ratio", "The margin ratio as the venue displays it.")
    liquidatable = _of_backing("liquidatable", "Whether the venue may liquidate; exact.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Position):
            return NotImplemented
        return self._account is other._account and self._key == other._key

    def __hash__(self) -> int:
        return hash((id(self._account), self._key))

    def __repr__(self) -> str:
        instrument, side, mode = self._key
        held = self._account._state.positions.get(self._key)
        if held is None:
            return f"Position({instrument}, {mode}, closed)"
        words = [f"{'long' if held.quantity > 0 else 'short'} {abs(float(held.quantity)):,.10g}"]
        words[0] += f" from {float(held.entry_price):,.10g}"
        words += [mode, *([] if side == "net" else ["hedge leg"])]
        words += [] if held.leverage is None else [f"{held.leverage:g}x"]
        return f"Position({instrument}, {', '.join(words)})"


def _of_pool(name: str, doc: str) -> Any:
    def get(self: Pool) -> Any:
        return self._account._pool_figure(self._key, name)

    get.__name__ = name
    return property(get, doc=doc)


class Pool:
    """A collateral pool of an `Account`: a handle, whose figures are those of the account's last mark.

    Amounts are in the pool's `asset`: the settlement asset, or the valuation asset of a pool that spans the assets of
    an account.

    Examples
    --------
    >>> import crossmargin as xm
    >>> account = xm.Account(xm.load_market("textbook"), {"USDT": 10_000})
    >>> _ = account.open("BTCUSDT", 0.2, entry_price=50_000, leverage=10, margin_mode="isolated")
    >>> account.mark({"BTCUSDT": 45_000})
    >>> for pool in account.pools:
    ...     print(pool, pool.equity, pool.liquidatable)
    Pool(cross USDT) 9000.0 False
    Pool(isolated USDT BTCUSDT net) 0.0 True
    """

    __slots__ = ("_account", "_key")
    _account: Reader
    _key: PoolKey

    def __init__(self, account: Reader, key: PoolKey) -> None:
        self._account = account
        self._key = key

    @property
    def kind(self) -> str:
        """``"cross"`` or ``"isolated"``."""
        return self._key[0]

    @property
    def asset(self) -> str:
        """The asset that its amounts are in."""
        return self._key[1]

    @property
    def instrument(self) -> str | None:
        """The contract of an isolated pool; ``None`` of a cross one."""
        return self._key[2]

    @property
    def position_side(self) -> str | None:
        """The side of an isolated pool's position; ``None`` of a cross one."""
        return self._key[3]

    wallet_balance = _of_pool("wallet_balance", "Cash, realised only; of an isolated pool what is fenced.")
    unrealized_pnl = _of_pool("unrealized_pnl", "``sum quantity * (x(mark) - x(entry))``.")
    equity = _of_pool("equity", "``wallet_balance + bonus - borrowed + unrealized_pnl``, at full value.")
    collateral_value = _of_pool("collateral_value", "What the venue counts of the equity.")
    notional = _of_pool("notional", "``sum |quantity * x(mark)|``, nothing netted.")
    initial_margin = _of_pool("initial_margin", "By leverage or table, with orders; NaN where a leverage is unknown.")
    maintenance_margin = _of_pool("maintenance_margin", "What must be covered for the pool to be left alone.")
    excess = _of_pool("excess", "``collateral_value - trigger_level * maintenance_margin``, with the exact sign.")
    margin_ratio = _of_pool("margin_ratio", "``collateral_value / maintenance_margin``; infinite if nothing is due.")
    venue_ratio = _of_pool("venue_ratio", "The margin ratio as the venue displays it.")
    free_margin = _of_pool("free_margin", "``collateral_value - initial_margin``.")
    available = _of_pool("available", "What can back new positions by the venue's rule.")
    withdrawable = _of_pool("withdrawable", "What can leave the pool by the venue's rule.")
    liquidatable = _of_pool("liquidatable", "Whether the venue may liquidate the pool; exact.")

    @property
    def locked(self) -> float:
        """Cash that cannot leave now: ``max(0, wallet_balance - withdrawable)``; NaN where a leverage is unknown."""
        return above_zero(self.wallet_balance - self.withdrawable)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pool):
            return NotImplemented
        return self._account is other._account and self._key == other._key

    def __hash__(self) -> int:
        return hash((id(self._account), self._key))

    def __repr__(self) -> str:
        return f"Pool({' '.join(word for word in self._key if word)})"


View = TypeVar("View", Position, Pool)


class Views(Sequence[View], Generic[View]):
    """The positions or pools of an account at one moment: a sequence, and a table to look at.

    Attributes
    ----------
    table : Table
        A row each, with keys and figures; NaN where there is no price yet.
    """

    __slots__ = ("_table", "_views")
    _views: tuple[View, ...]

    def __init__(self, views: Sequence[View], table: Callable[[], Table]) -> None:
        self._views = tuple(views)
        self._table = table

    @property
    def table(self) -> Table:
        """A row each, with keys and figures; NaN where there is no price yet."""
        return self._table()

    @overload
    def __getitem__(self, at: int) -> View: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[View, ...]: ...
    def __getitem__(self, at: int | slice) -> View | tuple[View, ...]:
        return self._views[at]

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[View]:
        return iter(self._views)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the table as one Arrow record batch; NaN becomes null."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()
