"""A retail book: what the accounts of a derivatives venue look like.

Accounts that hold a few positions each, mostly in cross mode, some isolated, some
with both legs of a hedge, at the leverages that people pick, in whole lots and ticks,
and a small share of them at or past liquidation. It is what ``crossmargin synth`` and
the demonstration draw. The shape is plausible, not measured: no conclusion about real
accounts follows from it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crossmargin.testing.marks import illustrative_marks
from crossmargin.testing.workload import Floats, Table, TierTable, Workload
from crossmargin.testing.workloads import DEFAULT_SEED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# How the accounts behave. Each number is a guess that makes the book look alive.
_FLAT_SHARE = 0.05
_COUNT_PARAMETER, _MOST_INSTRUMENTS = 0.35, 25
_POPULARITY_EXPONENT = 1.0
_HEDGE_SHARE, _BOTH_LEGS_SHARE = 0.15, 0.5
_ISOLATED_BETA = (0.2, 0.8)  # an account's own taste for isolated mode, 20 % on average
_LONG_SHARE = 0.55
_LOG_NOTIONAL_MEAN, _LOG_NOTIONAL_SPREAD, _WEALTH_SPREAD = 6.5, 1.5, 1.0
_MOST_OF_CAP = 0.5
_LEVERAGES = np.array([1, 2, 3, 5, 10, 20, 25, 50, 75, 100, 125], dtype=np.float64)
_LEVERAGE_WEIGHTS = np.array([4, 5, 8, 14, 22, 20, 8, 9, 4, 3, 3]) / 100
_PROFIT_SPREAD, _MOST_PROFIT = 0.05, 0.4
_NEAR_SHARE, _NEAR_RATIOS = 0.015, (0.7, 1.3)
_LOG_COVER_MEAN, _LOG_COVER_SPREAD, _LEAST_COVER = 0.8, 0.7, 1.1
_LOG_FLAT_WALLET_MEAN, _LOG_FLAT_WALLET_SPREAD = 6.0, 2.0
_CENTS = 2
_FIRST_ACCOUNT, _MOST_ACCOUNT_GAP = 10_000_000, 9


@dataclass(frozen=True)
class _Listing:
    """The part of a market that the generator needs, held instruments only."""

    index: NDArray[np.int32]  # in market order, most popular first
    settle: NDArray[np.int64]
    contract_size: Floats
    mark: Floats
    tiers: TierTable
    max_leverage: Floats
    cap: Floats
    lot_decimals: NDArray[np.int64]
    tick_decimals: NDArray[np.int64]


@dataclass(frozen=True)
class _Legs:
    """Positions as drawn; ``row`` is the account's number, ``held`` the listing's."""

    row: NDArray[np.int64]
    held: NDArray[np.int64]
    side: Floats
    hedged: NDArray[np.bool_]
    isolated: NDArray[np.bool_]
    quantity: Floats
    entry_price: Floats
    leverage: Floats


def retail_book(
    market: Mapping[str, Any] | str,
    n_accounts: int,
    *,
    marks: Mapping[str, float] | None = None,
    seed: int = DEFAULT_SEED,
) -> Workload:
    """Draw a plausible book of retail accounts on the instruments of a market.

    Most accounts hold one to five positions in cross mode; about 20 % of the positions
    are isolated; 15 % of the accounts are in hedge mode, half of their instruments held
    on both sides; 5 % of the accounts hold nothing. Popularity falls with the rank of
    the instrument in ``marks``. Leverages are those that people pick, never above what
    the tier of the position allows. A cross pool's equity is a few times its initial
    margin, except 1.5 % of the pools, which lie between 0.7 and 1.3 times their
    maintenance margin.

    Parameters
    ----------
    market : mapping or str
        A market in the preset schema: the parsed TOML document, or its text.
        Instruments are linear and their tiers in the quote asset.
    n_accounts : int
        Number of accounts, at least 1.
    marks : mapping of str to float, optional
        Mark price by instrument, quote per base, most popular first. Instruments
        without a mark are not held. By default the illustrative marks.
    seed : int
        Seed of ``numpy.random.PCG64``.

    Returns
    -------
    Workload
        ``positions`` sorted by account, with ``margin_mode`` ("cross", "isolated") and
        ``position_side`` ("net", "long", "short"); quantities in whole
        lots, entry prices in whole ticks, wallets in cents. Isolated positions carry no
        ``isolated_margin``: it is their initial margin at entry. ``marks`` is in market
        order, NaN where an instrument has none and is not held.

    Raises
    ------
    ValueError
        If ``n_accounts`` is below 1, no instrument has a mark, or an instrument with a
        mark is not linear or has no marginal tiers in quote.

    Examples
    --------
    >>> from crossmargin.testing import reference_workload, retail_book
    >>> market = reference_workload(n_pools=1, n_instruments=2).market_toml
    >>> book = retail_book(market, 100, marks={"I000": 64_000.0, "I001": 0.35}, seed=7)
    >>> book.n_accounts, sorted(set(book.positions["margin_mode"].tolist()))
    (100, ['cross', 'isolated'])
    """
    if n_accounts < 1:
        raise ValueError(f"n_accounts was {n_accounts}, expected at least 1")
    document: Mapping[str, Any] = tomllib.loads(market) if isinstance(market, str) else market
    names = tuple(entry["name"] for entry in document["instrument"])
    assets = tuple(entry["name"] for entry in document["asset"])
    priced = dict(illustrative_marks(names) if marks is None else marks)
    listing = _listing(document, names, assets, priced)
    rng = np.random.Generator(np.random.PCG64(seed))
    legs = _draw_legs(rng, n_accounts, listing)
    gaps = rng.integers(1, _MOST_ACCOUNT_GAP, n_accounts, endpoint=True)
    accounts = _FIRST_ACCOUNT + np.cumsum(gaps, dtype=np.int64)
    side_names = np.where(legs.side > 0, "long", "short")
    return Workload(
        name="retail",
        seed=seed,
        instruments=names,
        assets=assets,
        market_toml=market if isinstance(market, str) else "",
        tiers=None,
        marks=np.array([priced.get(name, np.nan) for name in names], dtype=np.float64),
        balances=_draw_balances(rng, accounts, legs, listing, len(assets)),
        positions={
            "account": accounts[legs.row],
            "instrument": listing.index[legs.held],
            "quantity": legs.quantity,
            "entry_price": legs.entry_price,
            "leverage": legs.leverage,
            "margin_mode": np.where(legs.isolated, "isolated", "cross"),
            "position_side": np.where(legs.hedged, side_names, "net"),
        },
    )


def _listing(
    document: Mapping[str, Any],
    names: tuple[str, ...],
    assets: tuple[str, ...],
    priced: Mapping[str, float],
) -> _Listing:
    held = [name for name in priced if name in names]
    if not held:
        raise ValueError("marks named no instrument of the market; pass marks= for its instruments")
    entries = {entry["name"]: entry for entry in document["instrument"]}
    tables = [_tier_columns(document, entries[name]) for name in held]
    floors, rates, leverages, caps = zip(*tables, strict=True)
    width = max(map(len, floors))

    def padded(rows: tuple[list[float], ...], fill: float | None = None) -> Floats:
        return np.array([row + [fill or row[-1]] * (width - len(row)) for row in rows])

    mark = np.array([priced[name] for name in held], dtype=np.float64)
    magnitude = np.log10(mark)
    return _Listing(
        index=np.array([names.index(name) for name in held], dtype=np.int32),
        settle=np.array([assets.index(entries[name]["settle"]) for name in held]),
        contract_size=np.array([float(entries[name].get("contract_size", 1)) for name in held]),
        mark=mark,
        tiers=TierTable(floor=padded(floors, np.inf), rate=padded(rates)),
        max_leverage=padded(leverages),
        cap=np.array(caps),
        # a lot is worth some dollars, a tick is about a hundred-thousandth of the price
        lot_decimals=np.maximum(np.rint(magnitude) - 1, 0).astype(np.int64),
        tick_decimals=np.maximum(5 - np.floor(magnitude), 0).astype(np.int64),
    )


def _tier_columns(
    document: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[list[float], list[float], list[float], float]:
    """Floors, rates, highest leverages and the cap of one instrument."""
    name = entry["name"]
    payoff = entry.get("payoff", "linear")
    if payoff != "linear":
        raise ValueError(f"{name} was {payoff}, expected a linear instrument")
    table = document["tiers"][entry.get("tiers", name)]
    law, bounds = table.get("law", "marginal"), table.get("bounds", "quote")
    if (law, bounds) != ("marginal", "quote"):
        raise ValueError(f"tiers of {name} were {law} in {bounds}, expected marginal in quote")
    floor = [float(value) for value in table["floor"]]
    rate = [float(value) for value in table["maintenance_rate"]]
    # a maintenance rate of half the initial one, where the highest leverage is not stated
    leverage = [float(value) for value in table.get("max_leverage", [0.5 / each for each in rate])]
    return floor, rate, leverage, float(table.get("cap", np.inf))


def _draw_legs(rng: np.random.Generator, n_accounts: int, listing: _Listing) -> _Legs:
    row, held = _draw_holdings(rng, n_accounts, len(listing.index))
    n = len(row)
    hedge_mode = (rng.random(n_accounts) < _HEDGE_SHARE)[row]
    isolated = rng.random(n) < rng.beta(*_ISOLATED_BETA, n_accounts)[row]
    wealth = np.exp(rng.normal(0.0, _WEALTH_SPREAD, n_accounts))
    notional = wealth[row] * rng.lognormal(_LOG_NOTIONAL_MEAN, _LOG_NOTIONAL_SPREAD, n)
    notional = np.minimum(notional, _MOST_OF_CAP * listing.cap[held])
    # the leverage is chosen per instrument, so both legs of a hedge share it
    picked = rng.choice(_LEVERAGES, n, p=_LEVERAGE_WEIGHTS)
    tier = _tier_of(listing.tiers, held, notional)
    leverage = np.clip(np.floor(listing.max_leverage[held, tier]), 1.0, picked)
    side = np.where(rng.random(n) < _LONG_SHARE, 1.0, -1.0)

    both = hedge_mode & (rng.random(n) < _BOTH_LEGS_SHARE)
    leg = np.repeat(np.arange(n), 1 + both)
    second = np.diff(leg, prepend=-1) == 0
    # the legs of a hedge share the notional, so neither is above the tier of the whole
    share = np.where(both[leg], rng.uniform(0.3, 0.7, n)[leg], 1.0)
    share = np.where(second, 1.0 - share, share)
    side = np.where(both[leg], np.where(second, -1.0, 1.0), side[leg])
    row, held, leverage, isolated = row[leg], held[leg], leverage[leg], isolated[leg]
    notional = notional[leg] * share

    rate = listing.tiers.rate[held, tier[leg]]
    room = np.where(isolated, 1.0 / leverage - rate, np.inf)
    entry_price = _draw_entries(rng, listing, held, side, room)
    per_unit = 10.0 ** listing.lot_decimals[held]
    contract_value = (listing.mark * listing.contract_size)[held]
    lots = np.maximum(np.rint(notional / contract_value * per_unit), 1.0)
    return _Legs(
        row=row,
        held=held,
        side=side,
        hedged=hedge_mode[leg],
        isolated=isolated,
        quantity=side * lots / per_unit,
        entry_price=entry_price,
        leverage=leverage,
    )


def _draw_holdings(
    rng: np.random.Generator, n_accounts: int, n_held: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which account holds which instrument, in the order of account and popularity."""
    draws = np.minimum(rng.geometric(_COUNT_PARAMETER, n_accounts), _MOST_INSTRUMENTS)
    draws[rng.random(n_accounts) < _FLAT_SHARE] = 0
    weights = np.arange(1, n_held + 1, dtype=np.float64) ** -_POPULARITY_EXPONENT
    cumulative = np.cumsum(weights[:-1] / weights.sum())
    ranks = np.searchsorted(cumulative, rng.random(int(draws.sum())), side="right")
    keys = np.repeat(np.arange(n_accounts, dtype=np.int64) * n_held, draws) + ranks
    keys.sort()
    row, held = np.divmod(keys[np.diff(keys, prepend=-1) > 0], n_held)
    return row, held


