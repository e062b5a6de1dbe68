"""The face of liquidation prices: rows and keys, what is chosen, how prices are rounded, and what is refused."""

import math
import pickle
from typing import Any

import numpy as np
import pytest

import crossmargin as xm
from crossmargin import reference

OUTPUTS = ("below", "above", "liquidation_price", "bankruptcy_price", "liquidatable")


@pytest.fixture
def book(usdm: xm.Market, balances: dict[str, Any], positions: dict[str, Any]) -> xm.Book:
    return xm.Book(usdm, balances=balances, positions=positions)


@pytest.fixture
def prices(usdm: xm.Market, marks: dict[str, float]) -> xm.Prices:
    return usdm.prices(mark=marks)


def rows_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def safe(book: xm.Book, prices: xm.Prices, pool: int) -> bool:
    return not xm.score(book, prices).liquidatable[pool]


# rows


def test_liquidation_prices_rows_are_those_of_the_positions(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.liquidation_prices(book, prices)
    positions = xm.score(book, prices).positions
    for name in ("row", "account", "instrument", "position_side", "margin_mode", "quantity"):
        assert found[name].tolist() == positions[name].tolist()
    assert found["mark_price"].tolist() == [58_000.0, 3_100.0, 58_000.0, 140.0]
    assert found.columns == (*found.positions.columns, "mark_price", *OUTPUTS)
    assert len(found) == book.n_positions


def test_liquidation_prices_unsorted_rows_are_in_input_order(usdm: xm.Market, prices: xm.Prices) -> None:
    held = [(9, "BTCUSDT", 0.1), (7, "SOLUSDT", -3.0), (9, "ETHUSDT", 1.0), (7, "BTCUSDT", 0.2)]
    rows = [{"account": a, "instrument": i, "quantity": q, "entry_price": 50.0} for a, i, q in held]
    cash = [{"account": a, "asset": "USDT", "wallet_balance": 9_000.0} for a in (9, 7)]
    found = xm.liquidation_prices(xm.Book(usdm, balances=cash, positions=rows), prices)
    assert list(zip(found["account"], found["instrument"], found["quantity"], strict=True)) == held


def test_liquidation_prices_are_those_of_the_reference(
    usdm: xm.Market,
    book: xm.Book,
    prices: xm.Prices,
    balances: dict[str, Any],
    positions: dict[str, Any],
    marks: dict[str, float],
) -> None:
    market = reference.load_market(usdm.to_toml())
    wanted = reference.liquidation_prices(market, rows_of(balances), rows_of(positions), marks)
    found = xm.liquidation_prices(book, prices)
    for name in OUTPUTS:
        expected = [getattr(row, name) for row in wanted]
        assert [None if math.isnan(value) else value for value in found[name].tolist()] == expected


@pytest.mark.parametrize("side", ["below", "above"])
def test_liquidation_prices_ends_are_the_last_safe_doubles(book: xm.Book, prices: xm.Prices, side: str) -> None:
    found = xm.liquidation_prices(book, prices)
    _, instruments = book._core.position_places()
    pools, _ = book._core.position_places()
    checked = 0
    for row in np.flatnonzero(~np.isnan(found[side]) & ~found.liquidatable):
        end = float(found[side][row])
        mark = prices.mark
        mark[instruments[row]] = end
        assert safe(book, book.market.prices(mark), pools[row])
        mark[instruments[row]] = math.nextafter(end, 0.0 if side == "below" else math.inf)
        assert not safe(book, book.market.prices(mark), pools[row])
        checked += 1
    assert checked > 0


def test_liquidation_prices_without_positions_have_no_rows(usdm: xm.Market, balances: dict[str, Any]) -> None:
    book = xm.Book(usdm, balances=balances)
    prices = usdm.prices(mark={})
    assert len(xm.liquidation_prices(book, prices)) == 0
    assert len(xm.liquidation_prices(book, prices, along="underlying")) == 0
    assert xm.critical_move(book, prices, 0.1).underlying.tolist() == [None, None]
    assert np.isnan(xm.liquidation_distance(book, prices, "all_down").above).all()
    assert len(xm.contribution(book, prices)) == 0


# what is chosen


def test_liquidation_prices_outputs_named_are_those_alone(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.liquidation_prices(book, prices, outputs=("above", "below"))
    assert found.outputs == ("above", "below")
    whole = xm.liquidation_prices(book, prices)
    assert found.below.tobytes() == whole.below.tobytes()
    with pytest.raises(xm.ArgumentError) as refused:
        _ = found.bankruptcy_price
    assert str(refused.value) == "there is no 'bankruptcy_price': ask for it in outputs=; there are above, below"


def test_liquidation_prices_of_no_outputs_are_the_keys(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.liquidation_prices(book, prices, outputs=())
    assert len(found) == book.n_positions
    assert found.columns == (*found.positions.columns, "mark_price")
    assert repr(found).startswith(f"LiquidationPrices({book.n_positions} positions, market")


def test_liquidation_prices_out_is_written_and_may_be_earlier_ones(book: xm.Book, prices: xm.Prices) -> None:
    first = xm.liquidation_prices(book, prices)
    below, wanted = first.below, first.below.copy()
    below[:] = 7.0
    again = xm.liquidation_prices(book, prices, out=first)
    assert again.below is below
    assert below.tobytes() == wanted.tobytes()


def test_liquidation_prices_threads_give_the_same_bits(book: xm.Book, prices: xm.Prices) -> None:
    one, four = (xm.liquidation_prices(book, prices, n_threads=n) for n in (1, 4))
    assert all(one[name].tobytes() == four[name].tobytes() for name in OUTPUTS)


def test_liquidation_prices_missing_null_leaves_the_pool_out(book: xm.Book, usdm: xm.Market) -> None:
    found = xm.liquidation_prices(book, usdm.prices(mark={"BTCUSDT": 58_000.0, "SOLUSDT": 140.0}), missing="null")
    assert found.unpriced.tolist() == [True, True, False, False]
    assert np.isnan(found.below[:2]).all()
    assert not np.isnan(found.liquidation_price[2:]).any()
    assert found.n_unpriced == 1
    assert found.table.columns[-1] == "unpriced"
    assert found["unpriced"] is found.unpriced


def test_liquidation_prices_missing_price_names_it(book: xm.Book, usdm: xm.Market) -> None:
    prices = usdm.prices(mark={"BTCUSDT": 58_000.0})
    for question in (
        lambda: xm.liquidation_prices(book, prices),
        lambda: xm.liquidation_prices(book, prices, along="underlying"),
        lambda: xm.liquidation_distance(book, prices, "all_down"),
        lambda: xm.critical_move(book, prices, 0.1),
        lambda: xm.contribution(book, prices),
    ):
        with pytest.raises(xm.MissingPriceError) as refused:
            question()
        assert sorted(refused.value.mark) == ["ETHUSDT", "SOLUSDT"]


# rounding


def with_ticks(rounding: str) -> xm.Market:
    return xm.Market.from_toml(f"""
extends = "textbook/2020-01-01"
preset = "ticks"
as_of = 2024-10-01
[display]
price_rounding = "{rounding}"
[[instrument]]
name = "BTCUSDT"
tick = 0.5
""")


@pytest.mark.parametrize(
    ("rounding", "long", "short"),
    [("truncate", 51_466.5, 68_466.5), ("adverse", 51_467.0, 68_466.5), ("ceiling", 51_467.0, 68_467.0)],
)
def test_venue_rounded_prices_are_multiples_of_the_tick(rounding: str, long: float, short: float) -> None:
    market = with_ticks(rounding)
    book = xm.Book(
        market,
        balances={"account": [1, 2], "asset": ["USDT"] * 2, "wallet_balance": [1_003.33, 996.66]},
        positions={
            "account": [1, 2],
            "instrument": ["BTCUSDT"] * 2,
            "quantity": [0.1, -0.1],
            "entry_price": [60_000.0] * 2,
        },
    )
    found = xm.liquidation_prices(book, market.prices(mark={"BTCUSDT": 60_000.0}))
    assert found.liquidation_price.round(2).tolist() == [51_466.7, 68_466.6]
    rounded = found.venue_rounded()
    assert rounded["liquidation_price"].tolist() == [long, short]
    assert np.isnan(rounded["above"][0])
    assert rounded["liquidatable"].tolist() == [False, False]
    assert rounded.columns == found.columns


def test_venue_rounded_without_a_tick_leaves_prices_as_they_are(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.liquidation_prices(book, prices)
    assert found.venue_rounded() == found.table


# along an underlying


def test_underlying_prices_rows_carry_the_keys_of_their_pools(book: xm.Book, prices: xm.Prices) -> None:
    found = xm.liquidation_prices(book, prices, along="underlying")
    assert found.underlying.tolist() == ["BTC", "ETH", "BTC", "SOL"]
    assert found.pool.tolist() == [0, 0, 1, 2]
    assert found["account"].tolist() == [7, 7, 9, 9]
    assert found["kind"].tolist() == ["cross", "cross", "cross", "isolated"]
    assert found.price.tolist() == [58_000.0, 3_100.0, 58_000.0, 140.0]
    alone = xm.liquidation_prices(book, prices)  # an asset with one contract moves as the contract does
    assert found.below.tobytes() == alone.below.tobytes()


def test_underlying_prices_move_the_collateral_too() -> None:
    market = xm.load_market("binance-usdm-multi", as_of="2024-10-01")
    account = xm.Account(market, {"BTC": 0.5})
    position = account.open("ETHUSDT", 40, entry_price=2_500, leverage=10)
    account.mark({"ETHUSDT": 2_300}, index={"BTC": 60_000, "USDT": 1})
    found = account.liquidation_prices(along="underlying")
    ends = dict(zip(found.underlying.tolist(), found.below.tolist(), strict=True))
    assert position.below == ends["ETH"]
    account.mark(index={"BTC": ends["BTC"]})
    assert not account.liquidatable
    account.mark(index={"BTC": math.nextafter(ends["BTC"], 0.0)})
    assert account.liquidatable


# results as objects


def results(book: xm.Book, prices: xm.Prices) -> list[Any]:
    return [
        xm.liquidation_prices(book, prices),
        xm.liquidation_prices(book, prices, along="underlying"),
        xm.liquidation_distance(book, prices, "all_down"),
        xm.critical_move(book, prices, 0.02),
        xm.contribution(book, prices),
    ]


def test_results_pickle_and_show_themselves(book: xm.Book, prices: xm.Prices) -> None:
    for found in results(book, prices):
        again = pickle.loads(pickle.dumps(found))
        assert again.table == found.table
        assert repr(again) == repr(found)
        assert repr(found).startswith(f"{type(found).__name__}({len(found)} ")
        assert found._repr_html_().startswith("<table>")
        assert found.market_id == "binance-usdm/2024-10-01"
        assert not found.unpriced.any()


def test_results_leave_as_arrow(book: xm.Book, prices: xm.Prices) -> None:
    pa = pytest.importorskip("pyarrow")
    for found in results(book, prices):
        table = pa.table(found)
        assert tuple(table.column_names) == found.columns
        assert table.num_rows == len(found)
    assert pa.table(xm.liquidation_prices(book, prices))["above"].to_pylist()[0] is None


def test_results_are_not_made_by_hand_and_name_their_columns(book: xm.Book, prices: xm.Prices) -> None:
    for found in results(book, prices):
        with pytest.raises(xm.ArgumentError):
            type(found)()
        with pytest.raises(xm.ArgumentError) as refused:
            found["nothing"]
        assert str(refused.value) == f"there is no column 'nothing'; there are {', '.join(found.columns)}"


# what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"along": "time"}, "along was 'time', expected 'instrument' or 'underlying'"),
        ({"along": 3}, "along was 3, expected 'instrument' or 'underlying'"),
        (
            {"along": "underlying", "outputs": ("below",)},
            'outputs was given, which is of along="instrument": leave it out',
        ),
        ({"along": "underlying", "out": {}}, 'out was given, which is of along="instrument": leave it out'),
        (
            {"outputs": "nothing"},
            "outputs named 'nothing', which is no output; there are below, above, liquidation_price, "
            "bankruptcy_price, liquidatable",
        ),
        ({"outputs": 3}, 'outputs was of type int, expected names of outputs, or "all"'),
        ({"missing": "drop"}, 'missing was "drop", expected "raise" or "null"'),
        ({"missing": 3}, "missing was of type int, expected text"),
        ({"n_threads": 0}, "n_threads was 0, expected an integer from 1 to 1024, or None"),
        (
            {"out": {"below": [1.0]}, "outputs": "below"},
            "out[below] was of type list, expected a writable C-contiguous float64 array of one dimension",
        ),
    ],
)
def test_liquidation_prices_odd_arguments_are_refused(
    book: xm.Book, prices: xm.Prices, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xm.ArgumentError) as refused:
        xm.liquidation_prices(book, prices, **options)
    assert str(refused.value) == message


def test_liquidation_prices_of_what_is_no_book_are_refused(book: xm.Book, prices: xm.Prices) -> None:
    for question in (xm.liquidation_prices, lambda b, p: xm.liquidation_prices(b, p, "underlying"), xm.contribution):
        with pytest.raises(xm.ArgumentError) as refused:
            question(prices, prices)  # type: ignore[arg-type]
        assert str(refused.value) == "book was of type Prices, expected Book"
        with pytest.raises(xm.ArgumentError) as refused:
            question(book, book)  # type: ignore[arg-type]
        assert str(refused.value) == "prices was of type Book, expected Prices"
    for shock in ("all_down", {"BTC": -1}):
        with pytest.raises(xm.ArgumentError) as refused:
            xm.liquidation_distance(3, prices, shock)  # type: ignore[arg-type]
        assert str(refused.value) == "book was of type int, expected Book"


def test_liquidation_prices_of_another_market_are_refused(book: xm.Book, textbook: xm.Market) -> None:
    prices = textbook.prices(mark={"BTCUSDT": 1.0})
    for question in (
        lambda: xm.liquidation_prices(book, prices),
        lambda: xm.liquidation_prices(book, prices, along="underlying"),
        lambda: xm.liquidation_distance(book, prices, "all_down"),
        lambda: xm.critical_move(book, prices, 1.0),
        lambda: xm.contribution(book, prices),
    ):
        with pytest.raises(xm.ArgumentError, match="were made for market"):
            question()
