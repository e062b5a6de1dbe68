"""Orders in several assets, one after another: each meets what was accepted in its own pool."""

import crossmargin as xm

CASH = [{"account": 1, "asset": asset, "wallet_balance": 1_000.0} for asset in ("USDT", "USDC")]


def test_orders_accepted_in_another_assets_pool_take_nothing_from_this_one() -> None:
    market = xm.load_market("binance-usdm")
    book = xm.Book(market, balances=CASH)
    prices = market.prices(mark={"BTCUSDT": 60_000.0, "ETHUSDC": 3_000.0})
    orders = [
        {"account": 1, "instrument": "ETHUSDC", "quantity": 1.0, "price": 3_000.0, "leverage": 5.0},
        {"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "price": 60_000.0, "leverage": 10.0},
    ]
    decision = xm.check_orders(book, prices, orders, after=("available",))
    # each costs 600 of the 1,000 in its own asset
    assert decision.reasons.tolist() == ["accepted", "accepted"]
    assert decision["available"].tolist() == [1_000.0, 1_000.0]
    assert decision["after_available"].tolist() == [400.0, 400.0]
