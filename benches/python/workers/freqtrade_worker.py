"""freqtrade: ``dry_run_liquidation_price`` of its Binance exchange, in cross mode, a position at a time.

Nothing is fetched: tiers and marks are laid where it keeps what it has fetched. It picks the tier by the stake; it is
given the notional for that, with which its tier is the one at the mark. Of other positions it takes the size without
the side, so that it can answer where all of them are long.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from freqtrade.enums import MarginMode, RunMode, TradingMode
from freqtrade.exchange.binance import Binance
from serving import Case, Prices, Tiers, serve


class Kept(Binance):
    """The exchange with everything at hand that it would fetch."""

    def __init__(self, tiers: Tiers, marks: dict[str, float]) -> None:
        """Take the tiers and marks, and connect to nothing."""
        self.margin_mode, self.trading_mode = MarginMode.CROSS, TradingMode.FUTURES
        self._config = {"runmode": RunMode.DRY_RUN, "dry_run": True}
        self._rates = {pair: {"markPrice": mark} for pair, mark in marks.items()}
        self._leverage_tiers = {
            pair: [
                {"minNotional": floor, "maintenanceMarginRate": rate, "maintAmt": deduction}
                for floor, rate, deduction in rows
            ]
            for pair, rows in tiers.items()
        }

    def __del__(self) -> None:
        """Leave no connection, since there is none."""

    def exchange_has(self, endpoint: str) -> bool:
        """Say that the tiers can be had."""
        return endpoint == "fetchLeverageTiers"

    def fetch_funding_rates(self, symbols: list[str] | None = None) -> dict[str, Any]:
        """Give the marks, which it looks up in the answer about funding."""
        del symbols
        return self._rates


def prepare(cases: Sequence[Case], tiers: Tiers) -> Callable[[], Prices]:
    """Lay out the arguments of every call."""
    marks = {leg[0]: leg[3] for case in cases for leg in case["legs"]}
    solve = Kept(tiers, marks).dry_run_liquidation_price
    calls = []
    for case in cases:
        trades = [
            SimpleNamespace(pair=pair, amount=abs(size), open_rate=entry, stake_amount=abs(size) * mark)
            for pair, size, entry, mark in case["legs"]
        ]
        size, trade = case["legs"][case["asked"]][1], trades[case["asked"]]
        calls.append(
            {
                "pair": trade.pair,
                "open_rate": trade.open_rate,
                "is_short": size < 0,
                "amount": trade.amount,
                "stake_amount": trade.stake_amount,
                "leverage": 1.0,
                "wallet_balance": case["wallet"],
                "open_trades": trades,
            }
        )

    def run() -> Prices:
        prices = [solve(**call) for call in calls]
        return [price if price is not None and price > 0 else None for price in prices]

    return run


if __name__ == "__main__":
    serve(prepare, importlib.metadata.version("freqtrade"))
