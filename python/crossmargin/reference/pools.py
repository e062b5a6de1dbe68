"""Partition of an account into collateral pools.

A margin mode is a partition: every isolated position is a pool of its own, and what is left is one cross pool per
settlement asset, or one per account where the rules value all assets together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from crossmargin.reference import rules
from crossmargin.reference.accounts import Terms
from crossmargin.reference.book import Balance, Position
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.orders import Order, counts
from crossmargin.reference.rows import MODES, SIDES
from crossmargin.reference.values import refuse

NO_FEE = Terms(Fraction(0))
"""Terms of an account in a market without fees."""


@dataclass(frozen=True)
class Layer:
    """The part of a pool in one asset: its wallet without fenced cash, the bonus and what is borrowed."""

    asset: str
    wallet_balance: Fraction
    bonus: Fraction = Fraction(0)
    borrowed: Fraction = Fraction(0)

    @property
    def own(self) -> Fraction:
        """The owner's cash."""
        return self.wallet_balance - self.borrowed

    @property
    def cash(self) -> Fraction:
        """What backs the pool before profit and loss: the bonus counts as margin."""
        return self.own + self.bonus


@dataclass(frozen=True)
class Pool:
    """One collateral pool: its key, its cash by asset, and the positions and orders which that cash backs.

    ``kind`` is cross or isolated; ``instrument`` and ``side`` are those of an isolated position and absent for a
    cross pool. ``orders`` are the orders that count. ``enlarged`` are isolated pools, there or to come, with the
    orders that would open or enlarge them: until they fill, the cross pool pays for them.
    """

    account: Any
    kind: str
    asset: str
    instrument: str | None
    side: str | None
    layers: tuple[Layer, ...]
    positions: tuple[Position, ...]
    orders: tuple[Order, ...] = ()
    enlarged: tuple["Pool", ...] = ()
    terms: Terms = NO_FEE

    @property
    def wallet_balance(self) -> Fraction:
        """Cash of a pool in one asset."""
        return sum((layer.wallet_balance for layer in self.layers), Fraction(0))


def partition(
    market: Market,
    balances: Sequence[Balance],
    positions: Sequence[Position],
    orders: Sequence[Order] = (),
    terms: Terms | None = None,
) -> list[Pool]:
    """Divide one account into collateral pools.

    A cross pool exists for each asset in which the account has a balance, a position or an order; where pools are per
    account there is one, in the valuation asset, with a layer for each such asset. Its cash is the wallet without
    what is fenced for isolated positions. Each isolated position is a pool with its fenced cash: it can lose that and
    no more, and nothing else can save it.

    Formula: cash of cross = ``wallet_balance - sum(isolated cash) - borrowed + bonus``; cash of isolated = the fenced
    cash. The partition is exact whatever the number type of the run: it moves money, it does not value it.

    Source: Binance API documentation (``crossWalletBalance``); BingX support 11263344675215 (multi-assets mode: what
    is isolated is taken off each asset); read 2026-11-22.

    Parameters
    ----------
    market : Market
        Gives the order of assets and instruments.
    balances, positions, orders : sequence
        Of one account, as read from rows.
    terms : Terms, optional
        Fee and coefficient of the account; absent, the market's usual ones.

    Returns
    -------
    list of Pool
        Cross pools in market order of assets, then isolated pools by asset, instrument and side (net, long, short).

    Raises
    ------
    ReferenceInputError
        When the rows are of more than one account.
    """
    accounts = accounts_of(balances, positions, orders)
    if len(accounts) > 1:
        raise refuse("account", sorted(map(str, accounts)), "one account", "call score for many")
    if not accounts:
        return []
    (account,) = accounts
    terms = terms or Terms(market.rules.taker)
    held = sorted(positions, key=lambda position: place(market, position.instrument, position.position_side))
    waiting = sorted(
        (order for order in orders if counts(order, market.rules.orders)),
        key=lambda order: (*place(market, order.instrument, order.position_side), order.row),
    )
    pools: list[Pool] = []
    for asset, names in _cross_assets(market, balances, positions, orders):
        pools.append(
            Pool(
                account=account,
                kind=MODES[0],
                asset=asset,
                instrument=None,
                side=None,
                layers=tuple(_layer(market, name, balances, held, terms) for name in names),
                positions=tuple(_in(held, "cross", names)),
                orders=tuple(_in(waiting, "cross", names)),
                enlarged=tuple(_enlarged(held, _in(waiting, "isolated", names), terms)),
                terms=terms,
            )
        )
    pools.extend(_isolated_pool(market, position, terms) for position in held if position.margin_mode == "isolated")
    return pools


def accounts_of(balances: Iterable[Balance], positions: Iterable[Position], orders: Iterable[Order]) -> set[Any]:
    """Return the accounts that rows are of."""
    return (
        {balance.account for balance in balances}
        | {position.account for position in positions}
        | {order.account for order in orders}
    )


