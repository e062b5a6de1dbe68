"""The entry points: tables and prices in, the figures of every pool out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, overload

from crossmargin.reference.accounts import Accounts, read_accounts, read_settings
from crossmargin.reference.beside import check_frozen, check_sides
from crossmargin.reference.book import Balance, Position, read_balances, read_positions
from crossmargin.reference.figures import PoolScore, PositionScore, score_pool
from crossmargin.reference.market import Market
from crossmargin.reference.orders import Order, counts, read_orders
from crossmargin.reference.pools import Pool, accounts_of, partition
from crossmargin.reference.rows import Row
from crossmargin.reference.run import Run
from crossmargin.reference.values import N, positive, refuse

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Tables:
    """What is held, read and checked."""

    balances: list[Balance]
    positions: list[Position]
    orders: list[Order]
    accounts: Accounts


def read_tables(  # noqa: PLR0913 - one per table
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> Tables:
    """Read all tables; parameters as `score_account`."""
    terms = read_accounts(market, accounts)
    fallbacks = read_settings(market, settings)
    held = read_positions(
        market, positions, duplicates, accounts=terms, settings=fallbacks, quantity_unit=quantity_unit
    )
    tables = Tables(
        balances=read_balances(market, balances, duplicates),
        positions=held,
        orders=read_orders(market, orders, terms, fallbacks, quantity_unit, held),
        accounts=terms,
    )
    check_sides(market, terms, tables.positions, tables.orders)
    check_frozen(market, tables.positions, tables.orders)
    return tables


def read_prices(market: Market, name: str, given: Values, tables: Tables) -> dict[str, Fraction]:
    """Read the price of every instrument held or ordered; a missing one is refused, never replaced by another."""
    prices = {
        market.instrument(key, f"prices.{name}").name: positive(price, f"prices.{name}[{key!r}]")
        for key, price in given.items()
    }
    needed = {position.instrument.name for position in tables.positions}
    needed |= {order.instrument.name for order in tables.orders if counts(order, market.rules.orders)}
    missing = sorted(needed - prices.keys())
    if missing:
        raise refuse(f"prices.{name}", None, f"a {name} price for {', '.join(missing)}")
    return prices


def read_index(market: Market, given: Values, pools: Iterable[Pool]) -> dict[str, Fraction]:
    """Read the index price of every asset in a pool of several; the valuation asset is worth 1 unless it is given."""
    prices = {
        market.asset(key, "prices.index").name: positive(price, f"prices.index[{key!r}]")
        for key, price in given.items()
    }
    if market.rules.cross_pool == "per_asset":
        return prices
    if market.rules.valuation_asset is not None:
        prices.setdefault(market.rules.valuation_asset, Fraction(1))
    needed = {layer.asset for pool in pools if pool.kind == "cross" for layer in pool.layers}
    missing = sorted(needed - prices.keys())
    if missing:
        raise refuse("prices.index", None, f"an index price for {', '.join(missing)}")
    return prices


@dataclass(frozen=True)
class Situation:
    """Pools, and the prices that they are at: marks and last prices by instrument, index prices by asset.

    Last prices are there where a test looks at them.
    """

    market: Market
    pools: tuple[Pool, ...]
    marks: Mapping[str, Fraction]
    index: Mapping[str, Fraction]
    last: Mapping[str, Fraction] | None

    def runs(self, number: type[N]) -> dict[str, Run[N]]:
        """Return the runs by the name of the prices that they are at."""
        prices = {"mark": self.marks, "last": self.last}
        return {
            name: Run(self.market, number, chosen, self.index) for name, chosen in prices.items() if chosen is not None
        }


def situation(  # noqa: PLR0913 - by keyword but the tables that everybody has
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    *,
    index: Values | None = None,
    last: Values | None = None,
    **options: Any,
) -> Situation:
    """Read all tables and prices of many accounts; parameters as `score_account`.

    The pools are in order of the accounts as first seen in the balances, then in the positions, then in the orders.
    """
    tables = read_tables(market, balances, positions, **options)
    return _at_prices(market, tables, _pools(market, tables), (marks, index or {}, last or {}))


def _at_prices(market: Market, tables: Tables, pools: list[Pool], prices: tuple[Values, Values, Values]) -> Situation:
    marks, index, last = prices
    lasts = any(constraint.price == "last" for constraint in market.rules.constraints)
    return Situation(
        market=market,
        pools=tuple(pools),
        index=read_index(market, index, pools),
        marks=read_prices(market, "mark", marks, tables),
        last=read_prices(market, "last", last, tables) if lasts else None,
    )


def _pools(market: Market, tables: Tables) -> list[Pool]:
    """Return the pools of all accounts, each account's in canonical order."""
    found: dict[Any, tuple[list[Balance], list[Position], list[Order]]] = {}
    for balance in tables.balances:
        found.setdefault(balance.account, ([], [], []))[0].append(balance)
    for position in tables.positions:
        found.setdefault(position.account, ([], [], []))[1].append(position)
    for order in tables.orders:
        found.setdefault(order.account, ([], [], []))[2].append(order)
    return [
        pool
        for account, (cash, held, waiting) in found.items()
        for pool in partition(market, cash, held, waiting, tables.accounts.terms(account))
    ]


