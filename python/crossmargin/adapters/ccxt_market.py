"""Markets and tiers from ccxt's unified structures: units that are said, names that both go by."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from crossmargin.adapters import _ccxt_venues as venues
from crossmargin.adapters._read import Json, choice, exact, needed, objects, text
from crossmargin.adapters.tiers import Tier, Tiers, ladder
from crossmargin.errors import ArgumentError
from crossmargin.market import Market, load_market

_UNITS = ("quote", "base", "contracts")


def tiers(
    leverage_tiers: Mapping[str, Any],
    *,
    exchange: str | None = None,
    bounds: str | None = None,
    markets: Any = None,
    symbols: Iterable[str] | None = None,
) -> Tiers:
    """Read leverage tiers in ccxt's unified form: from ``fetch_leverage_tiers``, or a file of them.

    Parameters
    ----------
    leverage_tiers : mapping of str to list of dict
        By symbol: ``minNotional``, ``maxNotional``, ``maintenanceMarginRate``, ``maxLeverage`` and
        ``info`` (whose ``cum``, the maintenance amount, is checked where it is there).
    exchange : str, optional
        ccxt's id of the exchange, which tells the unit of bounds for those that are known: Binance and Bybit write
        linear ones in quote and inverse ones in the base coin, OKX writes contracts.
    bounds : {"quote", "base", "contracts"}, optional
        The unit, for an exchange that is not known; before what is known of one that is.
    markets : dict, optional
        ``exchange.markets``: contract sizes, which inverse contracts and bounds in base need.
    symbols : iterable of str, optional
        Only these; by default all.

    Returns
    -------
    Tiers
        In ``quote``, ``settle`` and ``contracts``, as the symbols have it.

    Raises
    ------
    ArgumentError
        For a unit that is neither said nor known, gaps wider than 1, and what is no number.

    Notes
    -----
    ccxt's ``currency`` does not tell the unit: of OKX it says the quote currency where bounds are contracts. A tier
    ends at its ``maxNotional``; ``minNotional`` is not read but to see that nothing is missing between.

    Examples
    --------
    >>> table = {
    ...     "BTC/USDT:USDT": [
    ...         {"minNotional": 0, "maxNotional": 500, "maintenanceMarginRate": 0.004, "maxLeverage": 100},
    ...         {"minNotional": 501, "maxNotional": 900, "maintenanceMarginRate": 0.005, "maxLeverage": 80},
    ...     ]
    ... }
    >>> made = tiers(table, exchange="okx")
    >>> made.bounds, made.frame()["floor"].tolist()
    (('contracts',), [0.0, 500.0])
    """
    if bounds is not None:
        choice(bounds, "bounds", _UNITS, "it is the unit of minNotional and maxNotional")
    if not isinstance(leverage_tiers, Mapping):
        raise ArgumentError(f"leverage_tiers was of type {type(leverage_tiers).__name__}, expected a dict by symbol")
    listed = markets_by_symbol(markets)
    rows: dict[str, list[dict[str, Any]]] = {"quote": [], "settle": [], "contracts": []}
    for symbol in leverage_tiers if symbols is None else symbols:
        place = f"leverage_tiers[{symbol!r}]"
        table = [_tier(row, place) for row in objects(leverage_tiers.get(symbol, []), place)]
        size = _contract_size(symbol, listed)
        unit = bounds or _unit(symbol, exchange, place)
        engine, scale = _engine_unit(unit, symbol, size, place)
        rows[engine] += ladder(symbol, table, place, scale=scale, size=size)
    return Tiers(rows)


def _tier(row: Json, place: str) -> Tier:
    info = row.get("info")
    return Tier(
        exact(row, "minNotional", place),
        exact(row, "maxNotional", place),
        needed(row, "maintenanceMarginRate", place, "give fetch_leverage_tiers"),
        exact(row, "maxLeverage", place),
        exact(info, "cum", f"{place}.info") if isinstance(info, Mapping) else None,
    )


def is_inverse(symbol: str) -> bool:
    """Say by its symbol whether a contract settles in its base."""
    return symbol.partition("/")[0] == symbol.partition(":")[2].partition("-")[0]


def markets_by_symbol(markets: Any) -> dict[str, Json]:
    """Give the markets by symbol; ccxt has them as a dict by symbol, or as a list."""
    if markets is None:
        return {}
    rows = list(markets.values()) if isinstance(markets, Mapping) else markets
    return {text(row, "symbol", f"markets[{at}]"): row for at, row in enumerate(objects(rows, "markets"))}


def _contract_size(symbol: str, listed: Mapping[str, Json]) -> Fraction | None:
    return exact(listed[symbol], "contractSize", f"markets[{symbol!r}]") if symbol in listed else None


def _unit(symbol: str, exchange: str | None, place: str) -> str:
    known = venues.BOUNDS_INVERSE if is_inverse(symbol) else venues.BOUNDS_LINEAR
    if exchange not in known:
        cure = "say bounds='quote', 'base' or 'contracts'"
        raise ArgumentError(f"{place} has bounds in a unit that is not known of exchange={exchange!r}: {cure}")
    return known[exchange]


def _engine_unit(unit: str, symbol: str, size: Fraction | None, place: str) -> tuple[str, Fraction]:
    """Give the engine's unit of the bounds, and what to multiply them with."""
    if unit == "contracts" or (unit == "quote" and not is_inverse(symbol)):
        return unit, Fraction(1)
    if unit == "base" and is_inverse(symbol):
        return "settle", Fraction(1)
    if not size:
        cure = "give markets=exchange.markets, whose contractSize turns them into contracts"
        raise ArgumentError(f"{place} has bounds in {unit}: {cure}")
    return "contracts", 1 / size


