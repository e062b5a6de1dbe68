"""Each cause on figures made for it, and the figures that have none."""

import pickle
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

MARKET = xm.load_market("binance-usdm", as_of="2024-10-01")
LONG = {"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": 60_000.0, "leverage": 20.0}
ISOLATED = {"account": 1, "instrument": "ETHUSDT", "quantity": 1.0, "entry_price": 2_000.0, "leverage": 10.0}
ISOLATED |= {"margin_mode": "isolated", "isolated_margin": 200.0}
MARK = {"BTCUSDT": 61_000.0, "ETHUSDT": 2_000.0}


def held(field: str, value: float, instrument: str = "BTCUSDT", **more: Any) -> dict[str, Any]:
    row = {"account": 1, "level": "position", "instrument": instrument, "asset": None, "field": field, "value": value}
    return {**row, "step": 1e-8, **more}


def pool(field: str, value: float, level: str = "pool", **more: Any) -> dict[str, Any]:
    row = {"account": 1, "level": level, "instrument": None, "asset": "USDT", "field": field, "value": value}
    return {**row, "step": 1e-8, **more}


def reconciled(
    *rows: dict[str, Any],
    market: xm.Market = MARKET,
    positions: tuple[dict[str, Any], ...] = (LONG,),
    mark: dict[str, float] | None = None,
    **options: Any,
) -> xm.Reconciliation:
    """0.1 bought at 60,000 and marked at 61,000: 6,100 of notional, 100 of profit, 24.4 and 305 of margin."""
    names = {name for row in positions for name in row}
    filled = [{name: row.get(name) for name in names} for row in positions]
    cash = [{"account": 1, "asset": "USDT", "wallet_balance": 1_000.0}]
    book = xm.Book(market, balances=cash, positions=filled, **options)
    return xm.reconcile(book, market.prices(mark=MARK if mark is None else mark), list(rows))


def cause_of(*rows: dict[str, Any], **options: Any) -> str:
    """The cause of the first row."""
    return str(reconciled(*rows, **options).table["cause"][0])


@pytest.mark.parametrize(
    "row",
    [
        held("notional", 6_100.0),
        held("unrealized_pnl", 100.0),
        held("initial_margin", 305.0),
        held("maintenance_margin", 24.4),
        held("equity", 1_100.0),
        pool("equity", 1_100.0),
        pool("wallet_balance", 1_000.0),
        pool("maintenance_margin", 24.4, "asset"),
        pool("unrealized_pnl", 100.0, "account"),
        pool("equity", 1_100.0, "account"),
        pool("available", 795.0, "account"),
    ],
    ids=lambda row: f"{row['level']}-{row['field']}",
)
def test_reconcile_figure_that_agrees_is_equal(row: dict[str, Any]) -> None:
    found = reconciled(row)
    assert found.table["status"].tolist() == ["equal"]
    assert abs(found.table["difference"][0]) < 1e-9


@pytest.mark.parametrize(
    ("value", "how"),
    [(24.40493333, "truncated to 1e-08"), (24.40493334, "rounded up to 1e-08")],
)
def test_reconcile_last_digit_is_rounding(value: float, how: str) -> None:
    """61,012.3333333 at 0.4 % of 0.1 is 24.40493333332."""
    found = reconciled(held("maintenance_margin", value), mark={"BTCUSDT": 61_012.3333333})
    assert found.table["cause"].tolist() == ["rounding"]
    assert how in found.table["detail"][0]


def test_reconcile_a_digit_less_is_rounding_where_a_finer_figure_stands_beside_it() -> None:
    """61,012.3333333 at 0.4 % of 0.1 is 24.40493333332, and 5 % of it 305.0616666665."""
    mark = {"BTCUSDT": 61_012.3333333}
    less = held("maintenance_margin", 24.4049333)
    assert cause_of(less, mark=mark) == "unexplained"
    found = reconciled(less, held("initial_margin", 305.06166666), mark=mark)
    assert found.table["cause"].tolist() == ["rounding", "rounding"]
    assert found.table["detail"][0] == "truncated to 1e-07"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (pool("maintenance_margin", 25.0, step=1.0), "24.4 is more than 1 % from it"),
        (pool("maintenance_margin", 20.0, step=1.0), "two digits off"),
        (pool("venue_ratio", 0.0, step=1.0), "0.022 is lost"),
        (pool("venue_ratio", 0.0, step=0.1), "0.022 is lost"),
        (pool("margin_ratio", 50.0, step=1.0), "of 45.08"),
        (pool("equity", 2_000.0, step=1_000.0), "of 1,100"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else value["field"],
)
def test_reconcile_rounding_that_loses_the_value_explains_nothing(row: dict[str, Any], why: str) -> None:
    assert cause_of(row) == "unexplained", why


