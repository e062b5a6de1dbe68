"""Every kind of fault that rows of a book can have, with its exact message."""

import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

NAN, INF = math.nan, math.inf
BALANCE = {"account": 7, "asset": "USDT", "wallet_balance": 100.0}
POSITION = {"account": 7, "instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 60_000.0}
ONE_WAY_ONLY = 'extends = "textbook/2020-01-01"\npreset = "cross-only"\nas_of = 2024-10-01\n[pools]\nisolated = false\n'
RANGE = "give 0 or a magnitude within 2^-256 and 2^256; check the unit"


def balance(**changes: Any) -> dict[str, Any]:
    return {"balances": [BALANCE | changes]}


def position(**changes: Any) -> dict[str, Any]:
    return {"balances": [BALANCE], "positions": [POSITION | changes]}


def twice(**changes: Any) -> dict[str, Any]:
    return {"balances": [BALANCE], "positions": [POSITION, POSITION | changes]}


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("not_finite", balance(wallet_balance=NAN), "balances.wallet_balance[0] was NaN: give a finite number"),
    ("not_finite", balance(wallet_balance=INF), "balances.wallet_balance[0] was inf: give a finite number"),
    ("not_finite", position(quantity=-INF), "positions.quantity[0] was -inf: give a finite number"),
    ("not_finite", position(entry_price=NAN), "positions.entry_price[0] was NaN: give a finite number"),
    ("not_finite", position(leverage=INF), "positions.leverage[0] was inf: give a finite number"),
    (
        "not_finite",
        position(margin_mode="isolated", isolated_margin=INF),
        "positions.isolated_margin[0] was inf: give a finite number",
    ),
    ("missing", balance(wallet_balance=None), "balances.wallet_balance[0] was null: give a finite number"),
    ("missing", position(quantity=None), "positions.quantity[0] was null: give a finite number"),
    ("missing", position(entry_price=None), "positions.entry_price[0] was null: give a finite number"),
    (
        "missing",
        {"balances": [BALANCE | {"account": name} for name in ("a", None)]},
        "balances.account[1] was null: name the account",
    ),
    (
        "missing",
        {"balances": [BALANCE | {"account": "a"}], "positions": [POSITION | {"account": None}]},
        "positions.account[0] was null: name the account",
    ),
    ("missing", balance(asset=None), "balances.asset[0] was null: give the name of an asset of the market"),
    (
        "missing",
        position(instrument=None),
        "positions.instrument[0] was null: give the name of an instrument of the market",
    ),
    (
        "missing",
        position(margin_mode="isolated"),
        "positions.isolated_margin[0] was null: give the isolated margin, or the leverage that it follows from",
    ),
    ("zero", position(quantity=0.0), "positions.quantity[0] was 0.0: leave closed positions out"),
    ("zero", position(quantity=-0.0), "positions.quantity[0] was -0.0: leave closed positions out"),
    ("not_positive", position(entry_price=0.0), "positions.entry_price[0] was 0.0: give a positive number"),
    ("not_positive", position(entry_price=-5.0), "positions.entry_price[0] was -5.0: give a positive number"),
    ("not_positive", position(leverage=0.0), "positions.leverage[0] was 0.0: give a positive number"),
    (
        "negative",
        position(margin_mode="isolated", isolated_margin=-1.0),
        "positions.isolated_margin[0] was -1.0: give the cash fenced for the position, without unrealised profit",
    ),
    ("out_of_range", balance(wallet_balance=1e-100), f"balances.wallet_balance[0] was 1e-100: {RANGE}"),
    ("out_of_range", position(quantity=-1e90), f"positions.quantity[0] was -1e90: {RANGE}"),
    ("out_of_range", position(entry_price=1e300), f"positions.entry_price[0] was 1e300: {RANGE}"),
    (
        "unknown",
        balance(asset="DOGE"),
        "balances.asset[0] was DOGE: give the name of an asset of the market, or add it to the market",
    ),
    ("unknown", balance(asset=3), "balances.asset[0] was 3: give the position, from 0, of an asset of the market"),
    (
        "unknown",
        position(instrument="BTCUSDX"),
        "positions.instrument[0] was BTCUSDX: give the name of an instrument of the market, or add it to the market",
    ),
    (
        "unknown",
        position(instrument=-1),
        "positions.instrument[0] was -1: give the position, from 0, of an instrument of the market",
    ),
    ("unknown", position(margin_mode="crossed"), "positions.margin_mode[0] was crossed: give cross or isolated"),
    ("unknown", position(position_side="LONG"), "positions.position_side[0] was LONG: give net, long or short"),
    (
        "duplicate",
        {"balances": [BALANCE, BALANCE]},
        'balances.asset[1] was USDT: row 0 has the same account and asset; add them up or pass duplicates="merge"',
    ),
    (
        "duplicate",
        twice(quantity=-2.0),
        "positions.instrument[1] was BTCUSDT: row 0 has the same account, instrument, side and mode; add them up or "
        'pass duplicates="merge"',
    ),
    (
        "inconsistent",
        position(margin_mode="isolated", isolated_margin=10.0) | {"market": ONE_WAY_ONLY},
        "positions.margin_mode[0] was isolated: this market has cross margin only",
    ),
    (
        "inconsistent",
        position(position_side="long", quantity=-1.0),
        "positions.position_side[0] was long: a long leg has a positive quantity, a short leg a negative one",
    ),
    (
        "inconsistent",
        position(isolated_margin=10.0),
        "positions.isolated_margin[0] was 10.0: a cross position has no isolated margin; leave it out",
    ),
    (
        "inconsistent",
        {
            "balances": [BALANCE],
            "positions": [POSITION | {"leverage": 5.0}, POSITION | {"leverage": 6.0}],
            "duplicates": "merge",
        },
        "positions.leverage[1] was 6.0: row 0 has the same key and another leverage; give one leverage",
    ),
    (
        "inconsistent",
        twice(quantity=-1.0) | {"duplicates": "merge"},
        "positions.quantity[1] was -1.0: row 0 has the same key and the opposite sign; give the position that is left",
    ),
    (
        "inconsistent",
        {
            "balances": [BALANCE],
            "positions": [
                POSITION | {"margin_mode": "isolated", "leverage": 5.0, "isolated_margin": margin}
                for margin in (9.0, None)
            ],
            "duplicates": "merge",
        },
        "positions.isolated_margin[1] was NaN: of this row and row 0, of one key, only one has it; give both or "
        "neither",
    ),
    (
        "out_of_range",
        {
            "balances": [BALANCE],
            "positions": [POSITION | {"quantity": 2.0**256}] * 2,
            "duplicates": "merge",
        },
        "positions.quantity[0] was 2.315841784746324e77: the rows to be merged add up to a magnitude beyond 2^256; "
        "check the unit",
    ),
    (
        "beyond_cap",
        position(quantity=1e6, entry_price=60_000.0) | {"market": "binance-usdm"},
        "positions.quantity[0] was 1000000.0: the notional at entry exceeds the last tier's cap; check the unit or "
        "bring the table with_tiers",
    ),
]


