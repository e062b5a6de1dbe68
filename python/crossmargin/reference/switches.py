"""The switches of a venue's margin rules: which kind of each rule holds, read from the sections of a market file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from crossmargin.reference import parse
from crossmargin.reference.gates import (
    AdmissionRules,
    BonusRules,
    LimitRules,
    read_admission,
    read_bonus,
    read_isolated_limits,
    read_limits,
)
from crossmargin.reference.parse import Table
from crossmargin.reference.values import exact, not_negative, positive, refuse

ONE = Fraction(1)
ZERO = Fraction(0)

PRICES = ("mark", "entry")
LEGS = ("each", "net", "long_plus_short", "larger_side")
TIER_LEGS = ("same", "net", "long_plus_short", "larger_side", "underlying")
FEES = ("none", "mark", "bankruptcy_at_entry", "bankruptcy_at_mark")
OF_MARGIN = "bankruptcy_of_margin"
MODES = ("none", "sum", "worst_fill", "larger_side")
MARGINS = ("maintenance_margin", "initial_margin")
FROZEN = ("none", "isolated_orders_and_fees", "all")
ROUNDINGS = ("truncate", "half_up", "half_even", "floor", "ceiling", "adverse")


@dataclass(frozen=True)
class RequirementRule:
    """How a margin is charged: at which price, on which of the legs, in whose tier, and with which closing fee."""

    price: str = "mark"
    legs: str = "each"
    tier_price: str = "mark"
    tier_legs: str = "same"
    source: str = "usual"
    share: Fraction = ZERO
    closing_fee: str = "none"


@dataclass(frozen=True)
class Constraint:
    """One test of a pool: its collateral against ``level`` times what is required, at mark or last prices."""

    name: str = "trigger"
    level: Fraction = ONE
    zero_fails: bool = False
    price: str = "mark"
    required: str = "maintenance"


@dataclass(frozen=True)
class OrderRules:
    """How open orders enter."""

    initial_margin: str = "none"
    maintenance_margin: str = "none"
    tier_basis: str = "none"
    order_loss: str = "none"
    frozen: str = "none"
    price: str = "limit"
    opening_fee: bool = False
    closing_fee: bool = False
    conditional: bool = False


@dataclass(frozen=True)
class CollateralRules:
    """How balances of several assets count together."""

    value: str = "full"
    base: str = "equity"
    levels: str = "both"
    negative: str = "full"
    requirement_conversion: str = "index"


@dataclass(frozen=True)
class MarginClass:
    """What a position's table depends on beside its instrument."""

    user_coefficient: str = "none"
    table_version: str = "newest"
    tier: str = "by_basis"


@dataclass(frozen=True)
class Display:
    """How the venue shows figures; nothing of it enters a computation."""

    venue_ratio: str = "equity_over_maintenance"
    amount_decimals: int | None = None
    amount_rounding: str = "truncate"
    ratio_decimals: int | None = None
    price_rounding: str = "truncate"


@dataclass(frozen=True)
class Fees:
    """Fee rates of a profile: those of requirements, and of fills the share that is taken off."""

    taker: Fraction
    maker: Fraction
    discount: Fraction = ZERO


