"""Books: pools and their order, rejection, merging, units, and arguments that are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

Refused = Callable[..., str]
Columns = dict[str, Any]


def test_book_counts_and_says_them(book: xm.Book) -> None:
    assert (book.n_accounts, book.n_pools, book.n_positions) == (2, 3, 4)
    assert repr(book) == "Book(2 accounts, 3 pools, 4 positions, market 'binance-usdm/2024-10-01')"
    assert book.rejected is None


def test_book_pools_come_in_order(usdm: xm.Market) -> None:
    side = {"account": 1, "instrument": "BTCUSDT", "entry_price": 60_000.0, "leverage": 10.0}
    isolated = {"margin_mode": "isolated"}
    book = xm.Book(
        usdm,
        balances=[
            {"account": 2, "asset": "USDC", "wallet_balance": 5.0},
            {"account": 1, "asset": "USDT", "wallet_balance": 5.0},
            {"account": 2, "asset": "USDT", "wallet_balance": 5.0},
        ],
        positions=[
            side | isolated | {"position_side": "short", "quantity": -0.1},
            side | isolated | {"position_side": "long", "quantity": 0.1},
            side | {"instrument": "SOLUSDT", "quantity": 0.1},
            {"account": 3, "instrument": "ETHUSDC", "quantity": -1.0, "entry_price": 3_000.0}
            | isolated
            | {"leverage": 5},
        ],
    )
    rows = [tuple(row.values()) for row in book.pools.rows()]
    assert rows == [
        (2, "cross", "USDT", None, None),
        (2, "cross", "USDC", None, None),
        (1, "cross", "USDT", None, None),
        (1, "isolated", "USDT", "BTCUSDT", "long"),
        (1, "isolated", "USDT", "BTCUSDT", "short"),
        (3, "cross", "USDC", None, None),
        (3, "isolated", "USDC", "ETHUSDC", "net"),
    ]
    assert book.accounts.tolist() == [2, 1, 3]
    assert book.pools is book.pools


def test_book_account_keys_come_back_as_they_came(usdm: xm.Market) -> None:
    cash = {"asset": ["USDT", "USDT"], "wallet_balance": [1.0, 2.0]}
    numbers = xm.Book(usdm, balances=cash | {"account": [5, -3]})
    assert numbers.accounts.dtype == np.int64
    assert numbers.accounts.tolist() == [5, -3]
    names = xm.Book(usdm, balances=cash | {"account": ["ä", "b"]})
    assert names.accounts.dtype == object
    assert names.accounts.tolist() == ["ä", "b"]
    mixed = xm.Book(
        usdm,
        balances=cash | {"account": ["5", "x"]},
        positions={"account": [5], "instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [1.0]},
    )
    assert mixed.accounts.tolist() == ["5", "x"]


def test_book_without_rows_is_empty(usdm: xm.Market, prices: xm.Prices) -> None:
    for balances in ([], {}, {"account": [], "asset": [], "wallet_balance": []}):
        book = xm.Book(usdm, balances=balances)
        scores = xm.score(book, prices, "all")
        assert (book.n_accounts, len(scores), len(scores.excess), len(book.pools)) == (0, 0, 0, 0)
        assert len(scores.accounts()) == len(scores.positions) == 0


def test_book_merges_where_asked(usdm: xm.Market, prices: xm.Prices) -> None:
    balances = [{"account": 1, "asset": "USDT", "wallet_balance": cash} for cash in (100.5, 0.25)]
    legs = [(0.5, 60_000.0), (1.5, 62_000.0)]
    positions = [
        {"account": 1, "instrument": "BTCUSDT", "quantity": quantity, "entry_price": entry} for quantity, entry in legs
    ]
    book = xm.Book(usdm, balances=balances, positions=positions, duplicates="merge")
    scores = xm.score(book, prices, "all")
    assert scores.wallet_balance.tolist() == [100.75]
    row = scores.positions.rows()[0]
    assert (row["row"], row["quantity"], row["entry_price"]) == (0, 2.0, 61_500.0)


def test_book_counts_base_units_where_asked(textbook: xm.Market) -> None:
    text = (
        textbook.to_toml()
        .replace('preset = "textbook"', 'preset = "tenths"')
        .replace("contract_size = 1", "contract_size = 0.1")
    )
    market = xm.Market.from_toml(text)
    tables: Columns = {
        "balances": [{"account": 1, "asset": "USDT", "wallet_balance": 10.0}],
        "positions": [{"account": 1, "instrument": "BTCUSDT", "quantity": 2.0, "entry_price": 100.0}],
    }
    prices = market.prices(mark={"BTCUSDT": 110.0})
    notional = [
        xm.score(xm.Book(market, quantity_unit=unit, **tables), prices, "notional").notional[0]
        for unit in ("contracts", "base")
    ]
    assert notional == [22.0, 220.0]


def test_book_rejects_whole_accounts(usdm: xm.Market, balances: Columns, positions: Columns) -> None:
    positions["entry_price"][2] = -1.0
    book = xm.Book(usdm, balances=balances, positions=positions, on_error="reject")
    assert book.accounts.tolist() == [7]
    rejected = book.rejected
    assert rejected is not None
    assert rejected.accounts.tolist() == [9]
    assert rejected.balance_rows.tolist() == [1]
    assert rejected.position_rows.tolist() == [2, 3]
    assert rejected.faults["kind"].tolist() == ["not_positive"]
    assert (rejected.n_faults, len(rejected)) == (1, 1)
    assert repr(rejected).startswith("Rejected(1 account for 1 fault)\n")
    whole = xm.Book(usdm, balances=balances, positions=positions | {"entry_price": [1.0] * 4}, on_error="reject")
    assert whole.rejected is None


def test_book_rejected_names_come_back_as_text(usdm: xm.Market) -> None:
    balances = {"account": ["a", "b"], "asset": ["USDT", "X"], "wallet_balance": [1.0, 1.0]}
    book = xm.Book(usdm, balances=balances, on_error="reject")
    assert book.rejected is not None
    assert book.rejected.accounts.tolist() == ["b"]


CASH = {"account": [1], "asset": ["USDT"], "wallet_balance": [1.0]}
HELD = {"account": [1], "instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [1.0]}
PLACED = {"account": [1], "instrument": ["BTCUSDT"], "quantity": [1.0], "price": [1.0]}
LATER = " is not read by this version; it will say {}: leave the column out"
FORMS = "a dict of columns, a list of dicts, or anything that exports Arrow"
ARGUMENTS: list[tuple[Columns, str]] = [
    ({"balances": None}, "balances was None, expected a table; give one without rows if there is no cash"),
    (
        {"balances": 3},
        "balances was of type int, expected a table: a dict of columns, a list of dicts, or anything that exports "
        "Arrow",
    ),
    ({"balances": [3]}, "balances[0] was of type int, expected a row: a dict by column"),
    ({"balances": {3: [1]}}, "balances had a column named 3, expected names of columns as text"),
    (
        {"balances": CASH | {"wallet": [1.0]}},
        "balances.wallet is no column of this table; did you mean wallet_balance? it has account, asset, "
        "wallet_balance, bonus, borrowed",
    ),
    (
        {"balances": {"account": [1], "asset": ["USDT"], "walet_balance": [1.0]}},
        "balances.walet_balance is no column of this table; did you mean wallet_balance? it has account, asset, "
        "wallet_balance, bonus, borrowed",
    ),
    (
        {"positions": HELD | {"comment": ["?"]}},
        "positions.comment is no column of this table; it has account, instrument, quantity, entry_price, leverage, "
        "margin_mode, isolated_margin, position_side, tier_version, tier",
    ),
    (
        {"balances": CASH | {"venue": ["x"]}},
        "balances.venue" + LATER.format("which venue a row is at, in books of several"),
    ),
    ({"positions": HELD | {"pool": [1]}}, "positions.pool" + LATER.format("which pool of several a row is in")),
    (
        {"orders": PLACED | {"limit": [1.0]}},
        "orders.limit is no column of this table; it has account, instrument, quantity, price, order_id, "
        "trigger_price, reduce_only, position_side, margin_mode, leverage, kind",
    ),
    (
        {"orders": {"account": [1], "instrument": ["BTCUSDT"], "quantity": [1.0]}},
        "orders.price is missing; orders needs account, instrument, quantity, price",
    ),
    (
        {"accounts": {"account": [1], "reference_equity": [1.0]}},
        "accounts.reference_equity" + LATER.format("the equity that losses of a trading account are measured from"),
    ),
    (
        {"accounts": {"account": [1], "parent": [2]}},
        "accounts.parent" + LATER.format("which account a sub-account belongs to"),
    ),
    ({"accounts": {"profile": ["vip"]}}, "accounts.account is missing; accounts needs account"),
    (
        {"accounts": {"account": [1], "profiles": ["vip"]}},
        "accounts.profiles is no column of this table; did you mean profile? it has account, profile, "
        "tier_coefficient, margin_mode, position_mode",
    ),
    (
        {"settings": {"account": [1], "leverage": [5.0]}},
        "settings.instrument is missing; settings needs account, instrument",
    ),
    (
        {"settings": {"account": [1], "instrument": ["BTCUSDT"], "mode": ["cross"]}},
        "settings.mode is no column of this table; did you mean margin_mode? it has account, instrument, leverage, "
        "margin_mode",
    ),
    ({"orders": 3}, "orders was of type int, expected a table: " + FORMS),
    ({"settings": [3]}, "settings[0] was of type int, expected a row: a dict by column"),
    (
        {"positions": {"account": [1], "instrument": ["BTCUSDT"], "quantity": [1.0]}},
        "positions.entry_price is missing; positions needs account, instrument, quantity, entry_price",
    ),
    ({"balances": CASH | {"asset": []}}, "balances.asset had 0 rows, expected 1 as in the account column"),
    (
        {"positions": HELD | {"leverage": [1.0, 2.0]}},
        "positions.leverage had 2 rows, expected 1 as in the account column",
    ),
    ({"quantity_unit": "lots"}, 'quantity_unit was "lots", expected "contracts" or "base"'),
    ({"duplicates": "drop"}, 'duplicates was "drop", expected "raise" or "merge"'),
    ({"on_error": "ignore"}, 'on_error was "ignore", expected "raise" or "reject"'),
]


@pytest.mark.parametrize(("changes", "message"), ARGUMENTS)
def test_book_argument_that_is_none_is_refused(
    changes: Columns, message: str, usdm: xm.Market, refused: Refused
) -> None:
    assert refused(xm.ArgumentError, xm.Book, usdm, **({"balances": CASH} | changes)) == message


def test_book_of_no_market_is_refused(refused: Refused) -> None:
    message = refused(xm.ArgumentError, xm.Book, "binance-usdm", balances=CASH)
    assert message == "market was of type str, expected a Market"
