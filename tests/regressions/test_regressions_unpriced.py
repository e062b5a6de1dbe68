"""Pools without a mark, of which some figures need none."""

import math

import crossmargin as xm


def test_regression_maintenance_at_entry_needs_no_mark() -> None:
    """Under rules at entry the initial margin of an unpriced pool was known and its maintenance margin was not."""
    market = xm.load_market("textbook")
    book = xm.Book(
        market,
        balances={"account": [1], "asset": ["USDT"], "wallet_balance": [100.0]},
        positions={
            "account": [1],
            "instrument": ["BTCUSDT"],
            "quantity": [1.0],
            "entry_price": [10.0],
            "leverage": [5.0],
        },
    )
    scores = xm.score(book, market.prices(mark={"ETHUSDT": 1.0}), outputs="all", missing="null")
    assert (scores.initial_margin[0], scores.maintenance_margin[0], scores.wallet_balance[0]) == (2.0, 0.25, 100.0)
    assert all(math.isnan(scores[name][0]) for name in ("equity", "notional", "excess", "margin_ratio"))
    assert not scores.liquidatable[0]
    positions = scores.positions
    assert (positions["maintenance_margin"][0], positions["initial_margin"][0], positions["tier"][0]) == (0.25, 2.0, 1)
