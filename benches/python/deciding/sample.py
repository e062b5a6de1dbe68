"""A sample of the orders decided by the reference, on exact fractions."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np

from crossmargin import reference
from crossmargin.reference.accounts import read_accounts
from crossmargin.reference.admission import read_quotes
from crossmargin.reference.checking import Book, check_orders
from crossmargin.reference.ledger import read_holdings
from crossmargin.testing import Workload

N_SAMPLED = 300
_CLOSE = 1e-9  # relative, of what a cost is made of


def check(workload: Workload, orders: dict[str, Any], decision: Any) -> dict[str, int]:
    """Compare reasons and costs of some accounts; returns how many.

    Raises
    ------
    ValueError
        If one differs; the text names the account.
    """
    accounts = np.random.default_rng(workload.seed).choice(orders["account"], N_SAMPLED, replace=False)
    names = workload.instruments
    market = reference.load_market(tomllib.loads(workload.market_toml))
    marks = dict(zip(names, workload.marks.tolist(), strict=True))
    cash = _of(workload.balances, accounts, workload.assets, "asset")
    held = _of(workload.positions, accounts, names)
    book = Book(
        market,
        read_quotes(market, {"mark": marks}),
        read_holdings(market, cash, held, orders=[], accounts=[]),
        read_accounts(market, []),
    )
    judged = check_orders(book, _of(orders, accounts, names))
    rows = np.flatnonzero(np.isin(orders["account"], accounts))
    for row, expected in zip(rows.tolist(), judged, strict=True):
        found = (str(decision.reasons[row]), float(decision["cost"][row]))
        cost = float(expected.cost or 0)
        if found[0] != expected.reason or abs(found[1] - cost) > _CLOSE * (1.0 + abs(cost)):
            raise ValueError(f"account {orders['account'][row]}: was {found}, expected {(expected.reason, cost)}")
    return {"n_sampled": len(rows)}


def _of(table: Any, accounts: Any, names: Any, column: str = "instrument") -> list[dict[str, Any]]:
    """Give the rows of some accounts as the reference reads them, with names."""
    rows = np.flatnonzero(np.isin(table["account"], accounts))
    columns = {name: values[rows].tolist() for name, values in table.items()}
    columns[column] = [names[place] for place in columns[column]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
