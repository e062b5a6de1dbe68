"""Hypothesis strategies: markets, books and marks on which a margin engine goes wrong.

What is here draws whole cases, that is a market as TOML, balances, positions and marks that fit together, and puts
pools on the edge of liquidation. It needs hypothesis, which is no dependency of the package:

    pip install hypothesis

Numbers are drawn in the styles of `crossmargin.testing.numbers`. Here the rules are the plain ones with a few switches;
`crossmargin.testing.holdings` draws books under every kind of rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from crossmargin.reference import exact, load_market, score
from crossmargin.testing.markets import CAP, InstrumentSpec, RuleSpec, market_toml
from crossmargin.testing.numbers import ROUND_SIZES, STYLES, clamp, magnitudes, narrow, near, signed, step
from crossmargin.testing.sides import sides

SETTLEMENT_ASSETS = ("USDT", "USDC", "FDUSD")

Key = tuple[int, InstrumentSpec, str, str]
"""Account, contract, side and mode of a position to draw."""


@dataclass(frozen=True)
class Case:
    """A market and a book that fit together: the arguments of a scorer, and the rules they were drawn with."""

    market: str
    balances: tuple[Mapping[str, Any], ...]
    positions: tuple[Mapping[str, Any], ...]
    marks: Mapping[str, float]
    rules: RuleSpec

    def arguments(self) -> tuple[str, Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], Mapping[str, float]]:
        """Return the four arguments that both programs take."""
        return self.market, self.balances, self.positions, self.marks


def rule_specs() -> st.SearchStrategy[RuleSpec]:
    """Draw the switches of the rules: trigger level, whether zero fails, bases of the margins, the ratio shown."""
    return st.builds(
        RuleSpec,
        level=st.sampled_from([1, 1.05, 1.1, 1.5, 0.8]),
        zero_fails=st.booleans(),
        maintenance_price=st.sampled_from(["mark", "mark", "entry"]),
        initial_price=st.sampled_from(["mark", "mark", "entry"]),
        venue_ratio=st.sampled_from(["equity_over_maintenance", "maintenance_over_equity"]),
    )


@st.composite
def instrument_specs(draw: st.DrawFn, name: str, style: str) -> InstrumentSpec:
    """Draw a contract with one to six tiers of rising rates; sometimes under a law whose charge jumps at floors."""
    n_tiers = draw(st.integers(1, 6))
    rates = sorted(draw(st.lists(st.integers(1, 500), min_size=n_tiers, max_size=n_tiers, unique=True)))
    first = draw(st.sampled_from([5.0, 100.0, 5_000.0, 50_000.0]) if style == "decimal" else magnitudes("wide"))
    growth = draw(st.sampled_from([2, 5, 10]))
    floors = [0.0, *(first * growth**step for step in range(n_tiers - 1))]
    per_mille = [rate / 1000 for rate in rates]
    law, deductions = draw(st.sampled_from(["marginal", "marginal", "marginal", "flat", "list"])), None
    if law == "list":
        # A deduction of at most the whole requirement at the floor: never a negative margin.
        share = draw(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0]))
        deductions = [share * rate * floor * 0.75 for rate, floor in zip(per_mille, floors, strict=True)]
    return InstrumentSpec(
        name=name,
        floor=tuple(floors),
        maintenance_rate=tuple(per_mille),
        settle=draw(st.sampled_from(SETTLEMENT_ASSETS)),
        contract_size=draw(st.sampled_from(ROUND_SIZES) if style == "decimal" else magnitudes(narrow(style))),
        cap=CAP,
        law=law,
        deduction=deductions,
    )


@st.composite
def market_specs(draw: st.DrawFn, style: str = "decimal", max_instruments: int = 8) -> list[InstrumentSpec]:
    """Draw the instruments of a market, settling in up to three assets."""
    count = draw(st.integers(1, max_instruments))
    return [draw(instrument_specs(f"I{index}", style)) for index in range(count)]


@st.composite
def markets(draw: st.DrawFn, style: str = "decimal") -> str:
    """Draw a market as TOML text."""
    return market_toml(draw(market_specs(style)), draw(rule_specs()))


@st.composite
def cases(draw: st.DrawFn, style: str | None = None, max_accounts: int = 4, max_legs: int = 60) -> Case:
    """Draw a market, a book of up to ``max_accounts`` accounts and ``max_legs`` positions in all, and marks.

    Positions are of both modes and both position modes, long and short, with and without leverage; hedge legs of one
    instrument stand beside each other; some notionals lie exactly on a tier's floor. One case in eight is a single
    deep pool. No key is repeated.
    """
    style = draw(st.sampled_from(STYLES)) if style is None else style
    deep = draw(st.integers(0, 7)) == 0
    specs = draw(market_specs(style, max_instruments=draw(st.sampled_from([1, 2, 4, 8]))))
    if deep:
        # One pool of many legs: everything settles in one asset, and each table serves several instruments.
        specs = [replace(spec, name=f"{spec.name}x{copy}", settle="USDT") for copy in range(20) for spec in specs][:20]
    rules = draw(rule_specs())
    keys = [
        (account, spec, side, mode)
        for account in range(1 if deep else draw(st.integers(1, max_accounts)))
        for spec in specs
        for side in ("net", "long", "short")
        for mode in (("cross",) if deep else ("cross", "isolated"))
    ]
    reach = min(max_legs, len(keys)) if deep else min(draw(st.sampled_from([1, 3, 8, 16])), len(keys), max_legs)
    least = max(0, reach - 20) if deep else 0
    return draw(_books(market_toml(specs, rules), rules, keys, (least, reach), style))


@st.composite
def cases_under(draw: st.DrawFn, market: str, style: str = "decimal", max_legs: int = 12) -> Case:
    """Draw a book and marks under a given market, such as a venue's preset: its own tiers, floors and caps."""
    loaded = load_market(market)
    rules = RuleSpec(venue_ratio=loaded.rules.venue_ratio)
    chosen = draw(st.lists(st.sampled_from(loaded.instruments), min_size=1, max_size=6, unique_by=lambda one: one.name))
    specs = [
        InstrumentSpec(
            name=instrument.name,
            floor=tuple(float(tier.floor) for tier in instrument.table.tiers),
            settle=instrument.settle,
            contract_size=float(instrument.contract_size),
            cap=CAP if instrument.table.cap is None else float(instrument.table.cap),
        )
        for instrument in chosen
    ]
    keys = [
        (account, spec, side, mode)
        for account in range(draw(st.integers(1, 2)))
        for spec in specs
        for side in ("net", "long", "short")
        for mode in ("cross", "isolated")
    ]
    return draw(_books(market, rules, keys, (0, min(max_legs, len(keys))), style))