def place(market: Market, instrument: Instrument, side: str) -> tuple[int, int, int]:
    """Place of a position in canonical order: asset, instrument, side."""
    asset = [asset.name for asset in market.assets].index(instrument.settle)
    return asset, market.instruments.index(instrument), SIDES.index(side)


def _cross_assets(
    market: Market, balances: Sequence[Balance], positions: Sequence[Position], orders: Sequence[Order]
) -> list[tuple[str, list[str]]]:
    """Asset of each cross pool, and the assets in it."""
    touched = {balance.asset for balance in balances}
    touched |= {position.instrument.settle for position in positions}
    touched |= {order.instrument.settle for order in orders}
    names = [asset.name for asset in market.assets if asset.name in touched]
    if market.rules.cross_pool == "per_asset":
        return [(name, [name]) for name in names]
    assert market.rules.valuation_asset is not None
    return [(market.rules.valuation_asset, names)]


def _in(entries: Iterable[Any], mode: str, assets: list[str]) -> list[Any]:
    return [entry for entry in entries if entry.margin_mode == mode and entry.instrument.settle in assets]


def _layer(
    market: Market, asset: str, balances: Sequence[Balance], positions: Sequence[Position], terms: Terms
) -> Layer:
    rows = [balance for balance in balances if balance.asset == asset]
    isolated = _in(positions, "isolated", [asset])
    return Layer(
        asset=asset,
        wallet_balance=rules.cross_cash(
            sum((row.wallet_balance for row in rows), Fraction(0)),
            [fenced_cash(market, position, terms) for position in isolated],
        ),
        bonus=sum((row.bonus for row in rows), Fraction(0)),
        borrowed=sum((row.borrowed for row in rows), Fraction(0)),
    )


def _isolated_pool(market: Market, position: Position, terms: Terms) -> Pool:
    instrument = position.instrument
    return Pool(
        account=position.account,
        kind=MODES[1],
        asset=instrument.settle,
        instrument=instrument.name,
        side=position.position_side,
        layers=(Layer(instrument.settle, fenced_cash(market, position, terms)),),
        positions=(position,),
        terms=terms,
    )


def _enlarged(positions: Sequence[Position], orders: Sequence[Order], terms: Terms) -> Iterable[Pool]:
    """Put isolated orders with the isolated position of their instrument and side, if there is one.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (the margin that a symbol requires is of its position and its
    orders together, in hedge mode side by side), read 2026-11-22.
    """
    for key in dict.fromkeys((order.instrument.name, order.position_side) for order in orders):
        own = [order for order in orders if (order.instrument.name, order.position_side) == key]
        held = [
            position
            for position in positions
            if (*key, "isolated") == (position.instrument.name, position.position_side, position.margin_mode)
        ]
        yield Pool(
            account=own[0].account,
            kind=MODES[1],
            asset=own[0].instrument.settle,
            instrument=key[0],
            side=key[1],
            layers=(),
            positions=tuple(held),
            orders=tuple(own),
            terms=terms,
        )


def fenced_cash(market: Market, position: Position, terms: Terms) -> Fraction:
    """Cash fenced for an isolated position: as given, or margin at entry with the venue's fee reserve.

    The reserve is one taker fee on the entry notional, or the fee for closing at the bankruptcy price.

    Formula: ``none`` 0; ``opening_notional`` ``fee * N``; ``closing_at_bankruptcy`` ``fee * N * (1 - sign / L)``,
    inverse ``(1 + sign / L)``; N the notional at entry.

    Source: MEXC position samples (ccxt 4.5.90; 0.1290338 for 0.01 ETH at 1217.3 and 100x); Bybit help, "Order Cost";
    read 2026-11-22.
    """
    reserved = fee_reserve(market, position, terms)
    return rules.isolated_cash(
        position.isolated_margin, _notional_at_entry(position), position.leverage, reserved or Fraction(0)
    )


def fee_reserve(market: Market, position: Position, terms: Terms) -> Fraction | None:
    """Fee that the venue keeps within an isolated position's margin; unknown where it needs a leverage not given.

    Formula: as in `fenced_cash`.

    Source: as `fenced_cash`.
    """
    at_entry = _notional_at_entry(position)
    if market.rules.fee_reserve == "none":
        return Fraction(0)
    if market.rules.fee_reserve == "opening_notional":
        return terms.taker * at_entry
    if position.leverage is None:
        return None
    factor = rules.bankruptcy_factor(position.instrument.payoff, position.sign, position.leverage, Fraction(1))
    return market.closing_rate(position.instrument, terms.taker) * at_entry * factor


def _notional_at_entry(position: Position) -> Fraction:
    instrument = position.instrument
    value = rules.contract_value(
        instrument.payoff, instrument.contract_size, instrument.multiplier, position.entry_price
    )
    return rules.notional(position.quantity, value)
