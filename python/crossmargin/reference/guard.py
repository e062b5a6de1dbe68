"""Guard rails over accounts: which limits are broken now, and which stops have been reached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference.admission import Judged, opening_part
from crossmargin.reference.checking import REASONS, Book, Way, filled, is_priced, judge
from crossmargin.reference.figures import PoolScore, score_pool
from crossmargin.reference.funds import Key, key_of
from crossmargin.reference.ledger import ZERO, Holding
from crossmargin.reference.orders import Order, closes_leg
from crossmargin.reference.paths import held_instruments
from crossmargin.reference.pools import Pool
from crossmargin.reference.values import ReferenceInputError, exact, refuse
from crossmargin.reference.verdict import at_risk

BITS = {
    "liquidatable": 1 << 16,
    "soft_stop": 1 << 17,
    "maintenance_share": 1 << 18,
    "max_leverage": 1 << 19,
    "concentration": 1 << 20,
    "unpriced": 1 << 21,
}
"""Bits of limits; those of levels come first, from the highest level."""


@dataclass(frozen=True)
class Limits:
    """What an owner wants to be told: None is no limit.

    Parameters
    ----------
    levels : tuple
        Margin ratios below which a pool is shown.
    soft_stop : number or None
        The share of its reference whose loss stops an account.
    maintenance_share : number or None
        The largest share of the account's equity that one position's maintenance margin may be.
    max_leverage, concentration : number or None
        The largest notional over equity; the largest share of the notional in one underlying.
    liquidation : bool
        Whether pools that are liquidatable are shown.
    valuation : str or None
        The asset in which accounts are valued; None for that of the market.
    """

    levels: tuple[Any, ...] = (2.0, 1.5, 1.2)
    soft_stop: Any = 0.15
    maintenance_share: Any = 0.02
    max_leverage: Any = None
    concentration: Any = None
    liquidation: bool = True
    valuation: str | None = None


@dataclass
class Breaches:
    """Bits of what is broken: of pools by account and key, of positions by their row, of accounts."""

    pools: dict[tuple[Any, Key], int] = field(default_factory=dict)
    positions: dict[tuple[Any, int], int] = field(default_factory=dict)
    accounts: dict[Any, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """One account at its prices: its pools with their figures, valued in one asset."""

    book: Book
    pools: tuple[tuple[Pool, PoolScore[Fraction], bool], ...]
    valuation: str

    def rate(self, asset: str) -> Fraction:
        """Return the value of an asset in the valuation asset."""
        index = self.book.quotes.index
        return Fraction(1) if asset == self.valuation else index[asset] / index.get(self.valuation, Fraction(1))

    @property
    def equity(self) -> Fraction:
        """Equity of all pools."""
        return sum((self.rate(pool.asset) * score.equity for pool, score, _ in self.pools), ZERO)

    def notionals(self) -> dict[str, Fraction]:
        """Return the gross notional by underlying."""
        found: dict[str, Fraction] = {}
        for pool, score, _ in self.pools:
            for leg, position in zip(score.positions, pool.positions, strict=True):
                worth = self.rate(position.instrument.settle) * leg.notional
                name = position.instrument.underlying
                found[name] = found.get(name, ZERO) + worth
        return found


def breaches(book: Book, limits: Limits, references: Mapping[Any, Any] | None = None) -> Breaches:
    """Return which limits are broken in every account, as bits.

    Equality keeps a limit, but for the soft stop. An account without equity breaks what is relative to it, where it
    has a position.

    Formula: a level L where something is at risk and required and ``collateral < L * maintenance``; the verdict; soft
    stop ``equity <= (1 - s) * reference`` for a reference above zero; a position's maintenance margin above
    ``share * equity``; ``sum of notional > max_leverage * equity``; the largest notional of an underlying above
    ``concentration * sum``. An account of which a price is missing has that bit everywhere, and no other but those of
    its pools that have their prices.

    Source: the definition of this library.
    """
    found = Breaches()
    references = references or {}
    for account, holding in book.holdings.items():
        pools = holding.pools(book.market)
        priced = {key_of(pool): _is_priced(book, pool) for pool in pools}
        look = _look(book, [pool for pool in pools if priced[key_of(pool)]], limits)
        for pool in pools:
            found.pools[account, key_of(pool)] = 0 if priced[key_of(pool)] else BITS["unpriced"]
        for pool, score, risk in look.pools:
            found.pools[account, key_of(pool)] = _of_pool(limits, score, risk=risk)
        if not (all(priced.values()) and _is_valued(look, pools)):
            found.accounts[account] = BITS["unpriced"]
            found.positions |= {(account, row): BITS["unpriced"] for row in range(len(holding.positions))}
            continue
        reference = references.get(account)
        found.accounts[account] = _of_account(look, limits, None if reference is None else exact(reference))
        found.positions |= {(account, row): bits for row, bits in _of_positions(look, limits)}
    return found


def _look(book: Book, pools: list[Pool], limits: Limits) -> Look:
    runs = book.quotes.runs()
    valuation = limits.valuation or book.market.rules.valuation_asset
    assets = {pool.asset for pool in pools}
    if valuation is None and len(assets) == 1:
        (valuation,) = assets
    scored = tuple((pool, score_pool(runs, pool), at_risk(book.quotes.run, pool)) for pool in pools)
    return Look(book, scored, valuation or "")


def _is_priced(book: Book, pool: Pool) -> bool:
    names = {one.name for one in held_instruments(book.market, pool)}
    names |= {position.instrument.name for part in pool.enlarged for position in part.positions}
    return book.quotes.has(names, [layer.asset for layer in pool.layers] if pool.kind == "cross" else [])


def _is_valued(look: Look, pools: list[Pool]) -> bool:
    known = look.book.quotes.index.keys() | {look.valuation}
    needed = {pool.asset for pool in pools} | {one.instrument.settle for pool in pools for one in pool.positions}
    return needed <= known


def _of_pool(limits: Limits, score: PoolScore[Fraction], *, risk: bool) -> int:
    bits = BITS["liquidatable"] if limits.liquidation and score.liquidatable else 0
    for place, level in enumerate(sorted(limits.levels, reverse=True)):
        required = score.maintenance_margin
        if risk and required > 0 and score.collateral_value < exact(level) * required:
            bits |= 1 << place
    return bits


def _of_account(look: Look, limits: Limits, reference: Fraction | None) -> int:
    bits, equity, notionals = 0, look.equity, look.notionals()
    total = sum(notionals.values(), ZERO)
    if (
        limits.soft_stop is not None
        and reference is not None
        and reference > 0
        and equity <= (1 - exact(limits.soft_stop)) * reference
    ):
        bits |= BITS["soft_stop"]
    if limits.max_leverage is not None and notionals and (equity <= 0 or total > exact(limits.max_leverage) * equity):
        bits |= BITS["max_leverage"]
    if limits.concentration is not None and notionals:
        bits |= BITS["concentration"] if max(notionals.values()) > exact(limits.concentration) * total else 0
    return bits


def _of_positions(look: Look, limits: Limits) -> Iterator[tuple[int, int]]:
    equity = look.equity
    for pool, score, _ in look.pools:
        for leg, position in zip(score.positions, pool.positions, strict=True):
            fails = False
            if limits.maintenance_share is not None:
                margin = look.rate(position.instrument.settle) * leg.maintenance_margin
                fails = equity <= 0 or margin > exact(limits.maintenance_share) * equity
            yield leg.row, BITS["maintenance_share"] if fails else 0


# stops


@dataclass(frozen=True)
class FiredOrder:
    """A stop whose trigger was reached: what it filled (0 where it rests or is dropped) and at which price."""

    account: Any
    row: int
    trigger_price: Fraction
    quantity: Fraction
    price: Fraction | None
    realized_pnl: Fraction
    fee: Fraction
    reason: str
    rests: bool


def is_fired(order: Order, mark: Fraction) -> bool:
    """Whether an order that waits is triggered at a mark; a mark on the trigger does.

    Formula: a stop, or an order that does not say its kind: buys ``mark >= trigger``, sells ``mark <= trigger``; a take
    profit the other way round.

    Source: Binance API documentation (STOP and TAKE_PROFIT: triggered when the price is at or beyond the stop price),
    read 2026-11-22.
    """
    if order.trigger_price is None:
        return False
    rising = (order.quantity > 0) != (order.kind == "take_profit")
    return mark >= order.trigger_price if rising else mark <= order.trigger_price


def fire_stops(book: Book, fills: str = "mark", way: Way | None = None) -> tuple[list[FiredOrder], dict[Any, Holding]]:
    """Fire every stop that is reached, before anybody asks for a verdict; return them with the accounts after.

    No path of prices is known: of one account the stop whose trigger lies furthest behind the mark, relatively, is
    first (chosen), then the one that was placed first. One without a limit fills at the mark, its gap included, or at
    its trigger. One with a limit fills at that where the mark is as good, and else rests as an open order. What can
    only reduce fills no more than there is and is gone; anything else goes through the gate first, and is dropped where
    it is refused.

    Source: Binance FAQ 4f83b65d83654b5e933f85ef12bf769d (the check of a stop runs when it triggers), read 2026-11-22.
    """
    if fills not in ("mark", "trigger"):
        raise refuse("fills", fills, "'mark' or 'trigger'")
    way = replace(way or Way(), assume="resting")
    fired: list[FiredOrder] = []
    after = dict(book.holdings)
    for account, holding in book.holdings.items():
        marks = book.quotes.mark
        reached = [
            one for one in holding.orders if one.trigger_price is not None and is_fired(one, marks[one.instrument.name])
        ]
        reached.sort(key=lambda one: (-_behind(one, marks[one.instrument.name]), one.row))
        for order in reached:
            said, after[account] = _fire(book, after[account], order, fills, way)
            fired.append(said)
    return fired, after


def _behind(order: Order, mark: Fraction) -> Fraction:
    assert order.trigger_price is not None
    return abs(mark - order.trigger_price) / order.trigger_price


def _fire(book: Book, holding: Holding, order: Order, fills: str, way: Way) -> tuple[FiredOrder, Holding]:
    assert order.trigger_price is not None
    waiting = tuple(one for one in holding.orders if one.row != order.row)
    holding = replace(holding, orders=waiting)
    live = replace(order, trigger_price=None, kind=None)
    mark = book.quotes.mark[order.instrument.name]
    said = FiredOrder(holding.account, order.row, order.trigger_price, ZERO, None, ZERO, ZERO, REASONS[0], rests=False)
    reason = _refused(book, holding, live, way)
    if reason is not None:
        return replace(said, reason=reason), holding
    if order.price is not None and (mark > order.price if order.quantity > 0 else mark < order.price):
        return replace(said, rests=True), replace(holding, orders=(*waiting, live))
    price = order.price or (mark if fills == "mark" else order.trigger_price)
    try:
        bare = filled(book, holding, live, price, replace(way, fee="none"))
        after = filled(book, holding, live, price, way)
    except ReferenceInputError as error:
        word = "leverage_mismatch" if "fills.leverage" in str(error) else "fill"
        return replace(said, reason=word), holding
    settle = order.instrument.settle
    worth = [_money(one, settle) for one in (holding, bare, after)]
    traded = _traded(holding, live)
    return (
        replace(said, quantity=traded, price=price, realized_pnl=worth[1] - worth[0], fee=worth[1] - worth[2]),
        after,
    )


def _refused(book: Book, holding: Holding, order: Order, way: Way) -> str | None:
    """Return why a triggered order is dropped: nothing to reduce, or what the gate says of one that may open."""
    if order.reduce_only or closes_leg(order):
        return None if _traded(holding, order) else "nothing_to_reduce"
    if not is_priced(Judged(book.quotes, holding, order, opening_part(book.market, holding, order))):
        return "unpriced"
    said = judge(book, holding, order, way)
    return None if said.accepted else said.reason


def _traded(holding: Holding, order: Order) -> Fraction:
    """Return what an order fills: all of it, or no more than there is where it can only reduce."""
    if not (order.reduce_only or closes_leg(order)):
        return order.quantity
    keys = ("instrument", "position_side", "margin_mode")
    held = [one for one in holding.positions if all(getattr(one, key) == getattr(order, key) for key in keys)]
    against = [one for one in held if (one.quantity > 0) != (order.quantity > 0)]
    if not against:
        return ZERO
    return min(abs(order.quantity), abs(against[0].quantity)) * (1 if order.quantity > 0 else -1)


def _money(holding: Holding, asset: str) -> Fraction:
    balance = holding.balances.get(asset)
    return ZERO if balance is None else balance.wallet_balance + balance.bonus
