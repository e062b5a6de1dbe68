"""The gate for one order: the row of a table, words that are refused, and an account that asks before it places."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import crossmargin as xm

Refused = Callable[..., str]
FIELDS = ("cost", "available", "short", "opening")


def same(verdict: xm.Verdict, decision: xm.Decision, row: int) -> bool:
    """Say whether a verdict is a row of a decision, bit for bit."""
    figures = all(getattr(verdict, name).hex() == float(decision[name][row]).hex() for name in FIELDS)
    return figures and (verdict.accepted, verdict.reason) == (decision.accepted[row], decision.reasons[row])


ORDERS: list[dict[str, Any]] = [
    {"quantity": 0.1, "price": 57_000.0},
    {"quantity": -0.1},
    {"quantity": -3.0, "price": 57_000.0},
    {"quantity": 0.1, "leverage": 50.0},
    {"quantity": 90.0, "leverage": 125.0},
    {"quantity": -0.1, "reduce_only": True},
    {"quantity": 0.1, "reduce_only": True},
    {"quantity": 0.1, "trigger_price": 59_000.0},
    {"quantity": 0.1, "margin_mode": "isolated", "leverage": 3.0},
    {"quantity": 0.1, "position_side": "long"},
]


@pytest.mark.parametrize("said", ORDERS, ids=str)
def test_verdict_is_the_row_of_a_table(said: dict[str, Any], book: xm.Book, prices: xm.Prices) -> None:
    for account in (7, 9):
        row = {"account": account, "instrument": "BTCUSDT"} | said
        verdict = xm.check_order(book, prices, "BTCUSDT", account=account, **said)
        decision = xm.check_orders(book, prices, [row])
        assert same(verdict, decision, 0), (verdict, decision)
        assert bool(verdict) == verdict.accepted


def test_verdict_of_a_limit_that_is_passed_costs_its_loss(usdm: xm.Market) -> None:
    # cost = 0.1 * 59,000 / 10 + 0.1 * (60,000 - 59,000) of a sell that is 1,000 under the mark
    book = xm.Book(usdm, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 690.0}])
    prices = usdm.prices(mark={"BTCUSDT": 60_000.0})
    verdict = xm.check_order(book, prices, "BTCUSDT", -0.1, 59_000.0, leverage=10.0)
    assert verdict == (True, "accepted", 690.0, 690.0, 0.0, 0.1, verdict.exact)
    one_less = xm.Book(usdm, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 689.99999999}])
    verdict = xm.check_order(one_less, prices, "BTCUSDT", -0.1, 59_000.0, leverage=10.0)
    assert (verdict.reason, verdict.short) == ("margin", pytest.approx(1e-8, rel=1e-6))


def test_verdict_of_a_bybit_order_has_the_fees_in_its_cost() -> None:
    # 0.5 * 60,000 / 10 + 0.055 % of it to open and of 90 % of it, the bankruptcy value, to close
    market = xm.load_market("bybit-uta")
    book = xm.Book(market, balances=[{"account": 1, "asset": "USDT", "wallet_balance": 10_000.0}])
    prices = market.prices(mark={"BTCUSDT": 60_000.0}, index={"USDT": 1.0})
    verdict = xm.check_order(book, prices, "BTCUSDT", 0.5, 60_000.0, leverage=10.0)
    assert verdict.cost == pytest.approx(3_000 + 30_000 * 0.00055 + 27_000 * 0.00055, rel=1e-12)


def test_verdict_takes_names_aliases_places_and_numbers_of_any_kind(book: xm.Book, prices: xm.Prices) -> None:
    from decimal import Decimal

    expected = xm.check_order(book, prices, "BTCUSDT", 0.1, 57_000.0, account=7)
    place = book.market.instruments["instrument"].tolist().index("BTCUSDT")
    for instrument in ("BTC/USDT:USDT", place):
        assert xm.check_order(book, prices, instrument, 0.1, 57_000.0, account=7) == expected
    assert xm.check_order(book, prices, "BTCUSDT", Decimal("0.1"), 57_000, account=7) == expected  # type: ignore[arg-type]
    assert xm.check_order(book, prices, "BTCUSDT", "0.1", "57000", account=7) == expected  # type: ignore[arg-type]


def test_verdict_of_text_accounts_is_found_by_name(usdm: xm.Market) -> None:
    cash = {"account": ["b", "a"], "asset": ["USDT"] * 2, "wallet_balance": [10.0, 20.0]}
    book, prices = xm.Book(usdm, balances=cash), usdm.prices(mark={"BTCUSDT": 60_000.0})
    found = [xm.check_order(book, prices, "BTCUSDT", 0.001, account=key).available for key in ("a", "b")]
    assert found == [20.0, 10.0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"quantity": 0.0}, "quantity was 0: give a quantity that is not 0"),
        ({"quantity": None}, "quantity was NaN: give a finite number"),
        ({"quantity": [1]}, "quantity was [1], expected a number"),
        ({"price": -3.0}, "price was -3: give a positive number"),
        ({"leverage": 0.0}, "leverage was 0: give a positive number"),
        ({"trigger_price": float("inf")}, "trigger_price was inf: give a finite number"),
        ({"instrument": "nothing"}, "instrument was 'nothing', which this market does not have"),
        ({"instrument": 1_000}, "instrument was 1000, which this market does not have"),
        ({"instrument": -1}, "instrument was -1, which this market does not have"),
        ({"instrument": "\ud800"}, "instrument was '\\ud800', which this market does not have"),
        ({"account": 8}, "account was 8, which the book does not hold: name one of its 2 accounts, 7, 9"),
        ({"account": "7"}, "account was '7', which the book does not hold: name one of its 2 accounts, 7, 9"),
        ({"account": True}, "account was True, which the book does not hold: name one of its 2 accounts, 7, 9"),
        ({"account": None}, "account was not given, and the book has 2 accounts: name one"),
        ({"margin_mode": "both"}, 'margin_mode was "both", expected "cross" or "isolated"'),
        ({"margin_mode": 1}, "margin_mode was of type int, expected text"),
        ({"position_side": "up"}, 'position_side was "up", expected "net" or "long" or "short"'),
        ({"reduce_only": "no"}, "reduce_only was of type str, expected True or False"),
        ({"book": 1}, "book was of type int, expected Book"),
        ({"prices": None}, "prices was of type NoneType, expected Prices"),
    ],
)
def test_verdict_of_a_wrong_argument_is_refused_by_name(
    said: dict[str, Any], message: str, book: xm.Book, prices: xm.Prices, refused: Refused
) -> None:
    given = {"book": book, "prices": prices, "instrument": "BTCUSDT", "quantity": 0.1, "account": 7} | said
    assert refused(xm.ArgumentError, lambda: xm.check_order(**given)) == message


def test_verdict_without_a_price_is_refused(book: xm.Book, prices: xm.Prices) -> None:
    with pytest.raises(xm.MissingPriceError) as caught:
        xm.check_order(book, prices, "BNBUSDT", 1.0, 500.0, account=7, leverage=5.0)
    assert caught.value.mark == ("BNBUSDT",)


def test_verdict_is_a_plain_tuple_that_pickles(book: xm.Book, prices: xm.Prices) -> None:
    verdict = xm.check_order(book, prices, "BTCUSDT", 0.1, account=7)
    assert pickle.loads(pickle.dumps(verdict)) == verdict
    assert repr(verdict).startswith("Verdict(accepted=True, reason='accepted', cost=")


def test_account_that_checks_places_what_fits(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 690})
    account.mark({"BTCUSDT": 60_000})
    assert account.check("BTCUSDT", "-0.1", 59_000, leverage=10).cost == 690.0
    assert account.place("BTCUSDT", "-0.1", 59_000, leverage=10, check=True) == 1
    before = account.orders.rows()
    with pytest.raises(xm.OrderError) as caught:
        account.place("BTCUSDT", "-0.1", 59_000, leverage=10, check=True)
    assert str(caught.value).startswith("the order was refused for margin: it takes ")
    assert caught.value.verdict.reason == "margin"
    assert pickle.loads(pickle.dumps(caught.value)).verdict == caught.value.verdict
    assert account.orders.rows() == before
    assert account.place("BTCUSDT", "-0.1", 59_000, leverage=10) == 2


def test_account_checks_with_the_leverage_and_mode_that_it_would_place_with(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 1_000}, margin_mode="isolated")
    account.set_leverage("BTCUSDT", 20)
    account.mark({"BTCUSDT": 60_000})
    assert account.check("BTCUSDT", "0.1").cost == 300.0
    assert account.check("BTCUSDT", "0.1").reason == "accepted"
    assert account.check("BTCUSDT", 1).reason == "margin"
    assert account.check("BTCUSDT", 1, reduce_only=True).reason == "nothing_to_reduce"


def test_account_refused_for_another_reason_says_it(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 1_000})
    account.mark({"BTCUSDT": 60_000})
    with pytest.raises(xm.OrderError, match=r"the order was refused for nothing to reduce$"):
        account.place("BTCUSDT", 1, leverage=5, reduce_only=True, check=True)


def test_account_before_its_mark_says_what_to_mark(usdm: xm.Market) -> None:
    account = xm.Account(usdm, {"USDT": 1_000})
    with pytest.raises(xm.MissingPriceError, match=r'call account.mark\(\{"BTCUSDT": ...\}\) first'):
        account.check("BTCUSDT", 1, leverage=5)
