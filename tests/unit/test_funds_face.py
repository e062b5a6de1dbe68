"""Money that moves, from Python: what can leave to the quantum, what brings pools to a target, what is refused."""

import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import crossmargin as xm


@pytest.fixture(scope="module")
def market() -> xm.Market:
    return xm.load_market("textbook")  # equity less initial margin leaves, but no profit; 2.5 % of maintenance at entry


def position(**of: Any) -> dict[str, Any]:
    return {"account": 7, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 10.0, **of}


def book_of(market: xm.Market, cash: float, *rows: dict[str, Any]) -> xm.Book:
    return xm.Book(
        market, balances={"account": [7], "asset": ["USDT"], "wallet_balance": [cash]}, positions=list(rows) or None
    )


def isolated(cash: float, fence: float, quantity: float = 2.0) -> tuple[float, dict[str, Any]]:
    row = position(quantity=quantity, entry_price=50_000.0, leverage=20.0)
    return cash, row | {"margin_mode": "isolated", "isolated_margin": fence}


# withdrawable


@pytest.mark.parametrize(
    ("mark", "leaves"),
    [(61_000.0, 400.0), (60_000.0, 400.0), (59_000.0, 300.0), (56_000.0, 0.0)],
)
def test_withdrawable_is_what_initial_margin_and_loss_leave(market: xm.Market, mark: float, leaves: float) -> None:
    found = xm.withdrawable(book_of(market, 1_000.0, position()), market.prices(mark={"BTCUSDT": mark}))
    assert found.withdrawable.tolist() == [leaves]
    assert found.quanta == [round(leaves * 1e8)]
    assert found.binding.tolist() == ["rule" if leaves else "nothing"]
    assert found.of(7, "USDT") == leaves
    assert found.of(7, "BTC") == 0.0