@st.composite
def _books(  # noqa: PLR0913, PLR0917 - Hypothesis passes the first
    draw: st.DrawFn, market: str, rules: RuleSpec, keys: Sequence[Key], legs: tuple[int, int], style: str
) -> Case:
    """Draw rows for some of the keys, within the given numbers of legs, and a mark for every instrument."""
    specs = {key[1].name: key[1] for key in keys}
    marks = {name: draw(magnitudes(style)) for name in specs}
    known = sides(draw, [(account, spec.name) for account, spec, _, _ in keys], {})
    keys = [key for key in keys if key[2] in known[key[0], key[1].name]]
    least, reach = min(legs[0], len(keys)), min(legs[1], len(keys))
    held = draw(st.lists(st.sampled_from(keys), min_size=least, max_size=reach, unique_by=_key))
    positions = [draw(_position_rows(key, marks[key[1].name], style)) for key in held]
    assets = {spec.settle for spec in specs.values()}
    holders = sorted({(key[0], asset) for key in keys for asset in assets})
    funded = draw(st.lists(st.sampled_from(holders), unique=True, max_size=len(holders)))
    balances = [
        {"account": account, "asset": asset, "wallet_balance": draw(signed(style))} for account, asset in funded
    ]
    return Case(market, tuple(balances), tuple(positions), marks, rules)


def _key(key: Key) -> tuple[int, str, str, str]:
    account, spec, side, mode = key
    return account, spec.name, side, mode


@st.composite
def _position_rows(draw: st.DrawFn, key: Key, mark: float, style: str) -> dict[str, Any]:
    account, spec, side, mode = key
    quantity = draw(_quantities(spec, mark, style))
    entry = draw(st.one_of(st.just(mark), near(mark), magnitudes(style)))
    quantity, entry = _fit(quantity, entry, spec)
    if side == "short" or (side == "net" and draw(st.booleans())):
        quantity = -quantity
    row: dict[str, Any] = {
        "account": account,
        "instrument": spec.name,
        "quantity": quantity,
        "entry_price": entry,
        "margin_mode": mode,
        "position_side": side,
    }
    leverage = draw(st.none() | st.integers(1, 125) | st.sampled_from([1.5, 4.2, 33.3]))
    if leverage is not None:
        row["leverage"] = float(leverage)
    if mode == "isolated" and (leverage is None or draw(st.booleans())):
        row["isolated_margin"] = draw(st.just(0.0) | magnitudes(style))
    return row


