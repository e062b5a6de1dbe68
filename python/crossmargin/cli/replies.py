"""Replies of venues in files: which reply each file is, told by its keys, and what an adapter makes of them.

Everything that a reply says is read by `crossmargin.adapters`. What is done here is to find out which argument of the
adapter each file is, and to say the adapter's refusals in words of the command line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import crossmargin as xm
from crossmargin.cli.errors import UsageError, UserError
from crossmargin.cli.readers import read_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from crossmargin.adapters import Snapshot

KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "binance": {
        "account": ("assets",),
        "positions": ("positionAmt",),
        "orders": ("origQty",),
        "brackets": ("brackets",),
    },
    "bybit": {
        "wallet": ("coin",),
        "orders": ("orderId",),
        "positions": ("size", "side"),
        "risk-limit": ("riskLimitValue",),
    },
    "hyperliquid": {"state": ("assetPositions",), "meta": ("universe",), "contexts": ()},
    "okx": {"balance": ("details",), "positions": ("pos", "instId"), "position-tiers": ("maxSz",)},
    "ccxt": {
        "balance": ("total",),
        "orders": ("symbol", "amount"),
        "positions": ("symbol", "contracts"),
        "markets": (),
        "tiers": (),
        "tickers": (),
    },
}
"""The replies that each source has, by the name that says which one a file is, and the keys that tell one."""

NEEDED = {
    "binance": ("account",),
    "bybit": ("wallet", "positions"),
    "hyperliquid": ("state",),
    "okx": ("balance", "positions"),
    "ccxt": ("balance", "positions"),
}
"""The replies without which there is no account; ``[]`` says that there are no positions."""

OPTIONS = {
    "binance": {"kind", "multi_assets", "leverage", "contract_sizes", "coefficient"},
    "bybit": {"category", "margin_mode", "bonus_in_wallet", "leverage"},
    "hyperliquid": {"collateral"},
    "okx": {"isolated_in_cash", "leverage", "contract_sizes"},
    "ccxt": {"exchange", "total_has_profit", "margins_in_percent", "leverage", "contract_sizes", "tier_bounds"},
}
"""Which options, by attribute of the parsed arguments, say what the replies of a source leave open."""

_WRAPPERS = ("result", "list", "data")
_OF_EACH_SYMBOL = (("markets", ("settle",)), ("tickers", ("last",)), ("tickers", ("markPrice",)))

# the adapters' arguments and choices, as the command line has them
_IN_OPTIONS = (
    (re.compile(r"\b(\w+)='(\w+)' or \1='(\w+)'"), lambda at: f"{_option(at[1])} {at[2]} or {at[3]}"),
    (re.compile(r"\b(\w+)=True or False"), lambda at: f"{_option(at[1])} yes or no"),
    (re.compile(r"\b(\w+)=True( if .*), else False"), lambda at: f"{_option(at[1])} yes{at[2]}, else no"),
    (re.compile(r"\btake load_market\('([\w-]+)'\)"), lambda at: f"take --market {at[1]}"),
    (re.compile(r"\bbounds='quote', 'base' or 'contracts'"), lambda _: "--tier-bounds quote, base or contracts"),
    (re.compile(r"\bmarkets=exchange\.markets"), lambda _: "the file of exchange.markets"),
    (re.compile(r"\b(positions)=,? (the reply of|with)"), lambda at: f"the file of {at[1]}, {at[2]}"),
    (re.compile(r"\b(collateral|contract_sizes)="), lambda at: _option(at[1])),
)  # fmt: skip


def read_replies(source: str, files: list[str]) -> dict[str, Any]:
    """Read files and find out which reply each is.

    Parameters
    ----------
    source : str
        Whose replies: a key of `KEYS`.
    files : list of str
        Paths, or "-" for standard input; ``NAME=PATH`` says which reply it is where its keys do not.

    Returns
    -------
    dict of str to object
        Parsed JSON by name.

    Raises
    ------
    UserError
        For a file that cannot be read, is no JSON or no reply that is known, two files of one reply, and replies that
        are missing.
    """
    found: dict[str, Any] = {}
    paths: dict[str, str] = {}
    for given in files:
        said, equals, path = given.partition("=")
        if not equals or said not in KEYS[source]:
            said, path = "", given
        reply = _read(path)
        name = said or _name_of(reply, source, path)
        if name in found:
            raise UserError(f"{paths[name]} and {path} were both {name}; give one of each, of one account")
        found[name], paths[name] = reply, path
    missing = [name for name in NEEDED[source] if name not in found]
    if missing:
        told = ", ".join(f"{path} ({name})" for name, path in paths.items())
        hint = "; if there are none, a file that holds []" if missing == ["positions"] else ""
        raise UserError(f"{source} needs {' and '.join(missing)} beside {told}: give the file of it{hint}")
    return found


def snapshot_of(source: str, replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    """Make the snapshot of the account that the replies are of.

    Parameters
    ----------
    source : str
        Whose replies.
    replies : mapping of str to object
        From `read_replies`.
    args : Namespace
        The options.
    prices : dict of str to dict
        ``mark`` and ``index``, for the adapters that read replies by them.

    Returns
    -------
    Snapshot
        Of ``args.account``.

    Raises
    ------
    UsageError
        For options that the source does not have, and those that it needs.
    UserError
        For what the adapter refuses.
    """
    for name in sorted(set().union(*OPTIONS.values()) - OPTIONS[source]):
        if getattr(args, name) is not None:
            of = " and ".join(other for other, names in OPTIONS.items() if name in names)
            raise UsageError(f"{_option(name)} is for {of}; leave it out with --source {source}")
    snapshot: Snapshot = _adapted(_SNAPSHOTS[source], replies, args, prices)
    return snapshot


def market_under(source: str, market: xm.Market, replies: Mapping[str, Any], args: argparse.Namespace) -> xm.Market:
    """Lay the tiers among the replies, if there are any, over a market.

    Parameters
    ----------
    source, replies, args
        As of `snapshot_of`.
    market : Market
        The rules.

    Returns
    -------
    Market
        The rules with the account's own tiers.
    """
    laid: xm.Market = _adapted(_laid_over, source, market, replies, args)
    return laid


def market_of_meta(replies: Mapping[str, Any], args: argparse.Namespace) -> xm.Market | None:
    """Make the market that ``meta`` of Hyperliquid describes; ``None`` where no file has it."""
    name = next((name for name in ("meta", "contexts") if name in replies), None)
    if name is None:
        return None
    day = args.as_of
    if day is None:
        raise UsageError("meta does not say of which day it is; give --as-of YYYY-MM-DD, or rules by --market")
    made: xm.Market = _adapted(xm.adapters.hyperliquid.market, replies[name], as_of=day, collateral=args.collateral)
    return made


def _adapted(make: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Call what an adapter does; say its refusals in options."""
    try:
        return make(*values, **named)
    except xm.ArgumentError as error:
        raise UserError(in_options(str(error))) from None


