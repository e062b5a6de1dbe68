"""Binance USD-M and COIN-M: account, positions, open orders, brackets, as the REST interface gives them.

Field names from developers.binance.com (account v2 and v3, positionRisk v2 and v3, leverageBracket), read 2026-11-22.
Numbers are text there; sizes of COIN-M are contracts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.adapters._read import Json, choice, exact, exact_of, first, flag, needed, objects, one, text
from crossmargin.adapters.snapshot import Draft, Snapshot
from crossmargin.adapters.tiers import Tier, Tiers, ladder
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIDES = {"BOTH": "net", "LONG": "long", "SHORT": "short"}
_KINDS = ("usdm", "coinm")
_WHICH = "say which futures the reply is of"
_NO_ENTRY = "give positions=, the reply of positionRisk, which has it"

_OF_ASSET = {
    "walletBalance": "wallet_balance",
    "unrealizedProfit": "unrealized_pnl",
    "marginBalance": "equity",
    "maintMargin": "maintenance_margin",
    "initialMargin": "initial_margin",
}
_OF_CROSS = {"crossWalletBalance": "wallet_balance", "crossUnPnl": "unrealized_pnl"}
_OF_ACCOUNT = {
    "totalWalletBalance": "wallet_balance",
    "totalUnrealizedProfit": "unrealized_pnl",
    "totalMarginBalance": "equity",
    "totalInitialMargin": "initial_margin",
    "totalMaintMargin": "maintenance_margin",
}
_OF_POSITION = {
    "unRealizedProfit": "unrealized_pnl",
    "unrealizedProfit": "unrealized_pnl",
    "maintMargin": "maintenance_margin",
    "positionInitialMargin": "initial_margin",
    "liquidationPrice": "liquidation_price",
}


def account(  # noqa: PLR0913 - the replies, and what they leave open
    reply: Any,
    *,
    kind: str,
    positions: Any = None,
    orders: Any = None,
    account: Any = "main",
    multi_assets: bool | None = None,
    leverage: Any = None,
    contract_sizes: Mapping[str, float] | None = None,
    index: Mapping[str, float] | None = None,
) -> Snapshot:
    """Read an account of Binance futures.

    Parameters
    ----------
    reply : dict
        That of ``/fapi/v2/account``, ``/fapi/v3/account`` or ``/dapi/v1/account``: ``assets`` and ``positions``.
    kind : {"usdm", "coinm"}
        Which futures it is of.
    positions : list of dict, optional
        Reply of ``positionRisk`` (v2 or v3), which has mark and entry prices. Where it is given, positions are read
        from it and not from `reply`.
    orders : list of dict, optional
        Reply of ``openOrders``.
    account : int or str
        The account's key in the book.
    multi_assets : bool, optional
        Whether Multi-Assets mode is on. Read from ``multiAssetsMargin`` where the reply has it (v2); needed of others
        that hold more than one asset.
    leverage : mapping of str to float, or float, optional
        Leverages, which v3 replies do not have: of each symbol, or of all. Unknown ones leave initial margins unknown.
    contract_sizes : mapping of str to float, optional
        USD per contract of COIN-M symbols, where a market of another size is to be met.
    index : mapping of str to float, optional
        Index prices of assets in USD, for Multi-Assets mode.

    Returns
    -------
    Snapshot
        Positions of size zero are dropped. Cash that is fenced is ``isolatedWallet``, or ``isolatedMargin`` less the
        unrealised profit. Where a v3 reply has no prices, mark and entry are what ``notional`` and the unrealised
        profit imply, and these two are not among ``reported``: they would check themselves.

    Raises
    ------
    ArgumentError
        For what cannot be read or known, with the key, its value and what to give.

    Examples
    --------
    >>> reply = {"assets": [{"asset": "USDT", "walletBalance": "250.00000000"}], "positions": []}
    >>> snapshot = account(reply, kind="usdm")
    >>> snapshot.preset, snapshot.balances["wallet_balance"].tolist()
    ('binance-usdm', [250.0])
    """
    choice(kind, "kind", _KINDS, _WHICH)
    reply = one(reply, "reply", "data")
    draft = Draft("binance", account)
    multi = _multi_assets(reply, kind, multi_assets)
    _read_assets(draft, reply, multi=multi)
    given = (
        objects(positions, "positions") if positions is not None else objects(reply.get("positions", []), "positions")
    )
    for at, row in enumerate(given):
        _read_position(draft, row, f"positions[{at}]", kind)
    chosen = _chosen(given)
    for at, row in enumerate(objects(orders or [], "orders")):
        _read_order(draft, row, f"orders[{at}]", chosen)
    for name, size in (contract_sizes or {}).items():
        draft.sizes[name] = float(exact_of(size, f"contract_sizes[{name!r}]"))
    for asset, value in (index or {}).items():
        draft.price("index", asset, exact_of(value, f"index[{asset!r}]"))
    draft.leverages(leverage)
    preset = "binance-coinm" if kind == "coinm" else "binance-usdm-multi" if multi else "binance-usdm"
    return draft.snapshot(preset=preset, pooling="per_account" if multi else "per_asset")


def _multi_assets(reply: Json, kind: str, said: bool | None) -> bool:
    """Say whether one pool spans the assets; refuse where that matters and cannot be known."""
    told = flag(reply, "multiAssetsMargin", "reply")
    if said is not None and told is not None and said != told:
        raise ArgumentError(f"multi_assets was {said}, but reply.multiAssetsMargin was {told}: leave it out")
    if kind == "coinm":
        return False
    if said is None and told is None:
        held = [
            row.get("asset") for row in objects(reply.get("assets", []), "assets") if exact(row, "walletBalance", "")
        ]
        if len(held) > 1:
            cure = "say multi_assets=True or False, since a v3 reply does not"
            raise ArgumentError(
                f"reply.multiAssetsMargin was None, with balances of {', '.join(map(str, held))}: {cure}"
            )
    return bool(said if said is not None else told)


def _read_assets(draft: Draft, reply: Json, *, multi: bool) -> None:
    assets = objects(reply.get("assets", []), "assets")
    for at, row in enumerate(assets):
        place = f"assets[{at}]"
        asset = text(row, "asset", place)
        wallet = needed(row, "walletBalance", place, "give the reply of account, not that of balance")
        used = any(exact(row, key, place) for key in _OF_ASSET)
        if not used:
            continue
        draft.add("balances", asset=asset, wallet_balance=wallet)
        draft.report(row, _OF_ASSET, place, level="asset", asset=asset)
        if not multi:
            draft.report(row, _OF_CROSS, place, level="pool", asset=asset)
    if multi:
        draft.report(reply, _OF_ACCOUNT, "reply", level="account")


def _read_position(draft: Draft, row: Json, place: str, kind: str) -> None:
    size = needed(row, "positionAmt", place, "give account or positionRisk")
    if size == 0:
        return
    symbol = text(row, "symbol", place)
    side = _SIDES[text({"positionSide": "BOTH", **row}, "positionSide", place, tuple(_SIDES))]
    profit = first(row, ("unRealizedProfit", "unrealizedProfit"), place)
    notional = first(row, ("notional", "notionalValue"), place)
    mark, entry, derived = _prices(row, place, size, notional, profit=profit, linear=kind == "usdm")
    isolated, fenced = _isolation(row, place, profit)
    draft.add(
        "positions",
        instrument=symbol,
        quantity=size,
        entry_price=entry,
        leverage=exact(row, "leverage", place),
        margin_mode="isolated" if isolated else "cross",
        isolated_margin=fenced,
        position_side=side,
    )
    draft.price("mark", symbol, mark)
    if kind == "usdm":
        draft.sizes[symbol] = 1.0
    keys = dict(_OF_POSITION)
    if derived:
        draft.notes.append(f"{symbol}: mark and entry price are those that notional and unrealised profit imply")
        keys = {key: field for key, field in keys.items() if field != "unrealized_pnl"}
    elif mark is not None and exact(row, "markPrice", place):
        key = "notional" if exact(row, "notional", place) is not None else "notionalValue"
        sign = Fraction(-1 if (notional or 0) < 0 else 1)
        draft.report(row, {key: "notional"}, place, level="position", instrument=symbol, side=side, scale=sign)
    draft.report(row, keys, place, level="position", instrument=symbol, side=side)
    if "positionInitialMargin" not in row and exact(row, "initialMargin", place) is not None:
        draft.report(row, {"initialMargin": "initial_margin"}, place, level="position", instrument=symbol, side=side)
    if isolated:
        own = {"isolatedWallet": "wallet_balance", "isolatedMargin": "equity"}
        if exact(row, "isolatedWallet", place) is None:
            own.pop("isolatedWallet")
        draft.report(row, own, place, level="position", instrument=symbol, side=side)


def _prices(  # noqa: PLR0913 - what the row says
    row: Json, place: str, size: Fraction, notional: Fraction | None, *, profit: Fraction | None, linear: bool
) -> tuple[Fraction | None, Fraction, bool]:
    """Give mark and entry price, and whether the entry price had to be derived.

    The notional of a linear contract is ``size * mark``, its profit ``size * (mark - entry)``.
    """
    mark = exact(row, "markPrice", place) or None
    if mark is None and notional is not None and linear:
        mark = abs(notional / size)
    entry = exact(row, "entryPrice", place) or None
    if entry is not None:
        return mark, entry, False
    if linear and mark is not None and profit is not None:
        return mark, mark - profit / size, True
    raise ArgumentError(f"{place}.entryPrice was {row.get('entryPrice')!r}, expected a price: {_NO_ENTRY}")


def _isolation(row: Json, place: str, profit: Fraction | None) -> tuple[bool, Fraction | None]:
    """Say whether a position is isolated, and what cash is fenced for it.

    v2 says so (``isolated``, ``marginType``); in v3 a position is isolated where it has a margin of its own.
    """
    wallet, margin = exact(row, "isolatedWallet", place), exact(row, "isolatedMargin", place)
    said = flag(row, "isolated", place)
    if said is None and row.get("marginType"):
        said = text(row, "marginType", place).lower() == "isolated"
    isolated = bool(wallet or margin) if said is None else said
    if not isolated:
        return False, None
    if wallet is not None and (wallet != 0 or not margin):
        return True, wallet
    if margin is not None and profit is not None:
        return True, margin - profit
    cure = "give a reply with isolatedWallet, or with isolatedMargin and the unrealised profit"
    raise ArgumentError(f"{place}.isolatedWallet was {row.get('isolatedWallet')!r}, expected a number: {cure}")


def _chosen(positions: list[Json]) -> dict[tuple[str, str], dict[str, Any]]:
    """Give leverage and margin mode of the legs of each symbol, which rows of size zero tell too; orders have them.

    Both are settings of the symbol. A v3 row does not say its mode, and an empty leg has no margin of its own to tell
    it by: it has that of its symbol's other rows, whatever their order.
    """
    told: dict[str, dict[str, tuple[Fraction | None, bool | None]]] = {}
    for at, row in enumerate(positions):
        place = f"positions[{at}]"
        said = flag(row, "isolated", place)
        if said is None and row.get("marginType"):
            said = text(row, "marginType", place).lower() == "isolated"
        if said is None and (exact(row, "isolatedWallet", place) or exact(row, "isolatedMargin", place)):
            said = True
        legs = told.setdefault(text(row, "symbol", place), {})
        legs[str(row.get("positionSide") or "BOTH")] = (exact(row, "leverage", place), said)
    made: dict[tuple[str, str], dict[str, Any]] = {}
    for symbol, legs in told.items():
        leverages = {leverage for leverage, _ in legs.values() if leverage is not None}
        shared = leverages.pop() if len(leverages) == 1 else None
        somewhere = any(said for _, said in legs.values())
        for side in _SIDES:
            leverage, said = legs.get(side, (None, None))
            isolated = somewhere if said is None else said
            mode = "isolated" if isolated else "cross"
            made[symbol, side] = {"leverage": shared if leverage is None else leverage, "margin_mode": mode}
    return made


def _read_order(draft: Draft, row: Json, place: str, chosen: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    side = text(row, "side", place, ("BUY", "SELL"))
    left = needed(row, "origQty", place, "give openOrders") - (exact(row, "executedQty", place) or 0)
    if left <= 0:
        return
    trigger = exact(row, "stopPrice", place) or None
    symbol = text(row, "symbol", place)
    leg = text({"positionSide": "BOTH", **row}, "positionSide", place, tuple(_SIDES))
    draft.add(
        "orders",
        instrument=symbol,
        **chosen.get((symbol, leg), {}),
        quantity=left if side == "BUY" else -left,
        price=exact(row, "price", place) or None,
        trigger_price=trigger,
        reduce_only=bool(flag(row, "reduceOnly", place)) or bool(flag(row, "closePosition", place)),
        position_side=_SIDES[leg],
    )


def tiers(
    brackets: Any,
    *,
    kind: str,
    coefficient: str | None = None,
    exchange_info: Any = None,
) -> Tiers:
    """Read the reply of ``leverageBracket``.

    Parameters
    ----------
    brackets : list of dict
        ``{symbol, notionalCoef?, brackets: [...]}``. COIN-M spells the lower bound ``qtylFloor`` or ``qtyFloor``.
    kind : {"usdm", "coinm"}
        USD-M bounds are in the quote asset, those of COIN-M in the coin.
    coefficient : {"applied", "to_apply"}, optional
        What a ``notionalCoef`` in the reply means for it: bounds that have it in them already, or that are to be
        multiplied with it. The documentation does not say, so a reply that has one is refused until this does.
    exchange_info : dict, optional
        Reply of ``exchangeInfo``: names base, quote and contract size of symbols that the market does not have.

    Returns
    -------
    Tiers
        In ``quote`` or ``settle``.

    Raises
    ------
    ArgumentError
        For a coefficient that nothing is said about, gaps, and what is no number.

    Examples
    --------
    >>> bracket = {"bracket": 1, "qtyCap": 5, "qtylFloor": 0, "maintMarginRatio": 0.004, "initialLeverage": 125}
    >>> tiers([{"symbol": "BTCUSD_PERP", "brackets": [bracket]}], kind="coinm")
    Tiers(1 instrument, bounds in settle)
    """
    choice(kind, "kind", _KINDS, _WHICH)
    known = _symbols(exchange_info)
    rows: list[dict[str, Any]] = []
    for at, entry in enumerate(objects(brackets, "brackets")):
        place = f"brackets[{at}]"
        symbol = text(entry, "symbol", place)
        scale = exact(entry, "notionalCoef", place)
        if scale not in (None, 1):
            why = f"{place}.notionalCoef was {entry['notionalCoef']!r}: say whether its bounds have it in them"
            choice(coefficient, "coefficient", ("applied", "to_apply"), why)
        table = [
            Tier(
                first(row, ("notionalFloor", "qtyFloor", "qtylFloor"), place),
                first(row, ("notionalCap", "qtyCap"), place),
                needed(row, "maintMarginRatio", f"{place}.brackets", "give leverageBracket"),
                exact(row, "initialLeverage", place),
                exact(row, "cum", place),
            )
            for row in objects(entry.get("brackets", []), f"{place}.brackets")
        ]
        name, size = known.get(symbol, (symbol, None))
        applied = scale if coefficient == "to_apply" and scale is not None else Fraction(1)
        rows += ladder(name, table, f"{place}.brackets", scale=applied, size=size)
    return Tiers({"quote" if kind == "usdm" else "settle": rows})


def _symbols(exchange_info: Any) -> dict[str, tuple[str, Fraction | None]]:
    """Name symbols as ccxt does, which tells base and quote, with their contract sizes."""
    if exchange_info is None:
        return {}
    made = {}
    for at, row in enumerate(objects(exchange_info, "exchange_info", "symbols")):
        place = f"exchange_info.symbols[{at}]"
        base, quote, settle = (text(row, key, place) for key in ("baseAsset", "quoteAsset", "marginAsset"))
        symbol = text(row, "symbol", place)
        dated = symbol.rpartition("_")[2]
        expiry = f"-{dated}" if "_" in symbol and dated.isdigit() else ""
        made[symbol] = (f"{base}/{quote}:{settle}{expiry}", exact(row, "contractSize", place))
    return made
