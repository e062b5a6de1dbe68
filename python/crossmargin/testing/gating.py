"""Hypothesis strategies: books with orders that are proposed on them, under every kind of admission and limit.

Orders are drawn as those that stand, from ones that close to ones far beyond any cash, and wallets are brought to where
an order just fits: one double on either side decides, which exact arithmetic alone can tell.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from hypothesis import strategies as st

from crossmargin.reference import Order, Position, exact, load_market
from crossmargin.reference.admission import Judged, cost_and_need, opening_part, slack
from crossmargin.reference.checking import Book, Way, check_orders, lacking, read_book, read_proposal, structure
from crossmargin.reference.rows import SIDES
from crossmargin.reference.values import ReferenceInputError
from crossmargin.testing.cases import FullCase, Row, Rows
from crossmargin.testing.holdings import LEVERAGES, full_cases, preset_cases, proposal_rows
from crossmargin.testing.kinds import MarketSpec, choice, flags
from crossmargin.testing.markets import InstrumentSpec, Section
from crossmargin.testing.numbers import clamp, step
from crossmargin.testing.oracle import OTHER_TABLES, columns, engine_book, general_bound

ASSUMPTIONS = ("resting", "resting", "market_filled", "filled")

LIMIT_LEGS = ("same", "net", "long_plus_short", "larger_side")

ORDER_MODES = ("none", "sum", "worst_fill", "larger_side")

SURPLUSES = (Fraction(1, 100), Fraction(1), Fraction(20), Fraction(1000), Fraction(-1, 2))
"""Cash beyond what an order needs, as a share of it."""

_MOST_BOOKED = Fraction(10**26)
_MOST_STEPS = 8
_LARGEST = Fraction(2) ** 255


@dataclass(frozen=True)
class GateCase:
    """A case, the orders proposed on it in their order, and what accepted ones are for those after them."""

    case: FullCase
    proposals: Rows
    assume: str = "resting"
    fee: str = "taker"

    def book(self) -> Book:
        """Return the reference's book."""
        return book_of(self.case)

    def alone(self, account: Any) -> "GateCase":
        """Return the case of one account."""
        own = tuple(row for row in self.proposals if row["account"] == account)
        return replace(self, case=self.case.alone(account), proposals=own)


def book_of(case: FullCase) -> Book:
    """Return the reference's book of a case."""
    market, balances, positions, marks = case.arguments()
    return read_book(load_market(market), balances, positions, marks, **case.options())


@st.composite
def gate_cases(draw: st.DrawFn, style: str | None = None, *, plain: bool | None = None) -> GateCase:
    """Draw a market under any rules, a book, and up to six orders proposed on its accounts."""
    case = draw(full_cases(style, plain=plain))
    spec = draw(gate_specs(case.spec))
    found = draw(_proposed(_possible(case.with_spec(spec)), style or "decimal"))
    return bookable(on_need(found, 0, draw(st.sampled_from(SURPLUSES))) if draw(st.booleans()) else found)


@st.composite
def preset_gate_cases(draw: st.DrawFn, market: str) -> GateCase:
    """Draw a book and orders under a given market, such as a venue's preset; fills pay a fee where it states one."""
    case = bookable(draw(_proposed(draw(preset_cases(market)), "decimal")))
    return case if "\ntaker = " in market else replace(case, fee="none")


@st.composite
def edge_gate_cases(draw: st.DrawFn, style: str | None = None, *, plain: bool | None = None) -> GateCase:
    """Draw a case whose first order just fits, or is within two doubles of that."""
    return bookable(on_need(draw(gate_cases(style, plain=plain)), draw(st.integers(-2, 2))))


def bookable(case: GateCase) -> GateCase:
    """Let orders rest where a ledger could not hold what they fill: it counts lots and quanta up to 37 digits."""
    book = book_of(case.case)
    for holding in book.holdings.values():
        proposed = [
            read_proposal(book.market, holding, row, place, case.case.quantity_unit)
            for place, row in enumerate(case.proposals)
            if row["account"] == holding.account
        ]
        sizes = [abs(one.wallet_balance) + one.bonus for one in holding.balances.values()]
        entries: list[Position | Order] = [*holding.positions, *proposed]
        for entry in entries:
            own = entry.entry_price if isinstance(entry, Position) else entry.price
            prices = [price for price in (own, book.quotes.mark[entry.instrument.name]) if price is not None]
            values = [book.quotes.run.value(entry.instrument, price) for price in prices]
            sizes += [abs(entry.quantity), *(abs(entry.quantity * value) for value in values)]
        if max(sizes, default=Fraction(0)) > _MOST_BOOKED:
            return replace(case, assume="resting")
    return case


