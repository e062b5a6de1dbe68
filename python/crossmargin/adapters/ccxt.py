"""ccxt: balances, positions, orders, tickers, markets and leverage tiers in its unified form, of any exchange.

ccxt itself is not needed: these are functions on the dicts that it returns. Keys are those of ccxt 4.5.90
(``ccxt/base/types.py``, MIT), read 2026-11-22. The unified fields leave things open that differ between exchanges;
where the exchange is known the module says what they mean, else arguments must.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crossmargin.adapters import _ccxt_venues as venues
from crossmargin.adapters._read import Json, exact, exact_of, flag, needed, objects, text
from crossmargin.adapters.ccxt_market import is_inverse, market, markets_by_symbol, tiers
from crossmargin.adapters.snapshot import Draft, Snapshot
from crossmargin.errors import ArgumentError

__all__ = ["account", "market", "tiers"]

_NOT_CURRENCIES = ("info", "timestamp", "datetime", "free", "used", "total", "debt")
_OF_POSITION = {"unrealizedPnl": "unrealized_pnl", "liquidationPrice": "liquidation_price"}
_MARGINS = {"initialMargin": "initial_margin", "maintenanceMargin": "maintenance_margin"}
_RATES = {"maintenanceMarginPercentage": "maintenance_rate"}


def account(  # noqa: PLR0913 - the structures, and what they leave open
    *,
    exchange: str,
    balance: Any,
    positions: Any = None,
    orders: Any = None,
    tickers: Any = None,
    markets: Any = None,
    account: Any = "main",
    total_has_profit: bool | None = None,
    debt_in_total: bool | None = None,
    margins_in_percent: bool | None = None,
    contract_sizes: Mapping[str, float] | None = None,
    leverage: Any = None,
    mark: Mapping[str, float] | None = None,
    index: Mapping[str, float] | None = None,
) -> Snapshot:
    """Read an account from ccxt's unified structures.

    Parameters
    ----------
    exchange : str
        ccxt's id of the exchange, such as ``"binanceusdm"``: the fields mean different things on different ones.
    balance : dict
        From ``fetch_balance`` of the futures wallet.
    positions : list of dict, optional
        From ``fetch_positions``; ``[]`` says that there are none.
    orders : list of dict, optional
        From ``fetch_open_orders``; what is left of each counts.
    tickers : dict, optional
        From ``fetch_tickers``: ``markPrice`` and ``last``, where positions have no mark price.
    markets : dict, optional
        ``exchange.markets``: contract sizes, where positions have none.
    account : int or str
        The account's key in the book.
    total_has_profit : bool, optional
        Whether ``total`` has unrealised profit in it. Known of binance, okx, deribit, hyperliquid, kucoin, bitget and
        krakenfutures (yes) and of bybit (no); needed of others.
    debt_in_total : bool, optional
        Whether ``total`` is less by ``debt`` already. It is where it is an equity, of the exchanges above that say yes;
        needed of others with a debt.
    margins_in_percent : bool, optional
        Whether ``maintenanceMarginPercentage`` is in percent; by default only that of deribit is.
    contract_sizes : mapping of str to float, optional
        By symbol: base units of a contract, quote units of an inverse one. Before those of positions and markets.
    leverage : mapping of str to float, or float, optional
        For positions that do not tell theirs, and for orders.
    mark, index : mapping of str to float, optional
        Mark prices by symbol, before all others; index prices of assets, for pools of several assets.

    Returns
    -------
    Snapshot
        ``contracts`` has no sign: ``side`` has it. Wallet balances are ``total``, less the unrealised profit of all
        positions that settle in the currency where ``total`` has that in it.

    Raises
    ------
    ArgumentError
        For what cannot be read or known, with the key, its value and what to give.

    Notes
    -----
    ccxt works the margins of Binance's and Bybit's positions out from liquidation prices where the reply has none, so
    they are not among ``reported``: use `binance.account` or `bybit.account` to check against these venues.

    Examples
    --------
    >>> position = {
    ...     "symbol": "BTC/USDT:USDT",
    ...     "side": "short",
    ...     "contracts": 0.2,
    ...     "contractSize": 1.0,
    ...     "entryPrice": 60000.0,
    ...     "markPrice": 59000.0,
    ...     "unrealizedPnl": 200.0,
    ...     "leverage": 10,
    ...     "marginMode": "cross",
    ...     "hedged": False,
    ... }
    >>> snapshot = account(exchange="binanceusdm", balance={"total": {"USDT": 1200.0}}, positions=[position])
    >>> snapshot.positions["quantity"].tolist(), snapshot.balances["wallet_balance"].tolist()
    ([-0.2], [1000.0])
    """
    if not isinstance(exchange, str):
        raise ArgumentError(f"exchange was {exchange!r}, expected ccxt's id of it, such as 'binanceusdm'")
    draft = Draft(exchange, account)
    listed = markets_by_symbol(markets)
    quoted = _quoted(draft, tickers, mark)
    percent = exchange in venues.PERCENT if margins_in_percent is None else margins_in_percent
    profits: dict[str, Fraction | None] = {}
    rows = [row for row in objects(positions or [], "positions") if exact(row, "contracts", "positions")]
    for at, row in enumerate(rows):
        place = f"positions[{at}]"
        size = _size(row, place, exchange, contract_sizes or {}, listed)
        profit = _read_position(draft, row, place, size=size, quoted=quoted, percent=percent)
        settle = _settle(text(row, "symbol", place), place)
        before = profits.get(settle, Fraction(0))
        profits[settle] = None if profit is None or before is None else before + profit
    has_profit = venues.TOTAL_HAS_PROFIT.get(exchange) if total_has_profit is None else total_has_profit
    in_total = (venues.TOTAL_HAS_PROFIT.get(exchange) or None) if debt_in_total is None else debt_in_total
    _read_balance(draft, balance, has_profit, None if positions is None else profits, in_total)
    legs = {row["symbol"] for row in rows if flag(row, "hedged", "positions")}
    for at, row in enumerate(objects(orders or [], "orders")):
        _read_order(draft, row, f"orders[{at}]", legs)
    for asset, value in (index or {}).items():
        draft.price("index", asset, exact_of(value, f"index[{asset!r}]"))
    draft.leverages(leverage)
    return draft.snapshot()


def _quoted(draft: Draft, tickers: Any, mark: Mapping[str, float] | None) -> dict[str, Fraction]:
    """Give the mark prices that were brought; note last ones."""
    made: dict[str, Fraction] = {}
    rows = list(tickers.values()) if isinstance(tickers, Mapping) and "symbol" not in tickers else tickers or []
    for at, row in enumerate(objects(rows, "tickers")):
        symbol = text(row, "symbol", f"tickers[{at}]")
        draft.price("last", symbol, exact(row, "last", f"tickers[{at}]"))
        price = exact(row, "markPrice", f"tickers[{at}]")
        if price:
            made[symbol] = price
    made |= {name: exact_of(value, f"mark[{name!r}]") for name, value in (mark or {}).items()}
    for name, value in made.items():
        draft.price("mark", name, value)
    return made


def _settle(symbol: str, place: str) -> str:
    """Read the settlement currency off a symbol ``BASE/QUOTE:SETTLE[-...]``."""
    _, colon, rest = symbol.partition(":")
    if not colon:
        cure = "expected a contract such as 'BTC/USDT:USDT': leave spot out"
        raise ArgumentError(f"{place}.symbol was {symbol!r}, {cure}")
    return rest.partition("-")[0]


def _size(row: Json, place: str, exchange: str, said: Mapping[str, float], listed: Mapping[str, Json]) -> Fraction:
    """Find what one contract is: base units, of inverse contracts quote units."""
    symbol = text(row, "symbol", place)
    if symbol in said:
        return exact_of(said[symbol], f"contract_sizes[{symbol!r}]")
    size = exact(row, "contractSize", place)
    if size is None and symbol in listed:
        size = exact(listed[symbol], "contractSize", f"markets[{symbol!r}]")
    if size is None and exchange in venues.SIZE_OF_ONE:
        return Fraction(1)
    if not size:
        cure = "give markets=exchange.markets, or contract_sizes= with it"
        raise ArgumentError(f"{place}.contractSize was {row.get('contractSize')!r} ({symbol}): {cure}")
    return size


def _read_position(  # noqa: PLR0913 - what was found out about it
    draft: Draft, row: Json, place: str, *, size: Fraction, quoted: Mapping[str, Fraction], percent: bool
) -> Fraction | None:
    """Add a position; give its unrealised profit where that is known."""
    symbol = text(row, "symbol", place)
    sign = 1 if text(row, "side", place, ("long", "short")) == "long" else -1
    quantity = sign * abs(needed(row, "contracts", place, "give fetch_positions"))
    entry = needed(row, "entryPrice", place, "an entry price is never guessed: give that of the venue's own reply")
    price = quoted.get(symbol) or exact(row, "markPrice", place) or _implied(row, place, symbol, quantity * size)
    side = "net" if not flag(row, "hedged", place) else "long" if sign > 0 else "short"
    draft.price("mark", symbol, price)
    draft.sizes[symbol] = float(size)
    profit = exact(row, "unrealizedPnl", place)
    if profit is None and price:
        profit = quantity * size * (1 / entry - 1 / price if is_inverse(symbol) else price - entry)
    isolated = row.get("marginMode") == "isolated" or (row.get("marginMode") is None and bool(row.get("isolated")))
    draft.add(
        "positions",
        instrument=symbol,
        quantity=quantity,
        entry_price=entry,
        leverage=exact(row, "leverage", place) or None,
        margin_mode="isolated" if isolated else "cross",
        isolated_margin=_fenced(draft, row, place, profit) if isolated else None,
        position_side=side,
    )
    keys = dict(_OF_POSITION)
    if draft.venue in venues.RECONSTRUCTED:
        draft.notes.append("margins of positions may be worked out from liquidation prices by ccxt: not reported")
    else:
        keys |= _MARGINS
        scale = Fraction(1, 100) if percent else Fraction(1)
        draft.report(row, _RATES, place, level="position", instrument=symbol, side=side, scale=scale)
    draft.report(row, keys, place, level="position", instrument=symbol, side=side)
    if price and exact(row, "markPrice", place):
        draft.report(row, {"notional": "notional"}, place, level="position", instrument=symbol, side=side)
    return profit


def _implied(row: Json, place: str, symbol: str, base: Fraction) -> Fraction | None:
    """Work the mark price out of the notional of a linear contract."""
    notional = exact(row, "notional", place)
    return abs(notional / base) if notional and not is_inverse(symbol) else None


def _fenced(draft: Draft, row: Json, place: str, profit: Fraction | None) -> Fraction | None:
    """Give the cash of an isolated position: ``positionMargin``, or ``collateral`` less the unrealised profit."""
    margin, collateral = exact(row, "positionMargin", place), exact(row, "collateral", place)
    if margin is not None:
        return margin
    if collateral is not None and profit is not None:
        return collateral - profit
    if exact(row, "leverage", place):
        draft.notes.append(f"{row['symbol']}: no margin of its own was told; the initial margin at entry stands in")
        return None
    cure = "give the venue's own reply to its adapter"
    raise ArgumentError(f"{place}.positionMargin was {row.get('positionMargin')!r} of an isolated position: {cure}")


def _read_balance(
    draft: Draft,
    balance: Any,
    has_profit: bool | None,
    profits: Mapping[str, Fraction | None] | None,
    debt_in_total: bool | None,
) -> None:
    if not isinstance(balance, Mapping):
        raise ArgumentError(f"balance was of type {type(balance).__name__}, expected the dict of fetch_balance")
    totals = balance.get("total")
    if not isinstance(totals, Mapping):
        totals = {name: row.get("total") for name, row in balance.items() if _is_currency(name, row)}
    used = balance.get("used")
    for currency in totals:
        place = "balance.total"
        total = exact(totals, currency, place)
        profit = Fraction(0) if profits is None else profits.get(currency, Fraction(0))
        debts = balance.get("debt")
        owed = abs((exact(debts, currency, "balance.debt") if isinstance(debts, Mapping) else None) or Fraction(0))
        if not total and not profit and not owed:
            continue
        if has_profit is None:
            cure = "say total_has_profit=True if it has unrealised profit in it, else False"
            raise ArgumentError(f"{place}.{currency} was {totals[currency]!r} on {draft.venue!r}: {cure}")
        if has_profit and (profits is None or profit is None):
            cure = "give positions= with unrealizedPnl or prices ([] if there are none)"
            told = f"{place}.{currency} was {totals[currency]!r} and has unrealised profit in it"
            raise ArgumentError(f"{told}, which is not known: {cure}")
        wallet = (total or Fraction(0)) - ((profit or Fraction(0)) if has_profit else Fraction(0))
        if owed and debt_in_total is None:
            told = f"balance.debt.{currency} was {float(owed)!r} on {draft.venue!r}"
            raise ArgumentError(f"{told}: say debt_in_total=True if total is less by it already, else False")
        wallet += owed if debt_in_total else 0  # a book takes the debt off
        draft.add("balances", asset=currency, wallet_balance=wallet, borrowed=owed or None)
        field = "equity" if has_profit else "wallet_balance"
        draft.report(totals, {currency: field}, place, level="asset", asset=currency)
        required = venues.USED_IS.get(draft.venue)
        if required is not None and isinstance(used, Mapping):
            draft.report(used, {currency: required}, "balance.used", level="asset", asset=currency)


def _is_currency(name: str, row: Any) -> bool:
    return name not in _NOT_CURRENCIES and isinstance(row, Mapping)


_LEGS = {"LONG": "long", "SHORT": "short", "1": "long", "2": "short"}


def _leg(row: Json, place: str, sign: int, legs: set[str]) -> str:
    """Find the leg that an order trades: the venue's own word, or the one that a reducing order can only be of."""
    info = row.get("info")
    own = info if isinstance(info, Mapping) else {}
    told = next((str(own[key]).upper() for key in ("positionSide", "posSide", "positionIdx") if own.get(key)), "")
    if told in _LEGS:
        return _LEGS[told]
    if row["symbol"] not in legs:
        return "net"
    if flag(row, "reduceOnly", place):
        return "long" if sign < 0 else "short"
    cure = "leave info in it, or set reduceOnly where it closes"
    raise ArgumentError(f"{place} of {row['symbol']!r}, which has legs, was without info.positionSide: {cure}")


def _read_order(draft: Draft, row: Json, place: str, legs: set[str]) -> None:
    if row.get("status") not in ("open", None):
        return
    sign = 1 if text(row, "side", place, ("buy", "sell")) == "buy" else -1
    left = exact(row, "remaining", place)
    if left is None:
        left = needed(row, "amount", place, "give fetch_open_orders") - (exact(row, "filled", place) or 0)
    if left == 0:
        return
    trigger = exact(row, "triggerPrice", place) or exact(row, "stopPrice", place)
    draft.add(
        "orders",
        instrument=text(row, "symbol", place),
        quantity=sign * left,
        price=exact(row, "price", place) or None,
        trigger_price=trigger or None,
        reduce_only=bool(flag(row, "reduceOnly", place)),
        position_side=_leg(row, place, sign, legs),
    )
