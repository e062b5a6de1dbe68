"""Explanations: their rows, what is chosen of them, how they show, and what is refused."""

import copy
import math
import pickle
import re
from collections.abc import Callable, Sequence

import pytest

import crossmargin as xm

MARKS = {"BTCUSDT": 59_000.0, "ETHUSDT": 2_450.0, "SOLUSDT": 146.0}


@pytest.fixture
def market() -> xm.Market:
    return xm.load_market("binance-usdm", as_of="2024-10-01")


@pytest.fixture
def book(market: xm.Market) -> xm.Book:
    positions = [
        {"account": "ann", "instrument": "BTCUSDT", "quantity": 2.5, "entry_price": 60_000.0, "leverage": 50.0},
        {"account": "ann", "instrument": "ETHUSDT", "quantity": -2.0, "entry_price": 2_600.0, "leverage": None},
        {"account": "bob", "instrument": "SOLUSDT", "quantity": 10.0, "entry_price": 150.0, "leverage": 20.0},
    ]
    modes = ("cross", "cross", "isolated")
    return xm.Book(
        market,
        balances=[
            {"account": "ann", "asset": "USDT", "wallet_balance": 5_000.0},
            {"account": "bob", "asset": "USDT", "wallet_balance": 250.0},
        ],
        positions=[{**row, "margin_mode": mode} for row, mode in zip(positions, modes, strict=True)],
    )


def formulas(explanation: xm.Explanation) -> dict[tuple[str, str | None], str]:
    rows = explanation.rows()
    return {(row["term"], row["instrument"]): row["formula"] for row in reversed(rows)}


def test_explain_charge_says_rate_notional_and_deduction_of_its_tier(market: xm.Market, book: xm.Book) -> None:
    found = formulas(xm.explain(book, market.prices(mark=MARKS), "ann"))
    # 0.5 % above 50,000, where 0.4 % ends: (0.5 % - 0.4 %) x 50,000 = 50 less
    assert found["charge", "BTCUSDT"] == "0.5 % x 147,500 - 50 = 687.5"
    assert found["charge", "ETHUSDT"] == "0.4 % x 4,900 - 0 = 19.6"
    assert found["tier", "BTCUSDT"] == "50,000 <= 147,500 < 600,000: tier 2"
    assert found["notional", "ETHUSDT"] == "2 x 2,450 = 4,900"
    assert found["excess", None] == "2,800 - 707.1 = 2,092.9"
    assert found["liquidatable", None] == "2,092.9 <= 0: no"


def test_explain_unknown_leverage_is_said(market: xm.Market, book: xm.Book) -> None:
    rows = {row["term"]: row for row in xm.explain(book, market.prices(mark=MARKS), "ann").rows()}
    assert rows["initial_margin"]["formula"] == "unknown: a leverage is missing"
    assert math.isnan(rows["initial_margin"]["value"])


def test_explain_account_has_all_of_its_pools_and_pool_one(market: xm.Market, book: xm.Book) -> None:
    prices = market.prices(mark=MARKS)
    assert sorted(set(xm.explain(book, prices, "bob")["pool"].tolist())) == [1, 2]
    assert set(xm.explain(book, prices, pool=2)["pool"].tolist()) == {2}
    assert formulas(xm.explain(book, prices, "bob", pool=2))["isolated_margin", "SOLUSDT"] == "1,500 / 20 = 75"


def test_explain_needs_only_the_prices_of_its_pools(market: xm.Market, book: xm.Book) -> None:
    prices = market.prices(mark={"SOLUSDT": 146.0})
    assert len(xm.explain(book, prices, "bob")) > 0
    with pytest.raises(xm.MissingPriceError, match="BTCUSDT, ETHUSDT") as caught:
        xm.explain(book, prices, "ann")
    assert list(caught.value.mark) == ["BTCUSDT", "ETHUSDT"]


def test_explain_rule_has_the_source_that_the_market_states(market: xm.Market, book: xm.Book) -> None:
    stated = {row["rule"]: row for row in market.sources.rows()}
    rows = xm.explain(book, market.prices(mark=MARKS), "ann").rows()
    charge = next(row for row in rows if row["term"] == "charge")
    assert charge["rule"] == "maintenance_margin"
    assert (charge["source"], charge["evidence"]) == (stated["maintenance_margin"]["text"], "stated")
    orders = [row for row in rows if row["rule"] == "available.rule"]
    assert all(row["source"] == stated["available"]["text"] for row in orders)