def _scored(now: Situation, number: type[N]) -> list[PoolScore[N]]:
    runs = now.runs(number)
    return [score_pool(runs, pool) for pool in now.pools]


@overload
def score_account(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values = ...,
    last: Values = ...,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[Fraction]]: ...
@overload
def score_account(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    number: type[N],
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values = ...,
    last: Values = ...,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[N]]: ...
def score_account(  # noqa: PLR0913 - as the package's own score
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    number: type[Any] = Fraction,
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values | None = None,
    last: Values | None = None,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[Any]]:
    """Score the pools of one account.

    Parameters
    ----------
    market : Market
        From `load_market`.
    balances, positions, orders : iterable of mappings
        Rows of the tables (see `read_balances`, `read_positions`, `read_orders`), all of one account.
    marks : mapping
        Mark price per instrument name, quote per base, above zero.
    number : {Fraction, Decimal, float}
        The number type to calculate in. `Fraction` is exact.
    accounts, settings : iterable of mappings
        Fee profile and tier coefficient per account; leverage and margin mode where a row says nothing.
    index : mapping
        Index price per asset, in the valuation asset; needed where pools hold several assets.
    last : mapping
        Last price per instrument; needed where a constraint looks at it.
    duplicates : {"raise", "merge"}
        What to do with a repeated key.
    quantity_unit : {"contracts", "base"}
        What quantities are written in.

    Returns
    -------
    list of PoolScore
        In canonical order (see `partition`).

    Raises
    ------
    ReferenceInputError
        When a row or a price is refused, or the rows are of more than one account.
    """
    tables = read_tables(
        market,
        balances,
        positions,
        orders=orders,
        accounts=accounts,
        settings=settings,
        duplicates=duplicates,
        quantity_unit=quantity_unit,
    )
    found = accounts_of(tables.balances, tables.positions, tables.orders)
    terms = tables.accounts.terms(found.pop()) if len(found) == 1 else None
    pools = partition(market, tables.balances, tables.positions, tables.orders, terms)
    return _scored(_at_prices(market, tables, pools, (marks, index or {}, last or {})), number)


@overload
def score(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values = ...,
    last: Values = ...,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[Fraction]]: ...
@overload
def score(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    number: type[N],
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values = ...,
    last: Values = ...,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[N]]: ...
def score(  # noqa: PLR0913 - as the package's own
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Values,
    number: type[Any] = Fraction,
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    index: Values | None = None,
    last: Values | None = None,
    duplicates: str = "raise",
    quantity_unit: str = "contracts",
) -> list[PoolScore[Any]]:
    """Score the pools of many accounts; parameters as `score_account`.

    Returns
    -------
    list of PoolScore
        Accounts as first seen in the balances, then in the positions, then in the orders; each account's pools in
        canonical order.
    """
    tables = read_tables(
        market,
        balances,
        positions,
        orders=orders,
        accounts=accounts,
        settings=settings,
        duplicates=duplicates,
        quantity_unit=quantity_unit,
    )
    now = _at_prices(market, tables, _pools(market, tables), (marks, index or {}, last or {}))
    return _scored(now, number)


def position_scores(pools: Iterable[PoolScore[N]]) -> list[PositionScore[N]]:
    """Return the figures of all positions, in the order of the input rows."""
    return sorted((leg for pool in pools for leg in pool.positions), key=lambda leg: leg.row)