def in_options(message: str) -> str:
    """Write an adapter's arguments as options.

    Examples
    --------
    >>> in_options("say bonus_in_wallet=True or False")
    'say --bonus-in-wallet yes or no'
    """
    for pattern, option in _IN_OPTIONS:
        message = pattern.sub(option, message)
    return message


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


# which reply a file is


def _name_of(reply: Any, source: str, path: str) -> str:
    names = KEYS[source]
    cure = f"say which it is, as in {next(iter(names))}={path}; {source} has {', '.join(names)}"
    first = _first(reply)
    if first is None:
        raise UserError(f"{path} was empty, so that it does not tell which reply of {source} it is: {cure}")
    if source == "hyperliquid" and isinstance(reply, list) and len(reply) == 2 and "universe" in first:
        return "contexts"
    found = [name for name, keys in names.items() if keys and all(key in first for key in keys)]
    if source == "ccxt" and isinstance(reply, dict) and not found:
        found = _by_symbol(next(iter(reply.values()), None))
    if not found:
        raise UserError(f"{path} had the keys of no reply of {source} that is read: {cure}")
    return found[0]


def _read(path: str) -> Any:
    try:
        return read_json(path, "reply")
    except UserError as error:
        raise UserError(str(error).replace("reply was", f"reply in {path} was", 1)) from None


