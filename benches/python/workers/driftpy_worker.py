"""driftpy: ``DriftUser.get_perp_liq_price``, a position at a time, on accounts that are laid before it.

Drift counts in integers, prices and money in millionths and sizes in billionths, and knows one maintenance rate per
market in ten-thousandths, no tiers: it can answer for pools that stay in their first tier. Nothing is fetched.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from driftpy.constants.numeric_constants import (
    BASE_PRECISION,
    MARGIN_PRECISION,
    PRICE_PRECISION,
    QUOTE_PRECISION,
    SPOT_WEIGHT_PRECISION,
)
from driftpy.drift_user import DriftUser
from driftpy.types import (
    ContractType,
    MarketStatus,
    OraclePriceData,
    PerpPosition,
    SpotBalanceType,
    SpotPosition,
)
from serving import Case, Prices, Tiers, serve

_USDC_DECIMALS = 6
_BALANCE_PRECISION = 10**9  # of a deposit, before interest
_NO_INTEREST = 10**10


class Client:
    """Markets and oracle prices, in place of the client that reads them from the chain."""

    def __init__(self, tiers: Tiers, marks: dict[str, float]) -> None:
        self.program = SimpleNamespace(provider=SimpleNamespace(connection=None))
        self.number = {name: at for at, name in enumerate(tiers)}
        self._perp = [_perp_market(at, rows[0][1]) for at, rows in enumerate(tiers.values())]
        self._oracle = [_oracle(marks.get(name, 1.0)) for name in tiers]
        self._dollar, self._spot = _oracle(1.0), _spot_market()

    def get_perp_market_account(self, market_index: int) -> Any:
        """Give a market."""
        return self._perp[market_index]

    def get_oracle_price_data_for_perp_market(self, market_index: int) -> Any:
        """Give its price."""
        return self._oracle[market_index]

    def get_spot_market_account(self, market_index: int) -> Any:
        """Give USDC, which all cash is in."""
        del market_index
        return self._spot

    def get_oracle_price_data_for_spot_market(self, market_index: int) -> Any:
        """Give a dollar."""
        del market_index
        return self._dollar

    def get_spot_market_accounts(self) -> list[Any]:
        """Give USDC alone: no spot market shares the oracle of a perpetual one."""
        return [self._spot]


class Subscriber:
    """One account, in place of what follows it on the chain."""

    def __init__(self, account: Any) -> None:
        self._found = SimpleNamespace(data=account)

    def get_user_account_and_slot(self) -> Any:
        """Give the account."""
        return self._found


def _oracle(price: float) -> Any:
    whole = round(price * PRICE_PRECISION)
    return OraclePriceData(whole, 0, 0, whole, 0, has_sufficient_number_of_data_points=True)


def _perp_market(number: int, rate: float) -> Any:
    ratio = round(rate * MARGIN_PRECISION)
    return SimpleNamespace(
        market_index=number,
        status=MarketStatus.Active(),
        contract_type=ContractType.Perpetual(),
        margin_ratio_initial=ratio,
        margin_ratio_maintenance=ratio,
        high_leverage_margin_ratio_initial=0,
        high_leverage_margin_ratio_maintenance=0,
        imf_factor=0,
        unrealized_pnl_maintenance_asset_weight=SPOT_WEIGHT_PRECISION,
        quote_spot_market_index=0,
        amm=SimpleNamespace(oracle=f"perp {number}", cumulative_funding_rate_long=0, cumulative_funding_rate_short=0),
    )


def _spot_market() -> Any:
    return SimpleNamespace(
        market_index=0,
        decimals=_USDC_DECIMALS,
        cumulative_deposit_interest=_NO_INTEREST,
        cumulative_borrow_interest=_NO_INTEREST,
        maintenance_asset_weight=SPOT_WEIGHT_PRECISION,
        maintenance_liability_weight=SPOT_WEIGHT_PRECISION,
        imf_factor=0,
        oracle="USDC",
        historical_oracle_data=SimpleNamespace(
            last_oracle_price_twap=PRICE_PRECISION,
            last_oracle_price_twap5min=PRICE_PRECISION,
            last_oracle_price_twap_ts=int(time.time()),
        ),
    )


def _user(client: Client, case: Case) -> DriftUser:
    perps = []
    for name, size, entry, _ in case["legs"]:
        cost = -round(size * entry * QUOTE_PRECISION)
        values = dict.fromkeys(PerpPosition.__dataclass_fields__, 0)
        values |= {"base_asset_amount": round(size * BASE_PRECISION), "market_index": client.number[name]}
        values |= {"quote_asset_amount": cost, "quote_entry_amount": cost, "quote_break_even_amount": cost}
        perps.append(PerpPosition(**values))
    deposit = round(case["wallet"] * _BALANCE_PRECISION)
    cash = SpotPosition(deposit, 0, 0, 0, 0, SpotBalanceType.Deposit(), 0)
    account = SimpleNamespace(perp_positions=perps, spot_positions=[cash], max_margin_ratio=0)
    following = SimpleNamespace(get_user_client_subscriber=lambda *_: Subscriber(account))
    return DriftUser(client, None, following)


def prepare(cases: Sequence[Case], tiers: Tiers) -> Callable[[], Prices]:
    """Lay out an account per case."""
    marks = {leg[0]: leg[3] for case in cases for leg in case["legs"]}
    client = Client(tiers, marks)
    calls = []
    for case in cases:
        user = _user(client, case)
        calls.append((user.get_perp_liq_price, client.number[case["legs"][case["asked"]][0]]))

    def run() -> Prices:
        prices = [solve(number) for solve, number in calls]
        return [price / PRICE_PRECISION if price is not None and price > 0 else None for price in prices]

    return run


if __name__ == "__main__":
    serve(prepare, importlib.metadata.version("driftpy"))