@st.composite
def gate_specs(draw: st.DrawFn, spec: MarketSpec) -> MarketSpec:
    """Draw how a market admits orders, what it limits, and the steps and sizes of its instruments."""
    sections: dict[str, Any] = dict(spec.sections)
    reserving = spec.key("orders", "initial_margin", "none") != "none"
    admission: dict[str, object] = {
        "test": draw(choice("available", "free_margin")),
        "reduce_only": draw(choice("free", "checked")),
    }
    if draw(st.booleans()):
        admission["basis"] = draw(choice("reserve", "fill")) if reserving else "fill"
    sections["admission"] = admission
    sections["limits"] = draw(_limits())
    if draw(flags()):
        sections["limits.isolated"] = {"legs": draw(st.sampled_from(LIMIT_LEGS))}
    instruments = [replace(one, orders=draw(_sizes())) if draw(flags()) else one for one in spec.instruments]
    found = replace(spec, sections=sections, instruments=tuple(instruments))
    try:
        load_market(found.toml)
    except ReferenceInputError:  # a larger side of legs that are added
        sections["limits"] = {**sections["limits"], "orders": "worst_fill"}
    return replace(found, sections=sections)


@st.composite
def _limits(draw: st.DrawFn) -> Section:
    said = {
        "legs": draw(st.sampled_from(LIMIT_LEGS)),
        "orders": draw(st.sampled_from(ORDER_MODES)),
        "leverage": draw(choice("tier", "none")),
    }
    return {key: value for key, value in said.items() if draw(st.booleans())}


@st.composite
def _sizes(draw: st.DrawFn) -> Section:
    lot = draw(st.sampled_from([0.001, 0.5, 1.0]))
    said = {
        "lot": lot,
        "tick": draw(st.sampled_from([0.01, 0.5])),
        "min_quantity": lot * draw(st.sampled_from([1, 10])),
        "max_quantity": lot * draw(st.sampled_from([100, 1_000_000])),
        "min_notional": draw(st.sampled_from([5, 100])),
    }
    return {key: value for key, value in said.items() if draw(st.booleans())}


def _possible(case: FullCase) -> FullCase:
    """Leave the case's orders out where the market refuses them, such as for a leverage that is missing."""
    try:
        book_of(case)
    except ReferenceInputError:
        return replace(case, orders=())
    return case


@st.composite
def _proposed(draw: st.DrawFn, case: FullCase, style: str) -> GateCase:
    holders = case.holders()
    possible = holders and _tradable(case)
    asking: list[Any] = draw(st.lists(st.sampled_from(holders), min_size=1, max_size=6)) if possible else []
    rows = [draw(_proposal_rows(case, account, style)) for account in asking]
    return GateCase(case, tuple(rows), draw(st.sampled_from(ASSUMPTIONS)), draw(choice("taker", "maker", "none")))


@st.composite
def _proposal_rows(draw: st.DrawFn, case: FullCase, account: Any, style: str) -> Row:
    """Draw an order in what is held, to close, enlarge or turn it, or in anything else."""
    held: list[Row] = [row for row in case.positions if row["account"] == account]
    in_held = draw(st.integers(0, 2)) > 0
    position: Row | None = draw(st.sampled_from(held)) if held and in_held else None
    tradable = _tradable(case)
    if position is not None:
        one = next(one for one in tradable if one.name == position["instrument"])
        mode = position.get("margin_mode", "cross")
    else:
        one, mode = draw(st.sampled_from(tradable)), draw(choice("cross", "cross", "isolated"))
    side = draw(st.sampled_from(_fitting(case, account, one.name) if draw(st.integers(0, 9)) else SIDES))
    row: dict[str, Any] = draw(proposal_rows(case.spec, (account, one, side, mode), case.marks[one.name], style))
    if position is not None and draw(st.booleans()):
        row["quantity"] = position["quantity"] * draw(st.sampled_from([-1, -0.5, -2, -1.25, 0.5, 1]))
        row["position_side"] = position["position_side"]
    elif draw(st.integers(0, 7)):  # most of what is in nothing opens
        row |= {"reduce_only": False, "quantity": abs(row["quantity"]) * (-1 if side == "short" else 1)}
    if draw(st.integers(0, 3)):
        row = _stepped(one, row)
    if draw(st.booleans()):
        row["leverage"] = draw(st.sampled_from([1.0, 1.5, 2.0, *LEVERAGES]))
    row["quantity"] = math.copysign(clamp(abs(row["quantity"])), row["quantity"])
    for name in ("margin_mode", "reduce_only", "position_side"):
        if draw(flags()) and (name != "position_side" or row[name] == "net"):
            del row[name]
    return row


