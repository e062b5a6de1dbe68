"""Rows that were fine one by one and, merged, made something that no row may be."""

import pytest

import crossmargin as xm

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01").with_tiers(
    {"instrument": ["BTCUSDT"], "floor": [0.0], "maintenance_rate": [0.004], "cap": [100_000.0]}
)


def test_regression_merged_position_beyond_the_cap_is_refused() -> None:
    """Two rows of 90,000 each were let in as one position of 180,000 under a cap of 100,000."""
    text = r"positions\.quantity\[0\] was 3\.0: the notional at entry exceeds"
    with pytest.raises(xm.BookError, match=text) as caught:
        xm.Book(
            MARKET,
            balances={"account": [0], "asset": ["USDT"], "wallet_balance": [1e6]},
            positions={
                "account": [0, 0],
                "instrument": ["BTCUSDT"] * 2,
                "quantity": [1.5, 1.5],
                "entry_price": [6e4, 6e4],
            },
            duplicates="merge",
        )
    assert caught.value.faults["kind"].tolist() == ["beyond_cap"]


def test_regression_merged_balance_beyond_the_range_is_refused() -> None:
    """Two balances of 2^256 were added up to 2^257, which no balance may be."""
    text = r"balances\.wallet_balance\[0\] was 2\.3.*e77: the rows to be merged"
    with pytest.raises(xm.BookError, match=text) as caught:
        xm.Book(
            MARKET,
            balances={"account": [0, 0], "asset": ["USDT"] * 2, "wallet_balance": [2.0**256] * 2},
            duplicates="merge",
        )
    assert caught.value.faults["kind"].tolist() == ["out_of_range"]