def market(  # noqa: PLR0913 - what a market file has
    markets: Any,
    leverage_tiers: Mapping[str, Any],
    *,
    rules: str,
    as_of: dt.date | str,
    exchange: str | None = None,
    bounds: str | None = None,
    symbols: Iterable[str] | None = None,
    name: str = "ccxt",
) -> Market:
    """Make a market of ccxt's markets and tiers under the rules of a preset.

    Parameters
    ----------
    markets : dict or list of dict
        ``exchange.markets``: ``id``, ``symbol``, ``base``, ``quote``, ``settle``, ``linear``, ``inverse`` and
        ``contractSize`` are read.
    leverage_tiers : mapping of str to list of dict
        As of `tiers`; symbols without a table are left out.
    rules : str
        Name of the preset whose rules apply, such as ``"binance-usdm"``, with or without a date.
    as_of : date or str
        The day that markets and tiers are of (``"YYYY-MM-DD"``).
    exchange, bounds, symbols
        As of `tiers`.
    name : str
        What the market is called.

    Returns
    -------
    Market
        The preset with these instruments in it, by the venue's own names, with the symbols as aliases. Instruments of
        the preset that have the same name are replaced.

    Raises
    ------
    ArgumentError
        For a symbol without a contract size, and as of `tiers`.
    MarketError
        For tables that are no tiers under the preset's rules.

    Examples
    --------
    >>> entry = {
    ...     "id": "ETHUSD_PERP",
    ...     "symbol": "ETH/USD:ETH",
    ...     "base": "ETH",
    ...     "quote": "USD",
    ...     "settle": "ETH",
    ...     "contract": True,
    ...     "linear": False,
    ...     "inverse": True,
    ...     "contractSize": 10.0,
    ... }
    >>> table = [{"minNotional": 0, "maxNotional": 50, "maintenanceMarginRate": 0.01, "maxLeverage": 50}]
    >>> made = market([entry], {"ETH/USD:ETH": table}, rules="binance-coinm", as_of="2026-11-22", exchange="binance")
    >>> made.tiers("ETH/USD:ETH")["bounds"].tolist(), made.instruments["contract_size"].tolist()[-1]
    (['settle'], 10.0)
    """
    base = load_market(*rules.split("/"))
    listed = {symbol: row for symbol, row in markets_by_symbol(markets).items() if row.get("contract")}
    wanted = [symbol for symbol in (symbols or listed) if symbol in leverage_tiers]
    for symbol in wanted:
        if symbol not in listed:
            raise ArgumentError(f"markets had no contract {symbol!r}: give exchange.markets")
        needed(listed[symbol], "contractSize", f"markets[{symbol!r}]", "a contract has a size; ask the venue for it")
    tables = tiers(leverage_tiers, exchange=exchange, bounds=bounds, markets=markets, symbols=wanted)
    text_of = [_head(base, name, as_of, {text(listed[symbol], "settle", f"markets[{symbol!r}]") for symbol in wanted})]
    text_of += [_instrument(listed[symbol], f"markets[{symbol!r}]") for symbol in wanted]
    return tables.onto(Market.from_toml("\n".join([*text_of, *_placeholders(wanted, listed)])))


def _head(base: Market, name: str, as_of: dt.date | str, assets: Iterable[str]) -> str:
    day = as_of.isoformat()[:10] if isinstance(as_of, dt.date) else str(as_of)
    preset = json.dumps(base.id)
    listed = "".join(f"[[asset]]\nname = {json.dumps(asset)}\n" for asset in sorted(assets))
    return f"extends = {preset}\npreset = {json.dumps(name)}\nas_of = {day}\n{listed}"


def _instrument(row: Json, place: str) -> str:
    keys = {key: json.dumps(text(row, key, place)) for key in ("id", "symbol", "base", "quote", "settle")}
    payoff = "inverse" if row.get("inverse") else "linear"
    if row.get("linear") == row.get("inverse"):
        raise ArgumentError(f"{place}.linear was {row.get('linear')!r}, expected True or False, and inverse the other")
    size = float(needed(row, "contractSize", place, "a contract has a size"))
    return (
        f"[[instrument]]\nname = {keys['id']}\naliases = [{keys['symbol']}]\nbase = {keys['base']}\n"
        f'quote = {keys["quote"]}\nsettle = {keys["settle"]}\npayoff = "{payoff}"\ncontract_size = {size!r}\n'
        f"tiers = {keys['id']}\n"
    )


def _placeholders(symbols: Iterable[str], listed: Mapping[str, Json]) -> list[str]:
    """Write a table for each instrument, which the tiers replace at once: a market has none without."""
    body = 'law = "marginal"\nbounds = "settle"\nfloor = [0]\nmaintenance_rate = [1]\n'
    return [f"[tiers.{json.dumps(listed[symbol]['id'])}]\n{body}" for symbol in symbols]
