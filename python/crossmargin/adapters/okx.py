"""OKX v5: balance and positions, as the REST interface gives them.

Field names from okx.com/docs-v5 (account/balance, account/positions, public/position-tiers), read 2026-11-22. Numbers
are text, empty text means that a field does not apply, sizes are contracts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossmargin.adapters._read import Json, exact, exact_of, needed, objects, one, text
from crossmargin.adapters.snapshot import Draft, Snapshot
from crossmargin.adapters.tiers import Tier, Tiers, ladder
from crossmargin.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIDES = {"net": "net", "long": "long", "short": "short"}
_OF_POSITION = {
    "upl": "unrealized_pnl",
    "imr": "initial_margin",
    "mmr": "maintenance_margin",
    "mgnRatio": "margin_ratio",
    "liqPx": "liquidation_price",
}
_OF_CURRENCY = {"eq": "equity", "imr": "initial_margin", "mmr": "maintenance_margin", "availEq": "available"}
_CLOSE = Fraction(1, 10**6)
"""How far sums of amounts cut at 8 decimals and more may miss, in the currency."""


def account(  # noqa: PLR0913 - the replies, and what they leave open
    balance: Any,
    positions: Any,
    *,
    account: Any = "main",
    contract_sizes: Mapping[str, float] | None = None,
    isolated_in_cash: bool | None = None,
    debt_in_cash: bool | None = None,
    leverage: Any = None,
) -> Snapshot:
    """Read an OKX account with swaps and futures.

    Parameters
    ----------
    balance : dict
        Reply of ``/api/v5/account/balance``, or the one object in its ``data``.
    positions : dict or list of dict
        Reply of ``/api/v5/account/positions``.
    account : int or str
        The account's key in the book.
    contract_sizes : mapping of str to float, optional
        ``ctVal`` times ``ctMult`` of instruments, where a market with other sizes is to be met.
    isolated_in_cash : bool, optional
        Whether ``cashBal`` has the margin of isolated positions in it. Found from ``eq``, ``upl`` and ``isoEq`` where
        these decide it; needed where they do not.
    debt_in_cash : bool, optional
        Whether ``cashBal`` is less by the debt ``liab`` already. Found from ``eq`` less ``cashBal`` and ``upl``; needed
        where that is neither nothing nor the debt.
    leverage : mapping of str to float, or float, optional
        For positions that do not tell theirs.

    Returns
    -------
    Snapshot
        The wallet is ``cashBal``, which is without unrealised profit (``eq`` is with it), before debts. Index
        prices are ``eqUsd`` over ``eq``.

    Raises
    ------
    ArgumentError
        For what cannot be read or known, with the key, its value and what to give.

    Examples
    --------
    >>> balance = {"data": [{"details": [{"ccy": "USDT", "cashBal": "215.5", "eq": "215.6", "upl": "0.1"}]}]}
    >>> position = {
    ...     "instId": "BTC-USDT-SWAP",
    ...     "mgnMode": "cross",
    ...     "posSide": "net",
    ...     "pos": "-2",
    ...     "avgPx": "60010",
    ...     "markPx": "60005",
    ...     "lever": "3",
    ...     "liqPx": "",
    ...     "upl": "0.1",
    ... }
    >>> account(balance, {"data": [position]})
    Snapshot(okx, 1 balance, 1 position, 0 orders, 3 reported figures)
    """
    draft = Draft("okx", account, digit=1e-8)
    held = [row for row in objects(positions, "positions", "data") if exact(row, "pos", "positions")]
    for at, row in enumerate(held):
        _read_position(draft, row, f"positions[{at}]")
    isolated = _isolated_cash(held)
    for at, row in enumerate(objects(one(balance, "balance", "data").get("details", []), "balance.details")):
        place = f"balance.details[{at}]"
        said = {"isolated_in_cash": isolated_in_cash, "debt_in_cash": debt_in_cash}
        _read_currency(draft, row, place, isolated=isolated, **said)
    for name, size in (contract_sizes or {}).items():
        draft.sizes[name] = float(exact_of(size, f"contract_sizes[{name!r}]"))
    draft.leverages(leverage)
    return draft.snapshot()


def _settle(row: Json) -> str:
    """Give the currency that a position's margin is in."""
    return str(row.get("ccy") or row.get("mgnCcy") or "")


def _isolated_cash(positions: list[Json]) -> dict[str, Fraction]:
    """Add the cash of isolated positions up by currency."""
    cash: dict[str, Fraction] = {}
    for at, row in enumerate(positions):
        if row.get("mgnMode") == "isolated":
            margin = exact(row, "margin", f"positions[{at}]") or Fraction(0)
            cash[_settle(row)] = cash.get(_settle(row), Fraction(0)) + margin
    return cash