def _tradable(case: FullCase) -> list[InstrumentSpec]:
    return [one for one in case.spec.instruments if one.payoff != "inverse" or case.quantity_unit == "contracts"]


def _fitting(case: FullCase, account: Any, name: str) -> list[str]:
    """Return the sides that an account may have in an instrument, beside what is there."""
    rows = [row for row in (*case.positions, *case.orders) if (row["account"], row["instrument"]) == (account, name)]
    hedged = {row["position_side"] != "net" for row in rows}
    modes = [row.get("position_mode") for row in case.accounts if row["account"] == account]
    hedged |= {mode == "hedge" for mode in modes if mode is not None}
    hedged |= {False} if not case.spec.key("pools", "hedge_mode", default=True) else set()
    return [side for side in SIDES if not hedged or (side != "net") in hedged]


def _stepped(one: InstrumentSpec, row: dict[str, Any]) -> dict[str, Any]:
    """Put an order on the steps of its instrument, where it is not less than one."""
    found = dict(row)
    for name, size in (("quantity", "lot"), ("price", "tick"), ("trigger_price", "tick")):
        value, width = found.get(name), one.orders.get(size)
        if value is not None and not math.isnan(value) and isinstance(width, float):
            count = min(round(abs(value) / width), 2**40)
            found[name] = float(max(1, count) * exact(width)) * (1 if value > 0 else -1)
    return found


def on_need(case: GateCase, ulps: int, surplus: Fraction = Fraction(0)) -> GateCase:
    """Bring a wallet to where the first proposed order just fits, or so many doubles or such a share of it beside.

    Cash moves until what is there to spare is what the order needs; with haircuts that is piecewise linear, so a few
    secants find it. Where it does not answer the case stays as it is.
    """
    if not case.proposals:
        return case
    row = case.proposals[0]
    book = case.book()
    account = row["account"]
    settle = book.market.instrument(row["instrument"]).settle
    for asset in dict.fromkeys([settle, *case.case.spec.assets]) if case.case.spec.several else [settle]:
        start = book.holdings[account].wallet(asset)
        found = _solved(partial(_left, book, row, asset), start)
        if found is not None:
            value = step(clamp(float(found + abs(found) * surplus)), ulps)
            return replace(case, case=_with_cash(case.case, account, asset, value))
    return case


def _left(book: Book, row: Row, asset: str, cash: Fraction) -> Fraction | None:
    """Return what is to spare beyond the need of an order, were that the wallet; None where it does not need any."""
    holding = book.holdings[row["account"]]
    holding = holding.paid(asset, cash - holding.wallet(asset))
    order = read_proposal(book.market, holding, row, 0)
    try:
        opening = opening_part(book.market, holding, order)
        judged = Judged(book.quotes, holding, replace(order, reduce_only=False) if opening else order, opening)
        if not opening or lacking(judged) or {"margin_mode", "position_side"} & set(structure(book, holding, order)):
            return None
        _, need = cost_and_need(judged)
        spare = slack(book.quotes.run, judged.before())
    except ReferenceInputError:  # a wallet too small to be written
        return None
    return None if need is None or spare is None else spare - need


def _solved(left: Callable[[Fraction], Fraction | None], start: Fraction) -> Fraction | None:
    before, value = start, left(start)
    if value is None:
        return None
    at = start - value
    for _ in range(_MOST_STEPS):
        if abs(at) > _LARGEST or 0 < abs(at) < 1 / _LARGEST:
            return None
        now = left(at)
        if now is None or now == value:
            return None
        if now == 0:
            return at
        before, value, at = at, now, at - now * (at - before) / (now - value)
    return None