def _draw_entries(
    rng: np.random.Generator,
    listing: _Listing,
    held: NDArray[np.int64],
    side: Floats,
    room: Floats,
) -> Floats:
    """Draw entry prices; an isolated position has mostly lost less than its room.

    ``room`` is the loss as a share of the notional that is left before liquidation,
    infinite for cross positions, whose wallet is drawn to suit afterwards.
    """
    n = len(held)
    profit = np.clip(rng.normal(0.0, _PROFIT_SPREAD, n), -_MOST_PROFIT, _MOST_PROFIT)
    gone = (profit < -room) & (rng.random(n) >= _NEAR_SHARE)
    lost = -np.maximum(np.where(gone, room, 0.0), 0.0) * rng.random(n)
    profit = np.where(gone, lost, profit)
    scale = 10.0 ** listing.tick_decimals[held]
    ticks = np.rint(listing.mark[held] / (1.0 + side * profit) * scale)
    entry: Floats = np.maximum(ticks, 1.0) / scale
    return entry


def _tier_of(tiers: TierTable, held: NDArray[np.int64], notional: Floats) -> NDArray[np.int64]:
    tier = np.zeros(len(held), dtype=np.int64)
    for column in range(1, tiers.floor.shape[1]):
        tier += notional >= tiers.floor[held, column]
    return tier