@dataclass(frozen=True)
class Rules:
    """All switches of a market."""

    cross_pool: str = "per_asset"
    isolated: bool = True
    hedge_mode: bool = True
    valuation_asset: str | None = None
    constraints: tuple[Constraint, ...] = (Constraint(),)
    combine: str = "any"
    maintenance: RequirementRule = RequirementRule()
    maintenance_isolated: RequirementRule = RequirementRule()
    initial: RequirementRule = RequirementRule()
    initial_isolated: RequirementRule = RequirementRule()
    fee_reserve: str = "none"
    orders: OrderRules = OrderRules()
    collateral: CollateralRules = CollateralRules()
    liability_requirement: str = "none"
    margin_class: MarginClass = MarginClass()
    available: str = "equity_less_initial"
    withdrawable: str = "cash_less_loss_and_initial"
    withdrawable_factor: Fraction = ONE
    notional_share: Fraction = ZERO
    admission: AdmissionRules = field(default_factory=AdmissionRules)
    limits: LimitRules = field(default_factory=LimitRules)
    limits_isolated: LimitRules = field(default_factory=LimitRules)
    bonus: BonusRules = field(default_factory=BonusRules)
    taker: Fraction = ZERO
    maker: Fraction = ZERO
    discount: Fraction = ZERO
    liquidation_fee: Fraction | None = None
    closing: str = "taker"
    profiles: Mapping[str, Fees] = field(default_factory=dict)
    display: Display = Display()

    @property
    def bonus_counts(self) -> bool:
        """Whether a bonus counts as margin."""
        return self.bonus.counts_as_margin

    @property
    def bonus_forfeited(self) -> bool:
        """Whether a transfer out voids the bonus."""
        return self.bonus.forfeited_on_transfer

    def limit(self, kind: str) -> LimitRules:
        """Return the limits of cross or isolated positions."""
        return self.limits_isolated if kind == "isolated" else self.limits

    @property
    def trigger_level(self) -> Fraction:
        """Level of the first constraint."""
        return self.constraints[0].level

    @property
    def zero_fails(self) -> bool:
        """Whether the first constraint fails at an excess of exactly zero."""
        return self.constraints[0].zero_fails

    @property
    def maintenance_price(self) -> str:
        """Price at which cross positions are charged maintenance."""
        return self.maintenance.price

    @property
    def initial_price(self) -> str:
        """Price at which cross positions are charged initial margin."""
        return self.initial.price

    @property
    def venue_ratio(self) -> str:
        """Direction of the displayed ratio."""
        return self.display.venue_ratio

    def requirement(self, level: str, kind: str) -> RequirementRule:
        """Return the rule of the maintenance or initial margin, for cross or isolated positions."""
        if level == "maintenance":
            return self.maintenance_isolated if kind == "isolated" else self.maintenance
        return self.initial_isolated if kind == "isolated" else self.initial


def read_rules(source: Table) -> Rules:
    """Read all sections but assets, instruments and tiers."""
    pools = parse.section(source, "pools")
    parse.one_of(pools.get("designated", False), "pools.designated", (False,))
    if "portfolio_margin" in source:
        raise refuse("portfolio_margin", "given", "no such section", "not supported by the reference")
    withdrawable = parse.section(source, "withdrawable")
    fees, orders = parse.section(source, "fees"), _read_orders(parse.section(source, "orders"))
    maintenance, initial = (_read_requirement(source, name, "cross") for name in MARGINS)
    limits = read_limits(source, initial if maintenance.source == "share_of_initial" else maintenance, orders)
    rules = Rules(
        cross_pool=parse.choice(pools, "cross", "pools", ("per_asset", "per_account")),
        isolated=parse.flag(pools, "isolated", "pools", default=True),
        hedge_mode=parse.flag(pools, "hedge_mode", "pools", default=True),
        valuation_asset=parse.section(source, "valuation").get("asset"),
        constraints=_read_constraints(parse.section(source, "trigger")),
        combine=parse.choice(parse.section(source, "trigger"), "combine", "trigger", ("any", "all")),
        maintenance=maintenance,
        maintenance_isolated=_read_requirement(source, "maintenance_margin", "isolated"),
        initial=initial,
        initial_isolated=_read_requirement(source, "initial_margin", "isolated"),
        fee_reserve=parse.choice(
            parse.section(source, "isolated"),
            "fee_reserve",
            "isolated",
            ("none", "opening_notional", "closing_at_bankruptcy"),
        ),
        orders=orders,
        collateral=_read_collateral_rules(parse.section(source, "collateral")),
        liability_requirement=parse.choice(
            parse.section(source, "liabilities"), "requirement", "liabilities", ("none", "tiers")
        ),
        margin_class=_read_margin_class(parse.section(source, "margin_class")),
        available=parse.choice(
            parse.section(source, "available"),
            "rule",
            "available",
            ("equity_less_initial", "cash_less_loss_and_initial", "cash_less_initial"),
        ),
        withdrawable=_read_withdrawable(withdrawable),
        withdrawable_factor=positive(withdrawable.get("factor", 1), "withdrawable.factor"),
        notional_share=not_negative(withdrawable.get("notional_share", 0), "withdrawable.notional_share"),
        admission=read_admission(parse.section(source, "admission"), orders.initial_margin),
        limits=limits,
        limits_isolated=read_isolated_limits(source, limits, orders),
        bonus=read_bonus(parse.section(source, "bonus")),
        taker=_rate(fees, "fees"),
        maker=_maker(fees, "fees"),
        discount=parse.number(fees, "discount", "fees", parse.fraction) or ZERO,
        liquidation_fee=_liquidation_fee(fees),
        closing=parse.choice(fees, "closing", "fees", ("taker", "liquidation")),
        profiles={
            name: _read_fees(entry, f"fees.profile.{name}", fees)
            for name, entry in parse.section(source, "fees", "profile").items()
        },
        display=_read_display(parse.section(source, "display")),
    )
    _check_pools(rules)
    _check_orders(rules)
    return rules


