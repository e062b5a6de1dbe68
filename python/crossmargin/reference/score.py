"""Partition into pools, and the value of each pool at given prices.

A margin mode is a partition of an account into collateral pools: every isolated position is a pool of its own, and
what is left is one cross pool per settlement asset. All else is the sum of the rules over a pool's positions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, overload

from crossmargin.reference import rules
from crossmargin.reference.book import (
    MODES,
    SIDES,
    Balance,
    Position,
    Row,
    read_balances,
    read_positions,
)
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.values import N, cast, positive, refuse


@dataclass(frozen=True)
class Pool:
    """One collateral pool: its key, its cash and the positions which that cash backs.

    ``kind`` is cross or isolated; ``instrument`` and ``side`` are those of an isolated position and absent for a
    cross pool.
    """

    account: Any
    kind: str
    asset: str
    instrument: str | None
    side: str | None
    wallet_balance: Fraction
    positions: tuple[Position, ...]


@dataclass(frozen=True)
class PositionScore(Generic[N]):
    """Figures of one position; ``row`` is its place in the input table, ``tier`` counts from 1."""

    row: int
    account: Any
    instrument: str
    side: str
    kind: str
    notional: N
    unrealized_pnl: N
    initial_margin: N | None
    maintenance_margin: N
    tier: int


@dataclass(frozen=True)
class PoolScore(Generic[N]):
    """Figures of one pool, in its settlement asset; None is unknown (an initial margin without leverage)."""

    account: Any
    kind: str
    asset: str
    instrument: str | None
    side: str | None
    wallet_balance: N
    unrealized_pnl: N
    equity: N
    collateral_value: N
    notional: N
    initial_margin: N | None
    maintenance_margin: N
    excess: N
    margin_ratio: N | float
    venue_ratio: N | float
    free_margin: N | None
    available: N | None
    withdrawable: N | None
    liquidatable: bool
    positions: tuple[PositionScore[N], ...]

    @property
    def key(self) -> tuple[Any, str, str, str | None, str | None]:
        """What tells a pool from another: account, kind, asset, instrument, side."""
        return (self.account, self.kind, self.asset, self.instrument, self.side)


def partition(market: Market, balances: Sequence[Balance], positions: Sequence[Position]) -> list[Pool]:
    """Divide one account into collateral pools.

    A cross pool exists for each asset in which the account has a balance or any position; its cash is the wallet
    without what is fenced for isolated positions. Each isolated position is a pool with its fenced cash: it can lose
    that and no more, and nothing else can save it.

    Formula: cash of cross = ``wallet_balance - sum(isolated_margin)``; cash of isolated = ``isolated_margin``. The
    partition is exact whatever the number type of the run: it moves money, it does not value it.

    Parameters
    ----------
    market : Market
        Gives the order of assets and instruments.
    balances, positions : sequence
        Of one account, as read by `read_balances` and `read_positions`.

    Returns
    -------
    list of Pool
        Cross pools in market order of assets, then isolated pools by asset, instrument and side (net, long, short).

    Raises
    ------
    ReferenceInputError
        When the rows are of more than one account.
    """
    accounts: set[Any] = {balance.account for balance in balances} | {position.account for position in positions}
    if len(accounts) > 1:
        raise refuse("account", sorted(map(str, accounts)), "one account", "call score for many")
    ordered = sorted(positions, key=lambda position: _place(market, position))
    pools: list[Pool] = []
    for account in accounts:
        for asset in market.assets:
            pool = _cross_pool(account, asset.name, balances, ordered)
            if pool is not None:
                pools.append(pool)
        pools.extend(_isolated_pool(position) for position in ordered if position.margin_mode == "isolated")
    return pools


def _place(market: Market, position: Position) -> tuple[int, int, int]:
    instrument = position.instrument
    asset = [asset.name for asset in market.assets].index(instrument.settle)
    return asset, market.instruments.index(instrument), SIDES.index(position.position_side)


def _cross_pool(account: Any, asset: str, balances: Sequence[Balance], positions: Sequence[Position]) -> Pool | None:
    rows = [balance for balance in balances if balance.asset == asset]
    settling = [position for position in positions if position.instrument.settle == asset]
    if not rows and not settling:
        return None
    wallet = Fraction(0)
    for balance in rows:
        wallet += balance.wallet_balance
    fenced = [_fenced(position) for position in settling if position.margin_mode == "isolated"]
    backed = tuple(position for position in settling if position.margin_mode == "cross")
    return Pool(account, MODES[0], asset, None, None, rules.cross_cash(wallet, fenced), backed)


def _isolated_pool(position: Position) -> Pool:
    instrument = position.instrument
    return Pool(
        account=position.account,
        kind=MODES[1],
        asset=instrument.settle,
        instrument=instrument.name,
        side=position.position_side,
        wallet_balance=_fenced(position),
        positions=(position,),
    )


def _fenced(position: Position) -> Fraction:
    at_entry = rules.notional(position.quantity, position.instrument.contract_size, position.entry_price)
    return rules.isolated_cash(position.isolated_margin, at_entry, position.leverage)


def score_position(market: Market, position: Position, mark: Fraction, number: type[N]) -> PositionScore[N]:
    """Apply the rules to one position at one mark price.

    The maintenance requirement is on the market's basis: the notional at mark, or the notional at entry where the
    rules say ``maintenance_margin.price = "entry"``; the tier is that of the same basis. The reported notional is at
    mark always.
    """
    instrument: Instrument = position.instrument
    quantity = cast(position.quantity, number)
    size = cast(instrument.contract_size, number)
    entry = cast(position.entry_price, number)
    price = cast(mark, number)
    leverage = None if position.leverage is None else cast(position.leverage, number)
    at = {
        "mark": rules.notional(quantity, size, price),
        "entry": rules.notional(quantity, size, entry),
    }
    basis = at[market.rules.maintenance_price]
    tiers = instrument.table.tiers
    tier = rules.tier_number(basis, [cast(tier.floor, number) for tier in tiers])
    rate = cast(tiers[tier - 1].maintenance_rate, number)
    deduction = cast(tiers[tier - 1].deduction, number)
    return PositionScore(
        row=position.row,
        account=position.account,
        instrument=instrument.name,
        side=position.position_side,
        kind=position.margin_mode,
        notional=at["mark"],
        unrealized_pnl=rules.unrealized_pnl(quantity, size, entry, price),
        initial_margin=rules.initial_margin(at[market.rules.initial_price], leverage),
        maintenance_margin=rules.maintenance_margin(basis, rate, deduction),
        tier=tier,
    )


def _score_pool(market: Market, pool: Pool, marks: Mapping[str, Fraction], number: type[N]) -> PoolScore[N]:
    legs = tuple(score_position(market, leg, marks[leg.instrument.name], number) for leg in pool.positions)
    cash = cast(pool.wallet_balance, number)
    zero = number(0)
    pnl, gross, maintenance = zero, zero, zero
    initial: N | None = zero
    for leg in legs:
        pnl = pnl + leg.unrealized_pnl
        gross = gross + leg.notional
        maintenance = maintenance + leg.maintenance_margin
        unknown = initial is None or leg.initial_margin is None
        initial = None if unknown else initial + leg.initial_margin  # type: ignore[operator]
    worth = rules.equity(cash, pnl)
    over = rules.excess(worth, cast(market.rules.trigger_level, number), maintenance)
    return PoolScore(
        account=pool.account,
        kind=pool.kind,
        asset=pool.asset,
        instrument=pool.instrument,
        side=pool.side,
        wallet_balance=cash,
        unrealized_pnl=pnl,
        equity=worth,
        collateral_value=worth,
        notional=gross,
        initial_margin=initial,
        maintenance_margin=maintenance,
        excess=over,
        margin_ratio=rules.margin_ratio(worth, maintenance),
        venue_ratio=rules.venue_ratio(worth, maintenance, market.rules.venue_ratio),
        free_margin=rules.free_margin(worth, initial),
        available=rules.available(worth, initial, zero),
        withdrawable=rules.withdrawable(cash, pnl, initial, zero),
        liquidatable=rules.liquidatable(over, market.rules.zero_fails, len(legs)),
        positions=legs,
    )


def read_marks(market: Market, marks: Mapping[str, Any], positions: Iterable[Position]) -> dict[str, Fraction]:
    """Read the mark price of every instrument held; a missing one is refused, never replaced by an entry price."""
    given = {
        market.instrument(name, "prices.mark").name: positive(price, f"prices.mark[{name!r}]")
        for name, price in marks.items()
    }
    missing = sorted({position.instrument.name for position in positions} - given.keys())
    if missing:
        raise refuse("prices.mark", None, f"a mark price for {', '.join(missing)}")
    return given


@overload
def score_account(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    *,
    duplicates: str = "raise",
) -> list[PoolScore[Fraction]]: ...
@overload
def score_account(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    number: type[N],
    *,
    duplicates: str = "raise",
) -> list[PoolScore[N]]: ...
def score_account(  # noqa: PLR0913 - as the package's own score
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    number: type[Any] = Fraction,
    *,
    duplicates: str = "raise",
) -> list[PoolScore[Any]]:
    """Score the pools of one account.

    Parameters
    ----------
    market : Market
        From `load_market`.
    balances, positions : iterable of mappings
        Rows of the tables (see `read_balances`, `read_positions`), all of one account.
    marks : mapping
        Mark price per instrument name, quote per base, above zero.
    number : {Fraction, Decimal, float}
        The number type to calculate in. `Fraction` is exact.
    duplicates : {"raise", "merge"}
        What to do with a repeated key.

    Returns
    -------
    list of PoolScore
        In canonical order (see `partition`).

    Raises
    ------
    ReferenceInputError
        When a row or a price is refused, or the rows are of more than one account.
    """
    held = read_positions(market, positions, duplicates)
    cash = read_balances(market, balances, duplicates)
    prices = read_marks(market, marks, held)
    return [_score_pool(market, pool, prices, number) for pool in partition(market, cash, held)]


@overload
def score(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    *,
    duplicates: str = "raise",
) -> list[PoolScore[Fraction]]: ...
@overload
def score(
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    number: type[N],
    *,
    duplicates: str = "raise",
) -> list[PoolScore[N]]: ...
def score(  # noqa: PLR0913 - as the package's own
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row],
    marks: Mapping[str, Any],
    number: type[Any] = Fraction,
    *,
    duplicates: str = "raise",
) -> list[PoolScore[Any]]:
    """Score the pools of many accounts; parameters as `score_account`.

    Returns
    -------
    list of PoolScore
        Accounts as first seen in the balances, then in the positions; each account's pools in canonical order.
    """
    held = read_positions(market, positions, duplicates)
    cash = read_balances(market, balances, duplicates)
    prices = read_marks(market, marks, held)
    accounts: dict[Any, tuple[list[Balance], list[Position]]] = {}
    for balance in cash:
        accounts.setdefault(balance.account, ([], []))[0].append(balance)
    for position in held:
        accounts.setdefault(position.account, ([], []))[1].append(position)
    scores: list[PoolScore[Any]] = []
    for own_balances, own_positions in accounts.values():
        pools = partition(market, own_balances, own_positions)
        scores.extend(_score_pool(market, pool, prices, number) for pool in pools)
    return scores


def position_scores(pools: Iterable[PoolScore[N]]) -> list[PositionScore[N]]:
    """Return the figures of all positions, in the order of the input rows."""
    return sorted((leg for pool in pools for leg in pool.positions), key=lambda leg: leg.row)