def _with_cash(case: FullCase, account: Any, asset: str, value: float) -> FullCase:
    rows = [dict(one) for one in case.balances]
    for row in rows:
        if (row["account"], row["asset"]) == (account, asset):
            row["wallet_balance"] = value
            return replace(case, balances=tuple(rows))
    return replace(case, balances=(*rows, {"account": account, "asset": asset, "wallet_balance": value}))


DECIDED = ("accepted", "reason", "violations", "cost", "available", "short", "opening")
"""What is said of an order."""


def reference_decisions(case: GateCase) -> list[dict[str, Any]]:
    """Judge the proposed orders of a case with the reference; a row each, amounts in exact fractions."""
    way = Way(case.assume, case.fee, quantity_unit=case.case.quantity_unit)
    return [{name: getattr(said, name) for name in DECIDED} for said in check_orders(case.book(), case.proposals, way)]


def engine_decisions(case: GateCase) -> list[dict[str, Any]]:
    """Judge the proposed orders with the engine, through the public interface; rows in the same shape."""
    import crossmargin as xm

    market, balances, positions, marks = case.case.arguments()
    book, prices = engine_book(market, balances, positions, marks, **case.case.options())
    orders = columns(case.proposals, OTHER_TABLES["orders"])
    found: Any = xm.check_orders(book, prices, orders, assume=case.assume, fee=case.fee, violations=True)
    table = {name: _listed(found[name]) for name in DECIDED if name != "reason"} | {"reason": list(found.reasons)}
    return [{name: column[row] for name, column in table.items()} for row in range(len(case.proposals))]


def _listed(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


def decision_faults(got: Row, want: Row, bound: Fraction) -> list[str]:
    """Say in what a row of the engine contradicts that of the reference.

    Decisions and every reason must be equal; amounts of orders that are accepted, or refused for what they cost, are
    within the bound, and what is unknown is NaN.
    """
    found = [name for name in ("accepted", "reason", "violations") if got[name] != want[name]]
    counts = want["reason"] in {"accepted", "liquidatable", "margin"}
    for name in ("cost", "available", "short", "opening") if counts else ():
        value = float(got[name])
        if want[name] is None:
            right = math.isnan(value)
        else:
            right = math.isfinite(value) and abs(Fraction(value) - want[name]) <= bound
        found += [] if right else [name]
    return [f"{name}: {got[name]!r} against {want[name]!s}" for name in found]


def decision_bound(case: GateCase, account: Any) -> Fraction:
    """Return how far an amount of a decision may lie from its exact value.

    Formula: ``(8 n + 256) * 2^-53 * G`` with ``n`` the rows of the account, proposed ones included, and ``G`` twice the
    sum of its cash and of what its positions and orders are worth at mark, entry and limit, in full and over leverage,
    each at index price and the largest buffer.
    """
    book, alone = book_of(case.case), case.alone(account)
    holding, run = book.holdings[account], book.quotes.run

    def index(asset: str) -> Fraction:
        return book.quotes.index.get(asset, Fraction(1)) if case.case.spec.several else Fraction(1)

    total = sum(
        (
            index(asset) * (abs(one.wallet_balance) + one.bonus + one.borrowed)
            for asset, one in holding.balances.items()
        ),
        Fraction(0),
    )
    proposed = [
        read_proposal(book.market, holding, row, place, case.case.quantity_unit)
        for place, row in enumerate(alone.proposals)
    ]
    entries: list[Any] = [*holding.positions, *holding.orders, *proposed]
    for entry in entries:
        prices = [run.price(entry.instrument), book.quotes.mark[entry.instrument.name]]
        prices += [price for price in (getattr(entry, "entry_price", None), getattr(entry, "price", None)) if price]
        worth = sum(abs(entry.quantity * run.value(entry.instrument, price)) for price in prices)
        total += index(entry.instrument.settle) * worth * (1 + 1 / (entry.leverage or Fraction(1)))
        total += index(entry.instrument.settle) * (getattr(entry, "isolated_margin", None) or Fraction(0))
    return general_bound(
        len(entries) + len(holding.balances),
        2 * total + max((abs(one.quantity) for one in entries), default=Fraction(0)),
    )
