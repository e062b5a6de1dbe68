"""`Account`: the worked examples, each operation and figure, and how it shows itself."""

import copy
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]


@pytest.fixture
def account(textbook: xm.Market) -> xm.Account:
    return xm.Account(textbook, {"USDT": 10_000})


def both(market: xm.Market, mode: str, cash: int = 10_000) -> xm.Account:
    """Long 0.2 BTC at 50,000 and 2.5 ETH at 2,000, both with 10x."""
    account = xm.Account(market, {"USDT": cash}, margin_mode=mode)
    account.open("BTCUSDT", 0.2, entry_price=50_000, leverage=10)
    account.open("ETHUSDT", 2.5, entry_price=2_000, leverage=10)
    account.mark({"BTCUSDT": 50_000, "ETHUSDT": 2_000})
    return account


def test_account_first_example_isolated_sets_apart_what_cross_requires(textbook: xm.Market) -> None:
    isolated, cross = both(textbook, "isolated"), both(textbook, "cross")
    assert (isolated.isolated_margin, isolated.pool("USDT").wallet_balance, isolated.initial_margin) == (
        1500,
        8500,
        1500,
    )
    assert (cross.isolated_margin, cross.pool().wallet_balance, cross.initial_margin) == (0, 10_000, 1500)
    cross.mark({"BTCUSDT": 46_000, "ETHUSDT": 2_120})
    assert [position.unrealized_pnl for position in cross.positions] == [-800, 300]
    assert (cross.unrealized_pnl, cross.equity) == (-500, 9_500)


@pytest.mark.parametrize(("mode", "equity", "fails"), [("isolated", 0.0, True), ("cross", 9_000.0, False)])
def test_account_second_example_the_rest_saves_only_in_cross(
    textbook: xm.Market, mode: str, equity: float, fails: bool
) -> None:
    account = xm.Account(textbook, {"USDT": 10_000}, margin_mode=mode)
    position = account.open("BTCUSDT", 0.2, entry_price=50_000, leverage=10)
    account.mark({"BTCUSDT": 45_000})
    assert (position.pool.equity, position.liquidatable, account.liquidatable) == (equity, fails, fails)
    assert account.equity == 9_000
    assert account.excess == (-250.0 if fails else 8_750.0)


def test_account_third_example_one_position_takes_the_account(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000})
    account.open("BTCUSDT", 2, entry_price=50_000)
    account.open("ETHUSDT", -20, entry_price=3_000)
    account.mark({"BTCUSDT": 47_500, "ETHUSDT": 3_000})
    assert (account.equity, account.maintenance_margin, account.excess, account.margin_ratio) == (
        5000,
        4000,
        1000,
        1.25,
    )
    assert not account.liquidatable
    account.mark({"BTCUSDT": 45_500})
    assert (account.equity, account.margin_ratio, account.liquidatable) == (1000, 0.25, True)
    apart = xm.Account(textbook, {"USDT": 10_000}, margin_mode="isolated")
    apart.open("BTCUSDT", 2, entry_price=50_000, isolated_margin=5_000)
    apart.open("ETHUSDT", -20, entry_price=3_000, isolated_margin=5_000)
    apart.mark({"BTCUSDT": 45_500, "ETHUSDT": 3_000})
    assert {p.instrument: p.liquidatable for p in apart.positions} == {"BTCUSDT": True, "ETHUSDT": False}


@pytest.mark.parametrize(("mode", "before", "after"), [("isolated", 1_000.0, -500.0), ("cross", 3_000.0, 1_500.0)])
def test_account_fourth_example_a_gain_backs_new_trades_in_cross(
    textbook: xm.Market, mode: str, before: float, after: float
) -> None:
    account = xm.Account(textbook, {"USDT": 2_000}, margin_mode=mode)
    account.open("BTCUSDT", 0.2, entry_price=50_000, leverage=10)
    account.mark({"BTCUSDT": 60_000, "ETHUSDT": 3_000})
    assert account.pool("USDT").free_margin == before
    assert (account.locked, account.withdrawable) == (1_000, 1_000)
    account.open("ETHUSDT", 5, leverage=10, margin_mode="cross")
    assert account.pool("USDT").free_margin == after


