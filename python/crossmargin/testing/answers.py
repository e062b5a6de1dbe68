"""The engine and the reference side by side on what is asked beside a score: funds, limits and margin modes.

Each function returns what differs, in words; an empty list is agreement. Counts of quanta, bits and verdicts are equal
exactly; amounts lie within the bound of their account.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crossmargin.reference import (
    Comparison,
    Limits,
    breaches,
    compare_modes,
    exact,
    largest_order,
    read_asked,
    read_compare,
    read_target,
    rebalance,
    withdrawable_quanta,
)
from crossmargin.reference.modes import VARIANTS
from crossmargin.testing.cases import FullCase
from crossmargin.testing.gating import GateCase, book_of, decision_bound
from crossmargin.testing.oracle import engine_book

AMOUNTS = ("locked", "free_margin", "available")
"""Figures of a margin mode that are sums of amounts."""


def _engine(case: FullCase) -> tuple[Any, Any]:
    market, balances, positions, marks = case.arguments()
    return engine_book(market, balances, positions, marks, **case.options())


def withdrawable_faults(case: FullCase) -> list[str]:
    """Say where the engine lets another number of quanta leave than the reference, or names another reason."""
    import crossmargin as xm

    found: Any = xm.withdrawable(*_engine(case))
    keys = {name: _listed(found._pool_keys[name]) for name in ("account", "kind", "instrument", "side")}
    assets, words = _listed(found["asset"]), _listed(found["binding"])
    got = {
        (*(keys[name][row] for name in keys), assets[row]): (found.quanta[row], str(words[row]))
        for row in range(len(found))
    }
    wanted = {
        (one.account, one.pool[0], one.pool[2], one.pool[3], one.asset): (
            None if one.binding == "leverage_unknown" else one.quanta,
            one.binding,
        )
        for one in withdrawable_quanta(book_of(case))
    }
    return _different(got, wanted)


def rebalance_faults(case: FullCase, ratio: float, sweep: str = "none") -> list[str]:
    """Say where the engine moves other amounts than the reference, or from and to other pools."""
    import crossmargin as xm

    book = book_of(case)
    moved: Any = xm.rebalance(*_engine(case), ratio, sweep=sweep).transfers
    names = ("account", "asset", "from_kind", "from_instrument", "from_side", "to_kind", "to_instrument", "to_side")
    table = [_listed(moved[name]) for name in (*names, "amount")]
    got = dict(enumerate(zip(*table, strict=True)))
    transfers, _ = rebalance(book, read_target(ratio, sweep))
    wanted = {}
    for row, one in enumerate(transfers):
        amount = float(one.quanta * book.market.asset(one.asset).quantum)
        to = ("out", None, None) if one.to is None else (one.to[0], *one.to[2:])
        wanted[row] = (one.account, one.asset, one.source[0], *one.source[2:], *to, amount)
    return _different(got, wanted)


def limits_faults(case: FullCase, limits: Limits, references: Mapping[Any, float]) -> list[str]:
    """Say where the engine's bits of limits are not those of the reference."""
    import crossmargin as xm

    options = {name: getattr(limits, name) for name in Limits.__dataclass_fields__}
    found: Any = xm.check_limits(*_engine(case), xm.Limits(**options), references=references)
    wanted = breaches(book_of(case), limits, references)
    accounts = dict(zip(_listed(found.accounts["account"]), _listed(found.accounts["bits"]), strict=True))
    keys = zip(
        *(_listed(found.book.pools[name]) for name in ("account", "kind", "asset", "instrument", "side")), strict=True
    )
    pools = {(key[0], key[1:]): bits for key, bits in zip(keys, _listed(found["bits"]), strict=True)}
    places: dict[tuple[Any, int], int] = {}
    seen: dict[Any, int] = {}
    for position, bits in zip(case.positions, _listed(found.positions["bits"]), strict=True):
        account = position["account"]
        places[account, seen.setdefault(account, 0)] = bits
        seen[account] += 1
    return [
        *_different(accounts, wanted.accounts),
        *_different(pools, wanted.pools),
        *_different(places, wanted.positions),
    ]


def modes_faults(case: FullCase, allot: str = "initial_margin", *, intervals: bool = False) -> list[str]:
    """Say where the engine's comparison of margin modes is not that of the reference."""
    import crossmargin as xm

    book = book_of(case)
    dearest = max([Fraction(1), *book.quotes.index.values()])  # figures are in the valuation asset
    found: Any = xm.compare_modes(*_engine(case), allot, intervals=intervals)
    places = {account: row for row, account in enumerate(_listed(found["account"]))}
    faults = []
    for one in compare_modes(book, read_compare(book, allot, intervals=intervals)):
        bound = dearest * decision_bound(GateCase(case, ()), one.account)
        faults += [f"account {one.account}: {fault}" for fault in _of_account(found, places[one.account], one, bound)]
    return faults


def largest_faults(case: GateCase, target_ratio: float | None = None) -> list[str]:
    """Say where the engine's largest order in the direction of the first proposed one is not that of the reference."""
    import crossmargin as xm

    row = case.proposals[0]
    book, account = book_of(case.case), row["account"]
    want = largest_order(book, account, row, read_asked(target_ratio))
    names = ("leverage", "margin_mode", "position_side")
    options = {name: row[name] for name in names if row.get(name) is not None}
    price = None if math.isnan(row["price"]) else row["price"]
    side = "buy" if row["quantity"] > 0 else "sell"
    found: Any = xm.max_order(
        *_engine(case.case), row["instrument"], side, price, accounts=[account], target_ratio=target_ratio, **options
    )
    unit = Fraction(1)
    if case.case.quantity_unit == "base":
        unit = book.market.instrument(row["instrument"]).contract_size
    got = {name: _listed(found[name])[0] for name in ("quantity", "smallest", "contiguous", "binding")}
    largest = want.quantity * unit
    if exact(float(f"{float(largest):.15g}")) != largest:  # more digits than the engine looks at
        near = abs(exact(got["quantity"]) - largest) <= abs(largest) * Fraction(1, 10**14)
        return [] if near else [f"quantity: {got['quantity']} against {float(largest)}"]
    wanted = {
        "quantity": float(want.quantity * unit),
        "smallest": float(want.smallest * unit),
        "contiguous": want.contiguous,
        "binding": want.binding,
    }
    return _different(got, wanted)


def _of_account(found: Any, row: int, want: Comparison, bound: Fraction) -> list[str]:
    faults = [] if _near(found["freed"][row], want.freed, 2 * bound) else ["freed"]
    if bool(found["affordable"][row]) != want.affordable:
        faults.append("affordable")
    for name in VARIANTS:
        variant = want.variants[name]
        if not _near(found[f"n_liquidatable_{name}"][row], variant.n_liquidatable, Fraction(0)):
            faults.append(f"n_liquidatable_{name}")
        faults += [
            f"{figure}_{name}: {found[f'{figure}_{name}'][row]} against {getattr(variant, figure)}"
            for figure in AMOUNTS
            if not _near(found[f"{figure}_{name}"][row], getattr(variant, figure), bound)
        ]
    return faults


def _near(got: Any, want: Any, bound: Fraction) -> bool:
    if not isinstance(want, Fraction):
        return float(got) == want or (math.isnan(got) and math.isnan(want))
    return math.isfinite(got) and abs(Fraction(float(got)) - want) <= bound


def _different(got: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> list[str]:
    keys = dict.fromkeys([*wanted, *got])
    return [f"{key}: {got.get(key)} against {wanted.get(key)}" for key in keys if got.get(key) != wanted.get(key)]


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)
