"""What may leave a pool: worked by hand, through the engine."""

import crossmargin as xm


def _withdrawable(preset: str, wallet: float, position: dict[str, object], mark: float, bonus: float = 0.0) -> float:
    market = xm.load_market(preset)
    name = str(position["instrument"])
    book = xm.Book(
        market,
        balances=[{"account": 1, "asset": "USDT", "wallet_balance": wallet, "bonus": bonus}],
        positions=[{"account": 1, **position}],
    )
    prices = market.prices(mark={name: mark}, index={"USDT": 1.0}, last={name: mark})
    return float(xm.score(book, prices, "all").withdrawable[0])


def test_withdrawable_after_a_loss_leaves_what_the_position_needs() -> None:
    # 10,000 contracts of 0.0001 are 1 BTC: a loss of 9,900 leaves 100 of equity, below the initial margin of 599.
    position = {"instrument": "BTC_USDT", "quantity": 10_000.0, "entry_price": 59_900.0, "leverage": 100.0}
    assert _withdrawable("mexc-usdm", 10_000.0, position, 50_000.0) == 0.0


def test_withdrawable_with_a_bonus_is_own_cash_that_the_bonus_does_not_back() -> None:
    # 3 ETH at 2,000 and 10x need 600; the bonus of 500 backs 500 of it, own cash the rest: 900 of 1,000 may leave.
    position = {"instrument": "ETH-USDT", "quantity": 3.0, "entry_price": 2_000.0, "leverage": 10.0}
    assert _withdrawable("bingx-usdm", 1_000.0, position, 2_000.0, bonus=500.0) == 900.0
    # Without a claim the bonus stays: own cash is all that may leave.
    position["leverage"] = 1e6
    assert _withdrawable("bingx-usdm", 1_000.0, position, 2_000.0, bonus=500.0) == 1_000.0