def test_account_before_the_first_mark_asks_for_it(account: xm.Account) -> None:
    assert (account.equity, account.withdrawable, account.margin_ratio) == (10_000, 10_000, math.inf)
    position = account.open("BTCUSDT", 1, entry_price=60_000, leverage=10)
    account.open("ETHUSDT", 1, entry_price=3_000, leverage=10)
    with pytest.raises(xm.MissingPriceError) as caught:
        _ = account.equity
    assert caught.value.mark == ("BTCUSDT", "ETHUSDT")
    assert str(caught.value) == (
        'no mark price of BTCUSDT, ETHUSDT: call account.mark({"BTCUSDT": ..., "ETHUSDT": ...}) first'
    )
    for read in (lambda: position.unrealized_pnl, lambda: position.mark_price, lambda: position.pool.equity):
        with pytest.raises(xm.MissingPriceError):
            read()
    assert account.wallet_balance == 10_000  # cash needs no price
    account.mark({"BTCUSDT": 61_000})
    assert position.unrealized_pnl == 1_000  # what is priced can be read
    with pytest.raises(xm.MissingPriceError) as caught:
        _ = account.liquidatable
    assert caught.value.names == ("ETHUSDT",)


@pytest.mark.parametrize("name", [*xm.OUTPUTS, "locked", "isolated_margin"])
def test_account_every_figure_is_that_of_its_book(textbook: xm.Market, name: str) -> None:
    account = both(textbook, "cross")
    account.mark({"BTCUSDT": 46_000})
    by_hand = {"locked": 10_000 - (10_000 - 800 - 1_500), "isolated_margin": 0.0}
    expected = by_hand[name] if name in by_hand else xm.score(account.book, account.prices, name)[name].item(0)
    assert getattr(account, name) == expected
    if name != "isolated_margin":
        assert getattr(account.pool("USDT"), name) == expected


def test_account_position_handles_follow_what_is_done(account: xm.Account) -> None:
    position = account.open("BTC/USDT:USDT", 0.5, entry_price=60_000, leverage=10)
    account.mark({"BTC/USDT:USDT": 61_000})
    assert position == account.position("BTCUSDT") == account.positions[0]
    assert (position.quantity, position.entry_price, position.unrealized_pnl) == (0.5, 60_000, 500)
    account.open("BTCUSDT", 0.5, entry_price=62_000)
    assert (position.quantity, position.entry_price, position.unrealized_pnl) == (1.0, 61_000, 0)
    assert (position.leverage, position.asset, position.tier, position.notional) == (10, "USDT", 1, 61_000)
    assert repr(position) == "Position(BTCUSDT, long 1 from 61,000, cross, 10x)"
    account.close("BTCUSDT")
    assert repr(position) == "Position(BTCUSDT, cross, closed)"
    with pytest.raises(xm.ArgumentError, match="no position in BTCUSDT"):
        _ = position.quantity


def test_account_close_realizes_to_the_wallet(account: xm.Account) -> None:
    account.open("BTCUSDT", -0.5, entry_price=60_000, fee="12.5")
    assert account.close("BTCUSDT", 0.2, price=59_000, fee=5) == Decimal(200)
    assert account.wallet("USDT") == Decimal("10182.5")
    assert account.position("BTCUSDT").quantity == -0.3
    assert account.close("BTCUSDT", price=61_000, fee=-1) == Decimal(-300)
    assert account.wallet("USDT") == Decimal("9883.5")
    assert len(account.positions) == 0
    row = account.flows.rows()[0]
    assert row == {
        "asset": "USDT",
        "opening": 10_000.0,
        "deposited": 0.0,
        "withdrawn": 0.0,
        "realized_pnl": -100.0,
        "fees": 16.5,
        "bonus_paid": 0.0,
        "remainder": 0.0,
        "wallet_balance": 9_883.5,
    }


def test_account_close_at_mark_unless_a_price_is_given(account: xm.Account) -> None:
    account.open("BTCUSDT", 1, entry_price=60_000)
    with pytest.raises(xm.MissingPriceError):
        account.close("BTCUSDT")
    account.mark({"BTCUSDT": 60_100.5})
    assert account.close("BTCUSDT") == Decimal("100.5")


