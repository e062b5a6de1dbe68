"""Made-up markets, a few instruments each: one for every kind of rule that bends or breaks an excess.

No venue is meant. Floors of tiers and of haircuts lie where the books that `crossmargin.testing.watching.books` draws
reach them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crossmargin.testing.markets import BINANCE_LIKE, PLAIN, TEXTBOOK_LIKE, InstrumentSpec, market_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARGINAL: dict[str, Any] = {
    "floor": (0, 50_000, 250_000, 1_000_000),
    "maintenance_rate": (0.004, 0.01, 0.025, 0.1),
    "max_leverage": (125, 50, 20, 5),
    "cap": 1e9,
}
_FLAT: dict[str, Any] = {
    **_MARGINAL,
    "law": "flat",
    "floor": (0, 10_000, 50_000, 250_000),
    "maintenance_rate": (0.005, 0.015, 0.04, 0.12),
}
_LISTED: dict[str, Any] = {
    **_MARGINAL,
    "law": "list",
    "deduction": (0, 150, 2_000, 30_000),
    "maintenance_rate": (0.005, 0.012, 0.02, 0.05),
}

_PAIR = (InstrumentSpec("AAA", **_MARGINAL), InstrumentSpec("BBB", contract_size=0.1, **_MARGINAL))
_FLAT_PAIR = (InstrumentSpec("AAA", **_FLAT), InstrumentSpec("BBB", at_floor="lower", **_FLAT))
_SMALL: dict[str, Any] = {"floor": (0, 1, 5, 20), "maintenance_rate": (0.005, 0.01, 0.025, 0.1), "cap": 1e7}
_INVERSE = replace(
    InstrumentSpec("BTCUSD", contract_size=100, payoff="inverse", settle="BTC"), **_SMALL, bounds="settle"
)
_FLAT_INVERSE = replace(_INVERSE, name="BTCUSDF", law="flat", contract_size=1, floor=(0, 2, 10, 40))
_QUANTO = replace(InstrumentSpec("QQQ", multiplier=0.0001, payoff="quanto", settle="BTC"), **_SMALL, bounds="settle")

_WORST = {"initial_margin": "worst_fill", "maintenance_margin": "worst_fill", "tier_basis": "worst_fill"}
_LOSS = {**_WORST, "order_loss": "equity", "price": "worse", "opening_fee": True, "frozen": "all"}
_FEES = {"fees": {"taker": 0.0005, "maker": 0.0002}}

_ASSETS: dict[str, Any] = {
    "collateral.asset.USDT": {"unit": "value", "floor": [0.0, 5_000.0, 50_000.0], "weights": [1.0, 0.98, 0.9]},
    "collateral.asset.BTC": {"unit": "quantity", "floor": [0.0, 0.1, 1.0], "weights": [0.95, 0.8, 0.5], "cap": 20.0},
    "collateral.asset.ETH": {"unit": "quantity", "weight": 0.9, "bid_buffer": 0.001, "ask_buffer": 0.002},
    "collateral.asset.BTC.liability": {"floor": [0.0, 0.5], "maintenance_rate": [0.05, 0.1]},
    "collateral.asset.USDT.liability": {"floor": [0.0, 20_000.0], "maintenance_rate": [0.02, 0.04]},
}
_SPANNING: dict[str, Any] = {
    "pools": {"cross": "per_account"},
    "valuation": {"asset": "USD"},
    "collateral": {"value": "haircut", "base": "equity", "negative": "full"},
    "liabilities": {"requirement": "tiers"},
    **_ASSETS,
}
_SPANNED = ("USD", "USDT", "BTC", "ETH")


def _dual(combine: str) -> dict[str, Any]:
    tests = [{"name": "mark", "price": "mark"}, {"name": "last", "price": "last", "level": 1.05}]
    return {"trigger": {"combine": combine, "level": 1, "zero_fails": True}, "trigger.constraint": tests}


def _legs(legs: str, tier_legs: str = "same") -> Mapping[str, Any]:
    return {"maintenance_margin": {"price": "mark", "legs": legs, "tier_legs": tier_legs}}


def made_up_markets() -> dict[str, str]:
    """Return markets as TOML text, by the name of what they are about.

    Examples
    --------
    >>> from crossmargin.reference import load_market
    >>> load_market(made_up_markets()["flat tiers"]).instruments[0].table.law
    'flat'
    """
    spans = _SPANNING
    return {
        "marginal tiers": market_toml(_PAIR, BINANCE_LIKE),
        "requirements at entry": market_toml(_PAIR, TEXTBOOK_LIKE, _FEES),
        "flat tiers": market_toml(_FLAT_PAIR, BINANCE_LIKE),
        "listed deductions": market_toml([InstrumentSpec("AAA", **_LISTED)], PLAIN),
        "regular levels": market_toml([_regular()], PLAIN),
        "netted hedges": market_toml(_PAIR, PLAIN, _legs("net", "long_plus_short")),
        "larger side": market_toml(_FLAT_PAIR, BINANCE_LIKE, _legs("larger_side")),
        "legs added": market_toml(_FLAT_PAIR, PLAIN, _legs("long_plus_short")),
        "one underlying": market_toml(_one_underlying(), PLAIN, _legs("each", "underlying")),
        "inverse": market_toml([_INVERSE], BINANCE_LIKE),
        "inverse, flat": market_toml([_FLAT_INVERSE], PLAIN),
        "quanto": market_toml([_QUANTO, _INVERSE], PLAIN),
        "closing fees": market_toml(_PAIR, BINANCE_LIKE, {**_FEES, **_closing("mark")}),
        "fees at bankruptcy": market_toml(_PAIR, BINANCE_LIKE, {**_FEES, **_closing("bankruptcy_at_mark")}),
        "orders": market_toml(_PAIR, PLAIN, {"orders": {**_WORST, "price": "limit"}}),
        "orders, flat": market_toml(_FLAT_PAIR, PLAIN, {"orders": {**_WORST, "price": "mark"}}),
        "order losses": market_toml(_PAIR, PLAIN, {"orders": _LOSS, **_FEES}),
        "larger side of orders": market_toml(
            _FLAT_PAIR, PLAIN, {**_legs("larger_side"), "orders": dict.fromkeys(_WORST, "larger_side")}
        ),
        "two prices, any": market_toml(_PAIR, PLAIN, _dual("any")),
        "two prices, all": market_toml(_FLAT_PAIR, PLAIN, _dual("all")),
        "last price": market_toml(_PAIR, PLAIN, {"trigger": {"level": 1.05, "zero_fails": False, "price": "last"}}),
        "haircuts": market_toml([*_PAIR, _INVERSE], BINANCE_LIKE, spans, _SPANNED),
        "haircuts, flat": market_toml([*_FLAT_PAIR, _FLAT_INVERSE], PLAIN, spans, _SPANNED),
        "haircuts of cash": market_toml(
            [*_PAIR, _QUANTO], PLAIN, {**spans, "collateral": {**spans["collateral"], "base": "cash"}}, _SPANNED
        ),
        "debts at ask": market_toml(
            [*_PAIR, _INVERSE],
            PLAIN,
            {**spans, "collateral": {**spans["collateral"], "negative": "ask", "requirement_conversion": "ask"}},
            _SPANNED,
        ),
        "several assets in full": market_toml(
            [*_PAIR, _INVERSE],
            PLAIN,
            {"pools": {"cross": "per_account"}, "valuation": {"asset": "USDT"}, "collateral": {"value": "full"}},
            ("USDT", "BTC", "ETH"),
        ),
        "several pools": market_toml([*_PAIR, _INVERSE, replace(_QUANTO, settle="ETH")], PLAIN),
    }


def _closing(fee: str) -> Mapping[str, Any]:
    return {"maintenance_margin": {"price": "mark", "legs": "each", "closing_fee": fee}}


def _regular() -> InstrumentSpec:
    levels = {
        "base": 20_000.0,
        "increment": 20_000.0,
        "maintenance_rate": 0.004,
        "maintenance_step": 0.004,
        "initial_rate": 0.008,
        "initial_step": 0.008,
        "levels": 12,
    }
    floors = tuple(20_000.0 * step for step in range(12))
    return InstrumentSpec("AAA", law="arithmetic", arithmetic=levels, floor=floors, cap=1e9)


def _one_underlying() -> tuple[InstrumentSpec, ...]:
    return tuple(InstrumentSpec(name, underlying="AAA", **_FLAT) for name in ("AAA", "AAA-JUN", "AAA-DEC"))