def test_reconcile_a_small_difference_of_large_numbers_may_be_rounded() -> None:
    """0.1 from 60,000 to 60,000.00000123 is a profit of 0.000000123."""
    row = held("unrealized_pnl", 0.00000012)
    assert cause_of(row, mark={"BTCUSDT": 60_000.00000123}) == "rounding"


@pytest.mark.parametrize(
    ("value", "cause"),
    [("0.0221", "rounding"), ("0.022", "unexplained"), ("0.02", "unexplained"), ("0.0222", "unexplained")],
)
def test_reconcile_rates_of_bybit_are_cut_at_their_fourth_digit(value: str, cause: str) -> None:
    """24.4 of 1,100 is 0.02218; amounts beside it have digits of their own."""
    step = 10.0 ** -(len(value) - 2)
    row = pool("venue_ratio", float(value), step=step, key="accountMMRate")
    assert cause_of(row, pool("equity", 1_100.0)) == cause


def test_reconcile_rates_have_their_own_digits() -> None:
    """A rate with eight digits says nothing of how another one is written."""
    rows = [pool("venue_ratio", 0.0221, step=1e-4), held("maintenance_rate", 0.004, step=1e-8)]
    found = reconciled(*rows)
    assert found.table["cause"].tolist() == ["rounding", "equal"]
    assert found.table["step"].tolist() == [1e-4, 1e-8]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize(
    "row",
    [
        held("notional", 0.0),
        held("unrealized_pnl", 0.0),
        held("initial_margin", 0.0),
        held("maintenance_margin", 0.0),
        held("maintenance_rate", 0.0),
        pool("equity", 0.0),
        pool("margin_ratio", 0.0),
        pool("venue_ratio", 0.0),
    ],
    ids=lambda row: row["field"],
)
def test_reconcile_what_is_no_number_agrees_with_no_number(row: dict[str, Any], value: float) -> None:
    beside = [pool("equity", value), pool("maintenance_margin", value)]
    assert cause_of({**row, "value": value}, *beside) == "unexplained"


def test_reconcile_infinity_is_equal_to_itself_only() -> None:
    """Without positions there is no maintenance margin, and the margin ratio has no bound."""
    assert cause_of(pool("margin_ratio", np.inf), positions=()) == "equal"
    for value in (-np.inf, 1e300, np.nan):
        assert cause_of(pool("margin_ratio", value), positions=()) == "unexplained"


def test_reconcile_a_price_that_is_no_number_is_not_tried() -> None:
    assert reconciled(held("liquidation_price", np.inf)).table["status"].tolist() == ["not computed"]


def test_reconcile_steps_without_end_are_no_steps() -> None:
    assert cause_of(pool("equity", 1_105.0, step=np.inf)) == "unexplained"


def test_reconcile_sums_may_miss_a_digit_for_each_term() -> None:
    second = {**LONG, "instrument": "ETHUSDT", "quantity": 1.0, "entry_price": 2_000.0}
    for missed, cause in ((2e-8, "rounding"), (5e-8, "unexplained")):
        row = pool("maintenance_margin", 24.4 + 8.0 - missed, "asset")
        assert cause_of(row, positions=(LONG, second)) == cause


def test_reconcile_steps_count_the_last_digit() -> None:
    found = reconciled(held("maintenance_margin", 25.0, step=0.1))
    assert found.table["difference"][0] == pytest.approx(0.6)
    assert found.table["steps"][0] == pytest.approx(6.0)