def test_account_fee_by_the_rates_of_its_profile() -> None:
    account = xm.Account(xm.load_market("bybit-uta"), {"USDT": 10_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10, fee="taker")
    account.close("BTCUSDT", price=60_000, fee="maker")
    assert account.wallet("USDT") == 10_000 - 6_000 * (Decimal("0.00055") + Decimal("0.0002"))


def test_account_isolated_partial_close_gives_margin_back_in_proportion(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 10_000}, margin_mode="isolated")
    position = account.open("BTCUSDT", 1, entry_price=50_000, leverage=10)
    assert position.isolated_margin == 5_000
    account.close("BTCUSDT", 0.25, price=49_000)
    assert (position.isolated_margin, account.wallet("USDT")) == (3_750, 9_750)
    account.mark({"BTCUSDT": 49_000})
    assert account.pool("USDT").wallet_balance == 6_000
    account.close("BTCUSDT", price=45_000)  # loses 3,750, all that is fenced
    assert account.wallet("USDT") == 6_000


def test_account_isolated_loss_beyond_its_margin_is_refused(textbook: xm.Market, refused: Refused) -> None:
    account = xm.Account(textbook, {"USDT": 10_000}, margin_mode="isolated")
    account.open("BTCUSDT", 1, entry_price=50_000, leverage=10)
    message = refused(xm.FundsError, account.close, "BTCUSDT", price=44_000)
    assert message == (
        "closing BTCUSDT loses 6,000 USDT, with 5,000 fenced: it can lose no more than that; "
        "add_margin() first, or close it at a better price"
    )


def test_account_averages_linear_entries_by_quantity(account: xm.Account) -> None:
    account.open("BTCUSDT", 1, entry_price=50_000)
    account.open("BTCUSDT", 2, entry_price=50_001)
    held = account._state.positions["BTCUSDT", "net", "cross"]
    assert held.entry_price == Fraction(150_002, 3)
    assert account.position("BTCUSDT").entry_price == 150_002 / 3
    assert account.close("BTCUSDT", price=50_001) == 1  # exactly: 3 * 50,001 - 150,002


def test_account_averages_inverse_entries_harmonically() -> None:
    account = xm.Account(xm.load_market("binance-coinm"), {"BTC": 1})
    account.open("BTCUSD_PERP", 100, entry_price=50_000)
    position = account.open("BTCUSD_PERP", 300, entry_price=60_000)
    assert account._state.positions["BTCUSD_PERP", "net", "cross"].entry_price == Fraction(
        400 * 300_000, 100 * 6 + 300 * 5
    )
    account.mark({"BTCUSD_PERP": 55_000})
    profit = 100 * 100 * (1 / 50_000 - 1 / 55_000) + 300 * 100 * (1 / 60_000 - 1 / 55_000)
    assert position.unrealized_pnl == pytest.approx(profit, rel=1e-12)
    assert account.valuation == "BTC"


def test_account_inverse_profit_needs_a_direction(refused: Refused) -> None:
    market = xm.load_market("binance-coinm")
    exact = 10_000 * (Fraction(1, 60_000) - Fraction(1, 61_000))
    for direction, expected in (("down", "0.00273224"), ("up", "0.00273225"), ("nearest", "0.00273224")):
        account = xm.Account(market, {"BTC": 1}, round=direction)
        account.open("BTCUSD_PERP", 100, entry_price=60_000)
        assert account.close("BTCUSD_PERP", price=61_000) == Decimal(expected)
        assert account.flows["remainder"].item(0) == float(exact - Fraction(expected))
    account = xm.Account(market, {"BTC": 1})
    account.open("BTCUSD_PERP", 100, entry_price=60_000)
    message = refused(xm.ArgumentError, account.close, "BTCUSD_PERP", price=61_000)
    assert message.startswith("realized pnl was 0.00273224043")
    assert message.endswith("no multiple of 0.00000001: give a multiple, or say round='down', 'up' or 'nearest'")


def test_account_flip_closes_and_opens_in_one_step(account: xm.Account) -> None:
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 61_000})
    position = account.flip("BTCUSDT", fee=2)
    assert (position.quantity, position.entry_price, position.leverage) == (-0.5, 61_000, 10)
    assert account.wallet("USDT") == 10_498
    assert account.flip("BTCUSDT", 0.1, price=60_000).quantity == 0.1
    assert account.wallet("USDT") == 10_998