def _check_pools(rules: Rules) -> None:
    """Refuse rules about several assets together where pools hold one, and a valuation in no asset."""
    if rules.cross_pool == "per_account":
        if rules.valuation_asset is None:
            raise refuse("valuation.asset", None, "the asset in which a pool of several assets is valued")
        return
    if rules.collateral.value != "full":
        raise refuse("collateral.value", rules.collateral.value, "'full' where each asset has a pool of its own")
    if rules.liability_requirement != "none":
        raise refuse(
            "liabilities.requirement", rules.liability_requirement, "'none' where each asset has a pool of its own"
        )


def _check_orders(rules: Rules) -> None:
    """Refuse to add orders to the larger side of legs that are added: there is no larger side."""
    margins = {"maintenance_margin": rules.maintenance, "initial_margin": rules.initial}
    for name, rule in margins.items():
        own = rule.tier_legs in ("same", "underlying")
        arranged = {name: rule.legs, "tier_basis": rule.legs if own else rule.tier_legs}
        for key, legs in arranged.items():
            if getattr(rules.orders, key) == "larger_side" and legs == "long_plus_short":
                raise refuse(f"orders.{key}", "larger_side", f"another mode where the {name} adds the legs")


def _read_constraints(trigger: Table) -> tuple[Constraint, ...]:
    """Read one constraint from ``[trigger]``, or those of its list; what one leaves out is taken from the section."""
    listed = trigger.get("constraint", [{}])
    found = []
    for row, entry in enumerate(listed):
        own = {**trigger, **entry}
        where = "trigger" if "constraint" not in trigger else f"trigger.constraint[{row}]"
        found.append(
            Constraint(
                name=str(entry.get("name", "trigger")),
                level=positive(own.get("level", 1), f"{where}.level"),
                zero_fails=parse.flag(own, "zero_fails", where),
                price=parse.choice(own, "price", where, ("mark", "last")),
                required=parse.choice(own, "required", where, ("maintenance", "initial")),
            )
        )
    if not found:
        raise refuse("trigger.constraint", "an empty list", "at least one constraint")
    return tuple(found)


def _read_requirement(source: Table, name: str, kind: str) -> RequirementRule:
    """Read a margin's rule; what is said for isolated positions stands before what is said for all."""
    entry = dict(parse.section(source, name))
    where, fees = name, list(FEES)
    if kind == "isolated":
        entry |= parse.section(source, name, "isolated")
        where, fees = f"{name}.isolated", [*FEES, OF_MARGIN]
    price = parse.choice(entry, "price", where, PRICES)
    sources = ("usual", "table", "share_of_initial") if name == "maintenance_margin" else ("usual", "table")
    rule = RequirementRule(
        price=price,
        legs=parse.choice(entry, "legs", where, LEGS),
        tier_price=parse.choice(entry, "tier_price", where, PRICES, price),
        tier_legs=parse.choice(entry, "tier_legs", where, TIER_LEGS),
        source=parse.choice(entry, "source", where, sources),
        share=parse.number(entry, "share", where, positive) or ZERO,
        closing_fee=parse.choice(entry, "closing_fee", where, tuple(fees)),
    )
    if rule.source == "share_of_initial" and rule.share == 0:
        raise refuse(f"{where}.share", None, "the share of the initial margin")
    return rule