def test_reconcile_stale_mark_explains_all_figures_that_follow_from_it() -> None:
    """At 61,010: 6,101 of notional, 101 of profit, 24.404 and 305.05 of margin."""
    rows = [
        held("notional", 6_101.0),
        held("unrealized_pnl", 101.0),
        held("maintenance_margin", 24.404),
        held("initial_margin", 305.05),
        pool("equity", 1_101.0),
        pool("maintenance_margin", 24.404, "asset"),
        pool("venue_ratio", 24.404 / 1_101.0, step=1e-12),
        pool("wallet_balance", 1_000.0),
    ]
    found = reconciled(*rows)
    assert found.table["cause"].tolist() == ["stale mark"] * 7 + ["equal"]
    assert "61,010" in found.table["detail"][0]
    assert found.n_unexplained == 0


def test_reconcile_a_mark_that_one_figure_implies_and_another_denies_explains_nothing() -> None:
    found = reconciled(held("notional", 6_101.0), held("unrealized_pnl", 133.0), held("initial_margin", 299.123))
    assert found.table["status"].tolist() == ["unexplained"] * 3


def test_reconcile_a_far_mark_needs_a_second_figure() -> None:
    assert cause_of(held("notional", 9_137.0)) == "unexplained"
    assert cause_of(held("notional", 9_137.0), held("unrealized_pnl", 3_137.0)) == "stale mark"


def test_reconcile_a_near_mark_that_one_figure_implies_is_told_and_stays_unexplained() -> None:
    for row in (held("notional", 6_200.0), held("unrealized_pnl", 200.0)):
        found = reconciled(row, pool("wallet_balance", 1_000.0))
        assert found.table["cause"].tolist() == ["stale mark (unconfirmed)", "equal"]
        assert "theirs at 62,000, ours at 61,000" in found.table["detail"][0]
        assert found.n_unexplained == 1
    rows = [held("notional", 6_200.0), pool("notional", 6_200.0, "asset")]
    assert reconciled(*rows).n_unexplained == 2


@pytest.mark.parametrize(
    "agreed",
    [
        held("notional", 6_100.0),
        held("initial_margin", 305.0),
        held("maintenance_margin", 24.4),
        held("equity", 1_100.0),
    ],
    ids=lambda row: row["field"],
)
def test_reconcile_a_sign_error_of_the_profit_is_no_stale_mark(agreed: dict[str, Any]) -> None:
    """-100 is the profit at 59,000, where the figure that agrees would not."""
    rows = [held("unrealized_pnl", -100.0), agreed]
    found = reconciled(*rows, pool("unrealized_pnl", -100.0, "asset"), pool("equity", 900.0, "asset"))
    assert found.table["cause"].tolist() == ["unexplained", "equal", "unexplained", "unexplained"]
    assert found.n_unexplained == 3


def test_reconcile_a_figure_that_agreed_denies_a_mark_that_two_others_imply() -> None:
    rows = [held("notional", 6_101.0), held("initial_margin", 305.05), held("unrealized_pnl", 100.0)]
    assert reconciled(*rows).table["status"].tolist() == ["unexplained", "unexplained", "equal"]


def test_reconcile_a_profit_of_another_mark_denies_that_of_the_notional_and_the_margin() -> None:
    rows = [held("notional", 6_101.0), held("initial_margin", 305.05), held("unrealized_pnl", 133.0)]
    assert reconciled(*rows).table["status"].tolist() == ["unexplained"] * 3


def test_reconcile_figures_that_the_mark_does_not_move_deny_no_mark() -> None:
    """By rules with margins at the entry price, 300 is that of any mark."""
    position = {**LONG, "margin_mode": "isolated", "isolated_margin": 400.0}
    text = 'extends = "binance-usdm/2024-10-01"\npreset = "entry"\nas_of = 2024-10-01\n'
    text += '[initial_margin]\nprice = "entry"\n'
    market = xm.Market.from_toml(text)
    rows = [held("initial_margin", 300.0), held("wallet_balance", 400.0)]
    rows += [held("notional", 6_101.0), held("unrealized_pnl", 101.0)]
    found = reconciled(*rows, positions=(position,), market=market)
    assert found.table["cause"].tolist() == ["equal", "equal", "stale mark", "stale mark"]