def test_withdrawable_of_a_quantum_more_is_refused(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": "1000.00000001"})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    account.mark({"BTCUSDT": 59_000})
    most = account.withdrawable_of("USDT")
    assert most == Decimal("300.00000001")
    with pytest.raises(xm.FundsError):
        account.withdraw("USDT", most + Decimal("0.00000001"))
    account.withdraw("USDT", most)
    assert account.withdrawable_of("USDT") == 0


def test_withdrawable_has_a_row_per_pool_and_asset_that_it_is_of(market: xm.Market) -> None:
    cash, row = isolated(10_000.0, 6_000.0)
    found = xm.withdrawable(book_of(market, cash, row), market.prices(mark={"BTCUSDT": 50_000.0}))
    assert found.table.columns == ("account", "kind", "asset", "instrument", "side", "withdrawable", "binding")
    assert found["kind"].tolist() == ["cross", "isolated"]
    assert found["instrument"].tolist() == [None, "BTCUSDT"]
    assert found.withdrawable.tolist() == [4_000.0, 1_000.0]  # of 6,000 fenced 5,000 are initial margin
    assert found.binding.tolist() == ["own_money", "rule"]


def test_withdrawable_of_unknown_pools_is_nan(market: xm.Market) -> None:
    unknown = xm.withdrawable(book_of(market, 1_000.0, position(leverage=None)), market.prices(mark={"BTCUSDT": 6e4}))
    assert (unknown.quanta, unknown.binding.tolist()) == ([None], ["leverage_unknown"])
    assert np.isnan(unknown.withdrawable).all()
    book, prices = book_of(market, 1_000.0, position()), market.prices(mark={})
    with pytest.raises(xm.MissingPriceError):
        xm.withdrawable(book, prices)
    found = xm.withdrawable(book, prices, missing="null")
    assert (found.quanta, found.binding.tolist(), found.unpriced.tolist()) == ([None], ["unpriced"], [True])
    assert found.n_unpriced == 1


def test_withdrawable_of_two_assets_is_answered_one_by_one() -> None:
    market = xm.load_market("binance-usdm-multi", as_of="2024-10-01")
    cash = {"account": [1, 1], "asset": ["USDT", "BTC"], "wallet_balance": [500.0, 0.25]}
    found = xm.withdrawable(
        xm.Book(market, balances=cash), market.prices(mark={}, index={"USDT": 1.0, "BTC": 60_000.0})
    )
    assert {asset: found.of(1, asset) for asset in ("USDT", "BTC")} == {"USDT": 500.0, "BTC": 0.25}


def test_withdrawable_pickled_is_equal(market: xm.Market) -> None:
    found = xm.withdrawable(book_of(market, 1_000.0, position()), market.prices(mark={"BTCUSDT": 6e4}))
    again = pickle.loads(pickle.dumps(found))
    assert (again.table, again.quanta) == (found.table, found.quanta)


def test_account_withdrawable_of_unknown_leverage_is_refused(market: xm.Market, refused: Callable[..., str]) -> None:
    account = xm.Account(market, {"USDT": 1_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000)
    assert "call account.mark" in refused(xm.MissingPriceError, account.withdrawable_of, "USDT")
    account.mark({"BTCUSDT": 60_000})
    said = refused(xm.ArgumentError, account.withdrawable_of, "USDT")
    assert said == "withdrawable is unknown, since a leverage is: use set_leverage() first"
    assert refused(xm.ArgumentError, account.withdrawable_of, "X").startswith("asset was 'X', expected one of")


# rebalancing


def test_rebalance_moves_what_the_isolated_position_lacks(market: xm.Market) -> None:
    book, prices = book_of(market, *isolated(10_000.0, 3_000.0)), market.prices(mark={"BTCUSDT": 49_500.0})
    found = xm.rebalance(book, prices, 2)
    assert found.transfers.rows() == [
        {
            "account": 7,
            "asset": "USDT",
            "from_kind": "cross",
            "from_instrument": None,
            "from_side": None,
            "to_kind": "isolated",
            "to_instrument": "BTCUSDT",
            "to_side": "net",
            "amount": 3_000.0,
        }
    ]
    assert found.quanta == [300_000_000_000]
    assert found.total_moved == {"USDT": 3_000.0}
    assert found.pools["moved"].tolist() == [-3_000.0, 3_000.0]
    assert found.pools["margin_ratio_after"].tolist() == [np.inf, 2.0]
    assert not found.is_short
    assert repr(found).startswith("Rebalance(1 transfer of 3,000 USDT, market 'textbook/2020-01-01')")


def test_rebalance_applied_reaches_its_target_and_conserves_the_cash(market: xm.Market) -> None:
    book, prices = book_of(market, *isolated(10_000.0, 3_000.0)), market.prices(mark={"BTCUSDT": 49_500.0})
    kept = book.copy()
    found = xm.rebalance(book, prices, 2.0)
    assert book.apply_transfers(found) is book
    assert xm.score(book, prices, "margin_ratio").margin_ratio.tolist() == [np.inf, 2.0]
    assert book.tables()["positions"]["isolated_margin"].tolist() == [6_000.0]
    assert book.tables()["balances"]["wallet_balance"].tolist() == [10_000.0]
    assert book != kept
    assert not xm.rebalance(book, prices, 2.0)
    assert found.book is book
    assert len(pickle.loads(pickle.dumps(found)).transfers) == 1


def test_rebalance_that_is_short_says_by_how_much(market: xm.Market) -> None:
    book, prices = book_of(market, *isolated(4_000.0, 3_000.0)), market.prices(mark={"BTCUSDT": 49_500.0})
    found = xm.rebalance(book, prices, 2.0)
    assert found.total_moved == {"USDT": 1_000.0}
    assert found.pools["short"].tolist() == [0.0, 2_000.0]
    assert found.is_short
    assert "short" in repr(found)


def test_rebalance_sweeps_what_the_cash_can_spare(market: xm.Market) -> None:
    book, prices = book_of(market, *isolated(10_000.0, 7_500.0)), market.prices(mark={"BTCUSDT": 50_000.0})
    found = xm.rebalance(book, prices, 2.0, sweep="surplus")
    # out of the account's cash alone: what is fenced stays
    assert found.transfers["to_kind"].tolist() == ["out"]
    assert found.pools["margin_ratio_after"].tolist() == [np.inf, 3.0]
    book.apply_transfers(found)
    assert book.tables()["balances"]["wallet_balance"].tolist() == [7_500.0]
    assert book.tables()["positions"]["isolated_margin"].tolist() == [7_500.0]


def test_rebalance_applied_voids_the_bonus_that_the_transfer_forfeits() -> None:
    market = xm.load_market("mexc-usdm", as_of="2026-05-03")
    assert market.rules["bonus_forfeited_on_transfer"]
    rows = [{"account": name, "asset": "USDT", "wallet_balance": 1_000.0, "bonus": 100.0} for name in "ab"]
    held = {"account": "a", "instrument": "BTC_USDT", "quantity": 10_000.0, "entry_price": 60_000.0, "leverage": 100.0}
    book, prices = xm.Book(market, balances=rows, positions=[held]), market.prices(mark={"BTC_USDT": 60_000.0})
    found = xm.rebalance(book, prices, 2.0, sweep="surplus", accounts="a")
    assert found.transfers["to_kind"].tolist() == ["out"]
    book.apply_transfers(found)
    assert book.tables()["balances"]["bonus"].tolist() == [0.0, 100.0]
    assert xm.score(book, prices, "margin_ratio")["margin_ratio"][0] == found.pools["margin_ratio_after"][0]


def test_rebalance_applied_keeps_a_bonus_that_no_transfer_forfeits() -> None:
    market = xm.load_market("binance-usdm")
    row = {"account": 7, "asset": "USDT", "wallet_balance": 1_000.0, "bonus": 100.0}
    book, prices = xm.Book(market, balances=[row]), market.prices(mark={})
    found = xm.rebalance(book, prices, 2.0, sweep="profit", reference={7: 900.0})
    assert found.total_moved
    book.apply_transfers(found)
    assert book.tables()["balances"]["bonus"].tolist() == [100.0]


def test_rebalance_sweeps_nothing_of_an_account_that_is_short(market: xm.Market) -> None:
    book, prices = book_of(market, *isolated(4_000.0, 3_000.0)), market.prices(mark={"BTCUSDT": 49_500.0})
    assert "out" not in xm.rebalance(book, prices, 2.0, sweep="surplus").transfers["to_kind"].tolist()


def test_rebalance_sweeps_no_more_than_the_profit(market: xm.Market) -> None:
    book, prices = book_of(market, 1_500.0), market.prices(mark={})
    found = xm.rebalance(book, prices, 2.0, sweep="profit", reference={7: 1_400.0})
    assert found.transfers["amount"].tolist() == [100.0]
    book.apply_transfers(found)
    assert not xm.rebalance(book, prices, 2.0, sweep="profit", reference={7: 1_400.0})


def test_rebalance_of_some_accounts_leaves_the_others(market: xm.Market) -> None:
    rows = [{**isolated(0.0, 3_000.0)[1], "account": account} for account in ("a", "b")]
    cash = {"account": ["a", "b"], "asset": ["USDT"] * 2, "wallet_balance": [10_000.0] * 2}
    book = xm.Book(market, balances=cash, positions=rows)
    prices = market.prices(mark={"BTCUSDT": 49_500.0})
    found = xm.rebalance(book, prices, 2.0, accounts="b")
    assert found.transfers["account"].tolist() == ["b"]
    assert set(found.pools["account"].tolist()) == {"b"}
    book.apply_transfers(found)
    assert book.tables()["positions"]["isolated_margin"].tolist() == [3_000.0, 6_000.0]


def test_transfers_of_another_state_are_refused(market: xm.Market, refused: Callable[..., str]) -> None:
    book, prices = book_of(market, *isolated(10_000.0, 3_000.0)), market.prices(mark={"BTCUSDT": 49_500.0})
    found, other = xm.rebalance(book, prices, 2.0), book_of(market, *isolated(10_000.0, 3_000.0))
    said = refused(xm.ArgumentError, other.apply_transfers, found)
    assert said == "transfers was made of another book: ask for them again"
    book.apply_transfers(found)
    said = refused(xm.ArgumentError, book.apply_transfers, found)
    assert said == "transfers was made of an earlier state of the book: ask for them again"
    for given in ({}, xm.withdrawable(book, prices)):
        message = f"transfers was of type {type(given).__name__}, expected what rebalance() found"
        assert refused(xm.ArgumentError, book.apply_transfers, given) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_ratio": 0}, "target_ratio was 0, expected a positive number"),
        ({"target_ratio": "x"}, "target_ratio was 'x', expected a positive number"),
        ({"target_ratio": np.inf}, "target_ratio was inf, expected a positive number"),
        ({"sweep": "all"}, "sweep was 'all', expected 'none', 'surplus', 'profit'"),
        ({"sweep": "profit"}, "reference was not given: profit is what equity is above it"),
        ({"accounts": [8]}, "account was 8, which the book does not hold: its one account is 7"),
        ({"accounts": 1.5}, "accounts was of type float, expected keys of accounts"),
        ({"missing": "x"}, 'missing was "x", expected "raise" or "null"'),
        ({"n_threads": -1}, "n_threads was -1, expected an integer from 1 to 1024, or None"),
    ],
)
def test_rebalance_that_cannot_be_is_refused(
    market: xm.Market, refused: Callable[..., str], options: dict[str, Any], message: str
) -> None:
    book, prices = book_of(market, 1_000.0), market.prices(mark={})
    assert refused(xm.ArgumentError, xm.rebalance, book, prices, **{"target_ratio": 2.0, **options}) == message