def _read_orders(entry: Table) -> OrderRules:
    return OrderRules(
        initial_margin=parse.choice(entry, "initial_margin", "orders", MODES),
        maintenance_margin=parse.choice(entry, "maintenance_margin", "orders", MODES),
        tier_basis=parse.choice(entry, "tier_basis", "orders", MODES),
        order_loss=parse.choice(entry, "order_loss", "orders", ("none", "admission", "equity")),
        frozen=parse.choice(entry, "frozen", "orders", FROZEN),
        price=parse.choice(entry, "price", "orders", ("limit", "mark", "worse")),
        opening_fee=parse.flag(entry, "opening_fee", "orders"),
        closing_fee=parse.flag(entry, "closing_fee", "orders"),
        conditional=parse.flag(entry, "conditional", "orders"),
    )


def _read_collateral_rules(entry: Table) -> CollateralRules:
    return CollateralRules(
        value=parse.choice(entry, "value", "collateral", ("full", "haircut")),
        base=parse.choice(entry, "base", "collateral", ("equity", "cash")),
        levels=parse.choice(entry, "levels", "collateral", ("both", "initial")),
        negative=parse.choice(entry, "negative", "collateral", ("full", "ask", "liability_factor")),
        requirement_conversion=parse.choice(entry, "requirement_conversion", "collateral", ("index", "ask")),
    )


def _read_margin_class(entry: Table) -> MarginClass:
    return MarginClass(
        user_coefficient=parse.choice(entry, "user_coefficient", "margin_class", ("none", "bounds")),
        table_version=parse.choice(entry, "table_version", "margin_class", ("newest", "kept_by_open_positions")),
        tier=parse.choice(entry, "tier", "margin_class", ("by_basis", "static", "higher_of_both")),
    )


def _read_withdrawable(entry: Table) -> str:
    kinds = (
        "cash_less_loss_and_initial",
        "cash_less_initial",
        "equity_less_initial",
        "equity_less_maintenance",
        "equity_less_initial_or_notional_share",
    )
    return parse.choice(entry, "rule", "withdrawable", kinds)


def _read_display(entry: Table) -> Display:
    return Display(
        venue_ratio=parse.choice(
            entry, "venue_ratio", "display", ("equity_over_maintenance", "maintenance_over_equity")
        ),
        amount_decimals=parse.count(entry, "amount_decimals", "display"),
        amount_rounding=parse.choice(entry, "amount_rounding", "display", ROUNDINGS),
        ratio_decimals=parse.count(entry, "ratio_decimals", "display"),
        price_rounding=parse.choice(entry, "price_rounding", "display", ROUNDINGS),
    )


def _rate(entry: Table, where: str, name: str = "taker") -> Fraction:
    """Read a fee that requirements count; at 1 and above a bankruptcy price with the fee would not exist."""
    rate = not_negative(entry.get(name, 0), f"{where}.{name}")
    if rate >= 1:
        raise refuse(f"{where}.{name}", entry[name], "a fraction below 1")
    return rate


def _maker(entry: Table, where: str) -> Fraction:
    """Read the maker rate, below zero where the venue pays it; absent, it is the taker rate."""
    rate = parse.number(entry, "maker", where, exact)
    return _rate(entry, where) if rate is None else rate


def _read_fees(entry: Table, where: str, fees: Table) -> Fees:
    """Read a profile: its fills have the discount of the venue where it says so."""
    discounted = parse.flag(entry, "discounted", where)
    if discounted and "discount" not in fees:
        raise refuse("fees.discount", None, f"the share that {where} has off")
    discount = parse.number(fees, "discount", "fees", parse.fraction) or ZERO
    return Fees(_rate(entry, where), _maker(entry, where), discount if discounted else ZERO)


def _liquidation_fee(fees: Table) -> Fraction | None:
    """Read the rate of liquidations; where it is inside requirements it must be there."""
    if "liquidation" in fees:
        return _rate(fees, "fees", "liquidation")
    if fees.get("closing") == "liquidation":
        raise refuse("fees.liquidation", None, "the rate that fees.closing charges inside requirements")
    return None
