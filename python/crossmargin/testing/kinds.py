"""Hypothesis strategies: markets under every kind of rule that a market file can choose, in free combination.

A case of a differential test needs rules that fit together only as far as the engine refuses the rest: haircuts and
debts belong to pools of several assets, a fee at the bankruptcy price needs a leverage. Within that, each key is drawn
by itself, its default about half of the time, so that a market departs from the plain rules in a few places at once.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from crossmargin.reference import TierTable, load_market
from crossmargin.testing.markets import CAP, PLAIN, InstrumentSpec, RuleSpec, Section, Sections, market_toml
from crossmargin.testing.numbers import ROUND_SIZES, magnitudes, narrow

ASSETS = ("USDT", "BTC", "ETH")
"""What contracts settle in and accounts hold."""

VALUATION = "USD"
"""The valuation asset of some markets, in which nothing settles."""

UNDERLYINGS = ("AAA", "BBB", "BTC", "USDT")

PROFILES = ("vip", "maker")

BOUNDS = ("quote", "settle", "contracts")

LAWS = ("marginal", "marginal", "flat", "flat", "list", "arithmetic", "half_of_max_leverage")

FEES = ("none", "none", "none", "mark", "bankruptcy_at_entry", "bankruptcy_at_mark")

MODES = ("none", "sum", "worst_fill", "larger_side")

FROZEN = ("none", "isolated_orders_and_fees", "all")

LEGS = ("each", "each", "net", "long_plus_short", "larger_side")

TIER_LEGS = ("same", "same", "same", "net", "long_plus_short", "larger_side", "underlying")

WEIGHTS = (1.0, 0.95, 0.9, 0.8, 0.5, 0.25)


@dataclass(frozen=True)
class MarketSpec:
    """A market to be written: its instruments, its sections, and its assets with the valuation asset first."""

    instruments: tuple[InstrumentSpec, ...]
    rules: RuleSpec
    sections: Sections
    assets: tuple[str, ...]

    @property
    def toml(self) -> str:
        """The text of the file."""
        return market_toml(self.instruments, self.rules, self.sections, self.assets)

    def key(self, section: str, name: str, default: Any) -> Any:
        """Return what a section says, or the default."""
        found = self.sections.get(section, {})
        return found.get(name, default) if isinstance(found, Mapping) else default

    @property
    def several(self) -> bool:
        """Whether an account's cross pool holds several assets."""
        return bool(self.key("pools", "cross", "per_asset") == "per_account")

    @property
    def asks_leverage(self) -> bool:
        """Whether some rule needs the leverage of every position and order."""
        sections = [self.sections.get(name, {}) for name in REQUIREMENTS]
        said = [value for section in sections if isinstance(section, Mapping) for value in section.values()]
        constraints = self.sections.get("trigger.constraint", ())
        required = [entry.get("required") for entry in constraints if isinstance(entry, Mapping)]
        frozen = self.key("orders", "frozen", "none") != "none"
        return bool(ASKING & set(map(str, said))) or ("initial" in required) or frozen

    def turned(self) -> "MarketSpec":
        """Return the market with its last constraint first, so that the excess is that of another."""
        listed = self.sections.get("trigger.constraint", ())
        if isinstance(listed, Mapping) or len(listed) < 2:
            return self
        return replace(self, sections={**self.sections, "trigger.constraint": [listed[-1], *listed[:-1]]})


ASKING = {"bankruptcy_at_entry", "bankruptcy_at_mark", "bankruptcy_of_margin", "share_of_initial"}
"""What in a margin's section cannot be charged without a leverage, of positions or of orders."""

REQUIREMENTS = (
    "maintenance_margin",
    "initial_margin",
    "maintenance_margin.isolated",
    "initial_margin.isolated",
)


def choice(*values: Any) -> st.SearchStrategy[Any]:
    """Draw one of the values, the first about half of the time."""
    return st.sampled_from([values[0]] * max(1, len(values) - 2) + list(values))


def flags() -> st.SearchStrategy[bool]:
    """Draw true or false, mostly false."""
    return st.sampled_from([False, False, True])


