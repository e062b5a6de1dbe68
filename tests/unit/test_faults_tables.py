"""Faults of orders, accounts, settings, bonus and debts, and of the tables that positions keep, with their messages."""

import math
from typing import Any

import pytest

import crossmargin as xm

NAN, INF = math.nan, math.inf
RANGE = "give 0 or a magnitude within 2^-256 and 2^256; check the unit"
BALANCE = {"account": 7, "asset": "USDT", "wallet_balance": 100.0}
POSITION = {"account": 7, "instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 60_000.0}
ORDER = {"account": 7, "instrument": "BTCUSDT", "quantity": 1.0, "price": 60_000.0}
SETTING = {"account": 7, "instrument": "BTCUSDT", "leverage": 5.0}

HEAD = 'extends = "textbook/2020-01-01"\npreset = "faults"\nas_of = 2024-10-01\n'
CLASSES = (
    HEAD
    + """
[margin_class]
user_coefficient = "bounds"
tier = "static"
table_version = "kept_by_open_positions"
[bonus]
counts_as_margin = true
[fees]
taker = 0
maker = 0
[fees.profile.vip]
taker = 0
maker = 0
[[instrument]]
name = "BTCUSDT"
old_tiers = { old = "older" }
[tiers.older]
law = "flat"
bounds = "quote"
floor = [0, 1000]
maintenance_rate = [0.05, 0.06]
"""
)
CROSS_ONLY = HEAD + "[pools]\nisolated = false\n"
INVERSE = (
    HEAD + '[[asset]]\nname = "BTC"\n[[instrument]]\nname = "BTCUSD"\nbase = "BTC"\nquote = "USD"\nsettle = "BTC"\n'
)
INVERSE += 'payoff = "inverse"\ncontract_size = 100\ntiers = "inverse"\n[tiers.inverse]\nlaw = "flat"\n'
INVERSE += 'bounds = "settle"\nfloor = [0]\nmaintenance_rate = [0.01]\n'
BANKRUPTCY = HEAD + '[fees]\ntaker = 0.001\nmaker = 0\n[maintenance_margin]\nclosing_fee = "bankruptcy_at_mark"\n'

Case = tuple[str, dict[str, Any], str]


def balance(**changes: Any) -> dict[str, Any]:
    return {"balances": [BALANCE | changes]}


def position(**changes: Any) -> dict[str, Any]:
    return {"positions": [POSITION | changes]}


def order(**changes: Any) -> dict[str, Any]:
    return {"orders": [ORDER | changes]}


def account(**changes: Any) -> dict[str, Any]:
    return {"accounts": [{"account": 7} | changes]}


def setting(**changes: Any) -> dict[str, Any]:
    return {"settings": [SETTING | changes]}


CASES: list[Case] = [
    ("not_finite", balance(bonus=NAN), "balances.bonus[0] was NaN: give a finite number"),
    ("negative", balance(bonus=-1.0), "balances.bonus[0] was -1.0: give an amount of at least 0"),
    ("negative", balance(borrowed=-1.0), "balances.borrowed[0] was -1.0: give an amount of at least 0"),
    ("out_of_range", balance(borrowed=1e-100), f"balances.borrowed[0] was 1e-100: {RANGE}"),
    (
        "inconsistent",
        balance(bonus=1.0),
        "balances.bonus[0] was 1.0: this market has no bonus that counts as margin; leave it out",
    ),
    (
        "inconsistent",
        position(tier_version="old"),
        "positions.tier_version[0] was old: this market puts open positions under the newest table; leave it out",
    ),
    (
        "inconsistent",
        position(tier=1.0),
        "positions.tier[0] was 1.0: this market finds the tier itself; leave it out",
    ),
    (
        "unknown",
        position(tier_version="olden") | {"market": CLASSES},
        "positions.tier_version[0] was olden: give one of the instrument's old tables (old), or none",
    ),
    (
        "unknown",
        position(tier=3.0, tier_version="old") | {"market": CLASSES},
        "positions.tier[0] was 3.0: give the number of a tier, from 1 to 2",
    ),
    (
        "unknown",
        position(tier=0.5) | {"market": CLASSES},
        "positions.tier[0] was 0.5: give the number of a tier, from 1 to 1",
    ),
    (
        "missing",
        position() | {"market": BANKRUPTCY},
        "positions.leverage[0] was null: what this market requires depends on the leverage; give it here or in "
        "settings",
    ),
    ("missing", order(quantity=None), "orders.quantity[0] was null: give a finite number"),
    ("missing", order(instrument=None), "orders.instrument[0] was null: give the name of an instrument of the market"),
    (
        "missing",
        {"orders": [ORDER | {"account": name} for name in ("a", None)]},
        "orders.account[1] was null: name the account",
    ),
    ("not_finite", order(quantity=INF), "orders.quantity[0] was inf: give a finite number"),
    ("not_finite", order(price=-INF), "orders.price[0] was -inf: give a finite number"),
    ("zero", order(quantity=0.0), "orders.quantity[0] was 0.0: leave filled orders out"),
    ("not_positive", order(price=0.0), "orders.price[0] was 0.0: give a positive number"),
    ("not_positive", order(leverage=-1.0), "orders.leverage[0] was -1.0: give a positive number"),
    ("not_positive", order(trigger_price=0.0), "orders.trigger_price[0] was 0.0: give a positive number"),
    ("out_of_range", order(price=1e300), f"orders.price[0] was 1e300: {RANGE}"),
    (
        "unknown",
        order(instrument="BTCUSDX"),
        "orders.instrument[0] was BTCUSDX: give the name of an instrument of the market, or add it to the market",
    ),
    ("unknown", order(margin_mode="x"), "orders.margin_mode[0] was x: give cross or isolated"),
    ("unknown", order(position_side="buy"), "orders.position_side[0] was buy: give net, long or short"),
    (
        "inconsistent",
        order(margin_mode="isolated") | {"market": CROSS_ONLY},
        "orders.margin_mode[0] was isolated: this market has cross margin only",
    ),
    (
        "inconsistent",
        order(instrument="BTCUSD") | {"market": INVERSE, "quantity_unit": "base"},
        "orders.instrument[0] was BTCUSD: the face of an inverse contract is in its quote asset; pass "
        'quantity_unit="contracts"',
    ),
    (
        "inconsistent",
        position(instrument="BTCUSD") | {"market": INVERSE, "quantity_unit": "base"},
        "positions.instrument[0] was BTCUSD: the face of an inverse contract is in its quote asset; pass "
        'quantity_unit="contracts"',
    ),
    (
        "unknown",
        account(profile="vip"),
        "accounts.profile[0] was vip: give a fee profile of the market: default",
    ),
    (
        "unknown",
        account(profile="VIP") | {"market": CLASSES},
        "accounts.profile[0] was VIP: give a fee profile of the market: default, vip",
    ),
    ("not_positive", account(tier_coefficient=0.0), "accounts.tier_coefficient[0] was 0.0: give a positive number"),
    (
        "inconsistent",
        account(tier_coefficient=2.0),
        "accounts.tier_coefficient[0] was 2.0: this market's bounds are the same for all; leave the column out",
    ),
    (
        "unknown",
        setting(instrument="BTCUSDX"),
        "settings.instrument[0] was BTCUSDX: give the name of an instrument of the market, or add it to the market",
    ),
    ("not_positive", setting(leverage=0.0), "settings.leverage[0] was 0.0: give a positive number"),
    ("unknown", setting(margin_mode="x"), "settings.margin_mode[0] was x: give cross or isolated"),
]


def book_of(arguments: dict[str, Any], **options: Any) -> xm.Book:
    given = {"balances": [BALANCE]} | arguments
    if given.get("orders", [{}])[0].get("account") == "a":
        given["balances"] = [BALANCE | {"account": "a"}]
    market = given.pop("market", None)
    market = xm.load_market("textbook") if market is None else xm.Market.from_toml(market)
    return xm.Book(market, **given, **options)


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_faults_of_a_table_are_refused_with_their_message(kind: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(xm.BookError) as caught:
        book_of(arguments)
    assert str(caught.value) == message
    assert caught.value.n_faults == 1
    fault = caught.value.faults.rows()[0]
    assert fault["kind"] == kind
    assert message == f"{fault['table']}.{fault['column']}[{fault['row']}] was {fault['value']}: {fault['cure']}"


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_faults_of_a_table_can_be_rejected_with_the_account(kind: str, arguments: dict[str, Any], message: str) -> None:
    book = book_of(arguments, on_error="reject")
    assert book.rejected is not None
    assert book.rejected.faults.rows()[0]["kind"] == kind
    assert message.startswith(book.rejected.faults.rows()[0]["table"])
    assert book.n_positions == 0


@pytest.mark.parametrize(
    ("table", "rows", "message"),
    [
        ("accounts", [{"account": 7}] * 2, "accounts.account[1] was 7: "),
        ("settings", [SETTING] * 2, "settings.instrument[1] was BTCUSDT: "),
    ],
)
def test_faults_second_row_of_a_key_is_refused(table: str, rows: list[Any], message: str) -> None:
    with pytest.raises(xm.BookError) as caught:
        book_of({table: rows})
    assert str(caught.value).startswith(message)
    assert caught.value.faults["kind"].tolist() == ["duplicate"]


def test_faults_of_orders_reject_the_account_with_all_its_rows() -> None:
    cash = [BALANCE | {"account": account} for account in (7, 8)]
    orders = [ORDER | {"account": 8}, ORDER, ORDER | {"quantity": 0.0}, ORDER | {"account": 9, "price": -1.0}]
    book = book_of({"balances": cash, "positions": [POSITION], "orders": orders}, on_error="reject")
    rejected = book.rejected
    assert rejected is not None
    assert (book.accounts.tolist(), rejected.accounts.tolist()) == ([8], [7, 9])
    assert rejected.balance_rows.tolist() == rejected.position_rows.tolist() == [0]
    assert rejected.order_rows.tolist() == [1, 2, 3]
    assert rejected.faults["table"].tolist() == ["orders", "orders"]