def test_account_fill_nets_as_one_way_mode(account: xm.Account) -> None:
    assert account.fill("BTCUSDT", 0.5, price=60_000, leverage=10) == 0
    assert account.fill("BTCUSDT", 0.5, price=61_000) == 0
    assert account.fill("BTCUSDT", -0.25, price=61_000) == 125
    assert account.fill("BTCUSDT", -1, price=61_500) == 750
    position = account.position("BTCUSDT")
    assert (position.quantity, position.entry_price, position.leverage) == (-0.25, 61_500, 10)
    assert account.fill("BTCUSDT", 0.25, price=61_500) == 0
    assert len(account.positions) == 0


def test_account_hedge_legs_are_positions_of_their_own(account: xm.Account, refused: Refused) -> None:
    account.open("BTCUSDT", 1, entry_price=60_000, position_side="long")
    account.open("BTCUSDT", -1, entry_price=61_000, position_side="short")
    account.mark({"BTCUSDT": 60_500})
    assert account.position("BTCUSDT", "short").unrealized_pnl == 500
    assert refused(xm.ArgumentError, account.close, "BTCUSDT") == (
        "BTCUSDT has several positions (cross long, cross short): say position_side or margin_mode"
    )
    assert account.close("BTCUSDT", position_side="long") == 500
    assert account.position("BTCUSDT").position_side == "short"


def test_account_margin_moves_behind_a_position_and_back(textbook: xm.Market, refused: Refused) -> None:
    account = xm.Account(textbook, {"USDT": 10_000}, margin_mode="isolated")
    position = account.open("BTCUSDT", 1, entry_price=50_000, leverage=10)
    message = refused(xm.MissingPriceError, account.remove_margin, "BTCUSDT", 1)
    assert "no mark price of BTCUSDT" in message
    account.mark({"BTCUSDT": 50_000})
    account.add_margin("BTCUSDT", "1000.5")
    assert (position.isolated_margin, position.pool.equity, account.pool("USDT").equity) == (6_000.5, 6_000.5, 3_999.5)
    assert account.wallet_balance == 10_000
    message = refused(xm.FundsError, account.add_margin, "BTCUSDT", 4_000)
    assert message == "amount was 4,000 USDT, and 3,999.5 USDT is available"
    message = refused(xm.FundsError, account.remove_margin, "BTCUSDT", 1_001)
    assert message == "amount was 1,001 USDT, and 1,000.5 USDT can leave the margin of BTCUSDT"
    account.remove_margin("BTCUSDT", "1000.5")
    assert position.isolated_margin == 5_000
    moved = account.set_margin_mode("BTCUSDT", "cross")
    assert (moved.margin_mode, moved.isolated_margin, account.pool("USDT").equity) == ("cross", 0, 10_000)


def test_account_withdraw_is_refused_beyond_withdrawable(account: xm.Account) -> None:
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    with pytest.raises(xm.MissingPriceError):
        account.withdraw("USDT", 1)
    account.mark({"BTCUSDT": 59_000})
    assert account.withdrawable == 6_500  # 10,000 less a loss of 500 and 3,000 of initial margin
    with pytest.raises(xm.FundsError) as caught:
        account.withdraw("USDT", "6500.00000001")
    assert str(caught.value) == "amount was 6,500.00000001 USDT, and 6,500 USDT can leave the account"
    assert (caught.value.asset, caught.value.limit) == ("USDT", 6_500)
    assert caught.value.asked == Decimal("6500.00000001")
    account.withdraw("USDT", 6_500)
    assert (account.wallet("USDT"), account.withdrawable) == (3_500, 0)


def test_account_withdraw_takes_the_decimal_that_is_meant(textbook: xm.Market) -> None:
    account = xm.Account(textbook, {"USDT": 0.3})
    account.open("BTCUSDT", 0.1, entry_price=10, leverage=10)
    account.mark({"BTCUSDT": 10})
    account.withdraw("USDT", 0.2)  # in doubles 0.3 - 0.1 is less than 0.2
    assert account.wallet("USDT") == Decimal("0.1")


