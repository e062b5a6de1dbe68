"""Reconciliation: our figures beside those that a venue reports, and why they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral
from typing import TYPE_CHECKING, Any

from crossmargin._tables import table_input
from crossmargin.book import Book
from crossmargin.errors import ArgumentError
from crossmargin.prices import Prices
from crossmargin.reconciliation import causes
from crossmargin.reconciliation.causes import Case
from crossmargin.reconciliation.figures import OF_POSITION, Figures
from crossmargin.reconciliation.result import Reconciliation
from crossmargin.reconciliation.variants import at_entry, flips, implied_marks, with_marks
from crossmargin.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Reconciliation", "reconcile"]

Row = dict[str, Any]

_COLUMNS = ("account", "level", "asset", "instrument", "position_side", "margin_mode", "field", "ours", "theirs",
            "difference", "step", "steps", "status", "cause", "detail", "key")  # fmt: skip
_LEVELS = ("position", "pool", "asset", "account")
_WORDS = ("asset", "instrument", "position_side", "margin_mode", "key")
_OF_PRICE = ("liquidation_price", "bankruptcy_price")
_OF_MARK = ("notional", "unrealized_pnl")
_STEP = 1e-8
_FLIP_WINDOW = 1e-5
_NEAR = 0.05
"""How far, relatively, a mark that only one figure speaks for may be from the one given, to be told as unconfirmed."""


def reconcile(book: Book, prices: Prices, reported: Any) -> Reconciliation:
    """Lay our figures beside those that the venue reported, and find out why they differ.

    Causes are hypotheses that are tested on the numbers: the same figure at the mark that the venue's other figures
    imply, at the entry price, rounded or truncated at the venue's last digit, with unrealised profit once more or less,
    with a fee to close, by another tier or rate, at another leverage, with the cash of isolated positions in it. A
    cause counts only where it accounts for the whole difference, to within the digits written.

    Parameters
    ----------
    book : Book
        The accounts; from an adapter: ``snapshot.book(market)``.
    prices : Prices
        The prices of the moment at which the venue reported: ``snapshot.prices(market)``.
    reported : table
        A row per figure, as of `Snapshot.reported`: ``account``, ``level``, ``field``, ``value``, and where they apply
        ``asset``, ``instrument``, ``position_side``, ``margin_mode`` (of a position, where an account holds a cross
        and an isolated one of its instrument), ``step`` (unit of the last digit written) and ``key``.

    Returns
    -------
    Reconciliation
        A row per figure; ``.unexplained`` is what to look at first.

    Raises
    ------
    ArgumentError
        For a table without these columns, or of levels that there are not.

    Notes
    -----
    A cause is likely, not proven: numbers may agree by chance where few digits are written. Liquidation prices are not
    computed in this version: beside a reported one it is said whether the verdict of the position's pool changes there.

    The book is scored once. Each account with differences is scored again by itself, a few times, and so it is for each
    liquidation price: the time is in proportion to the accounts, and to those that differ above all.

    Examples
    --------
    >>> import crossmargin as xm
    >>> market = xm.load_market("binance-usdm")
    >>> book = xm.Book(
    ...     market,
    ...     balances=[{"account": 1, "asset": "USDT", "wallet_balance": 1_000.0}],
    ...     positions=[{"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0}],
    ... )
    >>> prices = market.prices(mark={"BTCUSDT": 61_000.0})
    >>> of = {"account": 1, "level": "position", "instrument": "BTCUSDT", "step": 1e-8}
    >>> rows = [
    ...     {**of, "field": "maintenance_margin", "value": 30.5},
    ...     {"account": 1, "level": "pool", "asset": "USDT", "field": "equity", "value": 1_000.0, "step": 1e-8},
    ... ]
    >>> found = xm.reconcile(book, prices, rows)
    >>> found.table["cause"].tolist(), found.n_unexplained
    (['other tier table', 'unrealised PnL counted twice'], 0)
    """
    for value, name, kind in ((book, "book", Book), (prices, "prices", Prices)):
        if not isinstance(value, kind):
            raise ArgumentError(f"{name} was of type {type(value).__name__}, expected {kind.__name__}")
    rows = _rows(reported, book)
    figures = Figures(book, prices)
    _set_steps(rows)
    by_account: dict[Any, list[Row]] = {}
    for row in rows:
        by_account.setdefault(row["account"], []).append(row)
    for account, own in by_account.items():
        _explain(own, figures, account)
    made = Table({name: [row[name] for row in rows] for name in _COLUMNS})
    return Reconciliation(made, book.market.id)


def _rows(reported: Any, book: Book) -> list[Row]:
    """Read the reported figures, instruments by the market's names."""
    columns = reported if isinstance(reported, Table) else table_input(reported, "reported")
    if not isinstance(columns, (Table, Mapping)):
        raise ArgumentError(f"reported was of type {type(reported).__name__}, expected a table: columns or rows")
    table = columns if isinstance(columns, Table) else _table(columns)
    missing = [name for name in ("account", "level", "field", "value") if name not in table and len(table)]
    if missing:
        raise ArgumentError(f"reported had no column {', '.join(missing)}; those of Snapshot.reported are needed")
    names = {alias: name for name, others in book.market.aliases.items() for alias in others}
    rows = []
    for at, row in enumerate(table.rows()):
        _check_words(row, at)
        blank = dict.fromkeys(_WORDS)
        made: Row = {**blank, **row, "theirs": _number(row["value"], "value", at)}
        step = _number(row.get("step"), "step", at)
        made["step"] = step if 0 < step < math.inf else _STEP
        made["step"] = min(made["step"], causes.KNOWN_DIGITS.get(made["key"], math.inf))
        made["instrument"] = names.get(made["instrument"], made["instrument"])
        rows.append(made)
    return rows


def _table(columns: Mapping[str, Any]) -> Table:
    """Make a table of columns, which must be of one length."""
    for name, values in columns.items():
        if (
            isinstance(values, (str, bytes, Mapping))
            or not hasattr(values, "__iter__")
            or not hasattr(values, "__len__")
        ):
            raise ArgumentError(f"reported.{name} was of type {type(values).__name__}, expected a column of values")
    try:
        lengths = {len(values) for values in columns.values()}
        table = Table(columns)
    except (TypeError, ValueError):
        raise ArgumentError("reported had a column that holds lists, expected columns of single values") from None
    if len(lengths) > 1:
        raise ArgumentError(f"reported had columns of {sorted(lengths)} rows, expected columns of one length")
    return table


def _check_words(row: Mapping[str, Any], at: int) -> None:
    """Refuse a row whose names are not names."""
    if not isinstance(row["level"], str) or row["level"] not in _LEVELS:
        raise ArgumentError(f"reported.level[{at}] was {row['level']!r}, expected one of {', '.join(_LEVELS)}")
    for name in ("field", *_WORDS):
        word = row.get(name)
        if not isinstance(word, str) and (name == "field" or word is not None):
            raise ArgumentError(f"reported.{name}[{at}] was {word!r}, expected text")
    if row.get("margin_mode") not in (None, "cross", "isolated"):
        raise ArgumentError(f"reported.margin_mode[{at}] was {row['margin_mode']!r}, expected cross or isolated")
    if isinstance(row["account"], bool) or not isinstance(row["account"], (Integral, str)):
        raise ArgumentError(f"reported.account[{at}] was {row['account']!r}, expected the key of an account")


def _number(value: Any, name: str, at: int) -> float:
    """Read a number; what is absent is NaN."""
    if value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError):
        raise ArgumentError(f"reported.{name}[{at}] was {value!r}, expected a number") from None


def _kind(field: str) -> str:
    return "price" if field.endswith("_price") else "rate" if field.endswith(("_ratio", "_rate")) else "amount"


def _set_steps(rows: Iterable[Row]) -> None:
    """Take the finest digit of each kind of figure: venues leave zeros at the end out, so one figure may hide it.

    ``coarse`` is ten times that where a figure shows a digit less than another of its kind does, else it is the same.
    """
    finest: dict[tuple[Any, ...], float] = {}
    shown: dict[tuple[Any, ...], float] = {}
    for row in rows:
        key = _step_key(row)
        finest[key] = min(finest.get(key, math.inf), row["step"])
        shown[key] = min(shown.get(key, math.inf), _shown(row["theirs"]))
    for row in rows:
        key = _step_key(row)
        row["step"] = step = finest[key]
        is_less = shown[key] < 2 * step and 5 * step < _shown(row["theirs"]) < 50 * step
        row["coarse"] = 10 * step if is_less else step


def _shown(value: float) -> float:
    """Give the unit of the last digit that is not zero behind the point; of whole numbers 1."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return 10.0 ** min(exponent, 0) if isinstance(exponent, int) else math.inf


def _step_key(row: Row) -> tuple[Any, ...]:
    kind = _kind(row["field"])
    alike = {"price": row["instrument"], "rate": (row["field"], row["key"])}
    return kind, row["account"], alike.get(kind)


def _lay(row: Row, figures: Figures) -> None:
    """Fill in ours, and the status of what cannot be compared."""
    ours = None if figures.is_ambiguous(row) else figures.of(row)
    row["ours"] = math.nan if ours is None else ours
    row["difference"] = row["theirs"] - row["ours"]
    row["steps"] = row["difference"] / row["step"]
    row |= {"status": None, "cause": "", "detail": ""}
    if figures.is_ambiguous(row):
        detail = "cross and isolated positions of it: give margin_mode"
        row |= {"status": "unexplained", "cause": causes.UNEXPLAINED, "detail": detail}
    elif row["field"] in _OF_PRICE:
        _of_price(row, figures)
    elif ours is None:
        held = figures.positions_of(row) or row["level"] != "position"
        if held:
            row |= {"status": "not computed", "cause": causes.NOT_COMPUTED}
        else:
            row |= {"status": "unexplained", "cause": causes.UNEXPLAINED, "detail": "the book has no such position"}


def _explain(rows: list[Row], figures: Figures, account: Any) -> None:
    """Fill in ours, status and cause of an account's rows."""
    for row in rows:
        _lay(row, figures)
    _settle(rows, figures, "")
    if _open(rows):
        _at_entry(_with_profit_settled(rows), figures, account)
    if _open(rows):
        _at_their_marks(rows, figures, account)
    if _open(rows):
        _at_entry(rows, figures, account)
    _by_parts(rows, figures)
    if _open(rows):
        _unconfirmed(rows, figures, account)
    for row in _open(rows):
        if math.isnan(row["ours"]):
            unknown = "ours is unknown: no price, or no leverage"
            row |= {"status": "not computed", "cause": causes.NOT_COMPUTED, "detail": unknown}
        else:
            row |= {"status": "unexplained", "cause": causes.UNEXPLAINED, "detail": _few_digits(row)}


def _few_digits(row: Row) -> str:
    """Say of a figure that rounding may be the cause, where too few digits are written to tell."""
    return "too few digits to tell" if abs(row["difference"]) <= row["step"] else ""


def _open(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["status"] is None]


def _settle(rows: Iterable[Row], figures: Figures, prefix: str, detail: str = "") -> list[Row]:
    """Try all hypotheses at these prices on what is open; give the rows that are settled by it."""
    settled = []
    for row in _open(rows):
        ours = figures.of(row)
        if ours is None:
            continue
        found = causes.likely(Case(row, figures, ours, row["step"]))
        if found is None:
            continue
        cause, why = found
        if prefix:
            plain = cause in (causes.EQUAL, causes.ROUNDING)
            cause, why = (prefix, detail) if plain else (f"{prefix}, {cause}", f"{detail}; {why}")
        row |= {"status": "equal" if cause == causes.EQUAL else "explained", "cause": cause, "detail": why}
        settled.append(row)
    return settled


def _at_their_marks(rows: list[Row], figures: Figures, account: Any) -> None:
    """Try the marks that the venue's own figures imply, each kept where a second figure agrees and none denies it."""
    implied = implied_marks(_open(rows), figures)
    given = _marks(figures)
    for name, mark in implied.items():
        there = figures.at(with_marks(figures, {name: mark}), account)
        if _speaks_for(rows, name, there) > 1:
            detail = f"theirs at {mark:,.8g}, ours at {given[name]:,.8g}"
            _settle([row for row in rows if row["instrument"] == name], there, causes.STALE_MARK, detail)
    kept = {name: mark for name, mark in implied.items() if _was_stale(rows, name)}
    if kept:
        there = figures.at(with_marks(figures, kept), account)
        detail = "theirs at the marks of its positions"
        _settle(rows, there, causes.STALE_MARK, detail)


def _speaks_for(rows: Iterable[Row], name: str, there: Figures) -> int:
    """Count the figures of an instrument that another mark explains; none where one that agreed no longer does.

    Figures that the mark does not move, such as margins at entry prices, say nothing of it.
    """
    of_it = [row for row in rows if row["instrument"] == name and row["level"] == "position"]
    for row in of_it:
        if row["cause"] in (causes.EQUAL, causes.ROUNDING) and not _agrees(row, there):
            return 0
    of_mark = [row for row in _open(of_it) if row["field"] in _OF_MARK]
    if not all(_agrees(row, there) for row in of_mark):
        return 0
    return len(_settle([dict(row) for row in of_it if row["field"] in OF_POSITION], there, causes.STALE_MARK))


def _agrees(row: Row, figures: Figures) -> bool:
    """Say whether a figure is ours at these prices, but for rounding."""
    ours = figures.of(row)
    if ours is None:
        return False
    case = Case(row, figures, ours, row["step"])
    return causes.equal(case) is not None or causes.rounding(case) is not None


def _unconfirmed(rows: list[Row], figures: Figures, account: Any) -> None:
    """Name the mark that a single figure implies, which is left unexplained: any number implies one."""
    given = _marks(figures)
    for name, mark in implied_marks(_open(rows), figures).items():
        beside = [row for row in rows if row["instrument"] == name and row["field"] in OF_POSITION]
        of_it = _open(beside)
        if len(of_it) != 1 or not abs(mark / given[name] - 1) <= _NEAR:
            continue
        there = figures.at(with_marks(figures, {name: mark}), account)
        if _speaks_for(rows, name, there) == 1:
            detail = f"theirs at {mark:,.8g}, ours at {given[name]:,.8g}; no second figure tells"
            of_it[0] |= {"status": "unexplained", "cause": causes.UNCONFIRMED, "detail": detail}


def _was_stale(rows: Iterable[Row], name: str) -> bool:
    return any(row["instrument"] == name and row["cause"].startswith(causes.STALE_MARK) for row in rows)


def _marks(figures: Figures) -> dict[str, float]:
    return dict(zip(figures.contracts, figures.prices.mark.tolist(), strict=True))


def _with_profit_settled(rows: list[Row]) -> list[Row]:
    """Give the positions' figures whose profit does not speak for another mark."""
    moved = {row["instrument"] for row in _open(rows) if row["field"] == "unrealized_pnl"}
    return [row for row in rows if row["level"] == "position" and row["instrument"] not in moved]


def _at_entry(rows: list[Row], figures: Figures, account: Any) -> None:
    """Try entry prices in place of marks."""
    entries = at_entry(figures, account)
    if entries:
        there = figures.at(with_marks(figures, entries), account)
        chosen = [row for row in rows if row["field"] in OF_POSITION and row["field"] != "unrealized_pnl"]
        _settle(chosen, there, causes.ENTRY_PRICE, "theirs at entry, ours at the mark")


def _by_parts(rows: list[Row], figures: Figures) -> None:
    """Settle what follows from other figures: sums from positions, ratios and differences from their parts."""
    for row in _open(rows):
        if row["field"] in OF_POSITION and row["level"] != "position":
            held = {_place(position) for position in figures.positions_of(row)}
            parts = [
                part
                for part in rows
                if part["level"] == "position"
                and part["field"] == row["field"]
                and held.issuperset(places := [_place(position) for position in figures.positions_of(part)])
                and places
            ]
            told = sum(part["difference"] for part in parts)
            if parts and _settled(parts) and abs(row["difference"] - told) <= (len(parts) + 1) * row["step"]:
                detail = "sum of its positions' differences"
                row |= {"status": "explained", "cause": causes.FOLLOWS, "detail": detail}
    for row in _open(rows):
        found = _from_parts(row, rows)
        if found is not None:
            row |= {"status": "explained", "cause": causes.FOLLOWS, "detail": found}


def _place(position: Row) -> tuple[Any, ...]:
    """Give what tells a position of an account from its others."""
    return position["instrument"], position["position_side"], position["margin_mode"]


_SCOPE = ("level", "asset", "instrument", "position_side", "margin_mode")
_PARTS = {
    "margin_ratio": (("collateral_value", "equity"), ("maintenance_margin",)),
    "venue_ratio": (("collateral_value", "equity"), ("maintenance_margin",)),
    "maintenance_rate": (("notional",), ("maintenance_margin",)),
    "equity": (("wallet_balance",), ("unrealized_pnl",)),
    "available": (("collateral_value", "equity"), ("initial_margin",)),
    "free_margin": (("collateral_value", "equity"), ("initial_margin",)),
}


def _from_parts(row: Row, rows: list[Row]) -> str | None:
    """Say which of the venue's own figures a figure is made of, where these are explained."""
    if row["field"] not in _PARTS:
        return None
    scope = [row[name] for name in _SCOPE]
    beside = [r for r in rows if [r[name] for name in _SCOPE] == scope]
    firsts, seconds = _PARTS[row["field"]]
    for a in (r for r in beside if r["field"] in firsts and _settled([r])):
        for b in (r for r in beside if r["field"] in seconds and _settled([r])):
            value = _put_together(row["field"], a["theirs"], b["theirs"])
            if value is None or not (math.isfinite(value) and math.isfinite(row["theirs"])):
                continue
            if abs(row["theirs"] - value) <= 3 * row["step"] + 1e-12 * abs(value):
                return f"from their {a['field']} and {b['field']}"
    return None


def _put_together(field: str, a: float, b: float) -> float | None:
    if field == "equity":
        return a + b
    if field in ("available", "free_margin"):
        return max(a - b, 0.0) if field == "available" else a - b
    over = (a, b) if field == "margin_ratio" else (b, a)
    return over[0] / over[1] if over[1] else None


def _settled(rows: Iterable[Row]) -> bool:
    return all(row["status"] in ("equal", "explained") for row in rows)


def _of_price(row: Row, figures: Figures) -> None:
    """Say of a liquidation price, which is not computed here, whether the verdict changes at it."""
    row |= {"status": "not computed", "cause": causes.NOT_COMPUTED}
    if row["field"] != "liquidation_price" or row["level"] != "position" or not figures.positions_of(row):
        return
    if not math.isfinite(row["theirs"]):
        return
    tick = figures.contracts[row["instrument"]]["tick"]
    tick = tick if tick == tick else 0.0  # noqa: PLR0124 - NaN is unknown
    window = 1.5 * max(row["step"], tick, _FLIP_WINDOW * row["theirs"])
    found = flips(figures, row, window)
    if found is not None:
        row["detail"] = f"verdict {'changes' if found else 'does not change'} within {window:.2g}"
