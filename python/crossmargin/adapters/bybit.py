"""Bybit v5: wallet, positions, open orders and risk limits, as the REST interface gives them.

Field names from bybit-exchange.github.io/docs/v5 (account/wallet-balance, position, order/open-order,
market/risk-limit), read 2026-11-22. Numbers are text there, empty text means that a field does not apply, and the size
of a position has no sign: ``side`` has it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.adapters._read import Json, choice, exact, flag, needed, objects, one, text
from crossmargin.adapters.snapshot import Draft, Snapshot
from crossmargin.adapters.tiers import Tier, Tiers, ladder
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDEX = {"0": "net", "1": "long", "2": "short"}
_CATEGORIES = ("linear", "inverse")
_WRAPPERS = ("result", "list")

_OF_POSITION = {
    "positionValue": "notional",
    "unrealisedPnl": "unrealized_pnl",
    "positionIM": "initial_margin",
    "positionMM": "maintenance_margin",
    "liqPrice": "liquidation_price",
    "bustPrice": "bankruptcy_price",
}
_OF_ACCOUNT = {
    "totalEquity": "equity",
    "totalMarginBalance": "collateral_value",
    "totalPerpUPL": "unrealized_pnl",
    "totalInitialMargin": "initial_margin",
    "totalMaintenanceMargin": "maintenance_margin",
    "totalAvailableBalance": "available",
    "accountMMRate": "venue_ratio",
}
_OF_COIN = {
    "equity": "equity",
    "unrealisedPnl": "unrealized_pnl",
    "totalPositionIM": "initial_margin",
    "totalPositionMM": "maintenance_margin",
}
_CLOSE = Fraction(1, 10**6)
"""How far sums of amounts cut at 8 decimals and more may miss, in the coin."""


def account(  # noqa: PLR0913 - the replies, and what they leave open
    wallet: Any,
    positions: Any,
    *,
    orders: Any = None,
    category: str = "linear",
    account: Any = "main",
    margin_mode: str | None = None,
    bonus_in_wallet: bool | None = None,
    debt_in_wallet: bool | None = None,
    leverage: Any = None,
    index: Mapping[str, float] | None = None,
) -> Snapshot:
    """Read a Bybit account.

    Parameters
    ----------
    wallet : dict
        Reply of ``/v5/account/wallet-balance``, or the one object in its list.
    positions : dict or list of dict
        Reply of ``/v5/position/list``; rows of size zero, and of no side, are dropped.
    orders : dict or list of dict, optional
        Reply of ``/v5/order/realtime``.
    category : {"linear", "inverse"}
        What was asked for. Linear positions share one pool per account, inverse ones one per coin.
    account : int or str
        The account's key in the book.
    margin_mode : {"cross", "isolated"}, optional
        Of the account. Read from the positions (``tradeMode`` 1: isolated), and else from the wallet, whose
        ``accountMMRate`` is empty in isolated mode; needed where neither tells.
    bonus_in_wallet : bool, optional
        Whether ``walletBalance`` has the ``bonus`` in it; needed of a wallet with a bonus, since the documentation
        does not say.
    debt_in_wallet : bool, optional
        Whether ``walletBalance`` is less by ``spotBorrow`` already. By the documentation it is not: ``equity`` is
        ``walletBalance - spotBorrow + unrealisedPnl``. A reply whose ``equity`` is without the debt, and would be
        right with it in the wallet, is read so.
    leverage : mapping of str to float, or float, optional
        For positions that do not tell theirs.
    index : mapping of str to float, optional
        Index prices of coins in USD; those that are not given are ``usdValue`` over ``equity``.

    Returns
    -------
    Snapshot
        ``walletBalance`` is without unrealised profit, so nothing is taken off it. ``borrowed`` is ``spotBorrow``, and
        the wallet is before it: where the reply has it less by that, the debt is added, and ``notes`` says so. They
        also name a debt that ``equity`` agrees with neither way. ``equity`` is reported, so that a reconciliation
        compares it in any case.

    Raises
    ------
    ArgumentError
        For what cannot be read or known, with the key, its value and what to give.

    Examples
    --------
    >>> wallet = {"accountMMRate": "0.01", "coin": [{"coin": "USDT", "walletBalance": "900", "equity": "905"}]}
    >>> position = {
    ...     "symbol": "BTCUSDT",
    ...     "side": "Sell",
    ...     "size": "0.01",
    ...     "avgPrice": "60500",
    ...     "markPrice": "60000",
    ...     "leverage": "10",
    ...     "positionIdx": 0,
    ...     "tradeMode": 0,
    ...     "liqPrice": "",
    ... }
    >>> snapshot = account(wallet, [position])
    >>> snapshot.positions["quantity"].tolist(), snapshot.mark
    ([-0.01], {'BTCUSDT': 60000.0})
    """
    choice(category, "category", _CATEGORIES, "it is what positions were asked for")
    draft = Draft("bybit", account, digit=1e-8)
    purse = one(wallet, "wallet", *_WRAPPERS)
    listed = objects(positions, "positions", *_WRAPPERS)
    held = [row for row in listed if exact(row, "size", "positions")]
    mode = _mode(purse, held, margin_mode)
    if mode == "cross" and category == "linear":
        draft.report(purse, _OF_ACCOUNT, "wallet", level="account")
    _read_coins(draft, purse, bonus_in_wallet, debt_in_wallet)
    for asset, value in (index or {}).items():
        draft.prices["index"][asset] = float(value)
    for at, row in enumerate(held):
        _read_position(draft, row, f"positions[{at}]", mode)
    chosen = {_of_leg(row): exact(row, "leverage", "positions") or None for row in listed}
    for at, row in enumerate(objects(orders or [], "orders", *_WRAPPERS)):
        _read_order(draft, row, f"orders[{at}]", mode, chosen.get(_of_leg(row)))
    draft.leverages(leverage)
    linear = category == "linear"
    return draft.snapshot(
        preset="bybit-uta" if linear else "bybit-inverse", pooling="per_account" if linear else "per_asset"
    )


def _mode(wallet: Json, positions: list[Json], said: str | None) -> str:
    """Find the margin mode of the account."""
    if said is not None:
        return choice(said, "margin_mode", ("cross", "isolated"), "it is a setting of the account")
    if any(str(row.get("tradeMode", "0")) == "1" for row in positions):
        return "isolated"
    rate = wallet.get("accountMMRate")
    if rate in (None, "") and positions:
        if "accountMMRate" in wallet:
            return "isolated"
        raise ArgumentError("wallet.accountMMRate was absent: say margin_mode='cross' or margin_mode='isolated'")
    return "cross"


def _read_coins(draft: Draft, wallet: Json, bonus_in_wallet: bool | None, debt_in_wallet: bool | None) -> None:
    for at, row in enumerate(objects(wallet.get("coin", []), "wallet.coin")):
        place = f"wallet.coin[{at}]"
        coin = text(row, "coin", place)
        cash = needed(row, "walletBalance", place, "give the reply of wallet-balance")
        bonus, borrowed = exact(row, "bonus", place), exact(row, "spotBorrow", place)
        if borrowed:
            cash += _debt_inside(draft, row, place, debt_in_wallet)
        if bonus:
            if bonus_in_wallet is None:
                raise ArgumentError(f"{place}.bonus was {row['bonus']!r}: say bonus_in_wallet=True or False")
            cash -= bonus if bonus_in_wallet else 0
        if not (cash or bonus or borrowed or exact(row, "unrealisedPnl", place)):
            continue
        draft.add("balances", asset=coin, wallet_balance=cash, bonus=bonus or None, borrowed=borrowed or None)
        equity, value = exact(row, "equity", place), exact(row, "usdValue", place)
        if equity and value:
            draft.price("index", coin, value / equity)
        draft.report(row, _OF_COIN, place, level="asset", asset=coin)


def _debt_inside(draft: Draft, row: Json, place: str, said: bool | None) -> Fraction:
    """Give what the wallet is less by already of the debt, which a book takes off: nothing, or all of it.

    The equity tells, with the bonus in it or not.
    """
    owed = exact(row, "spotBorrow", place) or Fraction(0)
    if said is not None:
        return owed if said else Fraction(0)
    equity = exact(row, "equity", place)
    if equity is None:
        return Fraction(0)
    rest = equity - (exact(row, "walletBalance", place) or 0) - (exact(row, "unrealisedPnl", place) or 0)
    within = (Fraction(0), exact(row, "bonus", place) or Fraction(0))
    if any(abs(rest + owed - credit) <= _CLOSE for credit in within):
        return Fraction(0)
    told = f"{place}: spotBorrow was {row['spotBorrow']!r} and equity {row['equity']!r}"
    if any(abs(rest - credit) <= _CLOSE for credit in within):
        draft.notes.append(f"{told}, which is walletBalance and profit: the wallet was taken to be less by the debt")
        return owed
    draft.notes.append(
        f"{told}, which is walletBalance and profit neither with the debt nor without: see debt_in_wallet"
    )
    return Fraction(0)


def _of_leg(row: Json) -> tuple[str, str]:
    """Give what a leverage is of: the legs of one symbol have their own."""
    return str(row.get("symbol")), str(row.get("positionIdx") or 0)


def _leg(row: Json, place: str) -> str:
    return _INDEX[text({"positionIdx": str(row.get("positionIdx", 0))}, "positionIdx", place, tuple(_INDEX))]


def _read_position(draft: Draft, row: Json, place: str, mode: str) -> None:
    side = row.get("side")
    if side in ("", "None", None):
        return
    sign = 1 if text(row, "side", place, ("Buy", "Sell")) == "Buy" else -1
    symbol = text(row, "symbol", place)
    leg = _leg(row, place)
    own = "isolated" if str(row.get("tradeMode", "0")) == "1" else mode
    draft.add(
        "positions",
        instrument=symbol,
        quantity=sign * needed(row, "size", place, "give the reply of position/list"),
        entry_price=needed(row, "avgPrice", place, "give the reply of position/list"),
        leverage=exact(row, "leverage", place) or None,
        margin_mode=own,
        isolated_margin=exact(row, "positionBalance", place) if own == "isolated" else None,
        position_side=leg,
    )
    draft.price("mark", symbol, exact(row, "markPrice", place))
    draft.sizes[symbol] = 1.0
    keys = dict(_OF_POSITION)
    if own == "isolated":
        keys["positionBalance"] = "wallet_balance"
    draft.report(row, keys, place, level="position", instrument=symbol, side=leg, mode=own)


def _read_order(draft: Draft, row: Json, place: str, mode: str, leverage: Fraction | None) -> None:
    sign = 1 if text(row, "side", place, ("Buy", "Sell")) == "Buy" else -1
    left = exact(row, "leavesQty", place)
    size = needed(row, "qty", place, "give the reply of order/realtime") if left is None else left
    if size == 0:
        return
    waiting = row.get("orderStatus") in ("Untriggered", None, "")
    draft.add(
        "orders",
        instrument=text(row, "symbol", place),
        quantity=sign * size,
        price=exact(row, "price", place) or None,
        trigger_price=(exact(row, "triggerPrice", place) or None) if waiting else None,
        reduce_only=bool(flag(row, "reduceOnly", place)),
        position_side=_leg(row, place),
        margin_mode=mode,
        leverage=leverage,
    )


def tiers(risk_limits: Any, *, category: str) -> Tiers:
    """Read the reply of ``/v5/market/risk-limit``.

    Parameters
    ----------
    risk_limits : dict or list of dict
        ``{symbol, riskLimitValue, maintenanceMargin, mmDeduction, maxLeverage}``, a row per tier.
    category : {"linear", "inverse"}
        Bounds of linear contracts are in the quote asset, those of inverse ones in the coin.

    Returns
    -------
    Tiers
        In ``quote`` or ``settle``. A size on a bound belongs to the lower tier, as the presets of Bybit say.

    Raises
    ------
    ArgumentError
        For what is no number.

    Notes
    -----
    ``maintenanceMargin`` is a fraction (0.005).

    Examples
    --------
    >>> rows = [
    ...     {"symbol": "ETHUSDT", "riskLimitValue": "900000", "maintenanceMargin": "0.005", "maxLeverage": "100"},
    ...     {"symbol": "ETHUSDT", "riskLimitValue": "1800000", "maintenanceMargin": "0.01", "mmDeduction": "4500"},
    ... ]
    >>> tiers(rows, category="linear").frame()["deduction"].tolist()
    [0.0, 4500.0]
    """
    choice(category, "category", _CATEGORIES, "it tells the unit of the bounds")
    grouped: dict[str, list[Tier]] = {}
    for at, row in enumerate(objects(risk_limits, "risk_limits", *_WRAPPERS)):
        place = f"risk_limits[{at}]"
        tier = Tier(
            None,
            needed(row, "riskLimitValue", place, "give the reply of risk-limit"),
            needed(row, "maintenanceMargin", place, "give the reply of risk-limit"),
            exact(row, "maxLeverage", place),
            exact(row, "mmDeduction", place),
        )
        grouped.setdefault(text(row, "symbol", place), []).append(tier)
    size = Fraction(1) if category == "inverse" else None
    rows = [row for name, table in grouped.items() for row in ladder(name, table, f"risk_limits of {name}", size=size)]
    return Tiers({"quote" if category == "linear" else "settle": rows})
