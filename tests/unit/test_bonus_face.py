"""A bonus from Python: what vouchers pay by the rules of each market, in a purse and in an account; what is refused."""

import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import crossmargin as xm


def changes(payment: xm.Payment) -> tuple[float, float]:
    return float(payment.own), float(payment.bonus)


@pytest.fixture(scope="module")
def binance() -> xm.Market:
    return xm.load_market("binance-usdm")


def test_bonus_loss_beyond_profit_is_shared_at_the_vouchers_ratio() -> None:
    market = xm.load_market("bingx-usdm", as_of="2026-06-25")
    purse = xm.Bonus(market, "USDT", vouchers=[{"amount": 50, "paid_share": 0.5}])
    assert changes(purse.profit(100)) == (100.0, 0.0)
    assert changes(purse.loss(110)) == (-105.0, -5.0)
    # the 5 that it paid begin a new count: the next loss is beyond profit from its first quantum
    assert purse.realized == 0
    assert changes(purse.funding(-20)) == (-10.0, -10.0)
    assert changes(purse.fee(3)) == (-3.0, 0.0)  # fees are not paid since that day
    assert (purse.own, purse.bonus) == (Decimal(-18), Decimal(35))


def test_bonus_pays_losses_first_and_its_owner_fees(binance: xm.Market) -> None:
    purse = xm.Bonus(binance, "USDT", 10, [30])
    assert changes(purse.fee(4)) == (-4.0, 0.0)
    assert changes(purse.funding(-4)) == (-4.0, 0.0)
    assert changes(purse.loss(12)) == (0.0, -12.0)
    assert changes(purse.loss(20)) == (-2.0, -18.0)
    assert changes(purse.profit(5)) == (5.0, 0.0)
    assert changes(purse.fee(-1)) == (1.0, 0.0)
    assert (purse.own, purse.bonus) == (6, 0)


def test_bonus_that_is_used_up_hands_the_rest_to_the_next_at_its_ratio(binance: xm.Market) -> None:
    purse = xm.Bonus(binance, "USDT", 100, [{"amount": 10, "paid_share": 0.5}, {"amount": 100, "paid_share": 0.25}])
    # 10 settle 20 of the loss of 60, a quarter of the other 40 is 10
    assert changes(purse.loss(60)) == (-40.0, -20.0)
    assert purse.vouchers["amount"].tolist() == [90.0]
    assert purse.vouchers["paid_share"].tolist() == [0.25]


def test_bonus_under_forfeit_is_void_after_any_transfer_out() -> None:
    market = xm.load_market("mexc-usdm")
    purse = xm.Bonus(market, "USDT", 100, [50])
    assert changes(purse.transfer_out(0)) == (0.0, 0.0)
    assert changes(purse.transfer_out("0.01")) == (-0.01, -50.0)
    assert (purse.own, purse.bonus) == (Decimal("99.99"), 0)


def test_bonus_never_leaves(binance: xm.Market, refused: Callable[..., str]) -> None:
    purse = xm.Bonus(binance, "USDT", 10, [30])
    said = refused(xm.FundsError, purse.transfer_out, 10.5)
    assert said == "amount was 10.5 USDT, and 10 USDT are own cash: a bonus does not leave"
    assert (purse.own, purse.bonus, len(purse.log)) == (10, 30, 0)
    assert changes(purse.transfer_out(10)) == (-10.0, 0.0)
    assert changes(purse.transfer_in(2)) == (2.0, 0.0)


def test_bonus_expires_at_its_time(binance: xm.Market) -> None:
    purse = xm.Bonus(binance, "USDT", 0, [{"amount": 5, "expires": "2026-01-02"}, {"amount": 7}])
    assert changes(purse.grant(3, expires="2026-01-01")) == (0.0, 3.0)
    assert changes(purse.expire("2026-01-01T00:00:00")) == (0.0, -3.0)
    assert changes(purse.expire(np.datetime64("2027-01-01"))) == (0.0, -5.0)
    assert purse.vouchers["amount"].tolist() == [7.0]
    assert np.isnat(purse.vouchers["expires"]).all()


def test_bonus_flows_are_cut_to_the_quantum_where_the_direction_says(
    binance: xm.Market, refused: Callable[..., str]
) -> None:
    third = "0.000000005"  # half of the quantum of 1e-8
    assert changes(xm.Bonus(binance, "USDT", 1).loss(third)) == (-1e-8, 0.0)
    assert changes(xm.Bonus(binance, "USDT", 1, round="up").loss(third)) == (0.0, 0.0)
    said = refused(xm.ArgumentError, xm.Bonus(binance, "USDT", 1, round=None).loss, third)
    assert said.startswith("amount was -0.000000005 USDT, which is no multiple of 0.00000001")