def market_of(arguments: dict[str, Any]) -> xm.Market:
    named = arguments.pop("market", "textbook")
    return xm.Market.from_toml(named) if "\n" in named else xm.load_market(named)


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_faults_malformed_row_is_refused_with_its_message(kind: str, arguments: dict[str, Any], message: str) -> None:
    arguments = dict(arguments)
    market = market_of(arguments)
    with pytest.raises(xm.BookError) as caught:
        xm.Book(market, **arguments)
    assert str(caught.value) == message
    assert caught.value.n_faults == len(caught.value.faults) == 1
    fault = caught.value.faults.rows()[0]
    assert fault["kind"] == kind
    assert message == f"{fault['table']}.{fault['column']}[{fault['row']}] was {fault['value']}: {fault['cure']}"


@pytest.mark.parametrize(("kind", "arguments", "message"), CASES)
def test_faults_malformed_row_can_be_rejected_with_its_account(
    kind: str, arguments: dict[str, Any], message: str
) -> None:
    arguments = dict(arguments)
    market = market_of(arguments)
    book = xm.Book(market, on_error="reject", **arguments)
    assert book.rejected is not None
    assert book.rejected.faults.rows()[0]["kind"] == kind
    assert message.startswith(book.rejected.faults.rows()[0]["table"])
    assert book.n_positions == 0


def test_faults_each_kind_of_the_engine_has_a_case() -> None:
    source = (Path(__file__).parents[2] / "rust" / "engine" / "src" / "error.rs").read_text(encoding="utf-8")
    kinds = set(re.findall(r'Self::\w+ => "(\w+)"', source))
    of_operations = {"beyond_funds", "not_multiple"}  # no book has them: they are of what a monitor's accounts pay
    assert kinds - of_operations == {kind for kind, _, _ in CASES}


def test_faults_many_show_three_and_count_all(textbook: xm.Market) -> None:
    n = 2_500
    balances = {"account": np.arange(n), "asset": np.full(n, "USDT"), "wallet_balance": np.full(n, np.nan)}
    with pytest.raises(xm.BookError) as caught:
        xm.Book(textbook, balances=balances)
    assert str(caught.value) == (
        "balances.wallet_balance[0] was NaN: give a finite number; balances.wallet_balance[1] was NaN: give a finite "
        "number; balances.wallet_balance[2] was NaN: give a finite number; and 2497 more (see .faults)"
    )
    assert (caught.value.n_faults, len(caught.value.faults)) == (n, 1_000)
    assert caught.value.faults["row"].tolist() == list(range(1_000))


def test_faults_book_error_survives_pickling(textbook: xm.Market) -> None:
    with pytest.raises(xm.BookError) as caught:
        xm.Book(textbook, balances=[BALANCE | {"asset": "DOGE"}])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.n_faults, again.faults) == (str(caught.value), 1, caught.value.faults)


def test_faults_classes_are_what_users_catch() -> None:
    assert issubclass(xm.BookError, ValueError)
    assert issubclass(xm.MarketError, ValueError)
    assert issubclass(xm.PriceError, ValueError)
    assert issubclass(xm.MissingPriceError, LookupError)
    assert issubclass(xm.ArgumentError, ValueError)
    assert issubclass(xm.ArgumentError, TypeError)
    assert issubclass(xm.InternalError, RuntimeError)
    kinds = (xm.BookError, xm.MarketError, xm.PriceError, xm.MissingPriceError, xm.ArgumentError, xm.InternalError)
    assert all(issubclass(kind, xm.CrossmarginError) and kind.__doc__ for kind in kinds)
