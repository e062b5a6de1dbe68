"""How large a position may become, and with which leverage: what the tiers of an instrument allow."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from crossmargin.reference import rules
from crossmargin.reference.book import Position
from crossmargin.reference.groups import fills
from crossmargin.reference.ledger import Holding
from crossmargin.reference.orders import Order, counts
from crossmargin.reference.pools import place
from crossmargin.reference.run import Run
from crossmargin.reference.tiers import Tier, TierTable


@dataclass(frozen=True)
class Limit:
    """What counts against the limits, in the unit of the table's bounds, and what the table makes of it.

    ``cap`` is where the last tier ends, ``leverage`` the largest that the tier of the amount allows; None is no limit.
    """

    amount: Fraction
    tier: int
    cap: Fraction | None
    leverage: Fraction | None

    @property
    def within_cap(self) -> bool:
        """Whether the amount is allowed at all: the end of the last tier belongs to it."""
        return self.cap is None or bool(self.amount <= self.cap)

    def allows(self, leverage: Fraction | None) -> bool:
        """Whether the tier allows a leverage; one that nobody says breaks no limit."""
        return self.leverage is None or leverage is None or bool(leverage <= self.leverage)


def largest_leverage(tier: Tier) -> Fraction | None:
    """Return the largest leverage of a tier: as published, or what its initial rate leaves; None where it has neither.

    Formula: ``max_leverage``, else ``1 / initial_rate``.

    Source: Bybit help, "Risk Limit" (leverage limits the maximum); WEEX, "TRBUSDT leverage adjustment" (a largest
    leverage a tier); that a table of rates alone limits the leverage too is inferred (MEXC's risk limits); read
    2026-11-22.
    """
    if tier.max_leverage is not None:
        return tier.max_leverage
    return 1 / tier.initial_rate if tier.initial_rate else None


def limit_of(run: Run[Fraction], holding: Holding, order: Order) -> Limit:
    """Return what the tiers say of the positions and orders of an account that an order goes with, itself included.

    The venue looks at what the position could become. Orders of isolated positions count with the isolated positions
    of their instrument, the others with those in cross margin; where legs are looked at each by itself, with those of
    their side. The table is that of the first position, or the newest.

    Formula: the largest of `filling.fills` under ``limits.legs`` and ``limits.orders``, positions at the tier price of
    the maintenance margin, orders as orders are valued; floors and cap times the coefficient of the account.

    Source: docs.traderwagon.com, leverage page (the position cap of Binance counts long and short together); Bybit
    help, "Risk Limit" (larger side of positions and orders); WEEX support 5491591989785 (long and short added in
    cross); MEXC guide 360042505971 (unfilled orders count); read 2026-11-22. That orders count on Binance is inferred.
    """
    how = run.market.rules.limit(order.margin_mode)
    charged = run.market.rules.requirement("maintenance", order.margin_mode)
    if charged.source == "share_of_initial":
        charged = run.market.rules.requirement("initial", order.margin_mode)
    held, waiting = _with(run, holding, order, each=how.legs == "each")
    table = held[0].table if held else order.instrument.table
    ways = fills(
        run, held, waiting, legs=how.legs, mode=how.orders, price=charged.tier_price, bounds=table.bounds, tier=True
    )
    return _under(
        table, max(way.amount for way in ways), holding.terms.coefficient, with_leverage=how.leverage == "tier"
    )


def _with(run: Run[Fraction], holding: Holding, order: Order, *, each: bool) -> tuple[list[Position], Sequence[Order]]:
    """Return the positions and counted orders that an order counts with, in canonical order of positions."""

    def together(entry: Position | Order) -> bool:
        same = (entry.instrument, entry.margin_mode) == (order.instrument, order.margin_mode)
        return same and (not each or entry.position_side == order.position_side)

    held = [position for position in holding.tabled_positions() if together(position)]
    held.sort(key=lambda position: place(run.market, position.instrument, position.position_side))
    waiting = [one for one in holding.orders if together(one) and counts(one, run.market.rules.orders)]
    return held, waiting


def _under(table: TierTable, amount: Fraction, coefficient: Fraction, *, with_leverage: bool) -> Limit:
    tier = rules.tier_number(amount, [tier.floor * coefficient for tier in table.tiers], table.at_floor)
    return Limit(
        amount=amount,
        tier=tier,
        cap=None if table.cap is None else table.cap * coefficient,
        leverage=largest_leverage(table.tiers[tier - 1]) if with_leverage else None,
    )