@st.composite
def market_specs(draw: st.DrawFn, style: str, count: int, plain: bool | None = None) -> MarketSpec:
    """Draw a market of so many instruments; one in three has ``plain`` rules, or all or none."""
    several = draw(st.booleans())
    valuation = draw(st.sampled_from([VALUATION, *ASSETS[:2]])) if several else ASSETS[0]
    sections = draw(_sections(several, valuation))
    plain = not draw(st.integers(0, 2)) if plain is None else plain
    sections = draw(_plain(sections)) if plain else sections
    specs = tuple(draw(instrument_specs(f"I{index}", style)) for index in range(count))
    if plain and draw(st.booleans()):
        specs = tuple(_usual(spec) for spec in specs)
    assets = tuple(dict.fromkeys([valuation, *ASSETS]))
    return MarketSpec(specs, replace(PLAIN, venue_ratio=draw(choice(*VENUE_RATIOS))), sections, assets)


VENUE_RATIOS = ("equity_over_maintenance", "maintenance_over_equity")


def _usual(spec: InstrumentSpec) -> InstrumentSpec:
    """Make a contract linear, under a table by notional where it has one of tiers."""
    spec = replace(spec, payoff="linear", multiplier=1, bounds="quote", underlying=None, old={})
    return spec if spec.law != "arithmetic" else InstrumentSpec(spec.name, settle=spec.settle)


@st.composite
def _plain(draw: st.DrawFn, sections: Sections) -> Sections:
    """Keep what a market cannot do without, often orders, and one section more at most: plain as the usual rules."""
    kept = {"pools", "valuation", "collateral", "withdrawable", "available", "fees"}
    kept |= draw(st.sampled_from([{"orders"}, {"orders"}, set()]))
    kept |= draw(st.sets(st.sampled_from(OPTIONAL), max_size=1))
    return {
        name: section
        for name, section in sections.items()
        if name.split(".")[0] in kept and (name != "trigger.constraint" or draw(st.booleans()))
    }


OPTIONAL = ("trigger", "maintenance_margin", "initial_margin", "isolated", "margin_class", "bonus")


@st.composite
def _sections(draw: st.DrawFn, several: bool, valuation: str) -> Sections:
    sections: dict[str, Any] = {
        "pools": {
            "cross": "per_account" if several else "per_asset",
            "isolated": True,
            "hedge_mode": draw(choice(True, True, True, True, False)),
        },
        "valuation": {"asset": valuation},
        "trigger": {
            "level": draw(choice(1, 1.05, 1.1, 1.5, 0.8)),
            "zero_fails": draw(st.booleans()),
            "price": draw(choice("mark", "last")),
            "combine": draw(st.sampled_from(["any", "all"])),
        },
        "maintenance_margin": draw(requirements("maintenance")),
        "initial_margin": draw(requirements("initial")),
        "isolated": {"fee_reserve": draw(choice("none", "opening_notional", "closing_at_bankruptcy"))},
        "margin_class": {
            "user_coefficient": draw(choice("none", "bounds")),
            "table_version": draw(choice("newest", "kept_by_open_positions")),
            "tier": draw(choice("by_basis", "static", "higher_of_both")),
        },
        "orders": draw(order_rules()),
        "available": {
            "rule": draw(st.sampled_from(["equity_less_initial", "cash_less_loss_and_initial", "cash_less_initial"]))
        },
        "withdrawable": draw(_withdrawable()),
        "bonus": {"counts_as_margin": draw(st.booleans())},
    } | draw(_fees())
    sections["orders"] = _arranged(sections)
    for name in ("maintenance_margin", "initial_margin"):
        if draw(st.booleans()):
            sections[f"{name}.isolated"] = draw(_isolated())
    constraints = draw(st.lists(_constraints(), max_size=3))
    if constraints:
        sections["trigger.constraint"] = [
            {"name": f"c{index}", **constraint} for index, constraint in enumerate(constraints)
        ]
    if several:
        sections |= draw(collateral_sections(dict.fromkeys([valuation, *ASSETS])))
    return sections