BOTH = (
    {**LONG, "margin_mode": "cross"},
    {**LONG, "quantity": 0.2, "margin_mode": "isolated", "isolated_margin": 700.0},
)
"""A cross position and an isolated one of an instrument: 6,100 and 12,200 of notional."""


def test_reconcile_cross_and_isolated_positions_of_an_instrument_are_taken_apart() -> None:
    rows = [
        held("notional", 6_100.0, margin_mode="cross"),
        held("notional", 12_200.0, margin_mode="isolated"),
        held("maintenance_margin", 48.8, margin_mode="isolated"),
        held("equity", 900.0, margin_mode="isolated"),
        held("wallet_balance", 300.0, margin_mode="cross"),
        held("unrealized_pnl", 300.0, margin_mode="cross"),
    ]
    found = reconciled(*rows, positions=BOTH)
    assert found.table["cause"].tolist() == ["equal"] * 5 + ["unexplained"]
    assert found.table["ours"].tolist() == pytest.approx([6_100.0, 12_200.0, 48.8, 900.0, 300.0, 100.0])
    assert found.table["margin_mode"].tolist() == [row["margin_mode"] for row in rows]
    assert "margin_mode" in repr(found)


def test_reconcile_a_row_of_either_mode_is_unexplained() -> None:
    found = reconciled(held("notional", 18_300.0), held("equity", 400.0), positions=BOTH)
    assert found.table["status"].tolist() == ["unexplained"] * 2
    assert np.isnan(found.table["ours"]).all()
    assert "give margin_mode" in found.table["detail"][0]


def test_reconcile_sums_follow_from_the_positions_of_their_mode() -> None:
    """A round rate on the isolated position is no part of the cross pool, and is one of the asset."""
    rows = [
        held("maintenance_margin", 39.65, margin_mode="cross"),
        held("maintenance_margin", 79.3, margin_mode="isolated"),
        pool("maintenance_margin", 39.65),
        pool("maintenance_margin", 118.95, "asset"),
    ]
    found = reconciled(*rows, positions=BOTH)
    assert found.table["cause"].tolist() == ["other tier table"] * 2 + ["follows"] * 2


def test_reconcile_margin_mode_that_the_book_has_not_is_unexplained() -> None:
    found = reconciled(held("notional", 6_100.0, margin_mode="isolated"))
    assert "no such position" in found.table["detail"][0]


def test_reconcile_notional_at_entry_is_named() -> None:
    found = reconciled(held("notional", 6_000.0), held("unrealized_pnl", 100.0), held("initial_margin", 300.0))
    assert found.table["cause"].tolist() == ["entry price", "equal", "entry price"]


def test_reconcile_a_mark_at_the_entry_price_is_a_mark_where_the_profit_says_so() -> None:
    found = reconciled(held("notional", 6_000.0), held("unrealized_pnl", 0.0), held("initial_margin", 300.0))
    assert found.table["cause"].tolist() == ["stale mark"] * 3


@pytest.mark.parametrize("field", ["equity", "available"])
def test_reconcile_profit_once_more_or_less_is_named(field: str) -> None:
    ours = {"equity": 1_100.0, "available": 795.0}[field]
    for theirs in (ours - 100, ours + 100):
        assert cause_of(pool(field, theirs)) == "unrealised PnL counted twice"


def test_reconcile_wallet_with_profit_in_it_is_named() -> None:
    assert cause_of(pool("wallet_balance", 1_100.0)) == "unrealised PnL counted twice"


def with_fees(taker: float) -> xm.Market:
    text = f'extends = "binance-usdm/2024-10-01"\npreset = "fees"\nas_of = 2024-10-01\n[fees]\ntaker = {taker}\n'
    return xm.Market.from_toml(text)


def test_reconcile_fee_to_close_that_one_side_lacks_is_named() -> None:
    """0.05 % of 6,100 is 3.05; at the bankruptcy price of 20x of 5,795 it is 2.8975."""
    market = with_fees(0.0005)
    for more in (3.05, -3.05, 2.8975):
        assert cause_of(held("maintenance_margin", 24.4 + more), market=market) == "fee"
    assert cause_of(held("initial_margin", 305.0 + 2.8975), market=market) == "fee"
    assert cause_of(held("initial_margin", 305.0 + 3.66)) == "fee"  # 0.06 %, of no market


