"""The book that lives: what fills, transfers and funding do to an account, in exact amounts.

Cash moves in whole quanta of its asset; what is no multiple is refused unless a direction says where to go. A wallet, a
quantity and a fence are the exact sums of what moved. What the rules look at are the doubles nearest to them, as a
table holds them: `Holding.tables` gives those.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from crossmargin.reference import rows, rules
from crossmargin.reference.accounts import Accounts, Setting, Terms, read_accounts, read_settings
from crossmargin.reference.beside import check_frozen, check_sides
from crossmargin.reference.bonus import Payment, Purse, Voucher
from crossmargin.reference.book import Balance, Position, check_cap, needs_leverage, read_balances, read_positions
from crossmargin.reference.market import Instrument, Market
from crossmargin.reference.orders import Order, read_orders
from crossmargin.reference.pools import Pool, fenced_cash, partition
from crossmargin.reference.rows import MODES, SIDES, Row
from crossmargin.reference.values import exact, positive, refuse

DIRECTIONS = ("down", "up", "nearest")
"""Toward less money for the owner, toward more, or to the nearest step (halves to the even one)."""

USUAL_LOT = Fraction(1, 10**8)
"""The step of quantities where the market states none."""

ZERO = Fraction(0)


@dataclass(frozen=True)
class Holding:
    """One account: cash by asset, positions, orders, terms, and what it chose by instrument. Amounts are exact."""

    account: Any
    terms: Terms
    balances: Mapping[str, Balance] = field(default_factory=dict)
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    quantity_unit: str = "contracts"
    purses: Mapping[str, Purse] = field(default_factory=dict)

    def pools(self, market: Market) -> list[Pool]:
        """Return the pools of what a table would hold: the decimals of the nearest doubles."""
        balances = [replace(one, wallet_balance=rows.stored(one.wallet_balance)) for one in self.balances.values()]
        return partition(market, balances, self.tabled_positions(), self.orders, self.terms)

    def tabled_positions(self) -> list[Position]:
        """Return the positions as a table would hold them."""
        return [
            replace(
                one,
                row=row,
                quantity=self.stored_quantity(one.instrument, one.quantity),
                isolated_margin=None if one.isolated_margin is None else rows.stored(one.isolated_margin),
            )
            for row, one in enumerate(self.positions)
        ]

    def stored_quantity(self, instrument: Instrument, quantity: Fraction) -> Fraction:
        """Return contracts as a table holds them: the nearest double in the unit that it is written in."""
        unit = instrument.contract_size if self.quantity_unit == "base" else Fraction(1)
        return rows.stored(quantity * unit) / unit

    def wallet(self, asset: str) -> Fraction:
        """Return the cash of an asset, exactly."""
        return self.balances[asset].wallet_balance if asset in self.balances else ZERO

    def paid(self, asset: str, amount: Fraction) -> "Holding":
        """Return the account with cash added, or taken; an asset that it did not have is one that it has from then."""
        before = self.balances.get(asset, Balance(self.account, asset, ZERO))
        after = replace(before, wallet_balance=before.wallet_balance + amount)
        return replace(self, balances={**self.balances, asset: after})

    def purse(self, market: Market, asset: str, free: Fraction) -> Purse:
        """Return the vouchers of an asset: those that are known, else what its balance says is one."""
        rule, quantum = market.rules.bonus, quantum_of(market, asset)
        held = self.balances[asset].bonus if asset in self.balances else ZERO
        amount = math.floor(held / quantum) * quantum
        vouchers = (Voucher(amount, rule.paid_share),) if amount else ()
        return replace(self.purses.get(asset, Purse(rule, quantum, ZERO, vouchers)), own=free)

    def settled(self, asset: str, purse: Purse, payment: Payment) -> "Holding":
        """Return the account after a payment out of its cash and its vouchers; without vouchers nothing is kept."""
        after = self.paid(asset, payment.own)
        balance = after.balances[asset]
        bonus = balance.bonus + payment.bonus if purse.vouchers else ZERO
        kept = {**after.purses, asset: purse}
        if not purse.vouchers:
            del kept[asset]
        return replace(after, balances={**after.balances, asset: replace(balance, bonus=bonus)}, purses=kept)

    def without(self, position: Position) -> "Holding":
        """Return the account without a position."""
        return replace(self, positions=tuple(one for one in self.positions if one.key != position.key))

    def having(self, position: Position) -> "Holding":
        """Return the account with a position, in place of the one of its key."""
        if any(one.key == position.key for one in self.positions):
            kept = tuple(position if one.key == position.key else one for one in self.positions)
            return replace(self, positions=kept)
        return replace(self, positions=(*self.positions, position))


def read_holdings(  # noqa: PLR0913 - a table each
    market: Market,
    balances: Iterable[Row],
    positions: Iterable[Row] = (),
    *,
    orders: Iterable[Row] = (),
    accounts: Iterable[Row] = (),
    settings: Iterable[Row] = (),
    quantity_unit: str = "contracts",
) -> dict[Any, Holding]:
    """Read the accounts of tables, as first seen in the balances, then in the positions, then in the orders.

    Parameters as `crossmargin.reference.score`.
    """
    terms, chosen = read_accounts(market, accounts), read_settings(market, settings)
    held = read_positions(market, positions, accounts=terms, settings=chosen, quantity_unit=quantity_unit)
    cash = read_balances(market, balances)
    waiting = read_orders(market, orders, terms, chosen, quantity_unit, held)
    check_sides(market, terms, held, waiting)
    check_frozen(market, held, waiting)
    everything: list[Balance | Position | Order] = [*cash, *held, *waiting]
    return {
        account: Holding(
            account,
            terms.terms(account),
            {one.asset: one for one in cash if one.account == account},
            tuple(one for one in held if one.account == account),
            tuple(one for one in waiting if one.account == account),
            {name: setting for (owner, name), setting in chosen.items() if owner == account},
            quantity_unit,
        )
        for account in dict.fromkeys(one.account for one in everything)
    }


def in_steps(amount: Fraction, step: Fraction, direction: str | None, where: str) -> Fraction:
    """Return an amount as a multiple of a step; a direction says where to go with what is none.

    Examples
    --------
    >>> cent = Fraction(1, 100)
    >>> [float(in_steps(exact("-0.125"), cent, way, "amount")) for way in DIRECTIONS]
    [-0.13, -0.12, -0.12]
    """
    count = amount / step
    if count.denominator == 1:
        return amount
    if direction is None:
        raise refuse(where, amount, f"a multiple of {step}", "say where to round: down, up or nearest")
    if direction == "nearest":
        return round(count) * step
    return (math.floor(count) if direction == "down" else math.ceil(count)) * step


def touched(market: Market, holding: Holding) -> Holding:
    """Return an account as an operation finds it: with a balance, of nothing if need be, in each asset of its pools.

    A cross pool that is there stays there when its last position is closed, as realised profit would keep it.
    """
    pools = [pool for pool in holding.pools(market) if pool.kind == MODES[0]]
    for asset in (layer.asset for pool in pools for layer in pool.layers):
        holding = holding.paid(asset, ZERO)
    return holding


def quantum_of(market: Market, asset: str) -> Fraction:
    """Return the smallest unit of an asset."""
    return market.asset(asset).quantum


def flow(market: Market, holding: Holding, asset: str, kind: str, amount: Fraction) -> Holding:
    """Book closed profit or loss, funding or a fee: the bonus pays what it may, the owner the rest.

    Source: as `crossmargin.reference.bonus.Purse.flow`.
    """
    if asset not in holding.balances or not holding.balances[asset].bonus:
        return holding.paid(asset, amount)
    purse = holding.purse(market, asset, free_cash(market, holding, asset))
    after, payment = purse.flow(kind, amount)
    return holding.settled(asset, after, payment)


def transfer(market: Market, holding: Holding, row: Row, direction: str | None = None) -> Holding:
    """Move cash in (a positive ``amount`` of ``asset``) or out; what leaves must be there and not be fenced.

    Source: the definition of this library: whether the venue would let it leave is not asked.
    """
    holding = touched(market, holding)
    asset = market.asset(row["asset"], "transfers.asset").name
    amount = exact(row["amount"], "transfers.amount")
    if amount == 0:
        raise refuse("transfers.amount", row["amount"], "an amount that moved", "leave the row out")
    moved = in_steps(amount, quantum_of(market, asset), direction, "transfers.amount")
    if moved < 0 and -moved > free_cash(market, holding, asset):
        raise refuse("transfers.amount", row["amount"], "at most what is free")
    if asset not in holding.balances or not holding.balances[asset].bonus:
        return holding.paid(asset, moved)
    return holding.settled(asset, *holding.purse(market, asset, ZERO).transfer(moved))


def fence_of(market: Market, holding: Holding, position: Position) -> Fraction:
    """Return what is fenced for an isolated position: as said, or by the rules at entry, up to the next quantum."""
    if position.isolated_margin is not None:
        return position.isolated_margin
    if position.leverage is None:
        raise refuse("isolated_margin", None, "a number, or a leverage to derive it from")
    stored = replace(position, quantity=holding.stored_quantity(position.instrument, position.quantity))
    fence = fenced_cash(market, stored, holding.terms)
    return in_steps(fence, quantum_of(market, position.instrument.settle), "up", "isolated_margin")


def free_cash(market: Market, holding: Holding, asset: str) -> Fraction:
    """Return the cash of an asset that is not fenced for isolated positions."""
    fenced = [
        fence_of(market, holding, one)
        for one in holding.positions
        if one.margin_mode == "isolated" and one.instrument.settle == asset
    ]
    return holding.wallet(asset) - sum(fenced, ZERO)


def fund(market: Market, holding: Holding, row: Row, mark: Any = None, direction: str | None = "down") -> Holding:
    """Pay funding of every position in an instrument at a ``rate``; of ``price``, or of the mark.

    Formula: the owner gets ``-quantity * |x(price)| * rate`` of each position, rounded by itself. Of an isolated
    position it comes out of what is fenced and goes there; what is more than fenced comes from the other cash.

    Source: Binance FAQ 360033525031 and Bybit help, "Funding Fee Calculation" (position value at the mark times the
    rate; a positive rate is paid by longs), read 2026-11-22.
    """
    instrument = market.instrument(row["instrument"], "funding.instrument")
    price = row.get("price")
    price = positive(mark if price is None else price, "funding.price")
    rate = exact(row["rate"], "funding.rate")
    if all(one.instrument is not instrument for one in holding.positions):
        return holding
    holding = touched(market, holding)
    for one in holding.positions:
        if one.instrument is not instrument:
            continue
        owed = rules.notional(one.quantity, _value(instrument, price)) * (1 if one.quantity > 0 else -1) * rate
        paid = in_steps(-owed, quantum_of(market, instrument.settle), direction, "funding.rate")
        if one.margin_mode == "isolated":
            fence = max(ZERO, fence_of(market, holding, one) + paid)
            holding = holding.having(replace(one, isolated_margin=fence))
        holding = flow(market, holding, instrument.settle, "funding", paid)
    return holding


def _value(instrument: Instrument, price: Fraction) -> Fraction:
    return rules.contract_value(instrument.payoff, instrument.contract_size, instrument.multiplier, price)


def fill(market: Market, holding: Holding, row: Row, direction: str | None = None) -> Holding:
    """Trade as the venue nets: a fill reduces the position that it meets, and what is left of it opens.

    Columns ``instrument``, ``quantity`` (bought positive; a multiple of the lot, or all of the position), ``price``;
    optional ``fee`` (an amount) or ``maker`` (the fee is then by the rate of the account's profile), ``leverage``,
    ``isolated_margin``, ``margin_mode``, ``position_side``. What is left out is as of the position that is there.

    Formula: profit booked is ``part * (x(price) - x(entry))``; the entry price of a position that is added to is the
    double nearest to the price at which it has the profit of both parts; of an isolated position ``fence * part /
    quantity``, cut to the quantum, goes back to the cash, or the loss where that is more.

    Source: Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (average entry price); MEXC position samples (what an isolated
    position gives back when it is reduced); read 2026-11-22.
    """
    holding = touched(market, holding)
    instrument = market.instrument(row["instrument"], "fills.instrument")
    quantity, price = exact(row["quantity"], "fills.quantity"), positive(row["price"], "fills.price")
    if quantity == 0:
        raise refuse("fills.quantity", row["quantity"], "something that was traded", "leave the row out")
    held, side, mode = _met(holding, instrument, row)
    _check_lot(instrument, quantity, held)
    free = free_cash(market, holding, instrument.settle) if mode == "isolated" else None
    rest, leverage = quantity, rows.optional_or_nan(row, "leverage", "fills.{}", positive)
    if held is not None and (held.quantity > 0) != (quantity > 0):
        part = held.quantity if abs(quantity) >= abs(held.quantity) else -quantity
        leverage = held.leverage if leverage is None else leverage
        holding = _closed(market, holding, held, part, price, direction)
        rest, held = quantity + part, None  # what is left over opens a position of its own
    if rest:
        margin = rows.optional_or_nan(row, "isolated_margin", "fills.{}", exact)
        if margin is not None:
            margin = in_steps(margin, quantum_of(market, instrument.settle), direction, "fills.isolated_margin")
        opened = Position(holding.account, instrument, rest, rows.stored(price), leverage, mode, margin, side)
        holding = _opened(market, holding, held, opened)
    if free is not None and free_cash(market, holding, instrument.settle) < min(free, ZERO):
        raise refuse("fills.isolated_margin", None, f"at most {free}, which is not fenced yet")
    fee = _fee(holding, instrument, row)
    if fee is None:
        return holding
    paid = in_steps(-fee, quantum_of(market, instrument.settle), direction, "fills.fee")
    return flow(market, holding, instrument.settle, "fee", paid)


def _met(holding: Holding, instrument: Instrument, row: Row) -> tuple[Position | None, str, str]:
    """Return the position that a fill is of, if it is there, with its side and mode."""
    side = rows.named(row, "position_side", "fills.{}", SIDES)
    mode = rows.named(row, "margin_mode", "fills.{}", MODES)
    found = [
        one
        for one in holding.positions
        if one.instrument is instrument and side in (None, one.position_side) and mode in (None, one.margin_mode)
    ]
    if len(found) > 1:
        raise refuse("fills.position_side", None, "the side and mode of one of the positions")
    if found:
        return found[0], found[0].position_side, found[0].margin_mode
    setting = holding.settings.get(instrument.name, Setting())
    usual = setting.margin_mode or holding.terms.margin_mode or MODES[0]
    return None, side or SIDES[0], mode or usual


def _check_lot(instrument: Instrument, quantity: Fraction, held: Position | None) -> None:
    lot = instrument.lot or USUAL_LOT
    if (quantity / lot).denominator != 1 and (held is None or held.quantity + quantity != 0):
        raise refuse("fills.quantity", quantity, f"a multiple of the lot {lot}, or all of the position")


def _closed(  # noqa: PLR0913, PLR0917 - what is closed, and at what
    market: Market, holding: Holding, held: Position, part: Fraction, price: Fraction, direction: str | None
) -> Holding:
    instrument, quantum = held.instrument, quantum_of(market, held.instrument.settle)
    profit = rules.unrealized_pnl(part, _value(instrument, held.entry_price), _value(instrument, price))
    booked = in_steps(profit, quantum, direction, "fills.realized_pnl")
    fence = held.isolated_margin
    if held.margin_mode == "isolated":
        fenced = fence_of(market, holding, held)
        if -booked > fenced:
            raise refuse("fills.realized_pnl", booked, f"a loss of at most {fenced}, which is fenced")
        share = fenced if part == held.quantity else in_steps(fenced * part / held.quantity, quantum, "down", "share")
        fence = fenced - max(share, -booked)
    holding = flow(market, holding, instrument.settle, "loss", booked)
    if part == held.quantity:
        return holding.without(held)
    return holding.having(replace(held, quantity=held.quantity - part, isolated_margin=fence))


def _opened(market: Market, holding: Holding, held: Position | None, opened: Position) -> Holding:
    """Open a position, or add to the one that is there."""
    instrument = opened.instrument
    if opened.leverage is None:
        chosen = holding.settings.get(instrument.name, Setting()).leverage
        opened = replace(opened, leverage=chosen if held is None else held.leverage)
    if opened.margin_mode == "isolated":
        opened = replace(opened, isolated_margin=fence_of(market, holding, opened))
    if held is None:
        return holding.having(opened)
    if held.leverage != opened.leverage:
        raise refuse("fills.leverage", opened.leverage, f"that of the position, {held.leverage}")
    fence = held.isolated_margin
    if held.margin_mode == "isolated":
        fence = fence_of(market, holding, held) + (opened.isolated_margin or ZERO)
    entry = rows.stored(average(instrument.payoff, held, opened))
    return holding.having(
        replace(held, quantity=held.quantity + opened.quantity, entry_price=entry, isolated_margin=fence)
    )


def average(payoff: str, held: Position, added: Position) -> Fraction:
    """Return the entry price at which a position that was added to has the profit of both parts.

    Formula: weighted with quantities; of an inverse contract one over the weighted one over the price.

    Source: as `fill`.
    """
    whole = held.quantity + added.quantity
    if payoff == "inverse":
        return whole / (held.quantity / held.entry_price + added.quantity / added.entry_price)
    return (held.quantity * held.entry_price + added.quantity * added.entry_price) / whole


def _fee(holding: Holding, instrument: Instrument, row: Row) -> Fraction | None:
    given = rows.optional_or_nan(row, "fee", "fills.{}", exact)
    if given is not None or row.get("maker") is None:
        return given
    value = _value(instrument, positive(row["price"], "fills.price"))
    return rules.notional(exact(row["quantity"]), value) * holding.terms.fill_rate(maker=bool(row["maker"]))


def checked(market: Market, accounts: Accounts, holding: Holding) -> Holding:
    """Refuse an account that no book can be of, such as one with a position beyond the cap of its tiers."""
    check_sides(market, accounts, holding.positions, holding.orders)
    check_frozen(market, holding.positions, holding.orders)
    for one in holding.positions:
        if one.position_side != SIDES[0] and (one.quantity > 0) != (one.position_side == "long"):
            raise refuse("fills.position_side", one.position_side, "a side that is long above 0, or short below it")
        check_cap(one, holding.terms.coefficient)
        if one.leverage is None and needs_leverage(market.rules, one.margin_mode):
            raise refuse("fills.leverage", None, "a number above 0")
    return holding


def table_rows(holding: Holding) -> dict[str, list[dict[str, Any]]]:
    """Return the balances and positions of an account as a table holds them, in doubles.

    Examples
    --------
    >>> cash = {"USDT": Balance(7, "USDT", exact("10.5"))}
    >>> table_rows(Holding(7, Terms(ZERO), cash))
    {'balances': [{'asset': 'USDT', 'wallet_balance': 10.5, 'bonus': 0.0, 'borrowed': 0.0}], 'positions': []}
    """
    return {
        "balances": [
            {
                "asset": one.asset,
                "wallet_balance": float(one.wallet_balance),
                "bonus": float(one.bonus),
                "borrowed": float(one.borrowed),
            }
            for one in holding.balances.values()
        ],
        "positions": [
            {
                "instrument": one.instrument.name,
                "quantity": float(one.quantity),
                "entry_price": float(one.entry_price),
                "leverage": None if one.leverage is None else float(one.leverage),
                "margin_mode": one.margin_mode,
                "position_side": one.position_side,
                "isolated_margin": None if one.isolated_margin is None else float(one.isolated_margin),
            }
            for one in holding.positions
        ],
    }


def filled(
    market: Market, accounts: Accounts, holding: Holding, fills: Sequence[Row], direction: str | None
) -> Holding:
    """Apply the fills of an account, in their order; what comes out must be an account that can be."""
    for row in fills:
        holding = fill(market, holding, row, direction)
    return checked(market, accounts, holding)