def _first(reply: Any) -> dict[str, Any] | None:
    """Give the first object in a reply, out of what the venue wraps it in."""
    while isinstance(reply, dict):
        inner = next((key for key in _WRAPPERS if isinstance(reply.get(key), (dict, list))), None)
        if inner is None:
            return reply or None
        reply = reply[inner]
    return reply[0] if isinstance(reply, list) and reply and isinstance(reply[0], dict) else None


def _by_symbol(first: Any) -> list[str]:
    """Say what an object by symbol is of."""
    if isinstance(first, list):
        return ["tiers"]
    return [name for name, keys in _OF_EACH_SYMBOL if isinstance(first, dict) and all(key in first for key in keys)]


# what the adapters make of them


def _binance(replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    if args.kind is None:
        raise UsageError("the replies of binance do not say which futures they are of; give --kind usdm or coinm")
    return xm.adapters.binance.account(
        replies["account"],
        kind=args.kind,
        positions=replies.get("positions"),
        orders=replies.get("orders"),
        account=args.account,
        multi_assets=args.multi_assets,
        leverage=args.leverage,
        contract_sizes=prices["contract_sizes"],
        index=prices["index"],
    )


def _bybit(replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    return xm.adapters.bybit.account(
        replies["wallet"],
        replies["positions"],
        orders=replies.get("orders"),
        category=args.category or "linear",
        account=args.account,
        margin_mode=args.margin_mode,
        bonus_in_wallet=args.bonus_in_wallet,
        leverage=args.leverage,
        index=prices["index"],
    )


def _hyperliquid(replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    return xm.adapters.hyperliquid.account(
        replies["state"],
        contexts=replies.get("contexts"),
        mark=prices["mark"],
        account=args.account,
        collateral=args.collateral or "USDC",
    )


def _okx(replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    return xm.adapters.okx.account(
        replies["balance"],
        replies["positions"],
        account=args.account,
        contract_sizes=prices["contract_sizes"],
        isolated_in_cash=args.isolated_in_cash,
        leverage=args.leverage,
    )


def _ccxt(replies: Mapping[str, Any], args: argparse.Namespace, prices: dict[str, Any]) -> Snapshot:
    if args.exchange is None:
        raise UsageError("ccxt's fields mean different things on different exchanges; give --exchange, its id in ccxt")
    given = {name: replies.get(name) for name in ("balance", "positions", "orders", "tickers", "markets")}
    return xm.adapters.ccxt.account(
        exchange=args.exchange,
        account=args.account,
        total_has_profit=args.total_has_profit,
        margins_in_percent=args.margins_in_percent,
        leverage=args.leverage,
        **prices,
        **given,
    )


_SNAPSHOTS = {"binance": _binance, "bybit": _bybit, "hyperliquid": _hyperliquid, "okx": _okx, "ccxt": _ccxt}


def _laid_over(source: str, market: xm.Market, replies: Mapping[str, Any], args: argparse.Namespace) -> xm.Market:
    if "brackets" in replies:
        tiers = xm.adapters.binance.tiers(replies["brackets"], kind=args.kind, coefficient=args.coefficient)
    elif "risk-limit" in replies:
        tiers = xm.adapters.bybit.tiers(replies["risk-limit"], category=args.category or "linear")
    elif "position-tiers" in replies:
        tiers = xm.adapters.okx.tiers(replies["position-tiers"])
    elif source == "ccxt" and "tiers" in replies:
        markets = replies.get("markets")
        tiers = xm.adapters.ccxt.tiers(
            replies["tiers"], exchange=args.exchange, bounds=args.tier_bounds, markets=markets
        )
    else:
        return market
    return tiers.onto(market)