def test_bonus_copy_and_log_are_its_own(binance: xm.Market) -> None:
    purse = xm.Bonus(binance, "USDT", 10, [30])
    other = purse.copy()
    other.loss(12)
    assert (purse.bonus, other.bonus, len(purse.log), len(other.log)) == (30, 18, 0, 1)
    row = other.log.rows()[0]
    assert row == {"kind": "loss", "amount": -12.0, "own": 0.0, "bonus": -12.0, "own_after": 10.0, "bonus_after": 18.0}
    assert repr(other) == "Bonus(own 10 USDT, bonus 18 USDT, market 'binance-usdm/2024-10-01')"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("USD",), "asset was 'USD', expected one of "),
        (("USDT", "x"), "own was 'x', expected a finite number"),
        (("USDT", 0, "5"), "vouchers was of type str, expected a list"),
        (("USDT", 0, [0]), "vouchers[0].amount was 0, expected at least a quantum"),
        (("USDT", 0, [{"paid_share": 1}]), "vouchers[0] had no amount, expected an amount, or a dict of amount"),
        (("USDT", 0, [{"amount": 1, "x": 1}]), "vouchers[0] had 'x', expected an amount, or a dict of amount"),
        (("USDT", 0, [{"amount": 1, "paid_share": 0}]), "vouchers[0].paid_share was 0, expected a share above 0"),
        (("USDT", 0, [{"amount": 1, "paid_share": 2}]), "vouchers[0].paid_share was 2, expected a share above 0"),
        (("USDT", 0, [{"amount": 1, "expires": "x"}]), "vouchers[0].expires was 'x', expected nanoseconds"),
        (("USDT", 0, [{"amount": "1e-9"}]), "vouchers[0].amount was 0.000000001 USDT, which is no multiple"),
        (("USDT", 1e70), "which is more than can be counted: check the unit"),
    ],
)
def test_bonus_that_is_none_is_refused(
    binance: xm.Market, refused: Callable[..., str], given: tuple[Any, ...], message: str
) -> None:
    assert message in refused(xm.ArgumentError, xm.Bonus, binance, *given)


def test_bonus_of_a_market_without_one_is_refused(refused: Callable[..., str]) -> None:
    market = xm.load_market("textbook")
    assert refused(xm.ArgumentError, xm.Bonus, market, "USDT") == 'market was "textbook/2020-01-01", which has no bonus'
    assert refused(xm.ArgumentError, xm.Bonus, {}, "USDT") == "market was of type dict, expected a Market"
    account = xm.Account(market, {"USDT": 1})
    said = refused(xm.ArgumentError, account.grant_bonus, "USDT", 1)
    assert said == "asset was 'USDT', and 'textbook/2020-01-01' has no bonus"


# accounts


def test_account_bonus_pays_the_loss_of_a_close(binance: xm.Market) -> None:
    account = xm.Account(binance, {"USDT": 1_000}, bonus={"USDT": 100})
    account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10, fee=2)
    account.mark({"BTCUSDT": 60_000})
    assert account.equity == 1_098.0
    assert account.close("BTCUSDT", 0.05, price=59_000) == Decimal(-50)
    assert (account.wallet("USDT"), account.bonus("USDT")) == (998, 50)
    assert account.close("BTCUSDT", price=58_000, fee=3) == Decimal(-100)
    assert (account.wallet("USDT"), account.bonus("USDT")) == (945, 0)
    row = account.flows.rows()[0]
    assert (row["realized_pnl"], row["fees"], row["bonus_paid"], row["wallet_balance"]) == (-150.0, 5.0, 100.0, 945.0)


def test_account_bonus_agrees_with_a_purse_flow_by_flow() -> None:
    market = xm.load_market("bingx-usdm", as_of="2026-06-25")
    account = xm.Account(market, {"USDT": 1_000})
    account.grant_bonus("USDT", 50, paid_share=0.5)
    purse = xm.Bonus(market, "USDT", 1_000, [{"amount": 50, "paid_share": 0.5}])
    for price in (3_050, 2_945, 3_025, 2_950, 2_975):
        account.open("ETH-USDT", 2, entry_price=3_000, leverage=10)
        pnl = account.close("ETH-USDT", price=price, fee=1)
        _ = purse.profit(pnl) if pnl > 0 else purse.loss(-pnl)
        purse.fee(1)
        assert (account.wallet("USDT"), account.bonus("USDT")) == (purse.own, purse.bonus)
    assert purse.bonus < 50


def test_account_bonus_of_an_isolated_loss_leaves_the_fence_whole_and_the_wallet_its_part(binance: xm.Market) -> None:
    account = xm.Account(binance, {"USDT": 1_000}, bonus={"USDT": 30}, margin_mode="isolated")
    position = account.open("BTCUSDT", 0.1, entry_price=60_000, leverage=10)
    before = position.isolated_margin
    account.close("BTCUSDT", 0.05, price=58_800)  # 60 of loss
    assert (account.wallet("USDT"), account.bonus("USDT")) == (970, 0)
    assert before - position.isolated_margin == pytest.approx(before / 2)


def test_account_bonus_is_void_after_a_withdrawal_under_forfeit() -> None:
    account = xm.Account(xm.load_market("mexc-usdm"), {"USDT": 100}, bonus={"USDT": 50})
    account.withdraw("USDT", 0)
    assert account.bonus("USDT") == 50
    account.withdraw("USDT", 1)
    assert (account.wallet("USDT"), account.bonus("USDT")) == (99, 0)


def test_account_bonus_expires_and_is_kept_by_copies(binance: xm.Market) -> None:
    account = xm.Account(binance, {"USDT": 100})
    account.grant_bonus("USDT", 10, expires="2026-01-01")
    account.grant_bonus("USDT", 20)
    other, again = account.copy(), pickle.loads(pickle.dumps(account))
    account.expire_bonus("2026-02-01")
    assert [each.bonus("USDT") for each in (account, other, again)] == [20, 30, 30]
    again.expire_bonus("2025-12-31")
    assert again.bonus("USDT") == 30
    assert again.book.tables()["balances"]["bonus"].tolist() == [30.0]