def test_reconcile_other_tier_of_the_table_is_named() -> None:
    """The second tier of BTCUSDT takes 0.5 % less 50, from 50,000: of 60,000 it is 250."""
    big = {**LONG, "quantity": 1.0}
    found = reconciled(held("maintenance_margin", 240.0), positions=(big,), mark={"BTCUSDT": 60_000.0})
    assert found.table["cause"].tolist() == ["other tier table"]
    assert "tier 1" in found.table["detail"][0]


@pytest.mark.parametrize(("rate", "detail"), [(0.0065, "0.65%"), (1 / 60, "half of 1/30"), (0.01, "1%")])
def test_reconcile_round_rate_of_another_table_is_named(rate: float, detail: str) -> None:
    found = reconciled(held("maintenance_margin", 6_100 * rate))
    assert found.table["cause"].tolist() == ["other tier table"]
    assert detail in found.table["detail"][0]


def test_reconcile_rates_are_not_read_out_of_few_digits() -> None:
    """To a digit of 0.1, every amount is a round rate of 6,100."""
    assert cause_of(held("maintenance_margin", 39.7, step=0.1)) == "unexplained"


def test_reconcile_other_leverage_is_named_also_where_ours_is_unknown() -> None:
    assert cause_of(held("initial_margin", 610.0)) == "other leverage"
    unknown = {**LONG, "leverage": None}
    found = reconciled(held("initial_margin", 610.0), positions=(unknown,))
    assert found.table["cause"].tolist() == ["other leverage"]
    assert "unknown" in found.table["detail"][0]


def test_reconcile_fenced_cash_in_or_out_is_named() -> None:
    """Of 1,000 the isolated position fences 200."""
    row = pool("wallet_balance", 1_000.0)
    assert cause_of(row, positions=(LONG, ISOLATED)) == "fenced margin"
    assert cause_of(pool("wallet_balance", 800.0), positions=(LONG, ISOLATED)) == "equal"
    assert cause_of(pool("wallet_balance", 1_000.0, "asset"), positions=(LONG, ISOLATED)) == "equal"


def test_reconcile_isolated_position_has_the_figures_of_its_pool() -> None:
    rows = [held("wallet_balance", 200.0, "ETHUSDT"), held("equity", 190.0, "ETHUSDT")]
    found = reconciled(*rows, positions=(LONG, ISOLATED), mark={**MARK, "ETHUSDT": 1_990.0})
    assert found.table["cause"].tolist() == ["equal", "equal"]


def test_reconcile_sum_follows_from_its_positions() -> None:
    rows = [held("maintenance_margin", 39.65), pool("maintenance_margin", 39.65, "asset")]
    assert reconciled(*rows).table["cause"].tolist() == ["other tier table", "follows"]


def test_reconcile_ratio_follows_from_its_parts() -> None:
    rows = [
        held("maintenance_margin", 39.65),
        pool("maintenance_margin", 39.65),
        pool("equity", 1_100.0),
        pool("venue_ratio", 39.65 / 1_100, step=1e-12),
        pool("margin_ratio", 1_100 / 39.65, step=1e-12),
    ]
    found = reconciled(*rows).table["cause"].tolist()
    assert found == ["other tier table", "follows", "equal", "follows", "follows"]


def test_reconcile_sum_of_unexplained_positions_is_unexplained() -> None:
    rows = [held("maintenance_margin", 31.2345678), pool("maintenance_margin", 31.2345678, "asset")]
    assert reconciled(*rows).table["status"].tolist() == ["unexplained", "unexplained"]


def test_reconcile_position_that_the_book_lacks_is_unexplained() -> None:
    found = reconciled(held("maintenance_margin", 1.0, "SOLUSDT"))
    assert found.table["status"].tolist() == ["unexplained"]
    assert "no such position" in found.table["detail"][0]


