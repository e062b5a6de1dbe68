"""How much of what an account holds counts as collateral: weights, caps, buffers, debts and what debts require."""

from collections.abc import Sequence

from crossmargin.reference.assets import AssetCollateral, Weights
from crossmargin.reference.run import Run
from crossmargin.reference.values import N

_NO_WEIGHT = Weights(weights=(Weights().floors[0],))

NOTHING_COUNTS = AssetCollateral(weights=_NO_WEIGHT, availability=_NO_WEIGHT)
"""An asset that the rules do not list, in a market with haircuts: it counts nothing, a debt in it counts in full."""


def marginal(amount: N, floors: Sequence[N], rates: Sequence[N]) -> N:
    """Apply marginal tiers to an amount that is not negative: each slice counts at the rate of its own tier.

    Formula: ``sum over k of rate_k * (min(amount, floor_(k+1)) - floor_k)`` over the tiers that the amount reaches.

    Source: Bybit help, "Understanding Collateral Value Ratios in UTA"; Binance FAQ
    4bec9126c021472285b20874f9380dfb (6,000 BTC at 20,000 count 119.5 million); read 2026-11-22.

    Examples
    --------
    >>> marginal(2.0, [0.0, 1.0], [0.9, 0.8])
    1.7000000000000002
    """
    total = amount - amount
    for k, floor in enumerate(floors):
        if amount <= floor:
            break
        end = min(amount, floors[k + 1]) if k + 1 < len(floors) else amount
        total = total + rates[k] * (end - floor)
    return total


def collateral_value(  # noqa: PLR0913 - by keyword only
    run: Run[N], asset: str, *, cash: N, profit: N, availability: bool = False, haircut: bool = True
) -> N:
    """Return what cash and profit of one asset count as collateral, in the valuation asset.

    A positive amount counts at its weight and at the venue's bid, a negative one in full, at the venue's ask, or at a
    multiple: a debt is never discounted. Profit is weighed with its coin, or stays outside where only cash is.

    Formula: with y the cash and profit (or the cash alone, profit then added at the index price): ``y >= 0``:
    ``p * y`` in full; ``(1 - bid_buffer) * p * H(y)`` with weights by quantity, ``(1 - bid_buffer) * H(p * y)`` by
    value. ``y < 0``: ``p * y``, ``p * (1 + ask_buffer) * y`` or ``p * liability_factor * y``.

    Source: Binance FAQ c983a9268cfa4e70a4916c276bb3b7bc (bid and ask of Multi-Assets mode); Bybit help,
    "Understanding Collateral Value Ratios in UTA" (ratios on positive balances only); BingX support 11263344675215
    (two ratios, cap); read 2026-11-22.
    """
    how = run.market.rules.collateral
    price = index_price(run, asset)
    if not haircut:
        return price * (cash + profit)
    entry = run.market.asset(asset).collateral
    if entry is None:
        entry = NOTHING_COUNTS if how.value == "haircut" else AssetCollateral()
    weighed, outside = (cash, profit) if how.base == "cash" else (cash + profit, run.zero)
    return _weighed(run, entry, price, weighed, availability) + price * outside


def _weighed(run: Run[N], entry: AssetCollateral, price: N, amount: N, availability: bool) -> N:
    how = run.market.rules.collateral
    if amount < 0:
        factor = run.one
        if how.negative == "ask":
            factor = run.one + run.cast(entry.ask_buffer)
        elif how.negative == "liability_factor":
            factor = run.cast(entry.liability_factor)
        return price * factor * amount
    if how.value == "full":
        return price * amount
    weights = entry.availability if availability else entry.weights
    floors = [run.cast(floor) for floor in weights.floors]
    rates = [run.cast(weight) for weight in weights.weights]
    bid = run.one - run.cast(entry.bid_buffer)
    if entry.unit == "value":
        return bid * marginal(price * amount, floors, rates)
    return bid * price * marginal(amount, floors, rates)


def index_price(run: Run[N], asset: str) -> N:
    """Return the index price of an asset; the valuation asset is worth 1 of itself unless a price is given."""
    return run.cast(run.index[asset])


def conversion(run: Run[N], asset: str) -> N:
    """Return the price that brings a requirement into the valuation asset: index, or the venue's ask.

    Source: Binance FAQ c983a9268cfa4e70a4916c276bb3b7bc (margins of Multi-Assets mode at the ask rate), read
    2026-11-22.
    """
    price = index_price(run, asset)
    entry = run.market.asset(asset).collateral
    if run.market.rules.collateral.requirement_conversion == "ask" and entry is not None:
        return price * (run.one + run.cast(entry.ask_buffer))
    return price


def liability_margin(run: Run[N], asset: str, equity: N, level: str) -> N:
    """Return what a debt in an asset requires, in the asset, by marginal tiers of its quantity.

    Formula: tiers applied to ``max(0, -equity)``, at the maintenance or initial rates.

    Source: Bybit API documentation, ``spot-margin-uta`` (borrowings carry initial and maintenance margin by tier),
    read 2026-11-22.
    """
    entry = run.market.asset(asset).collateral
    if run.market.rules.liability_requirement == "none" or entry is None or entry.liability is None or equity >= 0:
        return run.zero
    rates = entry.liability.maintenance_rates if level == "maintenance" else entry.liability.initial_rates
    return marginal(-equity, [run.cast(floor) for floor in entry.liability.floors], [run.cast(rate) for rate in rates])