def test_funds_calls_with_other_things_are_refused(market: xm.Market, refused: Callable[..., str]) -> None:
    book, prices = book_of(market, 1_000.0), market.prices(mark={})
    for call in (xm.withdrawable, lambda *given: xm.rebalance(*given, 2.0)):
        assert refused(xm.ArgumentError, call, {}, prices) == "book was of type dict, expected Book"
        assert refused(xm.ArgumentError, call, book, {}) == "prices was of type dict, expected Prices"
        assert "were made for market" in refused(
            xm.ArgumentError, call, book, xm.load_market("binance-usdm").prices(mark={})
        )


def test_account_rebalance_moves_the_margin_exactly(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": 10_000}, margin_mode="isolated")
    held = account.open("BTCUSDT", 2, entry_price=50_000, leverage=20, isolated_margin="3000.00000001")
    account.mark({"BTCUSDT": 49_500})
    found = account.rebalance(2.0)
    assert found.total_moved == {"USDT": 2_999.99999999}
    assert (held.isolated_margin, held.margin_ratio) == (6_000.0, 2.0)
    assert account.wallet("USDT") == 10_000
    swept = account.rebalance(2.0, sweep="profit", reference=8_000)
    assert swept.transfers["to_kind"].tolist() == ["out"]
    assert account.wallet("USDT") == 9_000  # 10,000 - 1,000 of loss are 1,000 above the reference
    assert account.flows["withdrawn"].tolist() == [1_000.0]


def test_account_withdraws_no_further_than_liquidation(market: xm.Market) -> None:
    """At 100 times the initial margin is 1 %, and 2.5 % are required: what the venue's rule lets go would be fatal."""
    account = xm.Account(market, {"USDT": 1_000})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=100)
    account.mark({"BTCUSDT": 60_000})
    assert account.withdrawable == 940.0
    assert account.withdrawable_of("USDT") == 850
    with pytest.raises(xm.FundsError, match="850 USDT can leave the account"):
        account.withdraw("USDT", "850.00000001")
    account.withdraw("USDT", 850)
    assert not account.liquidatable


def test_account_withdraws_what_can_leave_of_each_asset_of_a_joint_pool() -> None:
    account = xm.Account(xm.load_market("binance-usdm-multi", as_of="2024-10-01"), {"USDT": 4_000, "BTC": 0.1})
    account.open("BTCUSDT", 0.5, entry_price=60_000, leverage=20)
    account.mark({"BTCUSDT": 59_000}, index={"USDT": 1.0, "BTC": 59_000.0})
    for asset, quantum in (("BTC", "0.00000001"), ("USDT", "0.00000001")):
        most = account.withdrawable_of(asset)
        other = account.copy()
        with pytest.raises(xm.FundsError):
            other.withdraw(asset, most + Decimal(quantum))
        other.withdraw(asset, most)
        assert other.withdrawable_of(asset) == 0


def test_account_moves_money_of_pools_that_are_priced_while_others_are_not(market: xm.Market) -> None:
    account = xm.Account(market, {"USDT": 1_000})
    account.open("BTCUSDT", 0.01, entry_price=60_000, leverage=10, margin_mode="isolated")
    assert account.withdrawable_of("USDT") == 940
    with pytest.raises(xm.MissingPriceError, match="BTCUSDT"):
        account.remove_margin("BTCUSDT", 1)