@st.composite
def _constraints(draw: st.DrawFn) -> dict[str, Any]:
    said = {
        "level": draw(st.sampled_from([1, 1.05, 1.2, 0.5])),
        "zero_fails": draw(st.booleans()),
        "price": draw(st.sampled_from(["mark", "last"])),
        "required": draw(choice("maintenance", "initial")),
    }
    return {key: value for key, value in said.items() if draw(st.booleans())}


@st.composite
def requirements(draw: st.DrawFn, level: str) -> Section:
    """Draw the keys of a margin's section."""
    section: dict[str, object] = {
        "price": draw(choice("mark", "entry")),
        "legs": draw(st.sampled_from(LEGS)),
        "tier_legs": draw(st.sampled_from(TIER_LEGS)),
        "closing_fee": draw(st.sampled_from(FEES)),
    }
    tier_price = draw(st.sampled_from([None, None, "mark", "entry"]))
    if tier_price is not None:
        section["tier_price"] = tier_price
    section["source"] = draw(choice("usual", "table", "share_of_initial") if level == "maintenance" else SOURCES)
    if section["source"] == "share_of_initial":
        section["share"] = draw(st.sampled_from([0.5, 0.6, 1]))
    return section


SOURCES = st.sampled_from(["usual", "table"])


@st.composite
def _isolated(draw: st.DrawFn) -> Section:
    said = {
        "price": draw(st.sampled_from(["mark", "entry"])),
        "legs": draw(st.sampled_from(LEGS)),
        "tier_legs": draw(st.sampled_from(TIER_LEGS)),
        "closing_fee": draw(st.sampled_from([*dict.fromkeys(FEES), "bankruptcy_of_margin"])),
    }
    return {key: value for key, value in said.items() if draw(st.booleans())}


@st.composite
def order_rules(draw: st.DrawFn) -> Section:
    """Draw how orders enter."""
    return {
        "initial_margin": draw(st.sampled_from(MODES)),
        "maintenance_margin": draw(st.sampled_from(MODES)),
        "tier_basis": draw(st.sampled_from(MODES)),
        "order_loss": draw(choice("none", "admission", "equity")),
        "frozen": draw(choice(*FROZEN)),
        "price": draw(choice("limit", "mark", "worse")),
        "opening_fee": draw(st.booleans()),
        "closing_fee": draw(st.booleans()),
        "conditional": draw(st.booleans()),
    }


def _arranged(sections: Mapping[str, Any]) -> Section:
    """Replace orders on the larger side where legs are added: a market refuses them."""
    orders = dict(sections["orders"])
    for name in ("maintenance_margin", "initial_margin"):
        rule = sections[name]
        basis = rule["legs"] if rule["tier_legs"] in ("same", "underlying") else rule["tier_legs"]
        for key, legs in ((name, rule["legs"]), ("tier_basis", basis)):
            if orders[key] == "larger_side" and legs == "long_plus_short":
                orders[key] = "worst_fill"
    return orders


@st.composite
def _withdrawable(draw: st.DrawFn) -> Section:
    rule = draw(
        st.sampled_from(
            [
                "equity_less_initial",
                "cash_less_loss_and_initial",
                "cash_less_initial",
                "equity_less_maintenance",
                "equity_less_initial_or_notional_share",
            ]
        )
    )
    if rule == "equity_less_maintenance":
        return {"rule": rule, "factor": draw(st.sampled_from([1, 1.2]))}
    if rule == "equity_less_initial_or_notional_share":
        return {"rule": rule, "notional_share": draw(st.sampled_from([0.1, 0.05]))}
    return {"rule": rule}


@st.composite
def _fees(draw: st.DrawFn) -> dict[str, Section]:
    def taker() -> float:
        return float(draw(st.sampled_from([0.0005, 0.0004, 0.001, 0.02, 0.0])))

    sections: dict[str, Section] = {"fees": {"taker": taker(), "maker": 0.0002}}
    for name in PROFILES:
        sections[f"fees.profile.{name}"] = {"taker": taker(), "maker": 0}
    return sections