def _draw_balances(
    rng: np.random.Generator,
    accounts: NDArray[np.int64],
    legs: _Legs,
    listing: _Listing,
    n_assets: int,
) -> Table:
    """Wallets that leave each cross pool with the equity drawn for it."""
    n_cells = len(accounts) * n_assets
    cell = legs.row * n_assets + listing.settle[legs.held]
    size = np.abs(legs.quantity) * listing.contract_size[legs.held]
    notional = size * listing.mark[legs.held]
    at_entry = size * legs.entry_price / legs.leverage

    def per_pool(values: Floats, rows: NDArray[np.bool_]) -> Floats:
        sums = np.bincount(cell[rows], weights=values[rows], minlength=n_cells)
        return np.asarray(sums, dtype=np.float64)

    cross = ~legs.isolated
    maintenance = per_pool(listing.tiers.maintenance_margin(legs.held, notional), cross)
    initial = per_pool(notional / legs.leverage, cross)
    pnl = per_pool(legs.side * (notional - size * legs.entry_price), cross)
    fenced = per_pool(at_entry, legs.isolated)

    cover = rng.lognormal(_LOG_COVER_MEAN, _LOG_COVER_SPREAD, n_cells)
    equity = np.maximum(initial * cover, _LEAST_COVER * maintenance)
    near = rng.random(n_cells) < _NEAR_SHARE
    equity = np.where(near, maintenance * rng.uniform(*_NEAR_RATIOS, n_cells), equity)
    idle = rng.lognormal(_LOG_FLAT_WALLET_MEAN, _LOG_FLAT_WALLET_SPREAD, n_cells)
    # a cash that profits have replaced is not negative, only small
    cash = np.where(initial > 0, np.maximum(equity - pnl, 0.01 * initial), idle)
    present = np.bincount(cell, minlength=n_cells) > 0
    holds_nothing = ~present.reshape(-1, n_assets).any(axis=1)
    present[np.flatnonzero(holds_nothing) * n_assets] = True
    rows = np.flatnonzero(present)
    return {
        "account": accounts[rows // n_assets],
        "asset": (rows % n_assets).astype(np.int32),
        "wallet_balance": np.round((cash + fenced)[rows], _CENTS),
    }