def test_reconcile_liquidation_price_is_not_computed_but_tried() -> None:
    """A long of 0.1 with 1,000: 1000 + 0.1 p - 6000 = 0.004 * 0.1 p at p = 5000 / 0.0996."""
    price = 5_000 / 0.0996
    found = reconciled(held("liquidation_price", price), held("liquidation_price", 45_000.0))
    assert found.table["status"].tolist() == ["not computed"] * 2
    assert np.isnan(found.table["ours"]).all()
    details = found.table["detail"].tolist()
    assert "verdict changes within" in details[0]
    assert "does not change" in details[1]


def test_reconcile_figures_that_want_a_price_or_a_leverage_are_not_computed() -> None:
    found = reconciled(held("notional", 6_100.0), pool("wallet_balance", 1_000.0), mark={})
    assert found.table["status"].tolist() == ["not computed", "equal"]
    odd = held("initial_margin", 611.2345678)
    assert reconciled(odd, positions=({**LONG, "leverage": None},)).table["status"].tolist() == ["not computed"]
    assert reconciled(odd).table["status"].tolist() == ["unexplained"]


def test_reconcile_accounts_are_taken_apart() -> None:
    cash = [{"account": key, "asset": "USDT", "wallet_balance": 100.0 * key} for key in (1, 2)]
    book = xm.Book(MARKET, balances=cash)
    rows = [pool("wallet_balance", 100.0), pool("wallet_balance", 150.0, account=2)]
    found = xm.reconcile(book, MARKET.prices(mark={}), rows)
    assert found.table["status"].tolist() == ["equal", "unexplained"]
    assert found.unexplained["account"].tolist() == [2]


def test_reconcile_many_accounts_each_find_their_own() -> None:
    n = 200
    accounts = np.arange(n)
    sizes = 0.001 * (1 + accounts % 7)
    cash = {"account": accounts, "asset": ["USDT"] * n, "wallet_balance": 1_000.0 + accounts}
    book = xm.Book(
        MARKET,
        balances=cash,
        positions={
            "account": accounts,
            "instrument": ["BTCUSDT"] * n,
            "quantity": sizes,
            "entry_price": [60_000.0] * n,
        },
    )
    told = {"account": accounts, "level": ["asset"] * n, "field": ["wallet_balance"] * n, "asset": ["USDT"] * n}
    told |= {"value": 1_000.0 + accounts, "step": [1e-8] * n}
    positions = {**told, "level": ["position"] * n, "instrument": ["BTCUSDT"] * n, "field": ["notional"] * n}
    positions |= {"value": 60_600.0 * sizes, "asset": [None] * n}
    profits = {**positions, "field": ["unrealized_pnl"] * n, "value": 600.0 * sizes}
    both = {name: [*told.get(name, [None] * n), *positions[name], *profits[name]] for name in positions}
    found = xm.reconcile(book, MARKET.prices(mark={"BTCUSDT": 60_500.0}), both)
    assert found.table["cause"].tolist() == ["equal"] * n + ["stale mark"] * 2 * n


def test_reconcile_instruments_go_by_aliases_too() -> None:
    assert cause_of(held("notional", 6_100.0, "BTC/USDT:USDT")) == "equal"


def test_reconciliation_has_its_parts_as_tables() -> None:
    rows = [held("notional", 6_100.0), held("maintenance_margin", 39.65), pool("equity", 1_234.5)]
    found = reconciled(*rows, held("liquidation_price", 50_000.0))
    parts = (found.equal, found.explained, found.unexplained, found.not_computed)
    assert [len(part) for part in parts] == [1, 1, 1, 1]
    assert (len(found), found.n_unexplained) == (4, 1)
    text = repr(found)
    assert "4 figures: 1 equal, 1 explained, 1 unexplained, 1 not computed; market 'binance-usdm/2024-10-01'" in text
    assert text.splitlines()[2].split()[0] == "-"  # what needs a look comes first
    assert "<table>" in found._repr_html_()
    assert pickle.loads(pickle.dumps(found)).table == found.table


def test_reconciliation_exports_arrow() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(reconciled(held("notional", 6_100.0), held("liquidation_price", 50_000.0)))
    assert table.column("cause").to_pylist() == ["equal", "not computed here"]
    assert table.column("ours").to_pylist() == [6_100.0, None]


def test_reconcile_nothing_reported_is_an_empty_result() -> None:
    assert len(reconciled()) == 0
    assert "0 figures" in repr(reconciled())