@st.composite
def collateral_sections(draw: st.DrawFn, assets: Iterable[str]) -> dict[str, Section]:
    """Draw how several assets count together: some have an entry, some have none."""
    value = draw(st.sampled_from(["haircut", "haircut", "full"]))
    sections: dict[str, Section] = {
        "collateral": {
            "value": value,
            "base": draw(choice("equity", "cash")),
            "levels": draw(choice("both", "initial")),
            "negative": draw(choice("full", "ask", "liability_factor")),
            "requirement_conversion": draw(choice("index", "ask")),
        },
        "liabilities": {"requirement": draw(st.sampled_from(["none", "tiers"]))},
    }
    for asset in assets:
        if draw(st.integers(0, 5)):
            sections |= draw(_asset_entries(f"collateral.asset.{asset}"))
    return sections


@st.composite
def _asset_entries(draw: st.DrawFn, name: str) -> dict[str, Section]:
    first = draw(st.sampled_from([0.1, 5.0, 1_000.0, 2.0**40]))
    entry: dict[str, object] = {"unit": draw(st.sampled_from(["quantity", "value"]))}
    if draw(st.booleans()):
        count = draw(st.integers(1, 3))
        entry["floor"] = [0.0, first, 10 * first][:count]
        entry["weights"] = sorted(draw(st.lists(st.sampled_from(WEIGHTS), min_size=count, max_size=count)))[::-1]
    else:
        entry["weight"] = draw(st.sampled_from(WEIGHTS))
        if draw(flags()):
            entry["availability_weight"] = draw(st.sampled_from([*WEIGHTS, 0.0]))
    if draw(flags()):
        entry["cap"] = 100 * first
    for key in ("bid_buffer", "ask_buffer"):
        if draw(flags()):
            entry[key] = draw(st.sampled_from([0.05, 0.001, 0.2]))
    if draw(flags()):
        entry["liability_factor"] = draw(st.sampled_from([1.1, 2, 1]))
    sections: dict[str, Section] = {name: entry}
    if draw(st.booleans()):
        debt: dict[str, object] = {"floor": [0.0, first], "maintenance_rate": [0.05, 0.1]}
        if draw(st.booleans()):
            debt["initial_rate"] = [0.1, 0.25]
        sections[f"{name}.liability"] = debt
    return sections


@st.composite
def instrument_specs(draw: st.DrawFn, name: str, style: str) -> InstrumentSpec:
    """Draw a contract of any payoff with a table of any law, and sometimes an older table."""
    payoff = draw(st.sampled_from(["linear", "linear", "inverse", "quanto"]))
    spec = replace(
        draw(table_specs(name, style)),
        payoff=payoff,
        settle=draw(st.sampled_from(ASSETS)),
        contract_size=draw(st.sampled_from(ROUND_SIZES) if style == "decimal" else magnitudes(narrow(style))),
        underlying=draw(st.none() | st.sampled_from(UNDERLYINGS)),
    )
    if payoff == "quanto":
        spec = replace(spec, multiplier=draw(st.sampled_from([0.001, 0.1, 1.0]) if style == "decimal" else _SMALL))
    if draw(flags()):
        versions = draw(st.sampled_from([("v1",), ("v1", "v2")]))
        spec = replace(spec, old={version: draw(table_specs(name, style)) for version in versions})
    return spec


_SMALL = magnitudes("wide").map(lambda value: value * 2.0**-30)