def test_explanation_only_has_the_term_and_its_parts(market: xm.Market, book: xm.Book) -> None:
    explanation = xm.explain(book, market.prices(mark=MARKS), "ann").only("free_margin")
    assert len(xm.explain(book, market.prices(mark=MARKS), "bob").only("free_margin")) > 2
    rows = explanation.rows()
    assert (rows[0]["term"], rows[0]["level"], rows[0]["parent"]) == ("free_margin", 0, -1)
    for at, row in enumerate(rows[1:], 1):
        assert rows[row["parent"]]["level"] == row["level"] - 1, at
        assert row["repeats"] < at
    with pytest.raises(xm.ArgumentError, match="term was 'profit', which is not explained here; there are free_margin"):
        explanation.only("profit")


def test_explanation_only_expands_what_stood_above(market: xm.Market, book: xm.Book) -> None:
    rows = xm.explain(book, market.prices(mark=MARKS), "bob", pool=2).only("withdrawable").rows()
    assert "notional" in {row["term"] for row in rows}


def test_explanation_shows_as_text_html_table_and_arrow(market: xm.Market, book: xm.Book) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    explanation = xm.explain(book, market.prices(mark=MARKS), "ann")
    text = str(explanation)
    assert text.startswith("account 'ann', cross pool in USDT, market 'binance-usdm/2024-10-01'\nliquidatable")
    assert re.search(
        r"^    maintenance_margin +687.5 \+ 19.6 = 707.1 USDT  \[maintenance_margin\]$", text, re.MULTILINE
    )
    html = explanation._repr_html_()
    assert "0.5 % x 147,500 - 50 = 687.5" in html
    assert html.count("<tr>") == len(explanation) + 2
    arrow = pyarrow.table(explanation)
    assert arrow.column_names == list(explanation.columns)
    assert arrow["value"].null_count == sum(map(math.isnan, explanation["value"].tolist()))


def test_explanation_equals_copies_and_pickles(market: xm.Market, book: xm.Book) -> None:
    explanation = xm.explain(book, market.prices(mark=MARKS), "bob")
    assert pickle.loads(pickle.dumps(explanation)) == explanation
    assert copy.copy(explanation) == explanation
    assert explanation != xm.explain(book, market.prices(mark=MARKS), "ann")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"account": None}, "account was not given, and the book has 2: name one of book.accounts"),
        (
            {"account": "cleo"},
            "account was 'cleo', which the book does not hold: name one of its 2 accounts, 'ann', 'bob'",
        ),
        ({"account": 7}, "account was 7, which the book does not hold: name one of its 2 accounts, 'ann', 'bob'"),
        ({"pool": 3}, "pool was 3, expected a place in book.pools, 0 to 2"),
        ({"account": "ann", "pool": 2}, "pool was 2, expected one of account 'ann': 0"),
        ({"pool": True}, "pool was True, expected a place in book.pools, 0 to 2"),
    ],
)
def test_explain_refuses_what_the_book_does_not_hold(
    market: xm.Market, book: xm.Book, arguments: dict[str, object], text: str
) -> None:
    with pytest.raises(xm.ArgumentError, match=f"^{re.escape(text)}$"):
        xm.explain(book, market.prices(mark=MARKS), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "cure"),
    [
        ([], "it has no accounts"),
        ([4], "its one account is 4"),
        ([5, 4, 3, 2, 1], "name one of its 5 accounts, 5, 4, 3, 2, 1"),
        (range(1, 1_001), "name one of its 1,000 accounts, such as 1, 2, 3, 4, 5"),
    ],
)
def test_explain_of_an_account_that_is_not_there_names_some(market: xm.Market, keys: Sequence[int], cure: str) -> None:
    cash = {"account": list(keys), "asset": ["USDT"] * len(keys), "wallet_balance": [1.0] * len(keys)}
    book = xm.Book(market, balances=cash)
    questions: list[Callable[[], object]] = [
        lambda: xm.explain(book, market.prices(mark={}), -1),
        lambda: book.tables(-1),
        lambda: book.account(-1),
    ]
    for ask in questions:
        with pytest.raises(xm.ArgumentError, match=f"^account was -1, which the book does not hold: {cure}$"):
            ask()


def test_explain_refuses_other_types_and_prices_of_another_market(market: xm.Market, book: xm.Book) -> None:
    with pytest.raises(xm.ArgumentError, match="book was of type dict, expected Book"):
        xm.explain({}, market.prices(mark=MARKS))  # type: ignore[arg-type]
    other = xm.load_market("textbook").prices(mark={})
    with pytest.raises(xm.ArgumentError, match='prices were made for market "textbook'):
        xm.explain(book, other, "ann")
    with pytest.raises(xm.ArgumentError, match="make it with explain"):
        xm.Explanation()
