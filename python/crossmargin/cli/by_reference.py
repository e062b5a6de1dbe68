"""``--engine reference``: the same tables scored by the executable specification, in exact fractions.

The result has the same columns as that of the engine, each number being the double nearest to the exact one. It is for
checking, on thousands of accounts rather than millions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

import crossmargin as xm
from crossmargin import reference
from crossmargin.cli.errors import UserError
from crossmargin.cli.score import Results, rules_of
from crossmargin.cli.terminal import plural
from crossmargin.reference.score import read_tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from crossmargin.cli.readers import InputTable
    from crossmargin.cli.score import Inputs
    from crossmargin.cli.terminal import Progress

    Pools = Sequence[reference.PoolScore[Fraction]]

_KEYS = ("account", "kind", "asset", "instrument", "side")
_SUMS = (
    *("wallet_balance", "unrealized_pnl", "equity", "collateral_value"),
    *("notional", "initial_margin", "maintenance_margin", "free_margin"),
)
_FROM_CROSS = ("available", "withdrawable")
_KNOWN = {
    "balances": {"account", "asset", "wallet_balance", "bonus", "borrowed"},
    "positions": {
        *("account", "instrument", "quantity", "entry_price", "tier_version", "tier"),
        *("leverage", "margin_mode", "isolated_margin", "position_side"),
    },
    "orders": {
        *("account", "instrument", "quantity", "price", "order_id", "trigger_price", "reduce_only"),
        *("leverage", "margin_mode", "position_side", "kind"),
    },
    "accounts": {"account", "profile", "tier_coefficient", "margin_mode", "position_mode"},
    "settings": {"account", "instrument", "leverage", "margin_mode"},
}
_LARGEST_KEY = 2**63 - 1
# NaN in these means that there is none; in all others it is refused
_OPTIONAL = ("leverage", "isolated_margin", "price", "trigger_price", "tier", "tier_coefficient")


def score_by_reference(args: argparse.Namespace, inputs: Inputs, outputs: Sequence[str], progress: Progress) -> Results:
    """Score tables by the reference.

    Parameters
    ----------
    args : Namespace
        Options of ``crossmargin score``.
    inputs : Inputs
        What was read.
    outputs : sequence of str
        Which outputs the table of pools has.
    progress : Progress
        Told how it goes.

    Returns
    -------
    Results
        As of the engine.

    Raises
    ------
    UserError
        For anything that the reference refuses.
    """
    try:
        market = reference.load_market(inputs.market.to_toml())
        tables = {name: _rows(table) for name, table in inputs.tables.items()}
        balances, positions = tables.pop("balances"), tables.pop("positions", [])
        given: dict[str, Any] = {**tables, "duplicates": args.duplicates, "quantity_unit": args.quantity_unit}
        with progress.step("score by the reference") as step:
            prices: dict[str, Any] = {"index": inputs.index, "last": inputs.last}
            pools = reference.score(market, balances, positions, inputs.marks, **prices, **given)
            step.detail = plural(len(pools), "pool")
        held = {each.row: each for each in read_tables(market, balances, positions, **given).positions}
        return Results(
            pools=_pool_table(pools, outputs),
            positions=None if args.positions_out is None else _position_table(pools, held, args.quantity_unit),
            accounts=None if args.accounts_out is None else _account_table(pools, _rates(args, inputs, pools)),
            rejects=None,
            n_accounts=len({pool.account for pool in pools}),
            n_positions=len(held),
            how="all decided by exact arithmetic",
        )
    except reference.ReferenceInputError as error:
        raise UserError(str(error)) from None


def prices_by_reference(
    args: argparse.Namespace, inputs: Inputs, outputs: Sequence[str], progress: Progress
) -> tuple[xm.Table, list[str]]:
    """Find the prices at which pools fail by the reference.

    Parameters
    ----------
    args : Namespace
        Options of ``crossmargin prices``.
    inputs : Inputs
        What was read.
    outputs : sequence of str
        Which prices the table of positions has.
    progress : Progress
        Told how it goes.

    Returns
    -------
    tuple of Table and list of str
        Columns as of the engine, and what the summary says first.

    Raises
    ------
    UserError
        For anything that the reference refuses.
    """
    try:
        market = reference.load_market(inputs.market.to_toml())
        tables = {name: _rows(table) for name, table in inputs.tables.items()}
        balances, positions = tables.pop("balances"), tables.pop("positions", [])
        given: dict[str, Any] = {**tables, "duplicates": args.duplicates, "quantity_unit": args.quantity_unit}
        prices: dict[str, Any] = {"index": inputs.index, "last": inputs.last}
        held = {each.row: each for each in read_tables(market, balances, positions, **given).positions}
        with progress.step("find by the reference") as step:
            if args.along == "underlying":
                rows = reference.underlying_prices(market, balances, positions, inputs.marks, **prices, **given)
                table = _underlying_table(rows)
            else:
                found = reference.liquidation_prices(market, balances, positions, inputs.marks, **prices, **given)
                table = _price_table(found, held, outputs, inputs, args.quantity_unit)
            step.detail = plural(len(table), "row")
    except reference.ReferenceInputError as error:
        raise UserError(str(error)) from None
    return table, [f"rules   {rules_of(args, inputs)}", "rows    all decided by exact arithmetic"]


def _price_table(
    found: Sequence[reference.PositionPrices],
    held: dict[int, reference.Position],
    outputs: Sequence[str],
    inputs: Inputs,
    unit: str,
) -> xm.Table:
    marks = inputs.market.prices(mark=inputs.marks).mark.tolist()
    by_name = dict(zip(inputs.market.instruments["instrument"].tolist(), marks, strict=True))
    columns = {
        "row": np.array([each.row for each in found], dtype=np.int64),
        "account": _accounts(each.account for each in found),
        "instrument": _text(each.instrument for each in found),
        "position_side": _text(each.side for each in found),
        "margin_mode": _text(each.kind for each in found),
        "quantity": _reals(_quantity(held[each.row], unit) for each in found),
        "mark_price": _reals(by_name[each.instrument] for each in found),
    }
    return xm.Table(columns | {name: _ends(found, name) for name in outputs})


def _underlying_table(found: Sequence[reference.UnderlyingPrices]) -> xm.Table:
    columns = {"account": _accounts(each.account for each in found)}
    columns |= {name: _text(getattr(each, name) for each in found) for name in (*_KEYS[1:], "underlying")}
    return xm.Table(columns | {name: _ends(found, name) for name in ("price", "below", "above", "liquidatable")})


def _ends(found: Sequence[Any], name: str) -> Any:
    values = [getattr(each, name) for each in found]
    return np.array(values, dtype=np.bool_) if name == "liquidatable" else _reals(values)


def _quantity(position: reference.Position, unit: str) -> Fraction:
    return position.quantity * (position.instrument.contract_size if unit == "base" else 1)


def _rows(table: InputTable) -> list[dict[str, Any]]:
    unknown = [name for name in table.names if name not in _KNOWN[table.name]]
    if unknown:
        raise UserError(f"{table.name}.{unknown[0]} is no column that the reference knows; leave it out")
    rows = table.rows()
    for at, row in enumerate(rows):
        if not _is_key(row.get("account", 0)):
            raise UserError(f"{table.name}.account[{at}] was {row['account']!r}, expected an integer or a name")
        for name in _OPTIONAL:
            if row.get(name) != row.get(name):
                del row[name]
    return rows


def _is_key(account: object) -> bool:
    if isinstance(account, str):
        # half a character, which JSON can write and no file can hold
        return not any("\ud800" <= letter <= "\udfff" for letter in account)
    return isinstance(account, int) and not isinstance(account, bool) and -_LARGEST_KEY <= account <= _LARGEST_KEY


def _double(value: Fraction | float | None) -> float:
    """Round to the nearest double; what is unknown is NaN."""
    return np.nan if value is None else float(value)


def _text(values: Iterable[str | None]) -> Any:
    listed = list(values)
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column


def _reals(values: Iterable[Fraction | float | None]) -> Any:
    return np.fromiter(map(_double, values), np.float64)


def _accounts(values: Iterable[Any]) -> Any:
    listed = list(values)
    return np.array(listed, dtype=np.int64) if all(isinstance(key, int) for key in listed) else _text(listed)


def _pool_table(pools: Pools, outputs: Sequence[str]) -> xm.Table:
    columns = {"account": _accounts(pool.account for pool in pools)}
    columns |= {name: _text(getattr(pool, name) for pool in pools) for name in _KEYS[1:]}
    for name in outputs:
        if name == "liquidatable":
            columns[name] = np.array([pool.liquidatable for pool in pools], dtype=np.bool_)
        else:
            columns[name] = _reals(getattr(pool, name) for pool in pools)
    return xm.Table(columns)


def _position_table(pools: Pools, held: dict[int, reference.Position], unit: str) -> xm.Table:
    legs = reference.position_scores(pools)
    figures = ("notional", "unrealized_pnl", "initial_margin", "maintenance_margin")
    columns = {
        "row": np.array([leg.row for leg in legs], dtype=np.int64),
        "account": _accounts(leg.account for leg in legs),
        "instrument": _text(leg.instrument for leg in legs),
        "position_side": _text(leg.side for leg in legs),
        "margin_mode": _text(leg.kind for leg in legs),
        "quantity": _reals(_quantity(held[leg.row], unit) for leg in legs),
        "entry_price": _reals(held[leg.row].entry_price for leg in legs),
        "asset": _text(held[leg.row].instrument.settle for leg in legs),
    }
    columns |= {name: _reals(getattr(leg, name) for leg in legs) for name in figures}
    return xm.Table(columns | {"tier": np.array([leg.tier for leg in legs], dtype=np.int64)})


def _rates(args: argparse.Namespace, inputs: Inputs, pools: Pools) -> dict[str, Fraction]:
    """Value one unit of each asset held in the asset that accounts are stated in.

    Formula: ``index_price[asset] / index_price[valuation]``; the market's valuation asset has the price 1.
    """
    unit = inputs.market.rules["valuation_asset"]
    valuation = args.valuation or unit
    if valuation not in inputs.market.assets["asset"].tolist():
        raise UserError(f"valuation was {valuation!r}, which is no asset of the market")
    prices = {name: reference.exact(price, f"index[{name}]") for name, price in inputs.index.items()}
    prices = {unit: Fraction(1)} | prices
    others = {pool.asset for pool in pools} - {valuation}
    missing = sorted((others | ({valuation} if others else set())) - prices.keys())
    if missing:
        raise UserError(f"no index price for held assets: {', '.join(missing)}; give them in --index")
    return {asset: prices[asset] / prices[valuation] for asset in others} | {valuation: Fraction(1)}


def _account_table(pools: Pools, rates: dict[str, Fraction]) -> xm.Table:
    members: dict[Any, list[reference.PoolScore[Fraction]]] = {}
    for pool in pools:
        members.setdefault(pool.account, []).append(pool)
    columns = {"account": _accounts(members)}
    columns |= {name: _reals(_sum(own, name, rates) for own in members.values()) for name in _SUMS}
    # what leaves an isolated pool goes to the account's cross pool first
    crosses = [[pool for pool in own if pool.kind == "cross"] for own in members.values()]
    columns |= {name: _reals(_sum(own, name, rates) for own in crosses) for name in _FROM_CROSS}
    columns["n_pools"] = np.array([len(own) for own in members.values()], dtype=np.int64)
    columns["n_liquidatable"] = np.array([sum(p.liquidatable for p in own) for own in members.values()], dtype=np.int64)
    columns["margin_ratio"] = _reals(min(pool.margin_ratio for pool in own) for own in members.values())
    return xm.Table(columns)


def _sum(pools: Pools, name: str, rates: dict[str, Fraction]) -> Fraction | None:
    total = Fraction(0)
    for pool in pools:
        value = getattr(pool, name)
        if value is None:
            return None
        total += value * rates[pool.asset]
    return total
