"""Replies as venues send them, with the numbers of the published vectors in them.

A vector is a figure or two of an account; what a reply has beside them is made up so that it fits: sizes of 1, wallets
that are large enough, marks at the entry price.
"""

from collections.abc import Callable

from samples_of_binance import (
    cm_cross,
    cm_isolated,
    um_cross_with_aggregate,
    um_cross_with_other,
    um_hedge,
    um_isolated,
    um_order,
    um_position_risk,
    um_rounding,
)
from samples_of_bybit import (
    bybit_api_position,
    bybit_available,
    bybit_entry_margins,
    bybit_isolated,
    bybit_isolated_price,
)
from samples_of_others import (
    hl_isolated,
    hl_margins,
    okx_available,
    okx_cross,
    okx_isolated,
)
from sampling import Sample, Vector

SAMPLES: dict[tuple[str, str], Callable[[Vector], Sample]] = {
    ("binance-um-cross-btc-short-faq2020", ""): um_cross_with_aggregate,
    ("binance-um-iso-btc-long-ft2", ""): um_isolated,
    ("binance-um-cross-btc-long-ft4", ""): um_cross_with_other,
    ("binance-um-iso-short-3x", ""): um_isolated,
    ("binance-um-iso-long-5x", ""): um_isolated,
    ("binance-um-iso-long-3x", ""): um_isolated,
    ("binance-um-iso-long-5x-0.6", ""): um_isolated,
    ("binance-um-hedge-iso-long-api", ""): um_hedge,
    ("binance-um-hedge-iso-short-api", ""): um_hedge,
    ("binance-um-open-cost-limit", ""): um_order,
    ("binance-um-rounding-maintmargin", ""): um_rounding,
    ("binance-um-positionrisk-wld", ""): um_position_risk,
    ("binance-cm-iso-long-api", ""): cm_isolated,
    ("binance-cm-cross-long-forum", ""): cm_cross,
    ("bybit-lin-iso-long-2026", "margins"): bybit_isolated,
    ("bybit-lin-iso-long-2026", "price"): bybit_isolated_price,
    ("bybit-inv-iso-short-2026", "margins"): bybit_isolated,
    ("bybit-inv-iso-short-2026", "price"): bybit_isolated_price,
    ("bybit-um-ethusdt-im-mm", ""): bybit_entry_margins,
    ("bybit-lin-iso-api-ethusdt", ""): bybit_api_position,
    ("bybit-wallet-available", ""): bybit_available,
    ("hyperliquid-isolated-eth", ""): hl_isolated,
    ("hyperliquid-im-mm-20x", ""): hl_margins,
    ("hyperliquid-thirdparty-liq-50000", ""): hl_isolated,
    ("okx-isolated-coinm-eth", ""): okx_isolated,
    ("okx-cross-linear-btc", ""): okx_cross,
    ("okx-single-currency-available", ""): okx_available,
}
"""A reply for each vector that is a figure of an account."""

NO_ACCOUNT = {
    "binance-um-multiasset-initial": "assets of an account without positions; no key of a reply is known for them",
    "binance-um-autoexchange-busd": "a conversion",
    "binance-um-autoexchange-usdc": "a conversion",
    "binance-um-maint-amount-l5-2020": "a row of a tier table: tested with the tiers",
    "binance-um-tier-table-btcusdc": "a tier table: tested with the tiers",
    "binance-pm-flat-collateral": "portfolio margin",
    "binance-margin-tiered-collateral": "the margin product",
    "bybit-inv-cross-2019": "a rule of classic accounts, which replies of v5 are not of",
    "bybit-inv-bankruptcy-2019": "a bankruptcy price, which is not computed",
    "bybit-lin-bankruptcy-long": "a bankruptcy price, which is not computed",
    "bybit-inv-order-cost": "the cost of an order before it is placed",
    "bybit-insurance-good": "a change of the insurance fund",
    "bybit-insurance-bad": "a change of the insurance fund",
    "bybit-classic-two-sided-order-im": "a rule of classic accounts, which replies of v5 are not of",
    "bybit-lin-iso-short-ft-3x": "another program's approximation",
    "hyperliquid-pm-borrowable": "portfolio margin",
    "hyperliquid-pm-rate-50": "a borrow rate",
    "okx-pm-mmr-before": "portfolio margin",
    "okx-pm-mmr-after": "portfolio margin",
    "okx-tier-reduction-old": "a liquidation step",
}
"""The other vectors of these venues, and why no reply shows them."""