@st.composite
def _quantities(draw: st.DrawFn, spec: InstrumentSpec, mark: float, style: str) -> float:
    """Draw a size; sometimes the one whose notional lies on a floor, or next to it in doubles."""
    floor = draw(st.sampled_from(spec.floor))
    if floor == 0 or draw(st.booleans()):
        return draw(magnitudes(style))
    on_floor = float(exact(floor) / (exact(mark) * exact(spec.contract_size)))
    return step(clamp(on_floor), draw(st.integers(-1, 1)))


def _fit(quantity: float, entry: float, spec: InstrumentSpec) -> tuple[float, float]:
    """Shrink a position by powers of two until its entry notional is within the cap."""
    quantity, entry = clamp(quantity), clamp(entry)
    room = exact(spec.cap)
    while exact(quantity) * exact(spec.contract_size) * exact(entry) > room:
        quantity, entry = (quantity / 2, entry) if quantity >= entry else (quantity, entry / 2)
    return quantity, entry


def topped_up(
    market: str,
    balances: Sequence[Mapping[str, Any]],
    positions: Sequence[Mapping[str, Any]],
    marks: Mapping[str, float],
    ulps: int = 0,
) -> tuple[Mapping[str, Any], ...]:
    """Return balances that put every cross pool with positions on the edge of liquidation, or ``ulps`` beside it.

    The wallet is the nearest double to what makes the exact excess zero; where that number is itself a double (or the
    decimal that a double stands for), the excess is zero exactly, and one unit in the last place on either side
    decides. Only exact arithmetic can tell these pools apart.

    Formula: ``wallet = sum of fenced cash + level * maintenance - unrealized_pnl``, rounded to a double, then moved by
    ``ulps`` doubles.

    Parameters
    ----------
    market : str
        TOML text.
    balances, positions : sequence of mappings
        Rows of the tables.
    marks : mapping
        Mark prices.
    ulps : int
        How many doubles above (or, negative, below) the edge.

    Returns
    -------
    tuple of mappings
        The balances of pools without positions as they were, and one row for each topped-up pool.

    Examples
    --------
    >>> from crossmargin.testing.markets import InstrumentSpec, market_toml
    >>> held = [{"account": 1, "instrument": "X", "quantity": 3, "entry_price": 0.1}]
    >>> topped_up(market_toml([InstrumentSpec("X")]), [], held, {"X": 0.3})
    ({'account': 1, 'asset': 'USDT', 'wallet_balance': -0.5775},)
    """
    loaded = load_market(market)
    rows = {(row["account"], row["asset"]): row for row in balances}
    for pool in score(loaded, balances, positions, marks):
        if pool.kind == "cross" and pool.positions:
            place = (pool.account, pool.asset)
            wallet = exact(rows[place]["wallet_balance"]) if place in rows else Fraction(0)
            edge = step(clamp(float(wallet - pool.excess)), ulps)
            rows[place] = {"account": pool.account, "asset": pool.asset, "wallet_balance": edge}
    return tuple(rows.values())


def fenced_on_edge(case: Case, ulps: int) -> Case:
    """Return the case with its isolated pools on the edge, where the cash for that is not negative."""
    rows = [dict(row) for row in case.positions]
    for pool in score(load_market(case.market), *case.arguments()[1:]):
        cash = pool.wallet_balance - pool.excess
        if pool.kind == "isolated" and cash >= 0:
            margin = step(clamp(float(cash)), ulps)
            rows[pool.positions[0].row]["isolated_margin"] = max(margin, 0.0)
    return replace(case, positions=tuple(rows))


def topped_up_case(case: Case, ulps: int) -> Case:
    """Return the case with all its pools on the edge: the isolated ones by their margin, then `topped_up`."""
    fenced = fenced_on_edge(case, ulps)
    return replace(fenced, balances=topped_up(*fenced.arguments(), ulps))


def edge_cases(style: str | None = None) -> st.SearchStrategy[Case]:
    """Draw cases whose pools sit on the trigger, or within two units in the last place of it."""
    return st.builds(topped_up_case, cases(style), st.integers(-2, 2))
