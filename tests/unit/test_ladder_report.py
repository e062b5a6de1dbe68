"""The liquidation ladder: its steps, its sums, the picture, and what is refused."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import crossmargin as xm

PRICE = 60_000.0


def made(n: int = 40, seed: int = 1) -> tuple[xm.Book, xm.Prices]:
    rng = np.random.default_rng(seed)
    market = xm.load_market("textbook")
    accounts = np.arange(n)
    book = xm.Book(
        market,
        balances={
            "account": accounts,
            "asset": ["USDT"] * n,
            "wallet_balance": rng.uniform(300.0, 5_000.0, n).round(2),
        },
        positions={
            "account": accounts,
            "instrument": ["BTCUSDT"] * n,
            "quantity": rng.choice([-0.1, 0.1, 0.2], n),
            "entry_price": rng.uniform(57_000.0, 63_000.0, n).round(1),
        },
    )
    return book, market.prices(mark={"BTCUSDT": PRICE})


@pytest.fixture(scope="module")
def drawn() -> tuple[xm.Book, xm.Prices]:
    return made()


def test_ladder_steps_are_the_pools_that_fail_nearest_first(drawn: tuple[xm.Book, xm.Prices]) -> None:
    book, prices = drawn
    found = xm.liquidation_prices(book, prices, along="underlying")
    steps = xm.report.ladder(book, prices, "BTC")
    for side in ("below", "above"):
        table = steps.side(side)
        ends = found[side][table["pool"]]
        assert table["price"].tolist() == ends.tolist()
        assert sorted(np.abs(ends - PRICE)) == np.abs(ends - PRICE).tolist()
        assert table["cumulative"].tolist() == np.cumsum(table["notional"]).tolist()
        assert set(table["pool"]) == set(np.flatnonzero(~np.isnan(found[side]) & ~found.liquidatable))
    assert steps.n_liquidatable == int(found.liquidatable.sum()) > 0
    assert len(steps) == len(steps.table)


def test_ladder_at_a_price_counts_what_scoring_finds_there(drawn: tuple[xm.Book, xm.Prices]) -> None:
    book, prices = drawn
    steps = xm.report.ladder(book, prices, "BTC")
    notional = xm.score(book, prices, "notional").notional
    now = xm.score(book, prices).liquidatable
    for row in steps.at((-0.4, -0.1, -0.02, 0.03, 0.3)).rows():
        then = xm.score(book, book.market.prices(mark={"BTCUSDT": row["price"]})).liquidatable & ~now
        assert row["n_pools"] == int(then.sum())
        assert row["notional"] == pytest.approx(float(notional[then].sum()))


def test_ladder_of_several_assets_is_stated_in_one() -> None:
    market = xm.Market.from_toml(
        'extends = "binance-usdm/2024-10-01"\npreset = "both"\nas_of = 2024-10-01\n',
    )
    book = xm.Book(
        market,
        balances={"account": [1, 1], "asset": ["USDT", "USDC"], "wallet_balance": [1_000.0, 1_000.0]},
        positions={
            "account": [1, 1],
            "instrument": ["BTCUSDT", "BTCUSDC"],
            "quantity": [0.1, 0.1],
            "entry_price": [PRICE, PRICE],
        },
    )
    prices = market.prices(mark={"BTCUSDT": PRICE, "BTCUSDC": PRICE}, index={"USDC": 0.5})
    in_usdt = xm.report.ladder(book, prices, "BTC")
    assert (in_usdt.valuation, in_usdt.side("below")["notional"].tolist()) == ("USDT", [6_000.0, 3_000.0])
    in_usdc = xm.report.ladder(book, prices, "BTC", valuation="USDC")
    assert in_usdc.side("below")["notional"].tolist() == [12_000.0, 6_000.0]


def test_ladder_unpriced_pools_are_left_out(usdm: xm.Market) -> None:
    book = xm.Book(
        usdm,
        balances={"account": [1, 2], "asset": ["USDT"] * 2, "wallet_balance": [500.0, 500.0]},
        positions={
            "account": [1, 2, 2],
            "instrument": ["BTCUSDT", "BTCUSDT", "ETHUSDT"],
            "quantity": [0.1, 0.1, 1.0],
            "entry_price": [PRICE, PRICE, 2_500.0],
        },
    )
    prices = usdm.prices(mark={"BTCUSDT": PRICE})
    with pytest.raises(xm.MissingPriceError):
        xm.report.ladder(book, prices, "BTC")
    assert xm.report.ladder(book, prices, "BTC", missing="null").side("below")["pool"].tolist() == [0]
    with pytest.raises(xm.ArgumentError) as refused:
        xm.report.ladder(book, prices, "ETH", missing="null")
    assert str(refused.value) == "underlying was 'ETH', and every pool that depends on it lacks a price"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"underlying": "ETH"}, "underlying was 'ETH', on which no pool depends; there are BTC"),
        ({"underlying": 3}, "underlying was of type int, expected text"),
        ({"book": None}, "book was of type NoneType, expected Book"),
        ({"prices": 1}, "prices was of type int, expected Prices"),
        ({"valuation": "EUR"}, 'valuation was "EUR", which is no asset of the market'),
    ],
)
def test_ladder_of_what_is_not_there_is_refused(
    drawn: tuple[xm.Book, xm.Prices], change: dict[str, Any], message: str
) -> None:
    book, prices = drawn
    given = {"book": book, "prices": prices, "underlying": "BTC", "valuation": None} | change
    with pytest.raises(xm.ArgumentError) as refused:
        xm.report.ladder(given["book"], given["prices"], given["underlying"], valuation=given["valuation"])
    assert str(refused.value) == message


# pictures


def test_ladder_svg_is_a_document_of_its_own(drawn: tuple[xm.Book, xm.Prices]) -> None:
    svg = xm.report.ladder(*drawn, "BTC").svg()
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    paths = [element.get("d", "") for element in root.iter("{http://www.w3.org/2000/svg}path")]
    assert len(paths) == 2
    assert all(path.startswith("M") and path.endswith("Z") for path in paths)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "now 60,000" in texts
    assert "nan" not in svg
    outside = svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in outside
    assert "script" not in outside


def test_ladder_svg_of_the_same_numbers_is_the_same_text(drawn: tuple[xm.Book, xm.Prices]) -> None:
    assert xm.report.ladder(*drawn, "BTC").svg() == xm.report.ladder(*made(), "BTC").svg()


def test_ladder_svg_of_many_pools_stays_small() -> None:
    assert len(xm.report.ladder(*made(20_000, 2), "BTC").svg()) < 40_000


def test_ladder_where_nothing_fails_is_still_drawn() -> None:
    market = xm.load_market("textbook")
    book = xm.Book(
        market,
        balances=[{"account": 1, "asset": "USDT", "wallet_balance": 1e6}],
        positions=[{"account": 1, "instrument": "BTCUSDT", "quantity": 0.1, "entry_price": PRICE}],
    )
    steps = xm.report.ladder(book, market.prices(mark={"BTCUSDT": PRICE}), "BTC")
    assert len(steps) == 0
    assert steps.at()["n_pools"].tolist() == [0] * 10
    ET.fromstring(steps.svg())


class Tags(HTMLParser):
    """The tags that a page opens, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_ladder_html_is_a_page_with_a_table(drawn: tuple[xm.Book, xm.Prices]) -> None:
    steps = xm.report.ladder(*drawn, "BTC")
    page = steps.html()
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.rows) == ([], 11)
    assert steps.svg().rstrip() in page
    assert steps._repr_svg_() == steps.svg()
    assert repr(steps).startswith("Ladder(BTC at 60,000: ")


def test_ladder_leaves_as_arrow(drawn: tuple[xm.Book, xm.Prices]) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table(xm.report.ladder(*drawn, "BTC"))
    assert table.column_names == ["side", "price", "pool", "notional", "cumulative"]
