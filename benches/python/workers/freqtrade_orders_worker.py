"""freqtrade: the highest leverage of a stake and the maintenance rate of a notional, by its tiers, an order at a time.

It keeps no account to check an order against: these two are the calls that it makes before it opens a trade. A case's
leg is an order: instrument, quantity, limit price, leverage. The answer is the maintenance margin, where the leverage
is allowed.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence

from freqtrade_worker import Kept
from serving import Case, Prices, Tiers, serve

_MOST_LEVERAGE = 125.0


def prepare(cases: Sequence[Case], tiers: Tiers) -> Callable[[], Prices]:
    """Lay out the arguments of every call."""
    exchange = Kept(tiers, {})
    for rows in exchange._leverage_tiers.values():
        bounds = [row["minNotional"] for row in rows[1:]]
        for row, bound in zip(rows, [*bounds, None], strict=True):
            row["maxNotional"] = bound
            row["maxLeverage"] = min(_MOST_LEVERAGE, 0.5 / row["maintenanceMarginRate"])
    calls = []
    for case in cases:
        name, quantity, price, leverage = case["legs"][case["asked"]]
        notional = abs(quantity) * price
        calls.append((name, notional, notional / leverage, leverage))

    def run() -> Prices:
        found: list[float | None] = []
        for name, notional, stake, leverage in calls:
            allowed = exchange.get_max_leverage(name, stake)
            rate, amount = exchange.get_maintenance_ratio_and_amt(name, notional)
            found.append(notional * rate - (amount or 0.0) if leverage <= allowed else None)
        return found

    return run


if __name__ == "__main__":
    serve(prepare, importlib.metadata.version("freqtrade"))