def test_account_withdraw_without_leverage_names_the_cure(account: xm.Account, refused: Refused) -> None:
    account.open("BTCUSDT", 0.5, entry_price=60_000)
    account.mark({"BTCUSDT": 60_000})
    assert math.isnan(account.initial_margin)
    assert "use set_leverage() first" in refused(xm.ArgumentError, account.withdraw, "USDT", 1)
    account.set_leverage("BTCUSDT", 10)
    assert account.initial_margin == 3_000
    account.withdraw("USDT", 7_000)


def test_account_of_several_assets_lets_no_cash_leave_that_margin_needs(refused: Refused) -> None:
    market = xm.load_market("binance-usdm-multi")
    account = xm.Account(market, {"USDT": 1_000, "BTC": 1})
    account.open("ETHUSDT", -10, entry_price=2_500, leverage=10)
    message = refused(xm.MissingPriceError, lambda: account.equity)
    assert message.startswith("no mark price of ETHUSDT; no index price of USDT, BTC: call account.mark(")
    account.mark({"ETHUSDT": 2_500}, index={"BTC": 60_000, "USDT": 1})
    assert account.equity == account.wallet_balance == 61_000
    assert account.position("ETHUSDT").pool.asset == account.valuation == "USD"
    account.withdraw("USDT", 1_000)
    refused(xm.FundsError, account.withdraw, "BTC", 1)
    account.withdraw("BTC", "0.5")
    assert account.wallet("BTC") == Decimal("0.5")


def test_account_orders_are_placed_and_cancelled(usdm: xm.Market, refused: Refused) -> None:
    account = xm.Account(usdm, {"USDT": 10_000})
    account.set_leverage("BTCUSDT", 10)
    account.mark({"BTCUSDT": 60_000})
    first = account.place("BTCUSDT", 0.5, 59_000)
    second = account.place("BTCUSDT", -0.1, 70_000, reduce_only=True)
    assert (first, second, len(account.orders)) == (1, 2, 2)
    assert account.initial_margin == 2_950
    account.cancel(first)
    assert account.initial_margin == 0
    assert refused(xm.ArgumentError, account.cancel, 7) == "order_id was 7, which is not open; open orders: 2"
    assert account.cancel_all("ETHUSDT") == 0
    assert account.cancel_all() == 1


def test_account_order_is_executed_whole_or_in_part(account: xm.Account, refused: Refused) -> None:
    account.set_leverage("BTCUSDT", 10)
    order = account.place("BTCUSDT", 1, 60_000)
    assert account.execute(order, 0.25, fee=1) == 0
    assert account.orders["quantity"].tolist() == [0.75]
    assert refused(xm.ArgumentError, account.execute, order, 1) == "quantity was 1, and 0.75 is left of the order"
    account.execute(order, price=60_400)
    position = account.position("BTCUSDT")
    assert (position.quantity, position.entry_price, position.leverage) == (1, 60_300, 10)
    assert len(account.orders) == 0
    assert account.execute(account.place("BTCUSDT", -3, 60_500, reduce_only=True)) == 200
    assert account.wallet("USDT") == 10_199
    assert account.execute(account.place("BTCUSDT", -3, 60_500, reduce_only=True)) == 0
    assert (len(account.positions), len(account.orders)) == (0, 0)


def test_account_order_that_closes_a_leg_reduces_no_more_than_it(account: xm.Account) -> None:
    account.open("BTCUSDT", 1, entry_price=60_000, position_side="long")
    order = account.place("BTCUSDT", -2, 60_100, position_side="long")
    assert account.execute(order) == 100
    assert (len(account.positions), len(account.orders)) == (0, 0)


def test_account_from_book_has_the_figures_of_the_book(book: xm.Book, prices: xm.Prices, refused: Refused) -> None:
    scores = xm.score(book, prices, "all")
    accounts = scores.accounts()
    for place, key in enumerate((7, 9)):
        account = book.account(key, prices)
        assert account.key == key
        for name in (
            "wallet_balance",
            "unrealized_pnl",
            "equity",
            "initial_margin",
            "maintenance_margin",
            "margin_ratio",
        ):
            assert getattr(account, name) == accounts[name].item(place), name
        rows = [row for row in scores.table.rows() if row["account"] == key]
        assert account.scores.table.rows() == rows
        assert account.book.tables() == book.tables(key)
    assert refused(xm.ArgumentError, book.account) == "key was None, and the book has 2 accounts: say which"
    refused(xm.ArgumentError, book.account, 8)
    refused(xm.ArgumentError, xm.Account.from_book, book, 7, margin_mode="crossed")
    refused(xm.ArgumentError, xm.Account.from_book, "book")