@st.composite
def table_specs(draw: st.DrawFn, name: str, style: str) -> InstrumentSpec:
    """Draw a tier table of one to six tiers: any law, any unit of bounds, either owner of an exact bound."""
    n_tiers = draw(st.integers(1, 6))
    rates = sorted(draw(st.lists(st.integers(1, 500), min_size=n_tiers, max_size=n_tiers, unique=True)))
    first = draw(st.sampled_from([5.0, 100.0, 5_000.0, 50_000.0]) if style == "decimal" else magnitudes("wide"))
    growth = draw(st.sampled_from([2, 5, 10]))
    floors = [0.0, *(first * growth**step for step in range(n_tiers - 1))]
    per_mille = [rate / 1000 for rate in rates]
    spec = InstrumentSpec(
        name=name,
        floor=tuple(floors),
        maintenance_rate=tuple(per_mille),
        law=draw(st.sampled_from(LAWS)),
        bounds=draw(st.sampled_from(BOUNDS)),
        at_floor=draw(st.sampled_from([None, "higher", "lower"])),
    )
    if spec.law == "arithmetic":
        return replace(spec, at_floor=None, **draw(_levels()))
    if spec.law == "list":
        share = draw(st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0]))
        deductions = [share * rate * floor * 0.75 for rate, floor in zip(per_mille, floors, strict=True)]
        spec = replace(spec, deduction=deductions)
    falling = draw(st.sampled_from([(125, 100, 50, 20, 10, 3), (33, 30, 21, 7, 3, 1), (4, 4, 2, 2, 1, 1)]))
    spec = replace(spec, max_leverage=falling[:n_tiers])
    if draw(st.booleans()):
        spec = replace(spec, initial_rate=[min(1.0, 2 * rate) for rate in per_mille])
    return spec


@st.composite
def _levels(draw: st.DrawFn) -> dict[str, Any]:
    """Draw regular levels: the floors are written down too, for those who look for them."""
    base, increment = draw(st.sampled_from([(5.0, 5.0), (100.0, 50.0), (50_000.0, 25_000.0), (0.5, 0.25)]))
    count = draw(st.integers(1, 6))
    levels: dict[str, Any] = {
        "base": base,
        "increment": increment,
        "maintenance_rate": 0.004,
        "maintenance_step": draw(st.sampled_from([0.004, 0.0, 0.015])),
        "initial_rate": 0.005,
        "initial_step": 0.02,
        "levels": count,
    }
    floors = [0.0, *(base + increment * step for step in range(count - 1))]
    return {"arithmetic": levels, "floor": tuple(floors)}


def tables_of(spec: InstrumentSpec, version: str | None) -> Sequence[float]:
    """Return the floors of the table that a position of a version is under."""
    return spec.floor if version is None else spec.old[version].floor


def profiles_of(spec: MarketSpec) -> list[str]:
    """Return the names of the fee profiles of a market."""
    start = "fees.profile."
    return [name.removeprefix(start) for name in spec.sections if name.startswith(start)]


def spec_of(market: str) -> MarketSpec:
    """Describe a market that is given as text, complete in itself.

    What is described is what books are drawn by: the contracts with the floors and caps of their tables, and the
    sections. The text itself stays what both programs read.
    """
    loaded = load_market(market)
    specs = tuple(
        replace(
            _table_spec(one.name, one.table),
            payoff=one.payoff,
            settle=one.settle,
            contract_size=float(one.contract_size),
            multiplier=float(one.multiplier),
            old={version: _table_spec(one.name, table) for version, table in one.old_tables.items()},
        )
        for one in loaded.instruments
    )
    valuation = loaded.rules.valuation_asset or loaded.assets[0].name
    assets = tuple(dict.fromkeys([valuation, *(asset.name for asset in loaded.assets)]))
    rules = RuleSpec(venue_ratio=loaded.rules.venue_ratio)
    return MarketSpec(specs, rules, _flat(tomllib.loads(market)), assets)


def _table_spec(name: str, table: TierTable) -> InstrumentSpec:
    return InstrumentSpec(
        name=name,
        floor=tuple(float(tier.floor) for tier in table.tiers),
        cap=CAP if table.cap is None else float(table.cap),
        bounds=table.bounds,
    )


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the sections of a file by dotted name."""
    found: dict[str, Any] = {path: table} if path else {}
    for key, value in table.items():
        if not path and key in ("tiers", "source", "instrument", "asset"):
            continue
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            found |= _flat(value, name)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            found[name] = value
    return found