def _read_currency(  # noqa: PLR0913 - what is left open
    draft: Draft,
    row: Json,
    place: str,
    *,
    isolated: Mapping[str, Fraction],
    isolated_in_cash: bool | None,
    debt_in_cash: bool | None,
) -> None:
    currency = text(row, "ccy", place)
    cash = needed(row, "cashBal", place, "give the reply of account/balance")
    fenced, owed = isolated.get(currency, Fraction(0)), abs(exact(row, "liab", place) or Fraction(0))
    cases = _cases(row, place, cash, fenced, owed)
    if fenced:
        cases = [case for case in cases if isolated_in_cash in (None, case[0])]
        found = {inside for inside, _ in cases}
        if isolated_in_cash is None and len(found) != 1:
            told = f"{place}.cashBal was {row['cashBal']!r} beside isolated margin of {float(fenced):,.10g} {currency}"
            raise ArgumentError(f"{told}: say isolated_in_cash=True if it has that in it, else False")
        cash += 0 if (found.pop() if isolated_in_cash is None else isolated_in_cash) else fenced
    if owed:
        found = {inside for _, inside in cases}
        if debt_in_cash is None and owed > _CLOSE and len(found) != 1:
            told = f"{place}.cashBal was {row['cashBal']!r} beside a debt (liab) of {float(owed):,.10g} {currency}"
            raise ArgumentError(f"{told}: say debt_in_cash=True if it is less by that already, else False")
        inside = found == {True} or owed <= _CLOSE if debt_in_cash is None else debt_in_cash
        cash += owed if inside else 0  # a book takes the debt off
    draft.add("balances", asset=currency, wallet_balance=cash, borrowed=owed or None)
    equity, value = exact(row, "eq", place), exact(row, "eqUsd", place)
    if equity and value:
        draft.price("index", currency, value / equity)
    # Whether the profit has that of isolated positions in it, replies differ in.
    keys = dict(_OF_CURRENCY) if isolated else {**_OF_CURRENCY, "upl": "unrealized_pnl"}
    draft.report(row, keys, place, level="asset", asset=currency)


def _cases(row: Json, place: str, cash: Fraction, fenced: Fraction, owed: Fraction) -> list[tuple[bool, bool]]:
    """Say by the equity what cash may have in it: whether isolated margin, and whether it is less by the debt.

    The equity is cash and profit, and beside them either the isolated equity or nothing but the isolated profit, which
    may be in the profit already; and less the debt where cash is not.
    """
    equity, own = exact(row, "eq", place), exact(row, "isoEq", place)
    if equity is None:
        return []
    rest = equity - cash - (exact(row, "upl", place) or 0)
    within = [Fraction(0)]
    beside: list[Fraction] = []
    if fenced:
        if own is None:
            within = []
        else:
            within.append(exact(row, "isoUpl", place) or Fraction(0))
            beside.append(own)
    return [
        (inside, paid)
        for inside, rests in ((True, within), (False, beside))
        for paid in (True, False)
        if any(abs(rest + (0 if paid else owed) - other) <= _CLOSE for other in rests)
    ]


def _read_position(draft: Draft, row: Json, place: str) -> None:
    size = needed(row, "pos", place, "give the reply of account/positions")
    name = text(row, "instId", place)
    if row.get("instType") in ("MARGIN", "OPTION"):
        raise ArgumentError(f"{place}.instType was {row['instType']!r}, expected SWAP or FUTURES: leave it out")
    side = _SIDES[text({"posSide": "net", **row}, "posSide", place, tuple(_SIDES))]
    isolated = text(row, "mgnMode", place, ("cross", "isolated")) == "isolated"
    draft.add(
        "positions",
        instrument=name,
        quantity=-abs(size) if side == "short" else size,
        entry_price=needed(row, "avgPx", place, "give the reply of account/positions"),
        leverage=exact(row, "lever", place) or None,
        margin_mode="isolated" if isolated else "cross",
        isolated_margin=exact(row, "margin", place) if isolated else None,
        position_side=side,
    )
    draft.price("mark", name, exact(row, "markPx", place))
    draft.report(
        row, _OF_POSITION, place, level="position", instrument=name, side=side, mode="isolated" if isolated else "cross"
    )


def tiers(position_tiers: Any, *, instrument: str | None = None) -> Tiers:
    """Read the reply of ``/api/v5/public/position-tiers``, of swaps and futures.

    Parameters
    ----------
    position_tiers : dict or list of dict
        ``{tier, minSz, maxSz, mmr, imr, maxLever, instFamily, uly}``; sizes are contracts, and whole numbers: a tier
        ends at ``maxSz``, and ``minSz`` is not read but to see that nothing is missing between.
    instrument : str, optional
        What the table is of; by default the family with ``-SWAP`` behind it.

    Returns
    -------
    Tiers
        In ``contracts``.

    Raises
    ------
    ArgumentError
        For gaps wider than one contract, and what is no number.

    Examples
    --------
    >>> rows = [
    ...     {"tier": "1", "minSz": "0", "maxSz": "500", "mmr": "0.004", "maxLever": "100", "instFamily": "X-USDT"},
    ...     {"tier": "2", "minSz": "501", "maxSz": "900", "mmr": "0.01", "maxLever": "50", "instFamily": "X-USDT"},
    ... ]
    >>> tiers({"data": rows}).frame()["floor"].tolist()
    [0.0, 500.0]
    """
    grouped: dict[str, list[Tier]] = {}
    for at, row in enumerate(objects(position_tiers, "position_tiers", "data")):
        place = f"position_tiers[{at}]"
        tier = Tier(
            exact(row, "minSz", place),
            needed(row, "maxSz", place, "give the reply of position-tiers"),
            needed(row, "mmr", place, "give the reply of position-tiers"),
            exact(row, "maxLever", place),
        )
        family = row.get("instFamily") or row.get("uly")
        name = instrument or (f"{family}-SWAP" if family else None)
        if name is None:
            raise ArgumentError(f"{place}.instFamily was {row.get('instFamily')!r}: say instrument=")
        grouped.setdefault(name, []).append(tier)
    rows = [row for name, table in grouped.items() for row in ladder(name, table, f"position_tiers of {name}")]
    return Tiers({"contracts": rows})
