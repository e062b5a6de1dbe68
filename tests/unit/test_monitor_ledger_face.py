"""Operations on accounts that are watched: what they do to the book, what they give back, in which form tables come."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import crossmargin as xm


@pytest.fixture
def monitor(book: xm.Book, prices: xm.Prices) -> xm.Monitor:
    return xm.Monitor(book, prices)


FILLS: dict[str, list[Any]] = {
    "account": [7, 9, 7],
    "instrument": ["BTCUSDT", "SOLUSDT", "BTCUSDT"],
    "quantity": [-0.2, -4.0, 0.1],
    "price": [58_500.0, 141.0, 58_000.0],
    "fee": [1.5, 0.25, 0.0],
    "maker": [False, True, False],
    "margin_mode": [None, "isolated", "cross"],
}


def forms(table: dict[str, list[Any]]) -> dict[str, Any]:
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    made: dict[str, Any] = {
        "columns": table,
        "rows": rows,
        "table": xm.Table(table),
        "arrays": {name: np.array(values) for name, values in table.items()},
    }
    return made | {library: library for library in ("pyarrow", "polars", "pandas")}


@pytest.fixture(params=list(forms(FILLS)))
def in_form(request: pytest.FixtureRequest) -> Callable[[dict[str, list[Any]]], Any]:
    """Lay a table out in one of the forms that tables come in."""

    def make(table: dict[str, list[Any]]) -> Any:
        made = forms(table)[request.param]
        if request.param == "pyarrow":
            return pytest.importorskip("pyarrow").table(table)
        if request.param == "polars":
            return pytest.importorskip("polars").DataFrame(table)
        if request.param == "pandas":
            return pytest.importorskip("pandas").DataFrame(table)
        return made

    return make


@pytest.mark.parametrize("logged", [False, True])
def test_monitor_fills_in_any_form_are_equal(
    monitor: xm.Monitor, book: xm.Book, prices: xm.Prices, in_form: Callable[..., Any], logged: bool
) -> None:
    wanted = xm.Monitor(book, prices)
    expected = wanted.apply_fills(FILLS)
    log = io.StringIO()
    if logged:
        monitor.log_to(log)
    events = monitor.apply_fills(in_form(FILLS))
    assert events == expected
    assert events.outcome == expected.outcome
    assert monitor.book == wanted.book
    if logged:
        again = xm.Monitor(book, prices)
        assert again.replay(log.getvalue().splitlines()) == events
        assert again.book == wanted.book


def test_monitor_fills_change_positions_and_cash(monitor: xm.Monitor) -> None:
    outcome = monitor.apply_fills(FILLS).outcome
    assert outcome is not None
    assert outcome.columns == ("row", "account", "asset", "realized_pnl", "fee", "bonus", "remainder")
    assert outcome["account"].tolist() == FILLS["account"]
    assert outcome["realized_pnl"].tolist() == [-300.0, -36.0, 0.0]
    assert outcome["fee"].tolist() == FILLS["fee"]
    tables = monitor.book.tables()
    held = {(row["account"], row["instrument"], row["margin_mode"]): row for row in tables["positions"].rows()}
    assert held[7, "BTCUSDT", "cross"]["quantity"] == 0.4
    assert held[7, "BTCUSDT", "cross"]["entry_price"] == 59_500.0
    assert held[9, "SOLUSDT", "isolated"]["quantity"] == 6.0
    cash = dict(zip(tables["balances"]["account"].tolist(), tables["balances"]["wallet_balance"].tolist(), strict=True))
    assert cash == {7: 4_698.5, 9: 863.75}


def test_monitor_operations_keep_flags_equal_to_a_monitor_of_the_book(monitor: xm.Monitor) -> None:
    """A book that was traded to is watched as one that was built."""
    monitor.apply_fills(FILLS)
    monitor.apply_transfers({"account": [9], "asset": ["USDT"], "amount": [300.0]})
    monitor.apply_funding({"BTCUSDT": 0.0001, "SOLUSDT": -0.0002})
    built = xm.Monitor(monitor.book, monitor.prices)
    assert monitor.flags == built.flags
    for frame in ({"BTCUSDT": 50_000.0}, {"SOLUSDT": 100.0}, {"BTCUSDT": 60_000.0}):
        events, others = monitor.update(frame), built.update(frame)
        pools = [event._replace(frame=0) for event in events if event.kind != "account"]
        assert repr(pools) == repr([event._replace(frame=0) for event in others if event.kind != "account"])
        assert monitor.flags == built.flags


def test_monitor_transfers_move_the_reference(monitor: xm.Monitor) -> None:
    before = monitor.soft_stops["reference"]
    events = monitor.apply_transfers([{"account": 7, "asset": "USDT", "amount": -1_000.0}])
    assert events.outcome is not None
    assert events.outcome["amount"].tolist() == [-1_000.0]
    assert monitor.soft_stops["reference"].tolist() == [before[0] - 1_000.0, before[1]]
    assert not events
    assert events == monitor.events


def test_monitor_funding_by_name_is_that_of_a_table(book: xm.Book, prices: xm.Prices) -> None:
    given = [
        {"BTCUSDT": 0.0001, "ETHUSDT": 0.0003},
        {"instrument": ["BTCUSDT", "ETHUSDT"], "rate": [0.0001, 0.0003]},
        {"instrument": ["BTCUSDT", "ETHUSDT"], "rate": [0.0001, 0.0003], "price": [58_000.0, np.nan]},
    ]
    outcomes = [xm.Monitor(book, prices).apply_funding(table).outcome for table in given]
    assert outcomes[0] is not None
    assert outcomes[0]["account"].tolist() == [7, 7, 9]
    assert outcomes[0]["amount"].tolist() == [-2.9, 1.86, -1.16]
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_monitor_opened_accounts_are_watched_and_closed_ones_leave(monitor: xm.Monitor) -> None:
    cash = {"account": [11], "asset": ["USDT"], "wallet_balance": [500.0]}
    held = {"account": [11], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [63_000.0]}
    opened = monitor.open_accounts(balances=cash, positions=held)
    assert [(event.account, event.change, event.cause) for event in opened] == [(11, "entered", "open")] * 4
    assert monitor.book.accounts.tolist() == [7, 9, 11]
    closed = monitor.close_accounts([9, 11])
    changes = {(event.account, event.change, event.cause) for event in closed}
    assert changes == {(9, "left", "close"), (11, "left", "close")}
    assert np.isnan(closed.excess).all()
    assert monitor.book.accounts.tolist() == [7]
    assert monitor.flags["account"].tolist() == [7]
    assert monitor.soft_stops["account"].tolist() == [7]
    assert repr(monitor).startswith("Monitor(1 account, 1 pool, ")
    again = monitor.open_accounts(balances=cash, positions=held)
    assert again.account.tolist() == [11] * 4
    assert monitor.frame == 0


def test_monitor_replaced_accounts_hold_exactly_the_rows(monitor: xm.Monitor, usdm: xm.Market) -> None:
    order = {"account": [9], "instrument": ["BTCUSDT"], "quantity": [0.01], "price": [57_000.0], "leverage": [10.0]}
    setting = {"account": [9], "instrument": ["ETHUSDT"], "leverage": [5.0]}
    cash = {"account": [9], "asset": ["USDT"], "wallet_balance": [900.0]}
    events = monitor.replace_accounts(balances=cash, orders=order, settings=setting)
    assert set(events.change) == {"left"}
    book = monitor.book
    assert book.tables(9)["orders"]["quantity"].tolist() == [0.01]
    assert xm.Book(usdm, **book.tables()) == book
    assert xm.Monitor(book, monitor.prices).flags == monitor.flags


def test_monitor_book_is_one_object_until_an_operation(monitor: xm.Monitor, book: xm.Book) -> None:
    first = monitor.book
    assert first == book
    monitor.update({"BTCUSDT": 57_000.0})
    assert monitor.book is first
    monitor.apply_transfers({"account": [7], "asset": ["USDT"], "amount": [1.0]})
    assert monitor.book is not first
    assert monitor.book != first


def test_monitor_of_base_units_takes_operations_in_them(usdm: xm.Market, prices: xm.Prices) -> None:
    cash = {"account": [1], "asset": ["USDT"], "wallet_balance": [900.0]}
    held = {"account": [1], "instrument": ["BTCUSDT"], "quantity": [0.1], "entry_price": [60_000.0]}
    monitor = xm.Monitor(xm.Book(usdm, balances=cash, positions=held, quantity_unit="base"), prices)
    monitor.apply_fills({"account": [1], "instrument": ["BTCUSDT"], "quantity": [0.1], "price": [58_000.0]})
    assert monitor.book.quantity_unit == "base"
    assert monitor.book.tables()["positions"]["entry_price"].tolist() == [59_000.0]
    monitor.open_accounts(balances=cash | {"account": [2]}, positions=held | {"account": [2]})
    assert monitor.book.n_positions == 2


def test_monitor_accounts_by_name_are_found_by_name(usdm: xm.Market, prices: xm.Prices) -> None:
    cash = {"account": ["ann", "bob"], "asset": ["USDT", "USDT"], "wallet_balance": [900.0, 800.0]}
    monitor = xm.Monitor(xm.Book(usdm, balances=cash), prices)
    moved = monitor.apply_transfers({"account": ["bob"], "asset": ["USDT"], "amount": [-700.0]})
    assert moved.outcome is not None
    assert moved.outcome["account"].tolist() == ["bob"]
    assert monitor.close_accounts("ann") == monitor.events
    assert monitor.book.accounts.tolist() == ["bob"]


# what is refused


def test_monitor_faults_of_an_operation_are_listed_with_their_kinds(monitor: xm.Monitor) -> None:
    moved = {"account": [7, 8, 9], "asset": ["USDT"] * 3, "amount": [-9_999.0, 1.0, None]}
    with pytest.raises(xm.BookError) as caught:
        monitor.apply_transfers(moved)
    assert caught.value.n_faults == 3
    assert caught.value.faults["table"].tolist() == ["transfers"] * 3
    assert caught.value.faults["kind"].tolist() == ["beyond_funds", "unknown", "missing"]
    with pytest.raises(xm.BookError) as caught:
        monitor.apply_transfers({"account": [7], "asset": ["USDT"], "amount": [1e-12]})
    assert caught.value.faults["kind"].tolist() == ["not_multiple"]


ORDER = {"account": [7], "instrument": ["BTCUSDT"], "quantity": [0.1], "price": [1.0]}
PAID = {"account": [7], "asset": ["USDT"], "amount": [1.0]}


@pytest.mark.parametrize(
    ("kind", "call", "message"),
    [
        (
            xm.BookError,
            lambda m: m.apply_fills(ORDER | {"account": [8]}),
            "fills.account[0] was 8: ",
        ),
        (xm.BookError, lambda m: m.apply_fills(ORDER | {"quantity": [0.0]}), "fills.quantity[0] was 0: leave out what"),
        (
            xm.BookError,
            lambda m: m.apply_fills(ORDER | {"quantity": [None]}),
            "fills.quantity[0] was null: give a finite number",
        ),
        (
            xm.BookError,
            lambda m: m.apply_fills(ORDER | {"instrument": ["XRPUSD"]}),
            "fills.instrument[0] was XRPUSD: ",
        ),
        (xm.ArgumentError, lambda m: m.apply_fills({"account": [7]}), "fills.instrument is missing; fills needs "),
        (xm.ArgumentError, lambda m: m.apply_fills(7), "fills was of type int, expected a table"),
        (
            xm.ArgumentError,
            lambda m: m.apply_fills(ORDER, round="even"),
            "round was 'even', expected 'down', 'up', 'nearest'",
        ),
        (
            xm.BookError,
            lambda m: m.apply_transfers(PAID | {"amount": [-9_999.0]}),
            "transfers.amount[0] was -9999: account 7 has ",
        ),
        (xm.BookError, lambda m: m.apply_transfers(PAID | {"amount": [1e-12]}), "transfers.amount[0] was "),
        (xm.BookError, lambda m: m.apply_funding({"NONE": 0.1}), "funding.instrument[0] was NONE: "),
        (xm.BookError, lambda m: m.apply_funding({"BTCUSDT": np.nan}), "funding.rate[0] was "),
        (
            xm.BookError,
            lambda m: m.open_accounts(balances={"account": [7], "asset": ["USDT"], "wallet_balance": [1.0]}),
            "accounts.account[",
        ),
        (xm.ArgumentError, lambda m: m.open_accounts(balances=None), "balances was None, expected a table"),
        (
            xm.MissingPriceError,
            lambda m: m.apply_fills(ORDER | {"instrument": ["XRPUSDT"], "quantity": [1.0]}),
            "no mark price for held instruments: XRPUSDT",
        ),
        (xm.BookError, lambda m: m.close_accounts([7, 8]), "accounts.account[1] was 8: "),
        (xm.BookError, lambda m: m.close_accounts([7, 7]), "accounts.account[1] was 7: row 0 has the same account"),
        (xm.ArgumentError, lambda m: m.close_accounts({7}), "accounts"),
        (
            xm.ArgumentError,
            lambda m: m.reset(8),
            "accounts[0] was 8, which is no account that is open: give keys of the monitor's book",
        ),
    ],
)
@pytest.mark.parametrize("logged", [False, True])
def test_monitor_operation_that_is_refused_changes_nothing(
    monitor: xm.Monitor, refused: Callable[..., str], kind: type[Exception], call: Any, message: str, logged: bool
) -> None:
    state, events = monitor.snapshot(), monitor.events
    log = io.StringIO()
    if logged:
        monitor.log_to(log)
    assert refused(kind, call, monitor).startswith(message)
    assert monitor.snapshot() == state
    assert monitor.events == events
    assert len(log.getvalue().splitlines()) == int(logged)


# vouchers


@pytest.fixture
def lent() -> xm.Monitor:
    market = xm.load_market("bingx-usdm", as_of="2026-06-25")
    book = xm.Book(market, balances={"account": [7, 8], "asset": ["USDT"] * 2, "wallet_balance": [1_000.0, 500.0]})
    marks = dict.fromkeys(market.instruments["instrument"].tolist(), 3000.0)
    return xm.Monitor(book, market.prices(mark=marks, last=marks), xm.Alerts(levels=()))


GRANTS: dict[str, list[Any]] = {
    "account": [7, 8, 7],
    "asset": ["USDT"] * 3,
    "amount": [50.0, 20.0, 30.0],
    "paid_share": [0.5, None, None],
    "expires": ["2026-07-01", None, "2026-08-01"],
}


def bonus_of(monitor: xm.Monitor) -> dict[int, float]:
    table = monitor.book.tables()["balances"].to_dict()
    bonus = table.get("bonus", np.zeros(len(table["account"])))
    return dict(zip(table["account"].tolist(), bonus.tolist(), strict=True))


def test_monitor_grants_in_any_form_are_equal(lent: xm.Monitor, in_form: Callable[..., Any]) -> None:
    outcome = lent.apply_grants(in_form(GRANTS)).outcome
    assert outcome is not None
    assert outcome["bonus"].tolist() == GRANTS["amount"]
    assert bonus_of(lent) == {7: 80.0, 8: 20.0}
    assert lent.expire_bonus(np.datetime64("2026-07-01")).outcome["bonus"].tolist() == [-50.0]
    assert bonus_of(lent) == {7: 30.0, 8: 20.0}


def test_monitor_vouchers_pay_as_a_purse_does(lent: xm.Monitor) -> None:
    lent.apply_grants(GRANTS)
    purse = xm.Bonus(lent.market, "USDT", 1_000, [{"amount": 50, "paid_share": 0.5}, 30])
    for price in (3_050.0, 2_945.0, 2_960.0):
        trade = {
            "account": 7,
            "instrument": "ETH-USDT",
            "quantity": 2.0,
            "price": 3_000.0,
            "leverage": 10.0,
            "fee": 1.0,
        }
        outcome = lent.apply_fills([trade, trade | {"quantity": -2.0, "price": price}]).outcome
        assert outcome is not None
        paid = [purse.fee(1), purse.loss((3_000 - price) * 2) if price < 3_000 else purse.profit((price - 3_000) * 2)]
        purse.fee(1)
        assert outcome["bonus"].tolist() == [0.0, float(paid[1].bonus)]
    assert bonus_of(lent)[7] == float(purse.bonus)
    assert lent.book.tables()["balances"]["wallet_balance"].tolist()[0] == float(purse.own)


def test_monitor_grants_of_a_log_are_replayed(lent: xm.Monitor) -> None:
    log = io.StringIO()
    again = xm.Monitor.restore(lent.snapshot())
    lent.log_to(log)
    lent.apply_grants(GRANTS)
    lent.expire_bonus("2026-07-02T00:00:00")
    again.replay(log.getvalue().splitlines())
    assert again.snapshot() == lent.snapshot()
    assert bonus_of(again) == {7: 30.0, 8: 20.0}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"account": [9, 8, 7]}, xm.BookError, "grants.account[0] was 9"),
        ({"amount": [0.0, 1.0, 1.0]}, xm.BookError, "grants.amount[0] was 0"),
        ({"amount": [None, 1.0, 1.0]}, xm.BookError, "grants.amount[0] was null"),
        ({"paid_share": [2.0, 1.0, 1.0]}, xm.BookError, "grants.paid_share[0] was 2"),
        ({"expires": ["x", None, None]}, xm.ArgumentError, "grants.expires[0] was 'x'"),
        ({"expires": [1]}, xm.ArgumentError, "expires"),
        ({"venue": [1, 1, 1]}, xm.ArgumentError, "venue"),
    ],
)
def test_monitor_grants_that_cannot_be_leave_all_as_it_was(
    lent: xm.Monitor, refused: Callable[..., str], change: dict[str, Any], kind: type[Exception], message: str
) -> None:
    before = lent.snapshot()
    assert message in refused(kind, lent.apply_grants, GRANTS | change)
    assert lent.snapshot() == before
    assert refused(xm.ArgumentError, lent.expire_bonus, None) == "at was None, expected a time"


def test_monitor_fees_of_a_profile_are_discounted_as_the_accounts_are() -> None:
    text = xm.load_market("bingx-usdm").to_toml().replace("bingx-usdm", "own")
    fees = "[fees]\ndiscount = 0.1\n"
    profile = "[fees.profile.holder]\ntaker = 0.0004\nmaker = -0.0001\ndiscounted = true\n\n[initial_margin]"
    market = xm.Market.from_toml(text.replace("[fees]\n", fees).replace("[initial_margin]", profile))
    account = xm.Account(market, {"USDT": 1_000}, profile="holder")
    monitor = xm.Monitor(account.book, market.prices(mark={"ETH-USDT": 3_000.0}, last={"ETH-USDT": 3_000.0}))
    for maker, fee in ((False, 1.08), (True, -0.3)):  # 3,000 * 0.0004 * 0.9; a rebate is not discounted
        trade = {"account": 0, "instrument": "ETH-USDT", "quantity": 1.0, "price": 3_000.0, "leverage": 10.0}
        outcome = monitor.apply_fills([trade | {"maker": maker}]).outcome
        assert outcome is not None
        assert outcome["fee"].tolist() == [fee]
        account.open("ETH-USDT", 1, entry_price=3_000, leverage=10, fee="maker" if maker else "taker")
    assert account.flows["fees"].tolist() == [0.78]