def test_account_from_book_fences_what_the_book_left_open(usdm: xm.Market) -> None:
    cash = [{"account": "a", "asset": "USDT", "wallet_balance": 900.0}]
    held = [
        {"account": "a", "instrument": "BTCUSDT", "quantity": 0.01, "entry_price": 60_000.0, "leverage": 3.0}
        | {"margin_mode": "isolated"}
    ]
    account = xm.Book(usdm, balances=cash, positions=held).account(prices=usdm.prices(mark={"BTCUSDT": 60_000}))
    assert account.position("BTCUSDT").isolated_margin == 200
    account.add_margin("BTCUSDT", 50)
    assert (account.isolated_margin, account.pool("USDT").equity) == (250, 650)


def test_account_pickles_and_copies(account: xm.Account) -> None:
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.place("ETHUSDT", 1, 3_000)
    account.mark({"BTCUSDT": 61_000, "ETHUSDT": 3_000})
    account.mark(account.prices)
    for made in (pickle.loads(pickle.dumps(account)), copy.copy(account), copy.deepcopy(account), account.copy()):
        assert repr(made) == repr(account)
        made.deposit("USDT", 1)
        made.close("BTCUSDT")
        assert made.place("ETHUSDT", 1) == 2
    assert (account.equity, len(account.positions), len(account.orders)) == (10_500, 1, 1)


def test_account_mark_keeps_prices_that_are_not_named(
    account: xm.Account, textbook: xm.Market, refused: Refused
) -> None:
    account.mark(textbook.prices(mark=np.array([60_000.0, 3_000.0, np.nan])))
    account.mark({"ETH/USDT:USDT": 3_100})
    assert account.prices.mark[:2].tolist() == [60_000, 3_100]
    refused(xm.PriceError, account.mark, {"BTCUSDT": 61_000, "ETHUSDT": -1})
    assert account.prices.mark[:2].tolist() == [60_000, 3_100]
    refused(xm.ArgumentError, account.mark, xm.load_market("binance-usdm").prices(mark={}))
    account.mark(xm.Market.from_toml(textbook.to_toml()).prices(mark={"BTCUSDT": 62_000}))  # an equal market
    account.open("BTCUSDT", 1, entry_price=61_000)
    assert account.equity == 11_000


def test_account_shows_itself_marked_or_not(account: xm.Account) -> None:
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=10)
    account.place("BTCUSDT", 1, 50_000)
    for text in (repr(account), account._repr_html_()):
        assert "no mark price of BTCUSDT" in text.replace("&#x27;", "'")
        assert "10,000" in text
    account.mark({"BTCUSDT": 61_000})
    lines = repr(account).splitlines()
    assert lines[0] == "Account(0, market 'textbook/2020-01-01', amounts in USDT)"
    assert lines[2].split()[:3] == ["10,000", "500", "10,500"]
    assert account._repr_html_().count("<table>") == 3
    assert account.positions._repr_html_() == account.positions.table._repr_html_()
    assert repr(account.pools) == repr(account.pools.table)


def test_account_quantities_in_base_units_or_contracts() -> None:
    market = xm.load_market("mexc-usdm")  # 0.0001 BTC a contract, lots of one contract
    contracts = xm.Account(market, {"USDT": 1_000})
    base = xm.Account(market, {"USDT": 1_000}, quantity_unit="base")
    contracts.open("BTC_USDT", 100, entry_price=60_000, leverage=10)
    base.open("BTC_USDT", "0.01", entry_price=60_000, leverage=10)
    for account in (contracts, base):
        account.mark({"BTC_USDT": 61_000})
        assert account.unrealized_pnl == 10
        assert account.close("BTC_USDT", price=62_000) == 20
    with pytest.raises(xm.ArgumentError, match="no multiple of 1:"):
        contracts.open("BTC_USDT", 1.5, entry_price=60_000, leverage=10)
    assert contracts.open("BTC_USDT", 1.5, entry_price=60_000, leverage=10, round="down").quantity == 1
